/* Exports seeded models of every kind, each with a batch and what our own forward pass makes of it.
 *
 *   write_onnx_exports FOLDER      NAME.onnx and NAME.json for each
 *
 *     {"feeds": {"x": {"type": "float32", "dims": [3, 5], "data": [...]}, ...},
 *      "rows": [1, 1, 1],          rows of the output that each example has
 *      "y": [...]}                 [sum of rows][columns], without padding
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "learn/export_onnx.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "nn/transformer.h"
#include "train/export_onnx.h"

enum { ROWS = 3, LONGEST = 5, TOKENS = 9, NUMBERS_MAX = 256, VOCABULARY = 11, TYPES = 2 };

static const size_t offsets[ROWS + 1] = {0, 5, 6, 9};
static const size_t category_sizes[] = {3, 5};

typedef struct model {
    tdl_params params; /* of nets that are no transformer */
    tdl_net net;
    tdl_transformer transformer;
    tdl_net *run; /* one of both */
    int value;
} model;

/* ---- models ---- */

static int weights(model *m, size_t rows, size_t cols)
{
    char name[TDL_PARAM_NAME_MAX];

    snprintf(name, sizeof name, "weight.%d", m->params.slices_n);
    return tdl_params_add(&m->params, name, rows, cols, true);
}

static int dense(model *m, int x, size_t in, size_t out, tdl_act act)
{
    int w = weights(m, in, out), b = weights(m, 1, out);

    return tdl_net_linear(&m->net, x, w, b, act);
}

static void mlp(model *m)
{
    int x = tdl_net_input(&m->net, 5);

    x = dense(m, x, 5, 7, TDL_ACT_GELU);
    x = dense(m, tdl_net_dropout(&m->net, x, 0.5), 7, 6, TDL_ACT_RELU);
    m->value = dense(m, x, 6, 4, TDL_ACT_SIGMOID);
}

/* Every op of rows that no other model here has. */
static void rows(model *m)
{
    tdl_net *net = &m->net;
    int x = tdl_net_input(net, 6);
    int wide = dense(m, x, 6, 16, TDL_ACT_LEAKY_RELU);
    int half = tdl_net_glu(net, wide, TDL_ACT_SILU, false);
    int plain = tdl_net_norm(net, half, TDL_NORM_LAYER_PLAIN, TDL_NONE, TDL_NONE, 1e-5);
    int gated = tdl_net_gate_mul(net, plain, wide, 4);
    int gain = weights(m, 1, 8), bias = weights(m, 1, 8);
    int shifted = tdl_net_scale_shift(net, gated, gain, bias);
    int all = tdl_net_concat(net, shifted, tdl_net_add(net, half, gated), x, TDL_NONE);

    m->value = tdl_net_act(net, dense(m, all, 22, 5, TDL_ACT_NONE), TDL_ACT_GELU_ERF);
}

/* Two channels of 8 x 8: convolution and pooling with padding, with a stride, and without. */
static void cnn(model *m)
{
    tdl_net *net = &m->net;
    const tdl_image_config image = {2, 8, 8, 3, 1, 1}, pooled = {3, 8, 8, 3, 2, 1};
    const tdl_image_config last = {3, 4, 4, 2, 2, 0};
    int x = tdl_net_image_input(net, tdl_net_input(net, 128), &image);
    int first = weights(m, 18, 3), bias = weights(m, 1, 3), second = weights(m, 12, 4);

    x = tdl_net_conv2d(net, x, &image, first, bias, TDL_ACT_RELU);
    x = tdl_net_max_pool2d(net, x, &pooled);
    x = tdl_net_conv2d(net, x, &last, second, TDL_NONE, TDL_ACT_TANH);
    m->value = dense(m, tdl_net_reshape(net, x, 16), 16, 3, TDL_ACT_NONE);
}

/* One channel, whose pixels are the batch's own numbers; the output is an image. */
static void filter(model *m)
{
    const tdl_image_config image = {1, 6, 4, 3, 1, 1};
    int x = tdl_net_image_input(&m->net, tdl_net_input(&m->net, 24), &image);
    int w = weights(m, 9, 2);

    m->value = tdl_net_conv2d(&m->net, x, &image, w, TDL_NONE, TDL_ACT_NONE);
}

