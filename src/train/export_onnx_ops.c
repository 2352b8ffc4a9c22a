/* The ops as nodes of an ONNX graph: one function for each, named after the op. */
#include "train/export_onnx_ops.h"

#include "nn/attention.h"
#include "nn/image.h"
#include "train/onnx_ops.h"

enum { ROPE_LENGTH = 4096 }; /* rows of its tables where the net does not say how many */

static const char *activate(tdl_exporter *e, const char *x, tdl_act act)
{
    static const tdl_onnx_activation activation[] = {
        [TDL_ACT_NONE] = TDL_ONNX_IDENTITY,  [TDL_ACT_RELU] = TDL_ONNX_RELU,
        [TDL_ACT_TANH] = TDL_ONNX_TANH,      [TDL_ACT_SIGMOID] = TDL_ONNX_SIGMOID,
        [TDL_ACT_GELU] = TDL_ONNX_GELU_TANH, [TDL_ACT_GELU_ERF] = TDL_ONNX_GELU_ERF,
        [TDL_ACT_SILU] = TDL_ONNX_SILU,      [TDL_ACT_LEAKY_RELU] = TDL_ONNX_LEAKY_RELU,
    };

    return tdl_onnx_activate(e->graph, x, activation[act], 0.01F);
}

static const char *vector(tdl_exporter *e, const char *name, size_t n, const float *data)
{
    return tdl_onnx_tensor(e->graph, tdl_onnx_scoped(e->graph, name), TDL_ONNX_F32, 1, &n, data);
}

static const char *matrix(tdl_exporter *e, const char *name, size_t rows, size_t cols,
                          const float *data)
{
    return tdl_onnx_tensor(e->graph, tdl_onnx_scoped(e->graph, name), TDL_ONNX_F32, 2,
                           (size_t[]){rows, cols}, data);
}

/* ---- dense ---- */

static const char *op_input(tdl_exporter *e, int k)
{
    return tdl_export_x(e, k, e->net->node[k].config.cols);
}

static const char *op_linear(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const tdl_slice *w = node->shapes.param[0];
    const char *x = tdl_export_rows(e, node->in[0]);
    const char *y = tdl_onnx_linear(e->graph, x, w->rows, w->cols, tdl_export_param(e, node, 0),
                                    tdl_export_param(e, node, 1));

    y = activate(e, y, node->config.act);
    return node->in[1] == TDL_NONE ? y
                                   : tdl_onnx_plus(e->graph, y, tdl_export_rows(e, node->in[1]));
}

static const char *op_act(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];

    return activate(e, tdl_export_rows(e, node->in[0]), node->config.act);
}

static const char *op_add(tdl_exporter *e, int k)
{
    const int *in = e->net->node[k].in;

    return tdl_onnx_plus(e->graph, tdl_export_rows(e, in[0]), tdl_export_rows(e, in[1]));
}

static const char *op_dropout(tdl_exporter *e, int k)
{
    return tdl_export_rows(e, e->net->node[k].in[0]);
}

static const char *op_reshape(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const int64_t shape[] = {0, (int64_t)node->shapes.out_per_row, (int64_t)node->shapes.out_cols};
    const char *x = tdl_onnx_binary(e->graph, "Reshape", tdl_export_rows(e, node->in[0]),
                                    tdl_onnx_ints(e->graph, shape, 3));

    return tdl_export_unsequence(e, k, x);
}

static const char *op_concat(tdl_exporter *e, int k)
{
    const int *in = e->net->node[k].in;
    const char *y = tdl_export_rows(e, in[0]);

    for (int i = 1; i < TDL_OP_INPUTS_MAX && in[i] != TDL_NONE; i++)
        y = tdl_onnx_concat(e->graph, y, tdl_export_rows(e, in[i]), -1);
    return y;
}

static const char *op_scale_shift(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    size_t cols = node->shapes.out_cols;
    const float *bias = tdl_export_param(e, node, 1);
    const char *gain = vector(e, "gain", cols, tdl_export_param(e, node, 0));
    const char *y = tdl_onnx_times(e->graph, tdl_export_rows(e, node->in[0]), gain);

    return bias ? tdl_onnx_plus(e->graph, y, vector(e, "bias", cols, bias)) : y;
}

