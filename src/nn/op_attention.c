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
 * Tiles of 64 queries and 64 keys: only one tile of scores is there at a time. The softmaxes of
 * tiles are joined by their log-sum-exps (Milakov and Gimelshein 2018; Dao et al. 2022); saved is
 * the whole one, [rows][heads], and backward computes the scores again.
 *
 * Query head h reads key head h / (heads / kv_heads) (GQA, Ainslie et al. 2023).
 *
 * Threads split (batch row, head), in backward (batch row, key head): no two write to one place,
 * and each sums in one order.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "nn/attention.h"
#include "nn/kv_cache.h"

enum {
    QUERIES = TDL_QUERIES_EACH,
    KEYS = TDL_KEYS_EACH,
    WORTH_SPLITTING = 4096 /* numbers of out */
};

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

/* ---- one tile of scores ---- */

typedef struct job {
    const tdl_op_call *call;
    const tdl_attention_config *config;
    tdl_real scale;
    bool drops, has_bias;
    tdl_attention_bias bias;
    tdl_real *d_bias; /* [units][d_bias_n]: by distance, then by time; NULL: frozen or none */
    size_t d_bias_n;
} job;

/* Queries [q0, q0 + n) and keys [k0, k0 + w) of one head; rows before `from` see none of them. */
typedef struct tile {
    const job *j;
    const tdl_attended *row;
    size_t r, head, q0, k0, n, w, from;
    size_t end[QUERIES]; /* of the keys each query sees */
} tile;

static job make_job(const tdl_op_call *call)
{
    const tdl_attention_config *config = &call->config->attention;
    double scale = config->scale;
    job j = {.call = call, .config = config};

    if (scale == 0)
        scale = config->score == TDL_SCORE_SILU ? 1 : 1 / sqrt((double)config->d_head);
    j.scale = (tdl_real)scale;
    j.drops = call->training && config->drop > 0;
    j.has_bias = call->param[0] || call->param[1];
    tdl_attention_bias_init(call, &j.bias);
    return j;
}

static tile tile_of(const job *j, const tdl_attended *row, size_t r, size_t head, size_t q0)
{
    size_t left = row->queries_n - q0;
    tile t = {.j = j, .row = row, .r = r, .head = head, .q0 = q0};

    t.n = left < QUERIES ? left : QUERIES;
    tdl_attention_visible(j->config, row, q0, t.n, t.end);
    return t;
}

/* The tile of keys from k0 on. False: none of the queries sees any of them. */
static bool at_keys(tile *t, size_t k0)
{
    size_t last = t->end[t->n - 1];

    t->k0 = k0;
    t->w = last > k0 ? last - k0 : 0;
    t->w = t->w < KEYS ? t->w : KEYS;
    while (t->from < t->n && t->end[t->from] <= k0)
        t->from++;
    return t->w > 0;
}

/* How many keys of the tile query i sees. */
static size_t seen(const tile *t, size_t i)
{
    size_t n = t->end[i] - t->k0;

    return n < t->w ? n : t->w;
}

static const tdl_real *queries(const tile *t)
{
    return t->row->q + (t->q0 + t->from) * t->row->ldq + t->head * t->j->config->d_head;
}

/* Row of the tile's first keys in K or V, and where its head begins. */
static size_t key_offset(const tile *t)
{
    const tdl_attention_config *config = t->j->config;
    size_t kv_head = t->head / (config->heads / config->kv_heads);

    return t->k0 * t->row->ldkv + kv_head * config->d_head;
}

/* s[i][j], i in [from, n), j below what i sees. */
static void compute_scores(const tile *t, tdl_real s[QUERIES][KEYS])
{
    tdl_matmul_small(false, true, t->n - t->from, t->w, t->j->config->d_head, queries(t),
                     t->row->ldq, t->row->k + key_offset(t), t->row->ldkv, s[t->from], KEYS, false);
    for (size_t i = t->from; i < t->n; i++)
        for (size_t j = 0; j < t->w; j++)
            s[i][j] *= t->j->scale;
    for (size_t i = t->from; t->j->has_bias && i < t->n; i++)
        tdl_attention_bias_add(&t->j->bias, t->row, t->q0 + i, t->k0, seen(t, i), s[i]);
}

