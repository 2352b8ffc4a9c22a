/* Rung "ials": ials.h as a row of the ladder. Item vectors are kept; whoever asks is folded in.
 *
 * a0 and lambda are chosen on the validation split, one after the other, where there are few enough
 * pairs for several fits.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/cosine.h"
#include "apps/recommend/ials.h"
#include "apps/recommend/sparse.h"
#include "apps/recommend/tune.h"
#include "tensor/gemm.h"
#include "tensor/scratch.h"

enum { D = 64, BLOCK = 32, EPOCHS = 8, TUNE_PAIRS_MAX = 1000000 };

static const double LAMBDA[] = {.001, .003, .01, .03}, A0[] = {.03, .1, .3, 1};
enum {
    LAMBDAS = sizeof LAMBDA / sizeof *LAMBDA,
    A0S = sizeof A0 / sizeof *A0,
    LAMBDA_DEFAULT = 2,
    A0_DEFAULT = 2,
    PARAMS_SAVED = 2
};

typedef struct ials_rung {
    tdl_ials_params params;
    size_t items_n;
    float *vector; /* [items_n][d] */
    double *gram;  /* [d][d] */
    tdl_packed *packed;
    double saved[PARAMS_SAVED]; /* lambda, a0 */
} ials_rung;

static void ials_free(void *model)
{
    ials_rung *m = model;

    if (!m)
        return;
    free(m->vector);
    free(m->gram);
    tdl_packed_free(m->packed);
    free(m);
}

/* A model of these vectors [items_n][d], which are copied. */
static tdl_status make_model(const tdl_ials_params *params, size_t items_n, const float *vector,
                             tdl_pool *pool, void **ret_model, tdl_report *why)
{
    size_t d = params->d;
    ials_rung *m = calloc(1, sizeof *m);
    tdl_status st;

    if (m) {
        m->params = *params;
        m->items_n = items_n;
        m->vector = tdl_floats_new(items_n * d + 1);
        m->gram = calloc(d * d, sizeof *m->gram);
        m->saved[0] = params->lambda;
        m->saved[1] = params->a0;
    }
    if (!m || !m->vector || !m->gram) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the vectors of %zu items", items_n);
        goto out;
    }
    if (items_n)
        memcpy(m->vector, vector, items_n * d * sizeof *vector);
    if ((st = tdl_ials_gram(m->vector, items_n, d, pool, m->gram, why)) ||
        (st = tdl_pack(m->vector, true, d, items_n, &m->packed, why)))
        goto out;
    *ret_model = m;
    m = NULL; /* the caller's now */
out:
    ials_free(m);
    return st;
}

tdl_status tdl_ials_like(const void *like, const float *vector, tdl_pool *pool, void **ret_model,
                         tdl_report *why)
{
    const ials_rung *m = like;

    return make_model(&m->params, m->items_n, vector, pool, ret_model, why);
}

/* ---- fitting ---- */

static unsigned setting_of(size_t a0, size_t lambda)
{
    return (unsigned)(1 + a0 * LAMBDAS + lambda);
}

static tdl_status run_epochs(tdl_ials_fit *fit, const tdl_fit_options *o, tdl_report *why)
{
    tdl_status st = TDL_OK;
    double loss;

    for (unsigned epoch = 0; !st && epoch < EPOCHS; epoch++) {
        if (o->progress && !o->progress(o->progress_context, "ials", (double)epoch / EPOCHS, NULL))
            return TDL_FAIL(why, TDL_E_STOPPED, "stopped in round %u of ials", epoch + 1);
        if ((st = tdl_ials_pass_users(fit, why)) || (st = tdl_ials_pass_items(fit, why)))
            break;
        if (o->log.scalar && !(st = tdl_ials_loss(fit, &loss, why)))
            o->log.scalar(o->log.context, "epoch/loss", epoch, loss);
    }
    return st;
}

