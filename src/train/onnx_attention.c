#include <math.h>
#include <stdlib.h>

#include "train/onnx_layers.h"
#include "train/onnx_ops.h"

/* Scores that no softmax gives weight to; finite, so that a query without any key gives finite
 * numbers, which nobody reads, instead of NaN. */
static const float NEVER = -1e30F;

static const char *cast(tdl_onnx *g, const char *x, tdl_onnx_type type)
{
    return tdl_onnx_add(g, &(tdl_onnx_node){.op = "Cast",
                                            .inputs = {x},
                                            .attributes = {TDL_ONNX_SET_INT("to", (int64_t)type)}});
}

/* Is the position before the sequence's end? bool [batch, length] */
static const char *within(tdl_onnx *g, const char *x, const char *lengths)
{
    return tdl_onnx_binary(g, "Less", tdl_onnx_positions(g, x), tdl_onnx_unsqueeze(g, lengths, 1));
}

/* ---- pooling ---- */

/* max(lengths, 1) - 1, row by row */
static const char *last_row(tdl_onnx *g, const char *x, const char *lengths)
{
    const char *one = tdl_onnx_int(g, 1);
    const char *index = tdl_onnx_binary(g, "Sub", tdl_onnx_binary(g, "Max", lengths, one), one);

    return tdl_onnx_add(g, &(tdl_onnx_node){.op = "GatherND",
                                            .inputs = {x, tdl_onnx_unsqueeze(g, index, 1)},
                                            .attributes = {TDL_ONNX_SET_INT("batch_dims", 1)}});
}

static const char *row(tdl_onnx *g, const char *x, int64_t index)
{
    return tdl_onnx_add(g, &(tdl_onnx_node){.op = "Gather",
                                            .inputs = {x, tdl_onnx_int(g, index)},
                                            .attributes = {TDL_ONNX_SET_INT("axis", 1)}});
}

static const char *mean_row(tdl_onnx *g, const char *x, const char *lengths)
{
    if (!lengths)
        return tdl_onnx_add(g, &(tdl_onnx_node){.op = "ReduceMean",
                                                .inputs = {x},
                                                .attributes = {TDL_ONNX_SET_INTS("axes", 1, {1}),
                                                               TDL_ONNX_SET_INT("keepdims", 0)}});
    const char *kept = cast(g, tdl_onnx_unsqueeze(g, within(g, x, lengths), -1), TDL_ONNX_F32);
    const char *sum = tdl_onnx_add(
        g, &(tdl_onnx_node){.op = "ReduceSum",
                            .inputs = {tdl_onnx_times(g, x, kept), tdl_onnx_axis(g, 1)},
                            .attributes = {TDL_ONNX_SET_INT("keepdims", 0)}});
    const char *count =
        cast(g, tdl_onnx_binary(g, "Max", lengths, tdl_onnx_int(g, 1)), TDL_ONNX_F32);
    return tdl_onnx_binary(g, "Div", sum, tdl_onnx_unsqueeze(g, count, 1));
}

const char *tdl_onnx_pool(tdl_onnx *g, const char *x, const char *lengths, tdl_onnx_pooling pooling)
{
    switch (pooling) {
    case TDL_ONNX_LAST:
        return lengths ? last_row(g, x, lengths) : row(g, x, -1);
    case TDL_ONNX_MEAN:
        return mean_row(g, x, lengths);
    case TDL_ONNX_FIRST:
        break;
    }
    return row(g, x, 0);
}

/* ---- heads ---- */

/* [batch, length, kv * group * width] -> [batch, length, kv, group, width] */
static const char *split_heads(tdl_onnx *g, const char *x, size_t kv, size_t group, size_t width)
{
    const int64_t shape[] = {0, 0, (int64_t)kv, (int64_t)group, (int64_t)width};

    return tdl_onnx_binary(g, "Reshape", x, tdl_onnx_ints(g, shape, 5));
}

static const char *join_heads(tdl_onnx *g, const char *x, size_t heads, size_t width)
{
    const int64_t shape[] = {0, 0, (int64_t)(heads * width)};

    return tdl_onnx_binary(g, "Reshape", x, tdl_onnx_ints(g, shape, 3));
}

/* ---- mask and rope ---- */

const char *tdl_onnx_mask(tdl_onnx *g, const char *x, const char *lengths, bool causal)
{
    const char *keys = NULL, *order = NULL;

    if (lengths) // [batch, 1, 1, 1, key]
        keys = tdl_onnx_binary(g, "Unsqueeze", within(g, x, lengths),
                               tdl_onnx_ints(g, (const int64_t[]){1, 2, 3}, 3));
    if (causal) { // [query, key]
        const char *positions = tdl_onnx_positions(g, x);
        order =
            tdl_onnx_binary(g, "GreaterOrEqual", tdl_onnx_unsqueeze(g, positions, 1), positions);
    }
    return keys && order ? tdl_onnx_binary(g, "And", keys, order) : keys ? keys : order;
}

