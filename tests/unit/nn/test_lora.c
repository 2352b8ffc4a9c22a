/* Low-rank adapters: what they add, what they leave alone, and merging. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net_case.h"
#include "nn/lora.h"
#include "nn/mlp.h"

enum { ROWS = 3, IN = 5, HIDDEN = 6, OUT = 4 };

static const tdl_real X[ROWS * IN] = {1,    -2, 0.5F, 3, 0.25F, -1, 4,     2,
                                      0.1F, -3, 0,    1, 1,     1,  -0.75F};
static const tdl_nn_batch BATCH = {.rows = ROWS, .x = X};
static const tdl_run RUN = {0};

static tdl_status open_model(tdl_mlp *model, const tdl_lora_config *lora, tdl_report *why)
{
    const tdl_mlp_config config = {.in = IN,
                                   .hidden = {{HIDDEN, TDL_ACT_RELU, 0}},
                                   .hidden_n = 1,
                                   .head = TDL_HEAD_VALUE,
                                   .out = OUT,
                                   .lora = lora};
    tdl_status st = tdl_mlp_init(model, &config, why);

    if (!st)
        tdl_mlp_start(model, 7);
    return st;
}

static const char *const ALL[] = {"w*"};
static const tdl_lora_config ADAPTERS = {.pattern = ALL, .patterns_n = 1, .rank = 2, .alpha = 6};

static void open_with(tdl_mlp *model, const tdl_lora_config *lora)
{
    tdl_report why = {0};

    if (open_model(model, lora, &why) || plan(&model->net, ROWS, true, &why))
        fail_msg("%s", why.message);
}

static void run_into(tdl_mlp *model, tdl_real ret[ROWS * OUT])
{
    tdl_report why = {0};

    if (tdl_net_forward(&model->net, &BATCH, &RUN, &why))
        fail_msg("%s", why.message);
    memcpy(ret, tdl_net_value(&model->net, model->scores), ROWS * OUT * sizeof *ret);
}

static void draw_b(tdl_mlp *model)
{
    for (int layer = 0; layer < 2; layer++) {
        int b = model->params.slice[model->w[layer]].adapter + TDL_LORA_B;
        const tdl_slice *slice = &model->params.slice[b];

        for (size_t i = 0; i < slice->rows * slice->cols; i++)
            tdl_params_value(&model->params, b)[i] =
                (tdl_real)0.1 * (tdl_real)(i % 7) - (tdl_real)0.3;
    }
}

static void a_fresh_adapter_changes_nothing(void **state)
{
    tdl_real plain[ROWS * OUT], adapted[ROWS * OUT];
    tdl_mlp without, with;

    TDL_UNUSED(state);
    open_with(&without, NULL);
    open_with(&with, &ADAPTERS);
    run_into(&without, plain);
    run_into(&with, adapted);
    for (size_t i = 0; i < ROWS * OUT; i++)
        assert_true(plain[i] == adapted[i]);
    tdl_mlp_release(&without);
    tdl_mlp_release(&with);
}

/* out = x W + (6 / 2) (x A) B + b, by plain sums. */
static void an_adapter_adds_its_scaled_product(void **state)
{
    const tdl_lora_config lora = {.pattern = ALL, .patterns_n = 1, .rank = 2, .alpha = 6};
    const tdl_mlp_config config = {.in = IN, .head = TDL_HEAD_VALUE, .out = OUT, .lora = &lora};
    tdl_report why = {0};
    tdl_mlp model;

    TDL_UNUSED(state);
    if (tdl_mlp_init(&model, &config, &why) || plan(&model.net, ROWS, false, &why))
        fail_msg("%s", why.message);
    tdl_mlp_start(&model, 7);
    int first = model.params.slice[model.w[0]].adapter;
    const tdl_real *w = tdl_params_value(&model.params, model.w[0]);
    const tdl_real *a = tdl_params_value(&model.params, first);
    tdl_real *b = tdl_params_value(&model.params, first + TDL_LORA_B);
    tdl_real out[ROWS * OUT];

    for (size_t i = 0; i < 2 * OUT; i++)
        b[i] = (tdl_real)i - 3;
    run_into(&model, out);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < OUT; c++) {
            double sum = 0;

            for (size_t i = 0; i < IN; i++)
                sum += (double)X[r * IN + i] *
                       ((double)w[i * OUT + c] + 3 * ((double)a[i * 2] * (double)b[c] +
                                                      (double)a[i * 2 + 1] * (double)b[OUT + c]));
            assert_true(fabs(sum - (double)out[r * OUT + c]) < 1e-4);
        }
    tdl_mlp_release(&model);
}

