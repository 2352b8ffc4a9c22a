/* What attention looks at: the queries and keys of one batch row, who sees whom, and the biases of
 * their scores. Used by op_attention.c and score_tile.c; the borders of the buckets of time by
 * train's export too.
 */
#ifndef TDL_NN_ATTENTION_H
#define TDL_NN_ATTENTION_H

#include "nn/op.h"

/* One batch row. Query i is key before + i. */
typedef struct tdl_attended {
    size_t queries_n, keys_n;
    size_t before;           /* keys from the cache */
    size_t in_begin;         /* row of `in` of the first query, and of the first new key */
    size_t out_begin;        /* row of `out` of the first query */
    const tdl_real *q;       /* columns of the first query head; rows ldq apart */
    const tdl_real *k, *v;   /* columns of the first key head; rows ldkv apart */
    size_t ldq, ldkv;        /* */
    const int32_t *position; /* [keys_n]; NULL: 0, 1, 2, ... */
    const int64_t *time_s;   /* [keys_n]; NULL when not asked for */
} tdl_attended;

/* With a cache, the new keys must have been written to it. */
tdl_attended tdl_attended_of(const tdl_op_call *call, size_t r);

/* Write the keys, values and positions the batch brings into the cache. */
void tdl_attention_remember(const tdl_op_call *call);

/* ret_end[n]: queries `first` on see the keys below it. Rising. */
void tdl_attention_visible(const tdl_attention_config *config, const tdl_attended *row,
                           size_t first, size_t n, size_t *ret_end);

/* ---- relative biases ---- */

enum { TDL_TIME_BUCKETS_MAX = 255 };

/* By distance: weight[position of key - position of query + max - 1]. By time: weight[bucket(x)],
 * x the seconds from the key to the query's successor (the last one succeeds itself),
 * bucket(x) = min(floor(ln(max(|x|, 1)) / 0.301), buckets)  (HSTU, Zhai et al., ICML 2024). */
typedef struct tdl_attention_bias {
    const tdl_real *distance; /* [2 max - 1] or NULL */
    const tdl_real *time;     /* [buckets + 1] or NULL */
    size_t max, buckets;
    uint64_t bucket_begin[TDL_TIME_BUCKETS_MAX + 1]; /* smallest |x| of each bucket */
} tdl_attention_bias;

/* ret[buckets + 1]: the smallest |x| of each bucket, rising; UINT64_MAX: none */
void tdl_time_bucket_begins(size_t buckets, uint64_t *ret);

/* score[i] += bias of `query` and key first_key + i, i < n */
void tdl_attention_bias_add(const tdl_attention_bias *bias, const tdl_attended *row, size_t query,
                            size_t first_key, size_t n, tdl_real *score);
/* d_distance, d_time (NULL: not wanted) += what score gradients d_score[n] give */
void tdl_attention_bias_backward(const tdl_attention_bias *bias, const tdl_attended *row,
                                 size_t query, size_t first_key, size_t n, const tdl_real *d_score,
                                 tdl_real *d_distance, tdl_real *d_time);

/* ---- one call ---- */

typedef struct tdl_attention {
    const tdl_op_call *call;
    const tdl_attention_config *config;
    tdl_real scale;
    bool drops, has_bias;
    tdl_attention_bias bias;
    tdl_real *d_bias; /* [units][d_bias_n]: by distance, then by time; NULL: frozen or none */
    size_t d_bias_n;
} tdl_attention;

tdl_attention tdl_attention_of(const tdl_op_call *call);

#endif
