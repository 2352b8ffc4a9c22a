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
#include "stats/calibrate.h"
#include "stats/classify.h"
#include "stats/isotonic.h"
#include "stats/threshold.h"

enum { N = 40 };

static const double S[N] = {-0.3, 2.9,  -0.7, -2.5, 2.0,  2.1,  -2.2, -1.8, 2.9,  1.7,
                            -3.2, -0.5, 3.1,  -0.0, -2.4, 0.8,  2.5,  -1.7, -1.9, 2.8,
                            1.3,  -2.8, -0.8, 3.3,  0.6,  -3.3, 0.5,  2.9,  -1.1, -2.0,
                            1.7,  1.8,  -2.4, -1.0, 3.3,  0.3,  -3.1, 0.3,  3.2,  -0.5};
static const double Y[N] = {0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 1,
                            1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1};

static void weigh(double *ret)
{
    for (size_t i = 0; i < N; i++)
        ret[i] = 1 + (double)(i % 3);
}

static void near(double got, double expected)
{
    if (!(fabs(got - expected) < 1e-9))
        fail_msg("%.17g instead of %.17g", got, expected);
}

static tdl_calibration fit(tdl_calibration_method method)
{
    tdl_calibration c = {0};
    double weight[N];

    weigh(weight);
    assert_int_equal(tdl_calibration_fit(method, S, 1, Y, weight, N, &c, NULL, NULL), TDL_OK);
    return c;
}

/* scipy.optimize.brentq on the derivative of the weighted log-loss. */
static void temperature_is_where_the_derivative_is_zero(void **state)
{
    tdl_calibration c = fit(TDL_CALIBRATION_TEMPERATURE);

    TDL_UNUSED(state);
    near(c.a, 0.0865503700193927);
    assert_true(c.b == 0);
}

static void temperature_of_three_classes_agrees_with_scipy(void **state)
{
    static const double y[30] = {0, 2, 2, 2, 1, 2, 2, 0, 2, 1, 1, 1, 0, 0, 0,
                                 1, 1, 1, 1, 0, 2, 2, 2, 2, 0, 2, 1, 1, 1, 0};
    double scores[90], p[90];
    tdl_calibration c = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < 30; i++) {
        scores[3 * i] = 2 * sin((double)i * 1.1);
        scores[3 * i + 1] = 2 * cos((double)i * 0.7);
        scores[3 * i + 2] = 2 * sin((double)i * 0.3 + 1);
    }
    assert_int_equal(
        tdl_calibration_fit(TDL_CALIBRATION_TEMPERATURE, scores, 3, y, NULL, 30, &c, NULL, NULL),
        TDL_OK);
    near(c.a, 1.11175555316432);
    tdl_calibration_apply(&c, scores, 30, p);
    for (size_t i = 0; i < 30; i++)
        near(p[3 * i] + p[3 * i + 1] + p[3 * i + 2], 1);
    assert_int_equal(
        tdl_calibration_fit(TDL_CALIBRATION_PLATT, scores, 3, y, NULL, 30, &c, NULL, NULL),
        TDL_E_INVALID);
}

/* scipy.optimize.root on the gradient with the targets of Lin, Lin and Weng. */
static void platt_agrees_with_scipy(void **state)
{
    tdl_calibration c = fit(TDL_CALIBRATION_PLATT);

    TDL_UNUSED(state);
    near(c.a, 0.093339788783924);
    near(c.b, -0.20144337968653);
}

/* sklearn.isotonic.IsotonicRegression, weighted: three values, parted between .6 and .8 and between
 * 3.2 and 3.3. The last is 1, kept from it by 1 / (79 + 2): the weights add up to 79. */
