#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/fairness.h"
#include "stats/mitigate.h"
#include "stats/parity.h"

static void near(double got, double expected)
{
    if (!(fabs(got - expected) < 1e-12))
        fail_msg("%.17g instead of %.17g", got, expected);
}

static const tdl_fair_options SMALL = {.rows_min = 1, .resamples = 20};

/* fairlearn, docs/user_guide/assessment/common_fairness_metrics.rst: .25, .6667, 1, 0. */
static void eighteen_rows_in_three_groups_agree_with_fairlearn(void **state)
{
    static const double y[] = {0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1};
    static const double yes[] = {0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0};
    static const int32_t group[] = {1, 1, 0, 1, 1, 2, 2, 2, 0, 0, 2, 0, 1, 2, 2, 1, 2, 2};
    tdl_fair_rows rows = {.n = 18, .y = y, .decision = yes};
    tdl_rng rng = tdl_rng_make(0, 0);
    tdl_fairness f;

    TDL_UNUSED(state);
    assert_int_equal(tdl_fairness_audit(&rows, group, 3, &SMALL, &rng, &f, NULL), TDL_OK);
    near(f.dpd, 0.25);
    near(f.dpr, 2.0 / 3);
    near(f.eod, 1);
    near(f.eor, 0);
    tdl_fairness_release(&f);
}

/* Rates are the same in truth: of 100 audits of other rows, the interval of the selection rates'
 * difference must hold 0 in at least 93 (the project's bar; 95 are expected). */
static void a_fair_model_is_found_fair_in_19_of_20_audits(void **state)
{
    enum { ROWS = 400, AUDITS = 100 };
    double y[ROWS], decision[ROWS];
    int32_t group[ROWS];
    tdl_rng rng = tdl_rng_make(21, 0);
    tdl_fair_rows rows = {.n = ROWS, .y = y, .decision = decision};
    tdl_fair_options options = {.resamples = 300};
    size_t held = 0;

    TDL_UNUSED(state);
    for (size_t a = 0; a < AUDITS; a++) {
        tdl_fairness f;

        for (size_t i = 0; i < ROWS; i++) {
            y[i] = tdl_rng_uniform(&rng) < 0.3;
            decision[i] = tdl_rng_uniform(&rng) < 0.2 + 0.4 * y[i];
            group[i] = (int32_t)(i % 3 == 0);
        }
        assert_int_equal(tdl_fairness_audit(&rows, group, 2, &options, &rng, &f, NULL), TDL_OK);
        assert_int_equal(f.pairs_n, 1);
        held += f.pair[0].difference[TDL_FAIR_SELECTION].low <= 0 &&
                f.pair[0].difference[TDL_FAIR_SELECTION].high >= 0;
        assert_int_equal(f.pair[0].verdict[TDL_FAIR_SELECTION] == TDL_FAIR_NO_EVIDENCE,
                         f.pair[0].difference[TDL_FAIR_SELECTION].low <= 0 &&
                             f.pair[0].difference[TDL_FAIR_SELECTION].high >= 0);
        tdl_fairness_release(&f);
    }
    assert_true(held >= 93);
}

static void an_unfair_model_is_found_out_with_its_sign(void **state)
{
    enum { ROWS = 600 };
    double y[ROWS], decision[ROWS], score[ROWS];
    int32_t group[ROWS];
    tdl_rng rng = tdl_rng_make(4, 0), again;
    tdl_fair_rows rows = {.n = ROWS, .y = y, .decision = decision, .score = score};
    tdl_fairness f, same;

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) {
        group[i] = (int32_t)(i % 2);
        y[i] = tdl_rng_uniform(&rng) < 0.4;
        score[i] = tdl_rng_uniform(&rng) * (group[i] ? 1 : 0.6);
        decision[i] = score[i] >= 0.5;
    }
    again = rng;
    assert_int_equal(tdl_fairness_audit(&rows, group, 2, NULL, &rng, &f, NULL), TDL_OK);
    assert_int_equal(tdl_fairness_audit(&rows, group, 2, NULL, &again, &same, NULL), TDL_OK);
    assert_memory_equal(f.pair, same.pair, sizeof *f.pair);
    assert_int_equal(f.pair[0].verdict[TDL_FAIR_SELECTION], TDL_FAIR_EVIDENCE);
    assert_true(f.pair[0].difference[TDL_FAIR_SELECTION].high < 0); /* group 0 is chosen less */
    near(f.dpd, -f.pair[0].difference[TDL_FAIR_SELECTION].mean);
    tdl_fairness_release(&f);
    tdl_fairness_release(&same);
}

