#include "nn/score_tile.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

/* Sums over a row run in lanes, element i in lane i mod LANES, added as a tree; what lies past the
 * end adds 0. Exponentials are taken of whole groups of rows, as wide as the last of them. */
enum { QUERIES = TDL_QUERIES_EACH, KEYS = TDL_KEYS_EACH, LANES = 16, GROUP = 16 };

tdl_score_tile tdl_score_tile_of(const tdl_attention *a, const tdl_attended *row, size_t r,
                                 size_t head, size_t q0)
{
    size_t left = row->queries_n - q0;
    tdl_score_tile t = {.a = a, .row = row, .r = r, .head = head, .q0 = q0};

    t.n = left < QUERIES ? left : QUERIES;
    tdl_attention_visible(a->config, row, q0, t.n, t.end);
    return t;
}

bool tdl_score_tile_at(tdl_score_tile *t, size_t k0)
{
    size_t last = t->end[t->n - 1];

    if (last <= k0)
        return false;
    t->k0 = k0;
    t->w = last - k0 < KEYS ? last - k0 : KEYS;
    while (t->end[t->from] <= k0)
        t->from++;
    return true;
}

const tdl_real *tdl_queries(const tdl_score_tile *t)
{
    return t->row->q + (t->q0 + t->from) * t->row->ldq + t->head * t->a->config->d_head;
}

size_t tdl_key_offset(const tdl_score_tile *t)
{
    const tdl_attention_config *config = t->a->config;
    size_t kv_head = t->head / (config->heads / config->kv_heads);

    return t->k0 * t->row->ldkv + kv_head * config->d_head;
}

static size_t width_for(size_t n)
{
    return (n + LANES - 1) / LANES * LANES;
}

/* Width of the group that row i is in: what the last of its rows sees. */
static size_t group_width(const tdl_score_tile *t, size_t i)
{
    size_t last = i - (i - t->from) % GROUP + GROUP - 1;

    return width_for(tdl_seen(t, last < t->n ? last : t->n - 1));
}

static void fill(tdl_real *row, size_t begin, size_t end, tdl_real value)
{
    for (size_t j = begin; j < end; j++)
        row[j] = value;
}

/* What row i does not see becomes 0, up to where any row sees something that a product may take
 * together with it. */
static void clear_unseen(const tdl_score_tile *t, size_t i, size_t begin, tdl_real *row)
{
    fill(row, begin, tdl_seen(t, t->n - i < GROUP ? t->n - 1 : i + GROUP - 1), 0);
}

/* ret[i]: what row from + i sees */
static void all_seen(const tdl_score_tile *t, size_t ret[QUERIES])
{
    for (size_t i = t->from; i < t->n; i++)
        ret[i - t->from] = tdl_seen(t, i);
}

/* ---- scores ---- */

void tdl_scores_of(const tdl_score_tile *t, const tdl_real *x, size_t ldx, const tdl_real *y,
                   tdl_real *ret)
{
    size_t seen[QUERIES];

    all_seen(t, seen);
    tdl_matmul_small(false, true, t->n - t->from, t->w, t->a->config->d_head, x, ldx,
                     y + tdl_key_offset(t), t->row->ldkv, ret + t->from * KEYS, KEYS, false, seen,
                     NULL);
}

void tdl_scores(const tdl_score_tile *t, tdl_real *s)
{
    tdl_real scale = t->a->scale;

    tdl_scores_of(t, tdl_queries(t), t->row->ldq, t->row->k, s);
    for (size_t i = t->from; i < t->n; i++) {
        tdl_real *row = s + i * KEYS;

        for (size_t j = 0; j < tdl_seen(t, i); j++)
            row[j] *= scale;
        if (t->a->has_bias)
            tdl_attention_bias_add(&t->a->bias, t->row, t->q0 + i, t->k0, tdl_seen(t, i), row);
    }
}

static tdl_real largest_of(size_t width, const tdl_real *x)
{
    tdl_real lane[LANES];

    memcpy(lane, x, sizeof lane);
    for (size_t i = LANES; i < width; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t l = 0; l < half; l++)
            lane[l] = lane[l + half] > lane[l] ? lane[l + half] : lane[l];
    return lane[0];
}

