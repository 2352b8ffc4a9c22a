#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "learn/linear_model.h"
#include "made.h"
#include "sheet_table.h"

static made data;

static tdl_linear_model *fitted(tdl_task task, const char *name, const char *setting)
{
    tdl_problem p = made_problem(&data, task);
    tdl_learner *l = NULL;
    tdl_report why = {0};

    if (made_fit(&p, name, setting, &l, &why))
        fail_msg("%s", why.message);
    return (tdl_linear_model *)l;
}

static void expect(const double *got, const double *expected, size_t n, double within)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - expected[i]) < within))
            fail_msg("number %zu is %.9g, not %.9g", i, got[i], expected[i]);
}

/* sklearn 1.2: LogisticRegression(C=1, tol=1e-14, solver="newton-cg").fit(x, y) */
static void logistic_finds_the_weights_of_sklearn(void **state)
{
    const double expected[] = {1.3862944239, -0.6470619668, 0.0809754072, 0.0705930359,
                               -0.2520294085};
    tdl_linear_model *m = fitted(TDL_TASK_BINARY, "logistic", "");

    TDL_UNUSED(state);
    expect(m->w, expected, 5, 1e-8);
    tdl_learner_free(&m->learner);
}

/* LogisticRegression(C=1, multi_class="multinomial", solver="newton-cg"), intercepts less their
 * mean */
static void softmax_finds_the_weights_of_sklearn(void **state)
{
    const double expected[] = {-2.0075418315, 1.0147550609, -0.1996196557, -0.0611977979,
                               -0.2463795017, 0.0575680957, 0.0082115905,  0.1038534972,
                               -0.1027411671, 0.9938022656, 1.9499737358,  -1.0229666514,
                               0.0957661585,  0.163938965,  -0.7474227639};
    tdl_linear_model *m = fitted(TDL_TASK_CLASSES, "logistic", "");
    double mean = (m->w[4] + m->w[9] + m->w[14]) / 3;

    TDL_UNUSED(state);
    for (size_t c = 0; c < 3; c++)
        m->w[c * 5 + 4] -= mean;
    expect(m->w, expected, 15, 1e-8);
    tdl_learner_free(&m->learner);
}

/* Ridge(1) */
static void ridge_finds_the_weights_of_sklearn(void **state)
{
    const double expected[] = {1.98103857, -0.99313572, 0.06411422, 0.06143676, 1.6265405980534786};
    tdl_linear_model *m = fitted(TDL_TASK_REGRESSION, "linear", "");

    TDL_UNUSED(state);
    expect(m->w, expected, 5, 1e-7);
    tdl_learner_free(&m->learner);
}

/* PoissonRegressor(alpha=1/200), which divides the loss by the 200 rows */
static void poisson_finds_the_weights_of_sklearn(void **state)
{
    const double expected[] = {0.70360913, -0.38512527, 0.05478796, 0.05505469,
                               -0.11835599836541152};
    tdl_linear_model *m = fitted(TDL_TASK_COUNT, "linear", "");

    TDL_UNUSED(state);
    expect(m->w, expected, 5, 2e-6);
    tdl_learner_free(&m->learner);
}

/* statsmodels OrderedModel(y, x, distr="logit").fit(method="bfgs"), thresholds transformed */
static void proportional_odds_are_those_of_statsmodels(void **state)
{
    const double w[] = {2.49151394, -1.29724118, 0.20926932, 0.14671314};
    const double threshold[] = {-1.63975787, 2.33749588};
    tdl_linear_model *m = fitted(TDL_TASK_ORDINAL, "linear", "{\"lambda\": 0}");

    TDL_UNUSED(state);
    expect(m->w, w, 4, 2e-5);
    expect(m->threshold, threshold, 2, 2e-5);
    tdl_learner_free(&m->learner);
}

