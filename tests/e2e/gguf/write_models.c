/* Writes tiny GGUF models with tokenizers, whose weights models.mjs computes again by the same
 * rule.
 *
 *   write_gguf_models FOLDER
 *
 * Width 64, two layers, four heads, 300 tokens. The keys and tensors are those that llama.cpp
 * demands of each architecture; docs/design/train.md lists them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "train/gguf.h"

enum { WIDTH = 64, LAYERS = 2, HEADS = 4, KV_HEADS = 2, HIDDEN = 128, CONTEXT = 64, VOCAB = 300 };
enum { KV_WIDTH = WIDTH / HEADS * KV_HEADS };

/* Tokens of the three special kinds and of the 256 bytes of a SentencePiece vocabulary. */
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_BYTE = 6 };
enum { UNKNOWN, BEGIN, END, FIRST_BYTE, FIRST_PIECE = FIRST_BYTE + 256 };

typedef struct model {
    tdl_gguf_writer *writer;
    tdl_gguf_type type; /* of the matrices; vectors are F32, as llama.cpp wants them */
    tdl_arena *memory;
    size_t seed; /* of the next tensor: 1, 2, 3, ... in the order they are added */
} model;

/* n numbers in -1/4..1/4: a hash of (seed, i); weight() of models.mjs */
static const float *fill(model *m, size_t n)
{
    float *w = tdl_arena_alloc(m->memory, n, sizeof *w);
    uint32_t seed = (uint32_t)m->seed++ * 0x9e3779b1U;

    for (size_t i = 0; w && i < n; i++) {
        uint32_t h = ((uint32_t)i ^ seed) * 0x85ebca6bU;
        h = (h ^ h >> 13) * 0xc2b2ae35U;
        w[i] = (float)(h >> 16) / 131072 - 0.25F;
    }
    return w;
}

static void add_vector(model *m, const char *name, size_t n)
{
    tdl_gguf_add(m->writer, name, TDL_GGUF_F32, 1, &n, fill(m, n));
}

/* A table, or a weight that is stored as llama.cpp has it: [out][in] */
static void add_matrix(model *m, const char *name, size_t rows, size_t columns)
{
    tdl_gguf_add(m->writer, name, m->type, 2, (size_t[]){rows, columns}, fill(m, rows * columns));
}

static const char *in_block(model *m, int layer, const char *name)
{
    return tdl_arena_printf(m->memory, "blk.%d.%s", layer, name).at;
}

static void block_vector(model *m, int layer, const char *name, size_t n)
{
    add_vector(m, in_block(m, layer, name), n);
}

static void block_matrix(model *m, int layer, const char *name, size_t rows, size_t columns)
{
    add_matrix(m, in_block(m, layer, name), rows, columns);
}

static void set_shape(model *m, const char *architecture)
{
    static const struct {
        const char *key;
        uint32_t value;
    } shape[] = {{"context_length", CONTEXT},
                 {"embedding_length", WIDTH},
                 {"block_count", LAYERS},
                 {"feed_forward_length", HIDDEN},
                 {"attention.head_count", HEADS}};

    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        tdl_gguf_set_u32(m->writer,
                         tdl_arena_printf(m->memory, "%s.%s", architecture, shape[i].key).at,
                         shape[i].value);
}

/* ---- llama, with a SentencePiece tokenizer ---- */

