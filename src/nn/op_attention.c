/* attention: for query i of a batch row and the keys j it sees, per head,
 *
 *     s_ij  = scale q_i . k_j + distance bias + time bias
 *     p_ij  = exp(s_ij - lse_i), lse_i = log sum over j of exp(s_ij)      softmax (Vaswani et al.)
 *           = silu(s_ij) / n                                              silu (HSTU)
 *     out_i = sum over j of m_ij p_ij v_j      m: dropout, 0 or 1 / (1 - drop)
 *
 *     d v_j  = sum over i of m_ij p_ij d out_i
 *     d p_ij = m_ij d out_i . v_j
 *     d s_ij = p_ij (d p_ij - d out_i . out_i)       softmax
 *            = d p_ij silu'(s_ij) / n                silu
 *     d q_i  = scale sum over j of d s_ij k_j    d k_j = scale sum over i of d s_ij q_i
 *
 * Tiles of 64 queries and 64 keys: only one tile of scores is there at a time (Milakov and
 * Gimelshein 2018; Dao et al. 2022; score_tile.h). Saved is lse [rows][heads]; backward computes
 * the scores again.
 *
 * Query head h reads key head h / (heads / kv_heads) (GQA, Ainslie et al. 2023).
 *
 * Threads split (batch row, head), in backward (batch row, key head): no two write to one place,
 * and each sums in one order.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/kv_cache.h"
#include "nn/score_tile.h"

enum { WORTH_SPLITTING = 4096 /* numbers of out */ };

/* ---- shapes ---- */

static tdl_status check_columns(const char *what, size_t at, size_t heads, size_t d_head,
                                size_t cols, tdl_report *why)
{
    size_t wide;

    if (__builtin_mul_overflow(heads, d_head, &wide) || at > cols || wide > cols - at)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "attention: %s in %zu heads of %zu columns from column %zu on, the input "
                        "has %zu",
                        what, heads, d_head, at, cols);
    return TDL_OK;
}

static tdl_status check_bias(const tdl_attention_config *config, const tdl_slice *distance,
                             const tdl_slice *time, tdl_report *why)
{
    if (distance && (distance->rows != 1 || distance->cols % 2 == 0))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "attention: bias by distance '%s' [%zu][%zu], not [1][2 max - 1]",
                        distance->name, distance->rows, distance->cols);
    if (config->time_buckets > TDL_TIME_BUCKETS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "attention: %zu time buckets, at most %d",
                        config->time_buckets, TDL_TIME_BUCKETS_MAX);
    if (!time != !config->time_buckets ||
        (time && (time->rows != 1 || time->cols != config->time_buckets + 1)))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "attention: %zu time buckets, their bias has %zu numbers and not one more",
                        config->time_buckets, time ? time->rows * time->cols : 0);
    return TDL_OK;
}

