/* Ranking metrics of one held-out item: its rank among all candidates, and what that is worth. And
 * of a list whose items all have a relevance.
 *
 * Averages over users are the caller's; every metric is a double so that bootstrap.h takes it as
 * is.
 */
#ifndef TDL_STATS_RANKING_H
#define TDL_STATS_RANKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1 + candidates that score higher + half of the others that score the same: the expected rank when
 * ties are broken at random, so that a model that scores everything alike gains nothing by it.
 *   scores    [n], higher is better; NaN counts as minus infinity
 *   excluded  [n], items that are no candidates, such as those already seen; NULL = none
 *   target    < n, a candidate even where excluded says otherwise
 *   returns   in [1, candidates], a multiple of 1/2
 */
double tdl_rank(const float *scores, const bool *excluded, size_t n, size_t target);

/* 1 when fewer than k candidates are better, so rank - 1 < k, else 0. A rank of k + 1/2 is a hit.
 */
double tdl_hit_at(double rank, size_t k);

/* 1 / log2(rank + 1) for a hit, else 0: normalised discounted cumulative gain with a single
 * relevant item (Jarvelin and Kekalainen, 2002). */
double tdl_ndcg_at(double rank, size_t k);

double tdl_reciprocal_rank(double rank); /* 1 / rank; its mean is MRR */

/* Normalised discounted cumulative gain of the first k places of a list, by linear gain; items of
 * one score share their places (McSherry and Najork, 2008), so that scores all alike gain nothing
 * from the order of the file.
 *   relevance, score        [n], relevance >= 0
 *   by_score, by_relevance  [n] items ascending by each
 *   returns                 in [0, 1]; NaN when nothing is relevant */
double tdl_ndcg_list(const double *relevance, const double *score, const uint32_t *by_score,
                     const uint32_t *by_relevance, size_t n, size_t k);

#endif
