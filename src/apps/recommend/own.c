/* Rung "own-history" (R0p): how often, and how lately, the person took an item before; equals are
 * parted by popularity of late, and so are the items that were never taken.
 *
 *     score(j) = sum over the person's groups with j of 2^(-age/h) + P_j / (1 + max P) * eps
 *
 * with eps = 1 when whole groups are counted, and small enough to part only equals when they decay.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/decay.h"
#include "apps/recommend/decayed.h"
#include "apps/recommend/sparse.h"

static const double DECAYED_EPS = 1e-4, TIME_MAX_US = 9e18;
enum { SETTINGS_SAVED = 3 };

typedef struct own {
    size_t items_n;
    float *crowd; /* [items_n] in [0, 1) */
    double half_life_us;
    int64_t now_us;
    tdl_own_params params;
    double saved[SETTINGS_SAVED]; /* both half-lives, and now, as they are written */
} own;

const tdl_own_params *tdl_own_params_of(const void *model)
{
    return &((const own *)model)->params;
}

static void own_free(void *model)
{
    own *m = model;

    if (m)
        free(m->crowd);
    free(m);
}

/* m->now_us is set. */
static void take_params(own *m, const tdl_own_params *params)
{
    m->params = *params;
    m->half_life_us = params->half_life_days * (double)TDL_DAY_US;
    m->saved[0] = params->half_life_days;
    m->saved[1] = params->crowd_half_life_days;
    m->saved[2] = (double)m->now_us;
}

static tdl_status own_fit(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                          tdl_report *why)
{
    static const tdl_own_params defaults = {0, 14};
    const tdl_own_params *params = options->params ? options->params : &defaults;
    size_t items_n = data->all->items_n;
    double *sum = calloc(items_n + 1, sizeof *sum), most = 0;
    own *m = calloc(1, sizeof *m);
    tdl_status st;

    if (m)
        m->crowd = calloc(items_n + 1, sizeof *m->crowd);
    if (!sum || !m || !m->crowd) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the popularity of %zu items", items_n);
        goto out;
    }
    m->items_n = items_n;
    m->now_us = tdl_fit_now(data, options);
    take_params(m, params);
    if ((st = tdl_decayed_sums(data, options->weight, m->now_us, params->crowd_half_life_days, sum,
                               why)))
        goto out;
    for (size_t i = 0; i < items_n; i++)
        most = sum[i] > most ? sum[i] : most;
    double scale = (m->half_life_us > 0 ? DECAYED_EPS : 1) / (most * (1 + 1e-6) + 1e-300);
    for (size_t i = 0; i < items_n; i++)
        m->crowd[i] = (float)(sum[i] * scale);
    *ret_model = m;
    m = NULL; /* the caller's now */
out:
    own_free(m);
    free(sum);
    return st;
}

static tdl_status own_score(const void *model, const tdl_history *history, tdl_arena *scratch,
                            float *scores)
{
    const own *m = model;

    TDL_UNUSED(scratch);
    memcpy(scores, m->crowd, m->items_n * sizeof *scores);
    for (size_t i = 0; i < history->n; i++)
        scores[history->item[i]] +=
            (float)tdl_decay_weight(m->now_us, history->time_us[i], m->half_life_us);
    return TDL_OK;
}

/* What the person took, each time it did; the crowd's part is told only where there is no other. */
static void own_explain(const void *model, const tdl_history *history, const int32_t *items,
                        size_t items_n, tdl_arena *scratch, tdl_reason *ret, size_t max,
                        size_t *ret_n)
{
    const own *m = model;
    tdl_term *terms = tdl_arena_alloc(scratch, history->n + 1, sizeof *terms);

    for (size_t k = 0; k < items_n; k++) {
        size_t n = 0;
        for (size_t i = 0; terms && i < history->n; i++)
            if (history->item[i] == items[k])
                terms[n++] = (tdl_term){
                    i, tdl_decay_weight(m->now_us, history->time_us[i], m->half_life_us)};
        ret_n[k] = n ? tdl_terms_reasons(terms, n, ret + k * max, max) : max > 0;
        if (!n && max)
            ret[k * max] = (tdl_reason){.kind = TDL_REASON_POPULAR, .share = 1, .exact = true};
    }
}

/* ---- files: "own-history/crowd" [items], "own-history/settings" ---- */

static void own_save(const void *model, tdl_st_writer *writer)
{
    const own *m = model;

    tdl_st_add_1d(writer, "own-history/settings", TDL_F64, SETTINGS_SAVED, m->saved);
    tdl_st_add_1d(writer, "own-history/crowd", TDL_F32, m->items_n, m->crowd);
}

static tdl_status own_load(const tdl_st_file *file, size_t items_n, void **ret_model,
                           tdl_report *why)
{
    const tdl_st_view *settings;
    tdl_status st = tdl_st_get(file, "own-history/settings", TDL_F64, 1, &settings, why);

    if (st)
        return st;
    const double *v = settings->data;
    if (settings->n != SETTINGS_SAVED || !(v[0] >= 0 && v[0] <= TDL_HALF_LIFE_DAYS_MAX) ||
        !(v[1] >= 0 && v[1] <= TDL_HALF_LIFE_DAYS_MAX) || !(fabs(v[2]) <= TIME_MAX_US))
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "own-history/settings: expected two half-lives from 0 and a time");
    own *m = calloc(1, sizeof *m);
    if (m)
        m->crowd = calloc(items_n + 1, sizeof *m->crowd);
    if (!m || !m->crowd) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the popularity of %zu items", items_n);
        goto out;
    }
    m->items_n = items_n;
    m->now_us = (int64_t)v[2];
    take_params(m, &(tdl_own_params){v[0], v[1]});
    if ((st = tdl_crowd_load(file, "own-history/crowd", items_n, m->crowd, why)))
        goto out;
    *ret_model = m;
    m = NULL; /* the caller's now */
out:
    own_free(m);
    return st;
}

static size_t own_bytes(const void *model)
{
    return ((const own *)model)->items_n * sizeof(float);
}

const tdl_rung_ops tdl_rung_own = {
    .name = "own-history",
    .fit = own_fit,
    .free = own_free,
    .score = own_score,
    .explain = own_explain,
    .save = own_save,
    .load = own_load,
    .bytes = own_bytes,
    .repeats = true,
};
