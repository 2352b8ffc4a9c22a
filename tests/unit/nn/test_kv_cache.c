/* Token by token with a cache gives the bits of one pass over all tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net_case.h"
#include "nn/init.h"
#include "nn/kv_cache.h"
#include "sequence_case.h"

enum { IDS = 7, D = 24, HEADS = 6, KV_HEADS = 2, D_HEAD = 4, ROWS = 3, TOKENS_MAX = 256, FF = 32 };

/* Rows of 131, 0 and 70 tokens: three tiles of keys, none, two. */
static const size_t OFFSETS[ROWS + 1] = {0, 131, 131, 201};

typedef struct stack {
    tdl_params params;
    tdl_net net;
    int out;
} stack;

static int weights(stack *s, size_t rows, size_t cols)
{
    return tdl_params_add(&s->params, "w", rows, cols, true);
}

/* Positions as rows of a table that is added: what a front end of learned positions does. */
static tdl_status infer_positions(const tdl_op_config *config, tdl_op_shapes *shapes,
                                  tdl_report *why)
{
    TDL_UNUSED(config);
    TDL_UNUSED(why);
    shapes->out_cols = shapes->in_cols[0];
    return TDL_OK;
}

static tdl_status add_positions(const tdl_op_call *call, tdl_report *why)
{
    size_t d = call->shapes->out_cols;

    TDL_UNUSED(why);
    for (size_t r = 0; r < call->batch->rows; r++)
        for (size_t i = call->batch->offsets[r]; i < call->batch->offsets[r + 1]; i++) {
            size_t position = tdl_kv_cache_length(call->cache, r) + i - call->batch->offsets[r];

            tdl_put(false, d, call->in[0] + i * d, call->out + i * d);
            tdl_put(true, d, call->param[0] + position * d, call->out + i * d);
        }
    return TDL_OK;
}

static const tdl_op POSITIONS = {
    .name = "positions", .inputs_n = 1, .infer = infer_positions, .forward = add_positions};

/* One block; llama: normed queries and keys, rope, shared key heads, root mean square, SwiGLU; else
 * norm and GELU. */
static int add_block(stack *s, int x, bool llama)
{
    tdl_norm_kind kind = llama ? TDL_NORM_RMS : TDL_NORM_LAYER_PLAIN;
    size_t kv_heads = llama ? KV_HEADS : HEADS, wide = (HEADS + 2 * kv_heads) * D_HEAD;
    const tdl_attention_config attention = {.heads = HEADS,
                                            .kv_heads = kv_heads,
                                            .d_head = D_HEAD,
                                            .k_at = HEADS * D_HEAD,
                                            .v_at = (HEADS + kv_heads) * D_HEAD};
    const tdl_rope_config rope = {.heads = HEADS + kv_heads, .d_head = D_HEAD, .base = 10000};
    const tdl_qk_norm_config normed = {.heads = HEADS, .kv_heads = kv_heads, .d_head = D_HEAD};
    int gain = llama ? tdl_params_add(&s->params, "gain", 1, D, false) : TDL_NONE;
    int head_gain = llama ? tdl_params_add(&s->params, "head_gain", 1, D_HEAD, false) : TDL_NONE;
    tdl_net *net = &s->net;

    int h = tdl_net_norm(net, x, kind, gain, TDL_NONE, 1e-6);
    int qkv = tdl_net_linear(net, h, weights(s, D, wide), TDL_NONE, TDL_ACT_NONE);
    if (llama)
        qkv = tdl_net_rope(net, tdl_net_qk_norm(net, qkv, &normed, head_gain, head_gain, 1e-6),
                           &rope);
    h = tdl_net_attention(net, qkv, &attention, TDL_NONE, TDL_NONE);
    x = tdl_net_linear_add(net, h, x, weights(s, HEADS * D_HEAD, D), TDL_NONE, TDL_ACT_NONE);
    h = tdl_net_norm(net, x, kind, gain, TDL_NONE, 1e-6);
    if (llama)
        h = tdl_net_glu(net, tdl_net_linear(net, h, weights(s, D, 2 * FF), TDL_NONE, TDL_ACT_NONE),
                        TDL_ACT_SILU, false);
    else
        h = tdl_net_linear(net, h, weights(s, D, FF), TDL_NONE, TDL_ACT_GELU);
    return tdl_net_linear_add(net, h, x, weights(s, FF, D), TDL_NONE, TDL_ACT_NONE);
}

