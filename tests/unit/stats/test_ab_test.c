/* Experiments. Expected values: ab_tests.json, proportion_vectors.json, cookie_cats.json and
 * bandits.json of the project's references, computed in double precision by a separate program
 * (argument 1: the folder of references; skipped without). The rest: scipy 1.10 and R, as said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"
#include "stats/anytime.h"
#include "stats/best_arm.h"
#include "stats/cuped.h"
#include "stats/distribution.h"
#include "stats/effect.h"
#include "stats/multiplicity.h"
#include "stats/posterior.h"
#include "stats/power.h"
#include "stats/quantile_arm.h"
#include "stats/traffic.h"

#define CLOSED     1e-9 /* relative: what has a closed form */
#define QUADRATURE 1e-7

static const char *refs;
static json_t *file;

static void expect(double found, double expected, double relative)
{
    if (!(fabs(found - expected) <= relative * fmax(fabs(expected), 1e-300)))
        fail_msg("found %.17g, expected %.17g", found, expected);
}

static void open_reference(const char *name)
{
    char path[1024];

    if (!refs) {
        print_message("skipped: no folder of references\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/decide/%s", refs, name);
    if (!(file = json_load_file(path, 0, NULL))) {
        print_message("skipped: no %s\n", path);
        skip();
    }
}

static int close_reference(void **state)
{
    (void)state;
    json_decref(file);
    file = NULL;
    return 0;
}

static const json_t *at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (!value)
        fail_msg("the reference has no %s", key);
    return value;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(at(object, key));
}

static double item(const json_t *array, size_t i)
{
    return json_number_value(json_array_get(array, i));
}

static double item_of(const json_t *object, const char *key, size_t i)
{
    return item(at(object, key), i);
}

static void expect_range(tdl_range found, const json_t *expected, double relative)
{
    expect(found.low, item(expected, 0), relative);
    expect(found.high, item(expected, 1), relative);
}

static tdl_arm arm_of(const json_t *o)
{
    return (tdl_arm){number(o, "n"), number(o, "mean"), number(o, "var")};
}

/* est, se, dof, t, p and interval, as far as the reference gives them. */
static void expect_effect(tdl_effect found, const json_t *o)
{
    assert_int_equal(found.gap, TDL_EFFECT_OK);
    expect(found.estimate, number(o, "est"), CLOSED);
    if (json_object_get(o, "se"))
        expect(found.se, number(o, "se"), CLOSED);
    if (json_object_get(o, "dof"))
        expect(found.dof, number(o, "dof"), CLOSED);
    expect(tdl_effect_p(found), number(o, "p"), QUADRATURE);
    expect_range(tdl_effect_interval(found, .05), at(o, "ci"), QUADRATURE);
}

static void two_proportions(void **state)
{
    size_t i;
    json_t *o;

    (void)state;
    open_reference("ab_tests.json");
    json_array_foreach(at(file, "two_proportion"), i, o)
    {
        double a = item_of(o, "a", 0), a_n = item_of(o, "a", 1);
        double b = item_of(o, "b", 0), b_n = item_of(o, "b", 1);
        tdl_z_test test = tdl_pooled_z(tdl_arm_proportion(a, a_n), tdl_arm_proportion(b, b_n));
        expect(test.z, number(o, "z_pooled"), CLOSED);
        expect(test.p, number(o, "p_pooled"), CLOSED);
        expect_range(tdl_newcombe(a, a_n, b, b_n, .05), at(o, "newcombe"), CLOSED);
    }
}

static void means_by_welch(void **state)
{
    size_t i;
    json_t *o;

    (void)state;
    open_reference("ab_tests.json");
    json_array_foreach(at(file, "welch"), i, o)
    {
        tdl_arm a = arm_of(at(o, "a")), b = arm_of(at(o, "b"));
        tdl_range lift;
        expect_effect(tdl_effect_absolute(a, b), at(o, "absolute"));
        expect_effect(tdl_effect_relative(a, b), at(o, "relative"));
        if (json_is_array(json_object_get(o, "fieller_relative_normal"))) {
            assert_true(tdl_fieller(a, b, .05, &lift));
            expect_range(lift, at(o, "fieller_relative_normal"), CLOSED);
        }
    }
}