static void small_groups_are_shown_but_not_judged(void **state)
{
    enum { ROWS = 129 };
    double y[ROWS], decision[ROWS];
    int32_t group[ROWS];
    tdl_rng rng = tdl_rng_make(4, 0);
    tdl_fair_rows rows = {.n = ROWS, .y = y, .decision = decision};
    const tdl_str name[] = {TDL_STR("few"), TDL_STR("no \"positives\""), TDL_STR("a"),
                            TDL_STR("empty")};
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    json_t *read = NULL;
    tdl_fairness f;

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) { /* 20 rows, 50, 58, and one of no group */
        group[i] = i < 20 ? 0 : i < 70 ? 1 : i < 128 ? 2 : -1;
        y[i] = group[i] != 1 && i % 2;
        decision[i] = (double)(i % 3 == 0);
    }
    assert_int_equal(tdl_fairness_audit(&rows, group, 4, NULL, &rng, &f, NULL), TDL_OK);
    assert_string_equal(f.group[0].not_estimable, "too few rows");
    assert_string_equal(f.group[1].not_estimable, "no positives");
    assert_null(f.group[2].not_estimable);
    assert_string_equal(f.group[3].not_estimable, "too few rows");
    assert_true(isnan(f.dpd)); /* one group cannot differ from itself */
    assert_int_equal(f.left_out, 1);
    assert_int_equal(f.pair[0].verdict[TDL_FAIR_SELECTION], TDL_FAIR_TOO_FEW);
    tdl_fairness_write(&f, name, &w);
    assert_int_equal(tdl_json_parse(tdl_buf_view(&out), TDL_JSON_REFUSE_DUPLICATES, &read, NULL),
                     TDL_OK);
    assert_int_equal(json_array_size(json_object_get(read, "groups")), 4);
    assert_true(json_is_null(json_object_get(read, "demographic_parity_difference")));
    assert_string_equal(
        json_string_value(json_object_get(
            json_object_get(json_array_get(json_object_get(read, "pairs"), 0), "selection"),
            "verdict")),
        "too few rows");
    json_decref(read);
    tdl_buf_release(&out);
    tdl_fairness_release(&f);
}

/* Predictions that are too low for one group by 1. */
static void a_regression_is_audited_by_its_residuals(void **state)
{
    enum { ROWS = 200 };
    double y[ROWS], score[ROWS];
    int32_t group[ROWS];
    tdl_rng rng = tdl_rng_make(9, 0);
    tdl_fair_rows rows = {.n = ROWS, .y = y, .score = score};
    tdl_fairness f;

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) {
        group[i] = (int32_t)(i % 2);
        score[i] = 10 + tdl_rng_normal(&rng);
        y[i] = score[i] + (i % 2 ? 1 : 0) + (i % 4 < 2 ? 0.25 : -0.25);
    }
    assert_int_equal(tdl_fairness_audit(&rows, group, 2, NULL, &rng, &f, NULL), TDL_OK);
    near(f.group[0].rate[TDL_FAIR_RESIDUAL], 0);
    near(f.group[1].rate[TDL_FAIR_RESIDUAL], 1);
    near(f.residual_difference, 1);
    assert_int_equal(f.pair[0].verdict[TDL_FAIR_RESIDUAL], TDL_FAIR_EVIDENCE);
    assert_true(isnan(f.dpd) && isnan(f.group[0].rate[TDL_FAIR_TPR]));
    tdl_fairness_release(&f);
}

/* By hand: ranks 1, 3 of group 0 with merits 2, 1; rank 2 of group 1 with merit 1. Exposures 1, .5
 * and 1 / log2(3): (1 + .5) / 3 and .6309 / 1. */
