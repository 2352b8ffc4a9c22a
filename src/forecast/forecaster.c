#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/forecaster_parts.h"

#include "base/sorted.h"

enum { OWN_ORIGINS = 40, FEW_SERIES = 20 };

void tdl_forecaster_free(tdl_forecaster *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->series_n; i++) {
        free(f->fitted[i].series.name);
        free(f->fitted[i].series.y);
        free(f->fitted[i].residual);
    }
    free(f->fitted);
    free(f->shared);
    tdl_pooled_ridge_release(&f->ridge);
    tdl_patch_free(f->patch);
    free(f);
}

/* ---- fitting ---- */

typedef struct fitting {
    const tdl_series_set *set;
    const tdl_forecast_options *options;
    tdl_forecast_task task;
    tdl_forecaster *f;
    const tdl_pooled *early; /* [pooled_n] what select judges, trained on less */
    tdl_status *status;      /* [series_n] */
    tdl_report *report;      /* of the first that failed, by part */
    size_t first;            /* series of this round */
} fitting;

static tdl_status copy_series(const tdl_series *from, tdl_series *ret, tdl_report *why)
{
    *ret = *from;
    ret->name = strdup(from->name);
    ret->y = malloc((from->n ? from->n : 1) * sizeof *ret->y);
    if (!ret->name || !ret->y)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for series %s", from->name);
    memcpy(ret->y, from->y, from->n * sizeof *ret->y);
    return TDL_OK;
}

/* Residuals of the chosen blend from origins that end a stride apart, the newest last. Pooled
 * models are those of selection, which have not seen the last points. */
