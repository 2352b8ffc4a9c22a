#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/export_gguf.h"
#include "train/gguf_layout.h"

/* No count that llama.cpp's models have comes near these; products of them fit size_t. */
enum { COUNT_MAX = 1 << 24, LAYERS_MAX = 1 << 12 };

/* ---- keys ---- */

typedef struct keys {
    const tdl_gguf_file *file;
    const char *architecture;
    tdl_report *why;
    tdl_status status; /* the first failure; reading goes on with zeros */
} keys;

static const char *name_key(char key[64], const keys *k, const char *name)
{
    snprintf(key, 64, "%s.%s", k->architecture, name);
    return key;
}

static size_t count(keys *k, const char *name, size_t most)
{
    char key[64];
    uint64_t value = 0;

    if (k->status ||
        (k->status = tdl_gguf_get_u64(k->file, name_key(key, k, name), &value, k->why)))
        return 0;
    if (value == 0 || value > most)
        k->status = TDL_FAIL(k->why, TDL_E_CORRUPT, "key \"%s\" is %llu: not in 1 to %zu", key,
                             (unsigned long long)value, most);
    return k->status ? 0 : (size_t)value;
}

static size_t count_or(keys *k, const char *name, size_t absent, size_t most)
{
    char key[64];

    return tdl_gguf_has(k->file, name_key(key, k, name)) ? count(k, name, most) : absent;
}

static double number(keys *k, const char *name)
{
    char key[64];
    double value = 0;

    if (!k->status)
        k->status = tdl_gguf_get_double(k->file, name_key(key, k, name), &value, k->why);
    if (!k->status && !(value > 0 && value < 1e12))
        k->status = TDL_FAIL(k->why, TDL_E_CORRUPT, "key \"%s\" is %g", key, value);
    return value;
}

/* What models of others have, of the architectures with rotary positions, and ours have not. */
static void refuse_variants(keys *k, const tdl_tf_config *c)
{
    static const char *const variants[] = {"rope.scaling.type", "rope.scaling.factor",
                                           "expert_count", "attention.sliding_window"};
    static const char *const widths[] = {"rope.dimension_count", "attention.key_length",
                                         "attention.value_length"};
    size_t d_head = c->n_head ? c->d_model / c->n_head : 0;
    char key[64];

    for (size_t i = 0; !k->status && i < sizeof variants / sizeof *variants; i++)
        if (tdl_gguf_has(k->file, name_key(key, k, variants[i])))
            k->status =
                TDL_FAIL(k->why, TDL_E_INVALID, "key \"%s\": there is no such thing here", key);
    for (size_t i = 0; !k->status && i < sizeof widths / sizeof *widths; i++) {
        size_t width = count_or(k, widths[i], d_head, COUNT_MAX);
        if (!k->status && width != d_head)
            k->status = TDL_FAIL(k->why, TDL_E_INVALID,
                                 "key \"%s\" is %zu, not %zu: the width over the heads",
                                 name_key(key, k, widths[i]), width, d_head);
    }
}

static tdl_transformer_config llama_config(keys *k)
{
    char key[64];
    tdl_transformer_config m = {.core = {.norm = TDL_NORM_RMS,
                                         .norm_eps = number(k, "attention.layer_norm_rms_epsilon"),
                                         .act = TDL_ACT_SILU,
                                         .glu = true,
                                         .qk_norm = !strcmp(k->architecture, "qwen3"),
                                         .rope_base = 10000}};

    if (tdl_gguf_has(k->file, name_key(key, k, "rope.freq_base")))
        m.core.rope_base = number(k, "rope.freq_base");
    return m;
}

static tdl_transformer_config gpt2_config(keys *k)
{
    return (tdl_transformer_config){.core = {.norm = TDL_NORM_LAYER,
                                             .norm_eps = number(k, "attention.layer_norm_epsilon"),
                                             .act = TDL_ACT_GELU,
                                             .bias_qkv = true,
                                             .bias_out = true,
                                             .bias_ff = true},
                                    .position = TDL_POSITION_LEARNED};
}

static const char *known_architecture(tdl_str name)
{
    static const char *const known[] = {"llama", "qwen3", "gpt2"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (tdl_str_is(name, known[i]))
            return known[i];
    return NULL;
}

static tdl_status read_config(const tdl_gguf_file *file, tdl_transformer_config *ret,
                              tdl_report *why)
{
    tdl_str architecture;
    const tdl_gguf_tensor *tokens;
    tdl_status st;

    if ((st = tdl_gguf_get_str(file, "general.architecture", &architecture, why)) ||
        (st = tdl_gguf_get(file, "token_embd.weight", 0, NULL, &tokens, why)))
        return st;
    keys k = {.file = file, .architecture = known_architecture(architecture), .why = why};
    if (!k.architecture)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "architecture \"%.*s\": there are llama, qwen3 and gpt2",
                        TDL_FMT(architecture));
    bool gpt2 = !strcmp(k.architecture, "gpt2");
    tdl_transformer_config m = gpt2 ? gpt2_config(&k) : llama_config(&k);
    m.front = TDL_FRONT_TOKENS;
    m.vocabulary = tokens->rank == 2 && tokens->shape[0] <= INT_MAX ? tokens->shape[0] : 0;
    m.core.max_len = count(&k, "context_length", COUNT_MAX);
    m.core.d_model = count(&k, "embedding_length", COUNT_MAX);
    m.core.n_layer = count(&k, "block_count", LAYERS_MAX);
    m.core.d_ff = count(&k, "feed_forward_length", COUNT_MAX);
    m.core.n_head = count(&k, "attention.head_count", COUNT_MAX);
    m.core.n_kv_head = count_or(&k, "attention.head_count_kv", m.core.n_head, m.core.n_head);
    m.head = TDL_HEAD_TIED;
    if (!tdl_gguf_get(file, "output.weight", 0, NULL, &tokens, NULL))
        m.head = TDL_HEAD_TOKENS;
    if (!gpt2)
        refuse_variants(&k, &m.core);
    *ret = m;
    return k.status;
}

