/* Measuring with rungs whose scores are written down: what the protocol says, by hand. */
#include "cases.h"

#include "apps/recommend/measure.h"

enum { ITEMS = 40 };

/* The model is a table of scores, the same for every history. */
static tdl_status score_table(const void *model, const tdl_history *history, tdl_arena *scratch,
                              float *scores)
{
    TDL_UNUSED(history);
    TDL_UNUSED(scratch);
    memcpy(scores, model, ITEMS * sizeof *scores);
    return TDL_OK;
}

static tdl_status score_fails(const void *model, const tdl_history *history, tdl_arena *scratch,
                              float *scores)
{
    TDL_UNUSED(model);
    TDL_UNUSED(history);
    TDL_UNUSED(scratch);
    TDL_UNUSED(scores);
    return TDL_E_NO_MEMORY;
}

static const tdl_rung_ops table = {.name = "table", .score = score_table};
static const tdl_rung_ops failing = {.name = "failing", .score = score_fails};

/* Users: 0 1 2 3 with target 3 | 5 6 with target 6 | 7, not measured | 8 9 with target 9. */
static const size_t offsets[] = {0, 4, 6, 7, 9};
static const int32_t item[] = {0, 1, 2, 3, 5, 6, 7, 8, 9};
static const int64_t time_us[] = {0, 1, 2, 3, 0, 1, 0, 0, 1};
static const tdl_interactions four = {4, ITEMS, offsets, item, time_us};
static const size_t end[] = {3, 5, 7, 8};
static const bool measured[] = {true, true, false, true};

static tdl_outcome measure(const float *scores, tdl_pool *pool)
{
    tdl_fit_data data = {&four, end};
    tdl_outcome outcome;
    tdl_report why = {0};

    expect_ok(tdl_outcome_init(&outcome, 3, &why), &why);
    expect_ok(tdl_measure(&table, scores, &data, measured, pool, &outcome, &why), &why);
    return outcome;
}

/* Scores fall with the item's number. Rank of 3 with 0, 1, 2 seen: 1. Of 6 with 5 seen: 0-4 are
 * before it, so 6. Of 9 with 8 seen: 0-7 are before it, so 9. */
static void items_already_seen_are_no_candidates(void **state)
{
    float scores[ITEMS];

    TDL_UNUSED(state);
    for (size_t i = 0; i < ITEMS; i++)
        scores[i] = (float)(ITEMS - i);
    tdl_outcome o = measure(scores, NULL);
    assert_true(o.rr[0] == 1);
    expect_near(o.rr[1], 1 / 6.0, 1e-12);
    expect_near(o.rr[2], 1 / 9.0, 1e-12);
    expect_near(o.ndcg[1], 1 / log2(7), 1e-12);
    assert_true(o.hr[0] == 1 && o.hr[1] == 1 && o.hr[2] == 1);
    tdl_outcome_release(&o);
}

/* All alike: 37 candidates for user 0, so rank 1 + 36 / 2 = 19, and no hit for anybody. */
static void a_model_that_scores_all_alike_hits_nothing(void **state)
{
    const float scores[ITEMS] = {0};

    TDL_UNUSED(state);
    tdl_outcome o = measure(scores, NULL);
    expect_near(o.rr[0], 1 / 19.0, 1e-12);
    assert_true(o.hr[0] == 0 && o.hr[1] == 0 && o.hr[2] == 0);
    assert_true(o.coverage == 0); /* it says nothing, so it shows nothing */
    tdl_outcome_release(&o);
}

/* First tens: user 0 sees 3-12, user 1 sees 0-4 and 6-10, user 3 sees 0-7, 9, 10: 0-12 in all. */
static void coverage_is_the_share_of_items_in_anybodys_first_ten(void **state)
{
    float scores[ITEMS];

    TDL_UNUSED(state);
    for (size_t i = 0; i < ITEMS; i++)
        scores[i] = (float)(ITEMS - i);
    tdl_outcome o = measure(scores, NULL);
    expect_near(o.coverage, 13.0 / ITEMS, 1e-12);
    tdl_outcome_release(&o);
}

static void the_number_of_threads_changes_nothing(void **state)
{
    float scores[ITEMS];
    tdl_pool *pool = tdl_pool_new(3);

    TDL_UNUSED(state);
    for (size_t i = 0; i < ITEMS; i++)
        scores[i] = (float)(i * 7 % 11);
    tdl_outcome one = measure(scores, NULL), three = measure(scores, pool);
    assert_memory_equal(one.rr, three.rr, 3 * sizeof *one.rr);
    assert_memory_equal(one.ndcg, three.ndcg, 3 * sizeof *one.ndcg);
    assert_true(one.coverage == three.coverage);
    tdl_outcome_release(&one);
    tdl_outcome_release(&three);
    tdl_pool_free(pool);
}

static void a_rung_without_memory_is_reported_by_name(void **state)
{
    tdl_fit_data data = {&four, end};
    tdl_outcome o;
    tdl_report why = {0};

    TDL_UNUSED(state);
    expect_ok(tdl_outcome_init(&o, 3, &why), &why);
    assert_int_equal(tdl_measure(&failing, NULL, &data, measured, NULL, &o, &why), TDL_E_NO_MEMORY);
    assert_non_null(strstr(why.message, "failing"));
    tdl_outcome_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_already_seen_are_no_candidates),
        cmocka_unit_test(a_model_that_scores_all_alike_hits_nothing),
        cmocka_unit_test(coverage_is_the_share_of_items_in_anybodys_first_ten),
        cmocka_unit_test(the_number_of_threads_changes_nothing),
        cmocka_unit_test(a_rung_without_memory_is_reported_by_name),
    };
    return cmocka_run_group_tests_name("recommend/measure", tests, NULL, NULL);
}
