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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linear_model_owes_its_weights),
        cmocka_unit_test(the_gradient_of_a_network_is_that_of_differences),
        cmocka_unit_test(attributions_of_a_network_are_complete),
        cmocka_unit_test(attributions_of_embedded_tokens_are_complete),
        cmocka_unit_test(a_question_without_targets_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