static tdl_status check_numbers(const tdl_attention_config *config, tdl_report *why)
{
    if (config->d_head == 0 || config->d_head > TDL_SMALL_K)
        return TDL_FAIL(why, TDL_E_INVALID, "attention: heads of %zu columns, not 1 to %d",
                        config->d_head, TDL_SMALL_K);
    if (config->heads == 0 || config->kv_heads == 0 || config->heads % config->kv_heads)
        return TDL_FAIL(why, TDL_E_INVALID, "attention: %zu heads cannot share %zu key heads",
                        config->heads, config->kv_heads);
    if (!(config->drop >= 0 && config->drop < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "attention: rate %g is not in [0, 1)", config->drop);
    if (!isfinite(config->scale))
        return TDL_FAIL(why, TDL_E_INVALID, "attention: scale %g is not finite", config->scale);
    if (config->score == TDL_SCORE_SILU && !(config->silu_n > 0))
        return TDL_FAIL(why, TDL_E_INVALID, "attention: silu_n %g is not above 0", config->silu_n);
    return TDL_OK;
}

static tdl_status infer(const tdl_op_config *op_config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_attention_config *config = &op_config->attention;
    size_t cols = shapes->in_cols[0], d = config->d_head;
    tdl_status st;

    if ((st = check_numbers(config, why)) ||
        (st = check_columns("queries", config->q_at, config->heads, d, cols, why)) ||
        (st = check_columns("keys", config->k_at, config->kv_heads, d, cols, why)) ||
        (st = check_columns("values", config->v_at, config->kv_heads, d, cols, why)) ||
        (st = check_bias(config, shapes->param[0], shapes->param[1], why)))
        return st;
    shapes->out_cols = config->heads * d;
    if (config->first_only)
        shapes->out_per_row = 1;
    if (config->score == TDL_SCORE_SOFTMAX) {
        shapes->saved_cols = config->heads;
        shapes->reads |= TDL_READS_OUT;
    }
    return TDL_OK;
}

/* ---- batches ---- */

/* Positions of a row rise, the cache's before the batch's; the last less the first. */
static tdl_status check_positions(const tdl_op_call *call, size_t r, size_t *ret_reach,
                                  tdl_report *why)
{
    const int32_t *position = call->batch->position;
    size_t before = tdl_kv_cache_length(call->cache, r), begin, end;
    int32_t first, last;

    tdl_op_rows_of(call->batch, call->shapes->in_per_row[0], r, &begin, &end);
    *ret_reach = before + end - begin;
    *ret_reach -= *ret_reach > 0;
    if (begin == end || (!before && (!position || call->shapes->in_per_row[0] != TDL_RAGGED)))
        return TDL_OK;
    first = before ? tdl_kv_cache_row(call->cache, call->id, r).position[0] : position[begin];
    last = before ? tdl_kv_cache_row(call->cache, call->id, r).position[before - 1] : first;
    for (size_t i = begin; i < end; i++) {
        int64_t here = position ? position[i] : (int64_t)(before + i - begin);

        if (here < last)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu, entry %zu: position %lld after %d", r,
                            i - begin, (long long)here, last);
        last = (int32_t)here;
    }
    *ret_reach = (size_t)((int64_t)last - first);
    return TDL_OK;
}

static tdl_status check_cache(const tdl_op_call *call, size_t r, tdl_report *why)
{
    const tdl_attention_config *config = &call->config->attention;
    size_t before = tdl_kv_cache_length(call->cache, r);

    if (call->shapes->in_per_row[0] != TDL_RAGGED)
        return TDL_FAIL(why, TDL_E_INVALID, "attention: a cache, but the rows are no tokens");
    if (config->mask == TDL_MASK_PREFIX && before && before < config->prefix)
        return TDL_FAIL(why, TDL_E_INVALID, "row %zu: a prefix of %zu tokens, cached after %zu", r,
                        config->prefix, before);
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    const tdl_attention_config *config = &call->config->attention;
    const tdl_slice *distance = call->shapes->param[0];
    tdl_status st;

    if (call->training && config->drop > 0 && !call->batch->example)
        return TDL_FAIL(why, TDL_E_INVALID, "attention: the batch has no example numbers");
    if (config->time_buckets && (!call->batch->time_s || call->shapes->in_per_row[0] != TDL_RAGGED))
        return TDL_FAIL(why, TDL_E_INVALID, "attention: the batch has no times");
    for (size_t r = 0; r < call->batch->rows; r++) {
        size_t reach;

        if ((call->cache && (st = check_cache(call, r, why))) ||
            (st = check_positions(call, r, &reach, why)))
            return st;
        if (distance && reach > (distance->cols - 1) / 2)
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "cut the row",
                                 "row %zu: a distance of %zu tokens, '%s' reaches to %zu", r, reach,
                                 distance->name, (distance->cols - 1) / 2);
    }
    return TDL_OK;
}

/* ---- forward ---- */

static void forward_tile(const tdl_attention *a, tdl_score_tile *t)
{
    const tdl_op_call *call = a->call;
    bool softmax = a->config->score == TDL_SCORE_SOFTMAX;
    size_t ld = call->shapes->out_cols, row = t->row->out_begin + t->q0;
    tdl_real *out = call->out + row * ld + t->head * a->config->d_head;
    tdl_real s[TDL_QUERIES_EACH * TDL_KEYS_EACH] __attribute__((aligned(64)));
    tdl_running_softmax so_far;

    for (size_t k0 = 0; tdl_score_tile_at(t, k0); k0 += TDL_KEYS_EACH) {
        tdl_scores(t, s);
        if (softmax)
            tdl_running_softmax_step(t, s, &so_far, out, ld);
        else
            tdl_silu_scores(t, s);
        if (a->drops)
            tdl_drop_scores(t, s);
        tdl_sum_values(t, s, out, ld);
    }
    if (softmax)
        tdl_running_softmax_finish(t, &so_far, out, ld,
                                   call->saved + row * a->config->heads + t->head);
}

