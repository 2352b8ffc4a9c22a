/* Rung "own-history" (R0p): how often, and how lately, the person took an item before; equals are
 * parted by popularity of late, and so are the items that were never taken.
 *
 *     score(j) = sum over the person's groups with j of 2^(-age/h) + P_j / (1 + max P) * eps
 *
 * with eps = 1 when whole groups are counted, and small enough to part only equals when they decay.
 */
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/decay.h"
#include "apps/recommend/decayed.h"

static const double DECAYED_EPS = 1e-4;

typedef struct own {
    size_t items_n;
    float *crowd; /* [items_n] in [0, 1) */
    double half_life_us;
    int64_t now_us;
} own;

static void own_free(void *model)
{
    own *m = model;

    if (m)
        free(m->crowd);
    free(m);
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
    m->half_life_us = params->half_life_days * (double)TDL_DAY_US;
    m->now_us = tdl_fit_now(data, options);
    if ((st = tdl_decayed_sums(data, m->now_us, params->crowd_half_life_days, sum, why)))
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

static size_t own_bytes(const void *model)
{
    return ((const own *)model)->items_n * sizeof(float);
}

const tdl_rung_ops tdl_rung_own = {
    .name = "own-history",
    .fit = own_fit,
    .free = own_free,
    .score = own_score,
    .bytes = own_bytes,
    .repeats = true,
};
