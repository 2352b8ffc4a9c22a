#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "stats/adaptive.h"
#include "stats/conformal.h"

static void near(double got, double expected, double by)
{
    if (!(fabs(got - expected) <= by))
        fail_msg("%.17g instead of %.17g", got, expected);
}

/* The project's bar: 10,000 exchangeable rows, coverage within .005 of what was asked. Of 50 ways
 * to part them in halves, since one way alone has a standard error of .006. */
static void ten_thousand_exchangeable_rows_are_covered_as_asked(void **state)
{
    enum { ROWS = 10000, HALF = ROWS / 2, SPLITS = 50 };
    static const double misses[] = {0.2, 0.1, 0.05};
    double *score = calloc(ROWS, sizeof *score), *half = calloc(HALF, sizeof *half);
    uint32_t *row = calloc(ROWS, sizeof *row);
    double covered[3] = {0};
    tdl_rng rng = tdl_rng_make(1, 0);

    TDL_UNUSED(state);
    for (uint32_t i = 0; i < ROWS; i++) {
        score[i] = fabs(tdl_rng_normal(&rng) * exp(tdl_rng_normal(&rng)));
        row[i] = i;
    }
    for (size_t s = 0; s < SPLITS; s++) {
        tdl_conformal c;

        tdl_rng_shuffle(&rng, row, ROWS);
        for (size_t i = 0; i < HALF; i++)
            half[i] = score[row[i]];
        assert_int_equal(tdl_conformal_init(&c, half, HALF, NULL), TDL_OK);
        for (size_t m = 0; m < 3; m++)
            for (size_t i = HALF; i < ROWS; i++)
                covered[m] += score[row[i]] <= tdl_conformal_quantile(&c, misses[m]);
        tdl_conformal_release(&c);
    }
    for (size_t m = 0; m < 3; m++)
        near(covered[m] / (HALF * SPLITS), 1 - misses[m], 0.005);
    free(score);
    free(half);
    free(row);
}

/* With n scores coverage is ceil((n + 1)(1 - a)) / (n + 1) on average over calibrations, exactly:
 * 10 / 12 for n = 11 and a = .2. 20,000 draws: standard error .0027. */
static void few_scores_cover_no_less_than_asked(void **state)
{
    enum { TRIES = 20000, N = 11 };
    tdl_rng rng = tdl_rng_make(2, 0);
    double covered = 0;

    TDL_UNUSED(state);
    for (size_t t = 0; t < TRIES; t++) {
        double score[N];
        tdl_conformal c;

        for (size_t i = 0; i < N; i++)
            score[i] = tdl_rng_uniform(&rng);
        assert_int_equal(tdl_conformal_init(&c, score, N, NULL), TDL_OK);
        covered += tdl_rng_uniform(&rng) <= tdl_conformal_quantile(&c, 0.2);
        tdl_conformal_release(&c);
    }
    near(covered / TRIES, 10.0 / 12, 0.008);
}

static void the_rank_is_not_pushed_up_by_rounding(void **state)
{
    TDL_UNUSED(state);
    assert_int_equal(tdl_conformal_rank(9, 0.1), 9);
    assert_int_equal(tdl_conformal_rank(9, 0.05), 10);
    for (size_t n = 1; n < 3000; n++) /* whole numbers: (n + 1)(1 - a) for a = k / 20 */
        for (size_t k = 1; k < 20; k++)
            assert_int_equal(tdl_conformal_rank(n, (double)k / 20), ((n + 1) * (20 - k) + 19) / 20);
}

static void conformalised_quantiles_cover_skewed_rows(void **state)
{
    enum { ROWS = 20000 };
    double *score = calloc(ROWS, sizeof *score), covered = 0, low, high, q;
    tdl_rng rng = tdl_rng_make(3, 0);
    tdl_conformal c;

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) /* y = exp(z), quantiles too narrow on purpose */
        score[i] = tdl_cqr_score(exp(tdl_rng_normal(&rng)), exp(-0.5), exp(0.5));
    assert_int_equal(tdl_conformal_init(&c, score, ROWS, NULL), TDL_OK);
    q = tdl_conformal_quantile(&c, 0.1);
    tdl_cqr_interval(exp(-0.5), exp(0.5), q, &low, &high);
    for (size_t i = 0; i < ROWS; i++) {
        double y = exp(tdl_rng_normal(&rng));

        covered += low <= y && y <= high;
    }
    near(covered / ROWS, 0.9, 0.006);
    tdl_cqr_interval(1, 2, -3, &low, &high);
    assert_true(low == 1.5 && high == 1.5);
    assert_true(tdl_cqr_score(1.5, 1, 2) == -0.5);
    tdl_conformal_release(&c);
    free(score);
}