static void forward_units(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_attention *a = context;
    size_t heads = a->config->heads, d = a->config->d_head;

    TDL_UNUSED(part);
    for (size_t unit = begin; unit < end; unit++) {
        size_t r = unit / heads, head = unit % heads;
        tdl_attended row = tdl_attended_of(a->call, r);

        if (a->config->first_only && !row.queries_n)
            memset(a->call->out + r * heads * d + head * d, 0, d * sizeof *a->call->out);
        for (size_t q0 = 0; q0 < row.queries_n; q0 += TDL_QUERIES_EACH) {
            tdl_score_tile t = tdl_score_tile_of(a, &row, r, head, q0);

            forward_tile(a, &t);
        }
    }
}

static tdl_pool *pool_for(const tdl_op_call *call)
{
    return call->rows * call->shapes->out_cols < WORTH_SPLITTING ? NULL : call->pool;
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    tdl_attention a = tdl_attention_of(call);

    TDL_UNUSED(why);
    if (call->cache)
        tdl_attention_remember(call);
    tdl_pool_run(pool_for(call), call->batch->rows * a.config->heads, 1, forward_units, &a);
    return TDL_OK;
}

/* ---- backward ---- */

/* What backward needs of the queries of a tile. */
typedef struct query_gradients {
    const tdl_real *d_out; /* [n], rows ld apart */
    size_t ld;
    const tdl_real *lse;                  /* [n], `heads` apart; NULL: no softmax */
    tdl_real out_d_out[TDL_QUERIES_EACH]; /* out . d out */
    tdl_real *d_q, *d_k, *d_v;     /* rows ldq apart, d_k and d_v from key 0 on; NULL: not wanted */
    tdl_real *d_distance, *d_time; /* NULL: not wanted */
} query_gradients;

static void backward_keys(const tdl_score_tile *t, const query_gradients *g)
{
    tdl_real p[TDL_QUERIES_EACH * TDL_KEYS_EACH] __attribute__((aligned(64)));
    tdl_real d_s[TDL_QUERIES_EACH * TDL_KEYS_EACH] __attribute__((aligned(64)));
    size_t d = t->a->config->d_head, m = t->n - t->from, ldq = t->row->ldq, ldkv = t->row->ldkv;
    size_t keys = tdl_key_offset(t), at = t->from * TDL_KEYS_EACH;
    const tdl_real *d_out = g->d_out + t->from * g->ld;

    tdl_scores(t, p);
    tdl_scores_of(t, d_out, g->ld, t->row->v, d_s);
    tdl_scores_backward(t, g->lse, g->out_d_out, p, d_s);
    for (size_t i = t->from; (g->d_distance || g->d_time) && i < t->n; i++)
        tdl_attention_bias_backward(&t->a->bias, t->row, t->q0 + i, t->k0, tdl_seen(t, i),
                                    d_s + i * TDL_KEYS_EACH, g->d_distance, g->d_time);
    if (!g->d_q)
        return;
    for (size_t i = t->from; i < t->n; i++)
        for (size_t j = 0; j < t->w; j++)
            d_s[i * TDL_KEYS_EACH + j] *= t->a->scale;
    tdl_matmul_small(true, false, t->w, d, m, p + at, TDL_KEYS_EACH, d_out, g->ld, g->d_v + keys,
                     ldkv, true, NULL, NULL);
    tdl_matmul_small(false, false, m, d, t->w, d_s + at, TDL_KEYS_EACH, t->row->k + keys, ldkv,
                     g->d_q + t->from * ldq, ldq, true, NULL, NULL);
    tdl_matmul_small(true, false, t->w, d, m, d_s + at, TDL_KEYS_EACH, tdl_queries(t), ldq,
                     g->d_k + keys, ldkv, true, NULL, NULL);
}

