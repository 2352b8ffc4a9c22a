#include "nn/layers.h"

#include "nn/lora.h"

int tdl_net_input(tdl_net *net, size_t cols)
{
    return tdl_net_append(net, &tdl_op_input, (tdl_op_config){.cols = cols}, TDL_EMPTY, TDL_EMPTY);
}

int tdl_net_embed_bag(tdl_net *net, int table)
{
    return tdl_net_append(net, &tdl_op_embed_bag, (tdl_op_config){0}, TDL_EMPTY, TDL_LIST(table));
}

int tdl_net_linear(tdl_net *net, int in, int weights, int bias, tdl_act act)
{
    return tdl_net_linear_add(net, in, TDL_NONE, weights, bias, act);
}

static int append_linear(tdl_net *net, int in, int residual, int weights, int bias, tdl_act act)
{
    return tdl_net_append(net, &tdl_op_linear, (tdl_op_config){.act = act}, TDL_LIST(in, residual),
                          TDL_LIST(weights, bias));
}

/* The slices of the adapter of these weights begin here; 0 = they have none. */
static int adapter_of(const tdl_net *net, int weights)
{
    bool is_slice = weights >= 0 && weights < net->params->slices_n;

    return is_slice ? net->params->slice[weights].adapter : 0;
}

int tdl_net_linear_add(tdl_net *net, int in, int residual, int weights, int bias, tdl_act act)
{
    int adapter = adapter_of(net, weights);

    if (!adapter || (residual != TDL_NONE && act != TDL_ACT_NONE)) // which the plan refuses
        return append_linear(net, in, residual, weights, bias, act);
    int low = append_linear(net, in, TDL_NONE, adapter + TDL_LORA_A, TDL_NONE, TDL_ACT_NONE);
    low = tdl_net_scale_shift(net, low, adapter + TDL_LORA_SCALE, TDL_NONE);
    int branch = append_linear(net, low, residual, adapter + TDL_LORA_B, TDL_NONE, TDL_ACT_NONE);
    int out = append_linear(net, in, branch, weights, bias, TDL_ACT_NONE);
    return act == TDL_ACT_NONE ? out : tdl_net_act(net, out, act);
}

int tdl_net_add(tdl_net *net, int a, int b)
{
    return tdl_net_append(net, &tdl_op_add, (tdl_op_config){0}, TDL_LIST(a, b), TDL_EMPTY);
}

int tdl_net_dropout(tdl_net *net, int in, double rate)
{
    return tdl_net_append(net, &tdl_op_dropout, (tdl_op_config){.rate = rate}, TDL_LIST(in),
                          TDL_EMPTY);
}

int tdl_net_reshape(tdl_net *net, int in, size_t cols)
{
    return tdl_net_append(net, &tdl_op_reshape, (tdl_op_config){.cols = cols}, TDL_LIST(in),
                          TDL_EMPTY);
}

int tdl_net_act(tdl_net *net, int in, tdl_act act)
{
    return tdl_net_append(net, &tdl_op_act, (tdl_op_config){.act = act}, TDL_LIST(in), TDL_EMPTY);
}

int tdl_net_glu(tdl_net *net, int in, tdl_act act, bool act_second)
{
    return tdl_net_append(net, &tdl_op_glu, (tdl_op_config){.act = act, .act_second = act_second},
                          TDL_LIST(in), TDL_EMPTY);
}

int tdl_net_norm(tdl_net *net, int in, tdl_norm_kind kind, int gain, int bias, double eps)
{
    return tdl_net_append(net, &tdl_op_norm, (tdl_op_config){.norm = kind, .eps = eps},
                          TDL_LIST(in), TDL_LIST(gain, bias));
}

int tdl_net_rope(tdl_net *net, int in, const tdl_rope_config *config)
{
    return tdl_net_append(net, &tdl_op_rope, (tdl_op_config){.rope = *config}, TDL_LIST(in),
                          TDL_EMPTY);
}

int tdl_net_qk_norm(tdl_net *net, int in, const tdl_qk_norm_config *config, int q_gain, int k_gain,
                    double eps)
{
    return tdl_net_append(net, &tdl_op_qk_norm, (tdl_op_config){.qk_norm = *config, .eps = eps},
                          TDL_LIST(in), TDL_LIST(q_gain, k_gain));
}