/* m[j] of query i: 0 or 1 / (1 - drop), recomputed from the keys' numbers. */
static void draw_mask(const tile *t, size_t i, tdl_real m[KEYS])
{
    const tdl_op_call *call = t->j->call;
    uint64_t number = tdl_op_row_key(call->batch, call->shapes->in_per_row[0], t->r, t->q0 + i);
    const uint32_t seed[2] = {(uint32_t)call->seed, (uint32_t)(call->seed >> 32)};
    const uint32_t query[4] = {(uint32_t)number, (uint32_t)(number >> 32), (uint32_t)call->step,
                               call->id};
    uint32_t below = (uint32_t)(t->j->config->drop * 0x1p32), key[4], word[4];

    tdl_philox4x32(query, seed, key);
    for (size_t j = 0; j < t->w; j++) {
        const uint32_t counter[4] = {(uint32_t)((t->k0 + j) / 4), (uint32_t)t->head, key[2],
                                     key[3]};

        if (j % 4 == 0)
            tdl_philox4x32(counter, key, word);
        m[j] = word[j % 4] < below ? 0 : (tdl_real)(1 / (1 - t->j->config->drop));
    }
}

static void multiply(size_t n, const tdl_real *restrict x, tdl_real *restrict y)
{
    for (size_t j = 0; j < n; j++)
        y[j] *= x[j];
}

/* ---- forward ---- */

/* Scores become the softmax of what this tile shows; ret_lse of that. */
static void softmax_tile(const tile *t, tdl_real s[QUERIES][KEYS], tdl_real ret_lse[QUERIES])
{
    for (size_t i = t->from; i < t->n; i++)
        tdl_softmax(1, seen(t, i), s[i], &ret_lse[i]);
}

static void silu_tile(const tile *t, tdl_real s[QUERIES][KEYS])
{
    tdl_real x[KEYS], n = (tdl_real)t->j->config->silu_n;

    for (size_t i = t->from; i < t->n; i++) {
        size_t w = seen(t, i);

        tdl_put(false, w, s[i], x);
        tdl_act_forward(TDL_ACT_SIGMOID, w, NULL, s[i]);
        for (size_t j = 0; j < w; j++)
            s[i][j] = x[j] * s[i][j] / n;
    }
}

/* The tile's softmax meets that of the tiles before: both are weighed by their share of the sum of
 * exponentials. lse of before becomes that of all. */
static void join(const tile *t, tdl_real s[QUERIES][KEYS], const tdl_real *tile_lse, tdl_real *lse,
                 tdl_real *out, size_t ld)
{
    tdl_real old[QUERIES], new[QUERIES], most[QUERIES], sum[QUERIES];
    size_t m = t->n - t->from, d = t->j->config->d_head;

    for (size_t i = 0; i < m; i++) {
        tdl_real a = lse[t->from + i], b = tile_lse[t->from + i];

        most[i] = a > b ? a : b;
        old[i] = a - most[i];
        new[i] = b - most[i];
    }
    tdl_real_exp(m, old);
    tdl_real_exp(m, new);
    for (size_t i = 0; i < m; i++) {
        size_t row = t->from + i;

        sum[i] = old[i] + new[i];
        for (size_t c = 0; c < d; c++)
            out[row * ld + c] *= old[i] / sum[i];
        for (size_t j = 0; j < seen(t, row); j++)
            s[row][j] *= new[i] / sum[i];
    }
    tdl_real_log(m, sum);
    for (size_t i = 0; i < m; i++)
        lse[t->from + i] = most[i] + sum[i];
}

static bool is_finite(size_t rows, size_t n, const tdl_real *x, size_t ld)
{
#ifdef TDL_REAL_DOUBLE
    const tdl_real largest = DBL_MAX;
#else
    const tdl_real largest = FLT_MAX;
#endif
    unsigned unfit = 0;

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            unfit += !(x[i * ld + j] <= largest) | !(x[i * ld + j] >= -largest);
    return unfit == 0;
}

/* out = or += s V. A key that is not seen has weight 0, which is as good as its not being there,
 * unless its value is infinite or no number: then each query sums what it sees and no more. */
static void sum_values(const tile *t, tdl_real s[QUERIES][KEYS], tdl_real *out, size_t ld, bool add)
{
    const tdl_real *v = t->row->v + key_offset(t);
    size_t d = t->j->config->d_head, ldv = t->row->ldkv;
    bool all = seen(t, t->from) == t->w;

    if (all || is_finite(t->w, d, v, ldv)) {
        for (size_t i = t->from; i < t->n; i++)
            memset(s[i] + seen(t, i), 0, (t->w - seen(t, i)) * sizeof **s);
        tdl_matmul_small(false, false, t->n - t->from, d, t->w, s[t->from], KEYS, v, ldv,
                         out + t->from * ld, ld, add);
        return;
    }
    for (size_t i = t->from; i < t->n; i++)
        tdl_matmul_small(false, false, 1, d, seen(t, i), s[i], KEYS, v, ldv, out + i * ld, ld, add);
}

