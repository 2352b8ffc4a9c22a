#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/backtest.h"
#include "forecast/season.h"
#include "stats/regress.h"

typedef struct run {
    const tdl_forecast_options *options;
    size_t horizon;
    tdl_backtest *ret;
    double *work;              /* [variants][horizon] */
    double *mean, *low, *high; /* [horizon], [levels][horizon] twice */
    size_t *covered, *asked;   /* [series][levels], [series] */
    double width_n[TDL_LEVELS_MAX];
} run;

static tdl_backtest_line *line_of(tdl_backtest *b, const char *name)
{
    for (size_t i = 0; i < b->lines_n; i++)
        if (!strcmp(b->line[i].name, name))
            return &b->line[i];
    if (b->lines_n == TDL_BACKTEST_LINES_MAX)
        return NULL;
    tdl_backtest_line *line = &b->line[b->lines_n++];
    *line = (tdl_backtest_line){0};
    snprintf(line->name, sizeof line->name, "%s", name);
    return line;
}

/* Sums of measures; the means are taken at the end. line: NULL = there is no room for it */
static void add(tdl_backtest_line *line, const double *truth, const double *forecast,
                size_t horizon, double scale, bool chosen)
{
    double square = 0, absolute = 0;

    for (size_t h = 0; h < horizon; h++) {
        double error = forecast[h] - truth[h];

        if (!isfinite(error))
            return;
        square += error * error;
        absolute += fabs(error);
    }
    if (!line)
        return;
    line->smape += tdl_smape(truth, forecast, horizon);
    line->mase += absolute / (double)horizon / scale;
    line->rmse += square / (double)horizon;
    line->mae += absolute / (double)horizon;
    line->forecasts++;
    line->chosen += chosen;
}

static tdl_status add_members(run *r, const tdl_selection *s, const tdl_forecaster *f,
                              const tdl_series *known, const double *truth, double scale,
                              tdl_report *why)
{
    size_t horizon = r->horizon;
    char name[TDL_VARIANT_NAME_MAX];
    tdl_status st = TDL_OK;

    TDL_UNUSED(f);
    for (size_t e = 0; e < s->entrants_n && !st; e++) {
        const tdl_entrant *entrant = &s->entrant[e];

        if (!entrant->member)
            continue; // stands in the blend only
        if (entrant->variant == 0) {
            for (size_t i = 0; i < TDL_VARIANTS_MAX * horizon; i++)
                r->work[i] = NAN;
            st = entrant->member->forecast(&s->task, known->y, known->n, SIZE_MAX, r->work, why);
            if (st)
                break;
        }
        double *own = r->work + entrant->variant * horizon;
        tdl_forecast_clip(known->y, known->n, s->margin, own, horizon);
        tdl_entrant_label(s, e, name);
        add(line_of(r->ret, name), truth, own, horizon, scale, entrant->weight > 0);
    }
    return st;
}

/* The last season again; without a season the last value. */
static void add_baseline(run *r, const tdl_series *known, size_t season, const double *truth,
                         double scale)
{
    for (size_t h = 0; h < r->horizon; h++)
        r->work[h] = known->y[known->n - season + h % season];
    add(&r->ret->baseline, truth, r->work, r->horizon, scale, false);
}

static void add_intervals(run *r, size_t series, const double *truth, double scale)
{
    tdl_backtest *b = r->ret;

    r->asked[series] += r->horizon;
    for (size_t k = 0; k < b->levels_n; k++)
        for (size_t h = 0; h < r->horizon; h++) {
            double low = r->low[k * r->horizon + h], high = r->high[k * r->horizon + h];

            r->covered[series * TDL_LEVELS_MAX + k] += truth[h] >= low && truth[h] <= high;
            if (isfinite(high - low)) {
                b->width[k] += (high - low) / scale;
                r->width_n[k] += 1;
            } else {
                b->infinite++;
            }
        }
}

