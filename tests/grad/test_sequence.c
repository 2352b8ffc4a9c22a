/* Every op of sequences against central differences: see grad_case.h. */
#include "grad_case.h"

#include <stdlib.h>

#include "../unit/nn/sequence_case.h"

enum { IDS = 7, ROWS = 5, TOKENS = 12, LONG_TOKENS = 131 };

/* Rows of 3, 0, 1, 6 and 2 tokens; a target of none; three events at one time. */
static const size_t OFFSETS[ROWS + 1] = {0, 3, 3, 4, 10, 12};
static const int32_t ID[TOKENS] = {0, 3, 3, 6, 1, 0, 5, 2, 4, 1, 6, 5};
static const int32_t POSITION[TOKENS] = {0, 1, 2, 5, 0, 1, 1, 1, 2, 3, 0, 4};
static const int64_t TIME_S[TOKENS] = {0, 3, 60, 9, 0, 1, 1, 1, 4000, 90000, 5, 5};
static const int32_t TARGET[TOKENS] = {1, 2, 0, 3, TDL_TARGET_NONE, 2, 1, 0, 0, 3, 2, 1};
static const uint64_t EXAMPLE[ROWS] = {11, 4, 90, 2, 17};
static const tdl_nn_batch BATCH = {.rows = ROWS,
                                   .offsets = OFFSETS,
                                   .id = {ID},
                                   .time_s = TIME_S,
                                   .target = TARGET,
                                   .example = EXAMPLE};

typedef struct sequence {
    tdl_params params;
    tdl_net net;
    int tokens; /* the value */
} sequence;

static void open_sequence(sequence *s, size_t cols)
{
    *s = (sequence){0};
    s->net.params = &s->params;
    s->tokens = add_tokens(&s->net, tdl_params_add(&s->params, "tokens", IDS, cols, true));
}

/* Scores are the columns of `out`. */
static void check_sequence(sequence *s, int out, const tdl_nn_batch *batch)
{
    tdl_net_softmax_ce(&s->net, out, NULL);
    start(&s->params);
    check_net(&s->net, batch);
    tdl_params_release(&s->params);
}

/* ---- rows ---- */

static void norm_of_each_kind(void **state)
{
    TDL_UNUSED(state);
    for (int kind = TDL_NORM_LAYER; kind <= TDL_NORM_RMS; kind++) {
        sequence s;

        open_sequence(&s, 21);
        int gain = kind == TDL_NORM_LAYER_PLAIN ? TDL_NONE
                                                : tdl_params_add(&s.params, "gain", 1, 21, false);
        int bias =
            kind == TDL_NORM_LAYER ? tdl_params_add(&s.params, "bias", 1, 21, false) : TDL_NONE;
        int h = tdl_net_norm(&s.net, s.tokens, (tdl_norm_kind)kind, gain, bias, 1e-5);
        check_sequence(&s, tdl_net_add(&s.net, h, s.tokens), &BATCH);
    }
}

static void act_of_each_kind(void **state)
{
    TDL_UNUSED(state);
    for (int act = TDL_ACT_RELU; act <= TDL_ACT_LEAKY_RELU; act++) {
        sequence s;

        open_sequence(&s, 5);
        int h = tdl_net_act(&s.net, s.tokens, (tdl_act)act);
        check_sequence(&s, tdl_net_add(&s.net, s.tokens, h), &BATCH);
    }
}

static void glu_with_either_half_activated(void **state)
{
    TDL_UNUSED(state);
    for (int act = TDL_ACT_NONE; act <= TDL_ACT_LEAKY_RELU; act++)
        for (int second = 0; second < 2; second++) {
            sequence s;

            open_sequence(&s, 10);
            check_sequence(&s, tdl_net_glu(&s.net, s.tokens, (tdl_act)act, second), &BATCH);
        }
}

static void gate_mul_by_columns_of_another_value(void **state)
{
    sequence s;

    TDL_UNUSED(state);
    open_sequence(&s, 4);
    int w = tdl_params_add(&s.params, "w", 4, 9, true);
    int gates = tdl_net_linear(&s.net, s.tokens, w, TDL_NONE, TDL_ACT_TANH);
    int h = tdl_net_gate_mul(&s.net, s.tokens, gates, 3);
    check_sequence(&s, tdl_net_gate_mul(&s.net, h, h, 0), &BATCH); // and of itself: a square
}