static void open_stack(stack *s, bool llama)
{
    const tdl_plan_options options = {.rows = ROWS, .tokens = TOKENS_MAX};

    *s = (stack){0};
    s->net.params = &s->params;
    int x = add_tokens(&s->net, weights(s, IDS, D));
    if (!llama)
        x = tdl_net_append(&s->net, &POSITIONS, (tdl_op_config){0}, TDL_LIST(x),
                           TDL_LIST(weights(s, TOKENS_MAX, D)));
    s->out = add_block(s, add_block(s, x, llama), llama);
    assert_int_equal(tdl_params_seal(&s->params, NULL), TDL_OK);
    for (int k = 0; k < s->params.slices_n; k++)
        tdl_init_slice(&s->params, k, TDL_INIT_GAUSSIAN, 0.3, 5);
    assert_int_equal(tdl_net_plan(&s->net, &options, NULL), TDL_OK);
}

static void close_stack(stack *s)
{
    tdl_net_release(&s->net);
    tdl_params_release(&s->params);
}

static int32_t id[TOKENS_MAX];
static tdl_real whole[TOKENS_MAX * D];

static tdl_nn_batch make_batch(void)
{
    for (size_t i = 0; i < TOKENS_MAX; i++)
        id[i] = (int32_t)(i * i % 17 % IDS);
    return (tdl_nn_batch){.rows = ROWS, .offsets = OFFSETS, .id = {id}};
}

static void pass_all(stack *s, const tdl_nn_batch *batch)
{
    assert_int_equal(tdl_net_forward(&s->net, batch, &(tdl_run){0}, NULL), TDL_OK);
    memcpy(whole, tdl_net_value(&s->net, s->out), OFFSETS[ROWS] * D * sizeof *whole);
}

/* Up to `most` more tokens of each row, from done[r] on; false when there are none. */
static bool pass_some(stack *s, tdl_kv_cache *cache, size_t most, size_t done[ROWS])
{
    const tdl_run run = {.cache = cache};
    size_t offsets[ROWS + 1] = {0};
    int32_t next[TOKENS_MAX];
    tdl_report why = {0};

    for (size_t r = 0; r < ROWS; r++) {
        size_t left = OFFSETS[r + 1] - OFFSETS[r] - done[r], n = left < most ? left : most;

        memcpy(next + offsets[r], id + OFFSETS[r] + done[r], n * sizeof *next);
        offsets[r + 1] = offsets[r] + n;
    }
    const tdl_nn_batch batch = {.rows = ROWS, .offsets = offsets, .id = {next}};
    if (tdl_net_forward(&s->net, &batch, &run, &why))
        fail_msg("%s", why.message);
    for (size_t r = 0; r < ROWS; r++) {
        size_t n = offsets[r + 1] - offsets[r];

        assert_memory_equal(tdl_net_value(&s->net, s->out) + offsets[r] * D,
                            whole + (OFFSETS[r] + done[r]) * D, n * D * sizeof *whole);
        done[r] += n;
        assert_int_equal(tdl_kv_cache_length(cache, r), done[r]);
    }
    return offsets[ROWS] > 0;
}

static void check_stack(bool llama)
{
    const size_t steps[] = {1, 5, 64, 100};
    tdl_nn_batch batch = make_batch();
    tdl_kv_cache *cache;
    stack s;

    open_stack(&s, llama);
    pass_all(&s, &batch);
    assert_int_equal(tdl_kv_cache_new(&s.net, ROWS, 131, &cache, NULL), TDL_OK);
    for (size_t i = 0; i < 4; i++) {
        size_t done[ROWS] = {0};

        while (pass_some(&s, cache, steps[i], done))
            ;
        tdl_kv_cache_reset(cache);
    }
    tdl_kv_cache_free(cache);
    close_stack(&s);
}

static void token_by_token_gives_the_bits_of_one_pass_with_learned_positions(void **state)
{
    TDL_UNUSED(state);
    check_stack(false);
}

static void token_by_token_gives_the_bits_of_one_pass_with_rotary_positions(void **state)
{
    TDL_UNUSED(state);
    check_stack(true);
}

static void a_truncated_cache_goes_on_from_there(void **state)
{
    size_t done[ROWS] = {0};
    tdl_nn_batch batch = make_batch();
    tdl_kv_cache *cache;
    stack s;

    TDL_UNUSED(state);
    open_stack(&s, true);
    pass_all(&s, &batch);
    assert_int_equal(tdl_kv_cache_new(&s.net, ROWS, 200, &cache, NULL), TDL_OK);
    pass_some(&s, cache, 90, done);
    tdl_kv_cache_truncate(cache, 0, 61);
    tdl_kv_cache_truncate(cache, 2, 500); // longer than it is: nothing to forget
    done[0] = 61;
    while (pass_some(&s, cache, 7, done))
        ;
    tdl_kv_cache_free(cache);
    close_stack(&s);
}

