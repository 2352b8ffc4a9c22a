/* mlp: a network of hidden ReLU layers over prepared columns.
 *
 *     h0 = x, embedded categories    h_i = dropout(relu(h_{i-1} W_i + b_i))    scores = h_n W + b
 *
 * Numbers come standardised and, beside that, in piecewise-linear bins, which are worth more to a
 * network than anything that was done to its layers (Gorishniy et al., NeurIPS 2022); an ensemble
 * of three is the mean of their scores. With the setting `periodic` numbers also come as waves of
 * learnt frequency, each through one ReLU layer that all numbers share.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "learn/network.h"
#include "nn/init.h"
#include "nn/layers.h"

enum { LAYERS_MAX = 8, FEW_ROWS = 3000, PERIODIC_WIDTH = 16 };
/* Weights start uniform within 1 / sqrt(inputs), as PyTorch has it: He would be sqrt(6) times that,
 * which small tables do not bear (HMDA: AUC .813 instead of .817). */
static const double START_GAIN = 0.40824829;

typedef struct mlp {
    tdl_params params;
    tdl_net net;
    size_t layers;
    int table, table_bias;            /* slices; TDL_NONE = no categories */
    int frequencies, wave, wave_bias; /* likewise; TDL_NONE = no waves */
    double sigma;
    int w[LAYERS_MAX + 1], b[LAYERS_MAX + 1]; /* slices, the head's last */
} mlp;

static void release(void *model)
{
    mlp *m = model;

    tdl_net_release(&m->net);
    tdl_params_release(&m->params);
    free(m);
}

static void start(void *model, uint64_t seed)
{
    mlp *m = model;

    if (m->table != TDL_NONE)
        tdl_init_slice(&m->params, m->table, TDL_INIT_GAUSSIAN, 0.3, seed);
    if (m->frequencies != TDL_NONE) {
        tdl_init_slice(&m->params, m->frequencies, TDL_INIT_GAUSSIAN, m->sigma, seed);
        tdl_init_slice(&m->params, m->wave, TDL_INIT_HE, START_GAIN, seed);
    }
    for (size_t i = 0; i <= m->layers; i++)
        tdl_init_slice(&m->params, m->w[i], TDL_INIT_HE, START_GAIN, seed);
}

static size_t levels_of(const tdl_network_shape *shape)
{
    size_t sum = 0;

    for (size_t i = 0; i < shape->categories_n; i++)
        sum += shape->levels_n[i];
    return sum;
}

static size_t inputs_of(const tdl_network_shape *shape, size_t embed)
{
    return shape->cols + shape->categories_n * embed + shape->numbers_n * PERIODIC_WIDTH;
}

static double weights(const tdl_network_shape *shape, const tdl_network_setting *setting)
{
    double layers = setting->of[TDL_NETWORK_LAYERS], width = setting->of[TDL_NETWORK_WIDTH];
    double embed = setting->of[TDL_NETWORK_EMBED];

    return embed * (double)levels_of(shape) +
           (double)shape->numbers_n * setting->of[TDL_NETWORK_PERIODIC] +
           (double)inputs_of(shape, (size_t)embed) * width + (layers - 1) * width * width +
           width * (double)shape->outputs;
}

static void declare_waves(mlp *m, const tdl_network_shape *shape, size_t frequencies)
{
    m->frequencies = m->wave = m->wave_bias = TDL_NONE;
    if (!shape->numbers_n)
        return;
    m->frequencies = tdl_params_add(&m->params, "periodic", shape->numbers_n, frequencies, false);
    m->wave = tdl_params_add(&m->params, "periodic.w", 2 * frequencies, PERIODIC_WIDTH, true);
    m->wave_bias = tdl_params_add(&m->params, "periodic.b", 1, PERIODIC_WIDTH, false);
}

