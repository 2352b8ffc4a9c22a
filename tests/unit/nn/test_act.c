/* Activations, softmax and cross-entropy against PyTorch 1.13.1 in double (the project's reference
 * values, printed to 15 digits). Built twice: float to 1e-5, double to 1e-9. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net_case.h"

#ifdef TDL_REAL_DOUBLE
static const double TOLERANCE = 1e-9, TOLERANCE_GRAD = 1e-9;
#else
static const double TOLERANCE = 1e-5, TOLERANCE_GRAD = 1e-4;
#endif

enum { N = 12 };
static const tdl_real X[N] = {-100, -20, -3, -1, -0.5F, 0, 0.5F, 0.75F, 1, 3, 20, 100};

static void near(double got, double expected, double tolerance, const char *what, size_t at)
{
    if (!(fabs(got - expected) <= tolerance * fmax(1, fabs(expected))))
        fail_msg("%s[%zu] = %.15g, expected %.15g", what, at, got, expected);
}

static void check(tdl_act act, const double y[N], const double slope[N], const char *name)
{
    tdl_real got[N], d[N];

    memcpy(got, X, sizeof X);
    tdl_act_forward(act, N, NULL, got);
    for (size_t i = 0; i < N; i++) {
        near((double)got[i], y[i], TOLERANCE, name, i);
        d[i] = 2;
    }
    tdl_act_backward(act, N, tdl_act_needs_input(act) ? X : got, d);
    for (size_t i = 0; i < N; i++)
        near((double)d[i], 2 * slope[i], TOLERANCE_GRAD, name, i);
}

/* x = .75 stands for the table's .6, which no float holds: its values are from the formulas. */
static double slope_of_tanh(double x)
{
    return 1 - tanh(x) * tanh(x);
}

static void relu_and_its_slope_which_is_0_at_0(void **state)
{
    const double y[N] = {0, 0, 0, 0, 0, 0, 0.5, 0.75, 1, 3, 20, 100};
    const double slope[N] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1};

    TDL_UNUSED(state);
    check(TDL_ACT_RELU, y, slope, "relu");
}

static void tanh_and_its_slope(void **state)
{
    const double y[N] = {-1,
                         -1,
                         -0.99505475368673,
                         -0.761594155955765,
                         -0.46211715726001,
                         0,
                         0.46211715726001,
                         tanh(0.75),
                         0.761594155955765,
                         0.99505475368673,
                         1,
                         1};
    const double slope[N] = {0,
                             0,
                             0.00986603716544017,
                             0.419974341614026,
                             0.786447732965927,
                             1,
                             0.786447732965927,
                             slope_of_tanh(0.75),
                             0.419974341614026,
                             0.00986603716544017,
                             0,
                             0};

    TDL_UNUSED(state);
    check(TDL_ACT_TANH, y, slope, "tanh");
}

static void sigmoid_and_its_slope(void **state)
{
    const double s = 1 / (1 + exp(-0.75));
    const double y[N] = {0,
                         2.0611536181902e-09,
                         0.0474258731775668,
                         0.268941421369995,
                         0.377540668798145,
                         0.5,
                         0.622459331201855,
                         s,
                         0.731058578630005,
                         0.952574126822433,
                         0.999999997938846,
                         1};
    const double slope[N] = {0,
                             2.06115361394185e-09,
                             0.0451766597309121,
                             0.196611933241482,
                             0.235003712201594,
                             0.25,
                             0.235003712201594,
                             s * (1 - s),
                             0.196611933241482,
                             0.045176659730912,
                             2.0611536879194e-09,
                             0};

    TDL_UNUSED(state);
    check(TDL_ACT_SIGMOID, y, slope, "sigmoid");
}

