/* Rung "ease": ease.h over people's whole histories, as a row of the ladder.
 *
 * lambda and how the asked history is weighed are chosen on the validation split: lambda by
 * climbing a row of values, each of which takes a fit; the weighing takes none. Above
 * TUNE_ITEMS_MAX items a fit takes seconds, and the default lambda serves.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/ease.h"
#include "apps/recommend/sparse.h"
#include "apps/recommend/tune.h"
#include "tensor/scratch.h"

enum { TUNE_ITEMS_MAX = 6000, RECENT_MAX = 1000, SETTINGS_SAVED = 5 };

static const double LAMBDA[] = {10, 30, 100, 300, 1000};
static const struct window {
    size_t recent;
    double recency;
} WINDOW[] = {{0, 1}, {20, .9}, {10, .8}, {5, .7}};
enum {
    LAMBDAS = sizeof LAMBDA / sizeof *LAMBDA,
    WINDOWS = sizeof WINDOW / sizeof *WINDOW,
    LAMBDA_DEFAULT = 3
};

/* The model and what saving lends to the writer. */
typedef struct ease_rung {
    tdl_ease *ease;
    double saved[SETTINGS_SAVED]; /* lambda, baskets, recent, recency, in double */
} ease_rung;

static void ease_free(void *model)
{
    ease_rung *m = model;

    if (m)
        tdl_ease_free(m->ease);
    free(m);
}

static tdl_ease_params params_of(unsigned setting)
{
    size_t lambda = (setting - 1) / WINDOWS % LAMBDAS, window = (setting - 1) % WINDOWS;

    return (tdl_ease_params){.lambda = LAMBDA[lambda],
                             .recent = WINDOW[window].recent,
                             .recency = WINDOW[window].recency};
}

static tdl_status take_ease(tdl_ease *take, void **ret_model, tdl_report *why)
{
    ease_rung *m = calloc(1, sizeof *m);

    if (!m) {
        tdl_ease_free(take);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for ease");
    }
    m->ease = take;
    m->saved[0] = take->params.lambda;
    m->saved[1] = take->params.baskets;
    m->saved[2] = (double)take->params.recent;
    m->saved[3] = take->params.recency;
    m->saved[4] = take->in_double;
    *ret_model = m;
    return TDL_OK;
}

static tdl_status fit_setting(const tdl_fit_data *data, tdl_fit_options *options, unsigned setting,
                              void **ret_model, tdl_report *why)
{
    tdl_ease_params params = params_of(setting);
    tdl_ease *ease = NULL;
    tdl_status st;

    params.bytes_max = options->bytes_max;
    if (options->progress && !options->progress(options->progress_context, "ease", 0, NULL))
        return TDL_FAIL(why, TDL_E_STOPPED, "stopped before the matrix of ease");
    if ((st = tdl_ease_fit(&params, data, options->pool, &ease, why)))
        return st;
    if (options->log.scalar)
        options->log.scalar(options->log.context, "factored_in_double", 0, ease->in_double);
    return take_ease(ease, ret_model, why);
}

/* ---- choosing ---- */

typedef struct choosing {
    const tdl_fit_data *data;
    tdl_fit_options *options;
    ease_rung *best; /* fitted, with its window */
    unsigned setting;
    double ndcg; /* of best */
} choosing;

static void set_window(ease_rung *m, size_t window)
{
    m->ease->params.recent = WINDOW[window].recent;
    m->ease->params.recency = WINDOW[window].recency;
    m->saved[2] = (double)WINDOW[window].recent;
    m->saved[3] = WINDOW[window].recency;
}

