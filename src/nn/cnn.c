#include "nn/cnn.h"

#include <stdio.h>

#include "nn/init.h"
#include "nn/layers.h"

enum { SIDE_MAX = 1 << 14, WIDTH_MAX = 1 << 20 }; /* so that no product below overflows */
enum { COLUMNS_WIDTH = 32 };

static bool has_pool(const tdl_cnn_stage *stage)
{
    return stage->pool > 1;
}

/* The image that stage `n` reads; of n = stages_n what is left. */
static tdl_image_config image_before(const tdl_cnn_config *c, size_t n)
{
    tdl_image_config image = {.channels = c->channels, .height = c->height, .width = c->width};

    for (size_t i = 0; i < n; i++) {
        image.channels = c->stage[i].filters;
        if (has_pool(&c->stage[i])) {
            image.height /= c->stage[i].pool;
            image.width /= c->stage[i].pool;
        }
    }
    return image;
}

static tdl_status check(const tdl_cnn_config *c, tdl_report *why)
{
    if (!c->channels || !c->height || !c->width || c->channels > WIDTH_MAX ||
        c->height > SIDE_MAX || c->width > SIDE_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "images of %zu x %zu in %zu channels", c->height,
                        c->width, c->channels);
    if (!c->stages_n || c->stages_n > TDL_CNN_STAGES_MAX || !c->classes || c->hidden > WIDTH_MAX ||
        c->columns > WIDTH_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu stages (1 to %d), %zu hidden units, %zu classes",
                        c->stages_n, TDL_CNN_STAGES_MAX, c->hidden, c->classes);
    for (size_t i = 0; i < c->stages_n; i++) {
        const tdl_cnn_stage *stage = &c->stage[i];
        tdl_image_config left = image_before(c, i + 1);

        if (!stage->filters || stage->filters > WIDTH_MAX || stage->kernel % 2 == 0 ||
            stage->kernel > SIDE_MAX || !left.height || !left.width)
            return TDL_FAIL(why, TDL_E_INVALID,
                            "stage %zu: %zu filters, kernel %zu (odd), pool %zu leave %zu x %zu "
                            "pixels",
                            i + 1, stage->filters, stage->kernel, stage->pool, left.height,
                            left.width);
    }
    return TDL_OK;
}

static void declare(tdl_cnn *model)
{
    const tdl_cnn_config *c = &model->config;
    tdl_params *p = &model->params;
    tdl_image_config left = image_before(c, c->stages_n);
    size_t flat = left.channels * left.height * left.width + (c->columns ? COLUMNS_WIDTH : 0);

    for (size_t i = 0; i < c->stages_n; i++) {
        const tdl_cnn_stage *stage = &c->stage[i];
        size_t window = stage->kernel * stage->kernel * image_before(c, i).channels;
        char name[TDL_PARAM_NAME_MAX];

        snprintf(name, sizeof name, "conv%zu.w", i + 1);
        model->filter[i] = tdl_params_add(p, name, window, stage->filters, true);
        snprintf(name, sizeof name, "conv%zu.b", i + 1);
        model->filter_bias[i] = tdl_params_add(p, name, 1, stage->filters, false);
    }
    model->column_weight =
        c->columns ? tdl_params_add(p, "columns.w", c->columns, COLUMNS_WIDTH, true) : TDL_NONE;
    model->column_bias =
        c->columns ? tdl_params_add(p, "columns.b", 1, COLUMNS_WIDTH, false) : TDL_NONE;
    model->w1 = c->hidden ? tdl_params_add(p, "w1", flat, c->hidden, true) : TDL_NONE;
    model->b1 = c->hidden ? tdl_params_add(p, "b1", 1, c->hidden, false) : TDL_NONE;
    model->w2 = tdl_params_add(p, "w2", c->hidden ? c->hidden : flat, c->classes, true);
    model->b2 = tdl_params_add(p, "b2", 1, c->classes, false);
}