static tdl_status calibrate(const fitting *c, tdl_fitted_series *s, tdl_report *why)
{
    size_t horizon = c->task.horizon, n = s->series.n, least = s->selection.task.shortest;
    size_t room = n - horizon >= least && n > horizon ? n - horizon - least : 0;
    size_t wanted = c->options->calibration          ? c->options->calibration
                    : c->set->series_n <= FEW_SERIES ? (size_t)OWN_ORIGINS
                                                     : s->selection.origins_n;
    size_t stride, origins;
    tdl_selection as_then = s->selection;
    tdl_status st = TDL_OK;

    if (!s->selection.origins_n || !wanted)
        return TDL_OK;
    stride = wanted > 1 ? room / (wanted - 1) : room;
    stride = stride ? stride : 1;
    origins = room / stride + 1 < wanted ? room / stride + 1 : wanted;
    if (!(s->residual = calloc(origins * horizon + 1, sizeof *s->residual)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu forecasts", origins);
    for (size_t o = 0; o < origins && !st; o++) {
        size_t known = n - horizon - (origins - 1 - o) * stride;
        double *r = s->residual + o * horizon;

        st = tdl_forecast_by(&as_then, c->early, s->series.y, known, r, why);
        for (size_t h = 0; h < horizon && !st; h++)
            r[h] = s->series.y[known + h] - r[h];
    }
    s->residuals_n = origins;
    return st;
}

static tdl_status fit_one(const fitting *c, size_t i, tdl_report *why)
{
    tdl_fitted_series *s = &c->f->fitted[i];
    tdl_select_options select = c->options->select;
    tdl_status st;

    select.pooled = c->early;
    select.pooled_n = c->f->pooled_n;
    if ((st = copy_series(&c->set->series[i], &s->series, why)) ||
        (st = tdl_forecast_select(&c->task, s->series.y, s->series.n, &select, &s->selection,
                                  why)) ||
        (st = calibrate(c, s, why)))
        return st;
    s->scale = tdl_forecast_scale(&c->task, s->series.y, s->series.n);
    return TDL_OK;
}

static void fit_share(void *context, size_t begin, size_t end, unsigned part)
{
    fitting *c = context;

    TDL_UNUSED(part);
    for (size_t i = begin; i < end; i++)
        c->status[c->first + i] = fit_one(c, c->first + i, &c->report[c->first + i]);
}

/* Rounds of a few series, so that progress can be told and a stop heard. */
static tdl_status fit_all(fitting *c, tdl_report *why)
{
    size_t n = c->f->series_n, round = 8 * (size_t)tdl_pool_threads(c->options->pool);

    for (c->first = 0; c->first < n; c->first += round) {
        size_t now = n - c->first < round ? n - c->first : round;

        tdl_pool_run(c->options->pool, now, 1, fit_share, c);
        for (size_t i = c->first; i < c->first + now; i++)
            if (c->status[i]) {
                if (why)
                    *why = c->report[i];
                tdl_report_prefix(why, "series %s", c->set->series[i].name);
                return c->status[i];
            }
        if (c->options->tell &&
            !c->options->tell(c->options->tell_context, (double)(c->first + now) / (double)n,
                              c->set->series[c->first].name))
            return TDL_FAIL(why, TDL_E_STOPPED, "stopped");
    }
    return TDL_OK;
}

/* A pooled ridge where the set has room for one: `early` knows what comes before the first origin
 * of every series, the other all of it. */
static tdl_status fit_pooled(fitting *c, tdl_pooled_ridge *ret_early, tdl_report *why)
{
    size_t season = c->task.periods_n ? c->task.period[c->task.periods_n - 1] : 0;
    size_t window = 2 * season > 24 ? 2 * season : 24, held = 0, fits = 0;
    tdl_status st;

    if (c->options->no_pooled || c->options->select.members.len || c->set->series_n < 2 ||
        window > 1024 || c->task.horizon > 1024)
        return TDL_OK;
    for (size_t i = 0; i < c->set->series_n; i++) {
        size_t n = c->set->series[i].n;
        size_t held_i = n - tdl_select_shortest(&c->task, &c->options->select, n);

        held = held_i > held ? held_i : held;
        fits += n >= held_i + 2 * window + 2 * c->task.horizon + (n - held_i) / 5;
    }
    if (!fits)
        return TDL_OK;
    st = tdl_pooled_ridge_fit(c->set->series, c->set->series_n, held, window, c->task.horizon,
                              ret_early, NULL);
    if (st == TDL_E_INVALID)
        return TDL_OK; // too short after all
    if (st)
        return TDL_FAIL(why, st, "no memory for a pooled ridge");
    if ((st = tdl_pooled_ridge_fit(c->set->series, c->set->series_n, 0, window, c->task.horizon,
                                   &c->f->ridge, why)))
        return st;
    c->f->pooled[c->f->pooled_n++] = tdl_pooled_of_ridge(&c->f->ridge);
    return TDL_OK;
}

/* A transformer, trained on what comes before the first origin of every series, kept when it beats
 * the ridge on what comes after. */
static tdl_status fit_transformer(fitting *c, const tdl_pooled_ridge *ridge, tdl_report *why)
{
    size_t series_n = c->set->series_n, horizon = c->task.horizon;
    const double **y = calloc(series_n, sizeof *y);
    size_t *known = calloc(series_n, sizeof *known), *n = calloc(series_n, sizeof *n);
    const tdl_patch_options options = {.window = (ridge->window + 7) / 8 * 8,
                                       .horizon = horizon,
                                       .dropout = .3,
                                       .rate = 5e-4,
                                       .d_model = 16,
                                       .heads = 4,
                                       .d_ff = 128,
                                       .examples = 20000,
                                       .epochs = 10,
                                       .seconds = c->options->transformer,
                                       .seed = c->options->seed,
                                       .pool = c->options->pool};
    double own = 0, error = 0;
    tdl_patch *patch = NULL;
    bool fits = true;
    tdl_status st = TDL_OK;

    if (!y || !known || !n) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu series", series_n);
        goto out;
    }
    for (size_t i = 0; i < series_n; i++) {
        y[i] = c->set->series[i].y;
        n[i] = c->set->series[i].n;
        known[i] = tdl_select_shortest(&c->task, &c->options->select, n[i]);
        fits &= known[i] >= options.window + horizon && known[i] >= ridge->window;
    }
    if (!fits)
        goto out;
    if ((st = tdl_patch_fit(y, known, n, series_n, &options, &patch, &own, &error, why)))
        goto out;
    if (own < error) {
        c->f->patch = patch;
        c->f->pooled[c->f->pooled_n++] = tdl_pooled_of_patch(patch);
        patch = NULL;
    }
out:
    tdl_patch_free(patch);
    free(y);
    free(known);
    free(n);
    return st;
}

tdl_status tdl_forecaster_share(tdl_forecaster *f, tdl_report *why)
{
    size_t n = 0, at = 0;

    for (size_t i = 0; i < f->series_n; i++)
        n += f->fitted[i].residuals_n;
    free(f->shared);
    f->shared_n = n;
    if (!(f->shared = malloc((n ? n : 1) * f->horizon * sizeof *f->shared)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu residuals", n);
    for (size_t i = 0; i < f->series_n; i++)
        for (size_t o = 0; o < f->fitted[i].residuals_n; o++, at++)
            for (size_t h = 0; h < f->horizon; h++)
                f->shared[h * n + at] =
                    fabs(f->fitted[i].residual[o * f->horizon + h]) / f->fitted[i].scale;
    for (size_t h = 0; h < f->horizon; h++)
        tdl_sort_numbers(f->shared + h * n, n);
    return TDL_OK;
}

tdl_status tdl_forecaster_fit(const tdl_series_set *set, const tdl_forecast_options *options,
                              tdl_forecaster **ret, tdl_report *why)
{
    fitting c = {.set = set, .options = options, .task = {.horizon = options->horizon}};
    tdl_forecaster *f = NULL;
    tdl_pooled_ridge early = {0};
    tdl_pooled early_of[TDL_POOLED_MAX];
    tdl_status st;

    if (!set->series_n || options->horizon < 1 || options->horizon > TDL_FORECAST_HORIZON_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "a forecast of %zu steps for %zu series: 1 to %d steps",
                        options->horizon, set->series_n, TDL_FORECAST_HORIZON_MAX);
    memcpy(c.task.period, set->period, sizeof c.task.period);
    c.task.periods_n = set->periods_n;
    if (!(f = calloc(1, sizeof *f)) || !(f->fitted = calloc(set->series_n, sizeof *f->fitted)) ||
        !(c.status = calloc(set->series_n, sizeof *c.status)) ||
        !(c.report = calloc(set->series_n, sizeof *c.report))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu series", set->series_n);
        goto out;
    }
    f->horizon = options->horizon;
    f->step = set->step;
    f->series_n = set->series_n;
    c.f = f;
    if ((st = fit_pooled(&c, &early, why)))
        goto out;
    if (f->pooled_n && options->transformer > 0 && (st = fit_transformer(&c, &early, why)))
        goto out;
    if (f->pooled_n)
        early_of[0] = tdl_pooled_of_ridge(&early);
    if (f->patch)
        early_of[1] = f->pooled[1];
    c.early = early_of;
    if ((st = fit_all(&c, why)) || (st = tdl_forecaster_share(f, why)))
        goto out;
    *ret = f;
    f = NULL;
out:
    tdl_pooled_ridge_release(&early);
    free(c.status);
    free(c.report);
    tdl_forecaster_free(f);
    return st;
}

/* ---- asking ---- */

/* The half width that holds `level` of the residuals at step h: the ceil((n + 1) level)-th smallest
 * (Vovk et al.; Lei et al. 2018), infinite when there are not so many. */
static double half_width(const tdl_forecaster *f, const tdl_fitted_series *s, size_t h,
                         double level, double scale, double *work)
{
    size_t n = s->residuals_n;
    double rank = ceil((double)(n + 1) * level - 1e-9);

    if (rank <= (double)n) {
        for (size_t o = 0; o < n; o++)
            work[o] = fabs(s->residual[o * f->horizon + h]) / s->scale;
        tdl_sort_numbers(work, n);
        return work[(size_t)rank - 1] * scale;
    }
    rank = ceil((double)(f->shared_n + 1) * level - 1e-9);
    if (rank <= (double)f->shared_n)
        return f->shared[h * f->shared_n + (size_t)rank - 1] * scale;
    return HUGE_VAL;
}

/* How unlike the shapes of two histories are, both brought to mean 0 and deviation 1. */
static double unlike(const double *a, const double *b, size_t n)
{
    double mean_a, mean_b, deviation_a, deviation_b, sum = 0;

    tdl_scale_of(a, n, &mean_a, &deviation_a);
    tdl_scale_of(b, n, &mean_b, &deviation_b);
    for (size_t t = 0; t < n; t++) {
        double step = (a[t] - mean_a) / deviation_a - (b[t] - mean_b) / deviation_b;
        sum += step * step;
    }
    return sum / (double)n;
}

static const tdl_fitted_series *most_alike(const tdl_forecaster *f, const double *y, size_t n)
{
    const tdl_fitted_series *best = &f->fitted[0];
    double least = HUGE_VAL;

    for (size_t i = 0; i < f->series_n; i++) {
        const tdl_series *s = &f->fitted[i].series;
        size_t common = n < s->n ? n : s->n;
        double distance = unlike(y + n - common, s->y + s->n - common, common);

        if (distance < least) {
            least = distance;
            best = &f->fitted[i];
        }
    }
    return best;
}

/* Whether a forecast can be given at all: which series or history, how far, which levels. */
static tdl_status check_request(const tdl_forecaster *f, size_t series, const double *history,
                                size_t n, size_t horizon, const double *level, size_t levels_n,
                                tdl_report *why)
{
    if (horizon < 1 || horizon > f->horizon)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "train with a longer horizon",
                             "a horizon of %zu: the forecaster was fitted for %zu", horizon,
                             f->horizon);
    if ((series == SIZE_MAX && !history) || (series != SIZE_MAX && series >= f->series_n))
        return TDL_FAIL(why, TDL_E_INVALID, "series %zu of %zu", series, f->series_n);
    if (history && !n)
        return TDL_FAIL(why, TDL_E_INVALID, "a history of no points");
    for (size_t t = 0; history && t < n; t++)
        if (!isfinite(history[t]))
            return TDL_FAIL(why, TDL_E_INVALID, "point %zu of the history is %g", t, history[t]);
    for (size_t k = 0; k < levels_n; k++)
        if (!(level[k] > 0 && level[k] < 1))
            return TDL_FAIL(why, TDL_E_INVALID, "a level of %g: not between 0 and 1", level[k]);
    return TDL_OK;
}

/* Low and high around ret->mean, [levels_n][horizon]; where no value of the history was below
 * zero, low is not either. work: [residuals_n] */
static void lay_bands(const tdl_forecaster *f, const tdl_fitted_series *s, const double *history,
                      size_t n, size_t horizon, const double *level, size_t levels_n, double *work,
                      tdl_forecast *ret)
{
    double scale = tdl_forecast_scale(&s->selection.task, history, n), least = HUGE_VAL;

    for (size_t t = 0; t < n; t++)
        least = history[t] < least ? history[t] : least;
    for (size_t k = 0; k < levels_n; k++)
        for (size_t h = 0; h < horizon; h++) {
            double half = half_width(f, s, h, level[k], scale, work);
            double low = ret->mean[h] - half;

            ret->low[k * horizon + h] = least >= 0 && low < 0 ? 0 : low;
            ret->high[k * horizon + h] = ret->mean[h] + half;
        }
}

tdl_status tdl_forecaster_predict(const tdl_forecaster *f, size_t series, const double *history,
                                  size_t n, size_t horizon, const double *level, size_t levels_n,
                                  tdl_forecast *ret, tdl_report *why)
{
    const tdl_fitted_series *s;
    double *work = NULL;
    tdl_status st;

    if ((st = check_request(f, series, history, n, horizon, level, levels_n, why)))
        return st;
    s = series == SIZE_MAX ? most_alike(f, history, n) : &f->fitted[series];
    if (!history) {
        history = s->series.y;
        n = s->series.n;
    }
    if (!(work = malloc((f->horizon + s->residuals_n) * sizeof *work)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu steps", f->horizon);
    ret->floor = n < s->selection.task.shortest || !s->selection.origins_n;
    if ((st = tdl_forecast_by(&s->selection, f->pooled, history, n, work, why)))
        goto out;
    memcpy(ret->mean, work, horizon * sizeof *work);
    lay_bands(f, s, history, n, horizon, level, levels_n, work, ret);
out:
    free(work);
    return st;
}

/* ---- what is in it ---- */

size_t tdl_forecaster_horizon(const tdl_forecaster *f)
{
    return f->horizon;
}

size_t tdl_forecaster_series(const tdl_forecaster *f)
{
    return f->series_n;
}

const tdl_series *tdl_forecaster_at(const tdl_forecaster *f, size_t series)
{
    return &f->fitted[series].series;
}

const tdl_selection *tdl_forecaster_chosen(const tdl_forecaster *f, size_t series)
{
    return &f->fitted[series].selection;
}

tdl_time_step tdl_forecaster_step(const tdl_forecaster *f)
{
    return f->step;
}

bool tdl_forecaster_find(const tdl_forecaster *f, tdl_str name, size_t *ret)
{
    for (size_t i = 0; i < f->series_n; i++)
        if (tdl_str_is(name, f->fitted[i].series.name)) {
            *ret = i;
            return true;
        }
    return false;
}

const double *tdl_forecaster_residuals(const tdl_forecaster *f, size_t series, size_t *ret_n)
{
    *ret_n = f->fitted[series].residuals_n;
    return f->fitted[series].residual;
}

size_t tdl_forecaster_scores_max(const tdl_forecaster *f, size_t series)
{
    size_t own = f->fitted[series].residuals_n;

    return own > f->shared_n ? own : f->shared_n;
}

size_t tdl_forecaster_scores(const tdl_forecaster *f, size_t series, size_t h, double level,
                             double *ret, bool *ret_own)
{
    const tdl_fitted_series *s = &f->fitted[series];
    size_t n = s->residuals_n;

    *ret_own = ceil((double)(n + 1) * level - 1e-9) <= (double)n;
    if (!*ret_own) {
        if (f->shared_n)
            memcpy(ret, f->shared + h * f->shared_n, f->shared_n * sizeof *ret);
        return f->shared_n;
    }
    for (size_t o = 0; o < n; o++)
        ret[o] = fabs(s->residual[o * f->horizon + h]) / s->scale;
    tdl_sort_numbers(ret, n);
    return n;
}

tdl_status tdl_forecaster_widths(const tdl_forecaster *f, size_t series, double level, double scale,
                                 double *ret, tdl_report *why)
{
    const tdl_fitted_series *s = &f->fitted[series];
    double *work = malloc((s->residuals_n + 1) * sizeof *work);

    if (!work)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu residuals", s->residuals_n);
    for (size_t h = 0; h < f->horizon; h++)
        ret[h] = half_width(f, s, h, level, scale, work);
    free(work);
    return TDL_OK;
}