/* By hand: .5 .3 .2 in falling order. */
static void adaptive_sets_take_classes_in_order(void **state)
{
    static const double p[] = {0.2, 0.5, 0.3}, tied[] = {0.25, 0.25, 0.25, 0.25};
    size_t set[4];

    TDL_UNUSED(state);
    near(tdl_aps_score(p, 3, 1, 0), 0.5, 1e-15);
    near(tdl_aps_score(p, 3, 2, 0), 0.8, 1e-15);
    near(tdl_aps_score(p, 3, 0, 0), 1, 1e-15);
    near(tdl_aps_score(p, 3, 2, 0.5), 0.65, 1e-15);
    assert_int_equal(tdl_aps_set(p, 3, 0.85, 0, set), 2);
    assert_true(set[0] == 1 && set[1] == 2);
    assert_int_equal(tdl_aps_set(p, 3, 0.1, 0, set), 1); /* never empty */
    assert_int_equal(set[0], 1);
    assert_int_equal(tdl_aps_set(p, 3, INFINITY, 0, set), 3);
    near(tdl_aps_score(tied, 4, 2, 0), 0.75, 1e-15);
    assert_int_equal(tdl_aps_set(tied, 4, 0.5, 0, set), 2);
    assert_true(set[0] == 0 && set[1] == 1);
}

static void randomised_sets_cover_exactly_and_plain_ones_more(void **state)
{
    enum { ROWS = 20000, K = 5 };
    double *score[2] = {calloc(ROWS, sizeof(double)), calloc(ROWS, sizeof(double))};
    double covered[2] = {0}, size[2] = {0};
    tdl_rng rng = tdl_rng_make(6, 0);
    tdl_conformal c[2];

    TDL_UNUSED(state);
    for (size_t i = 0; i < 2 * (size_t)ROWS; i++) {
        double p[K], sum = 0, at = tdl_rng_uniform(&rng), u = tdl_rng_uniform(&rng);
        size_t y = 0, set[K];

        for (size_t k = 0; k < K; k++)
            sum += p[k] = exp(1.5 * tdl_rng_normal(&rng));
        for (size_t k = 0; k < K; k++)
            p[k] /= sum;
        for (; y + 1 < K && at >= p[y]; y++)
            at -= p[y];
        for (size_t r = 0; r < 2; r++) {
            if (i < ROWS) {
                score[r][i] = tdl_aps_score(p, K, y, r ? u : 0);
                continue;
            }
            if (i == ROWS)
                assert_int_equal(tdl_conformal_init(c + r, score[r], ROWS, NULL), TDL_OK);
            size_t n = tdl_aps_set(p, K, tdl_conformal_quantile(c + r, 0.1), r ? u : 0, set);

            size[r] += (double)n / ROWS;
            for (size_t s = 0; s < n; s++)
                covered[r] += set[s] == y ? 1.0 / ROWS : 0;
        }
    }
    assert_true(covered[0] > 0.89 && covered[1] > 0.89);
    near(covered[1], 0.9, 0.015); /* the top class is always in: a little more */
    for (size_t r = 0; r < 2; r++) {
        assert_true(size[r] < 4);
        tdl_conformal_release(c + r);
        free(score[r]);
    }
}

static void stored_scores_come_back_and_damaged_ones_do_not(void **state)
{
    static const double score[] = {3, 0.1, 2};
    static const char *const bad[] = {"{}", "[1,0]", "[1,null]", "[\"1\"]", "null"};
    tdl_conformal c, back = {0};
    json_t *saved;

    TDL_UNUSED(state);
    assert_int_equal(tdl_conformal_init(&c, score, 3, NULL), TDL_OK);
    saved = tdl_conformal_save(&c);
    assert_int_equal(tdl_conformal_load(saved, &back, NULL), TDL_OK);
    assert_memory_equal(c.score, back.score, 3 * sizeof *score);
    tdl_conformal_release(&back);
    json_decref(saved);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(
            tdl_json_parse(tdl_str_of(bad[i]), TDL_JSON_REFUSE_DUPLICATES, &saved, NULL), TDL_OK);
        assert_int_equal(tdl_conformal_load(saved, &back, NULL), TDL_E_CORRUPT);
        json_decref(saved);
    }
    assert_int_equal(tdl_conformal_init(&back, (double[]){1, NAN}, 2, NULL), TDL_E_INVALID);
    tdl_conformal_release(&c);
}