/* ---- transformers ---- */

static const tdl_tf_config small = {
    .n_layer = 2, .d_model = 16, .n_head = 4, .d_ff = 24, .max_len = 8};

static void transform(model *m, const tdl_transformer_config *config)
{
    tdl_report why;

    if (tdl_transformer_init(&m->transformer, config, &why)) {
        fprintf(stderr, "%s\n", why.message);
        exit(1);
    }
    m->run = &m->transformer.net;
    m->value = m->transformer.scores;
}

static tdl_transformer_config tokens(tdl_tf_config core, tdl_head head)
{
    return (tdl_transformer_config){.core = core,
                                    .front = TDL_FRONT_TOKENS,
                                    .vocabulary = VOCABULARY,
                                    .head = head,
                                    .outputs = 3};
}

static tdl_tf_config encoder(void)
{
    tdl_tf_config core = small;

    core.post_norm = core.bias_qkv = core.bias_out = core.bias_ff = true;
    core.act = TDL_ACT_GELU_ERF;
    core.mask = TDL_MASK_BIDIRECTIONAL;
    core.norm_eps = 1e-12;
    return core;
}

static void bert(model *m)
{
    tdl_transformer_config c = tokens(encoder(), TDL_HEAD_TIED);

    c.types = TYPES;
    c.position = TDL_POSITION_LEARNED;
    c.embed_norm = c.head_bias = true;
    transform(m, &c);
}

static void bert_class(model *m)
{
    tdl_transformer_config c = tokens(encoder(), TDL_HEAD_CLASS);

    c.core.last_first_only = true;
    c.position = TDL_POSITION_LEARNED;
    transform(m, &c);
}

static void bert_mean(model *m)
{
    tdl_transformer_config c = tokens(encoder(), TDL_HEAD_NONE);

    c.pooled = true;
    c.pooling = TDL_POOL_MEAN;
    transform(m, &c);
}

static void gpt(model *m)
{
    tdl_transformer_config c = tokens(encoder(), TDL_HEAD_TIED);

    c.core.post_norm = false;
    c.core.mask = TDL_MASK_CAUSAL;
    c.core.act = TDL_ACT_GELU;
    c.position = TDL_POSITION_LEARNED;
    transform(m, &c);
}

static void llama_or_qwen(model *m, bool qk_norm)
{
    tdl_transformer_config c = tokens(small, TDL_HEAD_TOKENS);

    c.core.n_kv_head = 2;
    c.core.norm = TDL_NORM_RMS;
    c.core.act = TDL_ACT_SILU;
    c.core.glu = true;
    c.core.rope_base = 10000;
    c.core.qk_norm = qk_norm;
    transform(m, &c);
}

static void llama(model *m)
{
    llama_or_qwen(m, false);
}

static void qwen(model *m)
{
    llama_or_qwen(m, true);
}

static void sasrec(model *m)
{
    tdl_transformer_config c = tokens(small, TDL_HEAD_CLASS);

    c.core.act = TDL_ACT_RELU;
    c.core.drop_resid = c.drop_embed = 0.5;
    c.position = TDL_POSITION_LEARNED_FROM_END;
    c.embed_scale = 4;
    c.pooling = TDL_POOL_LAST;
    transform(m, &c);
}

static void hstu(model *m)
{
    tdl_transformer_config c = tokens(small, TDL_HEAD_TIED);

    c.core.norm = TDL_NORM_LAYER_PLAIN;
    c.core.d_ff = 0;
    c.core.act = TDL_ACT_SILU;
    c.core.out_gate = c.core.bias_out = c.core.position_bias = true;
    c.core.time_buckets = 16;
    c.core.score = TDL_SCORE_SILU;
    c.position = TDL_POSITION_LEARNED;
    c.embed_scale = 4;
    transform(m, &c);
}

