#include "nn/core.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "nn/init.h"
#include "nn/layers.h"

/* ---- configuration ---- */

static void fill_in(tdl_tf_config *c)
{
    c->n_kv_head = c->n_kv_head ? c->n_kv_head : c->n_head;
    c->d_head = c->d_head || !c->n_head ? c->d_head : c->d_model / c->n_head;
    c->norm_eps = c->norm_eps > 0 ? c->norm_eps : 1e-5;
    c->init_std = c->init_std > 0 ? c->init_std : 0.02;
}

static bool is_rate(double rate)
{
    return rate >= 0 && rate < 1;
}

static tdl_status check_heads(const tdl_tf_config *c, tdl_report *why)
{
    if (!c->n_layer || !c->d_model || !c->n_head)
        return TDL_FAIL(why, TDL_E_INVALID, "n_layer %zu, d_model %zu, n_head %zu: none may be 0",
                        c->n_layer, c->d_model, c->n_head);
    if (c->n_head % c->n_kv_head)
        return TDL_FAIL(why, TDL_E_INVALID, "n_head %zu is not a multiple of n_kv_head %zu",
                        c->n_head, c->n_kv_head);
    if (!c->out_gate && c->n_head * c->d_head != c->d_model &&
        !(c->fewer_heads && c->n_head * c->d_head < c->d_model))
        return TDL_FAIL(why, TDL_E_INVALID, "d_model %zu is not n_head %zu times d_head %zu",
                        c->d_model, c->n_head, c->d_head);
    if (c->rope_base > 0 && c->d_head % 2)
        return TDL_FAIL(why, TDL_E_INVALID, "d_head %zu is odd, rotary positions turn pairs",
                        c->d_head);
    if (c->out_gate && c->n_kv_head != c->n_head)
        return TDL_FAIL(why, TDL_E_INVALID, "n_kv_head %zu with out_gate: it must be n_head %zu",
                        c->n_kv_head, c->n_head);
    return TDL_OK;
}

static tdl_status check(const tdl_tf_config *c, tdl_report *why)
{
    tdl_status st = check_heads(c, why);

    if (st)
        return st;
    if (c->post_norm && c->skip_first_attn_norm)
        return TDL_FAIL(why, TDL_E_INVALID, "skip_first_attn_norm with post_norm");
    if (c->score == TDL_SCORE_SILU && c->mask == TDL_MASK_BIDIRECTIONAL)
        return TDL_FAIL(why, TDL_E_INVALID, "score silu_over_n with mask bidirectional");
    if (c->score == TDL_SCORE_SILU && !c->max_len)
        return TDL_FAIL(why, TDL_E_INVALID, "score silu_over_n without max_len");
    if (c->position_bias && !c->max_len)
        return TDL_FAIL(why, TDL_E_INVALID, "position_bias without max_len");
    if (c->glu && c->glu_second)
        return TDL_FAIL(why, TDL_E_INVALID, "glu and glu_second: one half is the gate");
    if (!is_rate(c->drop_attn) || !is_rate(c->drop_resid))
        return TDL_FAIL(why, TDL_E_INVALID, "drop_attn %g, drop_resid %g: not in [0, 1)",
                        c->drop_attn, c->drop_resid);
    return TDL_OK;
}

/* ---- declaring ---- */

typedef struct declaring {
    tdl_params *params;
    size_t layer;
} declaring;

static int slice(const declaring *d, const char *name, size_t rows, size_t cols, bool decay,
                 bool wanted)
{
    char whole[TDL_PARAM_NAME_MAX];

    if (!wanted)
        return TDL_NONE;
    snprintf(whole, sizeof whole, "layer.%zu.%s", d->layer, name);
    return tdl_params_add(d->params, whole, rows, cols, decay);
}

static size_t qkv_cols(const tdl_tf_config *c)
{
    return (c->out_gate ? 4 * c->n_head : c->n_head + 2 * c->n_kv_head) * c->d_head;
}