static void pool_of_each_kind(void **state)
{
    const int32_t target[ROWS] = {1, 4, 0, 3, 2};
    tdl_nn_batch batch = BATCH;

    TDL_UNUSED(state);
    batch.target = target;
    for (int pooling = TDL_POOL_FIRST; pooling <= TDL_POOL_LAST; pooling++) {
        sequence s;

        open_sequence(&s, 5);
        int h = tdl_net_act(&s.net, s.tokens, TDL_ACT_TANH);
        check_sequence(&s, tdl_net_pool(&s.net, h, (tdl_pooling)pooling), &batch);
    }
}

/* With groups of one, and with two events at one time. */
static void group_before_of_single_and_of_tied_events(void **state)
{
    TDL_UNUSED(state);
    for (int tied = 0; tied < 2; tied++)
        for (int added = 0; added < 2; added++) {
            tdl_nn_batch batch = BATCH;
            sequence s;

            batch.position = tied ? POSITION : NULL;
            open_sequence(&s, 5);
            int h = tdl_net_act(&s.net, s.tokens, TDL_ACT_TANH);
            int before = tdl_net_group_before(&s.net, h);
            check_sequence(&s, added ? tdl_net_add(&s.net, before, h) : before, &batch);
        }
}

static void rope_of_some_columns(void **state)
{
    const tdl_rope_config config = {.heads = 2, .d_head = 4, .at = 1, .base = 100};
    const int32_t far_apart[TOKENS] = {0, 900, 1000, 5, 0, 1, 1, 1, 2, 3, 0, 4};
    tdl_nn_batch batch = BATCH;

    TDL_UNUSED(state);
    for (int i = 0; i < 3; i++) {
        sequence s;

        batch.position = i == 0 ? NULL : i == 1 ? POSITION : far_apart;
        open_sequence(&s, 10);
        int h = tdl_net_act(&s.net, s.tokens, TDL_ACT_TANH); // somewhere for a gradient in place
        check_sequence(&s, tdl_net_rope(&s.net, h, &config), &batch);
    }
}

/* Enough rows for several to share each part of the gains' sums, and heads whose gains differ. */
static void qk_norm_of_query_and_key_heads(void **state)
{
    const tdl_qk_norm_config config = {.heads = 3, .kv_heads = 2, .d_head = 4, .at = 1};
    sequence s;

    TDL_UNUSED(state);
    open_sequence(&s, 23);
    int q_gain = tdl_params_add(&s.params, "q_gain", 1, 4, false);
    int k_gain = tdl_params_add(&s.params, "k_gain", 1, 4, false);
    int h = tdl_net_act(&s.net, s.tokens, TDL_ACT_TANH); // somewhere for a gradient in place
    h = tdl_net_qk_norm(&s.net, h, &config, q_gain, k_gain, 1e-5);
    check_sequence(&s, tdl_net_add(&s.net, h, s.tokens), &BATCH);
}

/* ---- attention ---- */

/* Queries [0, 8) of 4 heads, keys [9, 13) and values [13, 17) of 2; column 8 belongs to nobody. */
enum { COLS = 17 };
static const tdl_attention_config ATTENTION = {
    .heads = 4, .kv_heads = 2, .d_head = 2, .q_at = 0, .k_at = 9, .v_at = 13};

static void check_attention(const tdl_attention_config *config, const tdl_nn_batch *batch,
                            size_t distance_max)
{
    sequence s;
    int distance = TDL_NONE, time = TDL_NONE;

    open_sequence(&s, COLS);
    if (distance_max)
        distance = tdl_params_add(&s.params, "distance", 1, 2 * distance_max - 1, false);
    if (config->time_buckets)
        time = tdl_params_add(&s.params, "time", 1, config->time_buckets + 1, false);
    int h = tdl_net_attention(&s.net, s.tokens, config, distance, time);
    int w = tdl_params_add(&s.params, "w", COLS, config->heads * config->d_head, true);
    if (!config->first_only) // a second reader: the gradient of the input is added to
        h = tdl_net_linear_add(&s.net, s.tokens, h, w, TDL_NONE, TDL_ACT_NONE);
    else
        h = tdl_net_add(&s.net, h,
                        tdl_net_linear(&s.net, tdl_net_pool(&s.net, s.tokens, TDL_POOL_LAST), w,
                                       TDL_NONE, TDL_ACT_NONE));
    check_sequence(&s, h, batch);
}

