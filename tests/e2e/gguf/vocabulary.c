#include "vocabulary.h"

enum { UNKNOWN, BEGIN, END, FIRST_BYTE, FIRST_PIECE = FIRST_BYTE + 256 };

static const uint32_t begin = BEGIN, end = END;

tdl_gguf_vocabulary pieces_vocabulary(tdl_arena *memory, size_t n)
{
    static const char *const pieces[] = {
        "\xe2\x96\x81", "h", "e", "l", "o", "he", "ll", "hell", "hello", "\xe2\x96\x81hello"};
    tdl_str *token = tdl_arena_alloc(memory, n, sizeof *token);
    float *score = tdl_arena_zalloc(memory, n, sizeof *score);
    int32_t *kind = tdl_arena_alloc(memory, n, sizeof *kind);

    if (!token || !score || !kind)
        return (tdl_gguf_vocabulary){.model = "llama"};
    token[UNKNOWN] = TDL_STR("<unk>");
    token[BEGIN] = TDL_STR("<s>");
    token[END] = TDL_STR("</s>");
    for (size_t i = 0; i < n; i++) {
        size_t piece = i - FIRST_PIECE;
        kind[i] = i == UNKNOWN      ? TDL_TOKEN_UNKNOWN
                  : i < FIRST_BYTE  ? TDL_TOKEN_CONTROL
                  : i < FIRST_PIECE ? TDL_TOKEN_BYTE
                                    : TDL_TOKEN_NORMAL;
        if (i >= FIRST_BYTE && i < FIRST_PIECE)
            token[i] = tdl_arena_printf(memory, "<0x%02X>", (unsigned)(i - FIRST_BYTE));
        if (i < FIRST_PIECE)
            continue;
        score[i] = -(float)(n - i); // longer pieces stand later and win
        token[i] = piece < sizeof pieces / sizeof *pieces
                       ? tdl_str_of(pieces[piece])
                       : tdl_arena_printf(memory, "unused%zu", piece);
    }
    return (tdl_gguf_vocabulary){.model = "llama",
                                 .token = token,
                                 .tokens_n = n,
                                 .score = score,
                                 .kind = kind,
                                 .begin = &begin,
                                 .end = &end};
}

/* GPT-2 writes each byte as a printable character: itself when it is one, else the next from U+0100
 * on. */
static tdl_str byte_token(tdl_arena *memory, unsigned byte, unsigned *next)
{
    unsigned code = byte;

    if (byte <= ' ' || (byte >= 0x7f && byte <= 0xa0) || byte == 0xad)
        code = (*next)++;
    if (code < 0x80)
        return tdl_arena_printf(memory, "%c", (char)code);
    return tdl_arena_printf(memory, "%c%c", (char)(0xc0 | code >> 6), (char)(0x80 | (code & 0x3f)));
}

tdl_gguf_vocabulary merges_vocabulary(tdl_arena *memory, size_t n)
{
    static const tdl_str merges[] = {{"h e", 3}, {"l l", 3}, {"he ll", 5}, {"hell o", 6}};
    static const char *const merged[] = {"he", "ll", "hell", "hello"};
    enum { MERGES = sizeof merges / sizeof *merges };
    tdl_str *token = tdl_arena_alloc(memory, n, sizeof *token);
    int32_t *kind = tdl_arena_alloc(memory, n, sizeof *kind);
    uint32_t *last = tdl_arena_alloc(memory, 1, sizeof *last);
    unsigned next = 0x100;

    if (!token || !kind || !last)
        return (tdl_gguf_vocabulary){.model = "gpt2"};
    for (size_t i = 0; i < n; i++) {
        kind[i] = TDL_TOKEN_NORMAL;
        token[i] = i < 256            ? byte_token(memory, (unsigned)i, &next)
                   : i - 256 < MERGES ? tdl_str_of(merged[i - 256])
                                      : tdl_arena_printf(memory, "unused%zu", i);
    }
    token[n - 1] = TDL_STR("<|endoftext|>");
    kind[n - 1] = TDL_TOKEN_CONTROL;
    *last = (uint32_t)(n - 1);
    return (tdl_gguf_vocabulary){.model = "gpt2",
                                 .pre = "gpt-2",
                                 .token = token,
                                 .tokens_n = n,
                                 .kind = kind,
                                 .merge = merges,
                                 .merges_n = MERGES,
                                 .begin = last,
                                 .end = last};
}

tdl_gguf_vocabulary words_vocabulary(tdl_arena *memory, size_t n)
{
    static const tdl_str first[] = {
        {"[PAD]", 5}, {"[UNK]", 5}, {"[CLS]", 5}, {"[SEP]", 5}, {"[MASK]", 6}};
    static const uint32_t padding = 0, unknown = 1, cls = 2, sep = 3, mask = 4;
    enum { FIRST = sizeof first / sizeof *first };
    tdl_str *token = tdl_arena_alloc(memory, n, sizeof *token);
    int32_t *kind = tdl_arena_alloc(memory, n, sizeof *kind);

    if (!token || !kind)
        return (tdl_gguf_vocabulary){.model = "bert"};
    for (size_t i = 0; i < n; i++) {
        kind[i] = i == unknown ? TDL_TOKEN_UNKNOWN
                  : i < FIRST  ? TDL_TOKEN_CONTROL
                               : TDL_TOKEN_NORMAL;
        token[i] = i < FIRST ? first[i] : tdl_arena_printf(memory, "\xe2\x96\x81word%zu", i);
    }
    return (tdl_gguf_vocabulary){.model = "bert",
                                 .token = token,
                                 .tokens_n = n,
                                 .kind = kind,
                                 .begin = &cls,
                                 .end = &sep,
                                 .unknown = &unknown,
                                 .padding = &padding,
                                 .mask = &mask};
}