static void declare(mlp *m, const tdl_network_shape *shape, size_t width, size_t embed)
{
    size_t in = inputs_of(shape, embed);
    bool embeds = shape->categories_n > 0;
    char name[TDL_PARAM_NAME_MAX];

    m->table =
        embeds ? tdl_params_add(&m->params, "table", levels_of(shape), embed, true) : TDL_NONE;
    m->table_bias =
        embeds ? tdl_params_add(&m->params, "table.bias", shape->categories_n, embed, false)
               : TDL_NONE;
    for (size_t i = 0; i <= m->layers; i++) {
        size_t out = i < m->layers ? width : shape->outputs;

        snprintf(name, sizeof name, "w%zu", i + 1);
        m->w[i] = tdl_params_add(&m->params, name, in, out, true);
        snprintf(name, sizeof name, "b%zu", i + 1);
        m->b[i] = tdl_params_add(&m->params, name, 1, out, false);
        in = out;
    }
}

/* Numbers, then the vectors of categories. */
static int build_input(mlp *m, const tdl_network_shape *shape, size_t embed, int *ret_attribute)
{
    int x = shape->cols ? tdl_net_input(&m->net, shape->cols) : TDL_NONE;

    *ret_attribute = x;
    if (m->table == TDL_NONE)
        return x;
    const tdl_feature_config features = {.categories = shape->categories_n,
                                         .category_sizes = shape->levels_n};
    int e = tdl_net_feature_tokens(&m->net, &features, TDL_NONE, TDL_NONE, m->table_bias, m->table);
    *ret_attribute = e;
    e = tdl_net_reshape(&m->net, e, shape->categories_n * embed);
    if (x != TDL_NONE)
        *ret_attribute = e = tdl_net_concat(&m->net, x, e, TDL_NONE, TDL_NONE);
    return e;
}

/* Beside it, the waves of its numbers. */
static int build_waves(mlp *m, const tdl_network_shape *shape, int h)
{
    if (m->frequencies == TDL_NONE)
        return h;
    int wave = tdl_net_periodic(&m->net, h, shape->number, shape->numbers_n, m->frequencies);
    wave = tdl_net_linear(&m->net, wave, m->wave, m->wave_bias, TDL_ACT_RELU);
    wave = tdl_net_reshape(&m->net, wave, shape->numbers_n * PERIODIC_WIDTH);
    return tdl_net_concat(&m->net, h, wave, TDL_NONE, TDL_NONE);
}

static tdl_status open(const tdl_network_shape *shape, const tdl_network_setting *setting,
                       tdl_tower *ret, tdl_report *why)
{
    size_t embed = (size_t)setting->of[TDL_NETWORK_EMBED];
    double drop = setting->of[TDL_NETWORK_DROPOUT];
    mlp *m = calloc(1, sizeof *m);
    tdl_status st;

    if (!m)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a network");
    m->layers = (size_t)setting->of[TDL_NETWORK_LAYERS];
    m->sigma = setting->of[TDL_NETWORK_SIGMA];
    declare_waves(m, shape, (size_t)setting->of[TDL_NETWORK_PERIODIC]);
    declare(m, shape, (size_t)setting->of[TDL_NETWORK_WIDTH], embed);
    if ((st = tdl_params_seal(&m->params, why))) {
        release(m);
        return st;
    }
    *ret = (tdl_tower){.model = m,
                       .params = &m->params,
                       .net = &m->net,
                       .number_width = 1,
                       .category_width = embed,
                       .head_bias = m->b[m->layers],
                       .start = start,
                       .free = release};
    m->net.params = &m->params;
    int h = build_waves(m, shape, build_input(m, shape, embed, &ret->attribute));
    for (size_t i = 0; i < m->layers; i++) {
        h = tdl_net_linear(&m->net, h, m->w[i], m->b[i], TDL_ACT_RELU);
        if (drop > 0)
            h = tdl_net_dropout(&m->net, h, drop);
    }
    ret->scores = tdl_net_linear(&m->net, h, m->w[m->layers], m->b[m->layers], TDL_ACT_NONE);
    return TDL_OK;
}

