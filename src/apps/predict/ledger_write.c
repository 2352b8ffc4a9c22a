/* A ledger told: how right forecasts were, and what they were. */
#include <assert.h>
#include <math.h>

#include "apps/predict/ledger_parts.h"
#include "base/timestamp.h"

enum { KNOWN_SHOWN = 400, FORECASTS_SHOWN = 12, WORST_SHOWN = 10 };

/* ---- how right ---- */

/* Sums over steps whose truth is known. */
typedef struct score {
    size_t n, compared;          /* steps; those that the baseline has too */
    double absolute, square;     /* */
    double scaled, naive_scaled; /* over the history's scale; of those compared */
    double own_compared;         /* scaled, of those compared */
    size_t asked[TDL_LEVELS_MAX], covered[TDL_LEVELS_MAX];
    double level[TDL_LEVELS_MAX], width[TDL_LEVELS_MAX], working[TDL_LEVELS_MAX];
    size_t finite[TDL_LEVELS_MAX], working_n[TDL_LEVELS_MAX], levels_n;
} score;

/* The same place a season before, as it was known at the origin; NaN: it was not. */
static double naive_of(const tdl_ledger *l, size_t series, size_t origin, size_t h)
{
    const tdl_forecast_task *task = &tdl_forecaster_chosen(l->forecaster, series)->task;
    size_t period = task->periods_n ? task->period[0] : 1;

    assert(period); // of a forecaster that was checked
    return origin >= period ? tdl_ledger_value(l, series, origin - period + h % period)
                            : (double)NAN;
}

static size_t level_at(score *s, double level)
{
    size_t k = 0;

    while (k < s->levels_n && s->level[k] != level)
        k++;
    if (k == s->levels_n && k < TDL_LEVELS_MAX)
        s->level[s->levels_n++] = level;
    return k;
}

static void add_interval(const tdl_series_ledger *s, const tdl_issued *f, size_t k, double error,
                         double half, score *ret)
{
    size_t at = level_at(ret, s->level[k]);

    if (at == TDL_LEVELS_MAX)
        return;
    ret->asked[at]++;
    ret->covered[at] += fabs(error) <= half;
    if (isfinite(half)) {
        ret->width[at] += 2 * half / f->scale;
        ret->finite[at]++;
    }
}

static void add_forecast(const tdl_ledger *l, size_t series, const tdl_issued *f, score *ret)
{
    size_t horizon = tdl_forecaster_horizon(l->forecaster);
    const tdl_series_ledger *s = &l->series[series];

    for (size_t h = 0; h < horizon; h++) {
        double truth = tdl_ledger_value(l, series, f->origin + h);
        double error = truth - f->mean[h], naive = naive_of(l, series, f->origin, h) - truth;

        if (isnan(error))
            continue;
        ret->n++;
        ret->absolute += fabs(error);
        ret->square += error * error;
        ret->scaled += fabs(error) / f->scale;
        if (!isnan(naive)) {
            ret->compared++;
            ret->own_compared += fabs(error) / f->scale;
            ret->naive_scaled += fabs(naive) / f->scale;
        }
        for (size_t k = 0; k < f->levels_n; k++)
            add_interval(s, f, k, error, f->mean[(1 + k) * horizon + h], ret);
    }
}

static void add_levels(const tdl_ledger *l, const tdl_series_ledger *s, score *ret)
{
    size_t horizon = tdl_forecaster_horizon(l->forecaster);

    for (size_t k = 0; k < s->levels_n; k++) {
        size_t at = level_at(ret, s->level[k]);

        for (size_t h = 0; h < horizon && at < TDL_LEVELS_MAX; h++) {
            ret->working[at] += 1 - tdl_adaptive_level(s->adaptive[k], h);
            ret->working_n[at]++;
        }
    }
}

static double mean_of(double sum, size_t n)
{
    return n ? sum / (double)n : (double)NAN;
}

