#include "train/gguf_layout.h"

#include <stdio.h>

typedef enum kind { LLAMA /* and qwen3 */, GPT2, BERT } kind;

static kind kind_of(const tdl_tf_config *c)
{
    return c->norm == TDL_NORM_RMS ? LLAMA : c->post_norm ? BERT : GPT2;
}

const char *tdl_gguf_architecture(const tdl_tf_config *c)
{
    switch (kind_of(c)) {
    case GPT2:
        return "gpt2";
    case BERT:
        return "bert";
    case LLAMA:
        break;
    }
    return c->qk_norm ? "qwen3" : "llama";
}

/* ---- what can be said ---- */

typedef struct rule {
    bool met;
    const char *says;
} rule;

static tdl_status check_rules(const char *architecture, const rule *rules, size_t n,
                              tdl_report *why)
{
    for (size_t i = 0; i < n; i++)
        if (!rules[i].met)
            return TDL_FAIL(why, TDL_E_INVALID, "GGUF, architecture %s: %s", architecture,
                            rules[i].says);
    return TDL_OK;
}

static tdl_status check_llama(const tdl_transformer_config *m, const tdl_tf_config *c,
                              tdl_report *why)
{
    const rule rules[] = {
        {c->rope_base > 0, "rope_base: positions are rotary"},
        {m->position == TDL_POSITION_NONE, "position: there is no table of them"},
        {c->act == TDL_ACT_SILU, "act: it is silu"},
        {c->glu || c->glu_second, "glu: the hidden layer is gated"},
        {!c->bias_qkv, "bias_qkv: there is none"},
        {!c->bias_out, "bias_out: there is none"},
        {!c->bias_ff, "bias_ff: there is none"},
    };

    return check_rules(tdl_gguf_architecture(c), rules, sizeof rules / sizeof *rules, why);
}

/* What gpt2 and bert have in common. */
static tdl_status check_learned(const tdl_transformer_config *m, const tdl_tf_config *c,
                                tdl_report *why)
{
    const rule rules[] = {
        {c->norm == TDL_NORM_LAYER, "norm: it has gain and bias"},
        {c->rope_base <= 0, "rope_base: positions are learned"},
        {m->position == TDL_POSITION_LEARNED, "position: learned, counted from the first token"},
        {c->act == TDL_ACT_GELU, "act: it is gelu, which llama.cpp computes in its tanh form"},
        {!c->glu && !c->glu_second, "glu: the hidden layer has no gate"},
        {c->bias_qkv, "bias_qkv: it is there"},
        {c->bias_out, "bias_out: it is there"},
        {c->bias_ff, "bias_ff: it is there"},
        {c->n_kv_head == c->n_head, "n_kv_head: as many as n_head"},
        {!c->qk_norm, "qk_norm: there is none"},
    };

    return check_rules(tdl_gguf_architecture(c), rules, sizeof rules / sizeof *rules, why);
}

static tdl_status check_language(const tdl_transformer_config *m, const tdl_tf_config *c,
                                 tdl_report *why)
{
    const rule rules[] = {
        {m->types == 0, "types: there is one stream of ids"},
        {!m->embed_norm, "embed_norm: there is none"},
        {m->head == TDL_HEAD_TIED || m->head == TDL_HEAD_TOKENS, "head: tokens, tied or not"},
        {!m->head_bias, "head_bias: there is none"},
        {!c->post_norm, "post_norm: norms come first"},
        {c->mask == TDL_MASK_CAUSAL, "mask: causal"},
    };

    return check_rules(tdl_gguf_architecture(c), rules, sizeof rules / sizeof *rules, why);
}

static tdl_status check_bert(const tdl_transformer_config *m, const tdl_tf_config *c,
                             tdl_report *why)
{
    const rule rules[] = {
        {m->types > 0, "types: there is a table of them"},
        {m->embed_norm, "embed_norm: it is there"},
        {m->head == TDL_HEAD_NONE && m->pooled, "head: none, and pooled"},
        {m->pooling != TDL_POOL_LAST, "pooling: the mean or the first"},
        {c->mask == TDL_MASK_BIDIRECTIONAL, "mask: bidirectional"},
    };

    return check_rules("bert", rules, sizeof rules / sizeof *rules, why);
}

