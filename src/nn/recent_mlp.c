#include "nn/recent_mlp.h"

#include <math.h>

#include "nn/init.h"
#include "nn/layers.h"

/* The embedding's spread, and that of the scores at the start: small, so that the first scores are
 * those of the bias. */
static const double SPREAD = 0.1, RESIDUAL = 0.5;

static void declare(tdl_recent_mlp *model)
{
    const tdl_recent_mlp_config *c = &model->config;
    tdl_params *p = &model->params;

    model->in_table = tdl_params_add(p, "in_table", c->items_n, c->d, true);
    model->w1 = tdl_params_add(p, "w1", c->d, c->hidden, true);
    model->b1 = tdl_params_add(p, "b1", 1, c->hidden, false);
    model->w2 = tdl_params_add(p, "w2", c->hidden, c->d, true);
    model->b2 = tdl_params_add(p, "b2", 1, c->d, false);
    model->out_table = tdl_params_add(p, "out_table", c->items_n, c->d, true);
    model->out_bias = tdl_params_add(p, "out_bias", 1, c->items_n, false);
}

static void build(tdl_recent_mlp *model)
{
    tdl_net *net = &model->net;

    net->params = &model->params;
    int bag = tdl_net_embed_bag(net, model->in_table);
    int h = tdl_net_dropout(net, bag, model->config.drop_in);
    int hidden = tdl_net_linear(net, h, model->w1, model->b1, TDL_ACT_GELU);
    int delta = tdl_net_linear(net, hidden, model->w2, model->b2, TDL_ACT_NONE);
    int z = tdl_net_dropout(net, tdl_net_add(net, h, delta), model->config.drop_out);
    model->scores = tdl_net_dot_score(net, z, model->out_table, model->out_bias);
    tdl_net_softmax_ce(net, model->scores, NULL);
}

tdl_status tdl_recent_mlp_init(tdl_recent_mlp *model, const tdl_recent_mlp_config *config,
                               tdl_report *why)
{
    tdl_status st;

    *model = (tdl_recent_mlp){.config = *config};
    if (config->items_n == 0 || config->d == 0 || config->hidden == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "a model of %zu items, width %zu and %zu hidden units",
                        config->items_n, config->d, config->hidden);
    declare(model);
    if ((st = tdl_params_seal(&model->params, why)))
        return st;
    build(model);
    return TDL_OK;
}

void tdl_recent_mlp_start(tdl_recent_mlp *model, uint64_t seed)
{
    tdl_params *p = &model->params;

    tdl_init_slice(p, model->in_table, TDL_INIT_GAUSSIAN, SPREAD, seed);
    tdl_init_slice(p, model->w1, TDL_INIT_HE, 1, seed);
    tdl_init_slice(p, model->b1, TDL_INIT_ZERO, 1, seed);
    tdl_init_slice(p, model->w2, TDL_INIT_XAVIER, RESIDUAL, seed);
    tdl_init_slice(p, model->b2, TDL_INIT_ZERO, 1, seed);
    tdl_init_slice(p, model->out_table, TDL_INIT_GAUSSIAN, SPREAD, seed);
    tdl_init_slice(p, model->out_bias, TDL_INIT_ZERO, 1, seed);
}

void tdl_recent_mlp_release(tdl_recent_mlp *model)
{
    tdl_net_release(&model->net);
    tdl_params_release(&model->params);
}

void tdl_recency_weights(size_t n, double decay, tdl_real *weight)
{
    double sum = 0, value = 1;

    for (size_t age = 0; age < n; age++, value *= decay)
        sum += value;
    value = 1;
    for (size_t age = 0; age < n; age++, value *= decay)
        weight[n - 1 - age] = (tdl_real)(value / sum);
}
