#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/classes.h"
#include "stats/classify.h"
#include "stats/metric.h"
#include "stats/regress.h"

/* Expected values below are of scikit-learn 1.2.1 on the same arrays, 16 digits, unless said
 * otherwise. The 20 rows are those of the project's reference vectors. */
enum { N = 20, C = 12, K = 3 };

static const double Y[N] = {0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 0, 0};
static const double P[N] = {0.812, 0.069, 0.218, 0.802, 0.823, 0.2, 0.056, 0.654, 0.794, 0.05,
                            0.523, 0.142, 0.601, 0.112, 0.5,   0.5, 0.5,   0.9,   0.9,   0.1};

static void weigh(double *ret)
{
    for (size_t i = 0; i < N; i++)
        ret[i] = 1 + (double)(i % 3);
}

static void near(double got, double expected)
{
    if (!(fabs(got - expected) < 1e-12))
        fail_msg("%.17g instead of %.17g", got, expected);
}

static double value_of(const char *name, const tdl_scored *s)
{
    const tdl_metric *metric = tdl_metric_find(tdl_str_of(name), s->task);
    tdl_report why = {0};
    double ret = NAN;

    assert_non_null(metric);
    if (tdl_metric_value(metric, s, &ret, &why))
        fail_msg("%s: %s", name, why.message);
    return ret;
}

static void binary_metrics_agree_with_scikit_learn_under_weights(void **state)
{
    double weight[N];
    tdl_scored s = {.task = TDL_METRIC_BINARY, .n = N, .width = 1, .y = Y, .p = P};

    TDL_UNUSED(state);
    weigh(weight);
    s.weight = weight;
    near(value_of("auc", &s), 0.4973262032085561);
    near(value_of("average_precision", &s), 0.4966297143716498);
    near(value_of("log_loss", &s), 0.9582841477160289);
    near(value_of("brier", &s), 0.3517311538461538);
    near(value_of("accuracy", &s), 0.4615384615384616);
    near(value_of("f1", &s), 0.4615384615384616);
    near(value_of("precision", &s), 0.4090909090909091);
    near(value_of("recall", &s), 0.5294117647058824);
    near(value_of("balanced_accuracy", &s), 0.4692513368983957);
    near(value_of("mcc", &s), -0.06149732620320856);
}

/* A weight is as many copies of the row. */
static void weights_count_like_copies(void **state)
{
    double weight[N], y[3 * N], p[3 * N];
    tdl_scored s = {.task = TDL_METRIC_BINARY, .n = N, .width = 1, .y = Y, .p = P};
    tdl_scored copies = {.task = TDL_METRIC_BINARY, .width = 1, .y = y, .p = p};
    static const char *const names[] = {"auc", "average_precision", "ece", "f1", "log_loss"};

    TDL_UNUSED(state);
    weigh(weight);
    weight[7] = 0;
    s.weight = weight;
    for (size_t i = 0; i < N; i++)
        for (size_t c = 0; c < (size_t)weight[i]; c++, copies.n++) {
            y[copies.n] = Y[i];
            p[copies.n] = P[i];
        }
    for (size_t i = 0; i < 5; i++)
        near(value_of(names[i], &s), value_of(names[i], &copies));
}

static void class_metrics_agree_with_scikit_learn_under_weights(void **state)
{
    static const double y[C] = {1, 0, 2, 2, 0, 2, 1, 0, 2, 1, 0, 2};
    double p[C * K], weight[C];
    tdl_scored s = {.task = TDL_METRIC_CLASSES, .n = C, .width = K, .y = y, .p = p};

    TDL_UNUSED(state);
    for (size_t i = 0; i < C; i++) {
        double sum = 0;

        weight[i] = 1 + (double)(i % 4);
        for (size_t c = 0; c < K; c++)
            sum += p[i * K + c] = 1 + (double)((i * 7 + c * 5 + i * c % 4) % 11);
        for (size_t c = 0; c < K; c++)
            p[i * K + c] /= sum;
    }
    s.weight = weight;
    near(value_of("log_loss", &s), 1.566908915242941);
    near(value_of("accuracy", &s), 0.1333333333333333);
    near(value_of("balanced_accuracy", &s), 0.1333333333333333);
    near(value_of("macro_f1", &s), 0.126984126984127);
    near(value_of("auc", &s), 0.3487037037037037);
    near(value_of("brier", &s), 0.9281598303435589);
    s.task = TDL_METRIC_ORDINAL;
    near(value_of("kappa", &s), -0.2574850299401199);
    near(value_of("mae", &s), 1.2);
}

