/* Whole transformers against PyTorch: outputs, loss, every gradient, ten steps of AdamW.
 *
 * model_*.json were computed in double by make_goldens.py, whose formulas share nothing with ours.
 * This file is compiled with float ops (tolerances of engine.md: 1e-5 forward, 1e-4 gradients,
 * relative to the largest entry of the tensor) and with double ops (1e-9).
 *
 *     usage: test_golden FOLDER
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "nn/layers.h"
#include "nn/transformer.h"

#ifdef TDL_REAL_DOUBLE
static const double FORWARD = 1e-9, GRADIENT = 1e-9, NOTHING = 1e-7;
#else
static const double FORWARD = 1e-5, GRADIENT = 1e-4, NOTHING = 1e-3;
#endif

enum { SKIPPED = 77, /* to meson */ TOKENS_MAX = 16, ROWS_MAX = 4, PARTS_MAX = 64 };
static const char *folder;

/* ---- the file ---- */

/* Numbers of a value of the file, flattened; returns how many. */
static size_t flatten(const json_t *value, double *ret, size_t max)
{
    size_t n = 0, i;
    const json_t *one;

    if (json_is_number(value)) {
        assert_true(max > 0);
        *ret = json_number_value(value);
        return 1;
    }
    json_array_foreach((json_t *)value, i, one) n += flatten(one, ret + n, max - n);
    return n;
}

static const json_t *member(const json_t *object, const char *group, const char *name)
{
    const json_t *value = json_object_get(json_object_get(object, group), name);

    if (!value)
        fail_msg("%s.%s is not in the file", group, name);
    return value;
}

/* ---- one model and its file ---- */

/* A tensor of the file is a block of one of our slices. */
typedef struct part {
    const char *name;
    int slice;
    size_t row, col; /* where in the slice it begins */
} part;

typedef struct golden {
    json_t *file;
    tdl_transformer model;
    part part[PARTS_MAX];
    size_t parts_n;
    /* batch */
    size_t offsets[ROWS_MAX + 1];
    int32_t id[2][TOKENS_MAX], target[TOKENS_MAX], category[TOKENS_MAX], negative[TOKENS_MAX];
    int64_t time_s[TOKENS_MAX];
    uint64_t example[ROWS_MAX];
    tdl_real x[64], value[ROWS_MAX], log_q[TOKENS_MAX];
    tdl_nn_batch batch;
} golden;

static void open_golden(golden *g, const char *name, const tdl_transformer_config *config)
{
    char path[1024];
    tdl_buf text = {0};
    tdl_report why = {0};

    memset(g, 0, sizeof *g);
    snprintf(path, sizeof path, "%s/model_%s.json", folder, name);
    if (tdl_file_read(path, 1 << 20, &text, &why) ||
        tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, &g->file, &why) ||
        tdl_transformer_init(&g->model, config, &why))
        fail_msg("%s: %s", path, why.message);
    tdl_buf_release(&text);
}

static void close_golden(golden *g)
{
    tdl_transformer_release(&g->model);
    json_decref(g->file);
}

static void map_at(golden *g, const char *name, int slice, size_t row, size_t col)
{
    assert_true(g->parts_n < PARTS_MAX && slice != TDL_NONE);
    g->part[g->parts_n++] = (part){name, slice, row, col};
}

static void map(golden *g, const char *name, int slice)
{
    map_at(g, name, slice, 0, 0);
}

/* The blocks that most files have: "l0.ln1.g", ... */
static void map_blocks(golden *g)
{
    static char names[2][12][40];
    static const char *const ends[] = {"ln1.g", "ln1.b", "wqkv", "bqkv", "wo", "bo",
                                       "ln2.g", "ln2.b", "w1",   "b1",   "w2", "b2"};

    for (size_t i = 0; i < g->model.core.config.n_layer; i++) {
        const tdl_tf_layer *l = &g->model.core.layer[i];
        const int slices[] = {l->attn_gain, l->attn_bias,  l->qkv,     l->qkv_bias,
                              l->out,       l->out_bias,   l->ff_gain, l->ff_bias,
                              l->ff_in,     l->ff_in_bias, l->ff_out,  l->ff_out_bias};
        for (size_t k = 0; k < 12; k++) {
            snprintf(names[i][k], sizeof names[i][k], "l%zu.%s", i, ends[k]);
            map(g, names[i][k], slices[k]);
        }
    }
}