static void a_ranking_is_audited_by_exposure_over_merit(void **state)
{
    static const double rank[] = {1, 2, 3}, merit[] = {2, 1, 1}, zero[] = {0, 0, 0};
    static const int32_t group[] = {0, 1, 0};
    double y[3], weight[3];
    tdl_fair_rows rows = {.n = 3, .y = y, .score = zero, .weight = weight};
    tdl_rng rng = tdl_rng_make(0, 0);
    tdl_fairness f;

    TDL_UNUSED(state);
    assert_int_equal(tdl_parity_of_ranking(rank, merit, 3, y, weight, NULL), TDL_OK);
    assert_int_equal(tdl_fairness_audit(&rows, group, 2, &SMALL, &rng, &f, NULL), TDL_OK);
    near(f.group[0].rate[TDL_FAIR_RESIDUAL], 0.5);
    near(f.group[1].rate[TDL_FAIR_RESIDUAL], 0.63092975357145753);
    tdl_fairness_release(&f);
    assert_int_equal(tdl_parity_of_ranking(zero, merit, 3, y, weight, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_parity_of_ranking(rank, zero, 3, y, weight, NULL), TDL_E_INVALID);
}

/* Cell 7: 10 and 14 around a mean of 12. Cell 3: one group only. The last row has no group. */
static void prices_are_compared_within_a_cell(void **state)
{
    static const double price[] = {10, 100, 14, 200, 5}, one[] = {1, 1, 1, 1, 1};
    static const int64_t cell[] = {7, 3, 7, 3, 7};
    static const int32_t group[] = {0, 1, 1, 1, -1};
    double y[5], weight[5];
    tdl_fair_rows rows = {.n = 5, .y = y, .score = one, .weight = weight};
    tdl_rng rng = tdl_rng_make(0, 0);
    tdl_fairness f;

    TDL_UNUSED(state);
    assert_int_equal(tdl_parity_of_price(price, cell, group, 5, y, weight, NULL), TDL_OK);
    assert_true(weight[0] == 1 && weight[1] == 0 && weight[2] == 1 && weight[4] == 0);
    assert_int_equal(tdl_fairness_audit(&rows, group, 2, &SMALL, &rng, &f, NULL), TDL_OK);
    near(f.group[0].rate[TDL_FAIR_RESIDUAL], -2.0 / 12);
    near(f.group[1].rate[TDL_FAIR_RESIDUAL], 2.0 / 12);
    tdl_fairness_release(&f);
    assert_int_equal(tdl_parity_of_price((double[]){0}, cell, group, 1, y, weight, NULL),
                     TDL_E_INVALID);
}

static void crossed_groups_keep_what_is_missing_missing(void **state)
{
    static const int32_t a[] = {0, 1, -1, 1}, b[] = {2, 0, 1, -1};
    int32_t got[4];

    TDL_UNUSED(state);
    tdl_fair_cross(a, b, 3, 4, got);
    assert_int_equal(got[0], 2);
    assert_int_equal(got[1], 3);
    assert_int_equal(got[2], -1);
    assert_int_equal(got[3], -1);
}

static void rows_that_cannot_be_audited_are_named(void **state)
{
    double y[] = {0, 1, 0.5}, decision[] = {0, 1, 1};
    int32_t group[] = {0, 1, 1};
    tdl_rng rng = tdl_rng_make(9, 0);
    tdl_fair_rows rows = {.n = 3, .y = y, .decision = decision};
    tdl_fairness f = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_fairness_audit(&rows, group, 2, &SMALL, &rng, &f, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 2"));
    y[2] = 1;
    group[1] = 2;
    assert_int_equal(tdl_fairness_audit(&rows, group, 2, &SMALL, &rng, &f, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 1: group 2"));
    assert_int_equal(tdl_fairness_audit(&rows, group, 0, &SMALL, &rng, &f, &why), TDL_E_INVALID);
    rows.decision = NULL;
    assert_int_equal(tdl_fairness_audit(&rows, group, 3, &SMALL, &rng, &f, &why), TDL_E_INVALID);
    assert_null(f.group);
}

/* ---- mitigation ---- */

static void reweighing_makes_group_and_class_independent(void **state)
{
    enum { ROWS = 90 };
    double y[ROWS], weight[ROWS], factor[ROWS], sums[2][3] = {{0}}, all = 0;
    int32_t group[ROWS];

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) {
        group[i] = i == 5 ? -1 : (int32_t)(i % 7 < 2);
        y[i] = (double)(i * i % 3 + (i % 11 == 0)) - (double)(i * i % 3 == 2);
        weight[i] = 1 + (double)(i % 4);
    }
    assert_int_equal(tdl_reweigh(y, 3, group, 2, weight, ROWS, factor, NULL), TDL_OK);
    assert_true(factor[5] == 1);
    for (size_t i = 0; i < ROWS; i++)
        if (group[i] >= 0) {
            sums[group[i]][(size_t)y[i]] += weight[i] * factor[i];
            all += weight[i] * factor[i];
        }
    for (size_t g = 0; g < 2; g++)
        for (size_t c = 0; c < 3; c++)
            near(sums[g][c] * all / 1e4,
                 (sums[g][0] + sums[g][1] + sums[g][2]) * (sums[0][c] + sums[1][c]) / 1e4);
}

static void group_thresholds_bring_rates_together(void **state)
{
    enum { ROWS = 2000 };
    double *y = calloc(ROWS, sizeof *y), *score = calloc(ROWS, sizeof *score), at[3];
    double target, all = 0;
    double chosen[3][2] = {{0}}, rows[3][2] = {{0}};
    int32_t *group = calloc(ROWS, sizeof *group);
    tdl_rng rng = tdl_rng_make(31, 0);

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) {
        group[i] = (int32_t)(i % 5 == 0);
        y[i] = tdl_rng_uniform(&rng) < (group[i] ? 0.2 : 0.5);
        score[i] = tdl_rng_normal(&rng) + 2 * y[i] - group[i];
    }
    assert_int_equal(
        tdl_group_thresholds(TDL_EQUAL_SELECTION, y, score, NULL, group, 3, ROWS, 0.3, 7, at, NULL),
        TDL_OK);
    assert_true(at[2] == 7); /* nobody is in group 2 */
    for (size_t i = 0; i < ROWS; i++) {
        rows[group[i]][0]++;
        chosen[group[i]][0] += score[i] >= at[group[i]];
    }
    near(chosen[0][0] / rows[0][0], 0.3); /* 480 of 1,600, 120 of 400 */
    near(chosen[1][0] / rows[1][0], 0.3);
    assert_int_equal(
        tdl_group_thresholds(TDL_EQUAL_TPR, y, score, NULL, group, 3, ROWS, 0.8, 7, at, NULL),
        TDL_OK);
    for (size_t i = 0; i < ROWS; i++)
        if (y[i] != 0) {
            rows[group[i]][1]++;
            chosen[group[i]][1] += score[i] >= at[group[i]];
        }
    for (size_t g = 0; g < 2; g++)
        assert_true(fabs(chosen[g][1] / rows[g][1] - 0.8) <= 0.5 / rows[g][1] + 1e-12);
    assert_int_equal(tdl_equal_tpr_target(y, score, NULL, group, 3, ROWS, 0.3, &target, NULL),
                     TDL_OK);
    assert_int_equal(
        tdl_group_thresholds(TDL_EQUAL_TPR, y, score, NULL, group, 3, ROWS, target, 7, at, NULL),
        TDL_OK);
    for (size_t i = 0; i < ROWS; i++)
        all += score[i] >= at[group[i]];
    near(round(all / ROWS * 200) / 200, 0.3); /* 600 of 2,000, give or take 5 */
    free(y);
    free(score);
    free(group);
}

static void tied_scores_are_decided_alike(void **state)
{
    static const double score[] = {1, 2, 2, 2, 3}, y[] = {0, 0, 1, 1, 1};
    static const int32_t group[] = {0, 0, 0, 0, 0};
    double at;

    TDL_UNUSED(state); /* rates possible are 0, .2, .8 and 1 */
    assert_int_equal(
        tdl_group_thresholds(TDL_EQUAL_SELECTION, y, score, NULL, group, 1, 5, 0.45, 0, &at, NULL),
        TDL_OK);
    near(at, 2.5);
    assert_int_equal(
        tdl_group_thresholds(TDL_EQUAL_SELECTION, y, score, NULL, group, 1, 5, 0.55, 0, &at, NULL),
        TDL_OK);
    near(at, 1.5);
    assert_int_equal(
        tdl_group_thresholds(TDL_EQUAL_SELECTION, y, score, NULL, group, 1, 5, 0, 0, &at, NULL),
        TDL_OK);
    assert_true(at > 3);
}

/* Two normal groups one apart: at strength 1 their quantiles agree, at 1/2 half of the gap stays.
 */
static void repair_closes_the_gap_and_keeps_the_order(void **state)
{
    enum { ROWS = 1000 };
    double *score = calloc(ROWS, sizeof *score);
    int32_t *group = calloc(ROWS, sizeof *group);
    tdl_rng rng = tdl_rng_make(8, 0);

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) {
        group[i] = (int32_t)(i % 2);
        score[i] = tdl_rng_normal(&rng) * (group[i] ? 2 : 1) + group[i];
    }
    for (int s = 0; s <= 2; s++) {
        double mean[2] = {0}, before[2] = {0};
        tdl_repair r = {0}, back = {0};
        json_t *saved;

        assert_int_equal(tdl_repair_fit(score, NULL, group, 3, ROWS, s / 2.0, &r, NULL), TDL_OK);
        assert_non_null(saved = tdl_repair_save(&r));
        assert_int_equal(tdl_repair_load(saved, &back, NULL), TDL_OK);
        for (size_t i = 0; i < ROWS; i++) {
            double repaired = tdl_repair_apply(&r, score[i], group[i]);

            assert_true(repaired == tdl_repair_apply(&back, score[i], group[i]));
            assert_true(tdl_repair_apply(&r, score[i], 2) == score[i] || s);
            mean[group[i]] += repaired / (ROWS / 2);
            before[group[i]] += score[i] / (ROWS / 2);
        }
        assert_true(fabs(mean[1] - mean[0] - (1 - s / 2.0) * (before[1] - before[0])) < 0.01);
        for (double x = -6; x < 8; x += 0.01)
            for (int32_t g = 0; g < 2; g++)
                assert_true(tdl_repair_apply(&r, x, g) <=
                            tdl_repair_apply(&r, x + 0.01, g) + 1e-12);
        assert_true(tdl_repair_apply(&r, 1.5, -1) == 1.5);
        json_decref(saved);
        tdl_repair_release(&r);
        tdl_repair_release(&back);
    }
    free(score);
    free(group);
}

static void damaged_repairs_are_refused(void **state)
{
    static const double score[] = {1, 2};
    static const int32_t group[] = {0, 1};
    static const char *const keys[] = {"common", "quantile", "groups", "strength"};
    tdl_repair r = {0}, back = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_repair_fit(score, NULL, group, 2, 2, 1, &r, NULL), TDL_OK);
    for (size_t k = 0; k < 4; k++) {
        json_t *saved = tdl_repair_save(&r), *array = json_object_get(saved, keys[k]);

        if (json_is_array(array))
            json_array_set_new(array, 50, json_real(-1e9));
        else
            json_object_set_new(saved, keys[k], json_integer(1LL << 40));
        assert_int_equal(tdl_repair_load(saved, &back, NULL), TDL_E_CORRUPT);
        json_object_del(saved, keys[k]);
        assert_int_equal(tdl_repair_load(saved, &back, NULL), TDL_E_CORRUPT);
        json_decref(saved);
    }
    assert_int_equal(tdl_repair_load(NULL, &back, NULL), TDL_E_CORRUPT);
    tdl_repair_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eighteen_rows_in_three_groups_agree_with_fairlearn),
        cmocka_unit_test(a_fair_model_is_found_fair_in_19_of_20_audits),
        cmocka_unit_test(an_unfair_model_is_found_out_with_its_sign),
        cmocka_unit_test(small_groups_are_shown_but_not_judged),
        cmocka_unit_test(a_regression_is_audited_by_its_residuals),
        cmocka_unit_test(a_ranking_is_audited_by_exposure_over_merit),
        cmocka_unit_test(prices_are_compared_within_a_cell),
        cmocka_unit_test(crossed_groups_keep_what_is_missing_missing),
        cmocka_unit_test(rows_that_cannot_be_audited_are_named),
        cmocka_unit_test(reweighing_makes_group_and_class_independent),
        cmocka_unit_test(group_thresholds_bring_rates_together),
        cmocka_unit_test(tied_scores_are_decided_alike),
        cmocka_unit_test(repair_closes_the_gap_and_keeps_the_order),
        cmocka_unit_test(damaged_repairs_are_refused),
    };

    return cmocka_run_group_tests_name("stats/fairness", tests, NULL, NULL);
}
