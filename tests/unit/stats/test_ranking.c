#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>

#include "base/report.h"
#include "stats/lists.h"
#include "stats/ranking.h"

static void rank_counts_what_scores_higher(void **state)
{
    const float scores[] = {0.1F, 0.9F, 0.5F, 0.7F};

    TDL_UNUSED(state);
    assert_true(tdl_rank(scores, NULL, 4, 1) == 1);
    assert_true(tdl_rank(scores, NULL, 4, 3) == 2);
    assert_true(tdl_rank(scores, NULL, 4, 2) == 3);
    assert_true(tdl_rank(scores, NULL, 4, 0) == 4);
}

static void half_of_the_ties_count_as_better(void **state)
{
    const float scores[] = {2, 1, 1, 1, 0}; /* the mean of ranks 2, 3 and 4 is 3 */
    const float alike[] = {5, 5, 5, 5};     /* and of 1 to 4 is 2.5 */

    TDL_UNUSED(state);
    for (size_t i = 1; i <= 3; i++)
        assert_true(tdl_rank(scores, NULL, 5, i) == 3);
    for (size_t i = 0; i < 4; i++)
        assert_true(tdl_rank(alike, NULL, 4, i) == 2.5);
}

static void excluded_items_are_no_candidates_but_the_target_always_is(void **state)
{
    const float scores[] = {9, 8, 7, 7, 6};
    const bool seen[] = {true, false, true, false, false};

    TDL_UNUSED(state);
    assert_true(tdl_rank(scores, seen, 5, 4) == 3);
    assert_true(tdl_rank(scores, seen, 5, 3) == 2); /* its tie is excluded */
    assert_true(tdl_rank(scores, seen, 5, 0) == 1);
    assert_true(tdl_rank(scores, seen, 5, 2) == 2.5);
}

/* A model that fails must not look good: NaN is last, and infinities are ordinary scores. */
static void nan_ranks_last(void **state)
{
    const float scores[] = {NAN, 1, 2, NAN, -1};
    const float all[] = {NAN, NAN, NAN};
    const float ends[] = {INFINITY, 0, -INFINITY};

    TDL_UNUSED(state);
    assert_true(tdl_rank(scores, NULL, 5, 0) == 4.5);
    assert_true(tdl_rank(scores, NULL, 5, 2) == 1);
    assert_true(tdl_rank(scores, NULL, 5, 4) == 3);
    assert_true(tdl_rank(all, NULL, 3, 1) == 2);
    assert_true(tdl_rank(ends, NULL, 3, 0) == 1);
    assert_true(tdl_rank(ends, NULL, 3, 2) == 3);
}

static void one_candidate_ranks_first(void **state)
{
    const float score = 0;

    TDL_UNUSED(state);
    assert_true(tdl_rank(&score, NULL, 1, 0) == 1);
}

/* Expected: R, 1 / log2(c(1, 1.5, 2, 3, 10) + 1), 17 digits. */
static void ndcg_discounts_by_the_logarithm_of_the_rank(void **state)
{
    static const struct {
        double rank, expected;
    } cases[] = {
        {1, 1},   {1.5, 0.75647079736602996}, {2, 0.63092975357145753},
        {3, 0.5}, {10, 0.28906482631788788},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(fabs(tdl_ndcg_at(cases[i].rank, 10) - cases[i].expected) < 1e-15);
    assert_true(tdl_ndcg_at(10.5, 10) == 1 / log2(11.5)); // 9.5 are better: fewer than ten
    assert_true(tdl_ndcg_at(11, 10) == 0);
}

static void hits_end_at_k(void **state)
{
    TDL_UNUSED(state);
    assert_true(tdl_hit_at(1, 10) == 1);
    assert_true(tdl_hit_at(10, 10) == 1);
    assert_true(tdl_hit_at(10.5, 10) == 1);
    assert_true(tdl_hit_at(11, 10) == 0);
    assert_true(tdl_hit_at(1, 0) == 0);
}

static void reciprocal_rank_is_one_over_rank(void **state)
{
    TDL_UNUSED(state);
    assert_true(tdl_reciprocal_rank(1) == 1);
    assert_true(tdl_reciprocal_rank(2.5) == 0.4);
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) < 1e-11))
        fail_msg("%.17g instead of %.17g", found, expected);
}

/* Reference: the project's metrics.json: three lists over eight items. */
static void lists_are_told_by_evenness_novelty_and_distance(void **state)
{
    static const double shown[] = {0, 0, 0, 1, 1, 2, 2, 3}, count[] = {10, 8, 4, 2, 1, 1, 1, 1};
    static const int32_t lists[] = {0, 1, 2, 1, 2, 3, 0, 1, 4};
    static const float vector[] = {1, 0, .8F, .6F, 0, 1, .707106781187F, .707106781187F, .6F, -.8F};
    double distance = 0;

    TDL_UNUSED(state);
    near(tdl_gini(shown, 8), .513888888889);
    near(tdl_novelty(lists, 9, count, 28), 2.51359312319);
    for (size_t i = 0; i < 9; i += 3)
        distance += tdl_list_distance(lists + i, 3, vector, 2) / 3;
    assert_true(fabs(distance - .433660413906) < 1e-7); /* vectors are in f32 */
    near(tdl_gini(shown, 3), 0);
    near(tdl_list_distance(lists, 1, vector, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rank_counts_what_scores_higher),
        cmocka_unit_test(half_of_the_ties_count_as_better),
        cmocka_unit_test(excluded_items_are_no_candidates_but_the_target_always_is),
        cmocka_unit_test(nan_ranks_last),
        cmocka_unit_test(one_candidate_ranks_first),
        cmocka_unit_test(ndcg_discounts_by_the_logarithm_of_the_rank),
        cmocka_unit_test(hits_end_at_k),
        cmocka_unit_test(reciprocal_rank_is_one_over_rank),
        cmocka_unit_test(lists_are_told_by_evenness_novelty_and_distance),
    };

    return cmocka_run_group_tests_name("stats/ranking", tests, NULL, NULL);
}