static void isotonic_pools_what_scikit_learn_pools(void **state)
{
    tdl_calibration c = fit(TDL_CALIBRATION_ISOTONIC);
    double p[3];

    TDL_UNUSED(state);
    assert_int_equal(c.knots_n, 3);
    near(c.rate[0], 0.340425531914894);
    near(c.rate[1], 0.555555555555556);
    near(c.rate[2], 1 - 1.0 / 81);
    assert_true(c.score[2] == 3.3 && c.score[0] < 0.6 && c.score[1] > 0.8);
    tdl_calibration_apply(&c, (double[]){-100, (c.score[0] + c.score[1]) / 2, 3.3}, 3, p);
    near(p[0], c.rate[0]);
    near(p[1], (c.rate[0] + c.rate[1]) / 2);
    near(p[2], c.rate[2]);
    tdl_calibration_release(&c);
}

static void rows_of_weight_zero_and_ties_do_not_split_blocks(void **state)
{
    static const double x[] = {1, 1, 2, 2, 3}, y[] = {1, 0, 0, 1, 7}, w[] = {1, 1, 1, 0, 0};
    double *knot_x, *knot_y;
    size_t n;

    TDL_UNUSED(state);
    assert_int_equal(tdl_isotonic_fit(x, y, w, 5, &knot_x, &knot_y, &n, NULL), TDL_OK);
    assert_int_equal(n, 1);
    near(knot_y[0], 1.0 / 3);
    near(knot_x[0], 4.0 / 3);
    free(knot_x);
    free(knot_y);
}

/* Scores that are three times too sure: temperature must find 1/3, and AUTO must take a method that
 * brings the error down. */
static void auto_mends_an_overconfident_model(void **state)
{
    enum { ROWS = 4000 };
    double *scores = calloc(ROWS, sizeof *scores), *y = calloc(ROWS, sizeof *y);
    double *p = calloc(ROWS, sizeof *p), loss[TDL_CALIBRATION_METHODS], before;
    tdl_rng rng = tdl_rng_make(11, 0);
    tdl_calibration c = {0}, none = {.method = TDL_CALIBRATION_IDENTITY, .width = 1, .a = 1};

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) {
        double s = 1.5 * tdl_rng_normal(&rng);

        y[i] = tdl_rng_uniform(&rng) < 1 / (1 + exp(-s));
        scores[i] = 3 * s;
    }
    tdl_calibration_apply(&none, scores, ROWS, p);
    before = tdl_ece(y, p, NULL, ROWS);
    assert_int_equal(
        tdl_calibration_fit(TDL_CALIBRATION_AUTO, scores, 1, y, NULL, ROWS, &c, loss, NULL),
        TDL_OK);
    assert_true(c.method != TDL_CALIBRATION_IDENTITY);
    assert_true(loss[c.method] < loss[TDL_CALIBRATION_IDENTITY]);
    tdl_calibration_apply(&c, scores, ROWS, p);
    assert_true(before > 0.1 && tdl_ece(y, p, NULL, ROWS) < 0.02);
    tdl_calibration_release(&c);
    assert_int_equal(
        tdl_calibration_fit(TDL_CALIBRATION_TEMPERATURE, scores, 1, y, NULL, ROWS, &c, NULL, NULL),
        TDL_OK);
    assert_true(fabs(c.a - 1.0 / 3) < 0.02);
    free(scores);
    free(y);
    free(p);
}

static void few_rows_are_left_alone(void **state)
{
    static const double scores[] = {1, 2, 3, -1, -2, -3, 4, 5}, y[] = {1, 1, 1, 0, 0, 0, 1, 1};
    tdl_calibration c = {0};

    TDL_UNUSED(state);
    assert_int_equal(
        tdl_calibration_fit(TDL_CALIBRATION_AUTO, scores, 1, y, NULL, 8, &c, NULL, NULL), TDL_OK);
    assert_int_equal(c.method, TDL_CALIBRATION_IDENTITY);
}

