/* The layers of our models as ONNX graphs: one call for each op, with the arithmetic of
 * engine.md 3.2.
 *
 * Each call adds its nodes and gives the name of its output, so that an exporter walks a model's
 * ops and hands each output to the next. Only operators of the standard domain are used, and only
 * their forward sense.
 *
 * Ragged batches become padded ones: x [batch, length, width] with lengths [batch] (int64) beside
 * it. What stands behind a sequence's length is never read by what stands before it. A `lengths` of
 * NULL says that every sequence is as long as the batch (image patches, table rows).
 *
 * Weights are [in][out] as everywhere in Treadle, borrowed until the graph is written, and named
 * below the graph's scope: set one for each layer ("block.0/attention"), or the names of two layers
 * clash.
 */
#ifndef TDL_TRAIN_ONNX_LAYERS_H
#define TDL_TRAIN_ONNX_LAYERS_H

#include <stdbool.h>

#include "train/onnx.h"

/* ---- any shape: the last axis is the width ---- */

/* x [..., in], w [in][out], b [out] or NULL -> [..., out] */
const char *tdl_onnx_linear(tdl_onnx *graph, const char *x, size_t in, size_t out, const float *w,
                            const float *b);

typedef enum tdl_onnx_activation {
    TDL_ONNX_IDENTITY,
    TDL_ONNX_RELU,
    TDL_ONNX_LEAKY_RELU, /* with `slope` below zero */
    TDL_ONNX_TANH,
    TDL_ONNX_SIGMOID,
    TDL_ONNX_SILU,
    TDL_ONNX_GELU_ERF,
    TDL_ONNX_GELU_TANH,
} tdl_onnx_activation;
const char *tdl_onnx_activate(tdl_onnx *graph, const char *x, tdl_onnx_activation activation,
                              float slope);
const char *tdl_onnx_softmax(tdl_onnx *graph, const char *x); /* over the last axis */

/* gain [width] or NULL for ones, bias [width] or NULL for zeros */
const char *tdl_onnx_layer_norm(tdl_onnx *graph, const char *x, size_t width, const float *gain,
                                const float *bias, float eps);
const char *tdl_onnx_rms_norm(tdl_onnx *graph, const char *x, size_t width, const float *gain,
                              float eps);

const char *tdl_onnx_plus(tdl_onnx *graph, const char *a, const char *b);  /* residual, positions */
const char *tdl_onnx_times(tdl_onnx *graph, const char *a, const char *b); /* gates */
const char *tdl_onnx_scale(tdl_onnx *graph, const char *x, float factor);
/* Columns begin..end-1 of `axis`; a negative axis counts from the last. */
const char *tdl_onnx_slice(tdl_onnx *graph, const char *x, int64_t axis, int64_t begin,
                           int64_t end);
const char *tdl_onnx_concat(tdl_onnx *graph, const char *a, const char *b, int64_t axis);
/* Another name for x, as an output is best called ("logits"). */
const char *tdl_onnx_rename(tdl_onnx *graph, const char *x, const char *name);

/* ---- front ends ---- */

/* A table [rows][width] for _embed and _score; several ops may share one (tied weights). */
const char *tdl_onnx_table(tdl_onnx *graph, const char *name, size_t rows, size_t width,
                           const float *table);
/* ids [...] (int64) -> [..., width] */
const char *tdl_onnx_embed(tdl_onnx *graph, const char *ids, const char *table);
/* x [..., width] . table rows -> [..., rows] */
const char *tdl_onnx_score(tdl_onnx *graph, const char *x, const char *table);
/* x [batch, length, ...] -> [length], 0, 1, 2, ...; for a table of learned positions */
const char *tdl_onnx_positions(tdl_onnx *graph, const char *x);
/* The same counted from the end: lengths-1 .. 0, and 0 behind -> [batch, length] */
const char *tdl_onnx_positions_from_end(tdl_onnx *graph, const char *x, const char *lengths);
/* x [batch, features], w and b [features][width] -> x_j * w_j + b_j [batch, features, width] */
const char *tdl_onnx_feature_affine(tdl_onnx *graph, const char *x, size_t features, size_t width,
                                    const float *w, const float *b);
/* row [width] before each sequence: x [batch, length, width] -> [batch, 1 + length, width] */
const char *tdl_onnx_prepend(tdl_onnx *graph, const char *x, size_t width, const float *row);
/* Lengths when each sequence has become longer by `more`. */
const char *tdl_onnx_lengthen(tdl_onnx *graph, const char *lengths, int64_t more);

/* Images are [batch, channels, height, width]. */
typedef struct tdl_onnx_image {
    size_t channels, height, width;
} tdl_onnx_image;
/* Squares of side x side, row by row; within one: channel, row, column
 * -> [batch, height/side * width/side, channels * side * side] */
