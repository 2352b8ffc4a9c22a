/* Exports seeded language models, and continues texts with them by our own decoding; and encoders,
 * with what they make of texts.
 *
 *   write_gguf_exports FOLDER      NAME-TYPE.gguf for each, greedy.json and embeddings.json:
 *
 *     {"llama": [{"prompt": [1, 7], "tokens": [...], "margin": 0.2}, ...], ...}
 *     {"bert": [{"tokens": [2, 9, 3], "embedding": [...]}, ...], ...}
 *
 * margin: the least lead of a best logit on its second. llama.cpp rounds keys, values and some
 * tables to f16, so only texts with a clear answer at each step can be compared; those are looked
 * for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../unit/train/language_models.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "nn/generate.h"
#include "nn/init.h"
#include "vocabulary.h"

enum { VOCABULARY = 300, CONTEXT = 64, PROMPTS = 4, TRIES = 200, GENERATED = 24 };
static const double MARGIN = 0.05;

static const language_sizes sizes = {
    .d_model = 64, .d_ff = 96, .max_len = CONTEXT, .vocabulary = VOCABULARY};

/* The second half is the gate, and the head is the table: other places, the same architecture. */
static tdl_transformer_config turned_llama(void)
{
    tdl_transformer_config config = language_llama(&sizes);

    config.core.glu = false;
    config.core.glu_second = true;
    config.head = TDL_HEAD_TIED;
    return config;
}

static tdl_transformer_config bert_of_first(void)
{
    tdl_transformer_config config = language_bert(&sizes);

    config.pooling = TDL_POOL_FIRST;
    return config;
}

/* ---- our decoding ---- */

typedef struct text {
    int32_t token[CONTEXT]; /* the prompt, then what was generated */
    size_t prompt_n;
    double margin;
} text;

static double lead(const float *score)
{
    double best = -1e30, second = -1e30;

    for (int i = 0; i < VOCABULARY; i++) {
        double s = (double)score[i];
        second = s > best ? best : s > second ? s : second;
        best = s > best ? s : best;
    }
    return best - second;
}

/* One pass over all tokens, without a cache, says how clear each answer was. */
static tdl_status measure(tdl_transformer *m, text *t, tdl_report *why)
{
    const size_t n = t->prompt_n + GENERATED, offsets[] = {0, n};
    const tdl_nn_batch batch = {.rows = 1, .offsets = offsets, .id = {t->token}};
    tdl_status st = tdl_net_forward(&m->net, &batch, &(tdl_run){0}, why);
    const float *scores = tdl_net_value(&m->net, m->scores);

    t->margin = 1e30;
    for (size_t i = t->prompt_n - 1; !st && i + 1 < n; i++) {
        double here = lead(scores + i * VOCABULARY);
        t->margin = here < t->margin ? here : t->margin;
    }
    return st;
}

static tdl_status continue_text(tdl_transformer *m, tdl_kv_cache *cache, tdl_rng *rng, text *t,
                                tdl_report *why)
{
    const tdl_generate generate = {.net = &m->net, .scores = m->scores, .cache = cache};
    tdl_status st;

    t->prompt_n = 1 + (size_t)tdl_rng_below(rng, 6);
    for (size_t i = 0; i < t->prompt_n; i++)
        t->token[i] = (int32_t)tdl_rng_below(rng, VOCABULARY);
    tdl_kv_cache_reset(cache);
    if ((st = tdl_generate_greedy(&generate, t->token, t->prompt_n, GENERATED,
                                  t->token + t->prompt_n, why)))
        return st;
    return measure(m, t, why);
}

/* A text that goes round in a circle of one tells little. */
static bool is_lively(const text *t)
{
    bool seen[VOCABULARY] = {false};
    int different = 0;

    for (size_t i = t->prompt_n; i < t->prompt_n + GENERATED; i++) {
        different += !seen[t->token[i]];
        seen[t->token[i]] = true;
    }
    return different >= 5;
}

static void write_text(tdl_jw *w, const text *t)
{
    tdl_jw_object(w);
    tdl_jw_key(w, "prompt");
    tdl_jw_array(w);
    for (size_t i = 0; i < t->prompt_n; i++)
        tdl_jw_int(w, t->token[i]);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "tokens");
    tdl_jw_array(w);
    for (size_t i = 0; i < GENERATED; i++)
        tdl_jw_int(w, t->token[t->prompt_n + i]);
    tdl_jw_end_array(w);
    tdl_jw_knumber(w, "margin", t->margin);
    tdl_jw_end_object(w);
}

static tdl_status write_texts(tdl_transformer *m, tdl_jw *w, tdl_report *why)
{
    const tdl_plan_options plan = {.rows = 1, .tokens = CONTEXT};
    tdl_kv_cache *cache = NULL;
    tdl_rng rng = tdl_rng_make(3, 0);
    tdl_status st;

    if ((st = tdl_net_plan(&m->net, &plan, why)) ||
        (st = tdl_kv_cache_new(&m->net, 1, CONTEXT, &cache, why)))
        return st;
    for (int found = 0, tries = 0; !st && found < PROMPTS && tries < TRIES; tries++) {
        text t;
        if ((st = continue_text(m, cache, &rng, &t, why)) || t.margin < MARGIN || !is_lively(&t))
            continue;
        write_text(w, &t);
        found++;
    }
    tdl_kv_cache_free(cache);
    return st;
}

/* ---- our embeddings ---- */

