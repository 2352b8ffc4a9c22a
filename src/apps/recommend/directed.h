/* Directed item-to-item counts over tie groups (rung R1 of the recommender).
 *
 * A tie group is a user's events of one time: inside it there is no order. For groups a before b,
 * k = b - a <= window, i in G_a, j in G_b:
 *
 *     M[i][j] += step_decay^(k-1) (|G_a| |G_b|)^-size_power      M[j][i] += backward * the same
 *     M[i][j] += same_group (|G| - 1)^-size_power                i != j of one group G
 *
 * each times 2^-(age of the later group / half-life), if there is one. With row sums R, column sums
 * C, and G_(n-a) the a-th newest group,
 *
 *     score(j) = sum_{a < recent} recency^a sum_{i in G_(n-a)} |G_(n-a)|^-query_power
 *                    M[i][j] / ((R_i + shrinkage) (C_j + shrinkage)^damping)
 *
 * The diagonal, what was taken again, is there when the data repeat.
 *
 * Of each row the row_max largest entries are kept; R_i stays the sum of all, so that a cut does
 * not inflate what is left.
 */
#ifndef TDL_APPS_RECOMMEND_DIRECTED_H
#define TDL_APPS_RECOMMEND_DIRECTED_H

#include "apps/recommend/sparse.h"

typedef struct tdl_directed_params {
    size_t window;         /* groups apart */
    double step_decay;     /* */
    double backward;       /* */
    double size_power;     /* */
    double shrinkage;      /* */
    size_t row_max;        /* 0 = all */
    size_t recent;         /* groups of the history that count */
    double recency;        /* */
    double same_group;     /* (1 + backward) / 2 by default */
    double half_life_days; /* 0 = nothing decays */
    double damping;        /* of popular columns */
    double query_power;    /* */
} tdl_directed_params;

extern const tdl_directed_params tdl_directed_defaults;

/* ret: M[i][j] / ((R_i + shrinkage) (C_j + shrinkage)^damping), rows cut to row_max. */
tdl_status tdl_directed_fit(const tdl_directed_params *params, const tdl_fit_data *data,
                            const tdl_fit_options *options, tdl_sparse *ret, tdl_report *why);

/* Those that a model of tdl_rung_directed was fitted with. */
const tdl_directed_params *tdl_directed_params_of(const void *model);

/* weight [history->n] of each event from *ret_from on, in `scratch`; NULL when that is full. */
double *tdl_directed_weights(const tdl_directed_params *params, const tdl_history *history,
                             tdl_arena *scratch, size_t *ret_from);

#endif
