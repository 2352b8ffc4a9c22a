/* Shapley values of any model: what each group of features adds to one score (Shapley, 1953;
 * Strumbelj and Kononenko, 2010).
 *
 * a_i = sum over coalitions S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)), where v(S)
 * is the score with the groups of S taken from the row and all others from a background: one row,
 * or the mean over several (interventional values). They always add up to v(all) - v(none).
 *
 * exact        up to 12 groups: every one of the 2^n coalitions
 * permutation  any number: orders drawn at random, each walked forwards and backwards (antithetic;
 *              Mitchell et al., 2022), with a standard error per group
 */
#ifndef TDL_STATS_SHAPLEY_H
#define TDL_STATS_SHAPLEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/report.h"
#include "base/rng.h"

enum { TDL_SHAPLEY_EXACT_MAX = 12, TDL_SHAPLEY_GROUPS_MAX = 4096 };

/* The model, asked for many coalitions at once. */
typedef struct tdl_game {
    size_t groups_n;
    void *context;
    /* take [coalitions_n][groups_n]: true = from the row; ret [coalitions_n]. A failure ends the
     * call with its report. */
    tdl_status (*value)(void *context, const bool *take, size_t coalitions_n, double *ret,
                        tdl_report *why);
} tdl_game;

typedef struct tdl_shapley {
    double base, full;         /* v(none), v(all) */
    size_t coalitions_n;       /* asked for */
    size_t pairs_n;            /* of orders walked; 0 = exact */
    double completeness_error; /* |sum of values - (full - base)| */
} tdl_shapley;

/*   ret_value  [groups_n]
 *   returns    TDL_OK | TDL_E_INVALID (no groups, more than 12; a value that is not finite) |
 *              TDL_E_NO_MEMORY | what the game gives */
tdl_status tdl_shapley_exact(const tdl_game *game, double *ret_value, tdl_shapley *ret,
                             tdl_report *why);

typedef struct tdl_shapley_options {
    size_t pairs;   /* at most; 0 = 64 */
    double error;   /* stop once no standard error exceeds it times |full - base|; 0 = never */
    double seconds; /* stop after so many, at least 2 pairs done; 0 = no limit. Not replayable */
} tdl_shapley_options;

/*   ret_value, ret_error  [groups_n]; error: standard error over pairs, NaN with fewer than 2 */
tdl_status tdl_shapley_sample(const tdl_game *game, const tdl_shapley_options *options,
                              tdl_rng *rng, double *ret_value, double *ret_error, tdl_shapley *ret,
                              tdl_report *why);

/* Exact where there are few enough groups, errors then 0; else by sampling. */
tdl_status tdl_shapley_values(const tdl_game *game, const tdl_shapley_options *options,
                              tdl_rng *rng, double *ret_value, double *ret_error, tdl_shapley *ret,
                              tdl_report *why);

#endif