/* The first rows of a table, as many as x has positions. */
static const char *cut(tdl_onnx *g, const char *table, const char *length)
{
    return tdl_onnx_add(
        g, &(tdl_onnx_node){.op = "Slice",
                            .inputs = {table, tdl_onnx_axis(g, 0), length, tdl_onnx_axis(g, 0)}});
}

/* Both of a pair turn by the same angle: (a, b) -> (a cos - b sin, b cos + a sin), so the sine's
 * sign goes into its table. */
static void fill_tables(size_t max_length, size_t width, float base, float *cosine, float *sine)
{
    for (size_t t = 0; t < max_length; t++)
        for (size_t i = 0; i < width; i += 2) {
            double angle = (double)t * pow((double)base, -(double)i / (double)width);
            size_t at = t * width + i;
            cosine[at] = cosine[at + 1] = (float)cos(angle);
            sine[at] = -(float)sin(angle);
            sine[at + 1] = (float)sin(angle);
        }
}

/* 1, 0, 3, 2, ... */
static const char *swap_of_pairs(tdl_onnx *g, size_t width)
{
    int64_t *order = malloc(width * sizeof *order);
    const char *swap = "";

    if (order) {
        for (size_t i = 0; i < width; i++)
            order[i] = (int64_t)(i ^ 1);
        swap = tdl_onnx_ints(g, order, width);
    }
    free(order);
    return swap;
}

tdl_onnx_rope tdl_onnx_rope_tables(tdl_onnx *g, const char *x, size_t max_length, size_t width,
                                   float base)
{
    const size_t shape[] = {max_length, 1, 1, width};
    float *cosine = calloc(max_length * width, sizeof *cosine);
    float *sine = calloc(max_length * width, sizeof *sine);

    if (cosine && sine)
        fill_tables(max_length, width, base, cosine, sine);
    const char *length = tdl_onnx_sizes(g, x, 1, 2);
    const char *cosines =
        tdl_onnx_take_tensor(g, tdl_onnx_scoped(g, "cosine"), TDL_ONNX_F32, 4, shape, cosine);
    const char *sines =
        tdl_onnx_take_tensor(g, tdl_onnx_scoped(g, "sine"), TDL_ONNX_F32, 4, shape, sine);
    return (tdl_onnx_rope){.cosine = cut(g, cosines, length),
                           .sine = cut(g, sines, length),
                           .swap = swap_of_pairs(g, width)};
}

/* x [batch, length, kv, heads/kv, width], turned by its position */
static const char *turn(tdl_onnx *g, const char *x, const tdl_onnx_rope *rope)
{
    const char *swapped =
        tdl_onnx_add(g, &(tdl_onnx_node){.op = "Gather",
                                         .inputs = {x, rope->swap},
                                         .attributes = {TDL_ONNX_SET_INT("axis", -1)}});

    return tdl_onnx_plus(g, tdl_onnx_times(g, x, rope->cosine),
                         tdl_onnx_times(g, swapped, rope->sine));
}

const char *tdl_onnx_turn(tdl_onnx *g, const char *x, size_t heads, size_t width,
                          const tdl_onnx_rope *rope)
{
    return join_heads(g, turn(g, split_heads(g, x, heads, 1, width), rope), heads, width);
}

/* x [batch, length, kv, heads/kv, width], each head to mean square 1 */
static const char *norm(tdl_onnx *g, const char *x, size_t width, const char *name,
                        const float *gain, float eps)
{
    const char *y = tdl_onnx_rms_norm(g, x, width, NULL, eps);

    return tdl_onnx_times(
        g, y, tdl_onnx_tensor(g, tdl_onnx_scoped(g, name), TDL_ONNX_F32, 1, &width, gain));
}

const char *tdl_onnx_norm_heads(tdl_onnx *g, const char *x, size_t heads, size_t width,
                                const char *name, const float *gain, float eps)
{
    return join_heads(g, norm(g, split_heads(g, x, heads, 1, width), width, name, gain, eps), heads,
                      width);
}

/* ---- biases of scores ---- */

const char *tdl_onnx_distance_bias(tdl_onnx *g, const char *x, size_t max, const float *table)
{
    const size_t n = 2 * max - 1;
    const char *keys = tdl_onnx_positions(g, x), *queries = tdl_onnx_unsqueeze(g, keys, 1);
    const char *place = tdl_onnx_binary(g, "Add", tdl_onnx_binary(g, "Sub", keys, queries),
                                        tdl_onnx_int(g, (int64_t)max - 1));

    return tdl_onnx_binary(
        g, "Gather",
        tdl_onnx_tensor(g, tdl_onnx_scoped(g, "by_distance"), TDL_ONNX_F32, 1, &n, table), place);
}

/* times of min(position + 1, lengths - 1), not below 0: [batch, length] */
static const char *next_times(tdl_onnx *g, const char *times, const char *lengths)
{
    const char *one = tdl_onnx_int(g, 1), *zero = tdl_onnx_int(g, 0);
    const char *last = tdl_onnx_binary(g, "Max", tdl_onnx_binary(g, "Sub", lengths, one), zero);
    const char *next = tdl_onnx_binary(g, "Add", tdl_onnx_positions(g, times), one);

    return tdl_onnx_add(
        g, &(tdl_onnx_node){
               .op = "GatherElements",
               .inputs = {times, tdl_onnx_binary(g, "Min", next, tdl_onnx_unsqueeze(g, last, 1))},
               .attributes = {TDL_ONNX_SET_INT("axis", 1)}});
}

