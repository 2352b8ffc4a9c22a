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

typedef struct counter {
    double *count; /* [buckets] */
    size_t buckets;
    uint64_t word;     /* hash of the bytes of the word that is being read */
    bool in_word;      /* */
    uint64_t previous; /* word */
    bool any;          /* was there one? */
} counter;

static void end_word(counter *c)
{
    uint64_t word;

    if (!c->in_word)
        return;
    word = mix(c->word);
    c->count[word % c->buckets]++;
    if (c->any)
        c->count[mix(c->previous * FNV_PRIME + word) % c->buckets]++;
    c->previous = word;
    c->any = true;
    c->in_word = false;
}

static void add_letter(counter *c, utf8proc_int32_t letter)
{
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t n = utf8proc_encode_char(utf8proc_tolower(letter), bytes);

    c->word = absorb(c->in_word ? c->word : FNV_START, bytes, n > 0 ? (size_t)n : 0);
    c->in_word = true;
}

void tdl_words_count(tdl_str text, size_t buckets, double *count)
{
    counter c = {.count = count, .buckets = buckets};

    for (size_t at = 0; at < text.len;) {
        size_t left = text.len - at;
        utf8proc_int32_t letter;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.at + at,
                                              (utf8proc_ssize_t)left, &letter);
        kind k = n > 0 ? kind_of(letter) : BREAK;

        if (k != LETTER)
            end_word(&c);
        if (k != BREAK)
            add_letter(&c, letter);
        if (k == HAN)
            end_word(&c);
        at += n > 0 ? (size_t)n : 1;
    }
    end_word(&c);
}
