#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "forecast/select.h"
#include "stats/regress.h"

/* ---- who takes part ---- */

/* The next name of a comma-separated list; false at its end. */
static bool next_name(tdl_str *list, tdl_str *ret)
{
    size_t n = 0;

    if (!list->len)
        return false;
    while (n < list->len && list->at[n] != ',')
        n++;
    *ret = tdl_str_trim((tdl_str){list->at, n});
    n += n < list->len;
    list->at += n;
    list->len -= n;
    return true;
}

static tdl_status check_names(tdl_str list, tdl_report *why)
{
    tdl_str name;

    while (next_name(&list, &name))
        if (!tdl_member_find(name))
            return TDL_FAIL_HINT(why, TDL_E_INVALID,
                                 "there are mean, drift, seasonal_naive, theta, ets and ridge",
                                 "there is no member \"%.*s\"", TDL_FMT(name));
    return TDL_OK;
}

static bool listed(tdl_str list, const char *member)
{
    tdl_str name;

    if (!list.len)
        return true;
    while (next_name(&list, &name))
        if (tdl_str_is(name, member))
            return true;
    return false;
}

static void enter(tdl_selection *s, const tdl_select_options *o)
{
    tdl_str members = o->members;

    for (size_t m = 0; m < tdl_members_n; m++) {
        const tdl_member_ops *member = tdl_members[m];
        size_t variants = listed(members, member->name) ? member->variants(&s->task) : 0;

        if (s->entrants_n + variants > TDL_ENTRANTS_MAX)
            break;
        for (size_t v = 0; v < variants; v++)
            s->entrant[s->entrants_n++] =
                (tdl_entrant){.member = member, .variant = v, .score = NAN};
    }
    for (size_t p = 0; p < o->pooled_n && p < TDL_POOLED_MAX; p++) {
        snprintf(s->pooled_name[p], sizeof s->pooled_name[p], "%s", o->pooled[p].name);
        if (s->task.shortest >= o->pooled[p].shortest && s->entrants_n < TDL_ENTRANTS_MAX)
            s->entrant[s->entrants_n++] = (tdl_entrant){.variant = p, .score = NAN};
    }
}

void tdl_entrant_label(const tdl_selection *selection, size_t entrant,
                       char ret[TDL_VARIANT_NAME_MAX])
{
    const tdl_entrant *e = &selection->entrant[entrant];

    if (e->member)
        e->member->label(&selection->task, e->variant, ret);
    else
        snprintf(ret, TDL_VARIANT_NAME_MAX, "%s", selection->pooled_name[e->variant]);
}

void tdl_forecast_clip(const double *y, size_t n, double margin, double *forecast, size_t horizon)
{
    double low = y[0], high = y[0];

    for (size_t t = 1; t < n; t++) {
        low = y[t] < low ? y[t] : low;
        high = y[t] > high ? y[t] : high;
    }
    double room = margin * (high - low), least = low - room, most = high + room;

    if (low >= 0 && least < 0)
        least = 0;
    for (size_t h = 0; h < horizon; h++)
        forecast[h] = !(forecast[h] >= least) ? least : forecast[h] > most ? most : forecast[h];
}

/* ---- scores ---- */

double tdl_forecast_scale(const tdl_forecast_task *task, const double *y, size_t n)
{
    double scale = task->periods_n ? tdl_seasonal_error(y, n, task->period[0]) : NAN;

    if (!(scale > 0))
        scale = tdl_seasonal_error(y, n, 1);
    return scale > 0 ? scale : 1;
}

