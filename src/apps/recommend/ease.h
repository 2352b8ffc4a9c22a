/* EASE: an item-to-item regression in closed form (Steck, "Embarrassingly Shallow Autoencoders for
 * Sparse Data", WWW 2019; rung R2 of the recommender).
 *
 *     P = (X'X + lambda I)^-1     B_ij = -P_ij / P_jj, B_jj = 0     score(j) = sum_i x_i B_ij
 *
 * A row of X is what one person had, or one basket: 1 where the item is in it. x is the asked
 * history in the same form, or recency^age of the last `recent` tie groups. Each term x_i B_ij is
 * what item i says for or against j: explanations are exact.
 *
 * Memory       items^2 floats, and little beside it; twice as many doubles while X'X needs them
 * Threads      a fitted model is immutable: one more row changes all of P, so new rows wait for the
 *              next fit; the answer follows the history at once
 */
#ifndef TDL_APPS_RECOMMEND_EASE_H
#define TDL_APPS_RECOMMEND_EASE_H

#include "apps/recommend/rung.h"

typedef struct tdl_ease_params {
    double lambda;    /* > 0 */
    bool baskets;     /* rows of X are tie groups, else people */
    size_t recent;    /* groups of the asked history that count; 0 = all of it, each 1 */
    double recency;   /* of a group relative to the one after it; in (0, 1] */
    size_t bytes_max; /* of B; 0 = TDL_EASE_BYTES_MAX */
} tdl_ease_params;

/* B of 12,000 items. */
#define TDL_EASE_BYTES_MAX ((size_t)12000 * 12000 * sizeof(float))

typedef struct tdl_ease {
    tdl_ease_params params;
    size_t items_n;
    float *b;        /* [items_n][items_n], zeros on the diagonal */
    float *diagonal; /* [items_n] of P */
    bool in_double;  /* f32 did not do: the factor was made in double */
} tdl_ease;

/* Baskets of more than 2,000 items are left out: imports and robots.
 *   returns  TDL_OK | TDL_E_TOO_LARGE (items, bytes wanted, the limit) | TDL_E_NO_MEMORY |
 *            TDL_E_INVALID (lambda; or not positive definite even in double)
 */
tdl_status tdl_ease_fit(const tdl_ease_params *params, const tdl_fit_data *data, tdl_pool *pool,
                        tdl_ease **ret, tdl_report *why);
void tdl_ease_free(tdl_ease *model); /* accepts NULL */

/* weight [history->n] of each event from *ret_from on, in `scratch`; NULL when that is full. */
double *tdl_ease_weights(const tdl_ease *model, const tdl_history *history, tdl_arena *scratch,
                         size_t *ret_from);

/* scores [items_n]. TDL_E_NO_MEMORY. */
tdl_status tdl_ease_score(const tdl_ease *model, const tdl_history *history, tdl_arena *scratch,
                          float *scores);

#endif
