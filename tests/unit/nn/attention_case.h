/* A net of one attention over tokens of a table, and the same by its definition: plain loops in
 * double, all scores of a row at once. */
#ifndef TDL_TEST_ATTENTION_CASE_H
#define TDL_TEST_ATTENTION_CASE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net_case.h"
#include "nn/init.h"
#include "sequence_case.h"

typedef struct attention_case {
    tdl_params params;
    tdl_net net;
    tdl_attention_config config;
    size_t cols;
    int table, distance, time, out;
} attention_case;

/* ids x cols numbers; distance_max 0: no bias by distance */
static inline void open_attention(attention_case *c, const tdl_attention_config *config, size_t ids,
                                  size_t cols, size_t distance_max)
{
    *c = (attention_case){.config = *config, .cols = cols, .distance = TDL_NONE, .time = TDL_NONE};
    c->net.params = &c->params;
    c->table = tdl_params_add(&c->params, "tokens", ids, cols, true);
    if (distance_max)
        c->distance = tdl_params_add(&c->params, "distance", 1, 2 * distance_max - 1, false);
    if (config->time_buckets)
        c->time = tdl_params_add(&c->params, "time", 1, config->time_buckets + 1, false);
    assert_int_equal(tdl_params_seal(&c->params, NULL), TDL_OK);
    for (int k = 0; k < c->params.slices_n; k++)
        tdl_init_slice(&c->params, k, TDL_INIT_GAUSSIAN, 0.7, 5);
    c->out =
        tdl_net_attention(&c->net, add_tokens(&c->net, c->table), config, c->distance, c->time);
}

static inline void close_attention(attention_case *c)
{
    tdl_net_release(&c->net);
    tdl_params_release(&c->params);
}

/* Plan for `tokens` and run; ret [rows of out][heads * d_head]. */
static inline void run_attention(attention_case *c, const tdl_nn_batch *batch, size_t tokens,
                                 const tdl_run *run, tdl_real *ret)
{
    const tdl_plan_options options = {.rows = batch->rows, .tokens = tokens};
    tdl_report why = {0};

    if (!c->net.block)
        assert_int_equal(tdl_net_plan(&c->net, &options, NULL), TDL_OK);
    if (tdl_net_forward(&c->net, batch, run, &why))
        fail_msg("%s", why.message);
    memcpy(ret, tdl_net_value(&c->net, c->out),
           tdl_net_rows(&c->net, c->out, batch) * c->config.heads * c->config.d_head * sizeof *ret);
}

static inline bool is_visible(const attention_case *c, const tdl_nn_batch *batch, size_t begin,
                              size_t i, size_t j)
{
    if (c->config.mask == TDL_MASK_BIDIRECTIONAL ||
        (c->config.mask == TDL_MASK_PREFIX && j < c->config.prefix))
        return true;
    return batch->position ? batch->position[begin + j] <= batch->position[begin + i] : j <= i;
}

static inline double bias_of(const attention_case *c, const tdl_nn_batch *batch, size_t begin,
                             size_t n, size_t i, size_t j)
{
    double bias = 0;

    if (c->distance != TDL_NONE) {
        long max = (long)(c->params.slice[c->distance].cols + 1) / 2;
        long apart = batch->position ? batch->position[begin + j] - batch->position[begin + i]
                                     : (long)j - (long)i;

        bias += (double)tdl_params_value(&c->params, c->distance)[apart + max - 1];
    }
    if (c->time != TDL_NONE) {
        int64_t after = batch->time_s[begin + (i + 1 < n ? i + 1 : i)];
        double x = fabs((double)(after - batch->time_s[begin + j]));
        double bucket = floor(log(fmax(x, 1)) / 0.301);

        bucket = fmin(bucket, (double)c->config.time_buckets);
        bias += (double)tdl_params_value(&c->params, c->time)[(size_t)bucket];
    }
    return bias;
}

/* ret [tokens][heads * d_head], for row r of the batch */
static inline void define_attention(const attention_case *c, const tdl_nn_batch *batch, size_t r,
                                    double *ret)
{
    size_t begin = batch->offsets[r], n = batch->offsets[r + 1] - begin, d = c->config.d_head;
    const tdl_real *table = tdl_params_value(&c->params, c->table);
    bool softmax = c->config.score == TDL_SCORE_SOFTMAX;
    double scale = softmax ? 1 / sqrt((double)d) : 1;
    double *p = calloc(n + 1, sizeof *p);

    for (size_t h = 0; h < c->config.heads; h++)
        for (size_t i = 0; i < n; i++) {
            size_t kv = h / (c->config.heads / c->config.kv_heads) * d;
            const tdl_real *q = table + (size_t)batch->id[0][begin + i] * c->cols + h * d;
            double *out = ret + i * c->config.heads * d + h * d, sum = 0;

            for (size_t j = 0; j < n; j++) {
                const tdl_real *k = table + (size_t)batch->id[0][begin + j] * c->cols + kv;
                double s = 0;

                for (size_t x = 0; x < d; x++)
                    s += (double)q[c->config.q_at + x] * (double)k[c->config.k_at + x];
                s = s * scale + bias_of(c, batch, begin, n, i, j);
                p[j] = softmax ? exp(s) : s / (1 + exp(-s)) / c->config.silu_n;
                p[j] = is_visible(c, batch, begin, i, j) ? p[j] : 0;
                sum += p[j];
            }
            memset(out, 0, d * sizeof *out);
            for (size_t j = 0; j < n; j++)
                for (size_t x = 0; x < d; x++)
                    out[x] += p[j] / (softmax ? sum : 1) *
                              (double)table[(size_t)batch->id[0][begin + j] * c->cols + kv +
                                            c->config.v_at + x];
        }
    free(p);
}

#endif