static void map_final_norm(golden *g)
{
    map(g, "lnf.g", g->model.core.final_gain);
    map(g, "lnf.b", g->model.core.final_bias);
}

/* rows and columns of a tensor of the file; a vector is one row */
static void shape_of(const json_t *tensor, size_t *rows, size_t *cols)
{
    const json_t *first = json_array_get(tensor, 0);

    *rows = json_is_array(first) ? json_array_size(tensor) : 1;
    *cols = json_is_array(first) ? json_array_size(first) : json_array_size(tensor);
}

static tdl_real *entry(const golden *g, tdl_real *block, const part *p, size_t r, size_t c)
{
    const tdl_slice *slice = &g->model.params.slice[p->slice];

    assert_true(p->row + r < slice->rows && p->col + c < slice->cols);
    return block + slice->offset + (p->row + r) * slice->cols + p->col + c;
}

static void load_params(golden *g)
{
    size_t numbers = 0, mapped = 0;

    for (size_t i = 0; i < g->parts_n; i++) {
        const json_t *tensor = member(g->file, "params", g->part[i].name);
        size_t rows, cols;
        double x[1024];

        shape_of(tensor, &rows, &cols);
        assert_int_equal(flatten(tensor, x, 1024), rows * cols);
        for (size_t k = 0; k < rows * cols; k++)
            *entry(g, g->model.params.value, &g->part[i], k / cols, k % cols) = (tdl_real)x[k];
        mapped += rows * cols;
    }
    assert_int_equal(g->parts_n, json_object_size(json_object_get(g->file, "params")));
    for (int s = 0; s < g->model.params.slices_n; s++)
        numbers += g->model.params.slice[s].rows * g->model.params.slice[s].cols;
    assert_int_equal(mapped, numbers); // no parameter of ours is left out
}

/* ---- comparing ---- */

/* NOTHING: what a tensor's largest entry counts as at least. Gradients that are zero by
 * mathematics, as that of the bias of keys, are rounding on both sides. */
static void compare(const char *what, const tdl_real *ours, const double *theirs, size_t n,
                    double tolerance)
{
    double largest = NOTHING;

    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(theirs[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)ours[i] - theirs[i]) <= tolerance * largest))
            fail_msg("%s, number %zu: %.12g, PyTorch has %.12g", what, i, (double)ours[i],
                     theirs[i]);
}

static void compare_output(const golden *g, const char *name, int value, size_t n)
{
    double theirs[256];

    assert_int_equal(flatten(member(g->file, "outputs", name), theirs, 256), n);
    assert_non_null(tdl_net_value(&g->model.net, value));
    compare(name, tdl_net_value(&g->model.net, value), theirs, n, FORWARD);
}

static void compare_gradients(const golden *g)
{
    for (size_t i = 0; i < g->parts_n; i++) {
        const json_t *tensor = member(g->file, "grads", g->part[i].name);
        size_t rows, cols;
        double theirs[1024];
        tdl_real ours[1024];

        shape_of(tensor, &rows, &cols);
        flatten(tensor, theirs, 1024);
        for (size_t k = 0; k < rows * cols; k++)
            ours[k] = *entry(g, g->model.params.grad, &g->part[i], k / cols, k % cols);
        compare(g->part[i].name, ours, theirs, rows * cols, GRADIENT);
    }
}

/* ---- running ---- */

static void plan_golden(golden *g)
{
    const tdl_plan_options options = {.rows = ROWS_MAX, .tokens = TOKENS_MAX, .backward = true};
    tdl_report why = {0};

    if (tdl_net_plan(&g->model.net, &options, &why))
        fail_msg("%s", why.message);
}

/* Forward without targets, so that scores stay scores. */
static void infer(golden *g)
{
    tdl_nn_batch batch = g->batch;
    const tdl_run run = {0};
    tdl_report why = {0};

    batch.target = NULL;
    batch.value = NULL;
    if (tdl_net_forward(&g->model.net, &batch, &run, &why))
        fail_msg("%s", why.message);
}