static const char *op_norm(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const char *x = tdl_export_rows(e, node->in[0]);
    const float *gain = tdl_export_param(e, node, 0), *bias = tdl_export_param(e, node, 1);
    float eps = (float)node->config.eps;

    if (node->config.norm == TDL_NORM_RMS)
        return tdl_onnx_rms_norm(e->graph, x, node->shapes.out_cols, gain, eps);
    return tdl_onnx_layer_norm(e->graph, x, node->shapes.out_cols, gain, bias, eps);
}

static const char *columns(tdl_exporter *e, const char *x, size_t at, size_t n)
{
    return tdl_onnx_slice(e->graph, x, -1, (int64_t)at, (int64_t)(at + n));
}

static const char *op_glu(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    size_t half = node->shapes.out_cols;
    const char *x = tdl_export_rows(e, node->in[0]);
    const char *first = columns(e, x, 0, half), *second = columns(e, x, half, half);

    if (node->config.act_second)
        second = activate(e, second, node->config.act);
    else
        first = activate(e, first, node->config.act);
    return tdl_onnx_times(e->graph, first, second);
}

static const char *op_gate_mul(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const char *gates =
        columns(e, tdl_export_rows(e, node->in[1]), node->config.at, node->shapes.out_cols);

    return tdl_onnx_times(e->graph, tdl_export_rows(e, node->in[0]), gates);
}

static const char *op_dot_score(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const float *bias = tdl_export_param(e, node, 1);
    const char *y = tdl_onnx_score(e->graph, tdl_export_rows(e, node->in[0]),
                                   tdl_export_table(e, node->param[0]));

    return bias ? tdl_onnx_plus(e->graph, y, vector(e, "b", node->shapes.out_cols, bias)) : y;
}

/* ---- front ends ---- */

/* Which row of the table of positions each token has. */
static const char *positions(tdl_exporter *e, const tdl_node *node, const char *ids)
{
    int64_t last = (int64_t)node->shapes.param[3]->rows - 1;

    if (node->config.position == TDL_POSITION_LEARNED)
        return tdl_onnx_positions(e->graph, ids);
    return tdl_onnx_binary(e->graph, "Sub", tdl_onnx_int(e->graph, last),
                           tdl_onnx_positions_from_end(e->graph, ids, tdl_export_lengths(e)));
}

static const char *op_embed(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const char *y = NULL, *ids = tdl_export_ids(e, 0);
    double scale = node->config.scale;

    if (node->param[TDL_EXPORT_STREAMS] != TDL_NONE)
        return tdl_export_refuse(e, k, "a third stream of ids");
    tdl_export_lengths(e);
    for (int i = 0; i < TDL_EXPORT_STREAMS && node->param[i] != TDL_NONE; i++) {
        const char *table = tdl_export_table(e, node->param[i]);
        const char *rows = tdl_onnx_embed(e->graph, tdl_export_ids(e, i), table);
        y = y ? tdl_onnx_plus(e->graph, y, rows) : rows;
    }
    if (scale != 0 && scale != 1)
        y = tdl_onnx_scale(e->graph, y, (float)scale);
    if (node->param[3] == TDL_NONE)
        return y;
    return tdl_onnx_plus(
        e->graph, y,
        tdl_onnx_embed(e->graph, positions(e, node, ids), tdl_export_table(e, node->param[3])));
}

/* The tables of all columns are one: the ids of a column begin where the one before ends. */
static const char *category_tokens(tdl_exporter *e, const tdl_node *node)
{
    const tdl_feature_config *f = &node->config.features;
    size_t d = node->shapes.out_cols;
    int64_t *begin = tdl_arena_alloc(e->memory, f->categories, sizeof *begin), at = 0;
    const float *bias = tdl_export_param(e, node, 2) + f->numbers * d;

    for (size_t i = 0; begin && i < f->categories; i++) {
        begin[i] = at;
        at += (int64_t)f->category_sizes[i];
    }
    const char *first = tdl_onnx_tensor(e->graph, tdl_onnx_scoped(e->graph, "begin"), TDL_ONNX_I64,
                                        1, &f->categories, begin);
    const char *ids =
        tdl_onnx_binary(e->graph, "Add", tdl_export_categories(e, f->categories), first);
    return tdl_onnx_plus(e->graph,
                         tdl_onnx_embed(e->graph, ids, tdl_export_table(e, node->param[3])),
                         matrix(e, "category_bias", f->categories, d, bias));
}

