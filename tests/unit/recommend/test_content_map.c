/* The map from contents into an item space. Expected values: sklearn.linear_model.Ridge(alpha=3) in
 * double precision, on the same numbers from the same generator. */
#include "cases.h"

#include "apps/recommend/content_map.h"

enum { N = 61, D = 3, FITTED = 60 };

typedef struct made {
    tdl_content_code code[N];
    float vector[N * D];
    uint32_t events[N];
} made;

/* x <- 1664525 x + 1013904223 mod 2^32, the upper 16 bits. */
static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

static void make(made *m)
{
    uint32_t state = 12345;

    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < TDL_CONTENT_D; k++)
            m->code[i].cell[k] = (int8_t)((int)(next(&state) % 255) - 127);
        for (size_t b = 0; b < TDL_CONTENT_BLOCKS_N; b++)
            m->code[i].scale[b] = 1.0F / 128;
        m->events[i] = 20;
    }
    for (size_t i = 0; i < (size_t)N * D; i++)
        m->vector[i] = (float)(((double)(next(&state) % 2001) - 1000) / 1000);
}

static tdl_content_space space_of(const made *m, size_t n)
{
    return (tdl_content_space){m->code, m->vector, m->events, n, D};
}

static void the_reference_prediction_is_found(void **state)
{
    static const double expected[D] = {0.28728634, -0.24883668, -0.12543932},
                        intercept[D] = {0.06871079, -0.00557266, 0.01530167},
                        of_cell_0[D] = {0.00959838, -0.01282308, -0.04010831};
    made m;
    tdl_report why = {0};
    tdl_content_map *map = NULL;
    float found[D];

    TDL_UNUSED(state);
    make(&m);
    tdl_content_space space = space_of(&m, FITTED);
    expect_ok(tdl_content_map_fit(&space, 3, NULL, &map, &why), &why);
    tdl_content_map_apply(map, &m.code[FITTED], found);
    for (size_t k = 0; k < D; k++) {
        expect_near((double)found[k], expected[k], 2e-6);
        expect_near((double)map->matrix[TDL_CONTENT_D * D + k], intercept[k], 2e-6);
        expect_near((double)map->matrix[k], of_cell_0[k], 2e-6);
    }
    expect_near(map->explained, -0.10480615226854151, 2e-5); // of every fourth item
    assert_int_equal(map->items_n, FITTED);
    assert_int_equal(map->events_least, 20);
    tdl_content_map_free(map);
}

static void the_pool_changes_no_bit(void **state)
{
    made m;
    tdl_report why = {0};
    tdl_content_map *alone = NULL, *many = NULL;
    tdl_pool *pool = tdl_pool_new(3);

    TDL_UNUSED(state);
    make(&m);
    tdl_content_space space = space_of(&m, N);
    expect_ok(tdl_content_map_fit(&space, 0, NULL, &alone, &why), &why);
    expect_ok(tdl_content_map_fit(&space, 0, pool, &many, &why), &why);
    assert_memory_equal(alone->matrix, many->matrix,
                        (TDL_CONTENT_D + 1) * D * sizeof *alone->matrix);
    assert_memory_equal(&alone->weights, &many->weights, sizeof alone->weights);
    tdl_content_map_free(alone);
    tdl_content_map_free(many);
    tdl_pool_free(pool);
}

/* Vectors that are a function of the tags alone: a title of noise is given less weight. */
static void what_says_nothing_of_the_vectors_loses_weight(void **state)
{
    enum { ITEMS = 400 };
    tdl_content_code *code = calloc(ITEMS, sizeof *code);
    float *vector = calloc(ITEMS * D, sizeof *vector);
    uint32_t events[ITEMS], random = 7;
    tdl_content_map *map = NULL;
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < ITEMS; i++) {
        char title[64], kept[64];
        size_t tag = i % 5;
        snprintf(title, sizeof title, "w%u q%u", next(&random) % 997, next(&random) % 997);
        snprintf(kept, sizeof kept, "{\"$tags\": [\"t%zu\"]}", tag);
        tdl_content_encode(tdl_str_of(title), tdl_str_of(kept), NULL, &code[i]);
        for (size_t k = 0; k < D; k++)
            vector[i * D + k] = (float)((tag * 7 + k * 3) % 5) - 2;
        events[i] = 25;
    }
    tdl_content_space space = {code, vector, events, ITEMS, D};
    expect_ok(tdl_content_map_fit(&space, 0, NULL, &map, &why), &why);
    assert_true(map->explained > .98);
    assert_true(map->weights.block[TDL_CONTENT_LABELS] > map->weights.block[TDL_CONTENT_TEXT]);
    tdl_content_map_free(map);
    free(code);
    free(vector);
}

static void fewer_events_do_where_few_items_have_many(void **state)
{
    made m;
    tdl_report why = {0};
    tdl_content_map *map = NULL;

    TDL_UNUSED(state);
    make(&m);
    for (size_t i = 0; i < N; i++)
        m.events[i] = i < 30 ? 20 : 6; // thirty are fewer than fifty: those with 5 count too
    tdl_content_space space = space_of(&m, N);
    expect_ok(tdl_content_map_fit(&space, 3, NULL, &map, &why), &why);
    assert_int_equal(map->events_least, 5);
    assert_int_equal(map->items_n, N);
    tdl_content_map_free(map);
}

