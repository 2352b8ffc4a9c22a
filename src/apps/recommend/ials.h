/* iALS++: implicit-feedback factorisation by alternating exact or block-wise least squares (Rendle,
 * Krichene, Zhang, Koren, "iALS++: Speeding up Matrix Factorization with Subspace Optimization",
 * 2021; rung R3 of the recommender).
 *
 *     loss = sum over pairs (1 - w_u.h_i)^2 + a0 sum over all users and items (w_u.h_i)^2
 *            + lambda [sum_u (|I_u| + a0 items) |w_u|^2 + sum_i (|U_i| + a0 users) |h_i|^2]
 *
 * One side is held fixed while each row of the other moves towards its own minimum, `block`
 * coordinates at a time; block = d is the exact solve of alternating least squares. A row depends
 * on the fixed side alone: rows are solved in any order by any thread to the same bits.
 *
 * A person who was not there when the model was fitted is one exact solve against the items:
 *
 *     w = A^-1 sum_{i in I} h_i     A = sum_{i in I} h_i h_i' + a0 H'H + lambda (|I| + a0 items) I
 *
 * so that h_j' A^-1 h_i is what item i adds to the score of j, and these add up to it.
 *
 * Numbers      vectors are kept in f32, every solve is in double
 */
#ifndef TDL_APPS_RECOMMEND_IALS_H
#define TDL_APPS_RECOMMEND_IALS_H

#include "apps/recommend/rung.h"

enum { TDL_IALS_D_MAX = 512 };

typedef struct tdl_ials_params {
    size_t d;          /* 1..TDL_IALS_D_MAX */
    size_t block;      /* coordinates solved at once; 1..d */
    double lambda, a0; /* > 0, >= 0 */
    uint64_t seed;
} tdl_ials_params;

/* ---- one row against a fixed side: ials_solve.c ---- */

/* The side that is held: vectors [n][d], and what all of them ask for together. */
typedef struct tdl_ials_side {
    tdl_ials_params params;
    size_t n;
    const float *vector; /* [n][d] */
    const double *gram;  /* [d][d] of all vectors */
} tdl_ials_side;

/* Doubles that a solve against `side` needs for up to `most` members. */
size_t tdl_ials_room(const tdl_ials_side *side, size_t most);

/* Move row [d] once through all blocks.
 *   member   [n] vectors of the side that it has
 *   room     [tdl_ials_room], of no particular content
 *   returns  TDL_OK | TDL_E_INVALID (numbers without end) */
tdl_status tdl_ials_move(const tdl_ials_side *side, const int32_t *member, size_t n, double *row,
                         double *room, tdl_report *why);

/* The row that a new member of the other side gets: exact, whatever params.block says. */
tdl_status tdl_ials_fold_in(const tdl_ials_side *side, const int32_t *member, size_t n,
                            double *ret_row, double *room, tdl_report *why);

/* ret[of_n][n]: what each member adds to the score of each vector of `of` [of_n] in that row. */
tdl_status tdl_ials_terms(const tdl_ials_side *side, const int32_t *member, size_t n,
                          const int32_t *of, size_t of_n, double *ret, double *room,
                          tdl_report *why);

/* ---- fitting ---- */

typedef struct tdl_ials_fit tdl_ials_fit;

/* Vectors start at N(0, .1 / sqrt(d)) by params->seed. `data` is borrowed.
 * TDL_E_INVALID (params) | TDL_E_NO_MEMORY | TDL_E_TOO_LARGE */
tdl_status tdl_ials_begin(const tdl_ials_params *params, const tdl_fit_data *data, tdl_pool *pool,
                          tdl_ials_fit **ret, tdl_report *why);
void tdl_ials_end(tdl_ials_fit *fit); /* accepts NULL */

/* All users against the items, or all items against the users. */
tdl_status tdl_ials_pass_users(tdl_ials_fit *fit, tdl_report *why);
tdl_status tdl_ials_pass_items(tdl_ials_fit *fit, tdl_report *why);

/* The formula at the top, as it stands now. */
tdl_status tdl_ials_loss(tdl_ials_fit *fit, double *ret, tdl_report *why);

float *tdl_ials_users(tdl_ials_fit *fit); /* [users_n][d] */
float *tdl_ials_items(tdl_ials_fit *fit); /* [items_n][d] */

/* ret[d][d] = vector' vector of [n][d]. TDL_E_NO_MEMORY. */
tdl_status tdl_ials_gram(const float *vector, size_t n, size_t d, tdl_pool *pool, double *ret,
                         tdl_report *why);

/* ---- the rung ---- */

/* A model of tdl_rung_ials with other item vectors [items][d] than `like`, which are copied.
 * TDL_E_NO_MEMORY. */
tdl_status tdl_ials_like(const void *like, const float *vector, tdl_pool *pool, void **ret_model,
                         tdl_report *why);

#endif
