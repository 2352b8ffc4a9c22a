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
 *              O(splits x depth / 2) a row. All factors but their choice depend on the tree alone:
 *              a plan has them ready
 * Threads      any number may call, with one plan; no result depends on how many rows are asked for
 *              at once, on threads or on the plan
 */
#ifndef TDL_LEARN_TREE_SHAP_H
#define TDL_LEARN_TREE_SHAP_H

#include "learn/forest.h"

/* What is the same for every row. Some 300 bytes a split at depths of 5 to 8. */
typedef struct tdl_shap_plan tdl_shap_plan;

/* ret: NULL, and TDL_OK, when it would be larger than `budget` bytes. */
tdl_status tdl_shap_plan_new(const tdl_forest *forest, size_t budget, tdl_shap_plan **ret,
                             tdl_report *why);
void tdl_shap_plan_free(tdl_shap_plan *plan); /* accepts NULL */

/* Of score number `group`.
 *   plan  of this forest; NULL: it is made on the way, which takes as long as some rows
 *   x     [rows][features_n], NaN and infinite = missing
 *   ret   [rows][features_n]
 *   base  [rows] the score that nothing known gives, the same in every row
 *   returns  TDL_OK | TDL_E_INVALID (no such score) | TDL_E_NO_MEMORY */
tdl_status tdl_tree_shap(const tdl_forest *forest, const tdl_shap_plan *plan, const float *x,
                         size_t rows, size_t group, tdl_pool *pool, double *ret, double *base,
                         tdl_report *why);
/* Against background rows [background_n][features_n]; base: the mean score of them. */
tdl_status tdl_tree_shap_against(const tdl_forest *forest, const float *x, size_t rows,
                                 const float *background, size_t background_n, size_t group,
                                 tdl_pool *pool, double *ret, double *base, tdl_report *why);

#endif
