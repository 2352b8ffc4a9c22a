/* Language models to GGUF and back; that llama.cpp reads them is tested by tests/e2e/gguf. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "language_models.h"
#include "nn/init.h"
#include "train/export_gguf.h"

#define PATH "export-gguf-test.gguf"

enum { VOCABULARY = 5 };

/* Heads of 4 columns: those of a qwen3 change places. */
static const language_sizes small = {
    .d_model = 16, .d_ff = 6, .max_len = 7, .vocabulary = VOCABULARY};

static const tdl_str tokens[VOCABULARY] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {"e", 1}};
static const tdl_gguf_vocabulary vocabulary = {
    .model = "llama", .token = tokens, .tokens_n = VOCABULARY};

static void start(tdl_transformer *model, const tdl_transformer_config *config)
{
    tdl_report why = {0};

    if (tdl_transformer_init(model, config, &why))
        fail_msg("%s", why.message);
    for (int i = 0; i < model->params.slices_n; i++)
        tdl_init_slice(&model->params, i, TDL_INIT_GAUSSIAN, 0.5, 9);
}

static void assert_says(const tdl_report *why, const char *said)
{
    if (!strstr(why->message, said))
        fail_msg("\"%s\" does not say \"%s\"", why->message, said);
}

/* ---- there and back ---- */

static void check_round_trip(tdl_transformer_config config)
{
    tdl_transformer model, back;
    tdl_report why = {0};

    config.core.rope_base = config.core.rope_base > 0 ? 500 : 0; // not what a file leaves unsaid
    start(&model, &config);
    assert_int_equal(tdl_export_gguf(&model, &vocabulary, TDL_GGUF_F32, PATH, &why), TDL_OK);
    if (tdl_import_gguf(PATH, &back, &why))
        fail_msg("%s", why.message);
    assert_int_equal(model.params.n, back.params.n);
    assert_memory_equal(model.params.value, back.params.value, model.params.n * sizeof(float));
    assert_int_equal(back.config.core.n_kv_head, model.core.config.n_kv_head);
    assert_true(fabs(back.config.core.rope_base - config.core.rope_base) < 1e-9);
    assert_true(fabs(back.core.config.norm_eps - model.core.config.norm_eps) < 1e-12);
    assert_int_equal(back.config.head, config.head);
    assert_int_equal(back.config.core.qk_norm, config.core.qk_norm);
    tdl_transformer_release(&model);
    tdl_transformer_release(&back);
    unlink(PATH);
}

static void a_llama_comes_back_to_the_bit(void **state)
{
    TDL_UNUSED(state);
    check_round_trip(language_llama(&small));
}

static void a_llama_with_normed_queries_and_keys_is_a_qwen3_and_comes_back_to_the_bit(void **state)
{
    TDL_UNUSED(state);
    check_round_trip(language_qwen3(&small));
}

static void a_gpt2_comes_back_to_the_bit(void **state)
{
    TDL_UNUSED(state);
    check_round_trip(language_gpt2(&small));
}

/* ---- refused on the way out ---- */

static void assert_not_exported(const tdl_transformer_config *config, const char *said)
{
    tdl_transformer model;
    tdl_report why = {0};

    start(&model, config);
    assert_int_equal(tdl_export_gguf(&model, &vocabulary, TDL_GGUF_F32, PATH, &why), TDL_E_INVALID);
    assert_says(&why, said);
    assert_int_not_equal(access(PATH, F_OK), 0);
    tdl_transformer_release(&model);
}

#define ASSERT_REFUSED(base, change, said)                                                         \
    do {                                                                                           \
        tdl_transformer_config m = base;                                                           \
        change;                                                                                    \
        assert_not_exported(&m, said);                                                             \
    } while (0)