static void value_metrics_agree_with_scikit_learn_under_weights(void **state)
{
    static const double y[] = {3, -0.5, 2, 7, 4.2}, f[] = {2.5, 0, 2.1, 7.8, 5};
    static const double counts[] = {0, 3, 2, 7, 4}, means[] = {0.5, 2.5, 2.1, 7.8, 5};
    static const double weight[] = {1, 2, 3, 4, 0.5}, level = 0.3;
    tdl_scored s = {.task = TDL_METRIC_VALUE, .n = 5, .width = 1, .y = y, .p = f, .weight = weight};

    TDL_UNUSED(state);
    near(value_of("rmse", &s), 0.5903993805649091);
    near(value_of("mae", &s), 0.5142857142857143);
    near(value_of("r2", &s), 0.9584428223844282);
    near(value_of("mape", &s), 0.2732426303854875);
    s.task = TDL_METRIC_QUANTILE;
    s.quantile = &level;
    near(value_of("pinball", &s), 0.3409523809523809);
    s.task = TDL_METRIC_VALUE;
    s.y = counts;
    s.p = means;
    near(value_of("poisson_deviance", &s), 0.1571277872747045);
}

/* sklearn 1.2: mean_tweedie_deviance(y, f, power=..., sample_weight=...) */
static void tweedie_deviance_is_that_of_sklearn(void **state)
{
    static const double y[] = {0, 0, 1.5, 3, 10}, f[] = {.5, 1, 1, 2.5, 12};
    static const double weight[] = {1, 2, 0, .5, 3};
    tdl_scored s = {.task = TDL_METRIC_VALUE, .n = 5, .width = 1, .y = y, .p = f, .power = 1.2};
    double value;

    TDL_UNUSED(state);
    near(value_of("tweedie_deviance", &s), .8882582383731498);
    s.power = 1.5;
    s.weight = weight;
    near(value_of("tweedie_deviance", &s), 1.718893297820093);
    s.power = 0; // not asked for: it is no metric here
    assert_int_equal(
        tdl_metric_value(tdl_metric_find(tdl_str_of("tweedie_deviance"), TDL_METRIC_VALUE), &s,
                         &value, NULL),
        TDL_E_INVALID);
}

/* ndcg_score of scikit-learn shares places among ties as we do. */
static void a_list_is_measured_by_linear_gain_with_ties_shared(void **state)
{
    static const double y[] = {3, 2, 3, 0, 1, 2, 3, 0, 0, 1, 2, 0, /**/ 0, 0};
    static const double p[] = {0.9, 0.8, 0.8, 0.5,  0.5, 0.5,    0.3,
                               0.2, 0.2, 0.1, 0.05, 0.7, /**/ 1, 2};
    static const int32_t list[] = {4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 1, 1};
    tdl_scored s = {.task = TDL_METRIC_RANKING, .n = 14, .width = 1, .y = y, .p = p, .list = list};

    TDL_UNUSED(state);
    near(value_of("ndcg@10", &s), 0.8360913510674028); /* the second list has nothing relevant */
}

/* By hand from the table of scores: 18 distinct ones give 18 points and (0, 0) is one of them. */
static void the_roc_curve_runs_from_corner_to_corner(void **state)
{
    uint32_t order[N];
    tdl_roc_point all[N + 1], few[5];
    size_t n;

    TDL_UNUSED(state);
    assert_int_equal(tdl_order_rows(P, 1, N, order, NULL), TDL_OK);
    n = tdl_roc(Y, P, NULL, order, N, all, N + 1);
    assert_int_equal(n, 18);
    assert_true(all[0].fpr == 0 && all[0].tpr == 0 && isinf(all[0].threshold));
    near(all[1].fpr, 0.07692307692307693);
    near(all[1].tpr, 0.14285714285714285);
    near(all[2].fpr, 0.15384615384615385);
    assert_true(all[2].threshold == 0.823);
    assert_true(all[n - 1].fpr == 1 && all[n - 1].tpr == 1);
    n = tdl_roc(Y, P, NULL, order, N, few, 5);
    assert_true(n >= 3 && n <= 5 && few[n - 1].tpr == 1 && few[n - 1].fpr == 1);
}

