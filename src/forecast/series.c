/* Steps, gaps and seasons of series; series_frame.c takes them out of tables. */
#include <math.h>
#include <stdlib.h>

#include "forecast/calendar.h"
#include "forecast/season.h"
#include "forecast/series.h"

void tdl_series_set_release(tdl_series_set *set)
{
    for (size_t i = 0; i < set->series_n; i++) {
        free(set->series[i].name);
        free(set->series[i].y);
    }
    free(set->series);
    *set = (tdl_series_set){0};
}

/* ---- steps ---- */

double tdl_step_time(tdl_time_step step, double start, size_t k)
{
    if (step.unit != TDL_STEP_MONTHS)
        return start + step.n * (double)k;
    tdl_civil c = tdl_civil_of(start);
    bool last = c.day == tdl_days_in_month(c.year, c.month);
    int64_t months = c.year * 12 + c.month - 1 + (int64_t)(step.n * (double)k);
    int64_t year = (months >= 0 ? months : months - 11) / 12;
    int month = (int)(months - year * 12) + 1, days = tdl_days_in_month(year, month);

    return (double)tdl_days_of(year, month, last || c.day > days ? days : c.day) * TDL_DAY_SECONDS +
           c.second;
}

void tdl_step_print(tdl_time_step step, tdl_buf *out)
{
    static const struct {
        double seconds;
        const char *name;
    } units[] = {{604800, "week"}, {86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    const char *name = step.unit == TDL_STEP_MONTHS ? "month" : "step";
    double n = step.n;

    if (step.unit == TDL_STEP_MONTHS && fmod(n, 12) == 0) {
        n /= 12;
        name = "year";
    }
    if (step.unit == TDL_STEP_SECONDS) {
        name = "second";
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
            if (step.n >= units[i].seconds && fmod(step.n, units[i].seconds) == 0) {
                n = step.n / units[i].seconds;
                name = units[i].name;
                break;
            }
    }
    tdl_buf_printf(out, "%g %s%s", n, name, n == 1 ? "" : "s");
}

/* ---- gaps ---- */

/* NaN become the line between their neighbours, which exist at both ends of y. `there` [n]. */
static void interpolate(double *y, size_t n, bool *there)
{
    size_t before = 0;

    for (size_t t = 0; t < n; t++)
        there[t] = isfinite(y[t]);
    while (before < n && !there[before])
        before++;
    for (size_t t = 0; t < before && before < n; t++)
        y[t] = y[before];
    for (size_t t = before; t < n; t++) {
        if (there[t]) {
            for (size_t k = before + 1; k < t; k++)
                y[k] = y[before] + (y[t] - y[before]) * (double)(k - before) / (double)(t - before);
            before = t;
        } else if (t + 1 == n) {
            for (size_t k = before + 1; k < n; k++)
                y[k] = y[before];
        }
    }
}

tdl_status tdl_series_fill(double *y, size_t n, size_t period, size_t *ret_filled, tdl_report *why)
{
    size_t missing = 0, m = period ? period : 1;
    double *sum = NULL;
    size_t *count = NULL;
    bool *there = NULL;
    tdl_status st = TDL_OK;

    *ret_filled = 0;
    for (size_t t = 0; t < n; t++)
        missing += isfinite(y[t]) ? 0 : 1;
    if (!missing)
        return TDL_OK;
    if ((double)missing > TDL_GAPS_MAX * (double)n)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "take a coarser step, or drop the series",
                             "%zu of %zu steps are missing: more than %.0f %%", missing, n,
                             100 * TDL_GAPS_MAX);
    sum = calloc(m, sizeof *sum);
    count = calloc(m, sizeof *count);
    there = malloc(n * sizeof *there);
    if (!sum || !count || !there) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu steps", n);
        goto out;
    }
    for (size_t t = 0; t < n; t++)
        if (isfinite(y[t])) {
            sum[t % m] += y[t];
            count[t % m]++;
        }
    interpolate(y, n, there); // what stays where no season has a value
    for (size_t t = 0; t < n && m > 1; t++)
        if (!there[t] && count[t % m])
            y[t] = sum[t % m] / (double)count[t % m];
    *ret_filled = missing;
out:
    free(sum);
    free(count);
    free(there);
    return st;
}

/* ---- seasons ---- */

size_t tdl_period_find(const tdl_series *series, size_t series_n)
{
    static const size_t periods[] = {7, 12, 24, 52, 168, 365};
    double best = .2;
    size_t found = 0;

    for (size_t p = 0; p < sizeof periods / sizeof periods[0]; p++) {
        double sum = 0;
        size_t n = 0;

        for (size_t i = 0; i < series_n; i++)
            if (series[i].n >= 2 * periods[p] + 1) {
                // of differences: a trend is alike at every lag
                double own = 0, both = 0;
                const double *y = series[i].y;

                for (size_t t = 1; t < series[i].n; t++) {
                    own += (y[t] - y[t - 1]) * (y[t] - y[t - 1]);
                    if (t > periods[p])
                        both += (y[t] - y[t - 1]) * (y[t - periods[p]] - y[t - periods[p] - 1]);
                }
                sum += own > 0 ? both / own * (double)(series[i].n - 1) /
                                     (double)(series[i].n - 1 - periods[p])
                               : 0;
                n++;
            }
        if (!n)
            continue;
        bool multiple = found && periods[p] % found == 0;
        if (sum / (double)n > best + (multiple ? .25 : 0)) {
            best = sum / (double)n;
            found = periods[p];
        }
    }
    return found;
}

size_t tdl_periods_of(size_t season, size_t ret[TDL_PERIODS_MAX])
{
    size_t n = 0;

    if (season < 2)
        return 0;
    if (season == 168)
        ret[n++] = 24;
    ret[n++] = season;
    if (season == 24)
        ret[n++] = 168;
    if (season == 7)
        ret[n++] = 364; // whole weeks: the same weekday
    return n;
}
