/* EASE. Expected values: r2_ease.json of the project's references, double precision, where B was
 * checked against the column-wise ridge with that coordinate left out. */
#include "reference.h"

#include "apps/recommend/ease.h"

enum { ROWS = 6, ITEMS = 5 };

/* X of r2_ease.json: what each of six people had, all at one time each. */
static const size_t offsets[] = {0, 3, 5, 8, 11, 14, 16};
static const int32_t item[] = {0, 1, 4, 1, 2, 0, 2, 3, 1, 3, 4, 0, 1, 2, 2, 3};
static const int64_t time_us[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
static const tdl_interactions six = {ROWS, ITEMS, offsets, item, time_us};
static const tdl_fit_data all_six = {&six, offsets + 1};

static tdl_ease *fit(const tdl_ease_params *params, const tdl_fit_data *data, tdl_pool *pool)
{
    tdl_ease *model = NULL;
    tdl_report why = {0};

    expect_ok(tdl_ease_fit(params, data, pool, &model, &why), &why);
    return model;
}

static void expect_x(const json_t *x)
{
    for (size_t u = 0; u < ROWS; u++) {
        double row[ITEMS] = {0};
        for (size_t i = offsets[u]; i < offsets[u + 1]; i++)
            row[item[i]] = 1;
        for (size_t i = 0; i < ITEMS; i++)
            expect_near(number_at(json_array_get(x, u), i), row[i], 0);
    }
}

static void the_reference_matrix_and_scores_are_found(void **state)
{
    json_t *reference = read_reference("r2_ease.json");
    tdl_ease_params params = {.lambda = number_of(reference, "lam")};
    tdl_ease *model = fit(&params, &all_six, NULL);
    tdl_arena *scratch = tdl_arena_new(1 << 16);
    float scores[ROWS * ITEMS];

    TDL_UNUSED(state);
    expect_x(json_object_get(reference, "X"));
    assert_false(model->in_double);
    expect_matrix(model->b, json_object_get(reference, "B"), ITEMS, 2e-7);
    for (size_t i = 0; i < ITEMS; i++)
        expect_near((double)model->diagonal[i],
                    number_at(json_array_get(json_object_get(reference, "P"), i), i), 1e-7);
    for (size_t u = 0; u < ROWS; u++) {
        tdl_history history = tdl_fit_history(&all_six, u);
        assert_int_equal(tdl_ease_score(model, &history, scratch, scores + u * ITEMS), TDL_OK);
    }
    expect_matrix(scores, json_object_get(reference, "scores"), ITEMS, 3e-7);
    tdl_arena_free(scratch);
    tdl_ease_free(model);
    json_decref(reference);
}

/* The reference has P after a rank-one update; the next fit comes to the same. */
static void a_row_that_came_is_in_the_next_fit(void **state)
{
    static const size_t more_offsets[] = {0, 3, 5, 8, 11, 14, 16, 18};
    static const int32_t more_item[] = {0, 1, 4, 1, 2, 0, 2, 3, 1, 3, 4, 0, 1, 2, 2, 3, 0, 4};
    static const int64_t at_once[18] = {0};
    static const tdl_interactions seven = {ROWS + 1, ITEMS, more_offsets, more_item, at_once};
    json_t *reference = read_reference("r2_ease.json");
    tdl_ease_params params = {.lambda = number_of(reference, "lam")};
    tdl_ease *model = fit(&params, &(tdl_fit_data){&seven, more_offsets + 1}, NULL);

    TDL_UNUSED(state);
    for (size_t i = 0; i < ITEMS; i++)
        expect_near(number_at(json_object_get(reference, "append_user_row"), i), i == 0 || i == 4,
                    0);
    expect_matrix(model->b, json_object_get(reference, "B_after"), ITEMS, 3e-7);
    for (size_t i = 0; i < ITEMS; i++)
        expect_near((double)model->diagonal[i],
                    number_at(json_array_get(json_object_get(reference, "P_after"), i), i), 1e-7);
    tdl_ease_free(model);
    json_decref(reference);
}

/* With baskets as rows, one person's six baskets are what six people with one each are. */
static void baskets_are_rows(void **state)
{
    static const size_t one[] = {0, 16};
    static const int64_t times[] = {1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6};
    const tdl_interactions together = {1, ITEMS, one, item, times};
    tdl_ease_params people = {.lambda = 2.5}, baskets = {.lambda = 2.5, .baskets = true};
    tdl_ease *a = fit(&people, &all_six, NULL);
    tdl_ease *b = fit(&baskets, &(tdl_fit_data){&together, one + 1}, NULL);

    TDL_UNUSED(state);
    assert_memory_equal(a->b, b->b, ITEMS * ITEMS * sizeof *a->b);
    tdl_ease_free(a);
    tdl_ease_free(b);
}

/* s = x B with x = recency^age over the last two groups: .5 B_3 + 1 B_1; item 0 is too old. */
static void a_window_weighs_groups_by_age(void **state)
{
    static const int32_t asked[] = {0, 3, 1};
    static const int64_t times[] = {1, 2, 3};
    tdl_ease_params params = {.lambda = 2.5, .recent = 2, .recency = .5};
    tdl_ease *model = fit(&params, &all_six, NULL);
    tdl_arena *scratch = tdl_arena_new(1 << 16);
    float scores[ITEMS];

    TDL_UNUSED(state);
    assert_int_equal(tdl_ease_score(model, &(tdl_history){asked, times, 3}, scratch, scores),
                     TDL_OK);
    for (size_t j = 0; j < ITEMS; j++)
        expect_near((double)scores[j],
                    .5 * (double)model->b[3 * ITEMS + j] + (double)model->b[1 * ITEMS + j], 1e-7);
    tdl_arena_free(scratch);
    tdl_ease_free(model);
}

/* Items 0 and 1 always come together, so X'X + lambda I is all but singular, and in f32 singular:
 * 6 + 1e-8 is 6. By hand: P = [[a, b], [b, a]], a = (6 + l)/((6 + l)^2 - 36), b = -6/(the same), so
 * B_01 = 6/(6 + l). */
static void what_f32_cannot_factor_is_done_in_double(void **state)
{
    static const size_t each[] = {0, 2, 4, 6, 8, 10, 12};
    static const int32_t pairs[] = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
    static const int64_t zero[12] = {0};
    const tdl_interactions twins = {6, 2, each, pairs, zero};
    tdl_ease_params params = {.lambda = 1e-8};
    tdl_ease *model = fit(&params, &(tdl_fit_data){&twins, each + 1}, NULL);

    TDL_UNUSED(state);
    assert_true(model->in_double);
    expect_near((double)model->b[1], 1, 1e-6);
    expect_near((double)model->b[2], 1, 1e-6);
    assert_true(model->b[0] == 0 && model->b[3] == 0);
    tdl_ease_free(model);
}

static void too_many_items_are_refused_with_the_bytes_they_want(void **state)
{
    tdl_ease_params params = {.lambda = 2.5, .bytes_max = 99};
    tdl_ease *model = NULL;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_ease_fit(&params, &all_six, NULL, &model, &why), TDL_E_TOO_LARGE);
    assert_non_null(strstr(why.message, "5 items want 100 bytes, the limit is 99"));
    assert_null(model);
    params.bytes_max = 100;
    tdl_ease_free(fit(&params, &all_six, NULL));
    params.lambda = 0;
    assert_int_equal(tdl_ease_fit(&params, &all_six, NULL, &model, &why), TDL_E_INVALID);
}