static const char *op_feature_tokens(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const tdl_feature_config *f = &node->config.features;
    const float *cls = tdl_export_param(e, node, 0);
    size_t d = node->shapes.out_cols;
    const char *y = NULL;

    if (f->numbers)
        y = tdl_onnx_feature_affine(e->graph, tdl_export_x(e, k, f->numbers), f->numbers, d,
                                    tdl_export_param(e, node, 1), tdl_export_param(e, node, 2));
    if (f->categories) {
        const char *tokens = category_tokens(e, node);
        y = y ? tdl_onnx_concat(e->graph, y, tokens, 1) : tokens;
    }
    if (cls)
        y = tdl_onnx_prepend(e->graph, y, d, cls);
    return tdl_export_unsequence(e, k, y);
}

static const char *op_prepend(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const float *places = tdl_export_param(e, node, 1);
    size_t d = node->shapes.out_cols;
    const char *y = tdl_onnx_prepend(e->graph, tdl_export_sequence(e, node->in[0]), d,
                                     tdl_export_param(e, node, 0));

    if (!places)
        return y;
    return tdl_onnx_plus(e->graph, y, matrix(e, "positions", node->shapes.out_per_row, d, places));
}

/* ---- images ---- */

static void set_planes(tdl_exporter *e, int k, const char *planes, size_t height, size_t width)
{
    e->value[k] = (tdl_exported){.planes = planes, .height = height, .width = width};
}

/* Patches of one pixel are the image itself. */
static const char *op_patchify(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const tdl_image_config *c = &node->config.image;
    const char *x = tdl_export_rows(e, node->in[0]);
    const int64_t shape[] = {0, (int64_t)c->channels, (int64_t)c->height, (int64_t)c->width};

    if (c->kernel == 1) {
        set_planes(e, k, tdl_onnx_binary(e->graph, "Reshape", x, tdl_onnx_ints(e->graph, shape, 4)),
                   c->height, c->width);
        return NULL;
    }
    const tdl_onnx_image image = {c->channels, c->height, c->width};
    return tdl_export_unsequence(e, k, tdl_onnx_patchify(e->graph, x, image, c->kernel));
}

/* [line, column, channel][filter] to [filter][channel][line][column]; NULL: no memory */
static const float *filters_first(tdl_exporter *e, const float *w, size_t filters, size_t channels,
                                  size_t pixels)
{
    float *turned = tdl_arena_alloc(e->memory, filters * channels * pixels, sizeof *turned);

    for (size_t f = 0; turned && f < filters; f++)
        for (size_t c = 0; c < channels; c++)
            for (size_t p = 0; p < pixels; p++)
                turned[(f * channels + c) * pixels + p] = w[(p * channels + c) * filters + f];
    return turned;
}

static const char *op_conv2d(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const tdl_image_config *c = &node->config.image;
    tdl_onnx_conv conv = {.channels = c->channels,
                          .filters = node->shapes.out_cols,
                          .side = c->kernel,
                          .stride = c->stride,
                          .pad = c->padding,
                          .b = tdl_export_param(e, node, 1)};
    const char *planes = tdl_export_planes(e, node->in[0], c);

    conv.w = filters_first(e, tdl_export_param(e, node, 0), conv.filters, conv.channels,
                           conv.side * conv.side);
    if (!conv.w && !e->status)
        e->status = TDL_FAIL(e->why, TDL_E_NO_MEMORY, "no memory for the filters of op %d", k);
    set_planes(e, k, activate(e, tdl_onnx_conv_2d(e->graph, planes, &conv), node->config.act),
               tdl_image_side(c, c->height), tdl_image_side(c, c->width));
    return NULL;
}

static const char *op_max_pool2d(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const tdl_image_config *c = &node->config.image;
    const char *planes = tdl_export_planes(e, node->in[0], c);

    set_planes(e, k, tdl_onnx_max_pool(e->graph, planes, c->kernel, c->stride, c->padding),
               tdl_image_side(c, c->height), tdl_image_side(c, c->width));
    return NULL;
}

/* ---- sequences ---- */