static void read_ratio(const char *key, const char *covariate, tdl_sums *sums,
                       tdl_ratio_sums *ratio)
{
    const json_t *rows = at(at(file, "ratio"), key), *x = at(at(file, "ratio_cuped"), covariate);

    for (size_t i = 0; i < json_array_size(at(rows, "num")); i++) {
        double m = item_of(rows, "num", i), d = item_of(rows, "den", i);
        tdl_sums_add(sums, m, d);
        tdl_ratio_sums_add(ratio, m, d, item(x, i));
    }
}

static void ratios_with_and_without_a_covariate(void **state)
{
    tdl_sums a = {0}, b = {0};
    tdl_ratio_sums with_a = {0}, with_b = {0};

    (void)state;
    open_reference("ab_tests.json");
    read_ratio("a_rows", "x_a", &a, &with_a);
    read_ratio("b_rows", "x_b", &b, &with_b);
    const json_t *o = at(file, "ratio");
    tdl_arm arm = tdl_arm_ratio(&a);
    expect(arm.mean, number(at(o, "a"), "ratio"), CLOSED);
    expect(arm.variance, number(at(o, "a"), "var"), CLOSED);
    expect_effect(tdl_effect_absolute(arm, tdl_arm_ratio(&b)), at(o, "absolute"));
    expect_effect(tdl_effect_relative(arm, tdl_arm_ratio(&b)), at(o, "relative"));
    o = at(file, "ratio_cuped");
    tdl_cuped cuped = tdl_cuped_ratio(&with_a, &with_b);
    expect(cuped.theta, number(o, "theta"), CLOSED);
    expect(cuped.a.variance, number(o, "var_a"), CLOSED);
    expect(cuped.b.variance, number(o, "var_b"), CLOSED);
    expect_effect(tdl_effect_absolute(cuped.a, cuped.b), at(o, "absolute"));
}

static tdl_sums read_sums(const json_t *o, double n)
{
    return (tdl_sums){.n = n,
                      .y = number(o, "sum_post"),
                      .yy = number(o, "ss_post"),
                      .x = number(o, "sum_pre"),
                      .xx = number(o, "ss_pre"),
                      .xy = number(o, "prod")};
}

static void one_covariate_and_two(void **state)
{
    double y[16], x[32], theta[2];
    bool in_b[16];
    tdl_arm arm_a, arm_b;

    (void)state;
    open_reference("ab_tests.json");
    const json_t *o = at(file, "cuped");
    tdl_sums a = read_sums(at(o, "a"), number(o, "n_per_arm"));
    tdl_sums b = read_sums(at(o, "b"), number(o, "n_per_arm"));
    tdl_cuped cuped = tdl_cuped_mean(&a, &b);
    tdl_effect raw = tdl_effect_absolute(tdl_arm_mean(&a), tdl_arm_mean(&b));
    expect(cuped.theta, number(o, "theta"), CLOSED);
    expect(cuped.kept, number(o, "variance_ratio"), CLOSED);
    expect_effect(raw, at(o, "raw_absolute"));
    expect_effect(tdl_effect_absolute(cuped.a, cuped.b), at(o, "cuped_absolute"));

    o = at(file, "cuped_two_covariates");
    size_t n = json_array_size(at(o, "y"));
    assert_true(n <= 16);
    for (size_t i = 0; i < n; i++) {
        y[i] = item_of(o, "y", i);
        in_b[i] = item_of(o, "arm", i) > 0;
        x[2 * i] = item(json_array_get(at(o, "x"), i), 0);
        x[2 * i + 1] = item(json_array_get(at(o, "x"), i), 1);
    }
    assert_int_equal(tdl_cuped_many(y, x, in_b, n, 2, theta, &arm_a, &arm_b, NULL), TDL_OK);
    expect(theta[0], item_of(o, "theta", 0), CLOSED);
    expect(theta[1], item_of(o, "theta", 1), CLOSED);
    expect_effect(tdl_effect_absolute(arm_a, arm_b), at(o, "absolute"));
}