/* Gradient of the mean loss into params.grad; returns the mean. */
static double step(golden *g)
{
    const tdl_run run = {.training = true};
    tdl_report why = {0};
    double sum, weight;

    memset(g->model.params.grad, 0, g->model.params.n * sizeof(tdl_real));
    if (tdl_net_forward(&g->model.net, &g->batch, &run, &why))
        fail_msg("%s", why.message);
    tdl_net_loss(&g->model.net, &g->batch, &sum, &weight);
    if (tdl_net_backward(&g->model.net, &g->batch, &run, 1 / weight, &why))
        fail_msg("%s", why.message);
    return sum / weight;
}

/* AdamW by its formula, in double: what is tested is the gradients of ten different points. */
static void adamw(golden *g, double *m, double *v, int t)
{
    tdl_params *p = &g->model.params;

    for (int s = 0; s < p->slices_n; s++)
        for (size_t i = 0; i < p->slice[s].rows * p->slice[s].cols; i++) {
            size_t at = p->slice[s].offset + i;
            double gradient = (double)p->grad[at], w = (double)p->value[at];

            m[at] = 0.9 * m[at] + 0.1 * gradient;
            v[at] = 0.999 * v[at] + 0.001 * gradient * gradient;
            w *= p->slice[s].decay ? 1 - 0.01 * 0.01 : 1;
            w -= 0.01 * (m[at] / (1 - pow(0.9, t))) / (sqrt(v[at] / (1 - pow(0.999, t))) + 1e-8);
            p->value[at] = (tdl_real)w;
        }
}

static void check_steps(golden *g)
{
    double losses[10], *m = calloc(g->model.params.n, sizeof *m);
    double *v = calloc(g->model.params.n, sizeof *v);

    const json_t *listed = json_object_get(g->file, "adamw_losses");

    if (json_is_object(listed)) // the form of the project's own reference values
        listed = json_object_get(listed, "loss_before_each_of_10_steps");
    assert_int_equal(flatten(listed, losses, 10), 10);
    for (int t = 1; t <= 10; t++) {
        double ours = step(g);

        if (!(fabs(ours - losses[t - 1]) <= GRADIENT * losses[t - 1]))
            fail_msg("loss before step %d: %.12g, PyTorch has %.12g", t, ours, losses[t - 1]);
        adamw(g, m, v, t);
    }
    free(m);
    free(v);
}

static void check_training(golden *g)
{
    double theirs = json_number_value(json_object_get(g->file, "loss")), ours = step(g);

    if (!(fabs(ours - theirs) <= FORWARD * theirs))
        fail_msg("loss %.12g, PyTorch has %.12g", ours, theirs);
    compare_gradients(g);
    if (json_object_get(g->file, "adamw_losses"))
        check_steps(g);
}

/* A model whose parameters are loaded and whose batch is read: `n` numbers of `value` are those
 * called `output` in the file, then as check_training. Closes. */
static void check_model(golden *g, const char *output, int value, size_t n)
{
    plan_golden(g);
    infer(g);
    compare_output(g, output, value, n);
    check_training(g);
    close_golden(g);
}

/* ---- batches ---- */

/* Ragged lists of whole numbers: offsets and the flattened numbers. */
static void read_ragged(golden *g, const char *name, int32_t *ret)
{
    const json_t *rows = member(g->file, "inputs", name), *row;
    double x[TOKENS_MAX];
    size_t r;

    json_array_foreach((json_t *)rows, r, row)
    {
        g->offsets[r + 1] = g->offsets[r] + json_array_size(row);
        g->example[r] = r;
    }
    size_t n = flatten(rows, x, TOKENS_MAX);
    for (size_t i = 0; i < n; i++)
        ret[i] = (int32_t)x[i];
    g->batch.rows = json_array_size(rows);
    g->batch.offsets = g->offsets;
    g->batch.example = g->example;
}

static void read_tokens(golden *g, const char *ids, const char *targets)
{
    read_ragged(g, ids, g->id[0]);
    g->batch.id[0] = g->id[0];
    if (!targets)
        return;
    read_ragged(g, targets, g->target);
    g->batch.target = g->target;
}

static void read_reals(golden *g, const char *name, tdl_real *ret, size_t max)
{
    double x[64];
    size_t n = flatten(member(g->file, "inputs", name), x, max);

    for (size_t i = 0; i < n; i++)
        ret[i] = (tdl_real)x[i];
}

/* ---- the models ---- */

