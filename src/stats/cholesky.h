/* Cholesky: A = L L' of a symmetric positive definite matrix, and the systems it solves.
 *
 * What every ridge regression ends in. By blocks of 64 columns (right-looking; Golub and Van Loan,
 * Matrix Computations, 4.2), so that a matrix larger than a cache costs arithmetic, not memory
 * traffic. One thread. No sum depends on the instruction set: same matrix, same bits everywhere.
 */
#ifndef TDL_STATS_CHOLESKY_H
#define TDL_STATS_CHOLESKY_H

#include <stddef.h>

#include "base/report.h"

/* Factor in place.
 *   a        [n][n] row-major; only the lower triangle is read, and becomes L. What is above the
 *            diagonal is left as it is
 *   returns  TDL_OK | TDL_E_INVALID (not positive definite or not finite: names the pivot; `a` is
 *            then half done) | TDL_E_NO_MEMORY
 */
tdl_status tdl_cholesky(double *a, size_t n, tdl_report *why);

/* Solve A x = b for each of m right-hand sides, in place.
 *   l  [n][n] from tdl_cholesky
 *   b  [n][m] row-major: right-hand sides are its columns
 */
void tdl_cholesky_solve(const double *l, size_t n, double *b, size_t m);

#endif
