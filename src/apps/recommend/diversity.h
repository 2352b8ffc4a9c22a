/* Diversity: what an item is still worth once others stand above it in the answer.
 *
 * One slot is filled at a time, by whoever fills it: pins, caps and exploration choose too. So
 * there is no "diversify this list" but an objective for each candidate, which every choice
 * changes.
 *
 *     tdl_diversity_start(&d, &options, relevance, n, slots, similarity, context, arena)
 *     for each slot: choose by tdl_diversity_at(&d, i); tdl_diversity_take(&d, chosen)
 *
 * An objective never rises. So what it was is a bound, and who looks for the best need not ask for
 * those whose bound is below the best so far: of some 250 candidates a dozen are compared.
 *
 * MMR  (Carbonell and Goldstein, SIGIR 1998): lambda rel_i - (1 - lambda) max over chosen k of
 *      s(i, k); rel scaled to [0, 1] over the candidates
 * DPP  (Chen, Zhang and Zhou, NeurIPS 2018): logarithm of what i adds to the determinant of
 *      exp(theta rel_i) s(i, k) exp(theta rel_k) + 1e-3 [i = k], by a Cholesky row for each chosen
 *
 * with s = the cosine, 0 where it is below.
 *
 * Memory   4 n numbers for MMR; n * slots for DPP
 */
#ifndef TDL_APPS_RECOMMEND_DIVERSITY_H
#define TDL_APPS_RECOMMEND_DIVERSITY_H

#include "base/arena.h"
#include "base/str.h"

typedef enum tdl_diversity_kind {
    TDL_DIVERSITY_OFF, /* the objective is the relevance */
    TDL_DIVERSITY_MMR,
    TDL_DIVERSITY_DPP
} tdl_diversity_kind;

typedef struct tdl_diversity_options {
    tdl_diversity_kind kind;
    double lambda; /* MMR: 1 = relevance alone, 0 = difference alone */
    double theta;  /* DPP: how much relevance counts */
} tdl_diversity_options;

/* Similarities of candidate `i` with others [n], by their indexes; what is below 0 counts as 0. */
typedef void tdl_similarity_fn(const void *context, size_t i, const size_t *other, size_t n,
                               double *ret);

typedef struct tdl_diversity {
    double
        *objective; /* [n], finite, or a bound above; of those chosen it means nothing any more */
    tdl_diversity_options options;
    tdl_similarity_fn *similarity;
    const void *context;
    size_t n, slots, taken;
    double *relevance; /* [n], scaled for MMR */
    size_t *chosen;    /* [taken] */
    double *near;      /* [1], DPP [n]: similarities at hand */
    double *nearest;   /* [n] MMR: similarity to the nearest of the first .. */
    size_t *met;       /* [n] .. so many of the chosen */
    double *residual;  /* [n] DPP: what is left of the diagonal */
    double *row;       /* [slots, n] DPP: rows of the Cholesky factor */
    size_t *all;       /* [n] DPP: 0, 1, .. */
} tdl_diversity;

/* relevance   [n], copied; what is not finite counts as the smallest
 * slots       most choices
 * False: the arena has no memory. */
bool tdl_diversity_start(tdl_diversity *d, const tdl_diversity_options *options,
                         const double *relevance, size_t n, size_t slots,
                         tdl_similarity_fn *similarity, const void *context, tdl_arena *arena);
/* The objective of candidate `i` with all that was chosen so far. */
double tdl_diversity_at(tdl_diversity *d, size_t i);
/* Of these [n] the place of the best objective, which is up to date then; of equals the first. No
 * bound of another is above it. n >= 1 */
size_t tdl_diversity_best(tdl_diversity *d, const size_t *candidate, size_t n);
/* Candidate `i` stands in the answer now. At most `slots` times. */
void tdl_diversity_take(tdl_diversity *d, size_t i);

#endif