/* 40 people over 700 items: several blocks of the factor. */
static void threads_do_not_change_a_bit(void **state)
{
    enum { PEOPLE = 40, EACH = 30, MANY = 700 };
    static size_t bounds[PEOPLE + 1];
    static int32_t had[PEOPLE * EACH];
    static int64_t times[PEOPLE * EACH];
    const tdl_interactions crowd = {PEOPLE, MANY, bounds, had, times};
    tdl_ease_params params = {.lambda = 10};
    tdl_pool *pool = tdl_pool_new(3);

    TDL_UNUSED(state);
    for (size_t u = 0; u < PEOPLE; u++)
        for (size_t i = 0; i < EACH; i++) {
            had[u * EACH + i] = (int32_t)((u * 37 + i * (u % 7 + 3)) % MANY);
            bounds[u + 1] = (u + 1) * EACH;
        }
    tdl_fit_data data = {&crowd, bounds + 1};
    tdl_ease *alone = fit(&params, &data, NULL), *shared = fit(&params, &data, pool);
    assert_memory_equal(alone->b, shared->b, sizeof(float) * MANY * MANY);
    tdl_ease_free(alone);
    tdl_ease_free(shared);
    tdl_pool_free(pool);
}

/* Terms are x_i B_ij; those that speak for the item are told, as shares of their sum. */
static void the_rung_explains_by_the_terms_of_its_sum(void **state)
{
    void *model = fit_all(&tdl_rung_ease, &six);
    float b[ITEMS], sum[ITEMS], one[ITEMS];
    const int32_t asked[] = {0, 1};
    tdl_reason reasons[4];

    TDL_UNUSED(state);
    score(&tdl_rung_ease, model, asked, 2, sum);
    score(&tdl_rung_ease, model, asked, 1, one);
    score(&tdl_rung_ease, model, asked + 1, 1, b);
    expect_near((double)sum[4], (double)(one[4] + b[4]), 1e-8);
    assert_int_equal(explain(&tdl_rung_ease, model, asked, 2, 4, reasons, 4), 2);
    assert_int_equal(reasons[0].at, 1);
    assert_true(reasons[0].exact);
    expect_near(reasons[0].share, (double)(b[4] / sum[4]), 1e-6);
    expect_near(reasons[0].share + reasons[1].share, 1, 1e-12);
    assert_int_equal(explain(&tdl_rung_ease, model, asked, 0, 4, reasons, 4), 0);
    tdl_rung_ease.free(model);
}

