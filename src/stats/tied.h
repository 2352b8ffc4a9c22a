/* Ranking metrics of a list against a set of relevant items, by expectation over ties.
 *
 * Items of equal score stand in random order, and each metric is its mean over all such orders
 * (McSherry and Najork, 2008). So a sparse model gains nothing from thousands of zeros that happen
 * to stand in a good order. For target t let a candidates score higher and b the same, t among
 * them, and c(r) = sum_{x < r} 1/log2(x + 2):
 *
 *     Recall@K  sum_t (min(a + b, K) - min(a, K))/b            over min(K, targets)
 *     NDCG@K    sum_t (c(min(a + b, K)) - c(min(a, K)))/b      over c(min(K, targets))
 *     HR@K      probability that any target is among the first K
 *     MRR@K     expectation of 1/rank of the best target, 0 past K
 */
#ifndef TDL_STATS_TIED_H
#define TDL_STATS_TIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { TDL_TIED_K_MAX = 1000 };

typedef struct tdl_tied {
    double hr, recall, ndcg, mrr;
} tdl_tied;

/* Metrics of one list at each of `k` [k_n], each in 1..TDL_TIED_K_MAX: ret [k_n].
 *   scores      [n], higher is better; NaN counts as minus infinity
 *   excluded    [n] items that are no candidates; NULL = none
 *   target      [target_n] different candidates
 *   relevant_n  all relevant items, >= target_n, >= 1: those that are in no catalogue are misses
 *   returns     TDL_OK | TDL_E_NO_MEMORY (scratch is full) */
tdl_status tdl_tied_metrics(const float *scores, const bool *excluded, size_t n,
                            const int32_t *target, size_t target_n, size_t relevant_n,
                            const size_t *k, size_t k_n, tdl_arena *scratch, tdl_tied *ret);

#endif
