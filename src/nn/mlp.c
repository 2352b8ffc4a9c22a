#include "nn/mlp.h"

#include <stdio.h>

#include "nn/layers.h"

static size_t scores_n(const tdl_mlp_config *c)
{
    return c->head == TDL_HEAD_QUANTILES ? c->out * c->quantiles_n : c->out;
}

static size_t width_above(const tdl_mlp_config *c, size_t layer)
{
    return layer ? c->hidden[layer - 1].width : c->in;
}

static size_t width_of(const tdl_mlp_config *c, size_t layer)
{
    return layer < c->hidden_n ? c->hidden[layer].width : scores_n(c);
}

static tdl_act act_of(const tdl_mlp_config *c, size_t layer)
{
    if (layer < c->hidden_n)
        return c->hidden[layer].act;
    return c->head == TDL_HEAD_VALUE ? c->out_act : TDL_ACT_NONE;
}

static tdl_status check(const tdl_mlp_config *c, tdl_report *why)
{
    if (!c->in || c->hidden_n > TDL_MLP_HIDDEN_MAX || !scores_n(c) ||
        c->quantiles_n > TDL_MLP_QUANTILES_MAX)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "a network of %zu columns, %zu hidden layers (at most %d) and %zu scores",
                        c->in, c->hidden_n, TDL_MLP_HIDDEN_MAX, scores_n(c));
    for (size_t i = 0; i < c->hidden_n; i++)
        if (!c->hidden[i].width)
            return TDL_FAIL(why, TDL_E_INVALID, "hidden layer %zu has no units", i + 1);
    for (size_t i = 1; c->head == TDL_HEAD_QUANTILES && i < c->quantiles_n; i++)
        if (!(c->quantile[i] > c->quantile[i - 1]))
            return TDL_FAIL(why, TDL_E_INVALID, "quantile %g does not rise above %g",
                            c->quantile[i], c->quantile[i - 1]);
    return TDL_OK;
}

static void declare(tdl_mlp *model)
{
    const tdl_mlp_config *c = &model->config;

    for (size_t i = 0; i <= c->hidden_n; i++) {
        char name[TDL_PARAM_NAME_MAX];

        snprintf(name, sizeof name, "w%zu", i + 1);
        model->w[i] = tdl_params_add(&model->params, name, width_above(c, i), width_of(c, i), true);
        snprintf(name, sizeof name, "b%zu", i + 1);
        model->b[i] = tdl_params_add(&model->params, name, 1, width_of(c, i), false);
    }
}

static void add_loss(tdl_mlp *model)
{
    const tdl_mlp_config *c = &model->config;
    const tdl_loss_config loss = {.smoothing = c->smoothing};

    switch (c->head) {
    case TDL_HEAD_CLASS:
        if (c->soft_share > 0)
            tdl_net_distil_ce(&model->net, model->scores, c->temperature, c->soft_share);
        else
            tdl_net_softmax_ce(&model->net, model->scores, &loss);
        break;
    case TDL_HEAD_VALUE:
        if (c->huber_delta > 0)
            tdl_net_huber(&model->net, model->scores, c->huber_delta);
        else
            tdl_net_mse(&model->net, model->scores, NULL);
        break;
    case TDL_HEAD_QUANTILES:
        tdl_net_quantile(&model->net, model->scores, c->quantile, c->quantiles_n);
        break;
    case TDL_HEAD_BINARY:
        tdl_net_bce(&model->net, model->scores, &loss);
        break;
    }
}

static void build(tdl_mlp *model)
{
    const tdl_mlp_config *c = &model->config;
    tdl_net *net = &model->net;

    net->params = &model->params;
    int h = tdl_net_input(net, c->in);
    for (size_t i = 0; i <= c->hidden_n; i++) {
        h = tdl_net_linear(net, h, model->w[i], model->b[i], act_of(c, i));
        if (i < c->hidden_n && c->hidden[i].drop != 0)
            h = tdl_net_dropout(net, h, c->hidden[i].drop);
    }
    model->scores = c->head == TDL_HEAD_QUANTILES ? tdl_net_rising(net, h, c->quantiles_n) : h;
    add_loss(model);
}

tdl_status tdl_mlp_init(tdl_mlp *model, const tdl_mlp_config *config, tdl_report *why)
{
    tdl_status st = check(config, why);

    if (st)
        return st;
    *model = (tdl_mlp){.config = *config};
    declare(model);
    if ((st = tdl_lora_declare(&model->params, config->lora, why)) ||
        (st = tdl_params_seal(&model->params, why)))
        goto out;
    build(model);
    st = tdl_lora_check(&model->net, why);
out:
    model->config.lora = NULL;
    if (st)
        tdl_mlp_release(model);
    return st;
}

static tdl_init init_before(tdl_act act)
{
    return act == TDL_ACT_NONE || act == TDL_ACT_TANH || act == TDL_ACT_SIGMOID ? TDL_INIT_XAVIER
                                                                                : TDL_INIT_HE;
}

void tdl_mlp_start(tdl_mlp *model, uint64_t seed)
{
    for (size_t i = 0; i <= model->config.hidden_n; i++) {
        tdl_init_slice(&model->params, model->w[i], init_before(act_of(&model->config, i)), 1,
                       seed);
        tdl_init_slice(&model->params, model->b[i], TDL_INIT_ZERO, 1, seed);
    }
    tdl_lora_start(&model->params, seed);
}

void tdl_mlp_start_as(tdl_mlp *model, tdl_init init, double scale, uint64_t seed, tdl_report *note)
{
    for (size_t i = 0; i <= model->config.hidden_n; i++) {
        tdl_init_slice(&model->params, model->w[i], init, scale, seed);
        tdl_init_slice(&model->params, model->b[i], TDL_INIT_ZERO, 1, seed);
    }
    tdl_lora_start(&model->params, seed);
    if (model->config.hidden_n && (init == TDL_INIT_ZERO || scale == 0))
        tdl_report_set(note, TDL_OK, "start with Xavier or He",
                       "all weights start at zero: hidden units stay identical");
}

void tdl_mlp_release(tdl_mlp *model)
{
    tdl_net_release(&model->net);
    tdl_params_release(&model->params);
}