/* statsmodels proportion_confint(method="wilson"). */
static void wilson_intervals_agree_with_statsmodels(void **state)
{
    double low, high;

    TDL_UNUSED(state);
    tdl_wilson(3.0 / 7, 7, 1.959963984540054, &low, &high);
    near(low, 0.15821985525146964);
    near(high, 0.7495416354723428);
    tdl_wilson(0, 5, 1.959963984540054, &low, &high);
    assert_true(fabs(low) < 1e-15);
    near(high, 0.43448246478317487);
}

static void calibration_bins_hold_every_row_once(void **state)
{
    tdl_calibration_bin bin[10];
    size_t rows = 0;

    TDL_UNUSED(state);
    tdl_calibration_curve(Y, P, NULL, N, 10, bin);
    for (size_t b = 0; b < 10; b++)
        rows += bin[b].rows;
    assert_int_equal(rows, N);
    assert_int_equal(bin[3].rows, 0);
    assert_true(isnan(bin[3].rate));
    assert_int_equal(bin[5].rows, 4); /* .523 .5 .5 .5 */
    near(bin[5].rate, 0.25);
    near(bin[5].score, 0.50575);
}

/* Best tenth of 20 rows: .9 and .9, one of them positive; 7 of 20 are. */
static void lift_is_over_the_rate_of_all(void **state)
{
    uint32_t order[N];
    tdl_lift_part part[10];

    TDL_UNUSED(state);
    assert_int_equal(tdl_order_rows(P, 1, N, order, NULL), TDL_OK);
    tdl_lift(Y, P, NULL, order, N, 10, part);
    near(part[0].lift, 0.5 / 0.35);
    near(part[0].share, 0.1);
    near(part[0].gain, 1.0 / 7);
    assert_true(part[0].score_low == 0.9);
    near(part[9].gain, 1);
    near(part[9].share, 1);
}

/* With 400 rows and a known AUC the interval is about +-2 Hanley-McNeil standard errors. */
static void the_interval_of_an_auc_is_as_wide_as_theory_says(void **state)
{
    enum { ROWS = 400 };
    double y[ROWS], p[ROWS], auc, q1, q2, error;
    tdl_rng rng = tdl_rng_make(1, 0), draws = tdl_rng_make(2, 0), again = draws;
    tdl_scored s = {.task = TDL_METRIC_BINARY, .n = ROWS, .width = 1, .y = y, .p = p};
    tdl_interval got, same;
    const tdl_metric *metric = tdl_metric_default(TDL_METRIC_BINARY);

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) {
        y[i] = (double)(i % 4 == 0);
        p[i] = tdl_rng_normal(&rng) + y[i];
    }
    assert_int_equal(tdl_metric_interval(metric, &s, NULL, NULL, &draws, &got, NULL), TDL_OK);
    assert_int_equal(tdl_metric_interval(metric, &s, NULL, NULL, &again, &same, NULL), TDL_OK);
    assert_memory_equal(&got, &same, sizeof got);
    auc = got.mean;
    q1 = auc / (2 - auc);
    q2 = 2 * auc * auc / (1 + auc);
    error = sqrt((auc * (1 - auc) + 99 * (q1 - auc * auc) + 299 * (q2 - auc * auc)) / 30000);
    assert_true(fabs((got.high - got.low) / (2 * 1.96 * error) - 1) < 0.15);
    assert_true(got.low < auc && auc < got.high);
}

static void a_model_against_itself_differs_by_nothing(void **state)
{
    tdl_scored s = {.task = TDL_METRIC_BINARY, .n = N, .width = 1, .y = Y, .p = P};
    tdl_rng rng = tdl_rng_make(5, 0);
    tdl_interval got;

    TDL_UNUSED(state);
    assert_int_equal(tdl_metric_difference(tdl_metric_default(TDL_METRIC_BINARY), &s, &s, NULL,
                                           NULL, &rng, &got, NULL),
                     TDL_OK);
    assert_true(got.mean == 0 && got.low == 0 && got.high == 0);
}

/* Every row of a person is the same, so drawing persons must widen the interval by about the root
 * of rows per person. */