/* Positions of groups: the last group grows, so it is brought again whole. */
static void a_group_that_grows_is_brought_again(void **state)
{
    const int32_t position[] = {0, 1, 1, 2, 2, 2, 3};
    const size_t all[] = {0, 7}, first[] = {0, 5}, rest[] = {0, 4};
    tdl_nn_batch batch = make_batch();
    tdl_kv_cache *cache;
    stack s;

    TDL_UNUSED(state);
    batch.rows = 1;
    batch.position = position;
    open_stack(&s, true);
    batch.offsets = all;
    assert_int_equal(tdl_net_forward(&s.net, &batch, &(tdl_run){0}, NULL), TDL_OK);
    memcpy(whole, tdl_net_value(&s.net, s.out), 7 * D * sizeof *whole);
    assert_int_equal(tdl_kv_cache_new(&s.net, 1, 7, &cache, NULL), TDL_OK);
    const tdl_run run = {.cache = cache};
    batch.offsets = first;
    assert_int_equal(tdl_net_forward(&s.net, &batch, &run, NULL), TDL_OK);
    tdl_kv_cache_truncate(cache, 0, 3);
    batch.offsets = rest;
    batch.id[0] = id + 3;
    batch.position = position + 3;
    assert_int_equal(tdl_net_forward(&s.net, &batch, &run, NULL), TDL_OK);
    assert_memory_equal(tdl_net_value(&s.net, s.out), whole + 3 * D, 4 * D * sizeof *whole);
    tdl_kv_cache_free(cache);
    close_stack(&s);
}

static void a_batch_the_cache_has_no_room_for_is_refused_and_changes_nothing(void **state)
{
    const size_t offsets[] = {0, 6, 6, 11};
    tdl_nn_batch batch = make_batch();
    tdl_kv_cache *cache, *small;
    tdl_report why = {0};
    stack s;

    TDL_UNUSED(state);
    batch.offsets = offsets;
    open_stack(&s, true);
    assert_int_equal(tdl_kv_cache_new(&s.net, ROWS, 10, &cache, NULL), TDL_OK);
    const tdl_run run = {.cache = cache};
    assert_int_equal(tdl_net_forward(&s.net, &batch, &run, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&s.net, &batch, &run, &why), TDL_E_TOO_LARGE);
    assert_string_equal(why.message, "row 0: 6 tokens after 6, the cache holds 10");
    assert_int_equal(tdl_kv_cache_length(cache, 0), 6);
    assert_int_equal(tdl_kv_cache_length(cache, 2), 5);
    assert_int_equal(tdl_kv_cache_new(&s.net, 2, 10, &small, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&s.net, &batch, &(tdl_run){.cache = small}, &why),
                     TDL_E_INVALID);
    assert_string_equal(why.message, "a batch of 3 rows, the cache has 2");
    tdl_kv_cache_free(cache);
    tdl_kv_cache_free(small);
    close_stack(&s);
}

static void a_net_that_cannot_go_on_token_by_token_has_no_cache(void **state)
{
    const tdl_attention_config both_ways = {
        .heads = 1, .kv_heads = 1, .d_head = 8, .mask = TDL_MASK_BIDIRECTIONAL};
    tdl_kv_cache *cache;
    tdl_report why = {0};
    stack s = {0};

    TDL_UNUSED(state);
    s.net.params = &s.params;
    int x = add_tokens(&s.net, weights(&s, IDS, D));
    assert_int_equal(tdl_kv_cache_new(&s.net, 1, 10, &cache, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "a cache for a net without attention");
    tdl_net_attention(&s.net, x, &both_ways, TDL_NONE, TDL_NONE);
    assert_int_equal(tdl_kv_cache_new(&s.net, 1, 10, &cache, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "sees tokens that come later"));
    s.net.node[1].config.attention.mask = TDL_MASK_CAUSAL;
    assert_int_equal(tdl_kv_cache_new(&s.net, SIZE_MAX / 4, 1000, &cache, &why), TDL_E_TOO_LARGE);
    close_stack(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_by_token_gives_the_bits_of_one_pass_with_learned_positions),
        cmocka_unit_test(token_by_token_gives_the_bits_of_one_pass_with_rotary_positions),
        cmocka_unit_test(a_truncated_cache_goes_on_from_there),
        cmocka_unit_test(a_group_that_grows_is_brought_again),
        cmocka_unit_test(a_batch_the_cache_has_no_room_for_is_refused_and_changes_nothing),
        cmocka_unit_test(a_net_that_cannot_go_on_token_by_token_has_no_cache),
    };

    return cmocka_run_group_tests_name("nn/kv_cache", tests, NULL, NULL);
}
