/* Quantiles from trees that were grown for means: leaf after leaf is given a quantile of what is
 * still missed.
 *
 *     f = q-quantile of y
 *     tree t:  leaf = rate * (q-quantile of y - f over the rows in it),   f += leaf
 *
 * So a level needs no gradients of its own, which are two numbers only and tell a split little
 * (measured in docs/design/learn.md), and all levels share the splits of one booster.
 * (Leaves of their own: Friedman, 2001, LAD TreeBoost; Meinshausen, 2006, quantiles of leaves.)
 */
#ifndef TDL_LEARN_FOREST_REFIT_H
#define TDL_LEARN_FOREST_REFIT_H

#include "learn/forest.h"

typedef struct tdl_refit_rows {
    size_t rows;
    const float *x;      /* [rows][features_n] */
    const float *y;      /* [rows] */
    const float *weight; /* [rows] or NULL = 1 */
} tdl_refit_rows;

/* The first `trees_n` trees of a forest of one score, refitted at one level.
 *   held      rows on which each number of trees is measured; NULL = none
 *   ret       a forest of one score; NULL = not asked for
 *   ret_loss  [trees_n + 1] sum of weight times pinball loss over `held` of the first 0, 1, ...
 *             trees; NULL = not asked for
 *   TDL_E_NO_MEMORY */
tdl_status tdl_forest_refit(const tdl_forest *forest, size_t trees_n, const tdl_refit_rows *rows,
                            const tdl_refit_rows *held, double quantile, double rate,
                            tdl_forest *ret, double *ret_loss, tdl_report *why);

#endif
