#include "apps/predict/ledger_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    AHEAD_MAX = 4096,       /* steps beyond what is known that a truth may lie */
    NUMBERS_MAX = 16 << 20, /* kept of all forecasts together, */
    ISSUED_MAX = 400,       /* and at most so many of a series */
    ISSUED_LEAST = 8,       /* */
    SEEDS = 199,            /* scores that stand for those of all series; enough for .995 */
    SCORES_LEAST = 40,      /* latest scores kept of a horizon */
    SCORES_MAX = 2000,
};

/* ---- life ---- */

static void release_series(tdl_series_ledger *s)
{
    for (size_t k = 0; k < s->levels_n; k++)
        tdl_adaptive_free(s->adaptive[k]);
    for (size_t i = 0; i < s->issued_n; i++)
        free(s->issued[i].mean);
    free(s->issued);
    free(s->told);
}

void tdl_ledger_free(tdl_ledger *l)
{
    if (!l)
        return;
    for (size_t i = 0; l->series && i < tdl_forecaster_series(l->forecaster); i++)
        release_series(&l->series[i]);
    free(l->series);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

tdl_status tdl_ledger_new(const tdl_forecaster *f, tdl_ledger **ret, tdl_report *why)
{
    size_t n = tdl_forecaster_series(f), numbers = n * tdl_forecaster_horizon(f) * 3;
    tdl_ledger *l = calloc(1, sizeof *l);

    if (!l || !(l->series = calloc(n, sizeof *l->series))) {
        free(l);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu series", n);
    }
    l->forecaster = f;
    l->issued_max = NUMBERS_MAX / numbers;
    l->issued_max = l->issued_max < ISSUED_LEAST ? ISSUED_LEAST
                    : l->issued_max > ISSUED_MAX ? ISSUED_MAX
                                                 : l->issued_max;
    for (size_t i = 0; i < n; i++)
        l->series[i].due = tdl_forecaster_at(f, i)->n;
    pthread_mutex_init(&l->lock, NULL);
    *ret = l;
    return TDL_OK;
}

/* ---- truths ---- */

double tdl_ledger_value(const tdl_ledger *l, size_t series, size_t place)
{
    const tdl_series *fitted = tdl_forecaster_at(l->forecaster, series);
    const tdl_series_ledger *s = &l->series[series];

    if (place < fitted->n)
        return fitted->y[place];
    return place - fitted->n < s->told_n ? s->told[place - fitted->n] : (double)NAN;
}

tdl_status tdl_ledger_place(tdl_ledger *l, size_t series, double time, size_t *ret, tdl_report *why)
{
    const tdl_series *fitted = tdl_forecaster_at(l->forecaster, series);
    size_t most;

    if (!isfinite(time) ||
        !tdl_step_place(tdl_forecaster_step(l->forecaster), fitted->start, time, ret))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "series %s: that time is none of its steps, or before its first",
                        fitted->name);
    pthread_mutex_lock(&l->lock);
    most = fitted->n + l->series[series].told_n + AHEAD_MAX;
    pthread_mutex_unlock(&l->lock);
    if (*ret >= most)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "tell truths in order of time",
                             "series %s: that time is %zu steps after its last value", fitted->name,
                             *ret - most + AHEAD_MAX);
    return TDL_OK;
}

/* Truths of places due .. place move levels: that of `place` by its error, those between, which
 * were skipped, not at all. */
static tdl_status arrive(tdl_ledger *l, tdl_series_ledger *s, size_t place, double value,
                         tdl_report *why)
{
    size_t horizon = tdl_forecaster_horizon(l->forecaster);
    tdl_status st = TDL_OK;

    for (; s->due <= place && !st; s->due++)
        for (size_t i = 0; i < s->issued_n && !st; i++) {
            const tdl_issued *f = &s->issued[i];
            size_t h = s->due - f->origin;

            if (f->origin > s->due || h >= horizon)
                continue;
            double score = s->due == place ? fabs(value - f->mean[h]) / f->scale : (double)NAN;
            for (size_t k = 0; k < f->levels_n && !st; k++)
                st = tdl_adaptive_arrive(s->adaptive[k], h, score, why);
        }
    return st;
}

static tdl_status make_room(tdl_series_ledger *s, size_t n, tdl_report *why)
{
    size_t room = s->told_room ? s->told_room : 64;

    while (room < n)
        room *= 2;
    if (room > s->told_room) {
        double *grown = realloc(s->told, room * sizeof *grown);

        if (!grown)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu truths", room);
        s->told = grown;
        s->told_room = room;
    }
    while (s->told_n < n)
        s->told[s->told_n++] = (double)NAN;
    return TDL_OK;
}