/* Biases by distance both ways under softmax; in the last layer the first token alone asks. */
static void relative(model *m)
{
    tdl_transformer_config c = tokens(encoder(), TDL_HEAD_CLASS);

    c.core.position_bias = c.core.last_first_only = true;
    transform(m, &c);
}

static void vit(model *m)
{
    tdl_transformer_config c = {.core = encoder(),
                                .front = TDL_FRONT_IMAGE,
                                .image = {.channels = 2, .height = 4, .width = 6, .kernel = 2},
                                .head = TDL_HEAD_CLASS,
                                .outputs = 3};

    c.core.post_norm = false;
    transform(m, &c);
}

/* The same images through a convolution to 3 channels, then cut. */
static void vit_stem(model *m)
{
    tdl_transformer_config c = {.core = encoder(),
                                .front = TDL_FRONT_IMAGE,
                                .image = {.channels = 2, .height = 4, .width = 6, .kernel = 2},
                                .stem = {{.filters = 3, .kernel = 3, .stride = 1}},
                                .stem_n = 1,
                                .head = TDL_HEAD_CLASS,
                                .pooling = TDL_POOL_MEAN,
                                .outputs = 3};

    c.core.post_norm = false;
    transform(m, &c);
}

static void ft(model *m)
{
    tdl_transformer_config c = {.core = encoder(),
                                .front = TDL_FRONT_TABLE,
                                .numbers = 4,
                                .categories_n = 2,
                                .category_sizes = category_sizes,
                                .head = TDL_HEAD_VALUE,
                                .head_act = true,
                                .outputs = 2};

    c.core.post_norm = false;
    c.core.skip_first_attn_norm = c.core.glu_second = c.core.last_first_only = true;
    c.core.act = TDL_ACT_RELU;
    transform(m, &c);
}

/* ---- batches: the same for all, each model reads what it reads ---- */

typedef struct inputs {
    float x[ROWS * NUMBERS_MAX];
    int32_t id[TOKENS], type[TOKENS], category[ROWS * 2];
    int64_t time_s[TOKENS]; /* seconds to days apart */
} inputs;

static void draw(inputs *in)
{
    for (size_t i = 0; i < sizeof in->x / sizeof *in->x; i++)
        in->x[i] = (float)(i * 7919 % 2003) / 1001 - 1;
    for (int i = 0; i < TOKENS; i++) {
        in->id[i] = i * 5 % VOCABULARY;
        in->type[i] = i % TYPES;
        in->time_s[i] = (int64_t)i * i * i * i * 37 + i;
    }
    for (int i = 0; i < ROWS * 2; i++)
        in->category[i] = i % (int)category_sizes[i % 2];
}

/* ---- writing ---- */

static void feed(tdl_jw *w, const char *name, const char *type, size_t second)
{
    tdl_jw_key(w, name);
    tdl_jw_object(w);
    tdl_jw_ktext(w, "type", type);
    tdl_jw_key(w, "dims");
    tdl_jw_array(w);
    tdl_jw_int(w, ROWS);
    if (second)
        tdl_jw_int(w, (int64_t)second);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "data");
    tdl_jw_array(w);
}

static void end_feed(tdl_jw *w)
{
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

/* Padded with an id that means something: it must not matter. Of `id` or, when it is NULL, times.
 */
static void feed_tokens(tdl_jw *w, const char *name, const int32_t *id, const int64_t *time_s)
{
    feed(w, name, "int64", LONGEST);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = offsets[r]; i < offsets[r] + LONGEST; i++)
            tdl_jw_int(w, i >= offsets[r + 1] ? 1 : id ? id[i] : time_s[i]);
    end_feed(w);
}