static tdl_status fit_setting(const tdl_fit_data *data, const tdl_fit_options *o, unsigned setting,
                              void **ret_model, tdl_report *why)
{
    tdl_ials_params params = {.d = D,
                              .block = BLOCK,
                              .lambda = LAMBDA[(setting - 1) % LAMBDAS],
                              .a0 = A0[(setting - 1) / LAMBDAS % A0S],
                              .seed = o->seed};
    tdl_ials_fit *fit = NULL;
    tdl_status st;

    if ((st = tdl_ials_begin(&params, data, o->pool, &fit, why)))
        return st;
    if (!(st = run_epochs(fit, o, why)))
        st = make_model(&params, data->all->items_n, tdl_ials_items(fit), o->pool, ret_model, why);
    tdl_ials_end(fit);
    return st;
}

typedef struct choosing {
    const tdl_fit_data *data;
    const tdl_fit_options *options;
    size_t a0;
    void *best;
    unsigned setting;
    double ndcg; /* of best */
} choosing;

static tdl_status try_setting(choosing *c, unsigned setting, double *ret, tdl_report *why)
{
    void *model = NULL;
    tdl_status st;

    if (setting == c->setting) {
        *ret = c->ndcg;
        return TDL_OK;
    }
    if (!(st = fit_setting(c->data, c->options, setting, &model, why)))
        st = tdl_validation_ndcg(&tdl_rung_ials, model, c->data, c->options, ret, why);
    if (!st && *ret > c->ndcg) {
        ials_free(c->best);
        c->best = model;
        c->ndcg = *ret;
        c->setting = setting;
        model = NULL; /* c's now */
    }
    ials_free(model);
    return st;
}

static tdl_status try_a0(void *context, size_t at, double *ret, tdl_report *why)
{
    return try_setting(context, setting_of(at, LAMBDA_DEFAULT), ret, why);
}

static tdl_status try_lambda(void *context, size_t at, double *ret, tdl_report *why)
{
    choosing *c = context;

    return try_setting(c, setting_of(c->a0, at), ret, why);
}

static tdl_status choose(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                         tdl_report *why)
{
    choosing c = {.data = data, .options = options, .ndcg = -1};
    size_t lambda;
    tdl_status st = tdl_climb(try_a0, &c, A0S, A0_DEFAULT, &c.a0, why);

    if (!st)
        st = tdl_climb(try_lambda, &c, LAMBDAS, LAMBDA_DEFAULT, &lambda, why);
    if (st) {
        ials_free(c.best);
        return st;
    }
    options->ret_setting = c.setting;
    *ret_model = c.best;
    return TDL_OK;
}

static tdl_status ials_fit(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                           tdl_report *why)
{
    if (!options->setting && options->validate &&
        data->all->offsets[data->all->users_n] <= TUNE_PAIRS_MAX)
        return choose(data, options, ret_model, why);
    options->ret_setting =
        options->setting ? options->setting : setting_of(A0_DEFAULT, LAMBDA_DEFAULT);
    return fit_setting(data, options, options->ret_setting, ret_model, why);
}

/* ---- asking ---- */

static tdl_ials_side side_of(const ials_rung *m)
{
    return (tdl_ials_side){
        .params = m->params, .n = m->items_n, .vector = m->vector, .gram = m->gram};
}

static const float *ials_vectors(const void *model, size_t *ret_d)
{
    const ials_rung *m = model;

    *ret_d = m->params.d;
    return m->vector;
}

static tdl_status ials_query(const void *model, const tdl_history *history, tdl_arena *scratch,
                             float *x)
{
    const ials_rung *m = model;
    tdl_ials_side side = side_of(m);
    double row[TDL_IALS_D_MAX];

    memset(x, 0, m->params.d * sizeof *x);
    if (!history->n)
        return TDL_OK;
    double *room = tdl_arena_alloc(scratch, tdl_ials_room(&side, history->n), sizeof *room);
    if (!room)
        return TDL_E_NO_MEMORY;
    if (tdl_ials_fold_in(&side, history->item, history->n, row, room, NULL))
        return TDL_OK; // numbers that overflow have nothing to say
    for (size_t k = 0; k < m->params.d; k++)
        x[k] = (float)row[k];
    return TDL_OK;
}

static tdl_status ials_score(const void *model, const tdl_history *history, tdl_arena *scratch,
                             float *scores)
{
    const ials_rung *m = model;
    float x[TDL_IALS_D_MAX];
    tdl_status st = ials_query(model, history, scratch, x);

    if (!st)
        tdl_linear(m->packed, 1, x, m->params.d, NULL, TDL_ACT_NONE, scores, m->items_n, NULL);
    return st;
}