static int build_stage(tdl_cnn *model, int h, size_t i)
{
    const tdl_cnn_stage *stage = &model->config.stage[i];
    tdl_image_config image = image_before(&model->config, i);

    image.kernel = stage->kernel;
    image.stride = 1;
    image.padding = stage->kernel / 2;
    h = tdl_net_conv2d(&model->net, h, &image, model->filter[i], model->filter_bias[i],
                       TDL_ACT_RELU);
    if (!has_pool(stage))
        return h;
    image.channels = stage->filters;
    image.kernel = image.stride = stage->pool;
    image.padding = 0;
    return tdl_net_max_pool2d(&model->net, h, &image);
}

static void build(tdl_cnn *model)
{
    const tdl_cnn_config *c = &model->config;
    tdl_image_config image = image_before(c, 0), left = image_before(c, c->stages_n);
    tdl_net *net = &model->net;

    size_t pixels = c->channels * c->height * c->width;

    net->params = &model->params;
    model->input = tdl_net_input(net, pixels + c->columns);
    int h = c->columns ? tdl_net_cut(net, model->input, 0, pixels) : model->input;
    h = tdl_net_image_input(net, h, &image);
    for (size_t i = 0; i < c->stages_n; i++)
        h = build_stage(model, h, i);
    h = tdl_net_reshape(net, h, left.channels * left.height * left.width);
    if (c->columns) {
        int columns = tdl_net_cut(net, model->input, pixels, c->columns);
        columns =
            tdl_net_linear(net, columns, model->column_weight, model->column_bias, TDL_ACT_RELU);
        h = tdl_net_concat(net, h, columns, TDL_NONE, TDL_NONE);
    }
    if (c->hidden)
        h = tdl_net_linear(net, h, model->w1, model->b1, TDL_ACT_RELU);
    if (c->drop != 0)
        h = tdl_net_dropout(net, h, c->drop);
    model->scores = tdl_net_linear(net, h, model->w2, model->b2, TDL_ACT_NONE);
    tdl_net_softmax_ce(net, model->scores, NULL);
}

tdl_status tdl_cnn_init(tdl_cnn *model, const tdl_cnn_config *config, tdl_report *why)
{
    tdl_status st = check(config, why);

    if (st)
        return st;
    *model = (tdl_cnn){.config = *config};
    declare(model);
    if ((st = tdl_lora_declare(&model->params, config->lora, why)) ||
        (st = tdl_params_seal(&model->params, why)))
        goto out;
    build(model);
    st = tdl_lora_check(&model->net, why);
out:
    model->config.lora = NULL;
    if (st)
        tdl_cnn_release(model);
    return st;
}

void tdl_cnn_start(tdl_cnn *model, uint64_t seed)
{
    tdl_params *p = &model->params;

    for (size_t i = 0; i < model->config.stages_n; i++) {
        tdl_init_slice(p, model->filter[i], TDL_INIT_HE, 1, seed);
        tdl_init_slice(p, model->filter_bias[i], TDL_INIT_ZERO, 1, seed);
    }
    if (model->column_weight != TDL_NONE) {
        tdl_init_slice(p, model->column_weight, TDL_INIT_HE, 1, seed);
        tdl_init_slice(p, model->column_bias, TDL_INIT_ZERO, 1, seed);
    }
    if (model->w1 != TDL_NONE) {
        tdl_init_slice(p, model->w1, TDL_INIT_HE, 1, seed);
        tdl_init_slice(p, model->b1, TDL_INIT_ZERO, 1, seed);
    }
    tdl_init_slice(p, model->w2, TDL_INIT_XAVIER, 1, seed);
    tdl_init_slice(p, model->b2, TDL_INIT_ZERO, 1, seed);
    tdl_lora_start(p, seed);
}

void tdl_cnn_release(tdl_cnn *model)
{
    tdl_net_release(&model->net);
    tdl_params_release(&model->params);
}
