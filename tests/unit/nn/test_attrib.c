/* Attribution. Expected values: a linear model by its weights, central differences, and the axiom
 * of completeness, sum of a row = F(x) - F(baseline), within 1 %.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net_case.h"
#include "nn/attrib.h"
#include "nn/core.h"
#include "nn/gauss_legendre.h"
#include "nn/init.h"
#include "nn/layers.h"

enum { ROWS = 3, IN = 4, HIDDEN = 12, OUT = 3 };

static const tdl_real X[ROWS * IN] = {1, -2, 0.5F, 3, 0.25F, -1, 2, 2, 0.5F, -0.75F, 0, 1};
static const int32_t TARGET[ROWS] = {2, 0, 1};
static const tdl_nn_batch BATCH = {.rows = ROWS, .x = X, .target = TARGET};

typedef struct model {
    tdl_params params;
    tdl_net net;
    int input, scores;
} model;

static void draw(tdl_params *params, double scale)
{
    assert_int_equal(tdl_params_seal(params, NULL), TDL_OK);
    for (int k = 0; k < params->slices_n; k++) {
        tdl_init_slice(params, k, TDL_INIT_GAUSSIAN, scale, 5);
        params->slice[k].frozen = true;
    }
}

static void prepare(model *m)
{
    tdl_report why = {0};

    tdl_attrib_prepare(&m->net, m->scores, m->input);
    if (plan(&m->net, ROWS, true, &why))
        fail_msg("%s", why.message);
}

static void release(model *m)
{
    tdl_net_release(&m->net);
    tdl_params_release(&m->params);
}

/* Layers of HIDDEN GELU units, or none: linear. */
static void open_mlp(model *m, int layers)
{
    int w[3], b[3];

    *m = (model){0};
    m->net.params = &m->params;
    for (int i = 0; i <= layers; i++) {
        w[i] = tdl_params_add(&m->params, "w", i ? HIDDEN : IN, i < layers ? HIDDEN : OUT, true);
        b[i] = tdl_params_add(&m->params, "b", 1, i < layers ? HIDDEN : OUT, false);
    }
    draw(&m->params, 0.5);
    m->scores = m->input = tdl_net_input(&m->net, IN);
    for (int i = 0; i <= layers; i++)
        m->scores = tdl_net_linear(&m->net, m->scores, w[i], b[i],
                                   i < layers ? TDL_ACT_GELU : TDL_ACT_NONE);
    tdl_net_softmax_ce(&m->net, m->scores, NULL); // the loss that gives way
    prepare(m);
}

static void a_linear_model_owes_its_weights(void **state)
{
    const tdl_real baseline[ROWS * IN] = {1, 1, 1, 1};
    const tdl_attrib_options options = {.baseline = baseline, .steps = 3};
    tdl_real gradient[ROWS * IN], integrated[ROWS * IN];
    double gap;
    model m;

    TDL_UNUSED(state);
    open_mlp(&m, 0);
    const tdl_real *w = tdl_params_value(&m.params, 0);
    assert_int_equal(tdl_attrib_gradient(&m.net, m.input, &BATCH, NULL, gradient, NULL), TDL_OK);
    assert_int_equal(
        tdl_attrib_integrated(&m.net, m.input, &BATCH, &options, integrated, &gap, NULL), TDL_OK);
    for (size_t i = 0; i < ROWS * IN; i++) {
        double of_w = (double)w[i % IN * OUT + (size_t)TARGET[i / IN]];

        assert_true((double)gradient[i] == of_w);
        assert_true(fabs((double)integrated[i] - of_w * (double)(X[i] - baseline[i])) < 1e-5);
    }
    assert_true(gap < 1e-5);
    release(&m);
}

static double score_of(model *m, const tdl_real *x, size_t row)
{
    const tdl_run run = {0};
    const tdl_nn_batch batch = {.rows = ROWS, .x = x, .target = TARGET};
    double scores[ROWS];

    assert_int_equal(tdl_net_forward(&m->net, &batch, &run, NULL), TDL_OK);
    for (size_t r = 0; r < ROWS; r++)
        scores[r] = (double)tdl_net_value(&m->net, m->scores)[r * OUT + (size_t)TARGET[r]];
    return scores[row];
}

static void the_gradient_of_a_network_is_that_of_differences(void **state)
{
    const double h = sizeof(tdl_real) == sizeof(double) ? 1e-5 : 1e-2;
    const double margin = sizeof(tdl_real) == sizeof(double) ? 1e-8 : 1e-3;
    tdl_real gradient[ROWS * IN], moved[ROWS * IN];
    model m;

    TDL_UNUSED(state);
    open_mlp(&m, 2);
    assert_int_equal(tdl_attrib_gradient(&m.net, m.input, &BATCH, NULL, gradient, NULL), TDL_OK);
    for (size_t i = 0; i < ROWS * IN; i++) {
        memcpy(moved, X, sizeof moved);
        moved[i] = X[i] + (tdl_real)h;
        double above = score_of(&m, moved, i / IN);
        moved[i] = X[i] - (tdl_real)h;
        double below = score_of(&m, moved, i / IN);
        assert_true(fabs((above - below) / (2 * h) - (double)gradient[i]) < margin);
    }
    release(&m);
}