/* Forecasts of all entrants from y[n], ret [entrants_n][horizon]. */
static tdl_status forecast_all(const tdl_selection *s, const tdl_pooled *pooled, const double *y,
                               size_t n, double *ret, tdl_report *why)
{
    size_t horizon = s->task.horizon;
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < s->entrants_n * horizon; i++)
        ret[i] = NAN;
    for (size_t e = 0; e < s->entrants_n && !st; e++)
        if (!s->entrant[e].member) {
            const tdl_pooled *p = &pooled[s->entrant[e].variant];

            assert(pooled); // only `enter` lets them in, from those given
            st = p->forecast(p->model, y, n, horizon, ret + e * horizon, why);
        } else if (s->entrant[e].variant == 0)
            st = s->entrant[e].member->forecast(&s->task, y, n, SIZE_MAX, ret + e * horizon, why);
    return st;
}

static void add_errors(tdl_selection *s, const double *y, size_t n, double *forecast,
                       double *ret_sum)
{
    size_t horizon = s->task.horizon;

    for (size_t e = 0; e < s->entrants_n; e++) {
        double *f = forecast + e * horizon;
        double sum = 0;

        for (size_t h = 0; h < horizon; h++)
            if (!isfinite(f[h]))
                sum = NAN;
        tdl_forecast_clip(y, n, s->margin, f, horizon);
        for (size_t h = 0; h < horizon; h++)
            sum += fabs(f[h] - y[n + h]);
        ret_sum[e] += sum;
    }
}

static tdl_status score(tdl_selection *s, const tdl_pooled *pooled, const double *y, size_t n,
                        tdl_report *why)
{
    size_t horizon = s->task.horizon;
    double *forecast = calloc(s->entrants_n * horizon, sizeof *forecast);
    double sum[TDL_ENTRANTS_MAX] = {0};
    double scale = tdl_forecast_scale(&s->task, y, n);
    tdl_status st = TDL_OK;

    if (!forecast)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu forecasts", s->entrants_n);
    for (size_t o = 1; o <= s->origins_n && !st; o++)
        if (!(st = forecast_all(s, pooled, y, n - o * horizon, forecast, why)))
            add_errors(s, y, n - o * horizon, forecast, sum);
    for (size_t e = 0; e < s->entrants_n && !st; e++)
        s->entrant[e].score = sum[e] / ((double)(s->origins_n * horizon) * scale);
    free(forecast);
    return st;
}

/* ---- weights ---- */

/* Place of each entrant: ret[0] is the best. Ties: the earlier, which is the simpler. */
static size_t rank(const tdl_selection *s, size_t ret[TDL_ENTRANTS_MAX])
{
    size_t n = 0;

    for (size_t e = 0; e < s->entrants_n; e++) {
        size_t at = n;

        if (!isfinite(s->entrant[e].score))
            continue;
        while (at > 0 && s->entrant[ret[at - 1]].score > s->entrant[e].score) {
            ret[at] = ret[at - 1];
            at--;
        }
        ret[at] = e;
        n++;
    }
    return n;
}

static void weigh(tdl_selection *s, const tdl_select_options *o)
{
    size_t place[TDL_ENTRANTS_MAX], ranked = rank(s, place);
    size_t most = o->blend == TDL_BLEND_BEST ? 1 : o->blend_n ? o->blend_n : 2;
    double total = 0;

    most = most < ranked ? most : ranked;
    for (size_t i = 0; i < most; i++) {
        tdl_entrant *e = &s->entrant[place[i]];
        double best = s->entrant[place[0]].score;

        e->weight = o->blend != TDL_BLEND_INVERSE ? 1
                    : e->score > 0 && best > 0    ? (best / e->score) * (best / e->score)
                                                  : e->score <= best;
        total += e->weight;
    }
    for (size_t i = 0; i < most; i++)
        s->entrant[place[i]].weight /= total;
}

/* Nothing to learn from: the seasonal naive, where the history holds the season, else the last. */
static void take_floor(tdl_selection *s)
{
    s->entrants_n = 1;
    s->entrant[0] = (tdl_entrant){
        .member = &tdl_member_seasonal_naive, .variant = 0, .score = NAN, .weight = 1};
}

