#include "nn/attention.h"

#include <math.h>
#include <string.h>

#include "nn/kv_cache.h"

static bool has_positions(const tdl_op_call *call)
{
    return call->batch->position && call->shapes->in_per_row[0] == TDL_RAGGED;
}

tdl_attended tdl_attended_of(const tdl_op_call *call, size_t r)
{
    const tdl_attention_config *config = &call->config->attention;
    size_t cols = call->shapes->in_cols[0], begin, end;

    tdl_op_rows_of(call->batch, call->shapes->in_per_row[0], r, &begin, &end);
    tdl_attended row = {.queries_n = config->first_only && end > begin ? 1 : end - begin,
                        .keys_n = end - begin,
                        .in_begin = begin,
                        .out_begin = config->first_only ? r : begin,
                        .q = call->in[0] + begin * cols + config->q_at,
                        .k = call->in[0] + begin * cols + config->k_at,
                        .v = call->in[0] + begin * cols + config->v_at,
                        .ldq = cols,
                        .ldkv = cols,
                        .position = has_positions(call) ? call->batch->position + begin : NULL,
                        .time_s = config->time_buckets ? call->batch->time_s + begin : NULL};
    if (call->cache) {
        tdl_kv_row cached = tdl_kv_cache_row(call->cache, call->id, r);

        row.before = tdl_kv_cache_length(call->cache, r);
        row.keys_n += row.before;
        row.k = cached.k;
        row.v = cached.v;
        row.ldkv = cached.cols;
        row.position = cached.position;
    }
    return row;
}

void tdl_attention_remember(const tdl_op_call *call)
{
    const tdl_attention_config *config = &call->config->attention;
    size_t cols = call->shapes->in_cols[0];

    for (size_t r = 0; r < call->batch->rows; r++) {
        tdl_kv_row to = tdl_kv_cache_row(call->cache, call->id, r);
        size_t at = tdl_kv_cache_length(call->cache, r), begin, end;

        tdl_op_rows_of(call->batch, TDL_RAGGED, r, &begin, &end);
        for (size_t i = begin; i < end; i++, at++) {
            memcpy(to.k + at * to.cols, call->in[0] + i * cols + config->k_at,
                   to.cols * sizeof *to.k);
            memcpy(to.v + at * to.cols, call->in[0] + i * cols + config->v_at,
                   to.cols * sizeof *to.v);
            to.position[at] = has_positions(call) ? call->batch->position[i] : (int32_t)at;
        }
    }
}

void tdl_attention_visible(const tdl_attention_config *config, const tdl_attended *row,
                           size_t first, size_t n, size_t *ret_end)
{
    size_t prefix = config->mask == TDL_MASK_PREFIX ? config->prefix : 0, end = 0;

    if (config->mask == TDL_MASK_BIDIRECTIONAL)
        prefix = row->keys_n;
    prefix = prefix < row->keys_n ? prefix : row->keys_n;
    for (size_t i = 0; i < n; i++) {
        size_t key = row->before + first + i;

        end = end > key ? end : key + 1;
        while (row->position && end < row->keys_n && row->position[end] == row->position[key])
            end++; /* all that happened at the same time */
        ret_end[i] = end > prefix ? end : prefix;
    }
}

/* ---- relative biases ---- */

static const double BUCKET_WIDTH = 0.301; /* of ln |x| */

void tdl_time_bucket_begins(size_t buckets, uint64_t *ret)
{
    for (size_t b = 0; b <= buckets; b++) {
        double begin = ceil(exp(BUCKET_WIDTH * (double)b));

        ret[b] = b == 0 ? 0 : begin < 0x1p63 ? (uint64_t)begin : UINT64_MAX;
    }
}

static void init_bias(const tdl_op_call *call, tdl_attention_bias *ret)
{
    const tdl_slice *distance = call->shapes->param[0];

    ret->distance = call->param[0];
    ret->time = call->param[1];
    ret->max = distance ? (distance->cols + 1) / 2 : 0;
    ret->buckets = ret->time ? call->config->attention.time_buckets : 0;
    if (ret->time)
        tdl_time_bucket_begins(ret->buckets, ret->bucket_begin);
}

static size_t bucket_of(const tdl_attention_bias *bias, int64_t to, int64_t from)
{
    uint64_t x = to >= from ? (uint64_t)to - (uint64_t)from : (uint64_t)from - (uint64_t)to;
    /* ln 2 / 0.301 = 2.3028...: not above the bucket of the power of two below x */
    size_t b = x ? (size_t)(63 - __builtin_clzll(x)) * 23028 / 10000 : 0;

    b = b < bias->buckets ? b : bias->buckets;
    while (b < bias->buckets && x >= bias->bucket_begin[b + 1])
        b++;
    return b;
}

static int64_t time_after(const tdl_attended *row, size_t query)
{
    size_t key = row->before + query;

    return row->time_s[key + 1 < row->keys_n ? key + 1 : key];
}

/* Of key j: index into the bias by distance. */
static size_t distance_index(const tdl_attention_bias *bias, const tdl_attended *row, size_t query,
                             size_t j)
{
    size_t key = row->before + query;

    if (row->position)
        return (size_t)((int64_t)row->position[j] - row->position[key] + (int64_t)bias->max - 1);
    return j + bias->max - 1 - key;
}

void tdl_attention_bias_add(const tdl_attention_bias *bias, const tdl_attended *row, size_t query,
                            size_t first_key, size_t n, tdl_real *score)
{
    int64_t after = bias->time ? time_after(row, query) : 0;

    for (size_t i = 0; bias->distance && i < n; i++)
        score[i] += bias->distance[distance_index(bias, row, query, first_key + i)];
    for (size_t i = 0; bias->time && i < n; i++)
        score[i] += bias->time[bucket_of(bias, after, row->time_s[first_key + i])];
}

void tdl_attention_bias_backward(const tdl_attention_bias *bias, const tdl_attended *row,
                                 size_t query, size_t first_key, size_t n, const tdl_real *d_score,
                                 tdl_real *d_distance, tdl_real *d_time)
{
    int64_t after = d_time ? time_after(row, query) : 0;

    for (size_t i = 0; d_distance && i < n; i++)
        d_distance[distance_index(bias, row, query, first_key + i)] += d_score[i];
    for (size_t i = 0; d_time && i < n; i++)
        d_time[bucket_of(bias, after, row->time_s[first_key + i])] += d_score[i];
}

/* ---- one call ---- */

tdl_attention tdl_attention_of(const tdl_op_call *call)
{
    const tdl_attention_config *config = &call->config->attention;
    double scale = config->scale;
    tdl_attention a = {.call = call, .config = config};

    if (scale == 0)
        scale = config->score == TDL_SCORE_SILU ? 1 : 1 / sqrt((double)config->d_head);
    a.scale = (tdl_real)scale;
    a.drops = call->training && config->drop > 0;
    a.has_bias = call->param[0] || call->param[1];
    init_bias(call, &a.bias);
    return a;
}