static tdl_real sum_of(size_t width, const tdl_real *x)
{
    tdl_real lane[LANES];

    memcpy(lane, x, sizeof lane);
    for (size_t i = LANES; i < width; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += x[i + l];
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

/* Where seen; 0 elsewhere. */
static void exp_rows(const tdl_score_tile *t, tdl_real *s)
{
    for (size_t i = t->from; i < t->n; i++) {
        fill(s + i * KEYS, tdl_seen(t, i), group_width(t, i), -INFINITY);
        clear_unseen(t, i, group_width(t, i), s + i * KEYS);
    }
    for (size_t i = t->from; i < t->n; i += GROUP)
        tdl_real_exp(t->n - i < GROUP ? t->n - i : GROUP, group_width(t, i), s + i * KEYS, KEYS);
}

/* ---- softmax ---- */

/* Lower s by the largest score so far; ret_shrink: how far that has risen. */
static void lower(const tdl_score_tile *t, tdl_real *s, tdl_running_softmax *so_far,
                  tdl_real ret_shrink[QUERIES])
{
    for (size_t i = t->from; i < t->n; i++) {
        size_t width = width_for(tdl_seen(t, i));
        tdl_real *row = s + i * KEYS, most;

        fill(row, tdl_seen(t, i), width, -INFINITY);
        most = largest_of(width, row);
        if (t->k0 > 0 && !(most > so_far->most[i]))
            most = so_far->most[i];
        ret_shrink[i] = t->k0 > 0 ? so_far->most[i] - most : 0;
        so_far->most[i] = most;
        for (size_t j = 0; j < width; j++)
            row[j] -= most;
    }
}

void tdl_running_softmax_step(const tdl_score_tile *t, tdl_real *s, tdl_running_softmax *so_far,
                              tdl_real *out, size_t ld)
{
    tdl_real shrink[QUERIES];

    lower(t, s, so_far, shrink);
    exp_rows(t, s);
    if (t->k0 > 0)
        tdl_real_exp(1, t->n - t->from, shrink + t->from, QUERIES);
    for (size_t i = t->from; i < t->n; i++) {
        tdl_real sum = sum_of(width_for(tdl_seen(t, i)), s + i * KEYS);

        so_far->sum[i] = t->k0 > 0 ? so_far->sum[i] * shrink[i] + sum : sum;
        for (size_t c = 0; t->k0 > 0 && c < t->a->config->d_head; c++)
            out[i * ld + c] *= shrink[i];
    }
}

void tdl_running_softmax_finish(const tdl_score_tile *t, tdl_running_softmax *so_far, tdl_real *out,
                                size_t ld, tdl_real *ret_lse)
{
    for (size_t i = 0; i < t->n; i++) {
        tdl_real inverse = 1 / so_far->sum[i];

        for (size_t c = 0; c < t->a->config->d_head; c++)
            out[i * ld + c] *= inverse;
    }
    tdl_real_log(t->n, so_far->sum);
    for (size_t i = 0; i < t->n; i++)
        ret_lse[i * t->a->config->heads] = so_far->most[i] + so_far->sum[i];
}

/* ---- silu ---- */

void tdl_silu_scores(const tdl_score_tile *t, tdl_real *s)
{
    tdl_real sigmoid[KEYS], inverse = 1 / (tdl_real)t->a->config->silu_n;

    for (size_t i = t->from; i < t->n; i++) {
        tdl_real *row = s + i * KEYS;
        size_t width = width_for(tdl_seen(t, i));

        fill(row, tdl_seen(t, i), width, 0);
        clear_unseen(t, i, width, row);
        tdl_put(false, width, row, sigmoid);
        tdl_act_forward(TDL_ACT_SIGMOID, width, NULL, sigmoid);
        for (size_t j = 0; j < width; j++)
            row[j] = row[j] * sigmoid[j] * inverse;
    }
}

/* ---- dropout ---- */

/* Of query i; the mask is recomputed from the numbers of query, head and key. */
static void drop_row(const tdl_score_tile *t, size_t i, tdl_real *row)
{
    const tdl_op_call *call = t->a->call;
    uint64_t number = tdl_op_row_key(call->batch, call->shapes->in_per_row[0], t->r, t->q0 + i);
    const uint32_t seed[2] = {(uint32_t)call->seed, (uint32_t)(call->seed >> 32)};
    const uint32_t query[4] = {(uint32_t)number, (uint32_t)(number >> 32), (uint32_t)call->step,
                               call->id};
    tdl_real keep = (tdl_real)(1 / (1 - t->a->config->drop));
    uint32_t below = (uint32_t)(t->a->config->drop * 0x1p32), key[4], word[4] = {0};

    tdl_philox4x32(query, seed, key);
    for (size_t j = 0; j < tdl_seen(t, i); j++) {
        const uint32_t counter[4] = {(uint32_t)((t->k0 + j) / 4), (uint32_t)t->head, key[2],
                                     key[3]};

        if (j % 4 == 0)
            tdl_philox4x32(counter, key, word);
        row[j] *= word[j % 4] < below ? 0 : keep;
    }
}

void tdl_drop_scores(const tdl_score_tile *t, tdl_real *s)
{
    for (size_t i = t->from; i < t->n; i++)
        drop_row(t, i, s + i * KEYS);
}

/* ---- values ---- */

static bool is_finite(size_t rows, size_t n, const tdl_real *x, size_t ld)
{
    tdl_real lane[LANES] = {0}; /* NaN once 0 is multiplied with NaN or infinity */

    for (size_t i = 0; i < rows; i++, x += ld) {
        size_t j = 0;

        for (; j + LANES <= n; j += LANES)
            for (size_t l = 0; l < LANES; l++)
                lane[l] += x[j + l] * 0;
        for (; j < n; j++)
            lane[0] += x[j] * 0;
    }
    return sum_of(LANES, lane) == 0;
}

/* A key that is not seen has weight 0, which is as good as its not being there, unless its value is
 * infinite or no number: then each query sums what it sees and no more. */
void tdl_sum_values(const tdl_score_tile *t, const tdl_real *s, tdl_real *out, size_t ld)
{
    size_t d = t->a->config->d_head, ldv = t->row->ldkv, least = tdl_seen(t, t->from);
    const tdl_real *v = t->row->v + tdl_key_offset(t);
    bool add = t->k0 > 0;
    size_t seen[QUERIES];

    if (is_finite(t->w - least, d, v + least * ldv, ldv)) {
        all_seen(t, seen);
        tdl_matmul_small(false, false, t->n - t->from, d, t->w, s + t->from * KEYS, KEYS, v, ldv,
                         out + t->from * ld, ld, add, NULL, seen);
        return;
    }
    for (size_t i = t->from; i < t->n; i++)
        tdl_matmul_small(false, false, 1, d, tdl_seen(t, i), s + i * KEYS, KEYS, v, ldv,
                         out + i * ld, ld, add, NULL, NULL);
}

/* ---- the way back ---- */

/* s becomes p, d_p becomes d s. */
static void softmax_backward(const tdl_score_tile *t, const tdl_real *lse,
                             const tdl_real *out_d_out, tdl_real *s, tdl_real *d_p)
{
    for (size_t i = t->from; i < t->n; i++) {
        tdl_real of_all = lse[i * t->a->config->heads];

        for (size_t j = 0; j < tdl_seen(t, i); j++)
            s[i * KEYS + j] -= of_all;
    }
    exp_rows(t, s);
    for (size_t i = t->from; i < t->n; i++)
        for (size_t j = 0; j < tdl_seen(t, i); j++)
            d_p[i * KEYS + j] = s[i * KEYS + j] * (d_p[i * KEYS + j] - out_d_out[i]);
}

static void silu_backward(const tdl_score_tile *t, tdl_real *s, tdl_real *d_p)
{
    tdl_real sigmoid[KEYS], inverse = 1 / (tdl_real)t->a->config->silu_n;

    for (size_t i = t->from; i < t->n; i++) {
        tdl_real *x = s + i * KEYS, *d = d_p + i * KEYS;
        size_t n = tdl_seen(t, i);

        tdl_put(false, n, x, sigmoid);
        tdl_act_forward(TDL_ACT_SIGMOID, n, NULL, sigmoid);
        for (size_t j = 0; j < n; j++) {
            d[j] *= sigmoid[j] * (1 + x[j] * (1 - sigmoid[j])) * inverse;
            x[j] = x[j] * sigmoid[j] * inverse;
        }
    }
}

void tdl_scores_backward(const tdl_score_tile *t, const tdl_real *lse, const tdl_real *out_d_out,
                         tdl_real *s, tdl_real *d_w)
{
    if (t->a->drops)
        tdl_drop_scores(t, d_w);
    if (lse)
        softmax_backward(t, lse, out_d_out, s, d_w);
    else
        silu_backward(t, s, d_w);
    if (t->a->drops)
        tdl_drop_scores(t, s);
    for (size_t i = t->from; i < t->n; i++) {
        fill(s + i * KEYS, tdl_seen(t, i), t->w, 0);
        fill(d_w + i * KEYS, tdl_seen(t, i), t->w, 0);
    }
}