/* One origin: `held` steps back. */
static tdl_status run_origin(run *r, const tdl_series_set *set, size_t held, tdl_report *why)
{
    tdl_series_set known = *set;
    tdl_forecaster *f = NULL;
    size_t *from = calloc(set->series_n + 1, sizeof *from), season;
    tdl_status st = TDL_OK;

    season = set->periods_n ? set->period[0] : 1;
    known.series_n = 0;
    known.series = calloc(set->series_n + 1, sizeof *known.series);
    if (!from || !known.series) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu series", set->series_n);
        goto out;
    }
    for (size_t i = 0; i < set->series_n; i++)
        if (set->series[i].n >= held + season + 1) {
            from[known.series_n] = i;
            known.series[known.series_n] = set->series[i];
            known.series[known.series_n++].n -= held;
        }
    if (!known.series_n)
        goto out;
    if ((st = tdl_forecaster_fit(&known, r->options, &f, why)))
        goto out;
    for (size_t i = 0; i < known.series_n && !st; i++) {
        const tdl_series *s = &known.series[i];
        const tdl_selection *chosen = tdl_forecaster_chosen(f, i);
        const double *truth = s->y + s->n;
        double scale = tdl_forecast_scale(&chosen->task, s->y, s->n);
        tdl_forecast ask = {.mean = r->mean, .low = r->low, .high = r->high};

        if ((st = tdl_forecaster_predict(f, i, NULL, 0, r->horizon, r->ret->level, r->ret->levels_n,
                                         &ask, why)))
            break;
        add(line_of(r->ret, "forecaster"), truth, r->mean, r->horizon, scale, true);
        add_intervals(r, from[i], truth, scale);
        add_baseline(r, s, season, truth, scale);
        if ((st = tdl_naive2(s->y, s->n, season, r->horizon, r->work, why)))
            break;
        add(line_of(r->ret, "naive2"), truth, r->work, r->horizon, scale, false);
        st = add_members(r, chosen, f, s, truth, scale, why);
    }
out:
    tdl_forecaster_free(f);
    free(known.series);
    free(from);
    return st;
}

static int by_mase(const void *left, const void *right)
{
    const tdl_backtest_line *a = left, *b = right;

    return a->mase < b->mase ? -1 : a->mase > b->mase;
}

static void take_means(tdl_backtest_line *line)
{
    double n = line->forecasts ? (double)line->forecasts : 1;

    line->smape /= n;
    line->mase /= n;
    line->rmse = sqrt(line->rmse / n);
    line->mae /= n;
}

static void finish(run *r, size_t series_n)
{
    tdl_backtest *b = r->ret;
    const tdl_backtest_line *naive;

    for (size_t i = 0; i < b->lines_n; i++)
        take_means(&b->line[i]);
    take_means(&b->baseline);
    naive = line_of(b, "naive2");
    for (size_t i = 0; naive && i < b->lines_n; i++)
        b->line[i].owa = tdl_owa(b->line[i].smape, b->line[i].mase, naive->smape, naive->mase);
    if (naive)
        b->baseline.owa = tdl_owa(b->baseline.smape, b->baseline.mase, naive->smape, naive->mase);
    if (b->lines_n > 1)
        qsort(b->line + 1, b->lines_n - 1, sizeof *b->line, by_mase);
    for (size_t k = 0; k < b->levels_n; k++) {
        size_t covered = 0, asked = 0;

        b->worst[k] = 1;
        for (size_t i = 0; i < series_n; i++) {
            size_t own = r->covered[i * TDL_LEVELS_MAX + k];

            if (!r->asked[i])
                continue;
            covered += own;
            asked += r->asked[i];
            b->worst[k] = fmin(b->worst[k], (double)own / (double)r->asked[i]);
        }
        b->coverage[k] = asked ? (double)covered / (double)asked : NAN;
        b->width[k] = r->width_n[k] > 0 ? b->width[k] / r->width_n[k] : NAN;
    }
    for (size_t i = 0; i < series_n; i++) {
        b->series += r->asked[i] > 0;
        b->too_short += r->asked[i] == 0;
    }
}