static void merging_keeps_the_outputs_and_empties_the_adapters(void **state)
{
    tdl_real before[ROWS * OUT], after[ROWS * OUT], alone[ROWS * OUT];
    tdl_mlp with, without;

    TDL_UNUSED(state);
    open_with(&with, &ADAPTERS);
    draw_b(&with);
    run_into(&with, before);
    assert_int_equal(tdl_lora_merge(&with.params, NULL, NULL), TDL_OK);
    run_into(&with, after);
    open_with(&without, NULL); // and the same from its weights alone
    for (int k = 0; k < without.params.slices_n; k++) {
        const tdl_slice *slice = &without.params.slice[k];

        memcpy(tdl_params_value(&without.params, k), tdl_params_value(&with.params, k),
               slice->rows * slice->cols * sizeof(tdl_real));
    }
    run_into(&without, alone);
    for (size_t i = 0; i < ROWS * OUT; i++) {
        assert_true(fabs((double)(before[i] - after[i])) < 1e-5);
        assert_true(after[i] == alone[i]);
    }
    tdl_mlp_release(&with);
    tdl_mlp_release(&without);
}

static void a_frozen_base_gets_no_gradient(void **state)
{
    const tdl_real value[ROWS * OUT] = {1, 2, 3};
    tdl_nn_batch batch = BATCH;
    tdl_report why = {0};
    tdl_mlp model;

    TDL_UNUSED(state);
    assert_int_equal(open_model(&model, &ADAPTERS, NULL), TDL_OK);
    draw_b(&model);
    tdl_lora_freeze_base(&model.params);
    batch.value = value;
    if (plan(&model.net, ROWS, true, &why) || tdl_net_forward(&model.net, &batch, &RUN, &why) ||
        tdl_net_backward(&model.net, &batch, &RUN, 1, &why))
        fail_msg("%s", why.message);
    for (int k = 0; k < model.params.slices_n; k++) {
        const tdl_slice *slice = &model.params.slice[k];
        const char *name = slice->name;
        bool trained = strstr(name, "lora_a") || strstr(name, "lora_b");
        double sum = 0;

        for (size_t i = 0; i < slice->rows * slice->cols; i++)
            sum += fabs((double)tdl_params_grad(&model.params, k)[i]);
        assert_int_equal(sum > 0, trained);
    }
    tdl_mlp_release(&model);
}

static void check_refused(const char *pattern, size_t rank, const char *words)
{
    const tdl_lora_config lora = {.pattern = &pattern, .patterns_n = 1, .rank = rank};
    tdl_report why = {0};
    tdl_mlp model;

    assert_int_equal(open_model(&model, &lora, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, words));
}

static void adapters_that_cannot_be_are_refused(void **state)
{
    TDL_UNUSED(state);
    check_refused("w*", 0, "rank 0 for 'w1'");
    check_refused("w*", 5, "rank 5 for 'w1'");
    check_refused("layer.*", 2, "no matrix fits the pattern 'layer.*'");
    check_refused("b*", 2, "no matrix fits"); // biases are not matrices
}

/* A table that is embedded is no linear's. */
static void an_adapter_that_nothing_reads_is_refused(void **state)
{
    static const char *const table[] = {"table"};
    const tdl_lora_config lora = {.pattern = table, .patterns_n = 1, .rank = 1};
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    tdl_report why = {0};

    TDL_UNUSED(state);
    int slice = tdl_params_add(&params, "table", 4, 4, true);
    assert_int_equal(tdl_lora_declare(&params, &lora, NULL), TDL_OK);
    assert_int_equal(tdl_params_seal(&params, NULL), TDL_OK);
    tdl_net_embed_bag(&net, slice);
    assert_int_equal(tdl_lora_check(&net, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "'table'"));
    tdl_net_release(&net);
    tdl_params_release(&params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_adapter_changes_nothing),
        cmocka_unit_test(an_adapter_adds_its_scaled_product),
        cmocka_unit_test(merging_keeps_the_outputs_and_empties_the_adapters),
        cmocka_unit_test(a_frozen_base_gets_no_gradient),
        cmocka_unit_test(adapters_that_cannot_be_are_refused),
        cmocka_unit_test(an_adapter_that_nothing_reads_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
