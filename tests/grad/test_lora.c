/* Models built with adapters against central differences: see grad_case.h. The scale, which is
 * frozen in use, is thawed so that its gradient is checked too.
 */
#include "grad_case.h"
#include "nn/lora.h"
#include "nn/transformer.h"

enum { ROWS = 4 };

static void start_all(tdl_transformer *model)
{
    tdl_params *params = &model->params;

    tdl_transformer_start(model, 6);
    for (int k = 0; k < params->slices_n; k++) {
        params->slice[k].frozen = false;
        if (params->slice[k].adapter)
            tdl_init_slice(params, params->slice[k].adapter + TDL_LORA_B, TDL_INIT_GAUSSIAN, 0.5,
                           6);
    }
}

/* Adapters on a linear without activation (qkv), with one (ffn_in), before a residual (attn_out,
 * ffn_out) and on the head, together with the weights they stand beside. */
static void a_transformer_with_adapters(void **state)
{
    static const char *const pattern[] = {"layer.*.weight", "head.weight"};
    static const size_t offsets[ROWS + 1] = {0, 2, 3, 7, 9};
    static const int32_t id[9] = {0, 3, 3, 4, 1, 0, 2, 2, 4}, target[ROWS] = {1, 0, 2, 2};
    const tdl_nn_batch batch = {.rows = ROWS, .offsets = offsets, .id = {id}, .target = target};
    const tdl_lora_config lora = {.pattern = pattern, .patterns_n = 2, .rank = 2, .alpha = 3};
    const tdl_transformer_config config = {.core = {.n_layer = 2,
                                                    .d_model = 4,
                                                    .n_head = 2,
                                                    .d_ff = 6,
                                                    .act = TDL_ACT_GELU,
                                                    .bias_qkv = true,
                                                    .bias_ff = true,
                                                    .mask = TDL_MASK_BIDIRECTIONAL,
                                                    .init_std = 0.5},
                                           .vocabulary = 5,
                                           .head = TDL_HEAD_CLASS,
                                           .pooling = TDL_POOL_MEAN,
                                           .outputs = 3,
                                           .lora = &lora};
    tdl_transformer model;
    tdl_report why = {0};

    TDL_UNUSED(state);
    if (tdl_transformer_init(&model, &config, &why))
        fail_msg("%s", why.message);
    start_all(&model);
    check_net(&model.net, &batch);
    tdl_transformer_release(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transformer_with_adapters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
