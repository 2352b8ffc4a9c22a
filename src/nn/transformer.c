#include "nn/transformer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/image.h"
#include "nn/init.h"
#include "nn/layers.h"

enum { COLUMNS_WIDTH = 32 };

/* ---- declaring ---- */

static int add(tdl_transformer *m, const char *name, size_t rows, size_t cols, bool wanted)
{
    return wanted ? tdl_params_add(&m->params, name, rows, cols, rows > 1) : TDL_NONE;
}

static size_t category_rows(const tdl_transformer_config *c)
{
    size_t rows = 0;

    for (size_t i = 0; i < c->categories_n; i++)
        rows += c->category_sizes[i];
    return rows;
}

static size_t window_size(const tdl_image_config *window)
{
    return window->channels * window->kernel * window->kernel;
}

static void declare_patches(tdl_transformer *m)
{
    const tdl_transformer_config *c = &m->config;
    const tdl_image_config *cut = &m->window[c->stem_n];
    bool image = c->front == TDL_FRONT_IMAGE;

    for (size_t i = 0; image && i < c->stem_n; i++) {
        char name[TDL_PARAM_NAME_MAX];

        snprintf(name, sizeof name, "stem.%zu.weight", i);
        m->stem_weight[i] = add(m, name, window_size(&m->window[i]), c->stem[i].filters, true);
        snprintf(name, sizeof name, "stem.%zu.bias", i);
        m->stem_bias[i] = add(m, name, 1, c->stem[i].filters, true);
    }
    m->patch_weight = add(m, "patch.weight", window_size(cut), c->core.d_model, image);
    m->patch_bias = add(m, "patch.bias", 1, c->core.d_model, image);
}

static size_t patches_of(const tdl_transformer *m)
{
    const tdl_image_config *cut = &m->window[m->config.stem_n];

    return tdl_image_side(cut, cut->height) * tdl_image_side(cut, cut->width);
}

static void declare_front(tdl_transformer *m)
{
    const tdl_transformer_config *c = &m->config;
    size_t d = c->core.d_model;
    bool tokens = c->front == TDL_FRONT_TOKENS, table = c->front == TDL_FRONT_TABLE;
    bool image = c->front == TDL_FRONT_IMAGE;
    size_t positions = image ? patches_of(m) + 1 : c->core.max_len;
    bool learned = image || (tokens && c->position != TDL_POSITION_NONE);

    m->token_table = add(m, "token.table", c->vocabulary, d, tokens);
    m->type_table = add(m, "type.table", c->types, d, tokens && c->types);
    m->number_weight = add(m, "number.weight", c->numbers, d, table && c->numbers);
    m->category_table = add(m, "category.table", category_rows(c), d, table && c->categories_n);
    m->field_bias = add(m, "field.bias", c->numbers + c->categories_n, d, table);
    declare_patches(m);
    m->cls = add(m, "cls", 1, d, table || image);
    m->position_table = add(m, "position.table", positions, d, learned);
    m->embed_gain = add(m, "embed_norm.gain", 1, d, tokens && c->embed_norm);
    m->embed_bias = add(m, "embed_norm.bias", 1, d, tokens && c->embed_norm);
}

static bool is_pooled(const tdl_transformer_config *c)
{
    return c->head == TDL_HEAD_CLASS || c->head == TDL_HEAD_VALUE ||
           (c->head == TDL_HEAD_NONE && c->pooled);
}

static void declare_head(tdl_transformer *m)
{
    const tdl_transformer_config *c = &m->config;
    bool tokens = c->head == TDL_HEAD_TIED || c->head == TDL_HEAD_TOKENS;
    bool pooled = c->head == TDL_HEAD_CLASS || c->head == TDL_HEAD_VALUE;
    size_t cols = tokens ? c->vocabulary : c->outputs;

    m->column_weight = add(m, "columns.weight", c->columns, COLUMNS_WIDTH, c->columns > 0);
    m->column_bias = add(m, "columns.bias", 1, COLUMNS_WIDTH, c->columns > 0);
    m->join_weight =
        add(m, "join.weight", c->core.d_model + COLUMNS_WIDTH, c->core.d_model, c->columns > 0);
    m->join_bias = add(m, "join.bias", 1, c->core.d_model, c->columns > 0);
    m->head_weight =
        add(m, "head.weight", c->core.d_model, cols, pooled || c->head == TDL_HEAD_TOKENS);
    m->head_bias = add(m, "head.bias", 1, cols, c->head_bias && (pooled || tokens));
}

