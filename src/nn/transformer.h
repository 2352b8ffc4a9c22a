/* A whole transformer: a front end that makes rows of vectors, the core, and a head.
 *
 * | use            | front | core                                | head          |
 * |----------------|-------|-------------------------------------|---------------|
 * | GPT, Llama     | TOKENS| causal, learned or rotary positions | TIED, TOKENS  |
 * | BERT           | TOKENS, two streams, norm | post-norm, bidirectional | TIED with bias, CLASS |
 * | SASRec, HSTU   | TOKENS| causal                              | SAMPLED, TIED |
 * | FT-Transformer | TABLE | bidirectional, glu_second           | CLASS, VALUE  |
 * | ViT            | IMAGE | bidirectional                       | CLASS         |
 *
 * Life cycle   tdl_transformer_init -> _start or weights loaded -> tdl_net_plan(&model.net) ->
 *              tdl_net_forward ... -> _release
 */
#ifndef TDL_NN_TRANSFORMER_H
#define TDL_NN_TRANSFORMER_H

#include "nn/core.h"
#include "nn/lora.h"

typedef enum tdl_front { TDL_FRONT_TOKENS, TDL_FRONT_TABLE, TDL_FRONT_IMAGE } tdl_front;

typedef enum tdl_head {
    TDL_HEAD_NONE,    /* the core's vectors, pooled when `pooled`: embeddings, or a loss of the
                       * caller's own, appended to `net` after init */
    TDL_HEAD_TIED,    /* every row against the token table; softmax_ce */
    TDL_HEAD_TOKENS,  /* every row against a matrix of its own; softmax_ce */
    TDL_HEAD_SAMPLED, /* every row against its target and the batch's negatives */
    TDL_HEAD_CLASS,   /* one row per example: classes; softmax_ce */
    TDL_HEAD_VALUE    /* one row per example: numbers; mse */
} tdl_head;

enum { TDL_CATEGORIES_MAX = 256, TDL_STEM_MAX = 4 };

/* kernel x kernel with padding kernel / 2, then the core's activation */
typedef struct tdl_stem_conv {
    size_t filters, kernel, stride;
} tdl_stem_conv;

typedef struct tdl_transformer_config {
    tdl_tf_config core;
    tdl_front front;
    /* tokens */
    size_t vocabulary, types; /* ids of stream 0 and 1; types 0 = no such stream */
    tdl_position position;
    double embed_scale; /* 0 = 1 */
    bool embed_norm;
    /* table */
    size_t numbers, categories_n;
    const size_t *category_sizes; /* [categories_n]; copied */
    /* image */
    tdl_image_config image; /* channels, height, width; kernel = side of a patch */
    /* convolutions before the patches are cut: they learn sooner than patches of the image itself
     * (Xiao et al., NeurIPS 2021) */
    tdl_stem_conv stem[TDL_STEM_MAX];
    size_t stem_n;
    size_t columns; /* numbers behind the pixels of batch->x, which join the pooled vector through
                     * ReLU layers before CLASS and VALUE; 0 = none */
    /* head */
    tdl_head head;
    bool head_bias, head_act; /* head_act: the core's activation before CLASS and VALUE */
    bool pooled;
    tdl_pooling pooling;
    size_t outputs; /* classes, or values */
    double drop_embed;
    tdl_loss_config loss;
    const tdl_lora_config *lora; /* adapters; NULL = none; read by _init only */
} tdl_transformer_config;

typedef struct tdl_transformer {
    tdl_transformer_config config;
    size_t *category_sizes; /* config.category_sizes points here */
    tdl_params params;
    tdl_tf core;
    tdl_net net;                               /* points to params: not to be moved */
    tdl_image_config window[TDL_STEM_MAX + 1]; /* of the stem's convolutions, then of the patches */
    /* slices; TDL_NONE = absent */
    int token_table, type_table, position_table, embed_gain, embed_bias;
    int number_weight, category_table, field_bias, cls;     /* table; cls also of images */
    int stem_weight[TDL_STEM_MAX], stem_bias[TDL_STEM_MAX]; /* [config.stem_n] */
    int patch_weight, patch_bias;
    int column_weight, column_bias, join_weight, join_bias;
    int head_weight, head_bias;
    /* values */
    int input;                    /* of an image */
    int embedded, hidden, scores; /* hidden: the core's last; scores: before the loss */
} tdl_transformer;

/* Parameters declared, all zero; net built, not planned. On failure nothing needs releasing. */
tdl_status tdl_transformer_init(tdl_transformer *model, const tdl_transformer_config *config,
                                tdl_report *why);
void tdl_transformer_start(tdl_transformer *model, uint64_t seed);
void tdl_transformer_release(tdl_transformer *model); /* accepts a zeroed struct */

#endif