/* One comparison for each border: integers, so that no logarithm of another program decides. */
const char *tdl_onnx_time_buckets(tdl_onnx *g, const char *times, const char *lengths,
                                  const uint64_t *begin, size_t n)
{
    const char *after = tdl_onnx_unsqueeze(g, next_times(g, times, lengths), 2);
    const char *gap =
        tdl_onnx_unary(g, "Abs", tdl_onnx_binary(g, "Sub", after, tdl_onnx_unsqueeze(g, times, 1)));
    const char *bucket = NULL;

    for (size_t b = 0; b < n && begin[b] <= INT64_MAX; b++) {
        const char *border = tdl_onnx_int(g, (int64_t)begin[b]);
        const char *over = cast(g, tdl_onnx_binary(g, "GreaterOrEqual", gap, border), TDL_ONNX_I64);

        bucket = bucket ? tdl_onnx_binary(g, "Add", bucket, over) : over;
    }
    return bucket;
}

const char *tdl_onnx_time_bias(tdl_onnx *g, const char *buckets, size_t n, const float *table)
{
    const char *bias = tdl_onnx_binary(
        g, "Gather", tdl_onnx_tensor(g, tdl_onnx_scoped(g, "by_time"), TDL_ONNX_F32, 1, &n, table),
        buckets);

    return tdl_onnx_binary(g, "Unsqueeze", bias, tdl_onnx_ints(g, (const int64_t[]){1, 2}, 2));
}

/* ---- attention ---- */

static const char *norm_and_turn(tdl_onnx *g, const char *x, const tdl_onnx_attention *a,
                                 const char *name, const float *gain)
{
    if (gain)
        x = norm(g, x, a->head_width, name, gain, a->norm_eps);
    return a->rope ? turn(g, x, a->rope) : x;
}

/* Between [batch, length, kv, group, width] and [batch, kv, group, length, width]; keys go to
 * [batch, kv, group, width, length]. */
typedef enum view { HEADS_FIRST, HEADS_FIRST_KEYS, LENGTH_FIRST } view;

static const char *transpose(tdl_onnx *g, const char *x, view to)
{
    static const int64_t orders[][5] = {
        [HEADS_FIRST] = {0, 2, 3, 1, 4},
        [HEADS_FIRST_KEYS] = {0, 2, 3, 4, 1},
        [LENGTH_FIRST] = {0, 3, 1, 2, 4},
    };
    const tdl_onnx_attribute perm = {
        .kind = TDL_ONNX_INTS_ATTRIBUTE, .name = "perm", .n = 5, .ints = orders[to]};

    return tdl_onnx_add(g,
                        &(tdl_onnx_node){.op = "Transpose", .inputs = {x}, .attributes = {perm}});
}

/* x where the mask is true, else `otherwise` */
static const char *masked(tdl_onnx *g, const char *x, const char *mask, float otherwise)
{
    if (!mask)
        return x;
    return tdl_onnx_add(
        g, &(tdl_onnx_node){.op = "Where", .inputs = {mask, x, tdl_onnx_float(g, otherwise)}});
}

/* What the values are weighed with: of a key that is not seen, 0. */
static const char *weights_of(tdl_onnx *g, const char *scores, const tdl_onnx_attention *a)
{
    if (a->bias)
        scores = tdl_onnx_plus(g, scores, a->bias);
    if (!(a->silu_n > 0))
        return tdl_onnx_softmax(g, masked(g, scores, a->mask, NEVER));
    scores = tdl_onnx_activate(g, scores, TDL_ONNX_SILU, 0);
    return masked(g, tdl_onnx_scale(g, scores, 1 / a->silu_n), a->mask, 0);
}

/* The heads that share a key head are an axis of their own, over which keys and values broadcast.
 */
const char *tdl_onnx_attend(tdl_onnx *g, const char *q, const char *k, const char *v,
                            const tdl_onnx_attention *a)
{
    size_t kv = a->kv_heads, group = a->heads / a->kv_heads, width = a->head_width;
    float scale = a->scale != 0 ? a->scale : (float)(1 / sqrt((double)width));

    q = norm_and_turn(g, split_heads(g, q, kv, group, width), a, "q_gain", a->q_gain);
    k = norm_and_turn(g, split_heads(g, k, kv, 1, width), a, "k_gain", a->k_gain);
    q = tdl_onnx_scale(g, transpose(g, q, HEADS_FIRST), scale);
    v = transpose(g, split_heads(g, v, kv, 1, width), HEADS_FIRST);
    const char *scores = tdl_onnx_binary(g, "MatMul", q, transpose(g, k, HEADS_FIRST_KEYS));
    const char *heads = tdl_onnx_binary(g, "MatMul", weights_of(g, scores, a), v);
    return join_heads(g, transpose(g, heads, LENGTH_FIRST), a->heads, width);
}
