/* Heads and hidden units of a transformer go: what is left answers as the whole did without them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "language_models.h"
#include "nn/init.h"
#include "train/prune_transformer.h"

enum { ROWS = 3, TOKENS = 9, VOCABULARY = 11, LAYERS = 2, D = 16, HEAD = 4, FF = 6 };

static const language_sizes SIZES = {
    .d_model = D, .d_ff = FF, .max_len = 8, .vocabulary = VOCABULARY};
static const tdl_prune_shares HALF = {.heads = 0.5, .units = 0.5};

static void start(tdl_transformer *model, const tdl_transformer_config *config)
{
    assert_int_equal(tdl_transformer_init(model, config, NULL), TDL_OK);
    for (int i = 0; i < model->params.slices_n; i++)
        tdl_init_slice(&model->params, i, TDL_INIT_GAUSSIAN, 0.5, 9);
}

/* The numbers of the last value, or of the scores. */
static size_t answer(tdl_transformer *model, float *ret)
{
    static const size_t offsets[ROWS + 1] = {0, 5, 6, 9};
    static const int32_t id[TOKENS] = {0, 5, 10, 4, 9, 3, 8, 2, 7}, type[TOKENS] = {0, 1, 1};
    const tdl_nn_batch batch = {.rows = ROWS, .offsets = offsets, .id = {id, type}};
    const tdl_plan_options plan = {.rows = ROWS, .tokens = TOKENS};
    int value = model->scores == TDL_NONE ? model->hidden : model->scores;

    tdl_net_keep(&model->net, value);
    assert_int_equal(tdl_net_plan(&model->net, &plan, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&model->net, &batch, &(tdl_run){0}, NULL), TDL_OK);
    size_t n = tdl_net_rows(&model->net, value, &batch) * model->net.node[value].shapes.out_cols;
    assert_true(n <= TOKENS * D);
    memcpy(ret, tdl_net_value(&model->net, value), n * sizeof *ret);
    return n;
}

static void clear_rows(tdl_transformer *model, int slice, size_t begin, size_t n)
{
    size_t cols = model->params.slice[slice].cols;

    memset(tdl_params_value(&model->params, slice) + begin * cols, 0, n * cols * sizeof(float));
}

/* In each layer another half of the heads, in groups of `group`, and of the units says nothing. */
static void silence(tdl_transformer *model, size_t group)
{
    size_t heads = model->core.config.n_head / group, wide = group * HEAD;

    for (size_t i = 0; i < LAYERS; i++) {
        const tdl_tf_layer *l = &model->core.layer[i];

        for (size_t h = i; h < heads; h += 2)
            clear_rows(model, l->out, h * wide, wide);
        for (size_t u = 1 - i; u < FF; u += 2)
            clear_rows(model, l->ff_out, u, 1);
    }
}

static void check_half(const tdl_transformer_config *config)
{
    float whole[TOKENS * D], half[TOKENS * D];
    tdl_transformer model, small;
    tdl_report why = {0};

    start(&model, config);
    silence(&model, model.core.config.n_head / model.core.config.n_kv_head);
    if (tdl_prune_transformer(&model, &HALF, &small, &why))
        fail_msg("%s", why.message);
    assert_int_equal(small.core.config.n_head * 2, model.core.config.n_head);
    assert_int_equal(small.core.config.n_kv_head * 2, model.core.config.n_kv_head);
    assert_int_equal(small.core.config.d_ff * 2, FF);
    assert_true(small.params.n < model.params.n);
    size_t n = answer(&model, whole);
    assert_int_equal(answer(&small, half), n);
    // sums without their zeros, in the same order: the same bits
    assert_memory_equal(whole, half, n * sizeof *whole);
    tdl_transformer_release(&model);
    tdl_transformer_release(&small);
}

static void heads_and_units_that_say_nothing_go_and_no_bit_changes(void **state)
{
    const tdl_transformer_config gpt2 = language_gpt2(&SIZES), bert = language_bert(&SIZES);

    TDL_UNUSED(state);
    check_half(&gpt2);
    check_half(&bert);
}

static void query_heads_go_with_their_key_head_and_gated_units_with_their_gate(void **state)
{
    const tdl_transformer_config llama = language_llama(&SIZES), qwen3 = language_qwen3(&SIZES);

    TDL_UNUSED(state);
    check_half(&llama);
    check_half(&qwen3);
}

