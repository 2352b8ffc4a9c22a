/* Which of many rows might have a large product with a query: int8 rows, and of each block of 32
 * the largest product. What is left to do is to look into the few blocks that matter.
 *
 * A row v is kept as s q, |q| <= 127, and so is a query. s is max |v| / 127, or somewhat more: of
 * every 64 numbers the squares of those at 0 and 1 mod 4 add up to at most 32,767, and likewise of
 * those at 2 and 3. By Cauchy and Schwarz no sum of products of two such rows, over any part of
 * these, is beyond 16 bits, which makes them three times as fast as sums of 32 bits.
 *
 * Numbers      products are exact integers times the row's scale, rounded once: the same bits on
 *              every instruction set
 * Life cycle   tdl_most_new -> tdl_most_set each row once -> ask -> tdl_most_free
 * Threads      a filled table is immutable
 */
#ifndef TDL_TENSOR_MOST_H
#define TDL_TENSOR_MOST_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

enum { TDL_MOST_BLOCK = 32 };

typedef struct tdl_most tdl_most;

/* Rows of zeros. d >= 1. TDL_E_TOO_LARGE | TDL_E_NO_MEMORY */
tdl_status tdl_most_new(size_t n, size_t d, tdl_most **ret, tdl_report *why);
void tdl_most_free(tdl_most *table); /* accepts NULL */
size_t tdl_most_bytes(const tdl_most *table);

/* A row: ret_q[tdl_most_width(d)] = x / scale to the nearest integer, then zeros. Returns the
 * scale: 0 where every |x| < 2^-100, and q is 0. x must be finite. */
float tdl_most_quantise(const float *x, size_t d, int8_t *ret_q);
size_t tdl_most_width(size_t d); /* d rounded up to whole units of four */

/* A query likewise, but |q_2i| + |q_2i+1| <= 128, and behind the integers stands what a kernel
 * needs: ret_q[tdl_most_query_bytes(d)]. */
float tdl_most_query_of(const float *x, size_t d, int8_t *ret_q);
size_t tdl_most_query_bytes(size_t d);

/* Row `row` < n becomes q [tdl_most_width(d)], as tdl_most_quantise made it. */
void tdl_most_set(tdl_most *table, size_t row, const int8_t *q, float scale);

typedef struct tdl_most_query {
    const int8_t *q;         /* as tdl_most_query_of made it */
    const uint64_t *blocked; /* set of rows that do not count, one bit each; NULL = none */
    float *ret;              /* [tdl_most_blocks] */
} tdl_most_query;

size_t tdl_most_blocks(const tdl_most *table);

/* ret[b] of each query = the largest s (q . q_query) of rows [32 b, 32 b + 32) that count;
 * -INFINITY where none does. One pass over the table for each 64 queries. */
void tdl_most_ask(const tdl_most *table, const tdl_most_query *queries, size_t queries_n);

/* A block that will be asked for soon. */
void tdl_most_prefetch(const tdl_most *table, size_t block);

/* ret[32] = s (q . q_query) of each row of a block; 0 past the last row. */
void tdl_most_products(const tdl_most *table, size_t block, const int8_t *q, float *ret);

#endif