static void forward_tile(tile *t)
{
    const tdl_op_call *call = t->j->call;
    bool softmax = t->j->config->score == TDL_SCORE_SOFTMAX;
    size_t ld = call->shapes->out_cols, row = t->row->out_begin + t->q0;
    tdl_real *out = call->out + row * ld + t->head * t->j->config->d_head;
    tdl_real s[QUERIES][KEYS] __attribute__((aligned(64)));
    tdl_real lse[QUERIES], tile_lse[QUERIES], mask[KEYS];

    for (size_t k0 = 0; at_keys(t, k0); k0 += KEYS) {
        compute_scores(t, s);
        if (!softmax) {
            silu_tile(t, s);
        } else if (k0 == 0) {
            softmax_tile(t, s, lse);
        } else {
            softmax_tile(t, s, tile_lse);
            join(t, s, tile_lse, lse, out, ld);
        }
        for (size_t i = t->from; t->j->drops && i < t->n; i++) {
            draw_mask(t, i, mask);
            multiply(seen(t, i), mask, s[i]);
        }
        sum_values(t, s, out, ld, k0 > 0);
    }
    for (size_t i = 0; softmax && i < t->n; i++)
        call->saved[(row + i) * t->j->config->heads + t->head] = lse[i];
}

static void forward_units(void *context, size_t begin, size_t end, unsigned part)
{
    const job *j = context;
    size_t heads = j->config->heads, d = j->config->d_head;

    TDL_UNUSED(part);
    for (size_t unit = begin; unit < end; unit++) {
        size_t r = unit / heads, head = unit % heads;
        tdl_attended row = tdl_attended_of(j->call, r);

        if (j->config->first_only && !row.queries_n)
            memset(j->call->out + r * heads * d + head * d, 0, d * sizeof *j->call->out);
        for (size_t q0 = 0; q0 < row.queries_n; q0 += QUERIES) {
            tile t = tile_of(j, &row, r, head, q0);

            forward_tile(&t);
        }
    }
}

static tdl_pool *pool_for(const tdl_op_call *call)
{
    return call->rows * call->shapes->out_cols < WORTH_SPLITTING ? NULL : call->pool;
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    job j = make_job(call);

    TDL_UNUSED(why);
    if (call->cache)
        tdl_attention_remember(call);
    tdl_pool_run(pool_for(call), call->batch->rows * j.config->heads, 1, forward_units, &j);
    return TDL_OK;
}

/* ---- backward ---- */

/* What backward needs of the queries of a tile. */
typedef struct query_gradients {
    const tdl_real *d_out; /* [n], rows ld apart */
    size_t ld;
    const tdl_real *lse;           /* [n], `heads` apart */
    tdl_real out_d_out[QUERIES];   /* d out . out */
    tdl_real *d_q, *d_k, *d_v;     /* rows ldq apart, d_k and d_v from key 0 on; NULL: not wanted */
    tdl_real *d_distance, *d_time; /* NULL: not wanted */
} query_gradients;

/* Scores become p; d_p becomes d s. */
static void softmax_backward(const tile *t, const query_gradients *g, size_t i, tdl_real *s,
                             tdl_real *d_p)
{
    tdl_real lse = g->lse[i * t->j->config->heads];
    size_t w = seen(t, i);

    for (size_t j = 0; j < w; j++)
        s[j] -= lse;
    tdl_real_exp(w, s);
    for (size_t j = 0; j < w; j++)
        d_p[j] = s[j] * (d_p[j] - g->out_d_out[i]);
}

static void silu_backward(const tile *t, size_t i, tdl_real *s, tdl_real *d_p)
{
    tdl_real sigmoid[KEYS], n = (tdl_real)t->j->config->silu_n;
    size_t w = seen(t, i);

    tdl_put(false, w, s, sigmoid);
    tdl_act_forward(TDL_ACT_SIGMOID, w, NULL, sigmoid);
    for (size_t j = 0; j < w; j++) {
        d_p[j] *= sigmoid[j] * (1 + s[j] * (1 - sigmoid[j])) / n;
        s[j] = s[j] * sigmoid[j] / n;
    }
}

/* Row i of both tiles: s becomes m p, d_p becomes scale d s; what is not seen becomes 0. */
static void backward_row(const tile *t, const query_gradients *g, size_t i, tdl_real *s,
                         tdl_real *d_p)
{
    tdl_real mask[KEYS];
    size_t w = seen(t, i);

    if (t->j->drops) {
        draw_mask(t, i, mask);
        multiply(w, mask, d_p);
    }
    if (t->j->config->score == TDL_SCORE_SOFTMAX)
        softmax_backward(t, g, i, s, d_p);
    else
        silu_backward(t, i, s, d_p);
    if (t->j->drops)
        multiply(w, mask, s);
    if (g->d_distance || g->d_time)
        tdl_attention_bias_backward(&t->j->bias, t->row, t->q0 + i, t->k0, w, d_p, g->d_distance,
                                    g->d_time);
    for (size_t j = 0; j < w; j++)
        d_p[j] *= t->j->scale;
    memset(s + w, 0, (t->w - w) * sizeof *s);
    memset(d_p + w, 0, (t->w - w) * sizeof *d_p);
}

