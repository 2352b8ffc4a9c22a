/* Directed item-to-item counts over tie groups (rung R1 of the recommender).
 *
 * A tie group is a user's events of one time: inside it there is no order. For groups a before b,
 * k = b - a <= window, i in G_a, j in G_b:
 *
 *     M[i][j] += step_decay^(k-1) (|G_a| |G_b|)^-size_power      M[j][i] += backward * the same
 *     M[i][j] += (1 + backward)/2 (|G| - 1)^-size_power          i != j of one group G
 *
 * With row sums R and column sums C, and G_(n-a) the a-th newest group,
 *
 *     score(j) = sum_{a < recent} recency^a sum_{i in G_(n-a)} |G_(n-a)|^-history_power
 *                M[i][j] / ((R_i + shrinkage) (C_j + shrinkage)^damping)
 */
#ifndef TDL_APPS_RECOMMEND_DIRECTED_H
#define TDL_APPS_RECOMMEND_DIRECTED_H

#include "apps/recommend/sparse.h"

typedef struct tdl_directed_params {
    size_t window;        /* groups apart */
    double step_decay;    /* */
    double backward;      /* */
    double size_power;    /* */
    double shrinkage;     /* */
    double damping;       /* */
    size_t recent;        /* groups of the history that count */
    double recency;       /* */
    double history_power; /* */
} tdl_directed_params;

extern const tdl_directed_params tdl_directed_defaults;

/* The counts M. */
tdl_status tdl_directed_count(const tdl_directed_params *params, const tdl_fit_data *data,
                              const tdl_fit_options *options, tdl_sparse *ret, tdl_report *why);

/* Divide the counts as scoring wants them, in place. */
tdl_status tdl_directed_normalise(const tdl_directed_params *params, tdl_sparse *counts,
                                  tdl_report *why);

/* weight [history->n] of each event from *ret_from on, in `scratch`; NULL when that is full. */
double *tdl_directed_weights(const tdl_directed_params *params, const tdl_history *history,
                             tdl_arena *scratch, size_t *ret_from);

#endif
