#include "forecast/patch.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/ridge.h"
#include "nn/core.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "train/loop.h"

enum { PATCH = 16, STRIDE = 8, BATCH = 64, VALIDATION_MAX = 4096 };

typedef struct window {
    uint32_t series, at; /* first point */
} window;

struct tdl_patch {
    size_t window, horizon, patches;
    size_t d_model, layers, heads, d_ff;
    pthread_mutex_t lock; /* one forecast at a time */
    tdl_params params;
    tdl_tf core;
    tdl_net net;
    int scores;
    int patch_weight, patch_bias, cls, positions, head_weight, head_bias;
    float *x;      /* [BATCH][patches][PATCH] */
    float *target; /* [BATCH][horizon] */
    float weight[BATCH];
    double *ridge; /* [window][horizon]; NULL = alone */
    double *base;  /* [BATCH][horizon] what the net adds to: the ridge's forecast, or the mean */
    double deviation[BATCH];
    uint64_t example[BATCH];
    /* while training */
    double **y; /* [series_n] scaled by their known points */
    window *train, *valid;
    size_t train_n, valid_n, series_n;
};

static void forget_data(tdl_patch *m)
{
    for (size_t i = 0; m->y && i < m->series_n; i++)
        free(m->y[i]);
    free(m->y);
    free(m->train);
    free(m->valid);
    m->y = NULL;
    m->train = m->valid = NULL;
}