/* ---- delayed adaptive ---- */

/* Residuals grow threefold after calibration. A fixed quantile would miss far too often; the level
 * must come back to the rate asked, with truth `delay` steps late. */
static double missed_after_a_shift(size_t delay, size_t window, double rate)
{
    enum { STEPS = 6000, SEEDS = 500 };
    tdl_adaptive_options options = {.horizons = 2, .miss = 0.1, .rate = rate, .window = window};
    tdl_rng rng = tdl_rng_make(77, delay);
    double seed[SEEDS], *late = calloc(STEPS, sizeof *late), missed = 0;
    tdl_adaptive *s = NULL;

    assert_int_equal(tdl_adaptive_new(&options, &s, NULL), TDL_OK);
    for (size_t i = 0; i < SEEDS; i++)
        seed[i] = fabs(tdl_rng_normal(&rng));
    assert_int_equal(tdl_adaptive_seed(s, 1, seed, SEEDS, NULL), TDL_OK);
    for (size_t t = 0; t < STEPS; t++) {
        double width;

        if (t >= delay)
            assert_int_equal(tdl_adaptive_arrive(s, 1, late[t - delay], NULL), TDL_OK);
        assert_int_equal(tdl_adaptive_issue(s, 1, &width, NULL), TDL_OK);
        late[t] = fabs(tdl_rng_normal(&rng)) * (t < 1000 ? 1 : 1.5);
        if (t >= 2000)
            missed += late[t] > width ? 1.0 / (STEPS - 2000) : 0;
    }
    assert_int_equal(tdl_adaptive_waiting(s, 1), delay);
    tdl_adaptive_free(s);
    free(late);
    return missed;
}

static void the_level_follows_a_shift_although_truth_is_late(void **state)
{
    TDL_UNUSED(state);
    near(missed_after_a_shift(1, 0, 0.01), 0.1, 0.01);
    near(missed_after_a_shift(24, 0, 0.01), 0.1, 0.01);
    near(missed_after_a_shift(24, 500, 0.01), 0.1, 0.01);
}

/* With a rate next to nothing the level stays and the 1.5-fold residuals are missed as often as the
 * normal distribution says: P(|z| > 1.645 / 1.5) = .273. */
static void a_level_that_cannot_move_misses_what_theory_says(void **state)
{
    TDL_UNUSED(state);
    near(missed_after_a_shift(1, 0, 1e-9), 0.273, 0.03);
}

static void the_level_moves_only_when_the_truth_arrives(void **state)
{
    tdl_adaptive_options options = {.horizons = 1, .miss = 0.25, .rate = 0.1};
    tdl_adaptive *s = NULL;
    double width;

    TDL_UNUSED(state);
    assert_int_equal(tdl_adaptive_new(&options, &s, NULL), TDL_OK);
    assert_int_equal(tdl_adaptive_arrive(s, 0, 1, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_adaptive_issue(s, 0, &width, NULL), TDL_OK);
    assert_true(isinf(width)); /* no scores at all */
    assert_int_equal(tdl_adaptive_seed(s, 0, (double[]){3, 1, 2}, 3, NULL), TDL_OK);
    assert_int_equal(tdl_adaptive_issue(s, 0, &width, NULL), TDL_OK);
    assert_true(width == 3); /* rank ceil(4 * .75) */
    near(tdl_adaptive_level(s, 0), 0.25, 0);
    assert_int_equal(tdl_adaptive_arrive(s, 0, 100, NULL), TDL_OK); /* of the infinite one */
    near(tdl_adaptive_level(s, 0), 0.25, 0);
    assert_int_equal(tdl_adaptive_arrive(s, 0, 1, NULL), TDL_OK); /* a hit: narrower next time */
    near(tdl_adaptive_level(s, 0), 0.275, 1e-15);
    assert_int_equal(tdl_adaptive_issue(s, 0, &width, NULL), TDL_OK);
    assert_int_equal(tdl_adaptive_arrive(s, 0, 4, NULL), TDL_OK); /* a miss */
    near(tdl_adaptive_level(s, 0), 0.2, 1e-15);
    assert_int_equal(tdl_adaptive_issue(s, 1, &width, NULL), TDL_E_INVALID);
    tdl_adaptive_free(s);
}

static void a_window_keeps_the_latest_scores(void **state)
{
    tdl_adaptive_options options = {.horizons = 1, .miss = 0.5, .rate = 1e-9, .window = 3};
    static const double scores[] = {9, 8, 1, 5, 2, 2, 7, 0.5, 3, 3, 4};
    tdl_adaptive *s = NULL, *back = NULL;
    json_t *saved;
    double width, again;

    TDL_UNUSED(state);
    assert_int_equal(tdl_adaptive_new(&options, &s, NULL), TDL_OK);
    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        double a = scores[i], b = i ? scores[i - 1] : 0, c = i > 1 ? scores[i - 2] : 0;

        assert_int_equal(tdl_adaptive_issue(s, 0, &width, NULL), TDL_OK);
        assert_int_equal(tdl_adaptive_arrive(s, 0, a, NULL), TDL_OK);
        if (i < 2)
            continue;
        assert_int_equal(tdl_adaptive_issue(s, 0, &width, NULL), TDL_OK);
        assert_true(width == fmax(fmin(a, b), fmin(fmax(a, b), c))); /* the median of three */
        assert_non_null(saved = tdl_adaptive_save(s));
        assert_int_equal(tdl_adaptive_load(saved, &back, NULL), TDL_OK);
        assert_int_equal(tdl_adaptive_waiting(back, 0), 1);
        assert_int_equal(tdl_adaptive_arrive(back, 0, 6, NULL), TDL_OK);
        assert_int_equal(tdl_adaptive_issue(back, 0, &again, NULL), TDL_OK);
        assert_true(again == fmax(fmin(a, b), fmin(fmax(a, b), 6)));
        assert_int_equal(tdl_adaptive_arrive(s, 0, NAN, NULL), TDL_OK); /* never known */
        tdl_adaptive_free(back);
        json_decref(saved);
    }
    tdl_adaptive_free(s);
}