static void what_a_llama_cannot_say_is_refused_by_field(void **state)
{
    TDL_UNUSED(state);
    ASSERT_REFUSED(language_llama(&small), m.core.act = TDL_ACT_GELU, "architecture llama: act");
    ASSERT_REFUSED(language_llama(&small), m.core.bias_qkv = true, "llama: bias_qkv");
    ASSERT_REFUSED(language_llama(&small), m.core.bias_out = true, "llama: bias_out");
    ASSERT_REFUSED(language_llama(&small), m.core.bias_ff = true, "llama: bias_ff");
    ASSERT_REFUSED(language_llama(&small), m.core.glu = false, "llama: glu");
    ASSERT_REFUSED(language_llama(&small), m.core.rope_base = 0, "llama: rope_base");
    ASSERT_REFUSED(language_llama(&small), m.position = TDL_POSITION_LEARNED, "llama: position");
    ASSERT_REFUSED(language_llama(&small), m.core.mask = TDL_MASK_BIDIRECTIONAL, "llama: mask");
    ASSERT_REFUSED(language_llama(&small), m.core.position_bias = true, "llama: position_bias");
    ASSERT_REFUSED(language_llama(&small), m.head_bias = true, "llama: head_bias");
    ASSERT_REFUSED(language_llama(&small), m.embed_scale = 2, "llama: embed_scale");
    ASSERT_REFUSED(language_llama(&small), m.types = 2, "llama: types");
}

static void what_a_gpt2_cannot_say_is_refused_by_field(void **state)
{
    TDL_UNUSED(state);
    ASSERT_REFUSED(language_gpt2(&small), m.core.act = TDL_ACT_GELU_ERF, "architecture gpt2: act");
    ASSERT_REFUSED(language_gpt2(&small), m.core.bias_qkv = false, "gpt2: bias_qkv");
    ASSERT_REFUSED(language_gpt2(&small), m.core.n_kv_head = 1, "gpt2: n_kv_head");
    ASSERT_REFUSED(language_gpt2(&small), m.core.norm = TDL_NORM_LAYER_PLAIN, "gpt2: norm");
    ASSERT_REFUSED(language_gpt2(&small), m.position = TDL_POSITION_LEARNED_FROM_END,
                   "gpt2: position");
    ASSERT_REFUSED(language_gpt2(&small), m.core.d_ff = 0, "gpt2: d_ff");
    ASSERT_REFUSED(language_gpt2(&small), m.head = TDL_HEAD_NONE, "gpt2: head");
    ASSERT_REFUSED(language_gpt2(&small), m.embed_norm = true, "gpt2: embed_norm");
    ASSERT_REFUSED(language_gpt2(&small), m.core.qk_norm = true, "gpt2: qk_norm");
}

static void what_a_bert_cannot_say_is_refused_by_field(void **state)
{
    TDL_UNUSED(state);
    ASSERT_REFUSED(language_bert(&small), m.core.act = TDL_ACT_GELU_ERF, "bert: act");
    ASSERT_REFUSED(language_bert(&small), m.core.mask = TDL_MASK_CAUSAL, "bert: mask");
    ASSERT_REFUSED(language_bert(&small), m.types = 0, "bert: types");
    ASSERT_REFUSED(language_bert(&small), m.embed_norm = false, "bert: embed_norm");
    ASSERT_REFUSED(language_bert(&small), m.pooled = false, "bert: head");
    ASSERT_REFUSED(language_bert(&small), m.head = TDL_HEAD_TIED, "bert: head");
    ASSERT_REFUSED(language_bert(&small), m.pooling = TDL_POOL_LAST, "bert: pooling");
    ASSERT_REFUSED(language_bert(&small), m.position = TDL_POSITION_NONE, "bert: position");
    ASSERT_REFUSED(language_bert(&small), m.core.qk_norm = true, "bert: qk_norm");
}

static void a_vocabulary_that_does_not_fit_is_refused(void **state)
{
    const tdl_gguf_vocabulary few = {.model = "llama", .token = tokens, .tokens_n = 4};
    const tdl_gguf_vocabulary merges = {.model = "gpt2", .token = tokens, .tokens_n = VOCABULARY};
    const tdl_gguf_vocabulary words = {.model = "rwkv", .token = tokens, .tokens_n = VOCABULARY};
    const tdl_transformer_config llama = language_llama(&small);
    tdl_transformer model;
    tdl_report why;

    TDL_UNUSED(state);
    start(&model, &llama);
    assert_int_equal(tdl_export_gguf(&model, &few, TDL_GGUF_F32, PATH, &why), TDL_E_INVALID);
    assert_says(&why, "a tokenizer of 4 tokens, a model of 5");
    assert_int_equal(tdl_export_gguf(&model, &merges, TDL_GGUF_F32, PATH, &why), TDL_E_INVALID);
    assert_says(&why, "without merges");
    assert_int_equal(tdl_export_gguf(&model, &words, TDL_GGUF_F32, PATH, &why), TDL_E_INVALID);
    assert_says(&why, "rwkv");
    assert_int_equal(tdl_export_gguf(&model, &vocabulary, TDL_GGUF_Q8_0, PATH, &why),
                     TDL_E_INVALID);
    assert_says(&why, "32");
    tdl_transformer_release(&model);
}