static void separable_scores_keep_a_finite_temperature(void **state)
{
    static const double scores[] = {-2, -1, 1, 2}, y[] = {0, 0, 1, 1}, wrong[] = {1, 1, 0, 0};
    tdl_calibration c = {0};
    tdl_calibration_method method = TDL_CALIBRATION_TEMPERATURE;

    TDL_UNUSED(state);
    assert_int_equal(tdl_calibration_fit(method, scores, 1, y, NULL, 4, &c, NULL, NULL), TDL_OK);
    assert_true(c.a == 100);
    assert_int_equal(tdl_calibration_fit(method, scores, 1, wrong, NULL, 4, &c, NULL, NULL),
                     TDL_OK);
    assert_true(c.a == 0.01); /* never turned upside down */
    method = TDL_CALIBRATION_PLATT;
    assert_int_equal(tdl_calibration_fit(method, scores, 1, y, NULL, 4, &c, NULL, NULL), TDL_OK);
    assert_true(isfinite(c.a) && isfinite(c.b));
}

static void saving_and_loading_changes_no_bit(void **state)
{
    TDL_UNUSED(state);
    for (unsigned m = 0; m < TDL_CALIBRATION_METHODS; m++) {
        tdl_calibration c = fit((tdl_calibration_method)m), back = {0};
        json_t *saved = tdl_calibration_save(&c), *read = NULL;
        double p[N], q[N];
        tdl_buf text = {0};

        assert_non_null(saved);
        tdl_json_dump(&text, saved);
        assert_int_equal(
            tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, &read, NULL), TDL_OK);
        assert_int_equal(tdl_calibration_load(read, &back, NULL), TDL_OK);
        tdl_calibration_apply(&c, S, N, p);
        tdl_calibration_apply(&back, S, N, q);
        assert_memory_equal(p, q, sizeof p);
        tdl_calibration_release(&c);
        tdl_calibration_release(&back);
        tdl_buf_release(&text);
        json_decref(saved);
        json_decref(read);
    }
}

static void damaged_calibrations_are_refused(void **state)
{
    static const char *const bad[] = {
        "null",
        "{}",
        "{\"method\":\"auto\",\"width\":1,\"a\":1,\"b\":0}",
        "{\"method\":\"magic\",\"width\":1,\"a\":1,\"b\":0}",
        "{\"method\":\"platt\",\"width\":0,\"a\":1,\"b\":0}",
        "{\"method\":\"platt\",\"width\":3,\"a\":1,\"b\":0}",
        "{\"method\":\"platt\",\"width\":1,\"a\":1e300,\"b\":0}",
        "{\"method\":\"platt\",\"width\":1,\"a\":\"1\",\"b\":0}",
        "{\"method\":\"isotonic\",\"width\":1,\"a\":1,\"b\":0}",
        "{\"method\":\"isotonic\",\"width\":1,\"a\":1,\"b\":0,\"score\":[],\"rate\":[]}",
        "{\"method\":\"isotonic\",\"width\":1,\"a\":1,\"b\":0,\"score\":[1],\"rate\":[0.1,0.2]}",
        "{\"method\":\"isotonic\",\"width\":1,\"a\":1,\"b\":0,\"score\":[2,1],\"rate\":[0,1]}",
        "{\"method\":\"isotonic\",\"width\":1,\"a\":1,\"b\":0,\"score\":[1,2],\"rate\":[1,0]}",
        "{\"method\":\"isotonic\",\"width\":1,\"a\":1,\"b\":0,\"score\":[1,2],\"rate\":[0,2]}",
        "{\"method\":\"isotonic\",\"width\":1,\"a\":1,\"b\":0,\"score\":[1,null],\"rate\":[0,1]}",
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tdl_calibration c = {0};
        json_t *read = NULL;

        assert_int_equal(
            tdl_json_parse(tdl_str_of(bad[i]), TDL_JSON_REFUSE_DUPLICATES, &read, NULL), TDL_OK);
        assert_int_equal(tdl_calibration_load(read, &c, NULL), TDL_E_CORRUPT);
        assert_null(c.score);
        json_decref(read);
    }
}