tdl_status tdl_ledger_truth(tdl_ledger *l, size_t series, size_t place, double value,
                            tdl_report *why)
{
    size_t fitted = tdl_forecaster_at(l->forecaster, series)->n;
    tdl_series_ledger *s = &l->series[series];
    tdl_status st;

    if (place < fitted)
        return TDL_OK;
    pthread_mutex_lock(&l->lock);
    if (!(st = make_room(s, place - fitted + 1, why))) {
        s->known += isnan(s->told[place - fitted]) ? 1 : 0;
        s->told[place - fitted] = value;
        st = arrive(l, s, place, value, why);
    }
    pthread_mutex_unlock(&l->lock);
    return st;
}

tdl_status tdl_ledger_history(tdl_ledger *l, size_t series, double **ret, size_t *ret_n,
                              size_t *ret_told, size_t *ret_filled, tdl_report *why)
{
    const tdl_forecast_task *task = &tdl_forecaster_chosen(l->forecaster, series)->task;
    const tdl_series *fitted = tdl_forecaster_at(l->forecaster, series);
    const tdl_series_ledger *s = &l->series[series];
    double *y;
    size_t n;

    pthread_mutex_lock(&l->lock);
    n = fitted->n + s->told_n;
    if ((y = malloc(n * sizeof *y))) {
        memcpy(y, fitted->y, fitted->n * sizeof *y);
        if (s->told_n)
            memcpy(y + fitted->n, s->told, s->told_n * sizeof *y);
    }
    *ret_told = s->known;
    pthread_mutex_unlock(&l->lock);
    if (!y)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu points", n);
    *ret_filled = 0;
    if (tdl_series_fill(y, n, task->periods_n ? task->period[0] : 0, ret_filled, NULL)) {
        // too many are missing: what was told without a gap
        size_t all = n;

        n = fitted->n;
        while (n < all && !isnan(y[n]))
            n++;
        *ret_filled = 0;
    }
    *ret = y;
    *ret_n = n;
    return TDL_OK;
}

/* ---- widths ---- */