static void too_few_described_items_are_refused_with_what_to_do(void **state)
{
    made m;
    tdl_report why = {0};
    tdl_content_map *map = NULL;

    TDL_UNUSED(state);
    make(&m);
    for (size_t i = 9; i < N; i++)
        m.events[i] = 0;
    tdl_content_space space = space_of(&m, N);
    assert_int_equal(tdl_content_map_fit(&space, 3, NULL, &map, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "9 items"));
    assert_non_null(strstr(why.hint, "catalogue"));
    make(&m);
    m.vector[5] = NAN;
    assert_int_equal(tdl_content_map_fit(&space, 3, NULL, &map, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "not finite"));
    assert_null(map);
}

/* (W' x + b) . w = x . (W w) + b . w */
static void a_person_meets_codes_as_he_meets_their_vectors(void **state)
{
    static const tdl_content_weights all_one = {{1, 1, 1, 1}};
    static const float w[D] = {.5F, -2, 1.25F};
    made m;
    tdl_report why = {0};
    tdl_content_map *map = NULL;
    float towards[TDL_CONTENT_D], constant, x[TDL_CONTENT_D], mapped[D];

    TDL_UNUSED(state);
    make(&m);
    tdl_content_space space = space_of(&m, N);
    expect_ok(tdl_content_map_fit(&space, 3, NULL, &map, &why), &why);
    tdl_content_map_towards(map, w, towards, &constant);
    for (size_t i = 0; i < 10; i++) {
        double found = (double)constant, expected = 0;
        tdl_content_unpack(&m.code[i], &all_one, x);
        tdl_content_map_apply(map, &m.code[i], mapped);
        for (size_t k = 0; k < TDL_CONTENT_D; k++)
            found += (double)towards[k] * (double)x[k];
        for (size_t k = 0; k < D; k++)
            expected += (double)mapped[k] * (double)w[k];
        expect_near(found, expected, 2e-5);
    }
    tdl_content_map_free(map);
}

/* ---- files ---- */

static tdl_st_file *file_of(tdl_content_map *map, tdl_buf *bytes)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_st_file *file = NULL;
    tdl_report why = {0};

    tdl_content_map_save(map, "x", writer);
    expect_ok(tdl_st_encode(writer, bytes, &why), &why);
    tdl_st_writer_free(writer);
    expect_ok(tdl_st_parse(tdl_buf_view(bytes), &file, &why), &why);
    return file;
}

static void a_map_comes_back_from_its_file(void **state)
{
    made m;
    tdl_report why = {0};
    tdl_content_map *map = NULL, *back = NULL;
    tdl_buf bytes = {0};

    TDL_UNUSED(state);
    make(&m);
    tdl_content_space space = space_of(&m, N);
    expect_ok(tdl_content_map_fit(&space, 0, NULL, &map, &why), &why);
    map->kappa = 3;
    tdl_st_file *file = file_of(map, &bytes);
    expect_ok(tdl_content_map_load(file, "x", D, &back, &why), &why);
    assert_memory_equal(map->matrix, back->matrix, (TDL_CONTENT_D + 1) * D * sizeof *map->matrix);
    assert_memory_equal(&map->weights, &back->weights, sizeof map->weights);
    expect_near(back->kappa, 3, 0);
    expect_near(back->explained, map->explained, 0);
    tdl_content_map_free(back);
    back = NULL;
    assert_int_equal(tdl_content_map_load(file, "x", D + 1, &back, &why), TDL_E_CORRUPT);
    assert_int_equal(tdl_content_map_load(file, "y", D, &back, &why), TDL_E_CORRUPT);
    assert_null(back);
    tdl_st_free(file);
    tdl_buf_release(&bytes);
    tdl_content_map_free(map);
}

static void a_map_that_is_not_finite_is_refused(void **state)
{
    made m;
    tdl_report why = {0};
    tdl_content_map *map = NULL, *back = NULL;

    TDL_UNUSED(state);
    make(&m);
    tdl_content_space space = space_of(&m, N);
    expect_ok(tdl_content_map_fit(&space, 3, NULL, &map, &why), &why);
    float whole = map->matrix[7];
    for (int bad = 0; bad < 3; bad++) {
        tdl_buf bytes = {0};
        map->matrix[7] = bad == 0 ? INFINITY : whole;
        map->kappa = bad == 1 ? (double)NAN : 0;
        map->weights.block[0] = bad == 2 ? -1.0F : 1;
        tdl_st_file *file = file_of(map, &bytes);
        assert_int_equal(tdl_content_map_load(file, "x", D, &back, &why), TDL_E_CORRUPT);
        assert_null(back);
        tdl_st_free(file);
        tdl_buf_release(&bytes);
    }
    tdl_content_map_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_prediction_is_found),
        cmocka_unit_test(the_pool_changes_no_bit),
        cmocka_unit_test(what_says_nothing_of_the_vectors_loses_weight),
        cmocka_unit_test(fewer_events_do_where_few_items_have_many),
        cmocka_unit_test(too_few_described_items_are_refused_with_what_to_do),
        cmocka_unit_test(a_person_meets_codes_as_he_meets_their_vectors),
        cmocka_unit_test(a_map_comes_back_from_its_file),
        cmocka_unit_test(a_map_that_is_not_finite_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
