/* TreeSHAP: Shapley values of a forest's scores, exactly.
 *
 * Path dependent (Lundberg et al., 2020): what a coalition S of known features is worth is the mean
 * of the leaves where, at a split on a feature outside S, both sides count, by their cover. Nothing
 * but the forest is needed; sum over features + base = the score.
 * Interventional: the mean, over the rows of a background, of the Shapley values against that row.
 *
 * Method       With z = the share of cover that a feature's splits on the way to a leaf let through
 *              and o = 1 where the row itself passes them, else 0, a leaf v adds to feature i
 *
 *                  v (o_i - z_i) * integral over t in [0, 1] of product over j != i of
 *                                  (t o_j + (1 - t) z_j)
 *
 *              (Owen's multilinear extension). The product is a polynomial of t of a degree below
 *              the features on the way, so half as many Gauss-Legendre nodes give it exactly. One
 *              pass down a tree builds the products, one pass up sums them, for all leaves at once:
 *              O(nodes x depth / 2) a row, with no division and rows side by side
 * Threads      any number may call; no result depends on how many rows are asked for at once
 */
#ifndef TDL_LEARN_TREE_SHAP_H
#define TDL_LEARN_TREE_SHAP_H

#include "learn/forest.h"

/* Of score number `group`.
 *   x     [rows][features_n], NaN and infinite = missing
 *   ret   [rows][features_n]
 *   base  [rows] the score that nothing known gives, the same in every row
 *   returns  TDL_OK | TDL_E_INVALID (no such score) | TDL_E_NO_MEMORY */
tdl_status tdl_tree_shap(const tdl_forest *forest, const float *x, size_t rows, size_t group,
                         tdl_pool *pool, double *ret, double *base, tdl_report *why);
/* Against background rows [background_n][features_n]; base: the mean score of them. */
tdl_status tdl_tree_shap_against(const tdl_forest *forest, const float *x, size_t rows,
                                 const float *background, size_t background_n, size_t group,
                                 tdl_pool *pool, double *ret, double *base, tdl_report *why);

#endif