static void strata(void **state)
{
    tdl_stratum list[8];
    size_t i, n = 0;
    json_t *s;

    (void)state;
    open_reference("ab_tests.json");
    const json_t *o = at(file, "post_stratified");
    json_array_foreach(at(o, "strata"), i, s) list[n++] =
        (tdl_stratum){number(s, "weight"), arm_of(at(s, "a")), arm_of(at(s, "b"))};
    tdl_effect effect = tdl_effect_stratified(list, n);
    expect(effect.estimate, number(o, "est"), CLOSED);
    expect(effect.se, number(o, "se"), CLOSED);
    expect(tdl_effect_p(effect), number(o, "p"), CLOSED);
    list[1].b.n = 1;
    assert_int_equal(tdl_effect_stratified(list, n).gap, TDL_EFFECT_NO_UNITS);
}

static void the_bayesian_view(void **state)
{
    size_t i;
    json_t *o;

    (void)state;
    open_reference("ab_tests.json");
    json_array_foreach(at(file, "beta_binomial"), i, o)
    {
        double p = item_of(o, "prior", 0), q = item_of(o, "prior", 1);
        double a = item_of(o, "a", 0), b = item_of(o, "b", 0);
        tdl_posterior found =
            tdl_posterior_proportions((tdl_beta){p + a, q + item_of(o, "a", 1) - a},
                                      (tdl_beta){p + b, q + item_of(o, "b", 1) - b});
        expect(found.chance, number(o, "p_b_gt_a"), QUADRATURE);
        expect(found.loss_b, number(o, "expected_loss_ship_b"), QUADRATURE);
        expect(found.loss_a, number(o, "expected_loss_ship_a"), 1e-5); // 5e-7 beside means of .2
    }
    json_array_foreach(at(file, "normal_effect"), i, o)
    {
        const json_t *prior = at(o, "prior");
        tdl_effect effect = {number(o, "est"), number(o, "se"), INFINITY, TDL_EFFECT_OK};
        tdl_posterior found =
            tdl_posterior_effect(effect, json_is_array(prior) ? item(prior, 0) : 0,
                                 json_is_array(prior) ? sqrt(item(prior, 1)) : INFINITY);
        expect(found.mean, number(o, "mean"), CLOSED);
        expect(found.sd, number(o, "sd"), CLOSED);
        expect(found.chance, number(o, "chance_to_win"), CLOSED);
        expect_range(tdl_posterior_interval(found, .05), at(o, "ci"), CLOSED);
        expect(found.loss_b, number(o, "expected_loss_ship_b"), CLOSED);
        expect(found.loss_a, number(o, "expected_loss_keep_a"), CLOSED);
    }
}

static void looking_at_any_time(void **state)
{
    size_t i;
    json_t *o;

    (void)state;
    open_reference("ab_tests.json");
    json_array_foreach(at(at(file, "asympcs"), "grid"), i, o)
        expect(tdl_anytime_half(sqrt(number(o, "s2") / number(o, "n")), number(o, "n"),
                                number(o, "N"), number(o, "alpha")),
               number(o, "hw"), CLOSED);
    json_array_foreach(at(at(file, "asympcs"), "p_values"), i, o)
    {
        expect(tdl_anytime_p(number(o, "est"), number(o, "se"), number(o, "n"), number(o, "n_star"),
                             number(o, "alpha")),
               number(o, "p"), CLOSED);
        expect(tdl_anytime_half(number(o, "se"), number(o, "n"), number(o, "n_star"),
                                number(o, "alpha")),
               number(o, "hw"), CLOSED);
    }
    json_array_foreach(at(file, "msprt"), i, o)
        expect(tdl_mixture_p(number(o, "theta"), sqrt(number(o, "V")), sqrt(number(o, "tau2"))),
               number(o, "p"), CLOSED);
    json_array_foreach(at(file, "msprt_cs"), i, o)
        expect(tdl_mixture_half(sqrt(number(o, "V")), sqrt(number(o, "tau2")), number(o, "alpha")),
               number(o, "hw"), CLOSED);
}

