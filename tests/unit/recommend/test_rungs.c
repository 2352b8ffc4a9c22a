/* popularity, item-knn and markov: expected values computed by hand from the formulas that stand at
 * the head of their files. */
#include "cases.h"

/* Four users over five items: 0 1 2 | 0 1 | 1 2 | 3. Nobody has item 4. */
static const size_t offsets[] = {0, 3, 5, 7, 8};
static const int32_t item[] = {0, 1, 2, 0, 1, 1, 2, 3};
static const int64_t time_us[] = {0, 1, 2, 0, 1, 0, 1, 0};
static const tdl_interactions four = {4, 5, offsets, item, time_us};

static void expect_scores(const float *found, const double *expected, size_t n)
{
    for (size_t i = 0; i < n; i++)
        expect_near((double)found[i], expected[i], 1e-7);
}

static void popularity_is_the_number_of_users(void **state)
{
    const double expected[] = {2, 3, 2, 1, 0};
    void *model = fit_all(&tdl_rung_popularity, &four);
    float scores[5];
    tdl_reason reason;

    TDL_UNUSED(state);
    score(&tdl_rung_popularity, model, NULL, 0, scores);
    expect_scores(scores, expected, 5);
    assert_int_equal(explain(&tdl_rung_popularity, model, NULL, 0, 1, &reason, 1), 1);
    assert_int_equal(reason.kind, TDL_REASON_POPULAR);
    assert_true(reason.share == 1 && reason.exact);
    assert_int_equal(explain(&tdl_rung_popularity, model, NULL, 0, 1, &reason, 0), 0);
    tdl_rung_popularity.free(model);
}

/* Users with both: (0,1) 2, (0,2) 1, (1,2) 2; users: 2, 3, 2. */
static void item_knn_divides_companions_by_the_users_of_both(void **state)
{
    const int32_t history[] = {0, 2};
    const double s01 = 2 / (sqrt(6) + 20), s02 = 1 / (2.0 + 20);
    const double expected[] = {s02, 2 * s01, s02, 0, 0};
    void *model = fit_all(&tdl_rung_item_knn, &four);
    float scores[5];
    tdl_reason reasons[3];

    TDL_UNUSED(state);
    score(&tdl_rung_item_knn, model, history, 2, scores);
    expect_scores(scores, expected, 5);
    assert_int_equal(explain(&tdl_rung_item_knn, model, history, 2, 1, reasons, 3), 2);
    expect_near(reasons[0].share, .5, 1e-7);
    expect_near(reasons[1].share, .5, 1e-7);
    tdl_rung_item_knn.free(model);
}

/* Row 0: 1 to item 1 twice, 1/2 to item 2: sum 2.5. Row 1: 1 to item 2 twice: sum 2. */
static void markov_gives_to_what_came_next(void **state)
{
    const int32_t history[] = {0, 1};
    const double expected[] = {0, .8 * 2 / 7.5, .8 * .5 / 7.5 + 2 / 7.0, 0, 0};
    void *model = fit_all(&tdl_rung_markov, &four);
    float scores[5];
    tdl_reason reasons[3];

    TDL_UNUSED(state);
    score(&tdl_rung_markov, model, history, 2, scores);
    expect_scores(scores, expected, 5);
    assert_int_equal(explain(&tdl_rung_markov, model, history, 2, 2, reasons, 3), 2);
    assert_int_equal(reasons[0].kind, TDL_REASON_EVENT);
    assert_int_equal(reasons[0].at, 1);
    expect_near(reasons[0].share, 2 / 7.0 / expected[2], 1e-7);
    assert_int_equal(reasons[1].at, 0);
    expect_near(reasons[0].share + reasons[1].share, 1, 1e-9);
    tdl_rung_markov.free(model);
}

/* One user, items 0 to 6: item 0 gives 1, 1/2, 1/3 to the next three and nothing further on. Of a
 * history of six only the last five count. */
static void markov_looks_three_ahead_and_five_back(void **state)
{
    static const size_t one_offsets[] = {0, 7};
    static const int32_t seven[] = {0, 1, 2, 3, 4, 5, 6};
    static const int64_t times[] = {0, 1, 2, 3, 4, 5, 6};
    const tdl_interactions one = {1, 8, one_offsets, seven, times};
    const int32_t long_history[] = {0, 7, 7, 7, 7, 7}, short_history[] = {0, 7, 7, 7, 7};
    void *model = fit_all(&tdl_rung_markov, &one);
    const double sum = 1 + 1 / 2.0 + 1 / 3.0 + 5, weight = .8 * .8 * .8 * .8;
    const double expected[] = {0, weight / sum, weight / 2 / sum, weight / 3 / sum, 0, 0, 0, 0};
    float scores[8];

    TDL_UNUSED(state);
    score(&tdl_rung_markov, model, short_history, 5, scores);
    expect_scores(scores, expected, 8);
    score(&tdl_rung_markov, model, long_history, 6, scores);
    for (size_t i = 0; i < 8; i++)
        assert_true(scores[i] == 0);
    tdl_rung_markov.free(model);
}