static const char *lengths_of(tdl_exporter *e, int value)
{
    return e->net->node[value].shapes.out_per_row == TDL_RAGGED ? tdl_export_lengths(e) : NULL;
}

static const char *op_pool(tdl_exporter *e, int k)
{
    static const tdl_onnx_pooling pooling[] = {[TDL_POOL_FIRST] = TDL_ONNX_FIRST,
                                               [TDL_POOL_MEAN] = TDL_ONNX_MEAN,
                                               [TDL_POOL_LAST] = TDL_ONNX_LAST};
    const tdl_node *node = &e->net->node[k];

    return tdl_onnx_pool(e->graph, tdl_export_sequence(e, node->in[0]), lengths_of(e, node->in[0]),
                         pooling[node->config.pooling]);
}

/* Layers that turn ragged rows alike share their tables. */
static tdl_onnx_rope rope_tables(tdl_exporter *e, int k, const char *x)
{
    const tdl_node *node = &e->net->node[k];
    const tdl_rope_config *c = &node->config.rope, *made = &e->rope_config;
    size_t per_row = node->shapes.out_per_row;
    size_t length = per_row != TDL_RAGGED ? per_row : c->max_len ? c->max_len : ROPE_LENGTH;

    if (per_row == TDL_RAGGED && e->rope.swap && made->d_head == c->d_head &&
        made->base == c->base && made->max_len == c->max_len) // exact: copies of one setting
        return e->rope;
    tdl_onnx_rope rope = tdl_onnx_rope_tables(e->graph, x, length, c->d_head, (float)c->base);
    if (per_row == TDL_RAGGED) {
        e->rope = rope;
        e->rope_config = *c;
    }
    return rope;
}

/* x with its columns from `at` on, `wide` of them, replaced by y: the rows of node k */
static const char *with_columns(tdl_exporter *e, int k, const char *x, size_t at, size_t wide,
                                const char *y)
{
    size_t cols = e->net->node[k].shapes.out_cols, end = at + wide;

    if (at)
        y = tdl_onnx_concat(e->graph, columns(e, x, 0, at), y, -1);
    if (end < cols)
        y = tdl_onnx_concat(e->graph, y, columns(e, x, end, cols - end), -1);
    return tdl_export_unsequence(e, k, y);
}

static const char *op_rope(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const tdl_rope_config *c = &node->config.rope;
    size_t wide = c->heads * c->d_head;
    const char *x = tdl_export_sequence(e, node->in[0]);
    const tdl_onnx_rope tables = rope_tables(e, k, x);

    return with_columns(
        e, k, x, c->at, wide,
        tdl_onnx_turn(e->graph, columns(e, x, c->at, wide), c->heads, c->d_head, &tables));
}

static const char *op_qk_norm(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const tdl_qk_norm_config *c = &node->config.qk_norm;
    size_t wide_q = c->heads * c->d_head, wide_k = c->kv_heads * c->d_head;
    float eps = (float)node->config.eps;
    const char *x = tdl_export_sequence(e, node->in[0]);
    const char *queries =
        tdl_onnx_norm_heads(e->graph, columns(e, x, c->at, wide_q), c->heads, c->d_head, "q_gain",
                            tdl_export_param(e, node, 0), eps);
    const char *keys =
        tdl_onnx_norm_heads(e->graph, columns(e, x, c->at + wide_q, wide_k), c->kv_heads, c->d_head,
                            "k_gain", tdl_export_param(e, node, 1), eps);

    return with_columns(e, k, x, c->at, wide_q + wide_k,
                        tdl_onnx_concat(e->graph, queries, keys, -1));
}

/* All attention over ragged rows shares a mask for each direction. */
static const char *mask_of(tdl_exporter *e, int value, const char *x, bool causal)
{
    if (e->net->node[value].shapes.out_per_row != TDL_RAGGED)
        return tdl_onnx_mask(e->graph, x, NULL, causal);
    if (!e->mask[causal])
        e->mask[causal] = tdl_onnx_mask(e->graph, x, tdl_export_lengths(e), causal);
    return e->mask[causal];
}