/* QuantileRegressor(quantile=q, alpha=0, solver="highs"): sums of pinball losses */
static void quantiles_reach_the_optimum_of_a_linear_programme(void **state)
{
    const double q[] = {0.1, 0.5, 0.9},
                 least[] = {26.08526578943394, 72.71808166435571, 34.66102218729039};
    tdl_linear_model *m = fitted(TDL_TASK_QUANTILE, "linear", "{\"lambda\": 0}");
    double score[MADE_ROWS * 3], loss[3] = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_learner_score(&m->learner, &data.x, NULL, score, NULL), TDL_OK);
    for (size_t i = 0; i < MADE_ROWS; i++)
        for (size_t h = 0; h < 3; h++) {
            double e = (double)data.value[i] - score[i * 3 + h];

            assert_true(!h || score[i * 3 + h] >= score[i * 3 + h - 1]);
            loss[h] += fmax(q[h] * e, (q[h] - 1) * e);
        }
    for (size_t h = 0; h < 3; h++)
        if (!(loss[h] <= least[h] * (1 + 2e-4)))
            fail_msg("quantile %g: a loss of %.9g, not %.9g", q[h], loss[h], least[h]);
    tdl_learner_free(&m->learner);
}

/* sklearn 1.2: TweedieRegressor(power=1.5, alpha=1/200, link="log"), polished by Newton in NumPy */
static void tweedie_finds_the_weights_of_sklearn(void **state)
{
    const double expected[] = {.7347414867, -.3628906555, .0679730093, .0587808200, -.1280227101};
    tdl_problem p = made_problem(&data, TDL_TASK_COUNT);
    tdl_learner *l = NULL;

    TDL_UNUSED(state);
    p.aim = TDL_AIM_TWEEDIE;
    p.power = 1.5;
    assert_int_equal(made_fit(&p, "linear", "", &l, NULL), TDL_OK);
    expect(((tdl_linear_model *)l)->w, expected, 5, 1e-7);
    tdl_learner_free(l);
}

/* statsmodels .13: RLM(y, x, M=HuberT(1.345)).fit(tol=1e-13), every twentieth row 40 too high */
static void huber_finds_the_weights_of_statsmodels(void **state)
{
    const double expected[] = {2.0029704283, -1.0433524896, .0635765651, .0785609928, 1.6574259954};
    tdl_problem p = made_problem(&data, TDL_TASK_REGRESSION);
    float y[MADE_ROWS];
    tdl_learner *l = NULL;

    TDL_UNUSED(state);
    for (size_t i = 0; i < MADE_ROWS; i++)
        y[i] = data.value[i] + (i % 20 ? 0 : 40);
    p.y = y;
    p.aim = TDL_AIM_HUBER;
    assert_int_equal(made_fit(&p, "linear", "{\"lambda\": 0}", &l, NULL), TDL_OK);
    expect(((tdl_linear_model *)l)->w, expected, 5, 2e-6); // y is float here
    tdl_learner_free(l);
}