static void vectors_of_proportions(void **state)
{
    size_t i;
    json_t *o;

    (void)state;
    open_reference("proportion_vectors.json");
    json_array_foreach(file, i, o)
    {
        bool relative = !strcmp(json_string_value(at(o, "difference")), "relative");
        tdl_arm a = tdl_arm_proportion(item_of(o, "a", 0), item_of(o, "a", 1));
        tdl_arm b = tdl_arm_proportion(item_of(o, "b", 0), item_of(o, "b", 1));
        tdl_effect effect = relative ? tdl_effect_relative(a, b) : tdl_effect_absolute(a, b);
        expect(effect.estimate, number(o, "estimate"), CLOSED);
        expect(effect.se, number(o, "se"), CLOSED);
        expect(effect.dof, number(o, "dof"), CLOSED);
        expect(tdl_effect_p(effect), number(o, "p"), QUADRATURE);
        expect_range(tdl_effect_interval(effect, .05), at(o, "ci95"), QUADRATURE);
        tdl_anytime seen = {0};
        tdl_anytime_look(&seen, effect, a.n + b.n, 5000, .05);
        const json_t *always = at(o, "asympcs_n_star_5000");
        expect_range((tdl_range){seen.low, seen.high}, at(always, "ci"), CLOSED);
        expect(seen.p, number(always, "p"), CLOSED);
        if (!relative)
            continue; // the prior's scale is given for lifts
        const json_t *bayes = at(o, "normal_prior_relative_sd_0_3");
        tdl_posterior found = tdl_posterior_effect(effect, 0, TDL_PRIOR_LIFT);
        expect(found.chance, number(bayes, "chance_to_win"), CLOSED);
        expect(found.loss_a, number(bayes, "loss_keep_a"), CLOSED);
        expect(found.loss_b, number(bayes, "loss_ship_b"), CLOSED);
    }
}

/* Published A/B test of a mobile game: 90,189 players, gate at level 30 or 40. */
static void cookie_cats(void **state)
{
    (void)state;
    open_reference("cookie_cats.json");
    const json_t *o = at(file, "retention_7");
    tdl_arm a = tdl_arm_proportion(8502, 44700), b = tdl_arm_proportion(8279, 45489);
    tdl_effect effect = tdl_effect_absolute(a, b);
    tdl_anytime seen = {0};

    expect(tdl_pooled_z(a, b).p, number(o, "p_pooled"), CLOSED);
    expect_effect(effect, at(o, "welch_abs"));
    expect_effect(tdl_effect_relative(a, b), at(o, "welch_rel"));
    tdl_anytime_look(&seen, effect, a.n + b.n, 0, .05);
    expect_range((tdl_range){seen.low, seen.high}, at(at(o, "asympcs_abs"), "ci"), CLOSED);
    expect(seen.p, number(at(o, "asympcs_abs"), "p"), CLOSED);
    assert_true(seen.high > 0); // significant once, but not however often one looks
}

static void shares_of_the_traffic(void **state)
{
    double observed[4], weights[4];
    size_t i, n;
    json_t *o;

    (void)state;
    open_reference("ab_tests.json");
    json_array_foreach(at(file, "srm"), i, o)
    {
        n = json_array_size(at(o, "observed"));
        for (size_t k = 0; k < n; k++) {
            observed[k] = item_of(o, "observed", k);
            weights[k] = item_of(o, "weights", k);
        }
        tdl_ratio_test test = tdl_traffic_test(observed, weights, n);
        expect(test.chi2, number(o, "chi2"), CLOSED);
        expect(test.dof, number(o, "dof"), 0);
        expect(test.p, number(o, "p"), CLOSED);
    }
    json_array_foreach(at(file, "srm_sequential"), i, o)
    {
        n = json_array_size(at(o, "observed"));
        for (size_t k = 0; k < n; k++) {
            observed[k] = item_of(o, "observed", k);
            weights[k] = item_of(o, "weights", k);
        }
        expect(tdl_traffic_anytime_p(observed, weights, n, number(o, "concentration")),
               number(o, "p"), CLOSED);
    }
}

static void many_questions(void **state)
{
    double holm[16], bh[16];

    (void)state;
    open_reference("ab_tests.json");
    const json_t *o = at(file, "multiplicity");
    size_t n = json_array_size(at(o, "p"));
    for (size_t i = 0; i < n; i++) // any order
        holm[n - 1 - i] = bh[n - 1 - i] = item_of(o, "p", i);
    assert_int_equal(tdl_holm(holm, n, NULL), TDL_OK);
    assert_int_equal(tdl_benjamini_hochberg(bh, n, NULL), TDL_OK);
    for (size_t i = 0; i < n; i++) {
        expect(holm[n - 1 - i], item_of(o, "holm", i), CLOSED);
        expect(bh[n - 1 - i], item_of(o, "bh", i), CLOSED);
    }
}

