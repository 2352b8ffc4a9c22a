/* The language models, and the encoder, that tests of GGUF export, by width of the model, of its
 * hidden layer, tokens and vocabulary. Heads: four, in a llama over two key heads. */
#ifndef TDL_TEST_LANGUAGE_MODELS_H
#define TDL_TEST_LANGUAGE_MODELS_H

#include "nn/transformer.h"

typedef struct language_sizes {
    size_t d_model, d_ff, max_len, vocabulary;
} language_sizes;

static inline tdl_transformer_config language_llama(const language_sizes *s)
{
    return (tdl_transformer_config){.core = {.n_layer = 2,
                                             .d_model = s->d_model,
                                             .n_head = 4,
                                             .n_kv_head = 2,
                                             .d_ff = s->d_ff,
                                             .max_len = s->max_len,
                                             .norm = TDL_NORM_RMS,
                                             .norm_eps = 1e-6,
                                             .act = TDL_ACT_SILU,
                                             .glu = true,
                                             .rope_base = 10000},
                                    .vocabulary = s->vocabulary,
                                    .head = TDL_HEAD_TOKENS};
}

static inline tdl_transformer_config language_qwen3(const language_sizes *s)
{
    tdl_transformer_config config = language_llama(s);

    config.core.qk_norm = true;
    return config;
}

static inline tdl_transformer_config language_gpt2(const language_sizes *s)
{
    return (tdl_transformer_config){.core = {.n_layer = 2,
                                             .d_model = s->d_model,
                                             .n_head = 4,
                                             .d_ff = s->d_ff,
                                             .max_len = s->max_len,
                                             .act = TDL_ACT_GELU,
                                             .bias_qkv = true,
                                             .bias_out = true,
                                             .bias_ff = true},
                                    .vocabulary = s->vocabulary,
                                    .position = TDL_POSITION_LEARNED,
                                    .head = TDL_HEAD_TIED};
}

static inline tdl_transformer_config language_bert(const language_sizes *s)
{
    tdl_transformer_config config = language_gpt2(s);

    config.core.post_norm = true;
    config.core.norm_eps = 1e-12;
    config.core.mask = TDL_MASK_BIDIRECTIONAL;
    config.types = 2;
    config.embed_norm = true;
    config.head = TDL_HEAD_NONE;
    config.pooled = true;
    config.pooling = TDL_POOL_MEAN;
    return config;
}

#endif