static const tdl_tf_config BLOCK = {.d_model = 8,
                                    .n_head = 2,
                                    .d_ff = 16,
                                    .max_len = 8,
                                    .n_layer = 1,
                                    .bias_qkv = true,
                                    .bias_out = true,
                                    .bias_ff = true};

static void gpt_with_tied_tables(void **state)
{
    tdl_transformer_config config = {
        .core = BLOCK, .vocabulary = 11, .position = TDL_POSITION_LEARNED, .head = TDL_HEAD_TIED};
    golden g;

    TDL_UNUSED(state);
    config.core.n_layer = 2;
    config.core.act = TDL_ACT_GELU;
    open_golden(&g, "gpt", &config);
    map(&g, "wte", g.model.token_table);
    map(&g, "wpe", g.model.position_table);
    map_blocks(&g);
    map_final_norm(&g);
    load_params(&g);
    read_tokens(&g, "tokens", "targets");
    check_model(&g, "logits", g.model.scores, 9 * 11);
}

static void llama_with_shared_key_heads_and_rotary_positions(void **state)
{
    const tdl_transformer_config config = {.core = {.n_layer = 1,
                                                    .d_model = 16,
                                                    .n_head = 4,
                                                    .n_kv_head = 2,
                                                    .d_ff = 12,
                                                    .norm = TDL_NORM_RMS,
                                                    .norm_eps = 1e-6,
                                                    .act = TDL_ACT_SILU,
                                                    .glu = true,
                                                    .rope_base = 10000},
                                           .vocabulary = 11,
                                           .head = TDL_HEAD_TOKENS};
    golden g;

    TDL_UNUSED(state);
    open_golden(&g, "llama", &config);
    const tdl_tf_layer *l = &g.model.core.layer[0];
    map(&g, "wte", g.model.token_table);
    map(&g, "l0.n1.g", l->attn_gain);
    map_at(&g, "l0.wq", l->qkv, 0, 0);
    map_at(&g, "l0.wk", l->qkv, 0, 16);
    map_at(&g, "l0.wv", l->qkv, 0, 24);
    map(&g, "l0.wo", l->out);
    map(&g, "l0.n2.g", l->ff_gain);
    map_at(&g, "l0.wgate", l->ff_in, 0, 0);
    map_at(&g, "l0.wup", l->ff_in, 0, 12);
    map(&g, "l0.wdown", l->ff_out);
    map(&g, "nf.g", g.model.core.final_gain);
    map(&g, "head", g.model.head_weight);
    load_params(&g);
    read_tokens(&g, "tokens", "targets");
    check_model(&g, "logits", g.model.scores, 9 * 11);
}

static const tdl_transformer_config BERT = {
    .vocabulary = 11, .types = 2, .position = TDL_POSITION_LEARNED, .embed_norm = true};

static void open_bert(golden *g, tdl_transformer_config config)
{
    config.core = BLOCK;
    config.core.norm_eps = 1e-12;
    config.core.post_norm = true;
    config.core.act = TDL_ACT_GELU_ERF;
    config.core.mask = TDL_MASK_BIDIRECTIONAL;
    open_golden(g, "bert", &config);
    map(g, "wte", g->model.token_table);
    map(g, "wtype", g->model.type_table);
    map(g, "wpe", g->model.position_table);
    map(g, "lne.g", g->model.embed_gain);
    map(g, "lne.b", g->model.embed_bias);
    map_blocks(g);
    if (config.head_bias)
        map(g, "bout", g->model.head_bias);
    else
        json_object_del(json_object_get(g->file, "params"), "bout");
    load_params(g);
    read_tokens(g, "tokens", config.head_bias ? "targets" : NULL);
    read_ragged(g, "types", g->id[1]);
    g->batch.id[1] = g->id[1];
}

static void bert_with_types_and_norms_behind(void **state)
{
    tdl_transformer_config config = BERT;
    golden g;

    TDL_UNUSED(state);
    config.head = TDL_HEAD_TIED;
    config.head_bias = true;
    open_bert(&g, config);
    check_model(&g, "logits", g.model.scores, 9 * 11);
}

static void check_pooling(const char *output, tdl_pooling pooling)
{
    tdl_transformer_config config = BERT;
    golden g;

    config.pooled = true;
    config.pooling = pooling;
    open_bert(&g, config);
    plan_golden(&g);
    infer(&g);
    compare_output(&g, output, g.model.hidden, (size_t)3 * 8);
    close_golden(&g);
}