/* The rule's error falls with the square of the step. */
static void attributions_of_a_network_are_complete(void **state)
{
    tdl_attrib_options options = {.steps = 0};
    tdl_real integrated[ROWS * IN];
    double coarse, fine;
    model m;

    TDL_UNUSED(state);
    open_mlp(&m, 2);
    assert_int_equal(
        tdl_attrib_integrated(&m.net, m.input, &BATCH, &options, integrated, &fine, NULL), TDL_OK);
    options.steps = 2;
    assert_int_equal(
        tdl_attrib_integrated(&m.net, m.input, &BATCH, &options, integrated, &coarse, NULL),
        TDL_OK);
    assert_true(fine < 0.01);
    assert_true(fine < coarse);
    for (size_t i = 0; i < m.params.n; i++)
        assert_true(m.params.grad[i] == 0);
    release(&m);
}

/* Rows of 2, 1 and 4 tokens through two blocks; the classes are asked about the embedded tokens. */
static void attributions_of_embedded_tokens_are_complete(void **state)
{
    const tdl_tf_config config = {.n_layer = 2,
                                  .d_model = 8,
                                  .n_head = 2,
                                  .d_ff = 16,
                                  .act = TDL_ACT_GELU,
                                  .bias_ff = true,
                                  .mask = TDL_MASK_BIDIRECTIONAL,
                                  .init_std = 0.3};
    static const size_t offsets[ROWS + 1] = {0, 2, 3, 7};
    static const int32_t id[7] = {3, 0, 1, 2, 2, 4, 0};
    const tdl_nn_batch batch = {.rows = ROWS, .offsets = offsets, .id = {id}, .target = TARGET};
    tdl_attrib_options options = {.steps = 50};
    tdl_real integrated[7 * 8], baseline[7 * 8];
    tdl_tf core;
    double gap;
    model m = {0};

    TDL_UNUSED(state);
    m.net.params = &m.params;
    int table = tdl_params_add(&m.params, "table", 5, 8, true);
    assert_int_equal(tdl_tf_declare(&core, &config, &m.params, NULL), TDL_OK);
    int head = tdl_params_add(&m.params, "head", 8, OUT, true);
    draw(&m.params, 1);
    tdl_tf_start(&core, &m.params, 3);
    m.input = tdl_net_embed(
        &m.net, &(tdl_embed_tables){.table = {table, TDL_NONE, TDL_NONE}, .positions = TDL_NONE});
    int h = tdl_net_pool(&m.net, tdl_tf_build(&core, &m.net, m.input), TDL_POOL_MEAN);
    m.scores = tdl_net_linear(&m.net, h, head, TDL_NONE, TDL_ACT_NONE);
    prepare(&m);
    for (size_t i = 0; i < 7 * 8; i++) // token 4 stands for "nothing"
        baseline[i] = tdl_params_value(&m.params, table)[4 * 8 + i % 8];
    options.baseline = baseline;
    assert_int_equal(
        tdl_attrib_integrated(&m.net, m.input, &batch, &options, integrated, &gap, NULL), TDL_OK);
    assert_true(gap < 0.01);
    for (size_t i = 0; i < 8; i++)
        assert_true(integrated[5 * 8 + i] == 0); // it is the baseline itself
    tdl_tf_release(&core);
    release(&m);
}

static void a_question_without_targets_is_refused(void **state)
{
    tdl_nn_batch batch = BATCH;
    tdl_real gradient[ROWS * IN];
    tdl_report why = {0};
    model m;

    TDL_UNUSED(state);
    open_mlp(&m, 1);
    batch.target = NULL;
    assert_int_equal(tdl_attrib_gradient(&m.net, m.input, &batch, NULL, gradient, &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.message, "targets"));
    release(&m);
}

/* ---- against the project's reference values ---- */

/* refs/trust/attribution.json, tanh_mlp: h = tanh(W1 x + b1), scores = W2 h, two of its cases. By
 * quadrature to 12 places, and with 8 Gauss-Legendre nodes. */
static const double W1[4][6] = {{1.789, -0.277, -0.044, 0.881, -0.545, -1.185},
                                {0.437, -0.355, -0.477, 1.71, -1.546, -0.206},
                                {0.096, -0.083, -1.314, 0.05, 0.982, 1.486},
                                {-1.863, -0.627, 0.885, -0.405, -1.101, 0.237}};
static const double B1[6] = {-0.512, -0.3565, 0.3125, -0.0805, -0.3845, -0.115};
static const double W2[6][3] = {{0.745, -0.924, -0.356},  {1.976, -1.024, -1.743},
                                {-1.244, 1.124, -0.597},  {-0.626, -0.132, -0.589},
                                {-0.804, -1.623, -0.874}, {-2.419, 0.647, 0.03}};