/* Layers of as many buckets share which pair is in which. */
static const char *time_buckets(tdl_exporter *e, int k)
{
    size_t n = e->net->node[k].config.attention.time_buckets;
    uint64_t begin[TDL_TIME_BUCKETS_MAX + 1];

    if (!e->buckets || e->buckets_n != n) {
        tdl_time_bucket_begins(n, begin);
        e->buckets = tdl_onnx_time_buckets(e->graph, tdl_export_times(e), tdl_export_lengths(e),
                                           begin + 1, n);
        e->buckets_n = n;
    }
    return e->buckets;
}

/* NULL: none */
static const char *bias_of(tdl_exporter *e, int k, const char *x)
{
    const tdl_node *node = &e->net->node[k];
    const float *by_distance = tdl_export_param(e, node, 0);
    const float *by_time = tdl_export_param(e, node, 1);
    const char *bias = NULL, *time_bias;

    if (by_distance)
        bias =
            tdl_onnx_distance_bias(e->graph, x, (node->shapes.param[0]->cols + 1) / 2, by_distance);
    if (by_time) {
        time_bias =
            tdl_onnx_time_bias(e->graph, time_buckets(e, k), node->shapes.param[1]->cols, by_time);
        bias = bias ? tdl_onnx_plus(e->graph, time_bias, bias) : time_bias;
    }
    if (bias && node->config.attention.first_only)
        bias = tdl_onnx_slice(e->graph, bias, -2, 0, 1);
    return bias;
}

static const char *op_attention(tdl_exporter *e, int k)
{
    const tdl_node *node = &e->net->node[k];
    const tdl_attention_config *c = &node->config.attention;
    size_t q_cols = c->heads * c->d_head, kv_cols = c->kv_heads * c->d_head;
    bool causal = c->mask == TDL_MASK_CAUSAL, silu = c->score == TDL_SCORE_SILU;

    if (c->mask == TDL_MASK_PREFIX)
        return tdl_export_refuse(e, k, "a mask with a prefix");
    if (c->first_only && causal)
        return tdl_export_refuse(e, k, "a first token that asks alone and sees only itself");
    if (c->time_buckets && node->shapes.in_per_row[0] != TDL_RAGGED)
        return tdl_export_refuse(e, k, "times of rows that are no tokens");
    const char *x = tdl_export_sequence(e, node->in[0]);
    const char *q = columns(e, x, c->q_at, q_cols);
    const tdl_onnx_attention attention = {.heads = c->heads,
                                          .kv_heads = c->kv_heads,
                                          .head_width = c->d_head,
                                          .scale = (float)(silu && c->scale == 0 ? 1 : c->scale),
                                          .bias = bias_of(e, k, x),
                                          .silu_n = silu ? (float)c->silu_n : 0,
                                          .mask = mask_of(e, node->in[0], x, causal)};
    if (c->first_only)
        q = tdl_onnx_slice(e->graph, q, 1, 0, 1);
    return tdl_export_unsequence(e, k,
                                 tdl_onnx_attend(e->graph, q, columns(e, x, c->k_at, kv_cols),
                                                 columns(e, x, c->v_at, kv_cols), &attention));
}

/* ---- the table ---- */

tdl_export_op *tdl_export_op_of(const tdl_op *op)
{
    static const struct {
        const tdl_op *op;
        tdl_export_op *export;
    } table[] = {
        {&tdl_op_input, op_input},       {&tdl_op_linear, op_linear},
        {&tdl_op_act, op_act},           {&tdl_op_add, op_add},
        {&tdl_op_dropout, op_dropout},   {&tdl_op_reshape, op_reshape},
        {&tdl_op_concat, op_concat},     {&tdl_op_scale_shift, op_scale_shift},
        {&tdl_op_norm, op_norm},         {&tdl_op_glu, op_glu},
        {&tdl_op_gate_mul, op_gate_mul}, {&tdl_op_dot_score, op_dot_score},
        {&tdl_op_embed, op_embed},       {&tdl_op_feature_tokens, op_feature_tokens},
        {&tdl_op_prepend, op_prepend},   {&tdl_op_patchify, op_patchify},
        {&tdl_op_conv2d, op_conv2d},     {&tdl_op_max_pool2d, op_max_pool2d},
        {&tdl_op_pool, op_pool},         {&tdl_op_rope, op_rope},
        {&tdl_op_qk_norm, op_qk_norm},   {&tdl_op_attention, op_attention},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].op == op)
            return table[i].export;
    return NULL;
}