static void similar_items_are_a_row_of_the_matrix(void **state)
{
    const double expected[] = {0, 2 / (sqrt(6) + 20), 1 / 22.0, 0, 0};
    void *model = fit_all(&tdl_rung_item_knn, &four);
    float scores[5] = {9, 9, 9, 9, 9};

    TDL_UNUSED(state);
    assert_int_equal(tdl_rung_item_knn.similar(model, 0, scores), TDL_OK);
    expect_scores(scores, expected, 5);
    tdl_rung_item_knn.free(model);
}

/* A robot with more items than anyone reads must not cost a square of its history. */
static void item_knn_leaves_out_endless_histories(void **state)
{
    enum { N = 10001 };
    static int32_t many[N];
    static int64_t times[N];
    const size_t one_offsets[] = {0, N};
    const tdl_interactions one = {1, N, one_offsets, many, times};
    float *scores = calloc(N, sizeof *scores);

    TDL_UNUSED(state);
    for (int32_t i = 0; i < N; i++)
        many[i] = i;
    void *model = fit_all(&tdl_rung_item_knn, &one);
    score(&tdl_rung_item_knn, model, many, 1, scores);
    for (size_t i = 0; i < N; i++)
        assert_true(scores[i] == 0);
    tdl_rung_item_knn.free(model);
    free(scores);
}

static void a_rung_fitted_on_nothing_says_nothing(void **state)
{
    const tdl_rung_ops *const rungs[] = {&tdl_rung_popularity, &tdl_rung_item_knn, &tdl_rung_markov,
                                         &tdl_rung_directed};
    const size_t no_offsets[] = {0};
    const tdl_interactions nobody = {0, 3, no_offsets, NULL, NULL};
    const int32_t history[] = {1};
    float scores[3];

    TDL_UNUSED(state);
    for (size_t r = 0; r < COUNT(rungs); r++) {
        void *model = fit_all(rungs[r], &nobody);
        score(rungs[r], model, history, 1, scores);
        assert_true(scores[0] == 0 && scores[1] == 0 && scores[2] == 0);
        rungs[r]->free(model);
    }
}

static void a_saved_rung_scores_the_same_bits_after_loading(void **state)
{
    const tdl_rung_ops *const rungs[] = {&tdl_rung_popularity, &tdl_rung_item_knn, &tdl_rung_markov,
                                         &tdl_rung_directed};
    const int32_t history[] = {0, 1};
    float before[5], after[5];

    TDL_UNUSED(state);
    for (size_t r = 0; r < COUNT(rungs); r++) {
        void *model = fit_all(rungs[r], &four), *loaded = reload(rungs[r], model, 5);
        score(rungs[r], model, history, 2, before);
        score(rungs[r], loaded, history, 2, after);
        assert_memory_equal(before, after, sizeof before);
        assert_int_equal(rungs[r]->bytes(model), rungs[r]->bytes(loaded));
        rungs[r]->free(model);
        rungs[r]->free(loaded);
    }
}

static void a_file_for_another_catalogue_is_refused(void **state)
{
    const tdl_rung_ops *const rungs[] = {&tdl_rung_popularity, &tdl_rung_item_knn, &tdl_rung_markov,
                                         &tdl_rung_directed};
    char folder[64], path[96];
    tdl_report why = {0};

    TDL_UNUSED(state);
    make_folder(folder);
    snprintf(path, sizeof path, "%s/model", folder);
    for (size_t r = 0; r < COUNT(rungs); r++) {
        void *model = fit_all(rungs[r], &four), *loaded = NULL;
        tdl_st_writer *writer = tdl_st_writer_new();
        tdl_st_file *file = NULL;
        rungs[r]->save(model, writer);
        expect_ok(tdl_st_write(writer, path, &why), &why);
        tdl_st_writer_free(writer);
        expect_ok(tdl_st_open(path, &file, &why), &why);
        assert_int_equal(rungs[r]->load(file, 6, &loaded, &why), TDL_E_CORRUPT);
        assert_null(loaded);
        tdl_st_free(file);
        rungs[r]->free(model);
    }
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(popularity_is_the_number_of_users),
        cmocka_unit_test(item_knn_divides_companions_by_the_users_of_both),
        cmocka_unit_test(markov_gives_to_what_came_next),
        cmocka_unit_test(markov_looks_three_ahead_and_five_back),
        cmocka_unit_test(similar_items_are_a_row_of_the_matrix),
        cmocka_unit_test(item_knn_leaves_out_endless_histories),
        cmocka_unit_test(a_rung_fitted_on_nothing_says_nothing),
        cmocka_unit_test(a_saved_rung_scores_the_same_bits_after_loading),
        cmocka_unit_test(a_file_for_another_catalogue_is_refused),
    };
    return cmocka_run_group_tests_name("recommend/rungs", tests, NULL, NULL);
}
