/* Rung "recent-popularity" (R0): events of an item, each halved every half-life: decay.h. */
#include "apps/recommend/decayed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/decay.h"

typedef struct decayed {
    size_t items_n;
    float *score; /* [items_n] as of the fit */
    tdl_decayed_params params;
} decayed;

const tdl_decayed_params *tdl_decayed_params_of(const void *model)
{
    return &((const decayed *)model)->params;
}

tdl_status tdl_decayed_sums(const tdl_fit_data *data, const uint8_t *weight, int64_t now_us,
                            double half_life_days, double *ret, tdl_report *why)
{
    tdl_decay d;
    size_t items_n = data->all->items_n;
    tdl_status st = tdl_decay_init(&d, items_n, half_life_days * (double)TDL_DAY_US, why);

    if (st)
        return st;
    for (size_t u = 0; u < data->all->users_n; u++)
        for (size_t i = data->all->offsets[u]; i < data->end[u]; i++)
            tdl_decay_add(&d, (size_t)data->all->item[i], data->all->time_us[i],
                          weight ? weight[i] : 1);
    for (size_t i = 0; i < items_n; i++)
        ret[i] = tdl_decay_at(&d, i, now_us);
    tdl_decay_release(&d);
    return TDL_OK;
}

static void decayed_free(void *model)
{
    decayed *m = model;

    if (m)
        free(m->score);
    free(m);
}

static tdl_status decayed_fit(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                              tdl_report *why)
{
    static const tdl_decayed_params defaults = {14};
    const tdl_decayed_params *params = options->params ? options->params : &defaults;
    size_t items_n = data->all->items_n;
    double *sum = calloc(items_n + 1, sizeof *sum);
    decayed *m = calloc(1, sizeof *m);
    tdl_status st;

    if (m)
        m->score = calloc(items_n + 1, sizeof *m->score);
    if (!sum || !m || !m->score) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the popularity of %zu items", items_n);
        goto out;
    }
    m->items_n = items_n;
    m->params = *params;
    st = tdl_decayed_sums(data, options->weight, tdl_fit_now(data, options), params->half_life_days,
                          sum, why);
    for (size_t i = 0; !st && i < items_n; i++)
        m->score[i] = (float)sum[i];
    if (st)
        goto out;
    *ret_model = m;
    m = NULL; /* the caller's now */
out:
    decayed_free(m);
    free(sum);
    return st;
}

static tdl_status decayed_score(const void *model, const tdl_history *history, tdl_arena *scratch,
                                float *scores)
{
    const decayed *m = model;

    TDL_UNUSED(history);
    TDL_UNUSED(scratch);
    memcpy(scores, m->score, m->items_n * sizeof *scores);
    return TDL_OK;
}

/* ---- files: "recent-popularity/score" [items], "recent-popularity/half_life_days" ---- */

static void decayed_save(const void *model, tdl_st_writer *writer)
{
    const decayed *m = model;

    tdl_st_add_1d(writer, "recent-popularity/half_life_days", TDL_F64, 1,
                  &m->params.half_life_days);
    tdl_st_add_1d(writer, "recent-popularity/score", TDL_F32, m->items_n, m->score);
}

tdl_status tdl_crowd_load(const tdl_st_file *file, const char *name, size_t items_n, float *ret,
                          tdl_report *why)
{
    const tdl_st_view *view;
    tdl_status st = tdl_st_get(file, name, TDL_F32, 1, &view, why);

    if (st)
        return st;
    if (view->n != items_n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s: %zu values for %zu items", name, view->n, items_n);
    const float *value = view->data;
    for (size_t i = 0; i < items_n; i++)
        if (!(isfinite(value[i]) && value[i] >= 0))
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s: value %zu is not a number from 0", name, i);
    if (items_n)
        memcpy(ret, value, items_n * sizeof *ret);
    return TDL_OK;
}

static tdl_status decayed_load(const tdl_st_file *file, size_t items_n, void **ret_model,
                               tdl_report *why)
{
    const tdl_st_view *days;
    tdl_status st = tdl_st_get(file, "recent-popularity/half_life_days", TDL_F64, 1, &days, why);

    if (st)
        return st;
    const double *value = days->data;
    if (days->n != 1 || !(*value >= 0 && *value <= TDL_HALF_LIFE_DAYS_MAX))
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "recent-popularity/half_life_days: expected a number from 0 to %g",
                        TDL_HALF_LIFE_DAYS_MAX);
    decayed *m = calloc(1, sizeof *m);
    if (m)
        m->score = calloc(items_n + 1, sizeof *m->score);
    if (!m || !m->score) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the popularity of %zu items", items_n);
        goto out;
    }
    m->items_n = items_n;
    m->params.half_life_days = *value;
    if ((st = tdl_crowd_load(file, "recent-popularity/score", items_n, m->score, why)))
        goto out;
    *ret_model = m;
    m = NULL; /* the caller's now */
out:
    decayed_free(m);
    return st;
}

static size_t decayed_bytes(const void *model)
{
    return ((const decayed *)model)->items_n * sizeof(float);
}

const tdl_rung_ops tdl_rung_decayed = {
    .name = "recent-popularity",
    .fit = decayed_fit,
    .free = decayed_free,
    .score = decayed_score,
    .explain = tdl_popularity_explain,
    .save = decayed_save,
    .load = decayed_load,
    .bytes = decayed_bytes,
    .repeats = true,
};
