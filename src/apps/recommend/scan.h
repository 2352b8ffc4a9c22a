/* The best k of many item vectors by inner product: an int8 table is scanned whole, the few that
 * may be among the best are scored in f32, and a bound proves that nothing better was left out.
 *
 * A row v is kept as s_v q_v with |q_v| <= 127 and the query likewise (tensor/most.h); then
 *
 *     |v.x - s_v s_x q_v.q_x| <= s_v s_x (|q_x|_1 / 2 + |q_v|_1 / 2 + d / 4)
 *
 * One pass finds the largest product of each block of 32 rows. k blocks hold a row each that has at
 * least their k-th largest product less its bound; only rows that might have as much are looked at,
 * and scored in f32. So the answer always is that of a scan in f32, ties by lower number, without a
 * second pass; where the bound proves little, more rows are scored, and in the end all.
 *
 * Memory       d bytes a row in int8, 4 d in f32, and 12
 * Threads      a table is immutable; asking uses memory of its own
 */
#ifndef TDL_APPS_RECOMMEND_SCAN_H
#define TDL_APPS_RECOMMEND_SCAN_H

#include "apps/recommend/top.h"
#include "base/report.h"

typedef struct tdl_scan tdl_scan;

/* vector [n][d], 1 <= d <= 131072: copied. TDL_E_INVALID (not finite: which) | TDL_E_TOO_LARGE |
 * TDL_E_NO_MEMORY */
tdl_status tdl_scan_new(const float *vector, size_t n, size_t d, tdl_scan **ret, tdl_report *why);
void tdl_scan_free(tdl_scan *scan); /* accepts NULL */
size_t tdl_scan_bytes(const tdl_scan *scan);

/* One question; questions asked together share one pass over the table. */
typedef struct tdl_scan_query {
    const float *x;          /* [d] */
    const uint64_t *blocked; /* set of rows that may not be taken; NULL = none */
    size_t k;                /* answers wanted */
    tdl_scored *ret;         /* [k] best first */
    size_t ret_n;            /* fewer when fewer are eligible */
    size_t rescored;         /* how many were scored in f32 */
} tdl_scan_query;

/* TDL_E_INVALID (a query is not finite: which) | TDL_E_NO_MEMORY */
tdl_status tdl_scan_ask(const tdl_scan *scan, tdl_scan_query *queries, size_t queries_n,
                        tdl_report *why);

/* approx and bound of every row [n] for x, as the scan sees them; for tests and the curious. */
tdl_status tdl_scan_bounds(const tdl_scan *scan, const float *x, float *ret_approx,
                           float *ret_bound, tdl_report *why);

#endif