/* The strongest of each layer stay: those whose weights were made larger. */
static void the_strong_stay_and_one_always_does(void **state)
{
    const tdl_transformer_config gpt2 = language_gpt2(&SIZES);
    const tdl_prune_shares most = {.heads = 0.99, .units = 0.99};
    tdl_transformer model, small;

    TDL_UNUSED(state);
    start(&model, &gpt2);
    for (size_t i = 0; i < LAYERS; i++) {
        float *out = tdl_params_value(&model.params, model.core.layer[i].out);
        float *ff_out = tdl_params_value(&model.params, model.core.layer[i].ff_out);

        for (size_t k = 0; k < (size_t)HEAD * D; k++)
            out[2 * HEAD * D + k] *= 10; // head 2
        for (size_t k = 0; k < D; k++)
            ff_out[4 * D + k] *= 10; // unit 4
    }
    assert_int_equal(tdl_prune_transformer(&model, &most, &small, NULL), TDL_OK);
    assert_int_equal(small.core.config.n_head, 1);
    assert_int_equal(small.core.config.d_ff, 1);
    for (size_t i = 0; i < LAYERS; i++) {
        const tdl_tf_layer *l = &model.core.layer[i];

        assert_memory_equal(tdl_params_value(&small.params, l->out),
                            tdl_params_value(&model.params, l->out) + 2 * HEAD * D,
                            HEAD * D * sizeof(float));
        assert_memory_equal(tdl_params_value(&small.params, l->ff_out),
                            tdl_params_value(&model.params, l->ff_out) + 4 * D, D * sizeof(float));
    }
    tdl_transformer_release(&model);
    tdl_transformer_release(&small);
}

static void nothing_of_either_gives_the_same_model(void **state)
{
    const tdl_transformer_config llama = language_llama(&SIZES);
    tdl_transformer model, same;

    TDL_UNUSED(state);
    start(&model, &llama);
    assert_int_equal(tdl_prune_transformer(&model, &(tdl_prune_shares){0}, &same, NULL), TDL_OK);
    assert_int_equal(same.params.n, model.params.n);
    assert_memory_equal(same.params.value, model.params.value, model.params.n * sizeof(float));
    tdl_transformer_release(&model);
    tdl_transformer_release(&same);
}

static void what_cannot_be_pruned_is_refused_in_words(void **state)
{
    static const char *const pattern[] = {"layer.*.weight"};
    const tdl_lora_config lora = {.pattern = pattern, .patterns_n = 1, .rank = 2, .alpha = 2};
    tdl_transformer_config config = language_gpt2(&SIZES);
    tdl_transformer model, small;
    tdl_report why = {0};

    TDL_UNUSED(state);
    start(&model, &config);
    assert_int_equal(tdl_prune_transformer(&model, &(tdl_prune_shares){.heads = 1}, &small, &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.message, "a share of heads of 1"));
    assert_int_equal(
        tdl_prune_transformer(&model, &(tdl_prune_shares){.units = -0.1}, &small, &why),
        TDL_E_INVALID);
    assert_non_null(strstr(why.message, "a share of units of -0.1"));
    tdl_transformer_release(&model);
    config.lora = &lora;
    start(&model, &config);
    assert_int_equal(tdl_prune_transformer(&model, &HALF, &small, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "'layer.0.qkv.weight' has an adapter"));
    tdl_transformer_release(&model);
    config.lora = NULL;
    config.core.out_gate = true;
    start(&model, &config);
    assert_int_equal(tdl_prune_transformer(&model, &HALF, &small, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "out_gate"));
    tdl_transformer_release(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_and_units_that_say_nothing_go_and_no_bit_changes),
        cmocka_unit_test(query_heads_go_with_their_key_head_and_gated_units_with_their_gate),
        cmocka_unit_test(the_strong_stay_and_one_always_does),
        cmocka_unit_test(nothing_of_either_gives_the_same_model),
        cmocka_unit_test(what_cannot_be_pruned_is_refused_in_words),
    };

    return cmocka_run_group_tests_name("train/prune_transformer", tests, NULL, NULL);
}
