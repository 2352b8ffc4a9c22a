#include "apps/recommend/ease.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/directed.h"
#include "stats/cholesky.h"
#include "tensor/inverse.h"
#include "tensor/scratch.h"

enum { BASKET_MAX = 2000, GRAIN = 64, STRIPE = 64 };

void tdl_ease_free(tdl_ease *model)
{
    if (!model)
        return;
    free(model->b);
    free(model->diagonal);
    free(model);
}

/* ---- X'X ---- */

/* The lower triangle of X'X, in f32 or in double. */
typedef struct counting {
    const tdl_fit_data *data;
    bool baskets;
    float *single;
    double *twice; /* NULL unless single is */
} counting;

/* Rows [begin, end) of X'X from one row of X. */
static void count_row(const counting *c, const int32_t *item, size_t n, size_t begin, size_t end)
{
    size_t items_n = c->data->all->items_n;

    for (size_t a = 0; a < n; a++) {
        size_t row = (size_t)item[a];
        if (row < begin || row >= end)
            continue;
        for (size_t b = 0; b < n; b++) {
            if (item[b] > item[a])
                continue;
            if (c->single)
                c->single[row * items_n + (size_t)item[b]] += 1;
            else
                c->twice[row * items_n + (size_t)item[b]] += 1;
        }
    }
}

static void count_baskets(const counting *c, tdl_history h, size_t begin, size_t end)
{
    for (size_t at = 0, next; at < h.n; at = next) {
        for (next = at + 1; next < h.n && h.time_us[next] == h.time_us[at];)
            next++;
        if (next - at <= BASKET_MAX)
            count_row(c, h.item + at, next - at, begin, end);
    }
}

/* A stripe of X'X at a time, which a cache holds, from all rows of X. */
static void count_share(void *context, size_t begin, size_t end, unsigned part)
{
    const counting *c = context;

    TDL_UNUSED(part);
    for (size_t first = begin, after; first < end; first = after) {
        after = end - first < STRIPE ? end : first + STRIPE;
        for (size_t user = 0; user < c->data->all->users_n; user++) {
            tdl_history h = tdl_fit_history(c->data, user);
            if (c->baskets)
                count_baskets(c, h, first, after);
            else
                count_row(c, h.item, h.n, first, after);
        }
    }
}

/* ---- fitting ---- */

/* P is in model->b: make B of it. */
static void divide_share(void *context, size_t begin, size_t end, unsigned part)
{
    tdl_ease *model = context;

    TDL_UNUSED(part);
    for (size_t i = begin; i < end; i++) {
        float *row = model->b + i * model->items_n;
        for (size_t j = 0; j < model->items_n; j++)
            row[j] = -row[j] / model->diagonal[j];
        row[i] = 0;
    }
}

static void make_b(tdl_ease *model, tdl_pool *pool)
{
    for (size_t i = 0; i < model->items_n; i++)
        model->diagonal[i] = model->b[i * model->items_n + i];
    tdl_pool_run(pool, model->items_n, GRAIN, divide_share, model);
}

static tdl_status invert_single(tdl_ease *model, const tdl_fit_data *data, tdl_pool *pool,
                                tdl_report *why)
{
    counting c = {.data = data, .baskets = model->params.baskets, .single = model->b};
    size_t n = model->items_n;

    memset(model->b, 0, n * n * sizeof *model->b);
    tdl_pool_run(pool, n, GRAIN, count_share, &c);
    for (size_t i = 0; i < n; i++)
        model->b[i * n + i] += (float)model->params.lambda;
    return tdl_invert_definite(model->b, n, pool, why);
}