/* How good a lambda is: under the best window for it. */
static tdl_status try_lambda(void *context, size_t at, double *ret, tdl_report *why)
{
    choosing *c = context;
    void *model = NULL;
    size_t best = 0;
    tdl_status st = fit_setting(c->data, c->options, (unsigned)(1 + at * WINDOWS), &model, why);

    *ret = -1;
    for (size_t window = 0; !st && window < WINDOWS; window++) {
        double ndcg;
        set_window(model, window);
        if (!(st = tdl_validation_ndcg(&tdl_rung_ease, model, c->data, c->options, &ndcg, why)) &&
            ndcg > *ret) {
            *ret = ndcg;
            best = window;
        }
    }
    if (!st && *ret > c->ndcg) {
        set_window(model, best);
        ease_free(c->best);
        c->best = model;
        c->ndcg = *ret;
        c->setting = (unsigned)(1 + at * WINDOWS + best);
        model = NULL; /* c's now */
    }
    ease_free(model);
    return st;
}

static tdl_status choose(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                         tdl_report *why)
{
    choosing c = {.data = data, .options = options, .ndcg = -1};
    size_t best;
    tdl_status st = tdl_climb(try_lambda, &c, LAMBDAS, LAMBDA_DEFAULT, &best, why);

    if (st) {
        ease_free(c.best);
        return st;
    }
    options->ret_setting = c.setting;
    *ret_model = c.best;
    return TDL_OK;
}

static tdl_status ease_fit(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                           tdl_report *why)
{
    if (!options->setting && options->validate && data->all->items_n <= TUNE_ITEMS_MAX)
        return choose(data, options, ret_model, why);
    options->ret_setting = options->setting ? options->setting : 1 + LAMBDA_DEFAULT * WINDOWS;
    return fit_setting(data, options, options->ret_setting, ret_model, why);
}

/* Settings of one lambda share their matrix. */
static bool ease_retune(void *model, unsigned setting)
{
    ease_rung *m = model;
    tdl_ease_params to = params_of(setting);

    if (to.lambda < m->ease->params.lambda || to.lambda > m->ease->params.lambda)
        return false;
    set_window(m, (setting - 1) % WINDOWS);
    return true;
}

/* ---- asking ---- */

static tdl_status ease_score(const void *model, const tdl_history *history, tdl_arena *scratch,
                             float *scores)
{
    return tdl_ease_score(((const ease_rung *)model)->ease, history, scratch, scores);
}

/* What speaks for an item: its terms above 0. */
static void ease_explain(const void *model, const tdl_history *history, const int32_t *items,
                         size_t items_n, tdl_arena *scratch, tdl_reason *ret, size_t max,
                         size_t *ret_n)
{
    const tdl_ease *ease = ((const ease_rung *)model)->ease;
    size_t from = 0;
    const double *weight = tdl_ease_weights(ease, history, scratch, &from);
    tdl_term *terms = tdl_arena_alloc(scratch, history->n + 1, sizeof *terms);

    for (size_t k = 0; k < items_n; k++) {
        size_t n = 0;
        for (size_t i = from; weight && terms && i < history->n; i++) {
            size_t row = (size_t)history->item[i];
            double value = weight[i] * (double)ease->b[row * ease->items_n + (size_t)items[k]];
            if (value > 0)
                terms[n++] = (tdl_term){i, value};
        }
        ret_n[k] = n ? tdl_terms_reasons(terms, n, ret + k * max, max) : 0;
    }
}

static tdl_status ease_similar(const void *model, int32_t item, float *scores)
{
    const tdl_ease *ease = ((const ease_rung *)model)->ease;

    memcpy(scores, ease->b + (size_t)item * ease->items_n, ease->items_n * sizeof *scores);
    return TDL_OK;
}

static size_t ease_bytes(const void *model)
{
    const tdl_ease *ease = ((const ease_rung *)model)->ease;

    return (ease->items_n + 1) * ease->items_n * sizeof(float);
}

/* ---- files: "ease/b" [items][items], "ease/diagonal" [items], "ease/settings" ---- */

