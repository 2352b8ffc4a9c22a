#include "cases.h"

#include "apps/recommend/sparse.h"
#include "base/rng.h"

/* Three users: 0 1 2 | 1 2 | 2. */
static const size_t offsets[] = {0, 3, 5, 6};
static const int32_t item[] = {0, 1, 2, 1, 2, 2};
static const int64_t time_us[] = {0, 1, 2, 0, 1, 0};
static const tdl_interactions three = {3, 4, offsets, item, time_us};

/* Each occurrence of an item gives 1 to every item of that user, itself included. */
static void pair_up(const void *context, const tdl_fit_data *data, size_t user, size_t at,
                    tdl_row *row)
{
    TDL_UNUSED(context);
    TDL_UNUSED(at);
    for (size_t i = data->all->offsets[user]; i < data->end[user]; i++)
        tdl_row_add(row, data->all->item[i], 1);
}

static void halve(const void *context, int32_t row, const int32_t *column, double *value, size_t n)
{
    TDL_UNUSED(context);
    TDL_UNUSED(row);
    TDL_UNUSED(column);
    for (size_t i = 0; i < n; i++)
        value[i] /= 2;
}

static tdl_sparse fit(const tdl_interactions *all, const size_t *end, tdl_sparse_recipe recipe,
                      tdl_pool *pool)
{
    tdl_fit_data data = {all, end};
    tdl_fit_options options = {.pool = pool};
    tdl_sparse matrix = {0};
    tdl_report why = {0};

    recipe.occurrence = pair_up;
    expect_ok(tdl_sparse_fit(&data, &recipe, &options, &matrix, &why), &why);
    return matrix;
}

static void a_row_is_the_sum_of_what_each_occurrence_adds(void **state)
{
    /* users of each pair, counted by hand */
    const float expected[4][4] = {{1, 1, 1, 0}, {1, 2, 2, 0}, {1, 2, 3, 0}, {0, 0, 0, 0}};
    tdl_sparse matrix = fit(&three, offsets + 1, (tdl_sparse_recipe){0}, NULL);

    TDL_UNUSED(state);
    for (int32_t i = 0; i < 4; i++)
        for (int32_t j = 0; j < 4; j++)
            assert_true(tdl_sparse_at(&matrix, i, j) == expected[i][j]);
    tdl_sparse_release(&matrix);
}

static void what_lies_behind_the_end_of_a_history_is_not_seen(void **state)
{
    const size_t end[] = {2, 3, 6}; /* 0 1 | nothing | 2 */
    tdl_sparse matrix = fit(&three, end, (tdl_sparse_recipe){0}, NULL);

    TDL_UNUSED(state);
    assert_true(tdl_sparse_at(&matrix, 0, 1) == 1);
    assert_true(tdl_sparse_at(&matrix, 1, 2) == 0);
    assert_true(tdl_sparse_at(&matrix, 2, 2) == 1);
    tdl_sparse_release(&matrix);
}

static void only_the_largest_entries_of_a_row_are_kept(void **state)
{
    tdl_sparse matrix = fit(&three, offsets + 1, (tdl_sparse_recipe){.keep = 2}, NULL);

    TDL_UNUSED(state);
    assert_true(tdl_sparse_at(&matrix, 2, 2) == 3);
    assert_true(tdl_sparse_at(&matrix, 2, 1) == 2);
    assert_true(tdl_sparse_at(&matrix, 2, 0) == 0);
    assert_true(tdl_sparse_at(&matrix, 0, 0) == 1); /* a tie: the lower numbers stay */
    assert_true(tdl_sparse_at(&matrix, 0, 2) == 0);
    tdl_sparse_release(&matrix);
}

/* Against the definition: how many are larger, or equal with a lower number. */
static void a_cut_keeps_the_largest_and_of_equal_ones_the_lower_numbers(void **state)
{
    enum { N = 900, KEEP = 256 };
    int64_t *offsets_of = calloc(N + 1, sizeof *offsets_of);
    int32_t *column = malloc(N * sizeof *column);
    float *value = malloc(N * sizeof *value), was[N];
    tdl_sparse matrix = {N, offsets_of, column, value};
    tdl_report why = {0};
    size_t kept = 0;

    TDL_UNUSED(state);
    assert_true(offsets_of && column && value);
    for (int32_t i = 0; i < N; i++) {
        column[i] = i;
        was[i] = value[i] = (float)(1 + i * 7919 % 61) / 7;
        offsets_of[i + 1] = N; // all of it is row 0
    }
    assert_int_equal(tdl_sparse_cut(&matrix, KEEP, &why), TDL_OK);
    assert_int_equal(matrix.offsets[1], KEEP);
    for (int32_t i = 0; i < N; i++) {
        size_t before = 0;
        for (int32_t j = 0; j < N; j++)
            before += was[j] > was[i] || (was[j] == was[i] && j < i);
        if (before < KEEP) {
            assert_int_equal(column[kept], i);
            assert_true(value[kept++] == was[i]);
        }
    }
    assert_int_equal(kept, KEEP);
    tdl_sparse_release(&matrix);
}