tdl_status tdl_backtest_run(const tdl_series_set *set, const tdl_forecast_options *options,
                            size_t origins, const double *level, size_t levels_n, tdl_backtest *ret,
                            tdl_report *why)
{
    size_t horizon = options->horizon, many = origins ? origins : 1;
    run r = {.options = options, .horizon = horizon, .ret = ret};
    tdl_status st = TDL_OK;

    *ret = (tdl_backtest){.levels_n = levels_n, .origins = many};
    if (levels_n > TDL_LEVELS_MAX || horizon < 1 || horizon > TDL_FORECAST_HORIZON_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "a horizon of %zu, %zu levels", horizon, levels_n);
    for (size_t k = 0; k < levels_n; k++)
        ret->level[k] = level[k];
    r.work = malloc(TDL_VARIANTS_MAX * horizon * sizeof *r.work);
    r.mean = malloc(horizon * sizeof *r.mean);
    r.low = malloc(TDL_LEVELS_MAX * horizon * sizeof *r.low);
    r.high = malloc(TDL_LEVELS_MAX * horizon * sizeof *r.high);
    r.covered = calloc(set->series_n * TDL_LEVELS_MAX, sizeof *r.covered);
    r.asked = calloc(set->series_n, sizeof *r.asked);
    if (!r.work || !r.mean || !r.low || !r.high || !r.covered || !r.asked) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a back-test of %zu series",
                      set->series_n);
        goto out;
    }
    line_of(ret, "forecaster");
    snprintf(ret->baseline.name, sizeof ret->baseline.name, "seasonal_naive");
    for (size_t o = many; o > 0 && !st; o--)
        st = run_origin(&r, set, o * horizon, why);
    if (!st && !ret->line[0].forecasts)
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "take a shorter horizon or fewer origins",
                           "no series has a season of history before %zu steps", many * horizon);
    if (!st)
        finish(&r, set->series_n);
out:
    free(r.work);
    free(r.mean);
    free(r.low);
    free(r.high);
    free(r.covered);
    free(r.asked);
    return st;
}

/* ---- told ---- */

bool tdl_backtest_baseline_wins(const tdl_backtest *b)
{
    const tdl_backtest_line *own = &b->line[0];

    if (!b->lines_n || !b->baseline.forecasts)
        return false;
    return isfinite(own->mase) && isfinite(b->baseline.mase) ? b->baseline.mase <= own->mase
                                                             : b->baseline.mae <= own->mae;
}

static void write_line(const tdl_backtest_line *l, tdl_jw *out)
{
    tdl_jw_object(out);
    tdl_jw_ktext(out, "name", l->name);
    tdl_jw_knumber(out, "smape", l->smape);
    tdl_jw_knumber(out, "mase", l->mase);
    tdl_jw_knumber(out, "owa", l->owa);
    tdl_jw_knumber(out, "rmse", l->rmse);
    tdl_jw_knumber(out, "mae", l->mae);
    tdl_jw_kint(out, "forecasts", (int64_t)l->forecasts);
    tdl_jw_kint(out, "chosen", (int64_t)l->chosen);
    tdl_jw_end_object(out);
}

void tdl_backtest_write(const tdl_backtest *b, tdl_jw *out)
{
    tdl_jw_object(out);
    tdl_jw_kint(out, "origins", (int64_t)b->origins);
    tdl_jw_kint(out, "series", (int64_t)b->series);
    tdl_jw_kint(out, "too_short", (int64_t)b->too_short);
    tdl_jw_key(out, "leaderboard");
    tdl_jw_array(out);
    for (size_t i = 0; i < b->lines_n; i++)
        write_line(&b->line[i], out);
    tdl_jw_end_array(out);
    tdl_jw_key(out, "baseline");
    write_line(&b->baseline, out);
    tdl_jw_kbool(out, "baseline_wins", tdl_backtest_baseline_wins(b));
    tdl_jw_key(out, "intervals");
    tdl_jw_array(out);
    for (size_t k = 0; k < b->levels_n; k++) {
        tdl_jw_object(out);
        tdl_jw_knumber(out, "level", b->level[k]);
        tdl_jw_knumber(out, "coverage", b->coverage[k]);
        tdl_jw_knumber(out, "worst_series", b->worst[k]);
        tdl_jw_knumber(out, "width", b->width[k]);
        tdl_jw_end_object(out);
    }
    tdl_jw_end_array(out);
    tdl_jw_end_object(out);
}
