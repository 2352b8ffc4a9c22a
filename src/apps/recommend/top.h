/* The best few of many scores: one pass that leaves most blocks after a single comparison. */
#ifndef TDL_APPS_RECOMMEND_TOP_H
#define TDL_APPS_RECOMMEND_TOP_H

#include <stddef.h>
#include <stdint.h>

typedef struct tdl_scored {
    float score;
    int32_t item;
} tdl_scored;

/* A set of items: one bit each. */
enum { TDL_BITS = 64 };
static inline size_t tdl_bits_words(size_t n)
{
    return (n + TDL_BITS - 1) / TDL_BITS;
}
static inline void tdl_bits_set(uint64_t *bits, int32_t at)
{
    bits[(uint32_t)at / TDL_BITS] |= UINT64_C(1) << ((uint32_t)at % TDL_BITS);
}
static inline int tdl_bits_has(const uint64_t *bits, int32_t at)
{
    return (int)(bits[(uint32_t)at / TDL_BITS] >> ((uint32_t)at % TDL_BITS) & 1);
}

/* The items of a word of a set, one after the other: for (w = word; w; w &= w - 1). */
static inline int32_t tdl_bits_first(uint64_t word, size_t at)
{
    return (int32_t)(at * TDL_BITS + (size_t)__builtin_ctzll(word));
}

/* The best so far of what is offered: a heap whose root is the worst. */
typedef struct tdl_best {
    tdl_scored *heap; /* [n <= k] */
    size_t n, k;      /* k >= 1 */
    float above;      /* what is not above this is not taken; rises once k are held */
} tdl_best;

/* Offers must come by rising number: of equal scores the earlier is kept. */
void tdl_best_offer(tdl_best *best, tdl_scored one);
void tdl_best_sort(tdl_best *best); /* best first; no more offers then */

/* The largest of TDL_TOP_BLOCK scores, NaN aside; -INFINITY when there is none. */
enum { TDL_TOP_BLOCK = 32 };
float tdl_largest_of_block(const float *scores);

/* The best `k` items with above < score < below, best first; equal scores by lower number.
 *   scores   [scores_n]; NaN is never taken
 *   blocked  set of items that may not be taken; NULL = none
 *   ret      [k]
 *   returns  how many were found, <= k
 */
size_t tdl_top(const float *scores, size_t scores_n, const uint64_t *blocked, float above,
               float below, tdl_scored *ret, size_t k);

/* The same among the items of a set alone, `words` long: scores of others are not looked at. */
size_t tdl_top_among(const float *scores, const uint64_t *among, size_t words,
                     const uint64_t *blocked, float above, tdl_scored *ret, size_t k);

/* The same for a model's answer: items with a positive score, then those with a negative one. 0
 * means that the model has nothing to say about an item. */
size_t tdl_top_spoken(const float *scores, size_t scores_n, const uint64_t *blocked,
                      tdl_scored *ret, size_t k);

#endif