static void finish_may_change_the_sums(void **state)
{
    tdl_sparse matrix = fit(&three, offsets + 1, (tdl_sparse_recipe){.finish = halve}, NULL);

    TDL_UNUSED(state);
    assert_true(tdl_sparse_at(&matrix, 2, 1) == 1);
    tdl_sparse_release(&matrix);
}

static void adding_a_row_weighs_it(void **state)
{
    tdl_sparse matrix = fit(&three, offsets + 1, (tdl_sparse_recipe){0}, NULL);
    float scores[4] = {10, 0, 0, 7};

    TDL_UNUSED(state);
    tdl_sparse_add_row(&matrix, 2, .5F, scores);
    assert_true(scores[0] == 10.5F && scores[1] == 1 && scores[2] == 1.5F && scores[3] == 7);
    tdl_sparse_release(&matrix);
}

static void the_number_of_threads_changes_nothing(void **state)
{
    enum { USERS = 60, EACH = 30, ITEMS = 500 };
    static size_t many_offsets[USERS + 1];
    static int32_t many_item[USERS * EACH];
    static int64_t many_time_us[USERS * EACH];
    tdl_interactions many = {USERS, ITEMS, many_offsets, many_item, many_time_us};
    tdl_rng rng = tdl_rng_make(3, 1);
    tdl_pool *pool = tdl_pool_new(3);

    TDL_UNUSED(state);
    for (size_t i = 0; i < COUNT(many_item); i++)
        many_item[i] = (int32_t)tdl_rng_below(&rng, ITEMS);
    for (size_t u = 0; u <= USERS; u++)
        many_offsets[u] = u * EACH;
    tdl_sparse one = fit(&many, many_offsets + 1, (tdl_sparse_recipe){0}, NULL);
    tdl_sparse three_threads = fit(&many, many_offsets + 1, (tdl_sparse_recipe){0}, pool);
    size_t n = (size_t)one.offsets[ITEMS];
    assert_memory_equal(one.offsets, three_threads.offsets, (ITEMS + 1) * sizeof *one.offsets);
    assert_memory_equal(one.column, three_threads.column, n * sizeof *one.column);
    assert_memory_equal(one.value, three_threads.value, n * sizeof *one.value);
    tdl_sparse_release(&one);
    tdl_sparse_release(&three_threads);
    tdl_pool_free(pool);
}

/* ---- files ---- */

/* Write the three tensors and load them; returns the status, the report's text in `message`. */
static tdl_status load_tensors(const int64_t *row, size_t row_n, const int32_t *column,
                               size_t column_n, const float *value, size_t value_n,
                               char message[512])
{
    char folder[64], path[96];
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_st_file *file = NULL;
    tdl_sparse matrix = {0};
    tdl_report why = {0};

    make_folder(folder);
    snprintf(path, sizeof path, "%s/model", folder);
    tdl_st_add_1d(writer, "x/offsets", TDL_I64, row_n, row);
    tdl_st_add_1d(writer, "x/column", TDL_I32, column_n, column);
    tdl_st_add_1d(writer, "x/value", TDL_F32, value_n, value);
    expect_ok(tdl_st_write(writer, path, &why), &why);
    tdl_st_writer_free(writer);
    expect_ok(tdl_st_open(path, &file, &why), &why);
    tdl_status st = tdl_sparse_load(file, "x", 2, &matrix, &why);
    memcpy(message, why.message, sizeof why.message);
    if (!st) {
        assert_int_equal(matrix.offsets[2], (int64_t)value_n);
        tdl_sparse_release(&matrix);
    }
    tdl_st_free(file);
    remove_folder(folder);
    return st;
}