static void damaged_states_are_refused(void **state)
{
    static const char *const bad[] = {
        "null",
        "{\"miss\":0.1,\"rate\":0.01,\"window\":5,\"horizons\":[]}",
        "{\"miss\":1,\"rate\":0.01,\"window\":5,\"horizons\":[{}]}",
        "{\"miss\":0.1,\"rate\":0,\"window\":5,\"horizons\":[{}]}",
        "{\"miss\":0.1,\"rate\":0.1,\"window\":-1,\"horizons\":[{}]}",
        "{\"miss\":0.1,\"rate\":0.1,\"window\":1,\"horizons\":[{}]}",
        "{\"miss\":0.1,\"rate\":0.1,\"window\":1,\"horizons\":[{\"level\":0.1,\"scores\":[1,2],"
        "\"waiting\":[]}]}",
        "{\"miss\":0.1,\"rate\":0.1,\"window\":2,\"horizons\":[{\"level\":0.1,\"scores\":[null],"
        "\"waiting\":[]}]}",
        "{\"miss\":0.1,\"rate\":0.1,\"window\":2,\"horizons\":[{\"level\":0.1,\"scores\":[1],"
        "\"waiting\":[\"x\"]}]}",
        "{\"miss\":0.1,\"rate\":0.1,\"window\":2,\"horizons\":[{\"level\":1e9,\"scores\":[1],"
        "\"waiting\":[]}]}",
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tdl_adaptive *s = NULL;
        json_t *read = NULL;

        assert_int_equal(
            tdl_json_parse(tdl_str_of(bad[i]), TDL_JSON_REFUSE_DUPLICATES, &read, NULL), TDL_OK);
        assert_int_equal(tdl_adaptive_load(read, &s, NULL), TDL_E_CORRUPT);
        assert_null(s);
        json_decref(read);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_exchangeable_rows_are_covered_as_asked),
        cmocka_unit_test(few_scores_cover_no_less_than_asked),
        cmocka_unit_test(the_rank_is_not_pushed_up_by_rounding),
        cmocka_unit_test(conformalised_quantiles_cover_skewed_rows),
        cmocka_unit_test(adaptive_sets_take_classes_in_order),
        cmocka_unit_test(randomised_sets_cover_exactly_and_plain_ones_more),
        cmocka_unit_test(stored_scores_come_back_and_damaged_ones_do_not),
        cmocka_unit_test(the_level_follows_a_shift_although_truth_is_late),
        cmocka_unit_test(a_level_that_cannot_move_misses_what_theory_says),
        cmocka_unit_test(the_level_moves_only_when_the_truth_arrives),
        cmocka_unit_test(a_window_keeps_the_latest_scores),
        cmocka_unit_test(damaged_states_are_refused),
    };

    return cmocka_run_group_tests_name("stats/conformal", tests, NULL, NULL);
}