static void write_figures(const score *s, tdl_jw *out)
{
    tdl_jw_key(out, "quality");
    if (s->n) {
        tdl_jw_object(out);
        tdl_jw_knumber(out, "mae", mean_of(s->absolute, s->n));
        tdl_jw_knumber(out, "rmse", sqrt(mean_of(s->square, s->n)));
        tdl_jw_knumber(out, "mase", mean_of(s->scaled, s->n));
        tdl_jw_knumber(out, "baseline_mase", mean_of(s->naive_scaled, s->compared));
        tdl_jw_kbool(out, "baseline_wins", s->compared && s->naive_scaled <= s->own_compared);
        tdl_jw_end_object(out);
    } else {
        tdl_jw_null(out);
    }
    tdl_jw_key(out, "intervals");
    tdl_jw_array(out);
    for (size_t k = 0; k < s->levels_n; k++) {
        tdl_jw_object(out);
        tdl_jw_knumber(out, "level", s->level[k]);
        tdl_jw_kint(out, "measured", (int64_t)s->asked[k]);
        tdl_jw_knumber(out, "coverage", mean_of((double)s->covered[k], s->asked[k]));
        tdl_jw_knumber(out, "width", mean_of(s->width[k], s->finite[k]));
        tdl_jw_knumber(out, "working_level", mean_of(s->working[k], s->working_n[k]));
        tdl_jw_end_object(out);
    }
    tdl_jw_end_array(out);
}

/* The series that are forecast worst, by scaled error: of one, how it stands among them. */
typedef struct worst {
    size_t series[WORST_SHOWN], n;
    double mase[WORST_SHOWN];
    size_t scored[WORST_SHOWN];
} worst;

static void rank(worst *w, size_t series, const score *s)
{
    double mase = mean_of(s->scaled, s->n);
    size_t at = w->n < WORST_SHOWN ? w->n++ : WORST_SHOWN;

    for (; at > 0 && w->mase[at - 1] < mase; at--)
        if (at < WORST_SHOWN) {
            w->series[at] = w->series[at - 1];
            w->mase[at] = w->mase[at - 1];
            w->scored[at] = w->scored[at - 1];
        }
    if (at < WORST_SHOWN) {
        w->series[at] = series;
        w->mase[at] = mase;
        w->scored[at] = s->n;
    }
}

static void write_worst(const tdl_ledger *l, const worst *w, tdl_jw *out)
{
    tdl_jw_key(out, "worst");
    tdl_jw_array(out);
    for (size_t i = 0; i < w->n; i++) {
        tdl_jw_object(out);
        tdl_jw_ktext(out, "series", tdl_forecaster_at(l->forecaster, w->series[i])->name);
        tdl_jw_knumber(out, "mase", w->mase[i]);
        tdl_jw_kint(out, "scored", (int64_t)w->scored[i]);
        tdl_jw_end_object(out);
    }
    tdl_jw_end_array(out);
}

static void add_score(score *all, const score *one)
{
    all->n += one->n;
    all->compared += one->compared;
    all->absolute += one->absolute;
    all->square += one->square;
    all->scaled += one->scaled;
    all->naive_scaled += one->naive_scaled;
    all->own_compared += one->own_compared;
    for (size_t i = 0; i < one->levels_n; i++) {
        size_t k = level_at(all, one->level[i]);

        if (k == TDL_LEVELS_MAX)
            continue;
        all->asked[k] += one->asked[i];
        all->covered[k] += one->covered[i];
        all->width[k] += one->width[i];
        all->finite[k] += one->finite[i];
        all->working[k] += one->working[i];
        all->working_n[k] += one->working_n[i];
    }
}

void tdl_ledger_write_quality(tdl_ledger *l, tdl_jw *out)
{
    size_t forecasts = 0, truths = 0;
    score all = {0};
    worst w = {0};

    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < tdl_forecaster_series(l->forecaster); i++) {
        const tdl_series_ledger *s = &l->series[i];
        score one = {0};

        forecasts += s->issued_n;
        truths += s->known;
        for (size_t k = 0; k < s->issued_n; k++)
            add_forecast(l, i, &s->issued[k], &one);
        add_levels(l, s, &one);
        if (one.n)
            rank(&w, i, &one);
        add_score(&all, &one);
    }
    tdl_jw_kint(out, "forecasts", (int64_t)forecasts);
    tdl_jw_kint(out, "truths", (int64_t)truths);
    tdl_jw_kint(out, "scored", (int64_t)all.n);
    write_figures(&all, out);
    write_worst(l, &w, out);
    pthread_mutex_unlock(&l->lock);
}

