#include "nn/kv_cache.h"

#include <stdlib.h>

struct tdl_kv_cache {
    size_t rows, max_len;
    size_t *length;    /* [rows] */
    int32_t *position; /* [rows][max_len] */
    int nodes_n;
    size_t *cols;  /* [nodes_n] of K and of V; 0 = no attention */
    tdl_real **at; /* [nodes_n] K [rows][max_len][cols], then V; NULL = no attention */
    tdl_real *block;
    size_t bytes;
};

static tdl_status check_node(const tdl_node *node, int k, tdl_report *why)
{
    const tdl_attention_config *config = &node->config.attention;

    if (config->mask == TDL_MASK_BIDIRECTIONAL || config->first_only || config->time_buckets)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "pass all tokens at once, without a cache",
                             "op %d: this attention cannot go on token by token: it %s", k,
                             config->time_buckets ? "reads the time of the next token"
                                                  : "sees tokens that come later");
    return TDL_OK;
}

/* Numbers of the block; 0 = too many. */
static size_t measure(const tdl_kv_cache *cache)
{
    size_t tokens, all = 0;

    if (cache->max_len > INT32_MAX || __builtin_mul_overflow(cache->rows, cache->max_len, &tokens))
        return 0;
    for (int k = 0; k < cache->nodes_n; k++) {
        size_t n;

        if (__builtin_mul_overflow(2 * tokens, cache->cols[k], &n) ||
            __builtin_add_overflow(all, n, &all))
            return 0;
    }
    return tokens > SIZE_MAX / 64 || all > SIZE_MAX / 64 ? 0 : all;
}

static tdl_status find_attention(const tdl_net *net, tdl_kv_cache *cache, tdl_report *why)
{
    bool any = false;
    tdl_status st;

    for (int k = 0; k < net->nodes_n; k++) {
        const tdl_node *node = &net->node[k];

        if (node->op != &tdl_op_attention)
            continue;
        if ((st = check_node(node, k, why)))
            return st;
        cache->cols[k] = node->config.attention.kv_heads * node->config.attention.d_head;
        any = true;
    }
    return any ? TDL_OK : TDL_FAIL(why, TDL_E_INVALID, "a cache for a net without attention");
}

static tdl_status allocate(tdl_kv_cache *cache, tdl_report *why)
{
    size_t n = measure(cache), tokens = cache->rows * cache->max_len;
    tdl_real *at;

    if (!n)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a cache of %zu rows of %zu tokens does not fit",
                        cache->rows, cache->max_len);
    cache->bytes = n * sizeof *cache->block + tokens * sizeof *cache->position;
    at = cache->block = malloc(n * sizeof *cache->block);
    cache->position = malloc(tokens * sizeof *cache->position);
    cache->length = calloc(cache->rows, sizeof *cache->length);
    if (!cache->block || !cache->position || !cache->length)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a cache of %zu bytes", cache->bytes);
    for (int k = 0; k < cache->nodes_n; k++) {
        cache->at[k] = cache->cols[k] ? at : NULL;
        at += 2 * tokens * cache->cols[k];
    }
    return TDL_OK;
}

tdl_status tdl_kv_cache_new(const tdl_net *net, size_t rows, size_t max_len, tdl_kv_cache **ret,
                            tdl_report *why)
{
    tdl_kv_cache *cache = calloc(1, sizeof *cache);
    size_t nodes = (size_t)net->nodes_n;
    tdl_status st;

    if (!cache)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    cache->rows = rows;
    cache->max_len = max_len;
    cache->nodes_n = net->nodes_n;
    cache->cols = calloc(nodes + 1, sizeof *cache->cols);
    cache->at = calloc(nodes + 1, sizeof *cache->at);
    st = cache->cols && cache->at ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (st || (st = find_attention(net, cache, why)) || (st = allocate(cache, why))) {
        tdl_kv_cache_free(cache);
        return st;
    }
    *ret = cache;
    return TDL_OK;
}

void tdl_kv_cache_free(tdl_kv_cache *cache)
{
    if (!cache)
        return;
    free(cache->length);
    free(cache->position);
    free(cache->cols);
    free(cache->at);
    free(cache->block);
    free(cache);
}

size_t tdl_kv_cache_bytes(const tdl_kv_cache *cache)
{
    return cache->bytes;
}

size_t tdl_kv_cache_length(const tdl_kv_cache *cache, size_t row)
{
    return cache ? cache->length[row] : 0;
}

void tdl_kv_cache_truncate(tdl_kv_cache *cache, size_t row, size_t length)
{
    if (length < cache->length[row])
        cache->length[row] = length;
}

void tdl_kv_cache_reset(tdl_kv_cache *cache)
{
    for (size_t r = 0; r < cache->rows; r++)
        cache->length[r] = 0;
}

tdl_status tdl_kv_cache_check(const tdl_kv_cache *cache, const tdl_net *net,
                              const tdl_nn_batch *batch, tdl_report *why)
{
    if (net->nodes_n != cache->nodes_n)
        return TDL_FAIL(why, TDL_E_INVALID, "the cache is of another net");
    if (batch->rows > cache->rows)
        return TDL_FAIL(why, TDL_E_INVALID, "a batch of %zu rows, the cache has %zu", batch->rows,
                        cache->rows);
    for (size_t r = 0; batch->offsets && r < batch->rows; r++) {
        size_t added = batch->offsets[r + 1] - batch->offsets[r];

        if (added > cache->max_len - cache->length[r])
            return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "truncate it, or make a longer cache",
                                 "row %zu: %zu tokens after %zu, the cache holds %zu", r, added,
                                 cache->length[r], cache->max_len);
    }
    return TDL_OK;
}

tdl_kv_row tdl_kv_cache_row(const tdl_kv_cache *cache, uint32_t node, size_t row)
{
    size_t cols = cache->cols[node], n = cache->rows * cache->max_len * cols;
    tdl_real *k = cache->at[node] + row * cache->max_len * cols;

    return (tdl_kv_row){
        .k = k, .v = k + n, .cols = cols, .position = cache->position + row * cache->max_len};
}

void tdl_kv_cache_advance(tdl_kv_cache *cache, const tdl_nn_batch *batch)
{
    for (size_t r = 0; batch->offsets && r < batch->rows; r++)
        cache->length[r] += batch->offsets[r + 1] - batch->offsets[r];
}