static void groups_are_drawn_whole(void **state)
{
    enum { PEOPLE = 100, EACH = 4 };
    double y[PEOPLE * EACH], p[PEOPLE * EACH], ratio;
    int32_t person[PEOPLE * EACH];
    tdl_rng rng = tdl_rng_make(7, 0);
    tdl_scored s = {.task = TDL_METRIC_VALUE, .n = PEOPLE * EACH, .width = 1, .y = y, .p = p};
    tdl_interval rows, people;
    const tdl_metric *mae = tdl_metric_find(TDL_STR("mae"), TDL_METRIC_VALUE);

    TDL_UNUSED(state);
    for (size_t i = 0; i < s.n; i++) {
        person[i] = 1000 - (int32_t)(i / EACH) * 3;
        y[i] = i % EACH ? y[i - 1] : tdl_rng_normal(&rng);
        p[i] = 0;
    }
    assert_int_equal(tdl_metric_interval(mae, &s, NULL, NULL, &rng, &rows, NULL), TDL_OK);
    assert_int_equal(tdl_metric_interval(mae, &s, person, NULL, &rng, &people, NULL), TDL_OK);
    ratio = (people.high - people.low) / (rows.high - rows.low);
    assert_true(ratio > 1.7 && ratio < 2.3);
}

static void what_cannot_be_measured_is_refused_with_its_row(void **state)
{
    double y[] = {0, 1, 0}, p[] = {0.2, 1.5, 0.1}, weight[] = {1, -1, 1}, ret;
    tdl_scored s = {.task = TDL_METRIC_BINARY, .n = 3, .width = 1, .y = y, .p = p};
    const tdl_metric *loss = tdl_metric_find(TDL_STR("log_loss"), TDL_METRIC_BINARY);
    const tdl_metric *auc = tdl_metric_default(TDL_METRIC_BINARY);
    tdl_rng rng = tdl_rng_make(0, 0);
    tdl_interval interval;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_metric_value(loss, &s, &ret, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 1"));
    assert_int_equal(tdl_metric_value(auc, &s, &ret, &why), TDL_OK); /* log odds will do */
    s.weight = weight;
    assert_int_equal(tdl_metric_value(auc, &s, &ret, &why), TDL_E_INVALID);
    s.weight = NULL;
    p[1] = NAN;
    assert_int_equal(tdl_metric_value(auc, &s, &ret, &why), TDL_E_INVALID);
    p[1] = 0.5;
    y[1] = 2;
    assert_int_equal(tdl_metric_value(auc, &s, &ret, &why), TDL_E_INVALID);
    y[1] = 0; /* one class */
    assert_int_equal(tdl_metric_value(auc, &s, &ret, &why), TDL_E_INVALID);
    assert_int_equal(tdl_metric_interval(auc, &s, NULL, NULL, &rng, &interval, &why),
                     TDL_E_INVALID);
    s.n = 0;
    assert_int_equal(tdl_metric_value(auc, &s, &ret, &why), TDL_E_INVALID);
    s.n = 3;
    s.task = TDL_METRIC_VALUE;
    assert_int_equal(tdl_metric_value(auc, &s, &ret, &why), TDL_E_INVALID);
    assert_null(tdl_metric_find(TDL_STR("rmse"), TDL_METRIC_BINARY));
}

static void folds_have_a_mean_and_a_standard_error(void **state)
{
    double mean, error;

    TDL_UNUSED(state);
    tdl_fold_mean((const double[]){1, 2, 3, 4}, 4, &mean, &error);
    near(mean, 2.5);
    near(error, sqrt(5.0 / 3) / 2);
    tdl_fold_mean((const double[]){1}, 1, &mean, &error);
    assert_true(isnan(error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary_metrics_agree_with_scikit_learn_under_weights),
        cmocka_unit_test(weights_count_like_copies),
        cmocka_unit_test(class_metrics_agree_with_scikit_learn_under_weights),
        cmocka_unit_test(value_metrics_agree_with_scikit_learn_under_weights),
        cmocka_unit_test(tweedie_deviance_is_that_of_sklearn),
        cmocka_unit_test(a_list_is_measured_by_linear_gain_with_ties_shared),
        cmocka_unit_test(the_roc_curve_runs_from_corner_to_corner),
        cmocka_unit_test(wilson_intervals_agree_with_statsmodels),
        cmocka_unit_test(calibration_bins_hold_every_row_once),
        cmocka_unit_test(lift_is_over_the_rate_of_all),
        cmocka_unit_test(the_interval_of_an_auc_is_as_wide_as_theory_says),
        cmocka_unit_test(a_model_against_itself_differs_by_nothing),
        cmocka_unit_test(groups_are_drawn_whole),
        cmocka_unit_test(what_cannot_be_measured_is_refused_with_its_row),
        cmocka_unit_test(folds_have_a_mean_and_a_standard_error),
    };

    return cmocka_run_group_tests_name("stats/metric", tests, NULL, NULL);
}