void tdl_patch_free(tdl_patch *m)
{
    if (!m)
        return;
    forget_data(m);
    tdl_net_release(&m->net);
    tdl_tf_release(&m->core);
    tdl_params_release(&m->params);
    free(m->x);
    free(m->target);
    free(m->base);
    free(m->ridge);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* ---- the net ---- */

static tdl_status build(tdl_patch *m, double dropout, bool backward, tdl_report *why)
{
    size_t d = m->d_model, tokens = m->patches + 1;
    const tdl_tf_config config = {.n_layer = m->layers,
                                  .d_model = d,
                                  .n_head = m->heads,
                                  .d_ff = m->d_ff,
                                  .max_len = tokens,
                                  .norm = TDL_NORM_LAYER,
                                  .act = TDL_ACT_GELU,
                                  .bias_qkv = true,
                                  .bias_out = true,
                                  .bias_ff = true,
                                  .mask = TDL_MASK_BIDIRECTIONAL,
                                  .drop_resid = dropout};
    const tdl_plan_options plan = {.rows = BATCH, .backward = backward};
    tdl_net *net = &m->net;
    int x;
    tdl_status st;

    m->patch_weight = tdl_params_add(&m->params, "patch.weight", PATCH, d, true);
    m->patch_bias = tdl_params_add(&m->params, "patch.bias", 1, d, false);
    m->cls = tdl_params_add(&m->params, "cls", 1, d, false);
    m->positions = tdl_params_add(&m->params, "positions", tokens, d, false);
    if ((st = tdl_tf_declare(&m->core, &config, &m->params, why)))
        return st;
    m->head_weight = tdl_params_add(&m->params, "head.weight", tokens * d, m->horizon, true);
    m->head_bias = tdl_params_add(&m->params, "head.bias", 1, m->horizon, false);
    if ((st = tdl_params_seal(&m->params, why)))
        return st;
    net->params = &m->params;
    x = tdl_net_input(net, m->patches * PATCH);
    x = tdl_net_reshape(net, x, PATCH);
    x = tdl_net_linear(net, x, m->patch_weight, m->patch_bias, TDL_ACT_NONE);
    x = tdl_net_prepend(net, x, m->cls, m->positions);
    if (dropout > 0)
        x = tdl_net_dropout(net, x, dropout);
    x = tdl_tf_build(&m->core, net, x);
    x = tdl_net_reshape(net, x, tokens * d);
    if (dropout > 0)
        x = tdl_net_dropout(net, x, dropout);
    m->scores = tdl_net_linear(net, x, m->head_weight, m->head_bias, TDL_ACT_NONE);
    tdl_net_mse(net, m->scores, NULL);
    return tdl_net_plan(net, &plan, why);
}

static void start(tdl_patch *m, uint64_t seed)
{
    tdl_init_slice(&m->params, m->patch_weight, TDL_INIT_XAVIER, 1, seed);
    tdl_init_slice(&m->params, m->cls, TDL_INIT_GAUSSIAN, .02, seed);
    tdl_init_slice(&m->params, m->positions, TDL_INIT_GAUSSIAN, .02, seed);
    if (!m->ridge) // else it begins as the ridge
        tdl_init_slice(&m->params, m->head_weight, TDL_INIT_XAVIER, .1, seed);
    tdl_tf_start(&m->core, &m->params, seed);
}

/* ---- batches ---- */

/* Row r of the batch from y[window], and y[window .. + horizon) as its truth when `truth`. */
static void put_row(tdl_patch *m, size_t r, const double *y, bool truth)
{
    float *x = m->x + r * m->patches * PATCH;
    double mean, deviation, *base = m->base + r * m->horizon;

    tdl_scale_of(y, m->window, &mean, &deviation);
    if (m->ridge)
        tdl_ridge_apply(m->ridge, m->window, m->horizon, y, base);
    for (size_t h = 0; h < m->horizon && !m->ridge; h++)
        base[h] = mean;
    m->deviation[r] = deviation = sqrt(deviation * deviation + 1e-5);
    for (size_t p = 0; p < m->patches; p++)
        for (size_t k = 0; k < PATCH; k++) { // the last patch repeats the last value
            size_t at = p * STRIDE + k;
            *x++ = (float)((y[at < m->window ? at : m->window - 1] - mean) / deviation);
        }
    m->weight[r] = (float)(deviation * deviation); // the error is that of the series' scale
    for (size_t h = 0; truth && h < m->horizon; h++)
        m->target[r * m->horizon + h] = (float)((y[m->window + h] - base[h]) / deviation);
}

static tdl_nn_batch batch_of(tdl_patch *m, size_t rows, bool truth)
{
    return (tdl_nn_batch){.rows = rows,
                          .x = m->x,
                          .value = truth ? m->target : NULL,
                          .target_weight = truth ? m->weight : NULL,
                          .example = m->example};
}

static void put_windows(tdl_patch *m, const window *w, const uint32_t *example, size_t first,
                        size_t n)
{
    for (size_t r = 0; r < n; r++) {
        size_t at = example ? example[r] : first + r;

        m->example[r] = at;
        put_row(m, r, m->y[w[at].series] + w[at].at, true);
    }
}

static double weight_of(void *model, const uint32_t *example, size_t n)
{
    TDL_UNUSED(model);
    TDL_UNUSED(example);
    return (double)n;
}

static tdl_status gradient(void *model, const uint32_t *example, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    tdl_patch *m = model;
    const tdl_run run = {.seed = 1, .step = step, .training = true, .pool = pool};
    tdl_nn_batch batch;
    double weight;
    tdl_status st;

    put_windows(m, m->train, example, 0, n);
    batch = batch_of(m, n, true);
    if ((st = tdl_net_forward(&m->net, &batch, &run, why)))
        return st;
    tdl_net_loss(&m->net, &batch, ret_loss, &weight);
    return tdl_net_backward(&m->net, &batch, &run, scale, why);
}

/* Sum of squared errors of the rows in the batch. */
static tdl_status squared(tdl_patch *m, size_t rows, tdl_pool *pool, double *ret, tdl_report *why)
{
    tdl_nn_batch batch = batch_of(m, rows, false);
    const tdl_run run = {.pool = pool};
    tdl_status st = tdl_net_forward(&m->net, &batch, &run, why);
    const float *f = st ? NULL : tdl_net_value(&m->net, m->scores);

    for (size_t r = 0; f && r < rows; r++)
        for (size_t h = 0; h < m->horizon; h++) {
            double error = (double)f[r * m->horizon + h] - (double)m->target[r * m->horizon + h];
            *ret += error * error * (double)m->weight[r];
        }
    return st;
}

static tdl_status validate(void *model, tdl_pool *pool, double *ret, tdl_report *why)
{
    tdl_patch *m = model;
    double sum = 0;
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < m->valid_n && !st; i += BATCH) {
        size_t n = m->valid_n - i < BATCH ? m->valid_n - i : BATCH;

        put_windows(m, m->valid, NULL, i, n);
        st = squared(m, n, pool, &sum, why);
    }
    *ret = sum / ((double)m->valid_n * (double)m->horizon);
    return st;
}

/* ---- fitting ---- */

/* Windows of all series whose truth is in [first of it, end), every so many so that at most `most`
 * are taken. */