/* ---- checking ---- */

/* Convolution i of the stem, over the image that w holds: its windows, then what it leaves. */
static tdl_status place_conv(tdl_transformer *m, size_t i, tdl_image_config *w, tdl_report *why)
{
    const tdl_stem_conv *conv = &m->config.stem[i];

    w->kernel = conv->kernel;
    w->stride = conv->stride;
    w->padding = conv->kernel / 2;
    m->window[i] = *w;
    w->height = tdl_image_side(&m->window[i], w->height);
    w->width = tdl_image_side(&m->window[i], w->width);
    w->channels = conv->filters;
    if (!conv->filters || !conv->kernel || !w->height || !w->width)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "stem %zu: %zu filters, kernel %zu, stride %zu over %zu x %zu pixels", i,
                        conv->filters, conv->kernel, conv->stride, m->window[i].height,
                        m->window[i].width);
    return TDL_OK;
}

static tdl_status place_windows(tdl_transformer *m, tdl_report *why)
{
    const tdl_transformer_config *c = &m->config;
    tdl_image_config w = c->image;
    size_t patch = c->image.kernel;
    tdl_status st;

    if (c->stem_n > TDL_STEM_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "a stem of %zu convolutions, at most %d", c->stem_n,
                        TDL_STEM_MAX);
    for (size_t i = 0; i < c->stem_n; i++)
        if ((st = place_conv(m, i, &w, why)))
            return st;
    if (!w.channels || !patch || !w.height || w.height % patch || !w.width || w.width % patch)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "images of %zu x %zu, %zu channels, do not fall into patches of %zu",
                        w.height, w.width, w.channels, patch);
    w.kernel = w.stride = patch;
    w.padding = 0;
    m->window[c->stem_n] = w;
    return TDL_OK;
}

static tdl_status check_front(tdl_transformer *m, tdl_report *why)
{
    const tdl_transformer_config *c = &m->config;

    if (c->stem_n && c->front != TDL_FRONT_IMAGE)
        return TDL_FAIL(why, TDL_E_INVALID, "a stem of convolutions without images");
    switch (c->front) {
    case TDL_FRONT_TOKENS:
        if (!c->vocabulary)
            return TDL_FAIL(why, TDL_E_INVALID, "vocabulary 0");
        if (c->position != TDL_POSITION_NONE && !c->core.max_len)
            return TDL_FAIL(why, TDL_E_INVALID, "learned positions without max_len");
        return TDL_OK;
    case TDL_FRONT_TABLE:
        if (!c->numbers && !c->categories_n)
            return TDL_FAIL(why, TDL_E_INVALID, "a table of no columns");
        if (c->categories_n > TDL_CATEGORIES_MAX)
            return TDL_FAIL(why, TDL_E_INVALID, "%zu columns of categories, at most %d",
                            c->categories_n, TDL_CATEGORIES_MAX);
        return TDL_OK;
    case TDL_FRONT_IMAGE:
        return place_windows(m, why);
    }
    return TDL_FAIL(why, TDL_E_INVALID, "front end %d", (int)c->front);
}