static void write_embedding(tdl_jw *w, const int32_t *token, size_t n, const float *embedding)
{
    tdl_jw_object(w);
    tdl_jw_key(w, "tokens");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++)
        tdl_jw_int(w, token[i]);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "embedding");
    tdl_jw_array(w);
    for (size_t i = 0; i < sizes.d_model; i++)
        tdl_jw_number(w, (double)embedding[i]);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

/* Texts of 3 to 24 tokens between [CLS] and [SEP], all of the first type. */
static tdl_status write_embeddings(tdl_transformer *m, tdl_jw *w, tdl_report *why)
{
    enum { CLS = 2, SEP = 3, FIRST_WORD = 5 };
    static const int32_t type[CONTEXT];
    const tdl_plan_options plan = {.rows = 1, .tokens = CONTEXT};
    tdl_rng rng = tdl_rng_make(3, 0);
    tdl_status st = tdl_net_plan(&m->net, &plan, why);

    for (size_t n = 3; !st && n <= 24; n += 7) {
        int32_t token[CONTEXT] = {CLS};
        const size_t offsets[] = {0, n};
        const tdl_nn_batch batch = {.rows = 1, .offsets = offsets, .id = {token, type}};

        for (size_t i = 1; i + 1 < n; i++)
            token[i] = FIRST_WORD + (int32_t)tdl_rng_below(&rng, VOCABULARY - FIRST_WORD);
        token[n - 1] = SEP;
        if (!(st = tdl_net_forward(&m->net, &batch, &(tdl_run){0}, why)))
            write_embedding(w, token, n, tdl_net_value(&m->net, m->hidden));
    }
    return st;
}

/* ---- files ---- */

static tdl_status write_files(const char *folder, const char *name, const tdl_transformer *m,
                              tdl_report *why)
{
    static const struct {
        const char *name;
        tdl_gguf_type type;
    } types[] = {{"f32", TDL_GGUF_F32},
                 {"f16", TDL_GGUF_F16},
                 {"bf16", TDL_GGUF_BF16},
                 {"q8_0", TDL_GGUF_Q8_0},
                 {"q4_0", TDL_GGUF_Q4_0}};
    tdl_arena *memory = tdl_arena_new(1 << 20);
    tdl_status st = memory ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory");
    tdl_gguf_vocabulary vocabulary = {0};

    if (!st)
        vocabulary = m->config.pooled ? words_vocabulary(memory, VOCABULARY)
                     : m->config.position == TDL_POSITION_NONE
                         ? pieces_vocabulary(memory, VOCABULARY)
                         : merges_vocabulary(memory, VOCABULARY);
    for (size_t i = 0; !st && i < sizeof types / sizeof *types; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s-%s.gguf", folder, name, types[i].name);
        st = tdl_export_gguf(m, &vocabulary, types[i].type, path, why);
    }
    tdl_arena_free(memory);
    return st;
}

/* Larger than models start with, so that every part has its say; gains around 1. The larger the
 * weights, the larger what becomes of llama.cpp's rounding of gelu to f16: at 0.25, 1.5e-3. */
static void fill(tdl_params *params, double std)
{
    for (int i = 0; i < params->slices_n; i++) {
        const tdl_slice *s = &params->slice[i];
        bool gain = strstr(s->name, "gain") != NULL;

        tdl_init_slice(params, i, TDL_INIT_GAUSSIAN, std, 11);
        for (size_t k = 0; gain && k < s->cols; k++)
            tdl_params_value(params, i)[k] += 1;
    }
}

static tdl_status write_model(const char *folder, const char *name,
                              const tdl_transformer_config *config, tdl_jw *w, tdl_report *why)
{
    tdl_transformer m;
    tdl_status st = tdl_transformer_init(&m, config, why);

    if (st)
        return st;
    fill(&m.params, config->pooled ? 0.15 : 0.25);
    tdl_jw_key(w, name);
    tdl_jw_array(w);
    if (!(st = write_files(folder, name, &m, why)))
        st = config->pooled ? write_embeddings(&m, w, why) : write_texts(&m, w, why);
    tdl_jw_end_array(w);
    tdl_transformer_release(&m);
    return st;
}

typedef struct named {
    const char *name;
    tdl_transformer_config config;
} named;

/* The models, and one file of JSON about them. */
static tdl_status write_models(const char *folder, const char *file, const named *model, size_t n,
                               tdl_report *why)
{
    tdl_buf json = {0};
    tdl_jw w = {.out = &json};
    tdl_status st = TDL_OK;
    char path[4096];

    tdl_jw_object(&w);
    for (size_t i = 0; !st && i < n; i++)
        st = write_model(folder, model[i].name, &model[i].config, &w, why);
    tdl_jw_end_object(&w);
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (!st)
        st = tdl_file_write(path, tdl_buf_view(&json), why);
    tdl_buf_release(&json);
    return st;
}

int main(int argc, char **argv)
{
    const named language[] = {{"llama", language_llama(&sizes)},
                              {"turned-llama", turned_llama()},
                              {"qwen3", language_qwen3(&sizes)},
                              {"gpt2", language_gpt2(&sizes)}};
    const named encoders[] = {{"bert", language_bert(&sizes)}, {"bert-cls", bert_of_first()}};
    tdl_report why = {0};
    tdl_status st;

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    if ((st = write_models(argv[1], "greedy.json", language, 4, &why)) ||
        (st = write_models(argv[1], "embeddings.json", encoders, 2, &why)))
        fprintf(stderr, "%s\n", why.message);
    return st != TDL_OK;
}