/* ---- sizes ---- */

/* Numbers of such a model; counts are bounded, so that products fit. */
static size_t measure(const tdl_transformer_config *m)
{
    const tdl_tf_config *c = &m->core;
    size_t d = c->d_model, d_head = c->n_head ? d / c->n_head : 0, kv = d_head * c->n_kv_head;
    size_t vectors = c->norm == TDL_NORM_RMS ? 2 * d + (c->qk_norm ? 2 * d_head : 0)
                                             : 4 * d + (d + 2 * kv) + c->d_ff + 2 * d;
    size_t weights = d * (d + 2 * kv) + d * d + (c->glu ? 3 : 2) * d * c->d_ff;
    size_t tables = m->vocabulary * d * (m->head == TDL_HEAD_TOKENS ? 2 : 1) +
                    (m->position == TDL_POSITION_LEARNED ? c->max_len * d : 0);

    return tables + c->n_layer * (vectors + weights) + (c->norm == TDL_NORM_RMS ? d : 2 * d);
}

static tdl_status check_size(const tdl_gguf_file *file, const tdl_transformer_config *m,
                             tdl_report *why)
{
    size_t wanted = measure(m), stored = 0;

    for (size_t i = 0; i < tdl_gguf_count(file); i++)
        stored += tdl_gguf_at(file, i)->n;
    return wanted == stored
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_INVALID,
                          "the keys speak of a model of %zu numbers, the tensors have %zu", wanted,
                          stored);
}

/* ---- tensors ---- */

typedef struct importing {
    const tdl_gguf_file *file;
    const tdl_params *params;
} importing;

/* [cols][rows] of the file to columns of a slice */
static void turn(const float *from, const tdl_gguf_part *part, const tdl_slice *s, float *to)
{
    for (size_t c = 0; c < part->cols; c++)
        for (size_t r = 0; r < s->rows; r++)
            to[r * s->cols + part->at + c] = from[tdl_gguf_column(part, c) * s->rows + r];
}

static tdl_status read_part(void *context, const tdl_gguf_part *part, tdl_report *why)
{
    const importing *i = context;
    const tdl_slice *s = &i->params->slice[part->slice];
    float *to = tdl_params_value(i->params, part->slice);
    const size_t turned[] = {part->cols, s->rows}, table[] = {s->rows, s->cols};
    const tdl_gguf_tensor *tensor;
    tdl_status st;

    if (part->turned)
        st = tdl_gguf_get(i->file, part->name, 2, turned, &tensor, why);
    else if (s->rows == 1)
        st = tdl_gguf_get(i->file, part->name, 1, &s->cols, &tensor, why);
    else
        st = tdl_gguf_get(i->file, part->name, 2, table, &tensor, why);
    if (st)
        return st;
    float *x = malloc((tensor->n + 1) * sizeof *x);
    if (!x)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the tensor %s", part->name);
    tdl_gguf_floats(tensor, x);
    st = tdl_nn_check_finite(part->name, x, 1, tensor->n, why);
    if (!st && (part->turned || part->halved))
        turn(x, part, s, to);
    else if (!st)
        memcpy(to, x, tensor->n * sizeof *x);
    free(x);
    return st;
}

/* ---- the file ---- */

tdl_status tdl_import_gguf_file(const tdl_gguf_file *file, tdl_transformer *ret, tdl_report *why)
{
    tdl_transformer_config config;
    tdl_status st;

    if ((st = read_config(file, &config, why)) || (st = check_size(file, &config, why)) ||
        (st = tdl_transformer_init(ret, &config, why)))
        return st;
    importing i = {.file = file, .params = &ret->params};
    if (!(st = tdl_gguf_check_model(&ret->config, &ret->core.config, why)))
        st = tdl_gguf_each_part(ret, read_part, &i, why);
    if (st)
        tdl_transformer_release(ret);
    return st;
}

tdl_status tdl_import_gguf(const char *path, tdl_transformer *ret, tdl_report *why)
{
    tdl_gguf_file *file = NULL;
    tdl_status st = tdl_gguf_open(path, &file, why);

    if (st)
        return st;
    if ((st = tdl_import_gguf_file(file, ret, why)))
        tdl_report_prefix(why, "%s", path);
    tdl_gguf_free(file);
    return st;
}