/* ---- refused on the way in ---- */

typedef struct header {
    const char *architecture;
    uint32_t layers, width, heads, kv_heads, hidden;
    bool scaled;
    uint32_t key_length; /* 0: not said */
} header;

/* A llama of those counts whose only tensor is a table [5][8]. */
static void assert_not_imported(const header *h, const char *said)
{
    static const float table[VOCABULARY * 8];
    tdl_gguf_writer *w = tdl_gguf_writer_new(h->architecture);
    tdl_transformer model;
    tdl_report why = {0};

    tdl_gguf_set_u32(w, "llama.context_length", 7);
    tdl_gguf_set_u32(w, "llama.embedding_length", h->width);
    tdl_gguf_set_u32(w, "llama.block_count", h->layers);
    tdl_gguf_set_u32(w, "llama.feed_forward_length", h->hidden);
    tdl_gguf_set_u32(w, "llama.attention.head_count", h->heads);
    tdl_gguf_set_u32(w, "llama.attention.head_count_kv", h->kv_heads);
    tdl_gguf_set_float(w, "llama.attention.layer_norm_rms_epsilon", 1e-6F);
    if (h->scaled)
        tdl_gguf_set_str(w, "llama.rope.scaling.type", TDL_STR("yarn"));
    if (h->key_length)
        tdl_gguf_set_u32(w, "llama.attention.key_length", h->key_length);
    tdl_gguf_add(w, "token_embd.weight", TDL_GGUF_F32, 2, (size_t[]){VOCABULARY, 8}, table);
    assert_int_equal(tdl_gguf_write(w, PATH, &why), TDL_OK);
    tdl_gguf_writer_free(w);
    assert_int_not_equal(tdl_import_gguf(PATH, &model, &why), TDL_OK);
    assert_says(&why, said);
    assert_says(&why, PATH);
    unlink(PATH);
}

static void a_file_whose_keys_lie_is_refused_before_memory_is_asked_for(void **state)
{
    const uint32_t most = UINT32_MAX;

    TDL_UNUSED(state);
    assert_not_imported(&(header){"llama", 1, 8, 4, 2, 6, false, 0}, "the tensors have 40");
    assert_not_imported(&(header){"llama", 4096, 1 << 24, 1, 1, 1 << 24, false, 0},
                        "the tensors have");
    assert_not_imported(&(header){"llama", most, 8, 4, 2, 6, false, 0}, "llama.block_count");
    assert_not_imported(&(header){"llama", 1, most, 4, 2, 6, false, 0}, "llama.embedding_length");
    assert_not_imported(&(header){"llama", 1, 8, 0, 2, 6, false, 0}, "llama.attention.head_count");
    assert_not_imported(&(header){"llama", 1, 8, 4, 5, 6, false, 0}, "head_count_kv\" is 5");
    assert_not_imported(&(header){"llama", 1, 8, 4, 2, 6, true, 0}, "llama.rope.scaling.type");
    assert_not_imported(&(header){"llama", 1, 8, 4, 2, 6, false, 5},
                        "key \"llama.attention.key_length\" is 5, not 2");
    assert_not_imported(&(header){"mamba", 1, 8, 4, 2, 6, false, 0}, "architecture \"mamba\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_llama_comes_back_to_the_bit),
        cmocka_unit_test(a_llama_with_normed_queries_and_keys_is_a_qwen3_and_comes_back_to_the_bit),
        cmocka_unit_test(a_gpt2_comes_back_to_the_bit),
        cmocka_unit_test(what_a_llama_cannot_say_is_refused_by_field),
        cmocka_unit_test(what_a_gpt2_cannot_say_is_refused_by_field),
        cmocka_unit_test(what_a_bert_cannot_say_is_refused_by_field),
        cmocka_unit_test(a_vocabulary_that_does_not_fit_is_refused),
        cmocka_unit_test(a_file_whose_keys_lie_is_refused_before_memory_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
