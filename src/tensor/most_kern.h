/* What is behind tdl_most, and what one instruction set does for it. Inside src/tensor only.
 *
 * Rows lie in blocks of 32, the last filled up with zeros: [blocks][units][32][4], a unit being
 * four consecutive numbers of a row.
 */
#ifndef TDL_TENSOR_MOST_KERN_H
#define TDL_TENSOR_MOST_KERN_H

#include "tensor/most.h"

enum { TDL_MOST_TOGETHER = 64 /* queries of one pass */ };
enum { TDL_MOST_UNIT = 4, TDL_MOST_SPAN_UNITS = 16 }; /* numbers of a unit; units of a 16-bit sum */

struct tdl_most {
    size_t n, d, units, blocks_n;
    int8_t *rows;
    float *scale; /* [blocks_n][32] */
};

typedef struct tdl_most_ops {
    /* queries_n <= TDL_MOST_TOGETHER */
    void (*ask)(const tdl_most *table, const tdl_most_query *queries, size_t queries_n);
    void (*products)(const tdl_most *table, size_t block, const int8_t *q, float *ret);
} tdl_most_ops;

extern const tdl_most_ops tdl_most_plain, tdl_most_avx2;

/* Bit r: row r of the block does not count, or there is none. */
static inline uint32_t tdl_most_left_out(const tdl_most *table, size_t block,
                                         const uint64_t *blocked)
{
    size_t first = block * TDL_MOST_BLOCK;
    uint32_t bits = blocked ? (uint32_t)(blocked[first / 64] >> first % 64) : 0;

    return table->n - first < TDL_MOST_BLOCK ? bits | UINT32_MAX << (table->n - first) : bits;
}

#endif