static size_t common_divisor(size_t a, size_t b)
{
    while (b) {
        size_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* score[n] ascending becomes taken of them, the middle of each of so many equal parts, in an order
 * that has no trend: the first are those that newer ones will replace first. work [taken] */
static void spread(double *score, size_t n, size_t taken, double *work)
{
    size_t step = (size_t)((double)taken * .618) + 1;

    while (common_divisor(step, taken) > 1)
        step++;
    for (size_t i = 0; i < taken; i++)
        work[i] = score[(2 * (i * step % taken) + 1) * n / (2 * taken)];
    if (taken)
        memcpy(score, work, taken * sizeof *score);
}

/* So many scores are kept, the latest: those it begins with, more where they are few or the level
 * is high. */
static size_t window_of(double level, size_t seeds)
{
    double needed = 2 / (1 - level);
    size_t least = needed < SCORES_LEAST ? SCORES_LEAST
                   : needed < SCORES_MAX ? (size_t)needed
                                         : SCORES_MAX;

    return seeds > least ? seeds : least;
}

/* Scores that the intervals of `level` begin with: those of the series where they are enough, else
 * evenly many of all series. */
static tdl_status seed(const tdl_ledger *l, size_t series, double level, tdl_adaptive **ret,
                       tdl_report *why)
{
    size_t horizon = tdl_forecaster_horizon(l->forecaster);
    size_t most = tdl_forecaster_scores_max(l->forecaster, series);
    double *score = malloc((2 * most + 1) * sizeof *score);
    tdl_adaptive_options options = {.horizons = horizon, .miss = 1 - level};
    tdl_adaptive *made = NULL;
    tdl_status st = TDL_OK;

    if (!score)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", most);
    for (size_t h = 0; h < horizon && !st; h++) {
        bool own;
        size_t n = tdl_forecaster_scores(l->forecaster, series, h, level, score, &own);
        size_t taken = own || n <= SEEDS ? n : SEEDS;

        options.window = window_of(level, taken); // the same for every horizon
        spread(score, n, taken, score + most);
        if (made || !(st = tdl_adaptive_new(&options, &made, why)))
            st = tdl_adaptive_seed(made, h, score, taken, why);
    }
    free(score);
    if (st) {
        tdl_adaptive_free(made);
        return st;
    }
    *ret = made;
    return TDL_OK;
}

/* Which of the series' levels it is; SIZE_MAX: none. */
static size_t find_level(const tdl_series_ledger *s, double level)
{
    for (size_t k = 0; k < s->levels_n; k++)
        if (fabs(s->level[k] - level) < 1e-12)
            return k;
    return SIZE_MAX;
}

/* A level that is asked for is followed from now on, while there is room. */
static tdl_status follow(const tdl_ledger *l, size_t series, double level, tdl_report *why)
{
    tdl_series_ledger *s = &l->series[series];
    tdl_adaptive *made = NULL;
    tdl_status st;

    if (find_level(s, level) != SIZE_MAX || s->levels_n == TDL_LEVELS_MAX)
        return TDL_OK;
    if ((st = seed(l, series, level, &made, why)))
        return st;
    s->level[s->levels_n] = level;
    s->adaptive[s->levels_n++] = made;
    return TDL_OK;
}

/* The oldest forecast goes; those of its truths that never came are waited for no more. */
static void drop_oldest(tdl_ledger *l, tdl_series_ledger *s)
{
    size_t horizon = tdl_forecaster_horizon(l->forecaster);
    tdl_issued *f = &s->issued[0];

    for (size_t h = s->due > f->origin ? s->due - f->origin : 0; h < horizon; h++)
        for (size_t k = 0; k < f->levels_n; k++)
            tdl_adaptive_arrive(s->adaptive[k], h, (double)NAN, NULL);
    free(f->mean);
    memmove(s->issued, s->issued + 1, --s->issued_n * sizeof *s->issued);
}

static tdl_status issue(tdl_ledger *l, tdl_series_ledger *s, const tdl_ledger_forecast *asked,
                        tdl_report *why)
{
    size_t horizon = tdl_forecaster_horizon(l->forecaster);
    tdl_issued f = {.origin = asked->origin,
                    .levels_n = s->levels_n,
                    .scale = asked->scale,
                    .time_us = asked->time_us,
                    .mean = malloc((1 + s->levels_n) * horizon * sizeof *f.mean)};
    tdl_status st = TDL_OK;

    if (s->issued_n == l->issued_max)
        drop_oldest(l, s);
    if (s->issued_n == s->issued_room) {
        size_t room = s->issued_room ? 2 * s->issued_room : 8;
        tdl_issued *grown = realloc(s->issued, room * sizeof *grown);

        if (grown) {
            s->issued = grown;
            s->issued_room = room;
        }
    }
    if (!f.mean || s->issued_n == s->issued_room) {
        free(f.mean);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu steps", horizon);
    }
    memcpy(f.mean, asked->mean, horizon * sizeof *f.mean);
    for (size_t k = 0; k < s->levels_n && !st; k++)
        for (size_t h = 0; h < horizon && !st; h++) {
            double width = HUGE_VAL;

            st = tdl_adaptive_issue(s->adaptive[k], h, &width, why);
            f.mean[(1 + k) * horizon + h] = width * f.scale;
        }
    s->issued[s->issued_n++] = f;
    return st;
}

static const tdl_issued *find_issued(const tdl_series_ledger *s, size_t origin)
{
    for (size_t i = s->issued_n; i-- > 0;)
        if (s->issued[i].origin == origin)
            return &s->issued[i];
    return NULL;
}

/* Does this forecast count: behind all that came, and the first by its origin? */
static bool counts(const tdl_series_ledger *s, const tdl_ledger_forecast *asked)
{
    return asked->origin >= s->due &&
           (!s->issued_n || s->issued[s->issued_n - 1].origin < asked->origin);
}

/* Half widths of one level: those that were issued from this origin, those that would be, or, of a
 * level that is not followed, those of the fit. */
static tdl_status fill_half(const tdl_ledger *l, size_t series, const tdl_ledger_forecast *asked,
                            double level, double *ret, tdl_report *why)
{
    size_t horizon = tdl_forecaster_horizon(l->forecaster);
    const tdl_series_ledger *s = &l->series[series];
    const tdl_issued *f = find_issued(s, asked->origin);
    size_t k = find_level(s, level);

    if (k == SIZE_MAX)
        return tdl_forecaster_widths(l->forecaster, series, level, asked->scale, ret, why);
    for (size_t h = 0; h < horizon; h++)
        ret[h] = f && k < f->levels_n ? f->mean[(1 + k) * horizon + h]
                                      : asked->scale * tdl_adaptive_width(s->adaptive[k], h);
    return TDL_OK;
}

tdl_status tdl_ledger_widths(tdl_ledger *l, size_t series, const tdl_ledger_forecast *asked,
                             bool keep, const double *level, size_t levels_n, double *ret_half,
                             tdl_report *why)
{
    size_t horizon = tdl_forecaster_horizon(l->forecaster);
    tdl_series_ledger *s = &l->series[series];
    tdl_status st = TDL_OK;

    pthread_mutex_lock(&l->lock);
    if (keep && counts(s, asked)) { // levels begin only here: what is not kept leaves no trace
        for (size_t k = 0; k < levels_n && !st; k++)
            st = follow(l, series, level[k], why);
        if (!st)
            st = issue(l, s, asked, why);
    }
    for (size_t k = 0; k < levels_n && !st; k++)
        st = fill_half(l, series, asked, level[k], ret_half + k * horizon, why);
    pthread_mutex_unlock(&l->lock);
    return st;
}
