/* Words of a text, counted in hashed buckets (Weinberger et al., 2009): no dictionary is needed,
 * and words that training never saw have a place too.
 *
 * A word is a run of letters, marks and digits in lower case, as the Unicode tables say; each Han
 * character is a word by itself, for Chinese is written without blanks. Words and pairs of words
 * that follow one another are counted.
 */
#ifndef TDL_TABLE_WORDS_H
#define TDL_TABLE_WORDS_H

#include "base/str.h"

enum { TDL_WORD_START = 64 };

/* One word of a text, as it is met. */
typedef struct tdl_word {
    uint64_t hash; /* tdl_words_hash of the whole word in lower case */
    uint64_t pair; /* of the word before and this one; 0 = the first */
    tdl_str start; /* in lower case: whole letters, at most TDL_WORD_START bytes; for the call */
    bool han;      /* one Han character */
} tdl_word;

/* 64-bit FNV-1a with a final mix: the same on every machine, unlike tdl_str_hash. */
uint64_t tdl_words_hash(tdl_str text);

/* Call `meet` for each word of `text` in order. Ill-formed bytes end a word. */
typedef void tdl_words_fn(void *context, const tdl_word *word);
void tdl_words_each(tdl_str text, tdl_words_fn *meet, void *context);

/* Add the words and pairs of `text` to count[buckets], buckets >= 1. Ill-formed bytes end a word.
 */
void tdl_words_count(tdl_str text, size_t buckets, double *count);

#endif