tdl_status tdl_gguf_check_model(const tdl_transformer_config *m, const tdl_tf_config *c,
                                tdl_report *why)
{
    const rule rules[] = {
        {m->front == TDL_FRONT_TOKENS, "front: it reads tokens"},
        {m->embed_scale == 0 || m->embed_scale == 1, "embed_scale: there is none"},
        {c->max_len > 0, "max_len: it must be said"},
        {c->d_ff > 0, "d_ff: there is a hidden layer"},
        {!c->skip_first_attn_norm, "skip_first_attn_norm: every layer has its norm"},
        {!c->out_gate, "out_gate: there is none"},
        {!c->position_bias, "position_bias: there is none"},
        {!c->time_buckets, "time_buckets: there is no time"},
        {!c->fewer_heads, "fewer_heads: heads fill the width"},
        {c->score == TDL_SCORE_SOFTMAX, "score: softmax"},
        {!c->last_first_only, "last_first_only: every token asks"},
    };
    kind k = kind_of(c);
    tdl_status st = check_rules(tdl_gguf_architecture(c), rules, sizeof rules / sizeof *rules, why);

    if (st || (st = k == BERT ? check_bert(m, c, why) : check_language(m, c, why)))
        return st;
    return k == LLAMA ? check_llama(m, c, why) : check_learned(m, c, why);
}

/* ---- the tensors ---- */

size_t tdl_gguf_column(const tdl_gguf_part *part, size_t c)
{
    size_t width = part->halved, in_head = width ? c % width : 0;

    return width ? c - in_head + in_head / 2 + in_head % 2 * (width / 2) : c;
}

typedef struct walk {
    const tdl_transformer *model;
    tdl_gguf_visit *visit;
    void *context;
    tdl_report *why;
    tdl_status status;
    char scope[32]; /* what names begin with: "blk.7." */
} walk;

static void visit_part(walk *w, const char *name, tdl_gguf_part part)
{
    if (w->status)
        return;
    snprintf(part.name, sizeof part.name, "%s%s", w->scope, name);
    w->status = w->visit(w->context, &part, w->why);
}

static void visit_columns(walk *w, const char *name, int slice, size_t at, size_t cols,
                          size_t halved)
{
    visit_part(
        w, name,
        (tdl_gguf_part){.slice = slice, .at = at, .cols = cols, .turned = true, .halved = halved});
}

static void visit_slice(walk *w, const char *name, int slice, bool turned)
{
    if (slice != TDL_NONE)
        visit_part(w, name,
                   (tdl_gguf_part){.slice = slice,
                                   .cols = w->model->params.slice[slice].cols,
                                   .turned = turned});
}

static void visit_types(walk *w, int slice)
{
    if (slice != TDL_NONE)
        visit_part(w, "token_types.weight",
                   (tdl_gguf_part){
                       .slice = slice, .cols = w->model->core.config.d_model, .unrounded = true});
}

static void visit_head_gain(walk *w, const char *name, int slice)
{
    size_t d = w->model->core.config.d_head;

    if (slice != TDL_NONE)
        visit_part(w, name, (tdl_gguf_part){.slice = slice, .cols = d, .halved = d});
}

static void visit_llama_layer(walk *w, const tdl_tf_layer *l)
{
    const tdl_tf_config *c = &w->model->core.config;
    size_t q = c->n_head * c->d_head, kv = c->n_kv_head * c->d_head;
    size_t gate = c->glu ? 0 : c->d_ff, up = c->d_ff - gate; // first columns
    size_t halved = c->qk_norm ? c->d_head : 0;

    visit_slice(w, "attn_norm.weight", l->attn_gain, false);
    visit_columns(w, "attn_q.weight", l->qkv, 0, q, halved);
    visit_columns(w, "attn_k.weight", l->qkv, q, kv, halved);
    visit_columns(w, "attn_v.weight", l->qkv, q + kv, kv, 0);
    visit_head_gain(w, "attn_q_norm.weight", l->q_gain);
    visit_head_gain(w, "attn_k_norm.weight", l->k_gain);
    visit_slice(w, "attn_output.weight", l->out, true);
    visit_slice(w, "ffn_norm.weight", l->ff_gain, false);
    visit_columns(w, "ffn_gate.weight", l->ff_in, gate, c->d_ff, 0);
    visit_columns(w, "ffn_up.weight", l->ff_in, up, c->d_ff, 0);
    visit_slice(w, "ffn_down.weight", l->ff_out, true);
}