static void quantiles(void **state)
{
    double values[512];
    uint32_t unit_values[64], unit_within[64];
    size_t n, k = 0;

    (void)state;
    open_reference("ab_tests.json");
    const json_t *o = at(file, "quantile");
    n = json_array_size(at(file, "quantile_values"));
    for (size_t i = 0; i < n; i++)
        values[i] = item_of(file, "quantile_values", i);
    tdl_sort_numbers(values, n);
    tdl_arm arm = tdl_arm_quantile(values, n, .9);
    expect(arm.mean, number(o, "quantile"), CLOSED);
    expect(arm.variance, number(o, "var"), CLOSED);
    expect(sqrt(arm.variance / arm.n), number(o, "se"), CLOSED);
    assert_true(tdl_arm_quantile(values, 30, .9).n == 0); // 3.84 * 9 = 34.6

    o = at(file, "quantile_clustered");
    const json_t *users = at(o, "events_per_user");
    size_t users_n = json_array_size(users);
    for (size_t u = 0; u < users_n; u++)
        for (size_t i = 0; i < json_array_size(json_array_get(users, u)); i++)
            values[k++] = item(json_array_get(users, u), i);
    tdl_sort_numbers(values, k);
    double q = tdl_quantile_value(values, k, .5);
    for (size_t u = 0; u < users_n; u++) {
        const json_t *of_user = json_array_get(users, u);
        unit_values[u] = (uint32_t)json_array_size(of_user);
        unit_within[u] = 0;
        for (size_t i = 0; i < unit_values[u]; i++)
            unit_within[u] += item(of_user, i) <= q;
    }
    arm = tdl_arm_quantile_clustered(values, k, .5, unit_values, unit_within, users_n);
    expect(arm.mean, number(o, "quantile"), CLOSED);
    expect(arm.variance, number(o, "var"), CLOSED);
}

static void units_needed(void **state)
{
    size_t i;
    json_t *o;

    (void)state;
    open_reference("ab_tests.json");
    const json_t *power = at(file, "power");
    json_array_foreach(at(power, "wald_n_per_arm"), i, o)
        expect(tdl_units_for_proportions(number(o, "p1"), number(o, "p2"),
                                         (tdl_power_plan){number(o, "alpha"), number(o, "power")}),
               number(o, "n"), CLOSED);
    tdl_power_plan usual = {0};
    expect(tdl_units_for_proportions_arcsine(.1, .11, usual),
           number(at(power, "arcsine_n_per_arm"), "n_closed_form"), CLOSED);
    expect(tdl_units_for_means(.2, usual), number(at(power, "t_n_per_arm"), "n"), QUADRATURE);
    json_array_foreach(at(power, "mde_absolute"), i, o)
    {
        double p = number(o, "p"), n = number(o, "n_per_arm");
        expect(tdl_detectable(sqrt(2 * p * (1 - p) / n), usual), number(o, "mde"), CLOSED);
    }
    json_array_foreach(at(power, "mde_relative_mean"), i, o) expect(
        tdl_detectable_relative(number(o, "mean"), number(o, "var"), number(o, "n_per_arm"), usual),
        number(o, "mde"), CLOSED);
    o = json_object_get(power, "power_at_n");
    double se = sqrt((.1 * .9 + .11 * .89) / 20000);
    expect(tdl_power_at(.01, se, tdl_student_limit(.05, INFINITY)), number(o, "fixed"), CLOSED);
    expect(tdl_power_at(.01, se, tdl_anytime_half(1, 40000, 40000, .05)),
           number(o, "asympcs_last_look_lower_bound"), 1e-6);
}