static void bert_as_an_encoder_of_whole_texts(void **state)
{
    TDL_UNUSED(state);
    check_pooling("pool_cls", TDL_POOL_FIRST);
    check_pooling("pool_mean", TDL_POOL_MEAN);
}

static void open_sasrec(golden *g)
{
    tdl_transformer_config config = {.core = BLOCK,
                                     .vocabulary = 13,
                                     .position = TDL_POSITION_LEARNED_FROM_END,
                                     .embed_scale = sqrt(8)};

    config.core.n_head = 1;
    config.core.d_ff = 8;
    config.core.max_len = 7;
    config.core.norm_eps = 1e-8;
    config.core.act = TDL_ACT_RELU;
    open_golden(g, "sasrec", &config);
    map(g, "item", g->model.token_table);
    map(g, "pos", g->model.position_table);
    map_blocks(g);
    map_final_norm(g);
    load_params(g);
    read_tokens(g, "items", "positives");
}

static void sasrec_against_one_negative_each(void **state)
{
    golden g;

    TDL_UNUSED(state);
    open_sasrec(&g);
    read_ragged(&g, "negatives", g.negative);
    g.batch.negative = g.negative;
    g.batch.negatives_n = 1;
    g.batch.negatives_each = true;
    tdl_net_keep(&g.model.net, g.model.hidden);
    tdl_net_sampled_bce(&g.model.net, g.model.hidden, g.model.token_table,
                        &(tdl_loss_config){.negatives_max = 1});
    check_model(&g, "hidden", g.model.hidden, (size_t)7 * 8);
}

static void hstu_with_biases_by_distance_and_time(void **state)
{
    const tdl_transformer_config config = {.core = {.n_layer = 1,
                                                    .d_model = 8,
                                                    .n_head = 2,
                                                    .max_len = 6,
                                                    .norm = TDL_NORM_LAYER_PLAIN,
                                                    .norm_eps = 1e-6,
                                                    .act = TDL_ACT_SILU,
                                                    .bias_out = true,
                                                    .out_gate = true,
                                                    .position_bias = true,
                                                    .time_buckets = 16,
                                                    .score = TDL_SCORE_SILU},
                                           .vocabulary = 13,
                                           .position = TDL_POSITION_LEARNED,
                                           .embed_scale = sqrt(8),
                                           .head = TDL_HEAD_TIED};
    int32_t seconds[TOKENS_MAX];
    golden g;

    TDL_UNUSED(state);
    open_golden(&g, "hstu", &config);
    const tdl_tf_layer *l = &g.model.core.layer[0];
    map(&g, "item", g.model.token_table);
    map(&g, "pos", g.model.position_table);
    map(&g, "l0.uvqk", l->qkv);
    map(&g, "l0.wo", l->out);
    map(&g, "l0.bo", l->out_bias);
    map(&g, "l0.pos_w", l->by_distance);
    map(&g, "l0.ts_w", l->by_time);
    load_params(&g);
    read_tokens(&g, "items", "targets");
    read_ragged(&g, "times", seconds);
    for (size_t i = 0; i < g.offsets[g.batch.rows]; i++)
        g.time_s[i] = seconds[i];
    g.batch.time_s = g.time_s;
    tdl_net_keep(&g.model.net, g.model.hidden);
    check_model(&g, "hidden", g.model.hidden, (size_t)7 * 8);
}

static void map_ft_layer(golden *g, size_t i)
{
    static char names[2][14][40];
    static const char *const ends[] = {"wq", "bq",    "wk",    "bk", "wv", "bv", "wo",
                                       "bo", "ln1.g", "ln1.b", "w0", "b0", "w1", "b1"};
    const tdl_tf_layer *l = &g->model.core.layer[i];
    const int slices[] = {l->qkv,      l->qkv_bias,   l->qkv,      l->qkv_bias,   l->qkv,
                          l->qkv_bias, l->out,        l->out_bias, l->ff_gain,    l->ff_bias,
                          l->ff_in,    l->ff_in_bias, l->ff_out,   l->ff_out_bias};
    static const size_t columns[14] = {0, 0, 8, 8, 16, 16};

    for (size_t k = 0; k < 14; k++) {
        snprintf(names[i][k], sizeof names[i][k], "l%zu.%s", i, ends[k]);
        map_at(g, names[i][k], slices[k], 0, columns[k]);
    }
}