static tdl_status check_head(const tdl_transformer_config *c, tdl_report *why)
{
    bool tokens =
        c->head == TDL_HEAD_TIED || c->head == TDL_HEAD_TOKENS || c->head == TDL_HEAD_SAMPLED;

    if (tokens && c->front != TDL_FRONT_TOKENS)
        return TDL_FAIL(why, TDL_E_INVALID, "a head over tokens without tokens");
    if ((c->head == TDL_HEAD_CLASS || c->head == TDL_HEAD_VALUE) && !c->outputs)
        return TDL_FAIL(why, TDL_E_INVALID, "a head of no outputs");
    if (c->columns && (c->front != TDL_FRONT_IMAGE || !is_pooled(c)))
        return TDL_FAIL(why, TDL_E_INVALID, "columns beside what is no image with one answer");
    if (!(c->drop_embed >= 0 && c->drop_embed < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "drop_embed %g is not in [0, 1)", c->drop_embed);
    return TDL_OK;
}

/* ---- building ---- */

/* One row a patch. */
static int build_patches(tdl_transformer *m)
{
    const tdl_transformer_config *c = &m->config;
    const tdl_image_config *w = m->window;
    tdl_net *net = &m->net;
    size_t pixels = c->image.channels * c->image.height * c->image.width;
    int x = tdl_net_input(net, pixels + c->columns);

    m->input = x;
    if (c->columns)
        x = tdl_net_cut(net, x, 0, pixels);

    if (!c->stem_n) {
        x = tdl_net_patchify(net, x, w);
        return tdl_net_linear(net, x, m->patch_weight, m->patch_bias, TDL_ACT_NONE);
    }
    x = tdl_net_image_input(net, x, w);
    for (size_t i = 0; i < c->stem_n; i++, w++)
        x = tdl_net_conv2d(net, x, w, m->stem_weight[i], m->stem_bias[i], c->core.act);
    return tdl_net_conv2d(net, x, w, m->patch_weight, m->patch_bias, TDL_ACT_NONE);
}

static int build_front(tdl_transformer *m)
{
    const tdl_transformer_config *c = &m->config;
    tdl_net *net = &m->net;
    int x;

    switch (c->front) {
    case TDL_FRONT_TOKENS:
        x = tdl_net_embed(net,
                          &(tdl_embed_tables){.table = {m->token_table, m->type_table, TDL_NONE},
                                              .positions = m->position_table,
                                              .position = c->position,
                                              .scale = c->embed_scale});
        if (c->embed_norm)
            x = tdl_net_norm(net, x, c->core.norm, m->embed_gain, m->embed_bias,
                             m->core.config.norm_eps);
        break;
    case TDL_FRONT_TABLE:
        x = tdl_net_feature_tokens(net,
                                   &(tdl_feature_config){.numbers = c->numbers,
                                                         .categories = c->categories_n,
                                                         .category_sizes = c->category_sizes},
                                   m->cls, m->number_weight, m->field_bias, m->category_table);
        break;
    default:
        x = tdl_net_prepend(net, build_patches(m), m->cls, m->position_table);
        break;
    }
    return c->drop_embed > 0 ? tdl_net_dropout(net, x, c->drop_embed) : x;
}

static void build_head(tdl_transformer *m)
{
    const tdl_transformer_config *c = &m->config;
    tdl_net *net = &m->net;
    int h = m->hidden;

    switch (c->head) {
    case TDL_HEAD_NONE:
        m->scores = h;
        return;
    case TDL_HEAD_TIED:
        m->scores = tdl_net_dot_score(net, h, m->token_table, m->head_bias);
        tdl_net_softmax_ce(net, m->scores, &c->loss);
        return;
    case TDL_HEAD_TOKENS:
        m->scores = tdl_net_linear(net, h, m->head_weight, m->head_bias, TDL_ACT_NONE);
        tdl_net_softmax_ce(net, m->scores, &c->loss);
        return;
    case TDL_HEAD_SAMPLED:
        m->scores = h;
        tdl_net_sampled_softmax(net, h, m->token_table, &c->loss);
        return;
    case TDL_HEAD_CLASS:
    case TDL_HEAD_VALUE:
        if (c->head_act)
            h = tdl_net_act(net, h, c->core.act);
        m->scores = tdl_net_linear(net, h, m->head_weight, m->head_bias, TDL_ACT_NONE);
        if (c->head == TDL_HEAD_CLASS)
            tdl_net_softmax_ce(net, m->scores, &c->loss);
        else
            tdl_net_mse(net, m->scores, &c->loss);
        return;
    }
}

static void join_columns(tdl_transformer *m)
{
    const tdl_image_config *image = &m->config.image;
    size_t pixels = image->channels * image->height * image->width;
    int columns = tdl_net_cut(&m->net, m->input, pixels, m->config.columns);

    columns = tdl_net_linear(&m->net, columns, m->column_weight, m->column_bias, TDL_ACT_RELU);
    m->hidden = tdl_net_concat(&m->net, m->hidden, columns, TDL_NONE, TDL_NONE);
    m->hidden = tdl_net_linear(&m->net, m->hidden, m->join_weight, m->join_bias, TDL_ACT_RELU);
}

static void build(tdl_transformer *m)
{
    m->net.params = &m->params;
    m->embedded = build_front(m);
    m->hidden = tdl_tf_build(&m->core, &m->net, m->embedded);
    if (is_pooled(&m->config) && !m->config.core.last_first_only)
        m->hidden = tdl_net_pool(&m->net, m->hidden, m->config.pooling);
    if (m->config.columns)
        join_columns(m);
    build_head(m);
}

static tdl_status copy_categories(tdl_transformer *m, tdl_report *why)
{
    size_t n = m->config.categories_n;

    m->category_sizes = calloc(n + 1, sizeof *m->category_sizes);
    if (!m->category_sizes)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a transformer");
    if (n)
        memcpy(m->category_sizes, m->config.category_sizes, n * sizeof *m->category_sizes);
    m->config.category_sizes = m->category_sizes;
    return TDL_OK;
}

tdl_status tdl_transformer_init(tdl_transformer *model, const tdl_transformer_config *config,
                                tdl_report *why)
{
    tdl_status st;

    *model = (tdl_transformer){.config = *config};
    if ((st = check_front(model, why)) || (st = check_head(config, why)))
        return st;
    if ((st = copy_categories(model, why)))
        return st;
    declare_front(model);
    if ((st = tdl_tf_declare(&model->core, &config->core, &model->params, why)))
        goto out;
    declare_head(model);
    if ((st = tdl_lora_declare(&model->params, config->lora, why)) ||
        (st = tdl_params_seal(&model->params, why)))
        goto out;
    build(model);
    st = tdl_lora_check(&model->net, why);
out:
    model->config.lora = NULL;
    if (st)
        tdl_transformer_release(model);
    return st;
}

/* ---- starting values ---- */

void tdl_transformer_start(tdl_transformer *model, uint64_t seed)
{
    const int drawn[] = {model->token_table,    model->type_table,  model->number_weight,
                         model->category_table, model->field_bias,  model->cls,
                         model->patch_weight,   model->head_weight, model->position_table};
    double std = model->core.config.init_std;

    for (size_t i = 0; i < sizeof drawn / sizeof drawn[0]; i++)
        if (drawn[i] != TDL_NONE)
            tdl_init_slice(&model->params, drawn[i], TDL_INIT_GAUSSIAN, std, seed);
    for (size_t i = 0; model->embed_gain != TDL_NONE && i < model->config.core.d_model; i++)
        tdl_params_value(&model->params, model->embed_gain)[i] = 1;
    for (size_t i = 0; i < model->config.stem_n; i++)
        tdl_init_slice(&model->params, model->stem_weight[i], TDL_INIT_HE, 1, seed);
    if (model->config.columns) {
        tdl_init_slice(&model->params, model->column_weight, TDL_INIT_HE, 1, seed);
        tdl_init_slice(&model->params, model->join_weight, TDL_INIT_HE, 1, seed);
    }
    tdl_tf_start(&model->core, &model->params, seed);
    tdl_lora_start(&model->params, seed);
}

void tdl_transformer_release(tdl_transformer *model)
{
    tdl_net_release(&model->net);
    tdl_tf_release(&model->core);
    tdl_params_release(&model->params);
    free(model->category_sizes);
    *model = (tdl_transformer){0};
}