static void the_chance_to_be_best(void **state)
{
    double mean[TDL_ARMS_MAX], sd[TDL_ARMS_MAX], best[TDL_ARMS_MAX], second[TDL_ARMS_MAX],
        mixed[TDL_ARMS_MAX];
    tdl_beta beta[8];
    size_t i, n;
    json_t *o;

    (void)state;
    open_reference("bandits.json");
    json_array_foreach(at(file, "normal_arms"), i, o)
    {
        n = json_array_size(at(o, "mean"));
        for (size_t k = 0; k < n; k++) {
            mean[k] = item_of(o, "mean", k);
            sd[k] = item_of(o, "sd", k);
        }
        assert_int_equal(tdl_best_of_normal(mean, sd, n, best, second, NULL), TDL_OK);
        tdl_weights_top_two(best, second, n, mixed);
        for (size_t k = 0; k < n; k++) {
            expect(best[k], item_of(o, "p_best", k), 1e-9);
            expect(second[k], item_of(o, "p_second", k), 1e-9);
            expect(mixed[k], item_of(o, "top_two_weights", k), 1e-9);
        }
        tdl_weights_floor(best, n, .01);
        for (size_t k = 0; k < n; k++)
            expect(best[k], item_of(o, "thompson_floor_01", k), 1e-9);
        for (size_t k = 0; k < n; k++)
            mean[k] = -mean[k];
        assert_int_equal(tdl_best_of_normal(mean, sd, n, best, NULL, NULL), TDL_OK);
        for (size_t k = 0; k < n; k++)
            expect(best[k], item_of(o, "p_best_when_lower_is_better", k), 1e-9);
    }
    json_array_foreach(at(file, "beta_arms"), i, o)
    {
        n = json_array_size(at(o, "trials"));
        for (size_t k = 0; k < n; k++) {
            double won = item_of(o, "successes", k);
            beta[k] = (tdl_beta){1 + won, 1 + item_of(o, "trials", k) - won};
        }
        assert_int_equal(tdl_best_of_beta(beta, n, best), TDL_OK);
        for (size_t k = 0; k < n; k++)
            expect(best[k], item_of(o, "p_best", k), QUADRATURE);
    }
    o = json_object_get(json_object_get(file, "simple_policies"), "softmax");
    tdl_weights_softmax((double[]){.1, .3, .2}, 3, .1, best);
    for (size_t k = 0; k < 3; k++)
        expect(best[k], item_of(o, "p", k), CLOSED);
}

/* scipy 1.10: stats.t.sf, stats.t.isf, stats.chi2.sf, special.betaln, stats.beta.cdf. */
static void distributions(void **state)
{
    (void)state;
    expect(tdl_student_beyond(2, 1), .2951672353008664, 1e-13);
    expect(tdl_student_beyond(-1, 3.5), .38133725356344556, 1e-13);
    expect(tdl_student_beyond(5, INFINITY), 5.733031437583869e-07, 1e-13);
    expect(tdl_student_limit(.05, 1), tan(.475 * acos(-1)), 1e-13); // scipy is 2e-11 off here
    expect(tdl_student_limit(.05, INFINITY), 1.959963984540054, 1e-14);
    expect(tdl_chi_square_above(3, 1), .08326451666355042, 1e-12);
    expect(tdl_chi_square_above(20, 3), .00016974243555282632, 1e-12);
    expect(tdl_log_beta(.5, .5), log(acos(-1)), 1e-14);
    expect(tdl_beta_below(.3, 2, 5), .579825, 1e-12);
    assert_true(isnan(tdl_student_beyond(NAN, 3)) && isnan(tdl_beta_below(2, 1, 1)));
}

static void what_cannot_be_computed_says_why(void **state)
{
    tdl_arm none = {0}, one = {1, 3, 0}, flat = {10, 3, 0}, zero = {10, 0, 0}, some = {10, 4, 2};
    tdl_anytime seen = {0};
    double best[2];

    (void)state;
    assert_int_equal(tdl_effect_absolute(none, some).gap, TDL_EFFECT_NO_UNITS);
    assert_int_equal(tdl_effect_absolute(one, some).gap, TDL_EFFECT_NO_UNITS);
    assert_int_equal(tdl_effect_absolute(flat, flat).gap, TDL_EFFECT_ZERO_VARIANCE);
    assert_int_equal(tdl_effect_relative(zero, some).gap, TDL_EFFECT_ZERO_BASELINE);
    assert_true(tdl_effect_p(tdl_effect_absolute(none, some)) == 1);
    tdl_anytime_look(&seen, tdl_effect_absolute(none, some), 10, 0, .05);
    assert_true(seen.looks == 0);
    assert_true(tdl_traffic_test((double[]){0, 0}, (double[]){1, 1}, 2).p == 1);
    assert_true(tdl_traffic_test((double[]){10, 3}, (double[]){1, 0}, 2).p == 0);
    assert_true(tdl_pooled_z(zero, zero).p == 1);
    assert_int_equal(tdl_best_of_normal((double[]){NAN, 1}, (double[]){1, 1}, 2, best, NULL, NULL),
                     TDL_E_INVALID);
    // nothing is known apart: even; nothing is uncertain: the larger one
    assert_int_equal(tdl_best_of_normal((double[]){1, 1}, (double[]){0, 0}, 2, best, NULL, NULL),
                     TDL_OK);
    expect(best[0], .5, 1e-9);
    assert_int_equal(tdl_best_of_normal((double[]){1, 2}, (double[]){0, 0}, 2, best, NULL, NULL),
                     TDL_OK);
    expect(best[1], 1, 1e-12);
}