static void a_damaged_matrix_is_refused_with_its_tensor_named(void **state)
{
    const struct {
        int64_t row[4];
        size_t row_n;
        int32_t column[3];
        size_t column_n;
        float value[3];
        size_t value_n;
        const char *named; /* NULL = fine */
    } cases[] = {
        {{0, 1, 3}, 3, {1, 0, 1}, 3, {1, 2, 3}, 3, NULL},
        {{0, 0, 0}, 3, {0}, 0, {0}, 0, NULL},
        {{0, 1}, 2, {1, 0, 1}, 3, {1, 2, 3}, 3, "x"},                        /* too few rows */
        {{0, 1, 3, 3}, 4, {1, 0, 1}, 3, {1, 2, 3}, 3, "x"},                  /* too many rows */
        {{0, 1, 3}, 3, {1, 0, 1}, 3, {1, 2}, 2, "x"},                        /* lengths disagree */
        {{0, 1, 2}, 3, {1, 0, 1}, 3, {1, 2, 3}, 3, "x/offsets"},             /* entries left over */
        {{1, 1, 3}, 3, {1, 0, 1}, 3, {1, 2, 3}, 3, "x/offsets"},             /* begins at 1 */
        {{0, 9, 3}, 3, {1, 0, 1}, 3, {1, 2, 3}, 3, "x/offsets"},             /* past the end */
        {{0, -1, 3}, 3, {1, 0, 1}, 3, {1, 2, 3}, 3, "x/offsets"},            /* backwards */
        {{0, 1, 3}, 3, {2, 0, 1}, 3, {1, 2, 3}, 3, "x/column"},              /* no such item */
        {{0, 1, 3}, 3, {-1, 0, 1}, 3, {1, 2, 3}, 3, "x/column"},             /* negative */
        {{0, 1, 3}, 3, {1, 1, 0}, 3, {1, 2, 3}, 3, "x/column"},              /* not ascending */
        {{0, 1, 3}, 3, {1, 0, 1}, 3, {1, NAN, 3}, 3, "x/value"},             /* not a number */
        {{0, 1, 3}, 3, {1, 0, 1}, 3, {1, 2, (float)INFINITY}, 3, "x/value"}, /* infinite */
    };
    char message[512];

    TDL_UNUSED(state);
    for (size_t i = 0; i < COUNT(cases); i++) {
        tdl_status st = load_tensors(cases[i].row, cases[i].row_n, cases[i].column,
                                     cases[i].column_n, cases[i].value, cases[i].value_n, message);
        assert_int_equal(st, cases[i].named ? TDL_E_CORRUPT : TDL_OK);
        if (cases[i].named && strncmp(message, cases[i].named, strlen(cases[i].named)))
            fail_msg("case %zu: \"%s\" does not begin with %s", i, message, cases[i].named);
    }
}

/* ---- reasons ---- */

static void reasons_are_the_largest_terms_as_shares_of_all(void **state)
{
    tdl_term terms[] = {{0, 1}, {1, 4}, {2, 1}, {3, 2}};
    tdl_reason reasons[3];

    TDL_UNUSED(state);
    assert_int_equal(tdl_terms_reasons(terms, COUNT(terms), reasons, 3), 3);
    assert_int_equal(reasons[0].at, 1);
    assert_true(reasons[0].share == .5);
    assert_int_equal(reasons[1].at, 3);
    assert_true(reasons[1].share == .25);
    assert_int_equal(reasons[2].at, 2); /* of two equal ones the later event */
    assert_true(reasons[2].share == .125);
    assert_true(reasons[0].exact);
}

static void no_terms_give_no_reasons(void **state)
{
    tdl_reason reasons[1];

    TDL_UNUSED(state);
    assert_int_equal(tdl_terms_reasons(&(tdl_term){0, 0}, 0, reasons, 1), 0);
    assert_int_equal(tdl_terms_reasons(&(tdl_term){0, 0}, 1, reasons, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_the_sum_of_what_each_occurrence_adds),
        cmocka_unit_test(what_lies_behind_the_end_of_a_history_is_not_seen),
        cmocka_unit_test(only_the_largest_entries_of_a_row_are_kept),
        cmocka_unit_test(a_cut_keeps_the_largest_and_of_equal_ones_the_lower_numbers),
        cmocka_unit_test(finish_may_change_the_sums),
        cmocka_unit_test(adding_a_row_weighs_it),
        cmocka_unit_test(the_number_of_threads_changes_nothing),
        cmocka_unit_test(a_damaged_matrix_is_refused_with_its_tensor_named),
        cmocka_unit_test(reasons_are_the_largest_terms_as_shares_of_all),
        cmocka_unit_test(no_terms_give_no_reasons),
    };
    return cmocka_run_group_tests_name("recommend/sparse", tests, NULL, NULL);
}