static void attention_with_each_score_and_mask(void **state)
{
    TDL_UNUSED(state);
    for (int score = TDL_SCORE_SOFTMAX; score <= TDL_SCORE_SILU; score++)
        for (int mask = TDL_MASK_CAUSAL; mask <= TDL_MASK_PREFIX; mask++) {
            tdl_attention_config config = ATTENTION;

            config.score = (tdl_score)score;
            config.mask = (tdl_mask)mask;
            config.prefix = 3;
            config.silu_n = 6;
            check_attention(&config, &BATCH, 0);
        }
}

static void attention_with_dropped_weights(void **state)
{
    TDL_UNUSED(state);
    for (int score = TDL_SCORE_SOFTMAX; score <= TDL_SCORE_SILU; score++) {
        tdl_attention_config config = ATTENTION;

        config.score = (tdl_score)score;
        config.silu_n = 3;
        config.drop = 0.4;
        check_attention(&config, &BATCH, 0);
    }
}

static void attention_by_groups_of_one_time_with_biases(void **state)
{
    tdl_nn_batch batch = BATCH;

    TDL_UNUSED(state);
    batch.position = POSITION;
    for (int score = TDL_SCORE_SOFTMAX; score <= TDL_SCORE_SILU; score++) {
        tdl_attention_config config = ATTENTION;

        config.score = (tdl_score)score;
        config.silu_n = 6;
        config.time_buckets = 16;
        check_attention(&config, &batch, 6);
        config.time_buckets = 0;
        check_attention(&config, &batch, 6);
    }
}

static void attention_of_which_the_first_token_alone_asks(void **state)
{
    const int32_t target[ROWS] = {1, 4, 0, 3, 2};
    tdl_attention_config config = ATTENTION;
    tdl_nn_batch batch = BATCH;

    TDL_UNUSED(state);
    batch.target = target;
    config.mask = TDL_MASK_BIDIRECTIONAL;
    config.first_only = true;
    check_attention(&config, &batch, 0);
}

/* Three tiles of keys and of queries, the last of three. */
static void attention_over_several_tiles(void **state)
{
    static int32_t id[LONG_TOKENS + 2], target[LONG_TOKENS + 2];
    const size_t offsets[] = {0, LONG_TOKENS, LONG_TOKENS, LONG_TOKENS + 2};
    const tdl_nn_batch batch = {
        .rows = 3, .offsets = offsets, .id = {id}, .target = target, .example = EXAMPLE};

    TDL_UNUSED(state);
    for (int32_t i = 0; i < LONG_TOKENS + 2; i++) {
        id[i] = i * i % 11 % IDS;
        target[i] = i * 3 % 8;
    }
    for (int mask = TDL_MASK_CAUSAL; mask <= TDL_MASK_BIDIRECTIONAL; mask++) {
        tdl_attention_config config = ATTENTION;

        config.mask = (tdl_mask)mask;
        config.drop = mask == TDL_MASK_CAUSAL ? 0.3 : 0;
        check_attention(&config, &batch, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norm_of_each_kind),
        cmocka_unit_test(act_of_each_kind),
        cmocka_unit_test(glu_with_either_half_activated),
        cmocka_unit_test(gate_mul_by_columns_of_another_value),
        cmocka_unit_test(pool_of_each_kind),
        cmocka_unit_test(group_before_of_single_and_of_tied_events),
        cmocka_unit_test(rope_of_some_columns),
        cmocka_unit_test(qk_norm_of_query_and_key_heads),
        cmocka_unit_test(attention_with_each_score_and_mask),
        cmocka_unit_test(attention_with_dropped_weights),
        cmocka_unit_test(attention_by_groups_of_one_time_with_biases),
        cmocka_unit_test(attention_of_which_the_first_token_alone_asks),
        cmocka_unit_test(attention_over_several_tiles),
    };

    return cmocka_run_group_tests_name("grad/sequence", tests, NULL, NULL);
}