static void ft_transformer_over_table_rows(void **state)
{
    static const size_t sizes[] = {4, 3};
    const tdl_transformer_config config = {.core = {.n_layer = 2,
                                                    .d_model = 8,
                                                    .n_head = 2,
                                                    .d_ff = 10,
                                                    .skip_first_attn_norm = true,
                                                    .act = TDL_ACT_RELU,
                                                    .glu_second = true,
                                                    .bias_qkv = true,
                                                    .bias_out = true,
                                                    .bias_ff = true,
                                                    .mask = TDL_MASK_BIDIRECTIONAL,
                                                    .last_first_only = true},
                                           .front = TDL_FRONT_TABLE,
                                           .numbers = 3,
                                           .categories_n = 2,
                                           .category_sizes = sizes,
                                           .head = TDL_HEAD_VALUE,
                                           .head_bias = true,
                                           .head_act = true,
                                           .outputs = 1};
    golden g;

    TDL_UNUSED(state);
    open_golden(&g, "ft", &config);
    map(&g, "num_w", g.model.number_weight);
    map(&g, "cls", g.model.cls);
    map(&g, "cat0", g.model.category_table);
    map_at(&g, "cat1", g.model.category_table, 4, 0);
    map(&g, "tok_b", g.model.field_bias);
    map_ft_layer(&g, 0);
    map(&g, "l1.ln0.g", g.model.core.layer[1].attn_gain);
    map(&g, "l1.ln0.b", g.model.core.layer[1].attn_bias);
    map_ft_layer(&g, 1);
    map_final_norm(&g);
    map(&g, "head.w", g.model.head_weight);
    map(&g, "head.b", g.model.head_bias);
    load_params(&g);
    read_reals(&g, "x_num", g.x, 64);
    read_reals(&g, "y", g.value, ROWS_MAX);
    read_ragged(&g, "x_cat", g.category);
    g.batch.offsets = NULL;
    g.batch.x = g.x;
    g.batch.category = g.category;
    g.batch.value = g.value;
    check_model(&g, "prediction", g.model.scores, 3);
}

static void vit_over_image_patches(void **state)
{
    tdl_transformer_config config = {.core = BLOCK,
                                     .front = TDL_FRONT_IMAGE,
                                     .image = {.channels = 1, .height = 4, .width = 4, .kernel = 2},
                                     .head = TDL_HEAD_CLASS,
                                     .head_bias = true,
                                     .outputs = 3};
    golden g;
    double y[2];

    TDL_UNUSED(state);
    config.core.norm_eps = 1e-6;
    config.core.act = TDL_ACT_GELU_ERF;
    config.core.mask = TDL_MASK_BIDIRECTIONAL;
    open_golden(&g, "vit", &config);
    map(&g, "patch.w", g.model.patch_weight);
    map(&g, "patch.b", g.model.patch_bias);
    map(&g, "cls", g.model.cls);
    map(&g, "pos", g.model.position_table);
    map_blocks(&g);
    map_final_norm(&g);
    map(&g, "head.w", g.model.head_weight);
    map(&g, "head.b", g.model.head_bias);
    load_params(&g);
    read_reals(&g, "image", g.x, 64);
    assert_int_equal(flatten(member(g.file, "inputs", "y"), y, 2), 2);
    for (size_t i = 0; i < 2; i++)
        g.target[i] = (int32_t)y[i];
    g.batch = (tdl_nn_batch){.rows = 2, .x = g.x, .target = g.target, .example = g.example};
    check_model(&g, "logits", g.model.scores, (size_t)2 * 3);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt_with_tied_tables),
        cmocka_unit_test(llama_with_shared_key_heads_and_rotary_positions),
        cmocka_unit_test(bert_with_types_and_norms_behind),
        cmocka_unit_test(bert_as_an_encoder_of_whole_texts),
        cmocka_unit_test(sasrec_against_one_negative_each),
        cmocka_unit_test(hstu_with_biases_by_distance_and_time),
        cmocka_unit_test(ft_transformer_over_table_rows),
        cmocka_unit_test(vit_over_image_patches),
    };

    if (argc != 2)
        return 2;
    folder = argv[1];
    if (access(folder, R_OK)) {
        printf("skipped: %s is not there\n", folder);
        return SKIPPED;
    }
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