static void set_pieces(model *m)
{
    static const char *const pieces[] = {
        "\xe2\x96\x81", "h", "e", "l", "o", "he", "ll", "hell", "hello", "\xe2\x96\x81hello"};
    tdl_str tokens[VOCAB];
    float scores[VOCAB] = {0};
    int32_t types[VOCAB];

    tokens[UNKNOWN] = TDL_STR("<unk>");
    tokens[BEGIN] = TDL_STR("<s>");
    tokens[END] = TDL_STR("</s>");
    for (size_t i = 0; i < VOCAB; i++) {
        size_t piece = i - FIRST_PIECE;
        types[i] = i == UNKNOWN      ? TYPE_UNKNOWN
                   : i < FIRST_BYTE  ? TYPE_CONTROL
                   : i < FIRST_PIECE ? TYPE_BYTE
                                     : TYPE_NORMAL;
        if (i >= FIRST_BYTE && i < FIRST_PIECE)
            tokens[i] = tdl_arena_printf(m->memory, "<0x%02X>", (unsigned)(i - FIRST_BYTE));
        if (i < FIRST_PIECE)
            continue;
        scores[i] = -(float)(VOCAB - i); // longer pieces stand later and win
        tokens[i] = piece < sizeof pieces / sizeof *pieces
                        ? tdl_str_of(pieces[piece])
                        : tdl_arena_printf(m->memory, "unused%zu", piece);
    }
    tdl_gguf_set_str(m->writer, "tokenizer.ggml.model", TDL_STR("llama"));
    tdl_gguf_set_strs(m->writer, "tokenizer.ggml.tokens", tokens, VOCAB);
    tdl_gguf_set_array(m->writer, "tokenizer.ggml.scores", TDL_GGUF_FLOAT, scores, VOCAB);
    tdl_gguf_set_array(m->writer, "tokenizer.ggml.token_type", TDL_GGUF_I32, types, VOCAB);
    tdl_gguf_set_u32(m->writer, "tokenizer.ggml.bos_token_id", BEGIN);
    tdl_gguf_set_u32(m->writer, "tokenizer.ggml.eos_token_id", END);
}

static void llama_block(model *m, int layer)
{
    block_vector(m, layer, "attn_norm.weight", WIDTH);
    block_matrix(m, layer, "attn_q.weight", WIDTH, WIDTH);
    block_matrix(m, layer, "attn_k.weight", KV_WIDTH, WIDTH);
    block_matrix(m, layer, "attn_v.weight", KV_WIDTH, WIDTH);
    block_matrix(m, layer, "attn_output.weight", WIDTH, WIDTH);
    block_vector(m, layer, "ffn_norm.weight", WIDTH);
    block_matrix(m, layer, "ffn_gate.weight", HIDDEN, WIDTH);
    block_matrix(m, layer, "ffn_up.weight", HIDDEN, WIDTH);
    block_matrix(m, layer, "ffn_down.weight", WIDTH, HIDDEN);
}

static void llama(model *m)
{
    set_shape(m, "llama");
    tdl_gguf_set_u32(m->writer, "llama.attention.head_count_kv", KV_HEADS);
    tdl_gguf_set_float(m->writer, "llama.attention.layer_norm_rms_epsilon", 1e-6F);
    tdl_gguf_set_u32(m->writer, "llama.rope.dimension_count", WIDTH / HEADS);
    tdl_gguf_set_float(m->writer, "llama.rope.freq_base", 10000);
    set_pieces(m);
    add_matrix(m, "token_embd.weight", VOCAB, WIDTH);
    for (int layer = 0; layer < LAYERS; layer++)
        llama_block(m, layer);
    add_vector(m, "output_norm.weight", WIDTH);
    add_matrix(m, "output.weight", VOCAB, WIDTH);
}

/* ---- gpt2, with a byte-level BPE tokenizer ---- */

/* GPT-2 writes each byte as a printable character: itself when it is one, else the next from U+0100
 * on. */
static tdl_str byte_token(model *m, unsigned byte, unsigned *next)
{
    unsigned code = byte;

    if (byte <= ' ' || (byte >= 0x7f && byte <= 0xa0) || byte == 0xad)
        code = (*next)++;
    if (code < 0x80)
        return tdl_arena_printf(m->memory, "%c", (char)code);
    return tdl_arena_printf(m->memory, "%c%c", (char)(0xc0 | code >> 6),
                            (char)(0x80 | (code & 0x3f)));
}