static void a_loss_of_another_task_is_refused(void **state)
{
    tdl_problem p = made_problem(&data, TDL_TASK_COUNT);
    tdl_learner *l = NULL;
    tdl_report why = {0};

    TDL_UNUSED(state);
    p.aim = TDL_AIM_HUBER;
    assert_int_equal(made_fit(&p, "linear", "", &l, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "task count has no loss \"huber\"");
    p.aim = TDL_AIM_TWEEDIE;
    p.power = 2;
    assert_int_equal(made_fit(&p, "linear", "", &l, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "a Tweedie power of 2 is not between 1 and 2");
}

/* The sum of two weighted rows is the row given twice. */
static void a_weight_of_two_is_the_row_twice(void **state)
{
    static float x[MADE_ROWS * 2 * MADE_COLS], y[MADE_ROWS * 2], weight[MADE_ROWS];
    const char *const name[] = {"logistic", "linear", "linear"};
    const tdl_task task[] = {TDL_TASK_BINARY, TDL_TASK_COUNT, TDL_TASK_ORDINAL};

    TDL_UNUSED(state);
    for (size_t t = 0; t < 3; t++) {
        tdl_problem weighted = made_problem(&data, task[t]), twice = weighted;
        tdl_matrix matrix = {.cols = MADE_COLS, .x = x};
        tdl_learner *a = NULL, *b = NULL;

        for (size_t i = 0; i < MADE_ROWS; i++) {
            weight[i] = i % 3 ? 1 : 2;
            for (int k = 0; k < (int)weight[i]; k++) {
                memcpy(x + matrix.rows * MADE_COLS, data.x_of + i * MADE_COLS,
                       MADE_COLS * sizeof *x);
                y[matrix.rows++] = weighted.y[i];
            }
        }
        weighted.weight = weight;
        twice.x = &matrix;
        twice.y = y;
        assert_int_equal(made_fit(&weighted, name[t], "", &a, NULL), TDL_OK);
        assert_int_equal(made_fit(&twice, name[t], "", &b, NULL), TDL_OK);
        expect(((tdl_linear_model *)a)->w, ((tdl_linear_model *)b)->w, MADE_COLS, 1e-6);
        tdl_learner_free(a);
        tdl_learner_free(b);
    }
}

static void separable_classes_and_columns_alike_have_finite_weights(void **state)
{
    static float x[40 * 3];
    float y[40];
    tdl_matrix matrix = {.rows = 40, .cols = 3, .x = x};
    tdl_problem p = {.task = TDL_TASK_BINARY, .classes_n = 2, .x = &matrix, .y = y};
    tdl_learner *l = NULL;

    TDL_UNUSED(state);
    for (size_t i = 0; i < 40; i++) {
        y[i] = i >= 20;
        x[i * 3] = x[i * 3 + 1] = (float)i / 10 - 2;
        x[i * 3 + 2] = 0;
    }
    for (int k = 0; k < 2; k++) {
        assert_int_equal(made_fit(&p, "logistic", k ? "{\"lambda\": 0}" : "", &l, NULL), TDL_OK);
        for (size_t j = 0; j < 4; j++)
            assert_true(isfinite(((tdl_linear_model *)l)->w[j]));
        tdl_learner_free(l);
    }
}

static void what_was_saved_scores_the_same_bits(void **state)
{
    const tdl_task task[] = {TDL_TASK_BINARY, TDL_TASK_CLASSES,  TDL_TASK_REGRESSION,
                             TDL_TASK_COUNT,  TDL_TASK_QUANTILE, TDL_TASK_ORDINAL};

    TDL_UNUSED(state);
    for (size_t t = 0; t < 6; t++) {
        tdl_linear_model *m = fitted(task[t], t < 2 ? "logistic" : "linear", "");
        tdl_report why = {0};
        tdl_learner *again = made_again(&m->learner, &data.x, NULL, &why);

        if (!again)
            fail_msg("%s", why.message);
        assert_true(made_same_scores(&m->learner, again, &data.x));
        tdl_learner_free(again);
        tdl_learner_free(&m->learner);
    }
}

static void truncate_it(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(about);
    bytes->len -= 8;
}

static void make_it_nan(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(about);
    memset(bytes->at + bytes->len - 8, 0xff, 8);
}

static void claim_many_scores(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(bytes);
    json_object_set_new(about, "scores", json_integer(1 << 20));
}

static void claim_to_be_ordinal(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(bytes);
    json_object_set_new(about, "task", json_string("ordinal"));
}

static void hostile_files_are_refused(void **state)
{
    made_spoil *const spoil[] = {truncate_it, make_it_nan, claim_many_scores, claim_to_be_ordinal};
    tdl_linear_model *m = fitted(TDL_TASK_CLASSES, "logistic", "");
    tdl_matrix narrow = data.x;

    TDL_UNUSED(state);
    narrow.cols--;
    for (size_t k = 0; k < 4; k++) {
        tdl_report why = {0};

        assert_null(made_again(&m->learner, &data.x, spoil[k], &why));
        assert_true(why.message[0]);
    }
    assert_null(made_again(&m->learner, &narrow, NULL, NULL));
    tdl_learner_free(&m->learner);
}

static void attributions_add_up_to_the_score(void **state)
{
    const tdl_task task[] = {TDL_TASK_BINARY, TDL_TASK_CLASSES, TDL_TASK_REGRESSION,
                             TDL_TASK_ORDINAL};
    tdl_matrix baseline = {.rows = 1, .cols = MADE_COLS, .x = data.x_of};

    TDL_UNUSED(state);
    for (size_t t = 0; t < 4; t++) {
        tdl_linear_model *m = fitted(task[t], t < 2 ? "logistic" : "linear", "");

        for (size_t which = 0; which < m->learner.scores_n; which++) {
            assert_true(made_attribution_error(&m->learner, &data.x, &baseline, which) < 1e-12);
            assert_true(made_attribution_error(&m->learner, &data.x, NULL, which) < 1e-12);
        }
        tdl_learner_free(&m->learner);
    }
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    enum { ROWS = 3000, COLS = 40 };
    float *x = malloc(ROWS * COLS * sizeof *x), *y = malloc(ROWS * sizeof *y);
    tdl_matrix matrix = {.rows = ROWS, .cols = COLS, .x = x};
    tdl_pool *pool = tdl_pool_new(3);
    const tdl_task task[] = {TDL_TASK_BINARY, TDL_TASK_CLASSES, TDL_TASK_COUNT, TDL_TASK_ORDINAL};

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < COLS; j++)
            x[i * COLS + j] = (float)(2 * made_uniform(3, i * COLS + j) - 1);
        y[i] = x[i * COLS] + x[i * COLS + 1] > (float)made_uniform(4, i) - 0.5F;
    }
    for (size_t t = 0; t < 4; t++) {
        tdl_problem p = {.task = task[t], .classes_n = t == 2 ? 0 : 2, .x = &matrix, .y = y};
        tdl_learner *one = NULL, *three = NULL;
        const char *name = t < 2 ? "logistic" : "linear";

        assert_int_equal(made_fit(&p, name, "", &one, NULL), TDL_OK);
        p.pool = pool;
        assert_int_equal(made_fit(&p, name, "", &three, NULL), TDL_OK);
        assert_true(made_same_scores(one, three, &matrix));
        tdl_learner_free(one);
        tdl_learner_free(three);
    }
    tdl_pool_free(pool);
    free(x);
    free(y);
}