/* The same in double, for what f32 cannot factor: never a larger lambda than was asked for. */
static tdl_status invert_double(tdl_ease *model, const tdl_fit_data *data, tdl_pool *pool,
                                tdl_report *why)
{
    size_t n = model->items_n;
    size_t cells = n * n + 1;
    double *factor = calloc(cells, sizeof *factor), *inverse = calloc(cells, sizeof *inverse);
    counting c = {.data = data, .baskets = model->params.baskets, .twice = factor};
    tdl_status st;

    if (!factor || !inverse) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY,
                      "the matrix of %zu items needs double, and there are no %zu bytes for it", n,
                      2 * n * n * sizeof *factor);
        goto out;
    }
    tdl_pool_run(pool, n, GRAIN, count_share, &c);
    for (size_t i = 0; i < n; i++) {
        factor[i * n + i] += model->params.lambda;
        inverse[i * n + i] = 1;
    }
    if ((st = tdl_cholesky(factor, n, why)))
        goto out;
    tdl_cholesky_solve(factor, n, inverse, n);
    for (size_t i = 0; i < n * n; i++)
        model->b[i] = (float)inverse[i];
    model->in_double = true;
out:
    free(factor);
    free(inverse);
    return st;
}

static tdl_status check_size(const tdl_ease_params *params, size_t n, tdl_report *why)
{
    size_t most = params->bytes_max ? params->bytes_max : TDL_EASE_BYTES_MAX;

    if (!(params->lambda > 0 && isfinite(params->lambda)))
        return TDL_FAIL(why, TDL_E_INVALID, "lambda is %g: it must be positive", params->lambda);
    if (n && n > most / sizeof(float) / n)
        return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE,
                             "the other models stay; allow more with --ease-max-bytes",
                             "%zu items want %.0f bytes, the limit is %zu", n,
                             (double)n * (double)n * sizeof(float), most);
    return TDL_OK;
}

tdl_status tdl_ease_fit(const tdl_ease_params *params, const tdl_fit_data *data, tdl_pool *pool,
                        tdl_ease **ret, tdl_report *why)
{
    size_t n = data->all->items_n;
    tdl_ease *model = NULL;
    tdl_status st;

    if ((st = check_size(params, n, why)))
        return st;
    model = calloc(1, sizeof *model);
    if (model) {
        *model = (tdl_ease){.params = *params, .items_n = n};
        model->b = tdl_floats_new(n * n + 1);
        model->diagonal = calloc(n + 1, sizeof *model->diagonal);
    }
    if (!model || !model->b || !model->diagonal) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a matrix of %zu items", n);
        goto out;
    }
    st = invert_single(model, data, pool, why);
    if (st == TDL_E_INVALID)
        st = invert_double(model, data, pool, why);
    if (st)
        goto out;
    make_b(model, pool);
    *ret = model;
    model = NULL; /* the caller's now */
out:
    tdl_ease_free(model);
    return st;
}

/* ---- asking ---- */

double *tdl_ease_weights(const tdl_ease *model, const tdl_history *history, tdl_arena *scratch,
                         size_t *ret_from)
{
    tdl_directed_params recency = {.recent = model->params.recent,
                                   .recency = model->params.recency};

    if (model->params.recent)
        return tdl_directed_weights(&recency, history, scratch, ret_from);
    double *weight = tdl_arena_alloc(scratch, history->n, sizeof *weight);
    for (size_t i = 0; weight && i < history->n; i++)
        weight[i] = 1;
    *ret_from = 0;
    return weight;
}

tdl_status tdl_ease_score(const tdl_ease *model, const tdl_history *history, tdl_arena *scratch,
                          float *scores)
{
    size_t n = model->items_n, from = 0;
    const double *weight = tdl_ease_weights(model, history, scratch, &from);

    if (!weight)
        return TDL_E_NO_MEMORY;
    memset(scores, 0, n * sizeof *scores);
    for (size_t i = from; i < history->n; i++) {
        const float *row = model->b + (size_t)history->item[i] * n;
        float x = (float)weight[i];
        for (size_t j = 0; j < n; j++)
            scores[j] += x * row[j];
    }
    return TDL_OK;
}