/* The interval of all looks is the narrowest of each side, and p the least. */
static void looks_only_narrow(void **state)
{
    tdl_anytime seen = {0};
    tdl_effect wide = {.2, .1, INFINITY, TDL_EFFECT_OK},
               narrow = {.1, .02, INFINITY, TDL_EFFECT_OK};

    (void)state;
    tdl_anytime_look(&seen, wide, 500, 0, .05);
    double p = seen.p, high = seen.high;
    tdl_anytime_look(&seen, narrow, 5000, 0, .05);
    assert_true(seen.high < high && seen.p < p && seen.looks == 2);
    tdl_range now = {seen.low, seen.high};
    tdl_anytime_look(&seen, wide, 500, 0, .05); // what was known stays known
    assert_true(seen.low == now.low && seen.high == now.high);
}

/* Looking at any time asks for more units than one look does, and just so many that the last look
 * has the power asked for. */
static void looking_at_any_time_has_its_price(void **state)
{
    double fixed = tdl_units_for_proportions(.1, .11, (tdl_power_plan){0});
    double n = tdl_units_for_anytime(.01, .1 * .9, .11 * .89, (tdl_power_plan){0});
    double se = sqrt((.1 * .9 + .11 * .89) / n);

    (void)state;
    assert_true(n > fixed && n < 2 * fixed);
    expect(tdl_power_at(.01, se, tdl_anytime_half(1, 2 * n, 2 * n, .05)), .8, 1e-7);
}

/* Three segments of one true effect: what differs is chance, and all are drawn to the middle. */
static void segments_borrow_from_each_other(void **state)
{
    tdl_effect alike[3] = {{.1, .1, INFINITY, TDL_EFFECT_OK},
                           {.12, .1, INFINITY, TDL_EFFECT_OK},
                           {.08, .1, INFINITY, TDL_EFFECT_OK}};
    tdl_effect apart[2] = {{0, .01, INFINITY, TDL_EFFECT_OK}, {1, .01, INFINITY, TDL_EFFECT_OK}};

    (void)state;
    assert_true(tdl_effects_shrink(alike, 3) == 0);
    expect(alike[1].estimate, .1, 1e-12);
    expect(alike[1].se, .1 / sqrt(3), 1e-12); // as of all three together
    assert_true(tdl_effects_shrink(apart, 2) > .4);
    assert_true(apart[0].estimate < .001 && apart[1].estimate > .999);
}

#define WITH_FILE(test) cmocka_unit_test_teardown(test, close_reference)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(two_proportions),
        WITH_FILE(means_by_welch),
        WITH_FILE(ratios_with_and_without_a_covariate),
        WITH_FILE(one_covariate_and_two),
        WITH_FILE(strata),
        WITH_FILE(the_bayesian_view),
        WITH_FILE(looking_at_any_time),
        WITH_FILE(vectors_of_proportions),
        WITH_FILE(cookie_cats),
        WITH_FILE(shares_of_the_traffic),
        WITH_FILE(many_questions),
        WITH_FILE(quantiles),
        WITH_FILE(units_needed),
        WITH_FILE(the_chance_to_be_best),
        cmocka_unit_test(distributions),
        cmocka_unit_test(what_cannot_be_computed_says_why),
        cmocka_unit_test(looks_only_narrow),
        cmocka_unit_test(looking_at_any_time_has_its_price),
        cmocka_unit_test(segments_borrow_from_each_other),
    };

    refs = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests_name("stats/ab_test", tests, NULL, NULL);
}