static void declare_layer(const tdl_tf_config *c, const declaring *d, tdl_tf_layer *l)
{
    bool norm = !(d->layer == 0 && c->skip_first_attn_norm);
    bool gain = c->norm != TDL_NORM_LAYER_PLAIN, bias = c->norm == TDL_NORM_LAYER;
    size_t heads = c->n_head * c->d_head, wide = c->glu || c->glu_second ? 2 * c->d_ff : c->d_ff;

    l->attn_gain = slice(d, "attn_norm.gain", 1, c->d_model, false, norm && gain);
    l->attn_bias = slice(d, "attn_norm.bias", 1, c->d_model, false, norm && bias);
    l->qkv = slice(d, "qkv.weight", c->d_model, qkv_cols(c), true, true);
    l->qkv_bias = slice(d, "qkv.bias", 1, qkv_cols(c), false, c->bias_qkv);
    l->q_gain = slice(d, "q_norm.gain", 1, c->d_head, false, c->qk_norm);
    l->k_gain = slice(d, "k_norm.gain", 1, c->d_head, false, c->qk_norm);
    l->by_distance = slice(d, "attn.by_distance", 1, 2 * c->max_len - 1, false, c->position_bias);
    l->by_time = slice(d, "attn.by_time", 1, c->time_buckets + 1, false, c->time_buckets > 0);
    l->out = slice(d, "attn_out.weight", heads, c->d_model, true, true);
    l->out_bias = slice(d, "attn_out.bias", 1, c->d_model, false, c->bias_out);
    l->ff_gain = slice(d, "ffn_norm.gain", 1, c->d_model, false, c->d_ff && gain);
    l->ff_bias = slice(d, "ffn_norm.bias", 1, c->d_model, false, c->d_ff && bias);
    l->ff_in = slice(d, "ffn_in.weight", c->d_model, wide, true, c->d_ff);
    l->ff_in_bias = slice(d, "ffn_in.bias", 1, wide, false, c->d_ff && c->bias_ff);
    l->ff_out = slice(d, "ffn_out.weight", c->d_ff, c->d_model, true, c->d_ff);
    l->ff_out_bias = slice(d, "ffn_out.bias", 1, c->d_model, false, c->d_ff && c->bias_ff);
}

tdl_status tdl_tf_declare(tdl_tf *tf, const tdl_tf_config *config, tdl_params *params,
                          tdl_report *why)
{
    tdl_tf_config c = *config;
    tdl_status st;

    fill_in(&c);
    *tf = (tdl_tf){.config = c, .final_gain = TDL_NONE, .final_bias = TDL_NONE};
    if ((st = check(&c, why)))
        return st;
    tf->layer = calloc(c.n_layer, sizeof *tf->layer);
    if (!tf->layer)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu layers", c.n_layer);
    for (size_t i = 0; i < c.n_layer; i++)
        declare_layer(&c, &(declaring){params, i}, &tf->layer[i]);
    if (!c.post_norm && !c.out_gate && c.norm != TDL_NORM_LAYER_PLAIN)
        tf->final_gain = tdl_params_add(params, "final_norm.gain", 1, c.d_model, false);
    if (!c.post_norm && !c.out_gate && c.norm == TDL_NORM_LAYER)
        tf->final_bias = tdl_params_add(params, "final_norm.bias", 1, c.d_model, false);
    return TDL_OK;
}

void tdl_tf_release(tdl_tf *tf)
{
    free(tf->layer);
    *tf = (tdl_tf){0};
}

/* ---- building ---- */

static int norm(const tdl_tf *tf, tdl_net *net, int x, int gain, int bias)
{
    return tdl_net_norm(net, x, tf->config.norm, gain, bias, tf->config.norm_eps);
}

/* x + in W + b, the branch dropped from where asked */
static int end_branch(const tdl_tf *tf, tdl_net *net, int in, int x, int weights, int bias)
{
    double rate = tf->config.drop_resid;

    if (rate <= 0)
        return tdl_net_linear_add(net, in, x, weights, bias, TDL_ACT_NONE);
    int branch = tdl_net_linear(net, in, weights, bias, TDL_ACT_NONE);
    return tdl_net_add(net, tdl_net_dropout(net, branch, rate), x);
}

static tdl_attention_config attention_of(const tdl_tf *tf, size_t layer)
{
    const tdl_tf_config *c = &tf->config;
    size_t q = c->n_head * c->d_head, kv = c->n_kv_head * c->d_head;

    return (tdl_attention_config){
        .heads = c->n_head,
        .kv_heads = c->n_kv_head,
        .d_head = c->d_head,
        .q_at = c->out_gate ? 2 * q : 0,
        .k_at = c->out_gate ? 3 * q : q,
        .v_at = c->out_gate ? q : q + kv,
        .score = c->score,
        .mask = c->mask,
        .prefix = c->prefix,
        .silu_n = (double)c->max_len,
        .time_buckets = c->time_buckets,
        .drop = c->drop_attn,
        .first_only = c->last_first_only && layer + 1 == c->n_layer,
    };
}