/* What speaks for an item: its terms above 0. */
static void ials_explain(const void *model, const tdl_history *history, const int32_t *items,
                         size_t items_n, tdl_arena *scratch, tdl_reason *ret, size_t max,
                         size_t *ret_n)
{
    const ials_rung *m = model;
    tdl_ials_side side = side_of(m);
    size_t n = history->n;
    double *room = tdl_arena_alloc(scratch, tdl_ials_room(&side, n), sizeof *room);
    double *value = tdl_arena_alloc(scratch, items_n * n + 1, sizeof *value);
    tdl_term *terms = tdl_arena_alloc(scratch, n + 1, sizeof *terms);

    memset(ret_n, 0, items_n * sizeof *ret_n);
    if (!n || !room || !value || !terms ||
        tdl_ials_terms(&side, history->item, n, items, items_n, value, room, NULL))
        return;
    for (size_t k = 0; k < items_n; k++) {
        size_t found = 0;
        for (size_t i = 0; i < n; i++)
            if (value[k * n + i] > 0)
                terms[found++] = (tdl_term){i, value[k * n + i]};
        ret_n[k] = found ? tdl_terms_reasons(terms, found, ret + k * max, max) : 0;
    }
}

static tdl_status ials_similar(const void *model, int32_t item, float *scores)
{
    const ials_rung *m = model;

    tdl_cosine_rows(m->vector, m->items_n, m->params.d, (size_t)item, scores);
    return TDL_OK;
}

static size_t ials_bytes(const void *model)
{
    const ials_rung *m = model;

    return m->items_n * m->params.d * sizeof *m->vector +
           m->params.d * m->params.d * sizeof *m->gram + tdl_packed_bytes(m->packed);
}

/* ---- files: "ials/item" [items][d] and "ials/settings" (lambda, a0) ---- */

static void ials_save(const void *model, tdl_st_writer *writer)
{
    const ials_rung *m = model;

    tdl_st_add_1d(writer, "ials/settings", TDL_F64, PARAMS_SAVED, m->saved);
    tdl_st_add(writer, "ials/item", TDL_F32, 2, (size_t[]){m->items_n, m->params.d}, m->vector);
}

static tdl_status ials_load(const tdl_st_file *file, size_t items_n, void **ret_model,
                            tdl_report *why)
{
    const tdl_st_view *settings, *item;
    tdl_status st;

    if ((st = tdl_st_get(file, "ials/settings", TDL_F64, 1, &settings, why)) ||
        (st = tdl_st_get(file, "ials/item", TDL_F32, 2, &item, why)))
        return st;
    const double *v = settings->data;
    if (settings->n != PARAMS_SAVED || !(v[0] > 0 && isfinite(v[0])) ||
        !(v[1] >= 0 && isfinite(v[1])))
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "ials/settings: expected lambda above 0 and a0 not below");
    if (item->shape[0] != items_n || item->shape[1] < 1 || item->shape[1] > TDL_IALS_D_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "ials/item is [%zu][%zu], expected [%zu] rows of at most %d",
                        item->shape[0], item->shape[1], items_n, TDL_IALS_D_MAX);
    for (size_t i = 0; i < item->n; i++)
        if (!isfinite(((const float *)item->data)[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "ials/item: row %zu, column %zu is not finite",
                            i / item->shape[1], i % item->shape[1]);
    tdl_ials_params params = {.d = item->shape[1],
                              .block = item->shape[1] < BLOCK ? item->shape[1] : BLOCK,
                              .lambda = v[0],
                              .a0 = v[1]};
    return make_model(&params, items_n, item->data, NULL, ret_model, why);
}

const tdl_rung_ops tdl_rung_ials = {
    .name = "ials",
    .must_prove = true,
    .fit = ials_fit,
    .free = ials_free,
    .score = ials_score,
    .explain = ials_explain,
    .similar = ials_similar,
    .save = ials_save,
    .load = ials_load,
    .bytes = ials_bytes,
    .vectors = ials_vectors,
    .query = ials_query,
};
