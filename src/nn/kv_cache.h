/* What a net's attention has read so far: keys and values of each token, so that the next token
 * costs one row instead of a whole pass.
 *
 * Life cycle   tdl_kv_cache_new -> tdl_net_forward with run.cache, the batch holding the new tokens
 *              only ... -> tdl_kv_cache_free
 * Rows         batch row r goes on where row r of the cache ended; a row may bring no new tokens
 * Positions    count on from the row's length, unless the batch states them
 * Bits         the same as those of one pass over all tokens
 * Tie groups   a token sees the whole of its group: when a group grows, truncate the cache to where
 *              the group begins and bring all of it again
 * Failure      a pass that fails leaves the cache as it was
 */
#ifndef TDL_NN_KV_CACHE_H
#define TDL_NN_KV_CACHE_H

#include "nn/net.h"

/* For rows of up to max_len tokens of this net, whose ops are all there.
 * TDL_E_INVALID (no attention, or one that cannot go on token by token: it sees what comes later,
 * or times), TDL_E_TOO_LARGE, TDL_E_NO_MEMORY */
tdl_status tdl_kv_cache_new(const tdl_net *net, size_t rows, size_t max_len, tdl_kv_cache **ret,
                            tdl_report *why);
void tdl_kv_cache_free(tdl_kv_cache *cache); /* accepts NULL */
size_t tdl_kv_cache_bytes(const tdl_kv_cache *cache);

size_t tdl_kv_cache_length(const tdl_kv_cache *cache, size_t row); /* tokens read; NULL: 0 */
void tdl_kv_cache_truncate(tdl_kv_cache *cache, size_t row,
                           size_t length);    /* forget what follows */
void tdl_kv_cache_reset(tdl_kv_cache *cache); /* all rows to 0 */

/* ---- for ops and tdl_net_forward ---- */

/* It is of this net, and every row has room for what the batch brings. TDL_E_INVALID |
 * TDL_E_TOO_LARGE */
tdl_status tdl_kv_cache_check(const tdl_kv_cache *cache, const tdl_net *net,
                              const tdl_nn_batch *batch, tdl_report *why);

/* Keys, values and positions of one row; those behind its length are there for writing. */
typedef struct tdl_kv_row {
    tdl_real *k, *v; /* [max_len][cols] */
    size_t cols;
    int32_t *position; /* [max_len] */
} tdl_kv_row;

/* `node`: number of the attention op in its net */
tdl_kv_row tdl_kv_cache_row(const tdl_kv_cache *cache, uint32_t node, size_t row);

/* The pass is over: the lengths grow by what the batch brought. */
void tdl_kv_cache_advance(tdl_kv_cache *cache, const tdl_nn_batch *batch);

#endif
