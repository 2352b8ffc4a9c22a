/* A fully connected network against PyTorch: within 1e-9 in double; in float within 1e-5 for
 * outputs and losses and 1e-4 for gradients, relative to the largest entry. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mlp_reference.h"
#include "net_case.h"
#include "nn/mlp.h"

enum { ROWS = 4, IN = 3, LAYERS = 3 };
static const double *const WEIGHTS[LAYERS] = {MLP_W1, MLP_W2, MLP_W3};
static const double *const BIASES[LAYERS] = {MLP_B1, MLP_B2, MLP_B3};
static const double *const D_WEIGHTS[LAYERS] = {MLP_D_W1, MLP_D_W2, MLP_D_W3};
static const double *const D_BIASES[LAYERS] = {MLP_D_B1, MLP_D_B2, MLP_D_B3};

typedef struct reference {
    tdl_mlp model;
    tdl_real x[ROWS * IN];
    tdl_nn_batch batch;
} reference;

static double tolerance(double in_float)
{
    return sizeof(tdl_real) == sizeof(double) ? 1e-9 : in_float;
}

static void fill(const tdl_params *params, int slice, const double *x)
{
    for (size_t i = 0; i < params->slice[slice].rows * params->slice[slice].cols; i++)
        tdl_params_value(params, slice)[i] = (tdl_real)x[i];
}

static int open_reference(void **state)
{
    const tdl_mlp_config config = {.in = IN,
                                   .hidden = {{5, TDL_ACT_TANH, 0}, {4, TDL_ACT_GELU_ERF, 0}},
                                   .hidden_n = LAYERS - 1,
                                   .out = 3};
    reference *r = calloc(1, sizeof *r);

    if (!r || tdl_mlp_init(&r->model, &config, NULL) || plan(&r->model.net, ROWS, true, NULL))
        return -1;
    for (int i = 0; i < LAYERS; i++) {
        fill(&r->model.params, r->model.w[i], WEIGHTS[i]);
        fill(&r->model.params, r->model.b[i], BIASES[i]);
    }
    for (size_t i = 0; i < ROWS * IN; i++)
        r->x[i] = (tdl_real)MLP_X[i];
    r->batch = (tdl_nn_batch){.rows = ROWS, .x = r->x, .target = MLP_TARGET};
    *state = r;
    return 0;
}

static int close_reference(void **state)
{
    reference *r = *state;

    tdl_mlp_release(&r->model);
    free(r);
    return 0;
}

static void assert_near(const char *what, size_t n, const tdl_real *got, const double *expected,
                        double in_float)
{
    double largest = 0;

    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(expected[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - expected[i]) <= tolerance(in_float) * largest))
            fail_msg("%s[%zu]: %.12g, expected %.12g", what, i, (double)got[i], expected[i]);
}

/* Forward, and the gradient of the mean loss, which is returned. */
static double run(reference *r)
{
    const tdl_run how = {.training = true};
    double sum, weight;

    assert_int_equal(tdl_net_forward(&r->model.net, &r->batch, &how, NULL), TDL_OK);
    tdl_net_loss(&r->model.net, &r->batch, &sum, &weight);
    assert_int_equal(tdl_net_backward(&r->model.net, &r->batch, &how, 1 / weight, NULL), TDL_OK);
    return sum / weight;
}

static void scores(void **state)
{
    reference *r = *state;
    const tdl_run how = {0};
    tdl_nn_batch asked = r->batch;

    asked.target = NULL; // under a loss scores become probabilities
    assert_int_equal(tdl_net_forward(&r->model.net, &asked, &how, NULL), TDL_OK);
    assert_near("score", sizeof MLP_LOGITS / sizeof *MLP_LOGITS,
                tdl_net_value(&r->model.net, r->model.scores), MLP_LOGITS, 1e-5);
}

static void assert_gradient(const tdl_params *params, int slice, const double *expected)
{
    const tdl_slice *shape = &params->slice[slice];

    assert_near(shape->name, shape->rows * shape->cols, tdl_params_grad(params, slice), expected,
                1e-4);
}

static void loss_and_all_gradients(void **state)
{
    reference *r = *state;

    assert_true(fabs(run(r) - MLP_LOSS) <= tolerance(1e-5));
    for (int i = 0; i < LAYERS; i++) {
        assert_gradient(&r->model.params, r->model.w[i], D_WEIGHTS[i]);
        assert_gradient(&r->model.params, r->model.b[i], D_BIASES[i]);
    }
}

static void ten_steps_with_momentum(void **state)
{
    reference *r = *state;
    tdl_params *p = &r->model.params;
    tdl_real *v = calloc(p->n, sizeof *v);

    assert_non_null(v);
    for (size_t step = 0; step < sizeof MLP_SGD_LOSS / sizeof *MLP_SGD_LOSS; step++) {
        assert_true(fabs(run(r) - MLP_SGD_LOSS[step]) <= tolerance(1e-5));
        for (size_t i = 0; i < p->n; i++) {
            v[i] = (tdl_real)0.9 * v[i] + p->grad[i];
            p->value[i] -= (tdl_real)0.1 * v[i];
            p->grad[i] = 0;
        }
    }
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scores, open_reference, close_reference),
        cmocka_unit_test_setup_teardown(loss_and_all_gradients, open_reference, close_reference),
        cmocka_unit_test_setup_teardown(ten_steps_with_momentum, open_reference, close_reference),
    };

    return cmocka_run_group_tests_name("nn/mlp_reference", tests, NULL, NULL);
}