static void visit_gpt2_layer(walk *w, const tdl_tf_layer *l)
{
    visit_slice(w, "attn_norm.weight", l->attn_gain, false);
    visit_slice(w, "attn_norm.bias", l->attn_bias, false);
    visit_slice(w, "attn_qkv.weight", l->qkv, true);
    visit_slice(w, "attn_qkv.bias", l->qkv_bias, false);
    visit_slice(w, "attn_output.weight", l->out, true);
    visit_slice(w, "attn_output.bias", l->out_bias, false);
    visit_slice(w, "ffn_norm.weight", l->ff_gain, false);
    visit_slice(w, "ffn_norm.bias", l->ff_bias, false);
    visit_slice(w, "ffn_up.weight", l->ff_in, true);
    visit_slice(w, "ffn_up.bias", l->ff_in_bias, false);
    visit_slice(w, "ffn_down.weight", l->ff_out, true);
    visit_slice(w, "ffn_down.bias", l->ff_out_bias, false);
}

/* Weight and bias of queries, keys or values: `d_model` columns from `at` on. */
static void visit_third(walk *w, const tdl_tf_layer *l, const char *weight, const char *bias,
                        size_t at)
{
    size_t d = w->model->core.config.d_model;

    visit_columns(w, weight, l->qkv, at, d, 0);
    visit_part(w, bias, (tdl_gguf_part){.slice = l->qkv_bias, .at = at, .cols = d});
}

static void visit_bert_layer(walk *w, const tdl_tf_layer *l)
{
    size_t d = w->model->core.config.d_model;

    visit_third(w, l, "attn_q.weight", "attn_q.bias", 0);
    visit_third(w, l, "attn_k.weight", "attn_k.bias", d);
    visit_third(w, l, "attn_v.weight", "attn_v.bias", 2 * d);
    visit_slice(w, "attn_output.weight", l->out, true);
    visit_slice(w, "attn_output.bias", l->out_bias, false);
    visit_slice(w, "attn_output_norm.weight", l->attn_gain, false);
    visit_slice(w, "attn_output_norm.bias", l->attn_bias, false);
    visit_slice(w, "ffn_up.weight", l->ff_in, true);
    visit_slice(w, "ffn_up.bias", l->ff_in_bias, false);
    visit_slice(w, "ffn_down.weight", l->ff_out, true);
    visit_slice(w, "ffn_down.bias", l->ff_out_bias, false);
    visit_slice(w, "layer_output_norm.weight", l->ff_gain, false);
    visit_slice(w, "layer_output_norm.bias", l->ff_bias, false);
}

static void visit_layer(walk *w, size_t i)
{
    const tdl_tf_layer *l = &w->model->core.layer[i];

    snprintf(w->scope, sizeof w->scope, "blk.%zu.", i);
    switch (kind_of(&w->model->core.config)) {
    case LLAMA:
        visit_llama_layer(w, l);
        break;
    case GPT2:
        visit_gpt2_layer(w, l);
        break;
    case BERT:
        visit_bert_layer(w, l);
        break;
    }
}

tdl_status tdl_gguf_each_part(const tdl_transformer *m, tdl_gguf_visit *visit, void *context,
                              tdl_report *why)
{
    walk w = {.model = m, .visit = visit, .context = context, .why = why};

    visit_slice(&w, "token_embd.weight", m->token_table, false);
    visit_types(&w, m->type_table);
    visit_slice(&w, "position_embd.weight", m->position_table, false);
    visit_slice(&w, "token_embd_norm.weight", m->embed_gain, false);
    visit_slice(&w, "token_embd_norm.bias", m->embed_bias, false);
    for (size_t i = 0; i < m->core.config.n_layer; i++)
        visit_layer(&w, i);
    w.scope[0] = '\0';
    visit_slice(&w, "output_norm.weight", m->core.final_gain, false);
    visit_slice(&w, "output_norm.bias", m->core.final_bias, false);
    visit_slice(&w, "output.weight", m->head_weight, true);
    return w.status;
}
