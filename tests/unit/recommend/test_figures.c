/* The gate over cuts, and what a trial's figures are. Differences are made so plain that any
 * bootstrap tells them; the rules are those of the recommend sheet's 2.9. */
#include "cases.h"

#include "apps/recommend/figures.h"

enum { PEOPLE = 300 };

/* NDCG@10 of contender: `base` and a share of people for whom it is 1. */
static void fill(double *ret, size_t n, double base, size_t better)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = i % 10 < better ? 1 : base;
}

static size_t serves_of(double cut[4][2][PEOPLE], size_t contenders, size_t people,
                        tdl_gate_row *rows)
{
    const double *ndcg[8];
    const size_t n[] = {PEOPLE, PEOPLE};
    size_t serves;
    tdl_report why = {0};

    for (size_t c = 0; c < contenders; c++)
        for (size_t k = 0; k < 2; k++)
            ndcg[2 * c + k] = cut[c][k];
    expect_ok(tdl_gate_cuts(ndcg, contenders, n, 2, people, NULL, 1, rows, &serves, &why), &why);
    return serves;
}

static void no_difference_keeps_the_simpler(void **state)
{
    static double cut[4][2][PEOPLE];
    tdl_gate_row rows[4];

    TDL_UNUSED(state);
    for (size_t k = 0; k < 2; k++) {
        fill(cut[0][k], PEOPLE, 0, 2); // 2 of 10
        fill(cut[1][k], PEOPLE, 0, 4); // clearly more
        fill(cut[2][k], PEOPLE, 0, 4); // the same
        fill(cut[3][k], PEOPLE, 0, 3);
        cut[2][k][9] = 1; // one person more: no proof
    }
    assert_int_equal(serves_of(cut, 4, PEOPLE, rows), 1);
    assert_int_equal(rows[0].verdict, TDL_GATE_FLOOR);
    assert_int_equal(rows[1].verdict, TDL_GATE_BETTER);
    expect_near(rows[1].difference.mean, .2, 1e-12);
    assert_int_equal(rows[2].verdict, TDL_GATE_SAME);
    assert_int_equal(rows[2].incumbent, 1);
    assert_int_equal(rows[3].verdict, TDL_GATE_WORSE);
}

static void one_cut_wholly_below_forbids_a_promotion(void **state)
{
    static double cut[4][2][PEOPLE];
    tdl_gate_row rows[2];

    TDL_UNUSED(state);
    fill(cut[0][0], PEOPLE, 0, 2);
    fill(cut[0][1], PEOPLE, 0, 4);
    fill(cut[1][0], PEOPLE, 0, 9); // far better
    fill(cut[1][1], PEOPLE, 0, 2); // worse
    assert_int_equal(serves_of(cut, 2, PEOPLE, rows), 0);
    assert_true(rows[1].difference.low > 0);
    assert_int_equal(rows[1].verdict, TDL_GATE_CUT_BELOW);
}

static void too_few_people_promote_nothing(void **state)
{
    static double cut[4][2][PEOPLE];
    tdl_gate_row rows[2];

    TDL_UNUSED(state);
    for (size_t k = 0; k < 2; k++) {
        fill(cut[0][k], PEOPLE, 0, 1);
        fill(cut[1][k], PEOPLE, 0, 9);
    }
    assert_int_equal(serves_of(cut, 2, 199, rows), 0);
    assert_int_equal(rows[1].verdict, TDL_GATE_FEW_PEOPLE);
    assert_int_equal(serves_of(cut, 2, 200, rows), 1);
}

/* The means are those of the values, and the interval holds them; the same seed gives the same. */
static void figures_are_means_with_intervals(void **state)
{
    tdl_rung_trial trial = {.value = calloc(PEOPLE, sizeof *trial.value)};
    tdl_figures f, again;
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < PEOPLE; i++) {
        trial.value[i][TDL_K10].hr = i % 2 == 0;
        trial.value[i][TDL_K10].ndcg = i % 4 == 0;
    }
    expect_ok(tdl_figures_of(&trial, PEOPLE, 3, &f, &why), &why);
    expect_ok(tdl_figures_of(&trial, PEOPLE, 3, &again, &why), &why);
    expect_near(f.hr[TDL_K10].mean, .5, 1e-12);
    expect_near(f.ndcg[TDL_K10].mean, .25, 1e-12);
    assert_true(f.mrr[TDL_K10].low == 0 && f.mrr[TDL_K10].high == 0);
    /* R: qbinom(c(.025, .975), 300, .5) / 300 = .4433, .5567; a bootstrap of 1,000 is near it */
    expect_near(f.hr[TDL_K10].low, .4433, .01);
    expect_near(f.hr[TDL_K10].high, .5567, .01);
    assert_memory_equal(&f, &again, sizeof f);
    tdl_rung_trial_release(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_difference_keeps_the_simpler),
        cmocka_unit_test(one_cut_wholly_below_forbids_a_promotion),
        cmocka_unit_test(too_few_people_promote_nothing),
        cmocka_unit_test(figures_are_means_with_intervals),
    };
    return cmocka_run_group_tests_name("recommend/figures", tests, NULL, NULL);
}