static void feed_all(tdl_jw *w, const model *m, const inputs *in, size_t numbers)
{
    const tdl_transformer_config *c = &m->transformer.config;

    tdl_jw_key(w, "feeds");
    tdl_jw_object(w);
    if (numbers) {
        feed(w, "x", "float32", numbers);
        for (size_t i = 0; i < ROWS * numbers; i++)
            tdl_jw_number(w, (double)in->x[i]);
        end_feed(w);
    } else {
        feed_tokens(w, "ids", in->id, NULL);
        if (c->types)
            feed_tokens(w, "types", in->type, NULL);
        if (c->core.time_buckets)
            feed_tokens(w, "times", NULL, in->time_s);
        feed(w, "lengths", "int64", 0);
        for (size_t r = 0; r < ROWS; r++)
            tdl_jw_int(w, (int64_t)(offsets[r + 1] - offsets[r]));
        end_feed(w);
    }
    if (c->categories_n) {
        feed(w, "categories", "int64", c->categories_n);
        for (size_t i = 0; i < ROWS * c->categories_n; i++)
            tdl_jw_int(w, in->category[i]);
        end_feed(w);
    }
    tdl_jw_end_object(w);
}

static void write_output(tdl_jw *w, const model *m, const tdl_nn_batch *batch)
{
    const tdl_op_shapes *shapes = &m->run->node[m->value].shapes;
    const float *y = tdl_net_value(m->run, m->value);
    size_t n = tdl_net_rows(m->run, m->value, batch) * shapes->out_cols;

    tdl_jw_key(w, "rows");
    tdl_jw_array(w);
    for (size_t r = 0; r < ROWS; r++) {
        size_t begin, end;
        tdl_op_rows_of(batch, shapes->out_per_row, r, &begin, &end);
        tdl_jw_int(w, (int64_t)(end - begin));
    }
    tdl_jw_end_array(w);
    tdl_jw_key(w, "y");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++)
        tdl_jw_number(w, (double)y[i]);
    tdl_jw_end_array(w);
}

static tdl_status write_json(model *m, size_t numbers, const char *path, tdl_report *why)
{
    static inputs in;
    const tdl_run run = {0};
    tdl_nn_batch batch = {.rows = ROWS,
                          .offsets = numbers ? NULL : offsets,
                          .id = {in.id, in.type},
                          .time_s = in.time_s,
                          .x = in.x,
                          .category = in.category};
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_status st;

    draw(&in);
    if ((st = tdl_net_forward(m->run, &batch, &run, why)))
        return st;
    tdl_jw_object(&w);
    feed_all(&w, m, &in, numbers);
    write_output(&w, m, &batch);
    tdl_jw_end_object(&w);
    st = tdl_file_write(path, tdl_buf_view(&text), why);
    tdl_buf_release(&text);
    return st;
}

/* Larger than models start with, so that every part has its say. */
static void fill(tdl_params *params)
{
    for (int i = 0; i < params->slices_n; i++)
        tdl_init_slice(params, i, TDL_INIT_GAUSSIAN, 0.3, 7);
}

static tdl_status write_model(model *m, const char *folder, const char *name, size_t numbers,
                              tdl_report *why)
{
    const tdl_plan_options plan = {.rows = ROWS, .tokens = TOKENS};
    char path[4096];
    tdl_status st;

    if (m->run == &m->net && (st = tdl_params_seal(&m->params, why)))
        return st;
    fill(m->run->params);
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    if ((st = tdl_export_onnx(m->run, m->value, path, why)))
        return st;
    tdl_net_keep(m->run, m->value);
    if ((st = tdl_net_plan(m->run, &plan, why)))
        return st;
    snprintf(path, sizeof path, "%s/%s.json", folder, name);
    return write_json(m, numbers, path, why);
}

/* ---- a learner that is no network ---- */

enum { LINEAR_ROWS = 24, LINEAR_COLS = 3, LINEAR_CLASSES = 3 };