int tdl_net_attention(tdl_net *net, int in, const tdl_attention_config *config, int distance_bias,
                      int time_bias)
{
    return tdl_net_append(net, &tdl_op_attention, (tdl_op_config){.attention = *config},
                          TDL_LIST(in), TDL_LIST(distance_bias, time_bias));
}

int tdl_net_gate_mul(tdl_net *net, int in, int gates, size_t at)
{
    return tdl_net_append(net, &tdl_op_gate_mul, (tdl_op_config){.at = at}, TDL_LIST(in, gates),
                          TDL_EMPTY);
}

int tdl_net_pool(tdl_net *net, int in, tdl_pooling pooling)
{
    return tdl_net_append(net, &tdl_op_pool, (tdl_op_config){.pooling = pooling}, TDL_LIST(in),
                          TDL_EMPTY);
}

int tdl_net_group_before(tdl_net *net, int in)
{
    return tdl_net_append(net, &tdl_op_group_before, (tdl_op_config){0}, TDL_LIST(in), TDL_EMPTY);
}

int tdl_net_dot_score(tdl_net *net, int in, int table, int bias)
{
    return tdl_net_append(net, &tdl_op_dot_score, (tdl_op_config){0}, TDL_LIST(in),
                          TDL_LIST(table, bias));
}

int tdl_net_softmax_ce(tdl_net *net, int in, const tdl_loss_config *config)
{
    return tdl_net_append(net, &tdl_op_softmax_ce,
                          (tdl_op_config){.loss = config ? *config : (tdl_loss_config){0}},
                          TDL_LIST(in), TDL_EMPTY);
}

int tdl_net_table_ce(tdl_net *net, int in, int table, const tdl_loss_config *config)
{
    return tdl_net_append(net, &tdl_op_table_ce,
                          (tdl_op_config){.loss = config ? *config : (tdl_loss_config){0}},
                          TDL_LIST(in), TDL_LIST(table));
}

/* ---- front ends ---- */

int tdl_net_embed(tdl_net *net, const tdl_embed_tables *tables)
{
    return tdl_net_append(
        net, &tdl_op_embed, (tdl_op_config){.position = tables->position, .scale = tables->scale},
        TDL_EMPTY,
        TDL_LIST(tables->table[0], tables->table[1], tables->table[2], tables->positions));
}

int tdl_net_feature_tokens(tdl_net *net, const tdl_feature_config *features, int cls, int weights,
                           int bias, int tables)
{
    return tdl_net_append(net, &tdl_op_feature_tokens, (tdl_op_config){.features = *features},
                          TDL_EMPTY, TDL_LIST(cls, weights, bias, tables));
}

int tdl_net_prepend(tdl_net *net, int in, int row, int positions)
{
    return tdl_net_append(net, &tdl_op_prepend, (tdl_op_config){0}, TDL_LIST(in),
                          TDL_LIST(row, positions));
}

int tdl_net_concat(tdl_net *net, int a, int b, int c, int d)
{
    return tdl_net_append(net, &tdl_op_concat, (tdl_op_config){0}, TDL_LIST(a, b, c, d), TDL_EMPTY);
}

int tdl_net_scale_shift(tdl_net *net, int in, int gain, int bias)
{
    return tdl_net_append(net, &tdl_op_scale_shift, (tdl_op_config){0}, TDL_LIST(in),
                          TDL_LIST(gain, bias));
}

int tdl_net_cosine_score(tdl_net *net, int in, int table, double scale)
{
    return tdl_net_append(net, &tdl_op_cosine_score, (tdl_op_config){.scale = scale}, TDL_LIST(in),
                          TDL_LIST(table));
}

int tdl_net_cosine(tdl_net *net, int a, int b, double scale)
{
    return tdl_net_append(net, &tdl_op_cosine, (tdl_op_config){.scale = scale}, TDL_LIST(a, b),
                          TDL_EMPTY);
}

int tdl_net_cut(tdl_net *net, int in, size_t at, size_t cols)
{
    return tdl_net_append(net, &tdl_op_cut, (tdl_op_config){.at = at, .cols = cols}, TDL_LIST(in),
                          TDL_EMPTY);
}

int tdl_net_periodic(tdl_net *net, int in, const uint32_t *column, size_t numbers, int frequencies)
{
    return tdl_net_append(net, &tdl_op_periodic, (tdl_op_config){.periodic = {numbers, column}},
                          TDL_LIST(in), TDL_LIST(frequencies));
}

