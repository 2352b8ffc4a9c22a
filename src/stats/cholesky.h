/* Cholesky: A = L L' of a symmetric positive definite matrix, and systems solved with it (Golub and
 * Van Loan, Matrix Computations, section 4.2).
 */
#ifndef TDL_STATS_CHOLESKY_H
#define TDL_STATS_CHOLESKY_H

#include <stddef.h>

#include "base/report.h"

/* a [n][n] row by row: its lower triangle becomes L; what is above the diagonal is neither read nor
 * written. TDL_E_INVALID: not positive definite (or not finite), and then `a` is spoilt. */
tdl_status tdl_cholesky(double *a, size_t n, tdl_report *why);
/* b [n][m] becomes the solution of L L' x = b, for each of its m columns. */
void tdl_cholesky_solve(const double *l, size_t n, double *b, size_t m);

#endif