static size_t origins_for(const tdl_forecast_task *task)
{
    size_t longest = 0, n;

    for (size_t i = 0; i < task->periods_n; i++)
        longest = task->period[i] > longest ? task->period[i] : longest;
    n = task->horizon ? (2 * longest + task->horizon - 1) / task->horizon : 0;
    return n < 3 ? 3 : n > 8 ? 8 : n;
}

static size_t origins_in(const tdl_forecast_task *task, const tdl_select_options *o, size_t n)
{
    size_t season = task->periods_n ? task->period[0] : 1, origins = 0;
    size_t wanted = o->origins ? o->origins : origins_for(task);

    while (origins < wanted && task->horizon <= n / (origins + 1) &&
           n - (origins + 1) * task->horizon >= 2 * season)
        origins++;
    return origins;
}

size_t tdl_select_shortest(const tdl_forecast_task *task, const tdl_select_options *options,
                           size_t n)
{
    const tdl_select_options plain = {0};

    return n - origins_in(task, options ? options : &plain, n) * task->horizon;
}

tdl_status tdl_forecast_select(const tdl_forecast_task *task, const double *y, size_t n,
                               const tdl_select_options *options, tdl_selection *ret,
                               tdl_report *why)
{
    const tdl_select_options plain = {0}, *o = options ? options : &plain;
    tdl_status st = check_names(o->members, why);

    if (st)
        return st;
    if (!n || !task->horizon)
        return TDL_FAIL(why, TDL_E_INVALID, "a forecast of %zu steps from %zu points",
                        task->horizon, n);
    *ret = (tdl_selection){.task = *task, .margin = o->margin > 0 ? o->margin : .25};
    ret->origins_n = origins_in(task, o, n);
    ret->task.shortest = n - ret->origins_n * task->horizon;
    if (ret->origins_n)
        enter(ret, o);
    if (ret->entrants_n && (st = score(ret, o->pooled, y, n, why)))
        return st;
    weigh(ret, o);
    for (size_t e = 0; e < ret->entrants_n; e++)
        if (ret->entrant[e].weight > 0)
            return TDL_OK;
    take_floor(ret);
    return TDL_OK;
}

static tdl_status forecast_floor(const tdl_selection *s, const double *y, size_t n, double *ret,
                                 tdl_report *why)
{
    tdl_forecast_task task = s->task;

    task.shortest = n;
    return tdl_member_seasonal_naive.forecast(&task, y, n, 0, ret, why);
}

tdl_status tdl_forecast_by(const tdl_selection *s, const tdl_pooled *pooled, const double *y,
                           size_t n, double *ret, tdl_report *why)
{
    size_t horizon = s->task.horizon;
    double *all;
    tdl_status st = TDL_OK;

    if (!n)
        return TDL_FAIL(why, TDL_E_INVALID, "a forecast from no points");
    if (!(all = malloc(TDL_VARIANTS_MAX * horizon * sizeof *all)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a forecast of %zu steps", horizon);
    if (n < s->task.shortest) {
        if (!(st = forecast_floor(s, y, n, all, why)))
            memcpy(ret, all, horizon * sizeof *ret);
        goto out;
    }
    for (size_t h = 0; h < horizon; h++)
        ret[h] = 0;
    for (size_t e = 0; e < s->entrants_n && !st; e++) {
        const tdl_entrant *entrant = &s->entrant[e];
        double *own = entrant->member ? all + entrant->variant * horizon : all;

        if (!(entrant->weight > 0))
            continue;
        if (entrant->member)
            st = entrant->member->forecast(&s->task, y, n, entrant->variant, all, why);
        else
            st = pooled[entrant->variant].forecast(pooled[entrant->variant].model, y, n, horizon,
                                                   own, why);
        if (st)
            break;
        tdl_forecast_clip(y, n, s->margin, own, horizon);
        for (size_t h = 0; h < horizon; h++)
            ret[h] += entrant->weight * own[h];
    }
out:
    free(all);
    return st;
}
