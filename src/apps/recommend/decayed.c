/* Rung "recent-popularity" (R0): events of an item, each halved every half-life: decay.h. */
#include "apps/recommend/decayed.h"

#include <stdlib.h>
#include <string.h>

#include "apps/recommend/decay.h"

typedef struct decayed {
    size_t items_n;
    float *score; /* [items_n] as of the fit */
} decayed;

tdl_status tdl_decayed_sums(const tdl_fit_data *data, int64_t now_us, double half_life_days,
                            double *ret, tdl_report *why)
{
    tdl_decay d;
    size_t items_n = data->all->items_n;
    tdl_status st = tdl_decay_init(&d, items_n, half_life_days * (double)TDL_DAY_US, why);

    if (st)
        return st;
    for (size_t u = 0; u < data->all->users_n; u++) {
        tdl_history history = tdl_fit_history(data, u);
        for (size_t i = 0; i < history.n; i++)
            tdl_decay_add(&d, (size_t)history.item[i], history.time_us[i], 1);
    }
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
    st = tdl_decayed_sums(data, tdl_fit_now(data, options), params->half_life_days, sum, why);
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

static size_t decayed_bytes(const void *model)
{
    return ((const decayed *)model)->items_n * sizeof(float);
}

const tdl_rung_ops tdl_rung_decayed = {
    .name = "recent-popularity",
    .fit = decayed_fit,
    .free = decayed_free,
    .score = decayed_score,
    .bytes = decayed_bytes,
    .repeats = true,
};