/* 3 x 111 parameters go by L-BFGS: at the optimum the gradient, computed here, is 0. */
static void many_parameters_reach_the_optimum_too(void **state)
{
    enum { ROWS = 500, COLS = 110, CLASSES = 3 };
    static float x[ROWS * COLS], y[ROWS];
    static double score[ROWS * CLASSES], slope[CLASSES][COLS + 1];
    tdl_matrix matrix = {.rows = ROWS, .cols = COLS, .x = x};
    tdl_problem p = {.task = TDL_TASK_CLASSES, .classes_n = CLASSES, .x = &matrix, .y = y};
    tdl_learner *l = NULL;

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < COLS; j++)
            x[i * COLS + j] = (float)(4 * made_uniform(3, i * COLS + j) - 2);
        y[i] = floorf((float)made_uniform(4, i) * 2 + (x[i * COLS] > 0));
    }
    assert_int_equal(made_fit(&p, "logistic", "", &l, NULL), TDL_OK);
    assert_int_equal(tdl_learner_score(l, &matrix, NULL, score, NULL), TDL_OK);
    for (size_t c = 0; c < CLASSES; c++)
        memcpy(slope[c], ((tdl_linear_model *)l)->w + c * (COLS + 1), COLS * sizeof(double));
    for (size_t i = 0; i < ROWS; i++) {
        const double *s = score + i * CLASSES;
        double sum = exp(s[0]) + exp(s[1]) + exp(s[2]);

        for (size_t c = 0; c < CLASSES; c++) {
            double r = exp(s[c]) / sum - ((float)c == y[i]);

            for (size_t j = 0; j < COLS; j++)
                slope[c][j] += r * (double)x[i * COLS + j];
            slope[c][COLS] += r;
        }
    }
    for (size_t c = 0; c < CLASSES; c++)
        for (size_t j = 0; j <= COLS; j++)
            if (!(fabs(slope[c][j]) < 1e-4))
                fail_msg("class %zu, feature %zu: a gradient of %g", c, j, slope[c][j]);
    tdl_learner_free(l);
}