static void what_is_loaded_scores_as_what_was_saved(void **state)
{
    void *model = fit_all(&tdl_rung_ease, &six), *loaded = reload(&tdl_rung_ease, model, ITEMS);
    const int32_t asked[] = {2, 3};
    float before[ITEMS], after[ITEMS];

    TDL_UNUSED(state);
    score(&tdl_rung_ease, model, asked, 2, before);
    score(&tdl_rung_ease, loaded, asked, 2, after);
    assert_memory_equal(before, after, sizeof before);
    tdl_rung_ease.free(model);
    tdl_rung_ease.free(loaded);
}

/* Files as hostile hands would write them. */
static void refuse_file(const double *settings, size_t settings_n, const float *b, size_t rows,
                        const float *diagonal, const char *expected)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_st_file *file = NULL;
    tdl_buf bytes = {.limit = 1 << 20};
    tdl_report why = {0};
    void *model = NULL;

    tdl_st_add_1d(writer, "ease/settings", TDL_F64, settings_n, settings);
    tdl_st_add_1d(writer, "ease/diagonal", TDL_F32, 2, diagonal);
    tdl_st_add(writer, "ease/b", TDL_F32, 2, (size_t[]){rows, 2}, b);
    expect_ok(tdl_st_encode(writer, &bytes, &why), &why);
    expect_ok(tdl_st_parse(tdl_buf_view(&bytes), &file, &why), &why);
    assert_int_equal(tdl_rung_ease.load(file, 2, &model, &why), TDL_E_CORRUPT);
    if (!strstr(why.message, expected))
        fail_msg("\"%s\" does not say \"%s\"", why.message, expected);
    assert_null(model);
    tdl_st_free(file);
    tdl_st_writer_free(writer);
    tdl_buf_release(&bytes);
}

static void damaged_files_are_refused(void **state)
{
    const double good[] = {10, 0, 0, 1, 0}, window[] = {10, 0, 1e9, 1, 0},
                 lambda[] = {(double)NAN, 0, 0, 1, 0};
    const float b[] = {0, 1, 1, 0}, bad[] = {0, 1, INFINITY, 0}, ones[] = {1, 1}, zero[] = {1, 0};

    TDL_UNUSED(state);
    refuse_file(good, 4, b, 2, ones, "ease/settings");
    refuse_file(window, 5, b, 2, ones, "ease/settings");
    refuse_file(lambda, 5, b, 2, ones, "ease/settings");
    refuse_file(good, 5, b, 1, ones, "ease/b is [1][2]");
    refuse_file(good, 5, bad, 2, ones, "row 1, column 0 is not finite");
    refuse_file(good, 5, b, 2, zero, "ease/diagonal: value 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_matrix_and_scores_are_found),
        cmocka_unit_test(a_row_that_came_is_in_the_next_fit),
        cmocka_unit_test(baskets_are_rows),
        cmocka_unit_test(a_window_weighs_groups_by_age),
        cmocka_unit_test(what_f32_cannot_factor_is_done_in_double),
        cmocka_unit_test(too_many_items_are_refused_with_the_bytes_they_want),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(the_rung_explains_by_the_terms_of_its_sum),
        cmocka_unit_test(what_is_loaded_scores_as_what_was_saved),
        cmocka_unit_test(damaged_files_are_refused),
    };
    return cmocka_run_group_tests_name("recommend/ease", tests, NULL, NULL);
}