static const struct {
    double x[4], baseline[4];
    int32_t output;
    double from, to, exact[4], by_8[4];
} reference[] = {{{1.108, 1.119, 1.488, -1.118},
                  {0.846, -1.861, -0.603, -1.914},
                  0,
                  4.2722280438968046,
                  -0.18289018598533258,
                  {0.274801643556, -0.254172431471, -3.477033268722, -0.998714173246},
                  {0.274792261112, -0.254380459103, -3.477033953139, -0.998702524942}},
                 {{1.048, 1.334, -0.197, 1.775},
                  {0.0, 0.0, 0.0, 0.0},
                  1,
                  1.6577829973268576,
                  3.7298786922995646,
                  {-1.130169211129, -0.246931244532, 0.087625147643, 3.361571002991},
                  {-1.130167734973, -0.246925905525, 0.087625650315, 3.361576085834}}};

static void open_reference(model *m)
{
    *m = (model){0};
    m->net.params = &m->params;
    int w1 = tdl_params_add(&m->params, "w1", 4, 6, true);
    int b1 = tdl_params_add(&m->params, "b1", 1, 6, false);
    int w2 = tdl_params_add(&m->params, "w2", 6, 3, true);

    draw(&m->params, 0);
    for (int i = 0; i < 24; i++)
        tdl_params_value(&m->params, w1)[i] = (tdl_real)W1[i / 6][i % 6];
    for (int i = 0; i < 6; i++)
        tdl_params_value(&m->params, b1)[i] = (tdl_real)B1[i];
    for (int i = 0; i < 18; i++)
        tdl_params_value(&m->params, w2)[i] = (tdl_real)W2[i / 3][i % 3];
    m->input = tdl_net_input(&m->net, 4);
    m->scores = tdl_net_linear(&m->net, m->input, w1, b1, TDL_ACT_TANH);
    m->scores = tdl_net_linear(&m->net, m->scores, w2, TDL_NONE, TDL_ACT_NONE);
    tdl_attrib_prepare(&m->net, m->scores, m->input);
}

/* As rows of one pass or one node a pass, the answer is the same. */
static void gauss_legendre_gives_the_reference_values(void **state)
{
    const double near = sizeof(tdl_real) == sizeof(double) ? 1e-10 : 3e-6;

    TDL_UNUSED(state);
    for (size_t rows = 1; rows <= 40; rows += 13)
        for (size_t k = 0; k < sizeof reference / sizeof reference[0]; k++) {
            const tdl_nn_batch batch = {
                .rows = 1,
                .x = (tdl_real[4]){(tdl_real)reference[k].x[0], (tdl_real)reference[k].x[1],
                                   (tdl_real)reference[k].x[2], (tdl_real)reference[k].x[3]},
                .target = &reference[k].output};
            double from, to;
            tdl_real baseline[4], got[4];
            tdl_attrib_options options = {
                .baseline = baseline, .gauss = true, .ret_from = &from, .ret_to = &to};
            model m;

            for (int i = 0; i < 4; i++)
                baseline[i] = (tdl_real)reference[k].baseline[i];
            open_reference(&m);
            assert_int_equal(plan(&m.net, rows, true, NULL), TDL_OK);
            assert_int_equal(
                tdl_attrib_integrated(&m.net, m.input, &batch, &options, got, NULL, NULL), TDL_OK);
            for (int i = 0; i < 4; i++)
                assert_true(fabs((double)got[i] - reference[k].exact[i]) < near);
            assert_true(fabs(from - reference[k].from) < near);
            assert_true(fabs(to - reference[k].to) < near);
            options.steps = 8;
            assert_int_equal(
                tdl_attrib_integrated(&m.net, m.input, &batch, &options, got, NULL, NULL), TDL_OK);
            for (int i = 0; i < 4; i++)
                assert_true(fabs((double)got[i] - reference[k].by_8[i]) < near);
            release(&m);
        }
}

/* Exact for polynomials of degree 2 n - 1: the integral of t^p over [0, 1] is 1 / (p + 1). */
static void gauss_legendre_is_exact_for_polynomials(void **state)
{
    static double node[512], weight[512];

    TDL_UNUSED(state);
    for (size_t n = 1; n <= 512; n = n < 8 ? n + 1 : 2 * n) {
        tdl_gauss_legendre(n, node, weight);
        for (size_t p = 0; p < 2 * n; p++) {
            double sum = 0;

            for (size_t k = 0; k < n; k++)
                sum += weight[k] * pow(node[k], (double)p);
            assert_true(fabs(sum - 1 / ((double)p + 1)) < 1e-14);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linear_model_owes_its_weights),
        cmocka_unit_test(the_gradient_of_a_network_is_that_of_differences),
        cmocka_unit_test(attributions_of_a_network_are_complete),
        cmocka_unit_test(attributions_of_embedded_tokens_are_complete),
        cmocka_unit_test(a_question_without_targets_is_refused),
        cmocka_unit_test(gauss_legendre_gives_the_reference_values),
        cmocka_unit_test(gauss_legendre_is_exact_for_polynomials),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