const char *tdl_onnx_patchify(tdl_onnx *graph, const char *x, tdl_onnx_image image, size_t side);

/* ---- images ---- */

/* w [filters][channels][side][side], b [filters] or NULL; `pad` zeros on every edge */
typedef struct tdl_onnx_conv {
    size_t channels, filters, side, stride, pad;
    const float *w, *b;
} tdl_onnx_conv;
const char *tdl_onnx_conv_2d(tdl_onnx *graph, const char *x, const tdl_onnx_conv *conv);
/* `pad` on every edge is never the largest */
const char *tdl_onnx_max_pool(tdl_onnx *graph, const char *x, size_t side, size_t stride,
                              size_t pad);
const char *tdl_onnx_flatten(tdl_onnx *graph, const char *x); /* [batch, ...] -> [batch, product] */

/* ---- sequences ---- */

typedef enum tdl_onnx_pooling { TDL_ONNX_FIRST, TDL_ONNX_LAST, TDL_ONNX_MEAN } tdl_onnx_pooling;
/* x [batch, length, width] -> [batch, width]; of an empty sequence: the first row; mean: zeros */
const char *tdl_onnx_pool(tdl_onnx *graph, const char *x, const char *lengths,
                          tdl_onnx_pooling pooling);

/* Which key each query may see, for all attention layers of a graph: bool, broadcasts to
 * [batch, kv heads, heads per kv head, query, key]. NULL lengths: no padding. NULL when every query
 * sees every key. */
const char *tdl_onnx_mask(tdl_onnx *graph, const char *x, const char *lengths, bool causal);

/* Rotary positions, for all attention layers of a graph: position * base^(-2i/width) on the pairs
 * (2i, 2i+1) of a head. The tables hold max_length rows, cut to x [batch, length, ...]. */
typedef struct tdl_onnx_rope {
    const char *cosine, *sine; /* [length, 1, 1, width] */
    const char *swap;          /* 1, 0, 3, 2, ... [width] */
} tdl_onnx_rope;
tdl_onnx_rope tdl_onnx_rope_tables(tdl_onnx *graph, const char *x, size_t max_length, size_t width,
                                   float base);

/* x [batch, length, heads * width], each head turned by its position */
const char *tdl_onnx_turn(tdl_onnx *graph, const char *x, size_t heads, size_t width,
                          const tdl_onnx_rope *rope);

/* x [batch, length, heads * width], each head brought to mean square 1 and scaled by gain [width],
 * called `name` below the scope */
const char *tdl_onnx_norm_heads(tdl_onnx *graph, const char *x, size_t heads, size_t width,
                                const char *name, const float *gain, float eps);

/* Biases of scores (HSTU, Zhai et al. 2024), for one attention layer or several.
 * By distance: table [2 max - 1], entry j - i + max - 1 for query i and key j of x [batch, length,
 * ...]: [query, key]. A longer sequence fails in the other program. */
const char *tdl_onnx_distance_bias(tdl_onnx *graph, const char *x, size_t max, const float *table);
/* By time: how many of begin [n], rising, are not above the seconds between the query's successor
 * (the last of a sequence succeeds itself) and the key. times [batch, length], lengths [batch]
 * (int64) -> int64 [batch, query, key] */
const char *tdl_onnx_time_buckets(tdl_onnx *graph, const char *times, const char *lengths,
                                  const uint64_t *begin, size_t n);
/* table [n] by buckets -> [batch, 1, 1, query, key] */
const char *tdl_onnx_time_bias(tdl_onnx *graph, const char *buckets, size_t n, const float *table);

typedef struct tdl_onnx_attention {
    size_t heads, kv_heads, head_width;
    float scale;                  /* of q . k; 0: 1 / sqrt(head_width) */
    const char *bias;             /* added to the scores, broadcasts as the mask does; or NULL */
    float silu_n;                 /* above 0: weights are silu(score) / silu_n, no softmax */
    const char *mask;             /* of tdl_onnx_mask, or NULL */
    const tdl_onnx_rope *rope;    /* or NULL */
    const float *q_gain, *k_gain; /* [head_width] RMS norm of each head before rope, or NULL */
    float norm_eps;
} tdl_onnx_attention;
/* q [batch, length, heads * head_width], k and v [batch, length, kv_heads * head_width]
 * -> softmax(scale q k^T + bias) v, shaped as q; query head h reads kv head h / (heads/kv) */
const char *tdl_onnx_attend(tdl_onnx *graph, const char *q, const char *k, const char *v,
                            const tdl_onnx_attention *attention);

#endif
