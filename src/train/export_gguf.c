#include "train/export_gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/gguf_layout.h"

/* ---- keys ---- */

static void set_token(tdl_gguf_writer *w, const char *key, const uint32_t *token)
{
    if (token)
        tdl_gguf_set_u32(w, key, *token);
}

void tdl_gguf_set_vocabulary(tdl_gguf_writer *w, const tdl_gguf_vocabulary *v)
{
    bool words = !strcmp(v->model, "bert");

    tdl_gguf_set_str(w, "tokenizer.ggml.model", tdl_str_of(v->model));
    if (v->pre)
        tdl_gguf_set_str(w, "tokenizer.ggml.pre", tdl_str_of(v->pre));
    tdl_gguf_set_strs(w, "tokenizer.ggml.tokens", v->token, v->tokens_n);
    if (v->score)
        tdl_gguf_set_array(w, "tokenizer.ggml.scores", TDL_GGUF_FLOAT, v->score, v->tokens_n);
    if (v->kind)
        tdl_gguf_set_array(w, "tokenizer.ggml.token_type", TDL_GGUF_I32, v->kind, v->tokens_n);
    if (v->merge)
        tdl_gguf_set_strs(w, "tokenizer.ggml.merges", v->merge, v->merges_n);
    set_token(w, "tokenizer.ggml.bos_token_id", v->begin);
    set_token(w, "tokenizer.ggml.eos_token_id", v->end);
    set_token(w, "tokenizer.ggml.seperator_token_id", words ? v->end : NULL); // so spelt there
    set_token(w, "tokenizer.ggml.cls_token_id", words ? v->begin : NULL);
    set_token(w, "tokenizer.ggml.unknown_token_id", v->unknown);
    set_token(w, "tokenizer.ggml.padding_token_id", v->padding);
    set_token(w, "tokenizer.ggml.mask_token_id", v->mask);
}

static void set_count(tdl_gguf_writer *w, const char *name, const char *architecture, size_t value)
{
    char key[64];

    snprintf(key, sizeof key, "%s.%s", architecture, name);
    tdl_gguf_set_u32(w, key, (uint32_t)value);
}

static void set_number(tdl_gguf_writer *w, const char *name, const char *architecture, double value)
{
    char key[64];

    snprintf(key, sizeof key, "%s.%s", architecture, name);
    tdl_gguf_set_float(w, key, (float)value);
}

static void set_encoder(tdl_gguf_writer *w, const tdl_transformer_config *m)
{
    enum { MEAN = 1, FIRST = 2 };

    tdl_gguf_set_bool(w, "bert.attention.causal", false);
    tdl_gguf_set_u32(w, "bert.pooling_type", m->pooling == TDL_POOL_MEAN ? MEAN : FIRST);
    tdl_gguf_set_u32(w, "tokenizer.ggml.token_type_count", (uint32_t)m->types);
}

static void set_shape(tdl_gguf_writer *w, const tdl_transformer *model, const char *architecture)
{
    const tdl_tf_config *c = &model->core.config;

    set_count(w, "context_length", architecture, c->max_len);
    set_count(w, "embedding_length", architecture, c->d_model);
    set_count(w, "block_count", architecture, c->n_layer);
    set_count(w, "feed_forward_length", architecture, c->d_ff);
    set_count(w, "attention.head_count", architecture, c->n_head);
    set_count(w, "attention.head_count_kv", architecture, c->n_kv_head);
    if (c->post_norm)
        set_encoder(w, &model->config);
    if (c->norm != TDL_NORM_RMS) {
        set_number(w, "attention.layer_norm_epsilon", architecture, c->norm_eps);
        return;
    }
    set_number(w, "attention.layer_norm_rms_epsilon", architecture, c->norm_eps);
    set_count(w, "rope.dimension_count", architecture, c->d_head);
    set_number(w, "rope.freq_base", architecture, c->rope_base);
}

/* ---- tensors ---- */

typedef struct exporting {
    const tdl_params *params;
    tdl_gguf_writer *writer;
    tdl_gguf_type type;
} exporting;

/* Columns of a slice, turned round and in the order of the file. */
static void add_columns(const exporting *e, const tdl_gguf_part *part)
{
    const tdl_slice *s = &e->params->slice[part->slice];
    const float *from = tdl_params_value(e->params, part->slice) + part->at;
    const size_t shape[] = {part->cols, s->rows};
    float *to = malloc((s->rows * part->cols + 1) * sizeof *to);

    for (size_t r = 0; to && r < s->rows; r++)
        for (size_t c = 0; c < part->cols; c++)
            to[tdl_gguf_column(part, c) * s->rows + r] = from[r * s->cols + c];
    if (part->turned)
        tdl_gguf_take(e->writer, part->name, e->type, 2, shape, to);
    else
        tdl_gguf_take(e->writer, part->name, TDL_GGUF_F32, 1, shape, to);
}

static tdl_status add_part(void *context, const tdl_gguf_part *part, tdl_report *why)
{
    const exporting *e = context;
    const tdl_slice *s = &e->params->slice[part->slice];
    const float *data = tdl_params_value(e->params, part->slice);

    TDL_UNUSED(why); // the writer remembers what fails
    if (part->turned || part->cols < s->cols || part->halved)
        add_columns(e, part);
    else if (s->rows == 1)
        tdl_gguf_add(e->writer, part->name, TDL_GGUF_F32, 1, &s->cols, data);
    else
        tdl_gguf_add(e->writer, part->name, part->unrounded ? TDL_GGUF_F32 : e->type, 2,
                     (size_t[]){s->rows, s->cols}, data);
    return TDL_OK;
}

/* ---- the file ---- */

static tdl_status check_vocabulary(const tdl_transformer *model, const tdl_gguf_vocabulary *v,
                                   tdl_report *why)
{
    bool merges = !strcmp(v->model, "gpt2"), words = !strcmp(v->model, "bert");

    if (!merges && !words && strcmp(v->model, "llama") != 0)
        return TDL_FAIL(why, TDL_E_INVALID, "tokenizer \"%s\": there are llama, gpt2 and bert",
                        v->model);
    if (merges && !v->merge)
        return TDL_FAIL(why, TDL_E_INVALID, "a tokenizer gpt2 without merges");
    if (v->tokens_n != model->config.vocabulary)
        return TDL_FAIL(why, TDL_E_INVALID, "a tokenizer of %zu tokens, a model of %zu",
                        v->tokens_n, model->config.vocabulary);
    return TDL_OK;
}

tdl_status tdl_export_gguf(const tdl_transformer *model, const tdl_gguf_vocabulary *vocabulary,
                           tdl_gguf_type type, const char *path, tdl_report *why)
{
    const tdl_tf_config *core = &model->core.config;
    const char *architecture = tdl_gguf_architecture(core);
    tdl_status st;

    if ((st = tdl_gguf_check_model(&model->config, core, why)) ||
        (st = check_vocabulary(model, vocabulary, why)))
        return st;
    exporting e = {
        .params = &model->params, .writer = tdl_gguf_writer_new(architecture), .type = type};
    set_shape(e.writer, model, architecture);
    tdl_gguf_set_vocabulary(e.writer, vocabulary);
    if (!(st = tdl_gguf_each_part(model, add_part, &e, why)))
        st = tdl_gguf_write(e.writer, path, why);
    tdl_gguf_writer_free(e.writer);
    return st;
}