static void backward_keys(const tile *t, const query_gradients *g)
{
    tdl_real s[QUERIES][KEYS] __attribute__((aligned(64)));
    tdl_real d_s[QUERIES][KEYS] __attribute__((aligned(64)));
    size_t d = t->j->config->d_head, m = t->n - t->from, ldq = t->row->ldq;
    size_t keys = key_offset(t), ldkv = t->row->ldkv;
    const tdl_real *d_out = g->d_out + t->from * g->ld;

    compute_scores(t, s);
    tdl_matmul_small(false, true, m, t->w, d, d_out, g->ld, t->row->v + keys, ldkv, d_s[t->from],
                     KEYS, false);
    for (size_t i = t->from; i < t->n; i++)
        backward_row(t, g, i, s[i], d_s[i]);
    if (!g->d_q)
        return;
    tdl_matmul_small(true, false, t->w, d, m, s[t->from], KEYS, d_out, g->ld, g->d_v + keys, ldkv,
                     true);
    tdl_matmul_small(false, false, m, d, t->w, d_s[t->from], KEYS, t->row->k + keys, ldkv,
                     g->d_q + t->from * ldq, ldq, true);
    tdl_matmul_small(true, false, t->w, d, m, d_s[t->from], KEYS, queries(t), ldq, g->d_k + keys,
                     ldkv, true);
}

static void backward_queries(const job *j, const tdl_attended *row, size_t r, size_t head,
                             size_t q0, tdl_real *d_bias)
{
    const tdl_op_call *call = j->call;
    const tdl_attention_config *config = j->config;
    size_t d = config->d_head, at = row->out_begin + q0, ld = call->shapes->out_cols;
    tile t = tile_of(j, row, r, head, q0);
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
        g.d_time = d_bias + j->d_bias_n - call->shapes->param[1]->cols;
    for (size_t k0 = 0; at_keys(&t, k0); k0 += KEYS)
        backward_keys(&t, &g);
}

static void backward_units(void *context, size_t begin, size_t end, unsigned part)
{
    const job *j = context;
    size_t kv_heads = j->config->kv_heads, each = j->config->heads / kv_heads;

    TDL_UNUSED(part);
    for (size_t unit = begin; unit < end; unit++) {
        size_t r = unit / kv_heads, first = unit % kv_heads * each;
        tdl_real *d_bias = j->d_bias ? j->d_bias + unit * j->d_bias_n : NULL;
        tdl_attended row = tdl_attended_of(j->call, r);

        for (size_t head = first; head < first + each; head++)
            for (size_t q0 = 0; q0 < row.queries_n; q0 += QUERIES)
                backward_queries(j, &row, r, head, q0, d_bias);
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
static tdl_status new_bias_gradients(job *j, size_t units, tdl_report *why)
{
    size_t n = 0;

    for (int i = 0; i < 2; i++)
        if (j->call->d_param[i])
            n += j->call->shapes->param[i]->cols;
    if (!n)
        return TDL_OK;
    j->d_bias_n = n;
    j->d_bias = calloc(units, n * sizeof *j->d_bias);
    return j->d_bias ? TDL_OK
                     : TDL_FAIL(why, TDL_E_NO_MEMORY,
                                "attention: no memory for the bias gradients of %zu rows",
                                j->call->batch->rows);
}

static void add_bias_gradients(const job *j, size_t units)
{
    const tdl_op_call *call = j->call;
    size_t at = 0;

    for (int i = 0; i < 2; i++) {
        size_t n = call->d_param[i] ? call->shapes->param[i]->cols : 0;

        for (size_t unit = 0; n && unit < units; unit++)
            tdl_put(true, n, j->d_bias + unit * j->d_bias_n + at, call->d_param[i]);
        at += n;
    }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    job j = make_job(call);
    size_t units = call->batch->rows * j.config->kv_heads;
    tdl_pool *pool = pool_for(call);
    tdl_status st;

    if (call->cache)
        return TDL_FAIL(why, TDL_E_INVALID, "attention: no gradients through a cache");
    if ((st = new_bias_gradients(&j, units, why)))
        return st;
    if (call->d_in[0] && !call->d_in_add[0])
        tdl_pool_run(pool, call->in_rows[0], QUERIES, clear_rows, (void *)call);
    tdl_pool_run(pool, units, 1, backward_units, &j);
    add_bias_gradients(&j, units);
    free(j.d_bias);
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
