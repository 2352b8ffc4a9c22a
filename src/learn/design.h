/* A design matrix: the products of X [rows][cols] with weights and residuals that generalised
 * linear models are made of. An intercept is an extra, last column of ones.
 *
 * Sums are doubles and always run over the rows in the same order, so that they have the same bits
 * for any number of threads.
 */
#ifndef TDL_LEARN_DESIGN_H
#define TDL_LEARN_DESIGN_H

#include "base/pool.h"
#include "base/report.h"
#include "table/matrix.h"

/* Refuse what a linear model cannot be fitted to: NaN or infinity in `x`. */
tdl_status tdl_design_check(const tdl_matrix *x, tdl_report *why);

/* ret [rows][heads] = X w' + intercept.
 *   w  [heads][cols + 1], the last the intercept. A missing number counts as 0: the training mean,
 *      where columns are standardised */
void tdl_design_apply(const tdl_matrix *x, const double *w, size_t heads, tdl_pool *pool,
                      double *ret);

/* ret [heads][cols + 1] = R' [X 1].
 *   r  [rows][heads] */
void tdl_design_gradient(const tdl_matrix *x, const double *r, size_t heads, tdl_pool *pool,
                         double *ret);

/* ret [cols + 1][cols + 1], its lower triangle, = [X 1]' diag(weight) [X 1].
 *   weight  [rows], of any sign; NULL = 1
 *   returns TDL_OK | TDL_E_NO_MEMORY */
tdl_status tdl_design_gram(const tdl_matrix *x, const double *weight, tdl_pool *pool, double *ret,
                           tdl_report *why);

#endif