/* ---- one series ---- */

void tdl_ledger_write_time(const tdl_forecaster *f, double time, tdl_jw *out)
{
    if (tdl_forecaster_step(f).unit == TDL_STEP_INDEX)
        tdl_jw_number(out, time);
    else
        tdl_jw_time(out, (int64_t)nearbyint(time * 1e6));
}

static void write_place(const tdl_ledger *l, size_t series, size_t place, tdl_jw *out)
{
    const tdl_series *fitted = tdl_forecaster_at(l->forecaster, series);

    tdl_ledger_write_time(l->forecaster,
                          tdl_step_time(tdl_forecaster_step(l->forecaster), fitted->start, place),
                          out);
}

static void write_bounds(const tdl_ledger *l, const tdl_issued *f, size_t level, double sign,
                         tdl_jw *out)
{
    size_t horizon = tdl_forecaster_horizon(l->forecaster);

    tdl_jw_array(out);
    for (size_t h = 0; h < horizon; h++)
        tdl_jw_number(out, f->mean[h] + sign * f->mean[(1 + level) * horizon + h]);
    tdl_jw_end_array(out);
}

static void write_issued(const tdl_ledger *l, size_t series, const tdl_issued *f, tdl_jw *out)
{
    size_t horizon = tdl_forecaster_horizon(l->forecaster);
    const tdl_series_ledger *s = &l->series[series];

    tdl_jw_object(out);
    tdl_jw_ktime(out, "made", f->time_us);
    tdl_jw_key(out, "times");
    tdl_jw_array(out);
    for (size_t h = 0; h < horizon; h++)
        write_place(l, series, f->origin + h, out);
    tdl_jw_end_array(out);
    tdl_jw_key(out, "forecast");
    tdl_jw_array(out);
    for (size_t h = 0; h < horizon; h++)
        tdl_jw_number(out, f->mean[h]);
    tdl_jw_end_array(out);
    tdl_jw_key(out, "intervals");
    tdl_jw_array(out);
    for (size_t k = 0; k < f->levels_n; k++) {
        tdl_jw_object(out);
        tdl_jw_knumber(out, "level", s->level[k]);
        tdl_jw_key(out, "low");
        write_bounds(l, f, k, -1, out);
        tdl_jw_key(out, "high");
        write_bounds(l, f, k, 1, out);
        tdl_jw_end_object(out);
    }
    tdl_jw_end_array(out);
    tdl_jw_end_object(out);
}

void tdl_ledger_write_series(tdl_ledger *l, size_t series, tdl_jw *out)
{
    const tdl_series_ledger *s = &l->series[series];
    size_t fitted = tdl_forecaster_at(l->forecaster, series)->n, n, first;

    pthread_mutex_lock(&l->lock);
    n = fitted + s->told_n;
    tdl_jw_key(out, "known");
    tdl_jw_array(out);
    for (size_t i = n > KNOWN_SHOWN ? n - KNOWN_SHOWN : 0; i < n; i++) {
        tdl_jw_object(out);
        tdl_jw_key(out, "time");
        write_place(l, series, i, out);
        tdl_jw_knumber(out, "value", tdl_ledger_value(l, series, i));
        tdl_jw_kbool(out, "told", i >= fitted);
        tdl_jw_end_object(out);
    }
    tdl_jw_end_array(out);
    first = s->issued_n > FORECASTS_SHOWN ? s->issued_n - FORECASTS_SHOWN : 0;
    tdl_jw_key(out, "forecasts");
    tdl_jw_array(out);
    for (size_t i = first; i < s->issued_n; i++)
        write_issued(l, series, &s->issued[i], out);
    tdl_jw_end_array(out);
    pthread_mutex_unlock(&l->lock);
}