static void gelu_in_its_tanh_form_and_its_slope(void **state)
{
    const double c = 0.79788456080286535588, x = 0.75, u = c * (x + 0.044715 * x * x * x);
    const double y[N] = {0,
                         0,
                         -0.00363739208177299,
                         -0.158808009391723,
                         -0.154285990174856,
                         0,
                         0.345714009825144,
                         x / 2 * (1 + tanh(u)),
                         0.841191990608277,
                         2.99636260791823,
                         20,
                         100};
    const double slope[N] = {0,
                             0,
                             -0.0115841666309696,
                             -0.0829640838457826,
                             0.132630096465358,
                             0.5,
                             0.867369903534642,
                             (1 + tanh(u)) / 2 +
                                 x / 2 * slope_of_tanh(u) * c * (1 + 3 * 0.044715 * x * x),
                             1.08296408384578,
                             1.01158416663097,
                             1,
                             1};

    TDL_UNUSED(state);
    check(TDL_ACT_GELU, y, slope, "gelu");
}

static void softmax_does_not_overflow_and_gives_log_sum_exp(void **state)
{
    tdl_real x[2][3] = {{-1000, -1001, -1002}, {1000, 0, 1}}, lse[2];
    const double y[2][3] = {{0.665240955774822, 0.244728471054798, 0.0900305731703804}, {1, 0, 0}};

    TDL_UNUSED(state);
    tdl_softmax(2, 3, x[0], lse);
    for (size_t i = 0; i < 6; i++)
        near((double)x[i / 3][i % 3], y[i / 3][i % 3], TOLERANCE, "softmax", i);
    near((double)lse[0], -999.592394035556, TOLERANCE, "lse", 0);
    near((double)lse[1], 1000, TOLERANCE, "lse", 1);
}

/* The scores are the rows of a table that each row of the batch looks up with weight 1, so the
 * gradient of the table is that of the scores. */
static void cross_entropy_of_the_reference_and_its_gradient(void **state)
{
    const double scores[12] = {2, -1, 0.5, 0, 0.1, 0.2, 0.3, 0.4, 1000, -1000, 0, 999};
    const double expected[12] = {-0.0966333590379419,
                                 0.0117845978029163,
                                 0.0528149031716599,
                                 0.0320338580633657,
                                 0.0712794067886615,
                                 0.0787759274405126,
                                 0.0870608640516918,
                                 -0.237116198280866,
                                 0.243686192876668,
                                 0,
                                 0,
                                 -0.243686192876668};
    const size_t offsets[] = {0, 1, 2, 3};
    const int32_t id[] = {0, 1, 2}, target[] = {0, 3, 3};
    const tdl_real weight[] = {1, 1, 1};
    const uint64_t example[] = {0, 1, 2};
    const tdl_nn_batch batch = {.rows = 3,
                                .offsets = offsets,
                                .id = {id},
                                .weight = weight,
                                .target = target,
                                .example = example};
    const tdl_run run = {.training = true};
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    int table = tdl_params_add(&params, "table", 3, 4, true);

    TDL_UNUSED(state);
    assert_int_equal(tdl_params_seal(&params, NULL), TDL_OK);
    for (size_t i = 0; i < 12; i++)
        tdl_params_value(&params, table)[i] = (tdl_real)scores[i];
    tdl_net_softmax_ce(&net, tdl_net_embed_bag(&net, table), NULL);
    assert_int_equal(plan(&net, 3, true, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&net, &batch, &run, NULL), TDL_OK);
    near(loss_sum(&net, &batch) / 3, 0.966048933121069, TOLERANCE, "loss", 0);
    assert_int_equal(tdl_net_backward(&net, &batch, &run, 1.0 / 3, NULL), TDL_OK);
    for (size_t i = 0; i < 12; i++)
        near((double)tdl_params_grad(&params, table)[i], expected[i], TOLERANCE_GRAD, "grad", i);
    tdl_net_release(&net);
    tdl_params_release(&params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relu_and_its_slope_which_is_0_at_0),
        cmocka_unit_test(tanh_and_its_slope),
        cmocka_unit_test(sigmoid_and_its_slope),
        cmocka_unit_test(gelu_in_its_tanh_form_and_its_slope),
        cmocka_unit_test(softmax_does_not_overflow_and_gives_log_sum_exp),
        cmocka_unit_test(cross_entropy_of_the_reference_and_its_gradient),
    };

    return cmocka_run_group_tests_name("nn/act", tests, NULL, NULL);
}