static void ease_save(const void *model, tdl_st_writer *writer)
{
    const ease_rung *m = model;
    size_t n = m->ease->items_n;

    tdl_st_add_1d(writer, "ease/settings", TDL_F64, SETTINGS_SAVED, m->saved);
    tdl_st_add_1d(writer, "ease/diagonal", TDL_F32, n, m->ease->diagonal);
    tdl_st_add(writer, "ease/b", TDL_F32, 2, (size_t[]){n, n}, m->ease->b);
}

static tdl_status check_settings(const tdl_st_view *view, tdl_report *why)
{
    const double *v = view->data;

    if (view->n == SETTINGS_SAVED && v[0] > 0 && isfinite(v[0]) && (v[1] == 0 || v[1] == 1) &&
        v[2] >= 0 && v[2] <= RECENT_MAX && v[3] > 0 && v[3] <= 1 && (v[4] == 0 || v[4] == 1))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_CORRUPT,
                    "ease/settings: expected lambda above 0, baskets 0 or 1, groups in [0, %d], a "
                    "decay in (0, 1] and double 0 or 1",
                    RECENT_MAX);
}

static tdl_status check_values(const tdl_st_view *b, const tdl_st_view *diagonal, size_t items_n,
                               tdl_report *why)
{
    const float *value = b->data, *own = diagonal->data;

    if (b->shape[0] != items_n || b->shape[1] != items_n || diagonal->n != items_n)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "ease/b is [%zu][%zu], ease/diagonal [%zu], for %zu items", b->shape[0],
                        b->shape[1], diagonal->n, items_n);
    for (size_t i = 0; i < items_n; i++)
        if (!(own[i] > 0 && isfinite(own[i])))
            return TDL_FAIL(why, TDL_E_CORRUPT, "ease/diagonal: value %zu is %g, not above 0", i,
                            (double)own[i]);
    for (size_t i = 0; i < items_n; i++)
        for (size_t j = 0; j < items_n; j++)
            if (!isfinite(value[i * items_n + j]))
                return TDL_FAIL(why, TDL_E_CORRUPT, "ease/b: row %zu, column %zu is not finite", i,
                                j);
    return TDL_OK;
}

static tdl_status ease_load(const tdl_st_file *file, size_t items_n, void **ret_model,
                            tdl_report *why)
{
    const tdl_st_view *settings, *diagonal, *b;
    tdl_status st;

    if ((st = tdl_st_get(file, "ease/settings", TDL_F64, 1, &settings, why)) ||
        (st = tdl_st_get(file, "ease/diagonal", TDL_F32, 1, &diagonal, why)) ||
        (st = tdl_st_get(file, "ease/b", TDL_F32, 2, &b, why)) ||
        (st = check_settings(settings, why)) || (st = check_values(b, diagonal, items_n, why)))
        return st;
    const double *v = settings->data;
    tdl_ease *ease = calloc(1, sizeof *ease);
    if (ease) {
        *ease = (tdl_ease){.params = {.lambda = v[0],
                                      .baskets = v[1] == 1,
                                      .recent = (size_t)v[2],
                                      .recency = v[3]},
                           .items_n = items_n,
                           .b = tdl_floats_new(b->n + 1),
                           .diagonal = malloc((items_n + 1) * sizeof *ease->diagonal),
                           .in_double = v[4] == 1};
    }
    if (!ease || !ease->b || !ease->diagonal) {
        tdl_ease_free(ease);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a matrix of %zu items", items_n);
    }
    if (items_n) {
        memcpy(ease->b, b->data, b->n * sizeof *ease->b);
        memcpy(ease->diagonal, diagonal->data, items_n * sizeof *ease->diagonal);
    }
    return take_ease(ease, ret_model, why);
}

const tdl_rung_ops tdl_rung_ease = {
    .name = "ease",
    .must_prove = true,
    .fit = ease_fit,
    .free = ease_free,
    .score = ease_score,
    .explain = ease_explain,
    .similar = ease_similar,
    .save = ease_save,
    .load = ease_load,
    .bytes = ease_bytes,
    .retune = ease_retune,
};