static void rows_that_are_no_scores_are_named(void **state)
{
    static const double nan[] = {1, NAN}, scores[] = {1, 2}, y[] = {0, 1}, odd[] = {0, 0.5};
    tdl_calibration c = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_calibration_fit(TDL_CALIBRATION_PLATT, nan, 1, y, NULL, 2, &c, NULL, &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 1"));
    assert_int_equal(
        tdl_calibration_fit(TDL_CALIBRATION_PLATT, scores, 1, odd, NULL, 2, &c, NULL, &why),
        TDL_E_INVALID);
    assert_int_equal(
        tdl_calibration_fit(TDL_CALIBRATION_PLATT, scores, 1, y, NULL, 0, &c, NULL, &why),
        TDL_E_INVALID);
}

/* ---- thresholds ---- */

/* Elkan (2001), equation 2. */
static void the_theoretical_threshold_is_elkans(void **state)
{
    double at;

    TDL_UNUSED(state);
    assert_int_equal(tdl_threshold_of_cost(&(tdl_cost){.fp = 1, .fn = 4}, &at, NULL), TDL_OK);
    near(at, 0.2);
    assert_int_equal(
        tdl_threshold_of_cost(&(tdl_cost){.tp = -8, .fp = 2, .tn = 0, .fn = 0}, &at, NULL), TDL_OK);
    near(at, 0.2);
    assert_int_equal(tdl_threshold_of_cost(&(tdl_cost){.tp = 1, .fp = 1}, &at, NULL),
                     TDL_E_INVALID);
}

/* Against every candidate, cost counted anew. */
static void the_fitted_threshold_is_the_cheapest(void **state)
{
    static const double factors[] = {0.2, 1, 3, 20};
    uint32_t order[N];
    double weight[N];

    TDL_UNUSED(state);
    weigh(weight);
    assert_int_equal(tdl_order_rows(S, 1, N, order, NULL), TDL_OK);
    for (size_t f = 0; f < 4; f++) {
        tdl_cost cost = {.fp = 1, .fn = factors[f], .tp = -0.1};
        double at, of_it, least = INFINITY;

        assert_int_equal(tdl_threshold_fit(&cost, Y, S, weight, order, N, &at, &of_it, NULL),
                         TDL_OK);
        for (size_t t = 0; t <= N; t++) {
            double try = t < N ? S[t] : 100, sum = 0, own = 0, all = 0;

            for (size_t i = 0; i < N; i++) {
                all += weight[i];
                sum += weight[i] * (S[i] >= try ? (Y[i] != 0 ? cost.tp : cost.fp)
                                                : (Y[i] != 0 ? cost.fn : cost.tn));
                own += weight[i] * (S[i] >= at ? (Y[i] != 0 ? cost.tp : cost.fp)
                                               : (Y[i] != 0 ? cost.fn : cost.tn));
            }
            least = fmin(least, sum / all);
            near(own / all, of_it);
        }
        near(of_it, least);
    }
}

static void of_several_decisions_the_cheapest_is_taken(void **state)
{
    static const double p[] = {0.6, 0.3, 0.1}, cost[] = {0, 1, 1, 1, 0, 1, 50, 50, 0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_cheapest_decision(p, cost, 3, 3), 2); /* 5.3, 5.6, .9 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temperature_is_where_the_derivative_is_zero),
        cmocka_unit_test(temperature_of_three_classes_agrees_with_scipy),
        cmocka_unit_test(platt_agrees_with_scipy),
        cmocka_unit_test(isotonic_pools_what_scikit_learn_pools),
        cmocka_unit_test(rows_of_weight_zero_and_ties_do_not_split_blocks),
        cmocka_unit_test(auto_mends_an_overconfident_model),
        cmocka_unit_test(few_rows_are_left_alone),
        cmocka_unit_test(separable_scores_keep_a_finite_temperature),
        cmocka_unit_test(saving_and_loading_changes_no_bit),
        cmocka_unit_test(damaged_calibrations_are_refused),
        cmocka_unit_test(rows_that_are_no_scores_are_named),
        cmocka_unit_test(the_theoretical_threshold_is_elkans),
        cmocka_unit_test(the_fitted_threshold_is_the_cheapest),
        cmocka_unit_test(of_several_decisions_the_cheapest_is_taken),
    };

    return cmocka_run_group_tests_name("stats/calibrate", tests, NULL, NULL);
}
