/* cnn: convolutions over images, whose pixels come as bytes and are brought to mean 0 and deviation
 * 1. The training images may be moved and mirrored by chance. Columns of numbers and categories
 * beside the images join before the hidden units.
 */
#include <stdlib.h>

#include "learn/network.h"
#include "nn/cnn.h"

static void release(void *model)
{
    tdl_cnn_release(model);
    free(model);
}

static void start(void *model, uint64_t seed)
{
    tdl_cnn_start(model, seed);
}

/* Twice as many filters after each pooling; a side is halved as long as there are 4 pixels. */
static tdl_cnn_config config_of(const tdl_network_shape *shape, const tdl_network_setting *setting)
{
    tdl_cnn_config c = {.channels = shape->channels,
                        .height = shape->height,
                        .width = shape->width,
                        .columns = shape->cols,
                        .stages_n = (size_t)setting->of[TDL_NETWORK_LAYERS],
                        .hidden = (size_t)setting->of[TDL_NETWORK_WIDTH],
                        .drop = setting->of[TDL_NETWORK_DROPOUT],
                        .classes = shape->outputs};
    size_t side = shape->height < shape->width ? shape->height : shape->width;

    for (size_t i = 0; i < c.stages_n; i++, side /= 2)
        c.stage[i] = (tdl_cnn_stage){.filters = (size_t)setting->of[TDL_NETWORK_FILTERS] << i,
                                     .kernel = 3,
                                     .pool = side >= 4 ? 2 : 1};
    return c;
}

static tdl_status open(const tdl_network_shape *shape, const tdl_network_setting *setting,
                       tdl_tower *ret, tdl_report *why)
{
    const tdl_cnn_config config = config_of(shape, setting);
    tdl_cnn *m = calloc(1, sizeof *m);
    tdl_status st;

    if (!m)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a network");
    if ((st = tdl_cnn_init(m, &config, why))) {
        free(m);
        return st;
    }
    m->net.nodes_n = m->scores + 1; // the loss is the task's
    *ret = (tdl_tower){.model = m,
                       .params = &m->params,
                       .net = &m->net,
                       .scores = m->scores,
                       .attribute = m->input,
                       .head_bias = m->b2,
                       .start = start,
                       .free = release};
    return TDL_OK;
}

static double weights(const tdl_network_shape *shape, const tdl_network_setting *setting)
{
    const tdl_cnn_config c = config_of(shape, setting);
    double channels = (double)shape->channels, sum = 0;
    size_t height = shape->height, width = shape->width;

    for (size_t i = 0; i < c.stages_n; i++) {
        double filters = (double)c.stage[i].filters;

        sum += 9 * channels * filters;
        channels = filters;
        if (c.stage[i].pool == 2) {
            height /= 2;
            width /= 2;
        }
    }
    return sum + channels * (double)height * (double)width * (double)c.hidden +
           32 * (double)shape->cols;
}

static const tdl_network_kind kind = {
    .range =
        {
            [TDL_NETWORK_MEMBERS] = {"members", 1, 1, TDL_NETWORK_MEMBERS_MAX, true},
            [TDL_NETWORK_LAYERS] = {"layers", 2, 1, 4, true},
            [TDL_NETWORK_WIDTH] = {"width", 128, 1, 4096, true},
            [TDL_NETWORK_DROPOUT] = {"dropout", 0.3, 0, 0.9, false},
            [TDL_NETWORK_FILTERS] = {"filters", 16, 1, 512, true},
            [TDL_NETWORK_RATE] = {"rate", 2e-3, 1e-6, 1, false},
            [TDL_NETWORK_DECAY] = {"decay", 1e-2, 0, 10, false},
            [TDL_NETWORK_BATCH] = {"batch", 128, 1, 8192, true},
            [TDL_NETWORK_EPOCHS] = {"epochs", 8, 1, 100000, true},
            [TDL_NETWORK_PATIENCE] = {"patience", 0, 0, 100000, true},
            [TDL_NETWORK_VALIDATION] = {"validation", 0.1, 0, 0.9, false},
            [TDL_NETWORK_SHIFT] = {"shift", 0, 0, 64, true},
            [TDL_NETWORK_MIRROR] = {"mirror", 0, 0, 1, true},
        },
    .images = true,
    .open = open,
    .weights = weights,
};

static json_t *settings(const tdl_problem *problem)
{
    static const char *const text[] = {"{}", "{\"shift\": 1, \"mirror\": 1, \"epochs\": 12}"};

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

const tdl_learner_ops tdl_learner_cnn = {
    .name = "cnn",
    .prepare = {.indicator = true,
                .normalise = TDL_NORMALISE_STANDARD,
                .encode = TDL_ENCODE_ONE_HOT,
                .one_hot_max = 32,
                .beyond = TDL_ENCODE_TARGET,
                .dates = true},
    .reads_images = true,
    .rank = 60,
    .work_ns = 4500,
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
