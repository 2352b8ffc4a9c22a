/* vit: a vision transformer (Dosovitskiy et al., ICLR 2021) behind a stem of convolutions (Xiao et
 * al., NeurIPS 2021), each of which halves the sides, until a side would be below 4.
 */
#include <stdlib.h>

#include "learn/network.h"
#include "nn/transformer.h"

static void release(void *model)
{
    tdl_transformer_release(model);
    free(model);
}

static void start(void *model, uint64_t seed)
{
    tdl_transformer_start(model, seed);
}

static tdl_transformer_config config_of(const tdl_network_shape *shape,
                                        const tdl_network_setting *setting)
{
    size_t d = (size_t)setting->of[TDL_NETWORK_WIDTH];
    size_t side = shape->height < shape->width ? shape->height : shape->width;
    tdl_transformer_config c = {.core = {.n_layer = (size_t)setting->of[TDL_NETWORK_LAYERS],
                                         .d_model = d,
                                         .n_head = (size_t)setting->of[TDL_NETWORK_HEADS],
                                         .d_ff = 2 * d,
                                         .act = TDL_ACT_GELU,
                                         .bias_qkv = true,
                                         .bias_out = true,
                                         .bias_ff = true,
                                         .mask = TDL_MASK_BIDIRECTIONAL,
                                         .drop_resid = setting->of[TDL_NETWORK_DROPOUT],
                                         .init_std = 0.12}, // 0.02 is for models ten times as wide
                                .front = TDL_FRONT_IMAGE,
                                .image = {.channels = shape->channels,
                                          .height = shape->height,
                                          .width = shape->width,
                                          .kernel = 1}, // of what the stem leaves
                                .columns = shape->cols,
                                .head = TDL_HEAD_VALUE,
                                .head_bias = true,
                                .pooling = TDL_POOL_MEAN,
                                .outputs = shape->outputs};

    for (; c.stem_n < 3 && side >= 4; side = (side + 1) / 2)
        c.stem[c.stem_n++] = (tdl_stem_conv){.filters = d, .kernel = 3, .stride = 2};
    for (size_t i = 0; i + 1 < c.stem_n; i++)
        c.stem[i].filters = d * (i + 3) / 8 + 1;
    return c;
}

static tdl_status open(const tdl_network_shape *shape, const tdl_network_setting *setting,
                       tdl_tower *ret, tdl_report *why)
{
    const tdl_transformer_config config = config_of(shape, setting);
    tdl_transformer *m = NULL;
    tdl_status st;

    if (config.core.d_model % config.core.n_head)
        return TDL_FAIL(why, TDL_E_INVALID, "setting width: %zu do not fall into %zu heads",
                        config.core.d_model, config.core.n_head);
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
                       .attribute = m->input,
                       .head_bias = m->head_bias,
                       .start = start,
                       .free = release};
    return TDL_OK;
}

static double weights(const tdl_network_shape *shape, const tdl_network_setting *setting)
{
    const tdl_transformer_config c = config_of(shape, setting);
    double d = (double)c.core.d_model, shrunk = (double)((size_t)1 << (2 * c.stem_n));

    return (double)c.core.n_layer * 8 * d * d +
           d * (double)shape->height * (double)shape->width / shrunk + 32 * (double)shape->cols;
}

static const tdl_network_kind kind = {
    .range =
        {
            [TDL_NETWORK_MEMBERS] = {"members", 1, 1, TDL_NETWORK_MEMBERS_MAX, true},
            [TDL_NETWORK_LAYERS] = {"layers", 2, 1, 6, true},
            [TDL_NETWORK_WIDTH] = {"width", 64, 8, 512, true},
            [TDL_NETWORK_DROPOUT] = {"dropout", 0, 0, 0.9, false},
            [TDL_NETWORK_HEADS] = {"heads", 4, 1, 16, true},
            [TDL_NETWORK_RATE] = {"rate", 3e-3, 1e-6, 1, false},
            [TDL_NETWORK_DECAY] = {"decay", 0.05, 0, 10, false},
            [TDL_NETWORK_BATCH] = {"batch", 64, 1, 8192, true},
            [TDL_NETWORK_EPOCHS] = {"epochs", 12, 1, 100000, true},
            [TDL_NETWORK_PATIENCE] = {"patience", 0, 0, 100000, true},
            [TDL_NETWORK_VALIDATION] = {"validation", 0.1, 0, 0.9, false},
            [TDL_NETWORK_SHIFT] = {"shift", 1, 0, 64, true},
            [TDL_NETWORK_MIRROR] = {"mirror", 1, 0, 1, true},
        },
    .images = true,
    .open = open,
    .weights = weights,
};

static json_t *settings(const tdl_problem *problem)
{
    static const char *const text[] = {"{}", "{\"shift\": 0, \"mirror\": 0}"};

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

const tdl_learner_ops tdl_learner_vit = {
    .name = "vit",
    .prepare = {.indicator = true,
                .normalise = TDL_NORMALISE_STANDARD,
                .encode = TDL_ENCODE_ONE_HOT,
                .one_hot_max = 32,
                .beyond = TDL_ENCODE_TARGET,
                .dates = true},
    .reads_images = true,
    .slow = true,
    .rank = 80,
    .work_ns = 8000,
    .work_power = 1,
    .suits = tdl_network_suits_images,
    .settings = settings,
    .fit = fit,
    .free = tdl_network_free,
    .score = tdl_network_score,
    .attribute = tdl_network_attribute,
    .attribute_name = "integrated_gradients",
    .save = tdl_network_save,
    .load = load,
};