static window *windows_of(const tdl_patch *m, const size_t *first, const size_t *end, size_t most,
                          size_t *ret_n)
{
    size_t all = 0, n = 0, seen = 0, stride;
    window *list;

    for (size_t i = 0; i < m->series_n; i++) {
        size_t from = first ? first[i] - m->window : 0;
        all += end[i] >= from + m->window + m->horizon ? end[i] - from - m->window - m->horizon + 1
                                                       : 0;
    }
    stride = most && all > most ? (all + most - 1) / most : 1;
    *ret_n = 0;
    if (!all || !(list = malloc((all / stride + 1) * sizeof *list)))
        return NULL;
    for (size_t i = 0; i < m->series_n; i++) {
        size_t from = first ? first[i] - m->window : 0;

        for (size_t at = from; at + m->window + m->horizon <= end[i]; at++, seen++)
            if (seen % stride == 0)
                list[n++] = (window){(uint32_t)i, (uint32_t)at};
    }
    *ret_n = n;
    return list;
}

static tdl_status take_data(tdl_patch *m, const double *const *y, const size_t *known,
                            const size_t *n, size_t series_n, const tdl_patch_options *o,
                            tdl_report *why)
{
    if (!(m->y = calloc(series_n, sizeof *m->y)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu series", series_n);
    m->series_n = series_n;
    for (size_t i = 0; i < series_n; i++) {
        double mean, deviation;

        if (known[i] < m->window || known[i] > n[i] || n[i] > UINT32_MAX)
            return TDL_FAIL(why, TDL_E_INVALID, "series %zu: %zu points for windows of %zu", i,
                            known[i], m->window);
        if (!(m->y[i] = malloc(n[i] * sizeof **m->y)))
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu points", n[i]);
        tdl_scale_of(y[i], known[i], &mean, &deviation);
        for (size_t t = 0; t < n[i]; t++)
            m->y[i][t] = (y[i][t] - mean) / deviation;
    }
    m->train = windows_of(m, NULL, known, o->examples, &m->train_n);
    m->valid = windows_of(m, known, n, VALIDATION_MAX, &m->valid_n);
    if (m->train && m->valid)
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_INVALID, "no series has room for windows of %zu + %zu points",
                    m->window, m->horizon);
}

static tdl_status train(tdl_patch *m, const tdl_patch_options *o, double *ret_error,
                        tdl_report *why)
{
    unsigned epochs = o->epochs ? o->epochs : 10;
    uint64_t steps = epochs * ((m->train_n + BATCH - 1) / BATCH);
    const tdl_trainee trainee = {.model = m,
                                 .params = &m->params,
                                 .examples_n = m->train_n,
                                 .weight = weight_of,
                                 .gradient = gradient,
                                 .validate = validate};
    tdl_loop_options options = {
        .seed = o->seed,
        .epochs = epochs,
        .batch = BATCH,
        .patience = epochs, // the best epoch is kept
        .seconds = o->seconds,
        .stop = o->stop,
        .clip = 1,
        .sched = {.name = "cosine", .warmup = steps / 20 + 1, .total = steps, .floor = .01},
        .pool = o->pool};
    tdl_loop_result result;
    tdl_status st = tdl_optim_defaults("adamw", &options.optim, why);

    if (st)
        return st;
    options.optim.lr = o->rate > 0 ? o->rate : 1e-3;
    if ((st = tdl_loop_run(&trainee, &options, &result, why)))
        return st;
    return validate(m, o->pool, ret_error, why);
}

/* Room for a batch, and the sizes, which are checked. */
static tdl_status make(const tdl_patch_options *o, tdl_patch **ret, tdl_report *why)
{
    tdl_patch *m;

    if (o->window < PATCH || o->window > 4096 || o->window % STRIDE || o->horizon < 1 ||
        o->horizon > 4096 || !(o->dropout >= 0 && o->dropout < 1) || o->d_model > 1024 ||
        o->layers > 32 || o->heads > 64 || o->d_ff > 4096)
        return TDL_FAIL(why, TDL_E_INVALID, "a window of %zu: a multiple of %d, from %d on",
                        o->window, STRIDE, PATCH);
    if (!(m = calloc(1, sizeof *m)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a transformer");
    pthread_mutex_init(&m->lock, NULL);
    m->window = o->window;
    m->horizon = o->horizon;
    m->patches = o->window / STRIDE; // the last is padded
    m->d_model = o->d_model ? o->d_model : 128;
    m->layers = o->layers ? o->layers : 3;
    m->heads = o->heads ? o->heads : 16;
    m->d_ff = o->d_ff ? o->d_ff : 256;
    m->x = calloc(BATCH * m->patches * PATCH, sizeof *m->x);
    m->target = calloc(BATCH * m->horizon, sizeof *m->target);
    m->base = calloc(BATCH * m->horizon, sizeof *m->base);
    *ret = m;
    if (m->x && m->target && m->base)
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a batch");
}

/* The ridge over the training windows, its lambda by the others. */
static tdl_status fit_ridge(tdl_patch *m, const size_t *known, const size_t *n, tdl_report *why)
{
    static const double lambda[] = {1, 10, 100, 1000, 10000, 100000};
    tdl_ridge_sums early = {0}, late = {0};
    double best;
    tdl_status st;

    if (!(m->ridge = malloc(m->window * m->horizon * sizeof *m->ridge)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a ridge");
    if ((st = tdl_ridge_sums_init(&early, m->window, m->horizon, why)) ||
        (st = tdl_ridge_sums_init(&late, m->window, m->horizon, why)))
        goto out;
    for (size_t i = 0; i < m->series_n && !st; i++)
        if (!(st = tdl_ridge_sums_add(&early, m->y[i], known[i], why)))
            st = tdl_ridge_sums_add(&late, m->y[i] + known[i] - m->window,
                                    n[i] - known[i] + m->window, why);
    if (!st)
        st = tdl_ridge_choose(&early, &late, lambda, sizeof lambda / sizeof *lambda, m->ridge,
                              &best, NULL, why);
out:
    tdl_ridge_sums_release(&early);
    tdl_ridge_sums_release(&late);
    return st;
}

tdl_status tdl_patch_fit(const double *const *series_y, const size_t *known, const size_t *n,
                         size_t series_n, const tdl_patch_options *o, tdl_patch **ret,
                         double *ret_error, double *ret_before, tdl_report *why)
{
    tdl_patch *m = NULL;
    tdl_status st;

    if ((st = make(o, &m, why)) || (st = take_data(m, series_y, known, n, series_n, o, why)) ||
        (!o->alone && (st = fit_ridge(m, known, n, why))) || (st = build(m, o->dropout, true, why)))
        goto out;
    start(m, o->seed);
    if (ret_before && (st = validate(m, o->pool, ret_before, why)))
        goto out;
    if ((st = train(m, o, ret_error, why)))
        goto out;
    forget_data(m);
    *ret = m;
    m = NULL;
out:
    tdl_patch_free(m);
    return st;
}

/* ---- asking ---- */

tdl_status tdl_patch_forecast(tdl_patch *m, const double *last, double *ret, tdl_report *why)
{
    tdl_nn_batch batch;
    const tdl_run run = {0};
    const float *f;
    tdl_status st;

    put_row(m, 0, last, false);
    batch = batch_of(m, 1, false);
    if ((st = tdl_net_forward(&m->net, &batch, &run, why)))
        return st;
    f = tdl_net_value(&m->net, m->scores);
    for (size_t h = 0; h < m->horizon; h++)
        ret[h] = m->base[h] + m->deviation[0] * (double)f[h];
    return TDL_OK;
}

tdl_status tdl_patch_error(tdl_patch *m, const double *y, size_t first, size_t n, size_t stride,
                           double *ret, tdl_report *why)
{
    size_t rows = 0, windows = 0;
    double sum = 0;
    tdl_status st = TDL_OK;

    for (size_t t = first; t + m->horizon <= n && t >= m->window && !st; t += stride ? stride : 1) {
        put_row(m, rows++, y + t - m->window, true);
        windows++;
        if (rows == BATCH) {
            st = squared(m, rows, NULL, &sum, why);
            rows = 0;
        }
    }
    if (rows && !st)
        st = squared(m, rows, NULL, &sum, why);
    *ret = windows ? sum / ((double)windows * (double)m->horizon) : NAN;
    return st;
}

static tdl_status forecast(const void *model, const double *y, size_t n, size_t horizon,
                           double *ret, tdl_report *why)
{
    tdl_patch *m; // not const: the net's room is used, under the lock
    double *all;
    tdl_status st;

    memcpy(&m, &model, sizeof m);
    all = calloc(m->horizon + 1, sizeof *all);
    if (!all)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu steps", m->horizon);
    pthread_mutex_lock(&m->lock);
    st = tdl_patch_forecast(m, y + n - m->window, all, why);
    pthread_mutex_unlock(&m->lock);
    for (size_t h = 0; h < horizon && !st; h++)
        ret[h] = h < m->horizon ? all[h] : (double)NAN;
    free(all);
    return st;
}

tdl_pooled tdl_pooled_of_patch(tdl_patch *model)
{
    return (tdl_pooled){
        .name = "transformer", .model = model, .shortest = model->window, .forecast = forecast};
}

/* ---- files ---- */

void tdl_patch_save(const tdl_patch *m, tdl_st_writer *writer, tdl_jw *about)
{
    tdl_jw_object(about);
    tdl_jw_kint(about, "window", (int64_t)m->window);
    tdl_jw_kint(about, "d_model", (int64_t)m->d_model);
    tdl_jw_kint(about, "layers", (int64_t)m->layers);
    tdl_jw_kint(about, "heads", (int64_t)m->heads);
    tdl_jw_kint(about, "d_ff", (int64_t)m->d_ff);
    tdl_jw_kint(about, "horizon", (int64_t)m->horizon);
    tdl_jw_end_object(about);
    tdl_st_add_1d(writer, "patch", TDL_F32, m->params.n, m->params.value);
    if (m->ridge)
        tdl_st_add_1d(writer, "patch.ridge", TDL_F64, m->window * m->horizon, m->ridge);
}

static bool read_sizes(const json_t *about, tdl_patch_options *ret)
{
    const struct {
        const char *key;
        size_t *to;
    } sizes[] = {{"window", &ret->window}, {"d_model", &ret->d_model}, {"layers", &ret->layers},
                 {"heads", &ret->heads},   {"d_ff", &ret->d_ff},       {"horizon", &ret->horizon}};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t value;

        if (!tdl_json_get_int(about, sizes[i].key, &value) || value < 1 || value > 4096)
            return false;
        *sizes[i].to = (size_t)value;
    }
    return true;
}

static tdl_status load_ridge(tdl_patch *m, const tdl_st_file *file, tdl_report *why)
{
    const tdl_st_view *view = tdl_st_find(file, "patch.ridge");
    const double *w;

    if (!view)
        return TDL_OK;
    if (view->dtype != TDL_F64 || view->n != m->window * m->horizon)
        return TDL_FAIL(why, TDL_E_CORRUPT, "transformer: a ridge of %zu weights, not %zu", view->n,
                        m->window * m->horizon);
    w = view->data;
    for (size_t i = 0; i < view->n; i++)
        if (!isfinite(w[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "transformer: weight %zu of the ridge", i);
    if (!(m->ridge = malloc((view->n + 1) * sizeof *m->ridge)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a ridge");
    memcpy(m->ridge, w, view->n * sizeof *w);
    return TDL_OK;
}

tdl_status tdl_patch_load(const json_t *about, const tdl_st_file *file, tdl_patch **ret,
                          tdl_report *why)
{
    tdl_patch_options o = {0};
    const tdl_st_view *view;
    tdl_patch *m = NULL;
    tdl_status st;

    if (!read_sizes(about, &o))
        return TDL_FAIL(why, TDL_E_CORRUPT, "transformer: a size is missing or out of range");
    if ((st = tdl_st_get(file, "patch", TDL_F32, 1, &view, why)))
        return st;
    // a hostile file may claim sizes, but has to bring the weights of the largest part
    if ((o.window / STRIDE + 1) * o.d_model > view->n / o.horizon ||
        o.layers * o.d_model > view->n / o.d_ff)
        return TDL_FAIL(why, TDL_E_CORRUPT, "transformer: %zu weights are too few", view->n);
    if ((st = make(&o, &m, why)) || (st = build(m, 0, false, why)))
        goto out;
    if (view->n != m->params.n) {
        st =
            TDL_FAIL(why, TDL_E_CORRUPT, "transformer: %zu weights, not %zu", view->n, m->params.n);
        goto out;
    }
    memcpy(m->params.value, view->data, view->n * sizeof(float));
    if ((st = load_ridge(m, file, why)))
        goto out;
    for (size_t i = 0; i < view->n; i++)
        if (!isfinite(m->params.value[i])) {
            st = TDL_FAIL(why, TDL_E_CORRUPT, "transformer: weight %zu is not finite", i);
            goto out;
        }
    *ret = m;
    m = NULL;
out:
    if (st == TDL_E_INVALID)
        st = TDL_FAIL(why, TDL_E_CORRUPT, "transformer: sizes that cannot be");
    tdl_patch_free(m);
    return st;
}
