/* Whole transformers that norm queries and keys against central differences: see grad_case.h. The
 * configurations without it are checked against PyTorch, every gradient, by tests/golden.
 */
#include "grad_case.h"
#include "nn/transformer.h"

enum { ROWS = 4, TOKENS = 9 };

static void check_core(const tdl_tf_config *core)
{
    static const size_t offsets[ROWS + 1] = {0, 2, 3, 3, 9};
    static const int32_t id[TOKENS] = {0, 3, 3, 4, 1, 0, 2, 2, 4};
    static const int32_t target[TOKENS] = {1, 0, 2, 2, 4, 3, 0, 1, 1};
    static const int64_t time_s[TOKENS] = {0, 60, 9, 0, 1, 5, 4000, 90000, 90001};
    const tdl_nn_batch batch = {
        .rows = ROWS, .offsets = offsets, .id = {id}, .target = target, .time_s = time_s};
    tdl_transformer_config config = {.core = *core, .vocabulary = 5, .head = TDL_HEAD_TOKENS};
    tdl_transformer model;
    tdl_report why = {0};

    config.core.n_layer = 2;
    config.core.d_model = 8;
    config.core.max_len = 8;
    config.core.qk_norm = true;
    if (tdl_transformer_init(&model, &config, &why))
        fail_msg("%s", why.message);
    for (int k = 0; k < model.params.slices_n; k++)
        tdl_init_slice(&model.params, k, TDL_INIT_GAUSSIAN, 0.7, 5);
    check_net(&model.net, &batch);
    tdl_transformer_release(&model);
}

static void normed_queries_and_keys_before_rotary_positions_with_shared_key_heads(void **state)
{
    TDL_UNUSED(state);
    check_core(&(tdl_tf_config){.n_head = 4,
                                .n_kv_head = 2,
                                .d_ff = 6,
                                .norm = TDL_NORM_RMS,
                                .act = TDL_ACT_SILU,
                                .glu = true,
                                .rope_base = 100});
}

static void normed_queries_and_keys_in_an_encoder_with_norms_behind(void **state)
{
    TDL_UNUSED(state);
    check_core(&(tdl_tf_config){.n_head = 2,
                                .d_ff = 6,
                                .post_norm = true,
                                .act = TDL_ACT_GELU_ERF,
                                .bias_qkv = true,
                                .mask = TDL_MASK_BIDIRECTIONAL,
                                .position_bias = true});
}

static void normed_queries_and_keys_under_silu_scores_with_biases_and_a_gate(void **state)
{
    TDL_UNUSED(state);
    check_core(&(tdl_tf_config){.n_head = 2,
                                .d_head = 3,
                                .norm = TDL_NORM_LAYER_PLAIN,
                                .act = TDL_ACT_SILU,
                                .out_gate = true,
                                .score = TDL_SCORE_SILU,
                                .position_bias = true,
                                .time_buckets = 8});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normed_queries_and_keys_before_rotary_positions_with_shared_key_heads),
        cmocka_unit_test(normed_queries_and_keys_in_an_encoder_with_norms_behind),
        cmocka_unit_test(normed_queries_and_keys_under_silu_scores_with_biases_and_a_gate),
    };

    return cmocka_run_group_tests_name("grad/core", tests, NULL, NULL);
}