static tdl_status write_linear_json(const tdl_matrix *x, const double *y, const char *path,
                                    tdl_report *why)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_status st;

    tdl_jw_object(&w);
    tdl_jw_key(&w, "feeds");
    tdl_jw_object(&w);
    tdl_jw_key(&w, "x");
    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "type", "float32");
    tdl_jw_key(&w, "dims");
    tdl_jw_array(&w);
    tdl_jw_int(&w, (int64_t)x->rows);
    tdl_jw_int(&w, (int64_t)x->cols);
    tdl_jw_end_array(&w);
    tdl_jw_key(&w, "data");
    tdl_jw_array(&w);
    for (size_t i = 0; i < x->rows * x->cols; i++)
        tdl_jw_number(&w, (double)x->x[i]);
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    tdl_jw_end_object(&w);
    tdl_jw_key(&w, "rows");
    tdl_jw_array(&w);
    for (size_t i = 0; i < x->rows; i++)
        tdl_jw_int(&w, 1);
    tdl_jw_end_array(&w);
    tdl_jw_key(&w, "y");
    tdl_jw_array(&w);
    for (size_t i = 0; i < x->rows * LINEAR_CLASSES; i++)
        tdl_jw_number(&w, y[i]);
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    st = tdl_file_write(path, tdl_buf_view(&text), why);
    tdl_buf_release(&text);
    return st;
}

/* Logistic regression of three classes. */
static tdl_status write_linear(const char *folder, tdl_report *why)
{
    float number[LINEAR_ROWS * LINEAR_COLS], y[LINEAR_ROWS];
    double score[LINEAR_ROWS * LINEAR_CLASSES];
    const tdl_feature feature[LINEAR_COLS] = {{"a", 0}, {"b", 1}, {"c", 2}};
    const tdl_matrix x = {
        .rows = LINEAR_ROWS, .cols = LINEAR_COLS, .x = number, .feature = feature};
    const tdl_problem problem = {
        .task = TDL_TASK_CLASSES, .classes_n = LINEAR_CLASSES, .x = &x, .y = y};
    tdl_rng rng = tdl_rng_make(5, 0);
    tdl_learner *learner = NULL;
    char path[4096];
    tdl_status st;

    for (size_t r = 0; r < LINEAR_ROWS; r++) {
        for (size_t j = 0; j < LINEAR_COLS; j++)
            number[r * LINEAR_COLS + j] = (float)tdl_rng_normal(&rng);
        y[r] = (float)(r % LINEAR_CLASSES);
        number[r * LINEAR_COLS] += y[r];
    }
    if ((st = tdl_learner_fit(tdl_learner_find(TDL_STR("logistic")), &problem, NULL, &learner, NULL,
                              why)))
        return st;
    snprintf(path, sizeof path, "%s/logistic.onnx", folder);
    if (!(st = tdl_learner_score(learner, &x, NULL, score, why)) &&
        !(st = tdl_learner_export_onnx(learner, path, why))) {
        snprintf(path, sizeof path, "%s/logistic.json", folder);
        st = write_linear_json(&x, score, path, why);
    }
    tdl_learner_free(learner);
    return st;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*build)(model *);
        size_t numbers; /* columns of x; 0: reads tokens */
    } models[] = {{"mlp", mlp, 5},
                  {"rows", rows, 6},
                  {"cnn", cnn, 128},
                  {"filter", filter, 24},
                  {"bert", bert, 0},
                  {"bert-class", bert_class, 0},
                  {"bert-mean", bert_mean, 0},
                  {"gpt", gpt, 0},
                  {"llama", llama, 0},
                  {"qwen", qwen, 0},
                  {"sasrec", sasrec, 0},
                  {"hstu", hstu, 0},
                  {"relative", relative, 0},
                  {"vit", vit, 48},
                  {"vit-stem", vit_stem, 48},
                  {"ft", ft, 4}};
    int failed = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        tdl_report why = {0};
        model m = {.run = NULL};

        m.run = &m.net;
        m.net.params = &m.params;
        models[i].build(&m);
        if (write_model(&m, argv[1], models[i].name, models[i].numbers, &why)) {
            fprintf(stderr, "%s: %s\n", models[i].name, why.message);
            failed = 1;
        }
        tdl_net_release(&m.net);
        tdl_params_release(&m.params);
        if (m.run == &m.transformer.net)
            tdl_transformer_release(&m.transformer);
    }
    tdl_report why = {0};
    if (write_linear(argv[1], &why)) {
        fprintf(stderr, "logistic: %s\n", why.message);
        failed = 1;
    }
    return failed;
}