static void bad_input_is_refused_with_a_reason(void **state)
{
    static made spoilt;
    tdl_problem p = made_problem(&data, TDL_TASK_BINARY);
    tdl_learner *l = NULL;
    tdl_report why = {0};
    float y[MADE_ROWS];

    TDL_UNUSED(state);
    assert_int_equal(made_fit(&p, "linear", "", &l, &why), TDL_E_INVALID);
    assert_int_equal(made_fit(&p, "logistic", "{\"lambda\": -1}", &l, &why), TDL_E_INVALID);
    assert_int_equal(made_fit(&p, "logistic", "{\"lamda\": 1}", &l, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "lamda"));
    make(&spoilt);
    spoilt.x_of[5 * MADE_COLS + 2] = NAN;
    p.x = &spoilt.x;
    assert_int_equal(made_fit(&p, "logistic", "", &l, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 5, feature x2"));
    p = made_problem(&data, TDL_TASK_COUNT);
    memcpy(y, p.y, sizeof y);
    y[3] = -1;
    p.y = y;
    assert_int_equal(made_fit(&p, "linear", "", &l, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 3"));
}

/* Sheet 4.1's table. */
static void logistic_reproduces_the_sheets_five_folds(void **state)
{
    static const struct {
        const char *name, *target, *positive, *left_out;
        double auc, loss;
    } set[] = {
        {"wa_churn", "churn", "Yes", NULL, .8449, .4178},
        {"mlc_churn", "churn", "yes", NULL, .8201, .3212},
        {"credit_data", "Status", "bad", NULL, .8300, .4441},
        {"GermanCredit", "Class", "Bad", NULL, .7828, .5198},
        {"HMDA", "deny", "yes", NULL, .8227, .2772},
        {"BreastCancer", "Class", "malignant", "Id", .9948, .0937},
    };

    TDL_UNUSED(state);
    for (size_t k = 0; k < sizeof set / sizeof set[0]; k++) {
        sheet_table t;
        double auc, loss;

        if (!sheet_open(set[k].name, set[k].target, set[k].positive, set[k].left_out, false, &t))
            continue;
        assert_int_equal(sheet_run(&t, "logistic", "", true, NULL, &auc, &loss), TDL_OK);
        printf("%-12s AUC %.5f, log-loss %.5f\n", set[k].name, auc, loss);
        if (fabs(auc - set[k].auc) > 2e-4 || fabs(loss - set[k].loss) > 2e-4)
            fail_msg("%s: not %.4f, %.4f", set[k].name, set[k].auc, set[k].loss);
        sheet_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logistic_finds_the_weights_of_sklearn),
        cmocka_unit_test(softmax_finds_the_weights_of_sklearn),
        cmocka_unit_test(ridge_finds_the_weights_of_sklearn),
        cmocka_unit_test(poisson_finds_the_weights_of_sklearn),
        cmocka_unit_test(tweedie_finds_the_weights_of_sklearn),
        cmocka_unit_test(huber_finds_the_weights_of_statsmodels),
        cmocka_unit_test(a_loss_of_another_task_is_refused),
        cmocka_unit_test(proportional_odds_are_those_of_statsmodels),
        cmocka_unit_test(quantiles_reach_the_optimum_of_a_linear_programme),
        cmocka_unit_test(a_weight_of_two_is_the_row_twice),
        cmocka_unit_test(separable_classes_and_columns_alike_have_finite_weights),
        cmocka_unit_test(what_was_saved_scores_the_same_bits),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(attributions_add_up_to_the_score),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(many_parameters_reach_the_optimum_too),
        cmocka_unit_test(bad_input_is_refused_with_a_reason),
        cmocka_unit_test(logistic_reproduces_the_sheets_five_folds),
    };

    make(&data);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
