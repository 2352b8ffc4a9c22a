#include "cases.h"

#include "apps/recommend/top.h"
#include "base/rng.h"

static void the_best_come_first_and_equal_scores_by_lower_number(void **state)
{
    const float scores[] = {1, 3, 2, 3, 5, -1};
    tdl_scored best[4];

    TDL_UNUSED(state);
    assert_int_equal(tdl_top(scores, COUNT(scores), NULL, 0, INFINITY, best, 4), 4);
    assert_int_equal(best[0].item, 4);
    assert_int_equal(best[1].item, 1);
    assert_int_equal(best[2].item, 3);
    assert_int_equal(best[3].item, 2);
}

static void the_bounds_are_exclusive(void **state)
{
    const float scores[] = {0, 1, 2, 3};
    tdl_scored best[4];

    TDL_UNUSED(state);
    assert_int_equal(tdl_top(scores, COUNT(scores), NULL, 0, 3, best, 4), 2);
    assert_int_equal(best[0].item, 2);
    assert_int_equal(best[1].item, 1);
}

static void blocked_items_and_nan_are_never_taken(void **state)
{
    const float scores[] = {9, NAN, 8, 7};
    const uint64_t blocked[] = {1};
    tdl_scored best[4];

    TDL_UNUSED(state);
    assert_int_equal(tdl_top(scores, COUNT(scores), blocked, -INFINITY, INFINITY, best, 4), 2);
    assert_int_equal(best[0].item, 2);
    assert_int_equal(best[1].item, 3);
}

static void asking_for_none_or_among_none_gives_none(void **state)
{
    const float scores[] = {1};
    tdl_scored best[1];

    TDL_UNUSED(state);
    assert_int_equal(tdl_top(scores, 1, NULL, 0, INFINITY, best, 0), 0);
    assert_int_equal(tdl_top(scores, 0, NULL, 0, INFINITY, best, 1), 0);
}

static void what_a_model_says_nothing_about_is_not_spoken(void **state)
{
    const float scores[] = {0, -2, 0, .5F, -1};
    tdl_scored best[5];

    TDL_UNUSED(state);
    assert_int_equal(tdl_top_spoken(scores, COUNT(scores), NULL, best, 5), 3);
    assert_int_equal(best[0].item, 3);
    assert_int_equal(best[1].item, 4);
    assert_int_equal(best[2].item, 1);
}

static int by_score(const void *left, const void *right)
{
    const tdl_scored *a = left, *b = right;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->item < b->item ? -1 : a->item > b->item;
}

/* Against sorting everything; lengths around the block size, many ties. */
static void it_agrees_with_a_full_sort(void **state)
{
    enum { MOST = 300 };
    float scores[MOST];
    tdl_scored sorted[MOST], best[MOST];
    tdl_rng rng = tdl_rng_make(7, 1);

    TDL_UNUSED(state);
    for (size_t n = 1; n < MOST; n++) {
        size_t k = 1 + tdl_rng_below(&rng, n);
        for (size_t i = 0; i < n; i++) {
            scores[i] = (float)tdl_rng_below(&rng, 50);
            sorted[i] = (tdl_scored){scores[i], (int32_t)i};
        }
        qsort(sorted, n, sizeof *sorted, by_score);
        assert_int_equal(tdl_top(scores, n, NULL, -1, INFINITY, best, k), k);
        for (size_t i = 0; i < k; i++) {
            assert_int_equal(best[i].item, sorted[i].item);
            assert_true(best[i].score == sorted[i].score);
        }
    }
}

/* Against sorting everything; longer than what is looked over at a time. */
static void long_lists_agree_with_a_full_sort(void **state)
{
    enum { N = 70000, K = 20 };
    float *scores = malloc(N * sizeof *scores);
    tdl_scored *sorted = malloc(N * sizeof *sorted), best[K];
    tdl_rng rng = tdl_rng_make(8, 1);

    TDL_UNUSED(state);
    for (uint32_t levels = 10; levels <= 10000000; levels *= 100) {
        for (size_t i = 0; i < N; i++) {
            scores[i] = (float)tdl_rng_below(&rng, levels);
            sorted[i] = (tdl_scored){scores[i], (int32_t)i};
        }
        scores[500] = INFINITY; /* not below the bound */
        sorted[500].score = -1;
        scores[501] = NAN;
        sorted[501].score = -1;
        qsort(sorted, N, sizeof *sorted, by_score);
        assert_int_equal(tdl_top(scores, N, NULL, 0, INFINITY, best, K), K);
        for (size_t i = 0; i < K; i++)
            assert_int_equal(best[i].item, sorted[i].item);
    }
    free(scores);
    free(sorted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_come_first_and_equal_scores_by_lower_number),
        cmocka_unit_test(the_bounds_are_exclusive),
        cmocka_unit_test(blocked_items_and_nan_are_never_taken),
        cmocka_unit_test(asking_for_none_or_among_none_gives_none),
        cmocka_unit_test(what_a_model_says_nothing_about_is_not_spoken),
        cmocka_unit_test(it_agrees_with_a_full_sort),
        cmocka_unit_test(long_lists_agree_with_a_full_sort),
    };
    return cmocka_run_group_tests_name("recommend/top", tests, NULL, NULL);
}