/* Attention with all that belongs to it: x to x. */
static int build_attention(const tdl_tf *tf, tdl_net *net, size_t layer, int x)
{
    const tdl_tf_config *c = &tf->config;
    const tdl_tf_layer *l = &tf->layer[layer];
    tdl_attention_config attention = attention_of(tf, layer);
    bool before = !c->post_norm && !(layer == 0 && c->skip_first_attn_norm);
    int h = before ? norm(tf, net, x, l->attn_gain, l->attn_bias) : x;
    int qkv = tdl_net_linear(net, h, l->qkv, l->qkv_bias, c->out_gate ? c->act : TDL_ACT_NONE);

    if (c->qk_norm)
        qkv = tdl_net_qk_norm(net, qkv,
                              &(tdl_qk_norm_config){.heads = c->n_head,
                                                    .kv_heads = c->n_kv_head,
                                                    .d_head = c->d_head,
                                                    .at = attention.q_at},
                              l->q_gain, l->k_gain, c->norm_eps);
    if (c->rope_base > 0)
        qkv = tdl_net_rope(net, qkv,
                           &(tdl_rope_config){.heads = c->n_head + c->n_kv_head,
                                              .d_head = c->d_head,
                                              .at = attention.q_at,
                                              .base = c->rope_base,
                                              .max_len = c->max_len});
    int a = tdl_net_attention(net, qkv, &attention, l->by_distance, l->by_time);
    if (c->out_gate) {
        a = tdl_net_norm(net, a, TDL_NORM_LAYER_PLAIN, TDL_NONE, TDL_NONE, c->norm_eps);
        a = tdl_net_gate_mul(net, a, qkv, 0);
    }
    if (attention.first_only)
        x = tdl_net_pool(net, x, TDL_POOL_FIRST);
    x = end_branch(tf, net, a, x, l->out, l->out_bias);
    return c->post_norm ? norm(tf, net, x, l->attn_gain, l->attn_bias) : x;
}

static int build_hidden(const tdl_tf *tf, tdl_net *net, size_t layer, int x)
{
    const tdl_tf_config *c = &tf->config;
    const tdl_tf_layer *l = &tf->layer[layer];
    bool glu = c->glu || c->glu_second;
    int h = c->post_norm ? x : norm(tf, net, x, l->ff_gain, l->ff_bias);
    int f = tdl_net_linear(net, h, l->ff_in, l->ff_in_bias, glu ? TDL_ACT_NONE : c->act);

    if (glu)
        f = tdl_net_glu(net, f, c->act, c->glu_second);
    x = end_branch(tf, net, f, x, l->ff_out, l->ff_out_bias);
    return c->post_norm ? norm(tf, net, x, l->ff_gain, l->ff_bias) : x;
}

int tdl_tf_build(const tdl_tf *tf, tdl_net *net, int x)
{
    const tdl_tf_config *c = &tf->config;

    for (size_t i = 0; i < c->n_layer; i++) {
        x = build_attention(tf, net, i, x);
        if (c->d_ff)
            x = build_hidden(tf, net, i, x);
    }
    return c->post_norm || c->out_gate ? x : norm(tf, net, x, tf->final_gain, tf->final_bias);
}

/* ---- starting values ---- */

static void fill(tdl_params *params, int slice, tdl_real value)
{
    if (slice == TDL_NONE)
        return;
    tdl_real *at = tdl_params_value(params, slice);
    for (size_t i = 0; i < params->slice[slice].rows * params->slice[slice].cols; i++)
        at[i] = value;
}

static void draw(tdl_params *params, int slice, double std, uint64_t seed)
{
    if (slice != TDL_NONE)
        tdl_init_slice(params, slice, TDL_INIT_GAUSSIAN, std, seed);
}

void tdl_tf_start(const tdl_tf *tf, tdl_params *params, uint64_t seed)
{
    double std = tf->config.init_std, last = std / sqrt(2 * (double)tf->config.n_layer);

    for (size_t i = 0; i < tf->config.n_layer; i++) {
        const tdl_tf_layer *l = &tf->layer[i];
        const int ones[] = {l->attn_gain, l->ff_gain, l->q_gain, l->k_gain};
        const int zeros[] = {l->attn_bias, l->qkv_bias,   l->by_distance, l->by_time,
                             l->out_bias,  l->ff_in_bias, l->ff_out_bias, l->ff_bias};

        draw(params, l->qkv, std, seed);
        draw(params, l->out, last, seed);
        draw(params, l->ff_in, std, seed);
        draw(params, l->ff_out, last, seed);
        for (size_t k = 0; k < sizeof ones / sizeof ones[0]; k++)
            fill(params, ones[k], 1);
        for (size_t k = 0; k < sizeof zeros / sizeof zeros[0]; k++)
            fill(params, zeros[k], 0);
    }
    fill(params, tf->final_gain, 1);
    fill(params, tf->final_bias, 0);
}