int tdl_net_rising(tdl_net *net, int in, size_t group)
{
    return tdl_net_append(net, &tdl_op_rising, (tdl_op_config){.cols = group}, TDL_LIST(in),
                          TDL_EMPTY);
}

/* ---- images ---- */

int tdl_net_patchify(tdl_net *net, int in, const tdl_image_config *image)
{
    return tdl_net_append(net, &tdl_op_patchify, (tdl_op_config){.image = *image}, TDL_LIST(in),
                          TDL_EMPTY);
}

int tdl_net_image_input(tdl_net *net, int in, const tdl_image_config *image)
{
    tdl_image_config pixels = *image;

    if (image->channels == 1)
        return tdl_net_reshape(net, in, 1);
    pixels.kernel = 1;
    return tdl_net_patchify(net, in, &pixels);
}

int tdl_net_conv2d(tdl_net *net, int in, const tdl_image_config *image, int weights, int bias,
                   tdl_act act)
{
    return tdl_net_append(net, &tdl_op_conv2d, (tdl_op_config){.image = *image, .act = act},
                          TDL_LIST(in), TDL_LIST(weights, bias));
}

int tdl_net_max_pool2d(tdl_net *net, int in, const tdl_image_config *image)
{
    return tdl_net_append(net, &tdl_op_max_pool2d, (tdl_op_config){.image = *image}, TDL_LIST(in),
                          TDL_EMPTY);
}

/* ---- losses ---- */

static int loss_of(tdl_net *net, const tdl_op *op, int in, const tdl_loss_config *config)
{
    return tdl_net_append(net, op, (tdl_op_config){.loss = config ? *config : (tdl_loss_config){0}},
                          TDL_LIST(in), TDL_EMPTY);
}

int tdl_net_mse(tdl_net *net, int in, const tdl_loss_config *config)
{
    return loss_of(net, &tdl_op_mse, in, config);
}

int tdl_net_huber(tdl_net *net, int in, double delta)
{
    return loss_of(net, &tdl_op_huber, in, &(tdl_loss_config){.parameter = delta});
}

int tdl_net_quantile(tdl_net *net, int in, const double *quantile, size_t n)
{
    return loss_of(net, &tdl_op_quantile, in,
                   &(tdl_loss_config){.quantile = quantile, .quantiles_n = n});
}

int tdl_net_bce(tdl_net *net, int in, const tdl_loss_config *config)
{
    return loss_of(net, &tdl_op_bce, in, config);
}

int tdl_net_hinge(tdl_net *net, int in)
{
    return loss_of(net, &tdl_op_hinge, in, NULL);
}

int tdl_net_poisson(tdl_net *net, int in)
{
    return loss_of(net, &tdl_op_poisson, in, NULL);
}

int tdl_net_hinge_classes(tdl_net *net, int in, const tdl_loss_config *config)
{
    return loss_of(net, &tdl_op_hinge_classes, in, config);
}

int tdl_net_distil_ce(tdl_net *net, int in, double temperature, double soft_share)
{
    return loss_of(net, &tdl_op_distil_ce, in,
                   &(tdl_loss_config){.parameter = temperature, .soft_share = soft_share});
}

int tdl_net_tweedie(tdl_net *net, int in, double power)
{
    return loss_of(net, &tdl_op_tweedie, in, &(tdl_loss_config){.parameter = power});
}

int tdl_net_lists(tdl_net *net, int in)
{
    return loss_of(net, &tdl_op_lists, in, NULL);
}

int tdl_net_listwise(tdl_net *net, int in)
{
    return loss_of(net, &tdl_op_listwise, in, NULL);
}

int tdl_net_pairwise(tdl_net *net, int better, int worse, double margin)
{
    return tdl_net_append(net, &tdl_op_pairwise, (tdl_op_config){.loss = {.parameter = margin}},
                          TDL_LIST(better, worse), TDL_EMPTY);
}

int tdl_net_sampled_softmax(tdl_net *net, int in, int table, const tdl_loss_config *config)
{
    return tdl_net_append(net, &tdl_op_sampled_softmax, (tdl_op_config){.loss = *config},
                          TDL_LIST(in), TDL_LIST(table));
}

int tdl_net_sampled_bce(tdl_net *net, int in, int table, const tdl_loss_config *config)
{
    return tdl_net_append(net, &tdl_op_sampled_bce, (tdl_op_config){.loss = *config}, TDL_LIST(in),
                          TDL_LIST(table));
}
