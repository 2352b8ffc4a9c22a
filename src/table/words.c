#include "table/words.h"

#include <utf8proc.h>

static const uint64_t FNV_START = UINT64_C(0xCBF29CE484222325);
static const uint64_t FNV_PRIME = UINT64_C(0x100000001B3);

static uint64_t absorb(uint64_t hash, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * FNV_PRIME;
    return hash;
}

static uint64_t mix(uint64_t z) /* the finaliser of splitmix64: low bits depend on all others */
{
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

uint64_t tdl_words_hash(tdl_str text)
{
    return mix(absorb(FNV_START, (const uint8_t *)text.at, text.len));
}

typedef enum kind { BREAK, LETTER, HAN } kind;

static bool is_han(utf8proc_int32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x323AF) || c == 0x3007;
}

static kind kind_of(utf8proc_int32_t c)
{
    if (c < 0)
        return BREAK;
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? LETTER
                                                                                          : BREAK;
    if (is_han(c))
        return HAN;
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
        return LETTER;
    default:
        return BREAK;
    }
}

typedef struct reader {
    tdl_words_fn *meet;
    void *context;
    uint64_t word;              /* hash of the bytes of the word that is being read */
    bool in_word;               /* */
    uint64_t previous;          /* word */
    bool any;                   /* was there one? */
    char start[TDL_WORD_START]; /* [start_n] bytes of that word */
    size_t start_n;             /* */
    bool full;                  /* no further letter fits */
} reader;

static void end_word(reader *r, bool han)
{
    if (!r->in_word)
        return;
    tdl_word word = {.hash = mix(r->word), .start = {r->start, r->start_n}, .han = han};
    if (r->any)
        word.pair = mix(r->previous * FNV_PRIME + word.hash);
    r->meet(r->context, &word);
    r->previous = word.hash;
    r->any = true;
    r->in_word = r->full = false;
    r->start_n = 0;
}

static void add_letter(reader *r, utf8proc_int32_t letter)
{
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t n = utf8proc_encode_char(utf8proc_tolower(letter), bytes);
    size_t bytes_n = n > 0 ? (size_t)n : 0;

    r->word = absorb(r->in_word ? r->word : FNV_START, bytes, bytes_n);
    r->in_word = true;
    r->full = r->full || r->start_n + bytes_n > sizeof r->start;
    if (!r->full) {
        memcpy(r->start + r->start_n, bytes, bytes_n);
        r->start_n += bytes_n;
    }
}

void tdl_words_each(tdl_str text, tdl_words_fn *meet, void *context)
{
    reader r = {.meet = meet, .context = context};

    for (size_t at = 0; at < text.len;) {
        size_t left = text.len - at;
        utf8proc_int32_t letter;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.at + at,
                                              (utf8proc_ssize_t)left, &letter);
        kind k = n > 0 ? kind_of(letter) : BREAK;

        if (k != LETTER)
            end_word(&r, false);
        if (k != BREAK)
            add_letter(&r, letter);
        if (k == HAN)
            end_word(&r, true);
        at += n > 0 ? (size_t)n : 1;
    }
    end_word(&r, false);
}

typedef struct counter {
    double *count; /* [buckets] */
    size_t buckets;
} counter;

static void count_word(void *context, const tdl_word *word)
{
    counter *c = context;

    c->count[word->hash % c->buckets]++;
    if (word->pair)
        c->count[word->pair % c->buckets]++;
}

void tdl_words_count(tdl_str text, size_t buckets, double *count)
{
    counter c = {.count = count, .buckets = buckets};

    tdl_words_each(text, count_word, &c);
}
