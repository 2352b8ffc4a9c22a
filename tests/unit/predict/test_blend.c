/* Blends against a brute-force search over weights and temperatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "apps/predict/blend.h"
#include "made_table.h"

enum { ROWS = 300, MODELS = 3 };

static double normal(uint64_t seed, uint64_t i) /* Box-Muller */
{
    return sqrt(-2 * log(made_u(seed, 2 * i) + 1e-300)) *
           cos(2 * acos(-1.0) * made_u(seed, 2 * i + 1));
}

typedef struct setting {
    double y[ROWS], of[MODELS][ROWS];
    const double *score[MODELS];
    uint32_t *row;
    tdl_blend_data data;
} setting;

static void start(setting *s, tdl_task task)
{
    s->row = made_rows(ROWS);
    for (size_t j = 0; j < MODELS; j++)
        s->score[j] = s->of[j];
    for (size_t i = 0; i < ROWS; i++) {
        double truth = normal(1, i);

        s->y[i] = task == TDL_TASK_BINARY  ? made_u(2, i) < 1 / (1 + exp(-2 * truth))
                  : task == TDL_TASK_COUNT ? floor(exp(truth / 2) + made_u(2, i))
                                           : truth + normal(3, i) / 4;
        for (size_t j = 0; j < MODELS; j++)
            s->of[j][i] = (task == TDL_TASK_BINARY ? 2 * truth : truth) +
                          normal(10 + j, i) * (double)(j + 1) / 2;
    }
    s->data = (tdl_blend_data){.task = task,
                               .rows_n = ROWS,
                               .scores_n = 1,
                               .models_n = MODELS,
                               .score = s->score,
                               .row = s->row,
                               .y = s->y};
}

/* blend.h: loss + ridge (mean loss of equal weights) |w - 1/m|^2, as sums over rows. */
static double objective(const setting *s, double ridge, const double *w, const double *t)
{
    const double equal[MODELS] = {1.0 / MODELS, 1.0 / MODELS, 1.0 / MODELS};
    double loss = 0, of_equal = 0, off = 0, z;

    for (size_t i = 0; i < ROWS; i++) {
        tdl_blend_row(&s->data, w, t, i, &z);
        loss += tdl_blend_loss(&s->data, i, &z);
        tdl_blend_row(&s->data, equal, t, i, &z);
        of_equal += tdl_blend_loss(&s->data, i, &z);
    }
    for (size_t j = 0; j < MODELS; j++)
        off += (w[j] - equal[j]) * (w[j] - equal[j]);
    return loss + ridge * of_equal / (ROWS + 1) * off;
}

static void weights_are_those_of_a_search_over_the_simplex(void **state)
{
    static const tdl_task tasks[] = {TDL_TASK_BINARY, TDL_TASK_REGRESSION, TDL_TASK_COUNT};
    static setting s;
    enum { STEPS = 50 };

    (void)state;
    for (size_t k = 0; k < 3; k++) {
        double weight[MODELS], temperature[MODELS], best = INFINITY, at[MODELS] = {0};

        start(&s, tasks[k]);
        assert_int_equal(tdl_blend_fit(&s.data, 2, weight, temperature, NULL), TDL_OK);
        assert_true(fabs(weight[0] + weight[1] + weight[2] - 1) < 1e-9);
        for (int a = 0; a <= STEPS; a++)
            for (int b = 0; a + b <= STEPS; b++) {
                double w[MODELS] = {(double)a / STEPS, (double)b / STEPS,
                                    (double)(STEPS - a - b) / STEPS};
                double now = objective(&s, 2, w, temperature);
                if (now < best) {
                    best = now;
                    memcpy(at, w, sizeof at);
                }
            }
        for (size_t j = 0; j < MODELS; j++) {
            assert_true(weight[j] >= 0);
            assert_true(fabs(weight[j] - at[j]) <= 1.5 / STEPS);
        }
        assert_true(objective(&s, 2, weight, temperature) <= best + 1e-6 * fabs(best));
        free(s.row);
    }
}

static void a_model_that_knows_the_answer_gets_all_the_weight(void **state)
{
    static setting s;
    double weight[MODELS], temperature[MODELS];

    (void)state;
    start(&s, TDL_TASK_REGRESSION);
    memcpy(s.of[1], s.y, sizeof s.y);
    assert_int_equal(tdl_blend_fit(&s.data, 0, weight, temperature, NULL), TDL_OK);
    assert_true(weight[1] > 0.99);
    free(s.row);
}

static void equal_models_share_the_weight(void **state)
{
    static setting s;
    double weight[MODELS], temperature[MODELS];

    (void)state;
    start(&s, TDL_TASK_BINARY);
    memcpy(s.of[1], s.of[0], sizeof s.of[0]);
    memcpy(s.of[2], s.of[0], sizeof s.of[0]);
    assert_int_equal(tdl_blend_fit(&s.data, 2, weight, temperature, NULL), TDL_OK);
    for (size_t j = 0; j < MODELS; j++)
        assert_true(fabs(weight[j] - 1.0 / MODELS) < 1e-6);
    free(s.row);
}

static void the_temperature_is_that_of_a_search(void **state)
{
    static setting s;
    double weight[MODELS], temperature[MODELS];

    (void)state;
    start(&s, TDL_TASK_BINARY);
    for (size_t i = 0; i < ROWS; i++)
        s.of[1][i] *= 5; // too sure of itself
    assert_int_equal(tdl_blend_fit(&s.data, 2, weight, temperature, NULL), TDL_OK);
    for (size_t j = 0; j < MODELS; j++) {
        double best = INFINITY, at = 0;

        for (double t = 0.2; t < 30; t *= 1.005) {
            double loss = 0, z;
            for (size_t i = 0; i < ROWS; i++) {
                z = s.of[j][i] / t;
                loss += tdl_blend_loss(&s.data, i, &z);
            }
            if (loss < best) {
                best = loss;
                at = t;
            }
        }
        assert_true(fabs(temperature[j] / at - 1) < 0.006);
    }
    free(s.row);
}

/* Losses by hand. */
static void losses_are_those_of_the_task(void **state)
{
    const double y[] = {1, 2}, quantile[] = {0.1, 0.9};
    double z[] = {0.5, 3};
    tdl_blend_data data = {.task = TDL_TASK_BINARY, .scores_n = 1, .y = y};

    (void)state;
    assert_true(fabs(tdl_blend_loss(&data, 0, z) - log(1 + exp(-0.5))) < 1e-12);
    data.task = TDL_TASK_REGRESSION;
    assert_true(fabs(tdl_blend_loss(&data, 1, z) - 2.25) < 1e-12);
    data.task = TDL_TASK_COUNT;
    assert_true(fabs(tdl_blend_loss(&data, 1, z) - (exp(0.5) - 1)) < 1e-12);
    data.task = TDL_TASK_CLASSES;
    data.scores_n = 2;
    assert_true(fabs(tdl_blend_loss(&data, 0, z) - (log(exp(0.5) + exp(3)) - 3)) < 1e-12);
    data.task = TDL_TASK_QUANTILE;
    data.quantile = quantile;
    assert_true(fabs(tdl_blend_loss(&data, 1, z) - (0.1 * 1.5 + 0.1 * 1)) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_those_of_a_search_over_the_simplex),
        cmocka_unit_test(a_model_that_knows_the_answer_gets_all_the_weight),
        cmocka_unit_test(equal_models_share_the_weight),
        cmocka_unit_test(the_temperature_is_that_of_a_search),
        cmocka_unit_test(losses_are_those_of_the_task),
    };
    return cmocka_run_group_tests_name("predict/blend", tests, NULL, NULL);
}
