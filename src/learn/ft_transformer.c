/* ft_transformer: each column of a table is a token, and a transformer reads them (Gorishniy et
 * al., NeurIPS 2021). Pre-norm, without the first norm; ReGLU; one score row from the class token.
 */
#include <stdlib.h>

#include "learn/network.h"
#include "nn/transformer.h"

enum { ROWS_MIN = 5000 }; /* fewer are not worth its time */

static void release(void *model)
{
    tdl_transformer_release(model);
    free(model);
}

static void start(void *model, uint64_t seed)
{
    tdl_transformer_start(model, seed);
}

static size_t d_of(const tdl_network_setting *setting)
{
    return (size_t)setting->of[TDL_NETWORK_WIDTH];
}

static tdl_status open(const tdl_network_shape *shape, const tdl_network_setting *setting,
                       tdl_tower *ret, tdl_report *why)
{
    size_t d = d_of(setting);
    const tdl_transformer_config config = {
        .core = {.n_layer = (size_t)setting->of[TDL_NETWORK_LAYERS],
                 .d_model = d,
                 .n_head = (size_t)setting->of[TDL_NETWORK_HEADS],
                 .d_ff = d + d / 3,
                 .skip_first_attn_norm = true,
                 .act = TDL_ACT_RELU,
                 .glu_second = true,
                 .bias_qkv = true,
                 .bias_out = true,
                 .bias_ff = true,
                 .mask = TDL_MASK_BIDIRECTIONAL,
                 .drop_attn = setting->of[TDL_NETWORK_DROPOUT],
                 .last_first_only = true,
                 .init_std = 0.1}, // 0.02 is for models ten times as wide
        .front = TDL_FRONT_TABLE,
        .numbers = shape->cols,
        .categories_n = shape->categories_n,
        .category_sizes = shape->levels_n,
        .head = TDL_HEAD_VALUE,
        .head_bias = true,
        .head_act = true,
        .outputs = shape->outputs};
    tdl_transformer *m = NULL;
    tdl_status st;

    if (d % config.core.n_head)
        return TDL_FAIL(why, TDL_E_INVALID, "setting width: %zu do not fall into %zu heads", d,
                        config.core.n_head);
    m = calloc(1, sizeof *m);
    if (!m)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a network");
    if ((st = tdl_transformer_init(m, &config, why))) {
        free(m);
        return st;
    }
    m->net.nodes_n = m->scores + 1; // the loss is the task's
    *ret = (tdl_tower){.model = m,
                       .params = &m->params,
                       .net = &m->net,
                       .scores = m->scores,
                       .attribute = m->embedded,
                       .attribute_skip = d, // the class token
                       .number_width = d,
                       .category_width = d,
                       .head_bias = m->head_bias,
                       .start = start,
                       .free = release};
    return TDL_OK;
}

static double weights(const tdl_network_shape *shape, const tdl_network_setting *setting)
{
    double d = (double)d_of(setting), columns = (double)(shape->cols + shape->categories_n);

    return 2 * d * columns + setting->of[TDL_NETWORK_LAYERS] * 8 * d * d;
}

static const tdl_network_kind kind = {
    .range =
        {
            [TDL_NETWORK_MEMBERS] = {"members", 1, 1, TDL_NETWORK_MEMBERS_MAX, true},
            [TDL_NETWORK_LAYERS] = {"layers", 2, 1, 6, true},
            [TDL_NETWORK_WIDTH] = {"width", 64, 8, 512, true},
            [TDL_NETWORK_DROPOUT] = {"dropout", 0.1, 0, 0.9, false},
            [TDL_NETWORK_HEADS] = {"heads", 4, 1, 16, true},
            [TDL_NETWORK_RATE] = {"rate", 1e-3, 1e-6, 1, false},
            [TDL_NETWORK_DECAY] = {"decay", 1e-2, 0, 10, false},
            [TDL_NETWORK_BATCH] = {"batch", 256, 1, 8192, true},
            [TDL_NETWORK_EPOCHS] = {"epochs", 60, 1, 100000, true},
            [TDL_NETWORK_PATIENCE] = {"patience", 6, 0, 100000, true},
            [TDL_NETWORK_VALIDATION] = {"validation", 0.15, 0, 0.9, false},
        },
    .open = open,
    .weights = weights,
};

/* A contest asks before there is a matrix, and gets no for a small table; who asks for this learner
 * by its name may have it. */
static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    size_t categories = problem->x ? problem->x->categories_n : 0;

    if (columns + categories > 0 && categories <= TDL_CATEGORIES_MAX &&
        rows >= (problem->x ? 20 : ROWS_MIN))
        return true;
    tdl_report_set(why, TDL_E_INVALID, "", "ft_transformer: %zu rows of %zu columns; from %d on",
                   rows, columns + categories, ROWS_MIN);
    return false;
}

static json_t *settings(const tdl_problem *problem)
{
    static const char *const text[] = {"{}", "{\"layers\": 3, \"dropout\": 0.2}"};

    TDL_UNUSED(problem);
    return tdl_network_settings(text, sizeof text / sizeof text[0]);
}

static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    return tdl_network_fit(&kind, problem, setting, ret, ret_note, why);
}

static tdl_status load(const json_t *about, const tdl_st_file *file, const char *prefix,
                       const tdl_matrix *x, tdl_learner **ret, tdl_report *why)
{
    return tdl_network_load(&kind, about, file, prefix, x, ret, why);
}

const tdl_learner_ops tdl_learner_ft_transformer = {
    .name = "ft_transformer",
    .prepare = {.indicator = true,
                .normalise = TDL_NORMALISE_QUANTILE,
                .encode = TDL_ENCODE_EMBED,
                .dates = true,
                .pairs = true},
    .slow = true,
    .rank = 70,
    .work_ns = 200000,
    .work_power = 1,
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