static void backward_queries(const tdl_attention *a, const tdl_attended *row, size_t r, size_t head,
                             size_t q0, tdl_real *d_bias)
{
    const tdl_op_call *call = a->call;
    const tdl_attention_config *config = a->config;
    size_t d = config->d_head, at = row->out_begin + q0, ld = call->shapes->out_cols;
    tdl_score_tile t = tdl_score_tile_of(a, row, r, head, q0);
    query_gradients g = {.d_out = call->d_out + at * ld + head * d, .ld = ld};

    if (config->score == TDL_SCORE_SOFTMAX)
        g.lse = call->saved + at * config->heads + head;
    for (size_t i = 0; g.lse && i < t.n; i++)
        g.out_d_out[i] = tdl_inner(d, call->out + (at + i) * ld + head * d, g.d_out + i * ld);
    if (call->d_in[0]) {
        tdl_real *d_in = call->d_in[0] + row->in_begin * row->ldq;

        g.d_q = d_in + q0 * row->ldq + config->q_at + head * d;
        g.d_k = d_in + config->k_at;
        g.d_v = d_in + config->v_at;
    }
    if (call->d_param[0])
        g.d_distance = d_bias;
    if (call->d_param[1])
        g.d_time = d_bias + a->d_bias_n - call->shapes->param[1]->cols;
    for (size_t k0 = 0; tdl_score_tile_at(&t, k0); k0 += TDL_KEYS_EACH)
        backward_keys(&t, &g);
}

static void backward_units(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_attention *a = context;
    size_t kv_heads = a->config->kv_heads, each = a->config->heads / kv_heads;

    TDL_UNUSED(part);
    for (size_t unit = begin; unit < end; unit++) {
        size_t r = unit / kv_heads, first = unit % kv_heads * each;
        tdl_real *d_bias = a->d_bias ? a->d_bias + unit * a->d_bias_n : NULL;
        tdl_attended row = tdl_attended_of(a->call, r);

        for (size_t head = first; head < first + each; head++)
            for (size_t q0 = 0; q0 < row.queries_n; q0 += TDL_QUERIES_EACH)
                backward_queries(a, &row, r, head, q0, d_bias);
    }
}

static void clear_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t cols = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    memset(call->d_in[0] + begin * cols, 0, (end - begin) * cols * sizeof *call->d_in[0]);
}

/* Each unit has gradients of the biases of its own, added when all are done. */
static tdl_status new_bias_gradients(tdl_attention *a, size_t units, tdl_report *why)
{
    size_t n = 0;

    for (int i = 0; i < 2; i++)
        if (a->call->d_param[i])
            n += a->call->shapes->param[i]->cols;
    if (!n)
        return TDL_OK;
    a->d_bias_n = n;
    a->d_bias = calloc(units, n * sizeof *a->d_bias);
    return a->d_bias ? TDL_OK
                     : TDL_FAIL(why, TDL_E_NO_MEMORY,
                                "attention: no memory for the bias gradients of %zu rows",
                                a->call->batch->rows);
}

static void add_bias_gradients(const tdl_attention *a, size_t units)
{
    const tdl_op_call *call = a->call;
    size_t at = 0;

    for (int i = 0; i < 2; i++) {
        size_t n = call->d_param[i] ? call->shapes->param[i]->cols : 0;

        for (size_t unit = 0; n && unit < units; unit++)
            tdl_put(true, n, a->d_bias + unit * a->d_bias_n + at, call->d_param[i]);
        at += n;
    }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    tdl_attention a = tdl_attention_of(call);
    size_t units = call->batch->rows * a.config->kv_heads;
    tdl_pool *pool = pool_for(call);
    tdl_status st;

    if (call->cache)
        return TDL_FAIL(why, TDL_E_INVALID, "attention: no gradients through a cache");
    if ((st = new_bias_gradients(&a, units, why)))
        return st;
    if (call->d_in[0] && !call->d_in_add[0])
        tdl_pool_run(pool, call->in_rows[0], TDL_QUERIES_EACH, clear_rows, (void *)call);
    tdl_pool_run(pool, units, 1, backward_units, &a);
    add_bias_gradients(&a, units);
    free(a.d_bias);
    return TDL_OK;
}

const tdl_op tdl_op_attention = {
    .name = "attention",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