static void set_merges(model *m)
{
    static const tdl_str merges[] = {{"h e", 3}, {"l l", 3}, {"he ll", 5}, {"hell o", 6}};
    static const char *const merged[] = {"he", "ll", "hell", "hello"};
    enum { MERGES = sizeof merges / sizeof *merges, END_OF_TEXT = VOCAB - 1 };
    tdl_str tokens[VOCAB];
    int32_t types[VOCAB];
    unsigned next = 0x100;

    for (size_t i = 0; i < VOCAB; i++) {
        types[i] = TYPE_NORMAL;
        tokens[i] = i < 256            ? byte_token(m, (unsigned)i, &next)
                    : i - 256 < MERGES ? tdl_str_of(merged[i - 256])
                                       : tdl_arena_printf(m->memory, "unused%zu", i);
    }
    tokens[END_OF_TEXT] = TDL_STR("<|endoftext|>");
    types[END_OF_TEXT] = TYPE_CONTROL;
    tdl_gguf_set_str(m->writer, "tokenizer.ggml.model", TDL_STR("gpt2"));
    tdl_gguf_set_str(m->writer, "tokenizer.ggml.pre", TDL_STR("gpt-2"));
    tdl_gguf_set_strs(m->writer, "tokenizer.ggml.tokens", tokens, VOCAB);
    tdl_gguf_set_array(m->writer, "tokenizer.ggml.token_type", TDL_GGUF_I32, types, VOCAB);
    tdl_gguf_set_strs(m->writer, "tokenizer.ggml.merges", merges, MERGES);
    tdl_gguf_set_u32(m->writer, "tokenizer.ggml.bos_token_id", END_OF_TEXT);
    tdl_gguf_set_u32(m->writer, "tokenizer.ggml.eos_token_id", END_OF_TEXT);
}

static void gpt2_block(model *m, int layer)
{
    block_vector(m, layer, "attn_norm.weight", WIDTH);
    block_vector(m, layer, "attn_norm.bias", WIDTH);
    block_matrix(m, layer, "attn_qkv.weight", 3 * WIDTH, WIDTH);
    block_vector(m, layer, "attn_qkv.bias", 3 * WIDTH);
    block_matrix(m, layer, "attn_output.weight", WIDTH, WIDTH);
    block_vector(m, layer, "attn_output.bias", WIDTH);
    block_vector(m, layer, "ffn_norm.weight", WIDTH);
    block_vector(m, layer, "ffn_norm.bias", WIDTH);
    block_matrix(m, layer, "ffn_up.weight", HIDDEN, WIDTH);
    block_vector(m, layer, "ffn_up.bias", HIDDEN);
    block_matrix(m, layer, "ffn_down.weight", WIDTH, HIDDEN);
    block_vector(m, layer, "ffn_down.bias", WIDTH);
}

/* The head is tied: there is no output.weight. */
static void gpt2(model *m)
{
    set_shape(m, "gpt2");
    tdl_gguf_set_float(m->writer, "gpt2.attention.layer_norm_epsilon", 1e-5F);
    set_merges(m);
    add_matrix(m, "token_embd.weight", VOCAB, WIDTH);
    add_matrix(m, "position_embd.weight", CONTEXT, WIDTH);
    for (int layer = 0; layer < LAYERS; layer++)
        gpt2_block(m, layer);
    add_vector(m, "output_norm.weight", WIDTH);
    add_vector(m, "output_norm.bias", WIDTH);
}

static tdl_status write_model(const char *folder, const char *name, const char *architecture,
                              void (*build)(model *), tdl_gguf_type type, tdl_report *why)
{
    model m = {tdl_gguf_writer_new(architecture), type, tdl_arena_new(4 << 20), 1};
    char path[4096];

    if (m.memory)
        build(&m);
    snprintf(path, sizeof path, "%s/%s.gguf", folder, name);
    tdl_status st = tdl_gguf_write(m.writer, path, why);
    tdl_gguf_writer_free(m.writer);
    tdl_arena_free(m.memory);
    return st;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name, *architecture;
        void (*build)(model *);
        tdl_gguf_type type;
    } models[] = {{"llama-f32", "llama", llama, TDL_GGUF_F32},
                  {"llama-f16", "llama", llama, TDL_GGUF_F16},
                  {"llama-bf16", "llama", llama, TDL_GGUF_BF16},
                  {"llama-q8_0", "llama", llama, TDL_GGUF_Q8_0},
                  {"llama-q4_0", "llama", llama, TDL_GGUF_Q4_0},
                  {"gpt2-f32", "gpt2", gpt2, TDL_GGUF_F32},
                  {"gpt2-q8_0", "gpt2", gpt2, TDL_GGUF_Q8_0}};
    tdl_report why = {0};
    int failed = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (write_model(argv[1], models[i].name, models[i].architecture, models[i].build,
                        models[i].type, &why)) {
            fprintf(stderr, "%s: %s\n", models[i].name, why.message);
            failed = 1;
        }
    return failed;
}
