/* One tile of attention scores: 64 queries against 64 keys of one head. Used by op_attention.c
 * only.
 *
 * Key tiles count from the first key there is, and a sum over keys stops at the last that is seen:
 * it is the same sum whether the keys came in one pass or one by one, and whoever is in the tile.
 */
#ifndef TDL_NN_SCORE_TILE_H
#define TDL_NN_SCORE_TILE_H

#include "nn/attention.h"

enum { TDL_QUERIES_EACH = 64, TDL_KEYS_EACH = 64 };

/* Queries [q0, q0 + n) and keys [k0, k0 + w). Those below `from` see none of the keys; what a query
 * sees of them is a beginning, and rises with the query. Matrices of scores are
 * [TDL_QUERIES_EACH][TDL_KEYS_EACH]. */
typedef struct tdl_score_tile {
    const tdl_attention *a;
    const tdl_attended *row;
    size_t r, head, q0, k0, n, w, from;
    size_t end[TDL_QUERIES_EACH]; /* of the keys of the row that each query sees */
} tdl_score_tile;

tdl_score_tile tdl_score_tile_of(const tdl_attention *a, const tdl_attended *row, size_t r,
                                 size_t head, size_t q0);
/* Go on to the keys from k0 on. False: no query sees any of them. */
bool tdl_score_tile_at(tdl_score_tile *t, size_t k0);

/* How many keys of the tile query i >= from sees. */
static inline size_t tdl_seen(const tdl_score_tile *t, size_t i)
{
    size_t n = t->end[i] - t->k0;

    return n < t->w ? n : t->w;
}

const tdl_real *tdl_queries(const tdl_score_tile *t); /* of query `from` */
size_t tdl_key_offset(const tdl_score_tile *t);       /* of the first key, from row->k and row->v */

/* s[i] = x[i] . y of each key, where seen; no particular content elsewhere.
 *   x  from query `from` on
 *   y  row->k or row->v */
void tdl_scores_of(const tdl_score_tile *t, const tdl_real *x, size_t ldx, const tdl_real *y,
                   tdl_real *ret);
/* s = scale q . k + biases, where seen. The functions below leave 0 elsewhere. */
void tdl_scores(const tdl_score_tile *t, tdl_real *s);

/* Of each query: the largest score so far, and the sum of exp(score - largest). */
typedef struct tdl_running_softmax {
    tdl_real most[TDL_QUERIES_EACH], sum[TDL_QUERIES_EACH];
} tdl_running_softmax;

/* s becomes exp(s - largest so far); the rows of out [n], which hold the sum over earlier tiles,
 * are brought to the same scale. */
void tdl_running_softmax_step(const tdl_score_tile *t, tdl_real *s, tdl_running_softmax *so_far,
                              tdl_real *out, size_t ld);
/* After the last tile: divide out by the sums. ret_lse: `heads` apart */
void tdl_running_softmax_finish(const tdl_score_tile *t, tdl_running_softmax *so_far, tdl_real *out,
                                size_t ld, tdl_real *ret_lse);

void tdl_silu_scores(const tdl_score_tile *t, tdl_real *s); /* s = silu(s) / n */

/* s *= 0 or 1 / (1 - drop), keyed by query, head and key */
void tdl_drop_scores(const tdl_score_tile *t, tdl_real *s);

/* out[n] = s V, or += from the second tile on. No value that is not seen reaches out, be it NaN. */
void tdl_sum_values(const tdl_score_tile *t, const tdl_real *s, tdl_real *out, size_t ld);

/* The way back through dropout and softmax or silu, without scale: s becomes the weights of the
 * values, d_w, the gradient of these, becomes that of s.
 *   lse        [n], `heads` apart; NULL: silu
 *   out_d_out  [n] out . d out */
void tdl_scores_backward(const tdl_score_tile *t, const tdl_real *lse, const tdl_real *out_d_out,
                         tdl_real *s, tdl_real *d_w);

#endif