static const tdl_network_kind kind = {
    .range =
        {
            [TDL_NETWORK_MEMBERS] = {"members", 3, 1, TDL_NETWORK_MEMBERS_MAX, true},
            [TDL_NETWORK_LAYERS] = {"layers", 2, 1, LAYERS_MAX, true},
            [TDL_NETWORK_WIDTH] = {"width", 128, 1, 4096, true},
            [TDL_NETWORK_DROPOUT] = {"dropout", 0.3, 0, 0.9, false},
            [TDL_NETWORK_EMBED] = {"embed", 8, 1, 256, true},
            [TDL_NETWORK_RATE] = {"rate", 2e-3, 1e-6, 1, false},
            [TDL_NETWORK_DECAY] = {"decay", 1, 0, 100, false},
            [TDL_NETWORK_BATCH] = {"batch", 256, 1, 8192, true},
            [TDL_NETWORK_EPOCHS] = {"epochs", 200, 1, 100000, true},
            [TDL_NETWORK_PATIENCE] = {"patience", 6, 0, 100000, true},
            [TDL_NETWORK_VALIDATION] = {"validation", 0.15, 0, 0.9, false},
            [TDL_NETWORK_PERIODIC] = {"periodic", 0, 0, 64, true},
            [TDL_NETWORK_SIGMA] = {"sigma", 0.3, 0.01, 10, false},
        },
    .open = open,
    .weights = weights,
};

static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    bool any = problem->x ? problem->x->cols || problem->x->categories_n : columns > 0;

    if (any && rows >= 20)
        return true;
    tdl_report_set(why, TDL_E_INVALID, "", "mlp: %zu rows of %zu columns are too few", rows,
                   columns);
    return false;
}

static json_t *settings(const tdl_problem *problem)
{
    static const char *const text[] = {
        "{}",
        "{\"width\": 256, \"dropout\": 0.4}",
        "{\"dropout\": 0.1}",
    };

    TDL_UNUSED(problem);
    return tdl_network_settings(text, sizeof text / sizeof text[0]);
}

/* Few rows bear fewer units, and more of them dropped, where the setting does not say otherwise
 * (HMDA, 1,904 rows: AUC .817 with 128 units, .8236 so). */
static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    json_t *own = setting ? json_copy((json_t *)setting) : json_object();
    tdl_status st;

    if (problem->x->rows < FEW_ROWS && !json_object_get(own, "width"))
        json_object_set_new(own, "width", json_integer(64));
    if (problem->x->rows < FEW_ROWS && !json_object_get(own, "dropout"))
        json_object_set_new(own, "dropout", json_real(0.5));
    st = tdl_network_fit(&kind, problem, own, ret, ret_note, why);
    json_decref(own);
    return st;
}

static tdl_status load(const json_t *about, const tdl_st_file *file, const char *prefix,
                       const tdl_matrix *x, tdl_learner **ret, tdl_report *why)
{
    return tdl_network_load(&kind, about, file, prefix, x, ret, why);
}

const tdl_learner_ops tdl_learner_mlp = {
    .name = "mlp",
    .prepare = {.indicator = true,
                .normalise = TDL_NORMALISE_QUANTILE,
                .bins = 16,
                .encode = TDL_ENCODE_ONE_HOT,
                .one_hot_max = 32,
                .beyond = TDL_ENCODE_EMBED,
                .dates = true,
                .pairs = true,
                .text_buckets = 256},
    .rank = 50,
    .work_ns = 500000,
    .suits = suits,
    .settings = settings,
    .fit = fit,
    .free = tdl_network_free,
    .score = tdl_network_score,
    .attribute = tdl_network_attribute,
    .attribute_name = "integrated_gradients",
    .save = tdl_network_save,
    .load = load,
};
