#include "forecast/regressors.h"

#include <math.h>
#include <stdlib.h>

/* Wide: covariates, weekday [7], hour [24], year [16], trend, trend by weekday [7], holidays.
 * Short: covariates, weekday, hour, day of year, month, year, holiday, days from the nearest. */
enum { PAIRS = 8, HOLIDAY_NEAR = 4 };
static const double year_days = 365.25;

void tdl_regressors_release(tdl_regressors *r)
{
    for (size_t i = 0; i < r->covariates_n; i++)
        free(r->covariate[i]);
    free(r->covariate);
    free(r->time);
    *r = (tdl_regressors){0};
}

size_t tdl_regressors_wide(const tdl_regressors *r)
{
    return r->covariates_n + 7 + (r->hours ? 24 : 0) + 2 * PAIRS + 1 + 7 +
           (r->holidays ? (size_t)tdl_holidays_count(r->holidays) + 2 : 0);
}

size_t tdl_regressors_short(const tdl_regressors *r)
{
    return r->covariates_n + 4 + (r->hours ? 1 : 0) + (r->holidays ? 2 : 0);
}

static int64_t day_of(double seconds)
{
    return (int64_t)floor(seconds / TDL_DAY_SECONDS);
}

/* Days to the nearest holiday, negative when it is past, within HOLIDAY_NEAR. */
static int nearest(const tdl_holidays *table, int64_t day)
{
    for (int d = 0; d < HOLIDAY_NEAR; d++) {
        if (tdl_holiday_on(table, day + d))
            return d;
        if (tdl_holiday_on(table, day - d))
            return -d;
    }
    return HOLIDAY_NEAR;
}

/* Appends n zeros, and a one at `at` when it is among them. */
static double *one_hot(double *out, size_t n, size_t at)
{
    for (size_t i = 0; i < n; i++)
        *out++ = i == at;
    return out;
}

static void fill_wide(const tdl_regressors *r, double time, double *out)
{
    const double two_pi = 6.283185307179586;
    tdl_civil c = tdl_civil_of(time);
    double trend = (time - r->first) / (year_days * TDL_DAY_SECONDS);
    double angle = two_pi * (c.day_of_year - 1 + c.second / (double)TDL_DAY_SECONDS) / year_days;

    out = one_hot(out, 7, (size_t)c.weekday);
    if (r->hours)
        out = one_hot(out, 24, (size_t)(c.second / 3600));
    for (int k = 1; k <= PAIRS; k++) {
        *out++ = sin(k * angle);
        *out++ = cos(k * angle);
    }
    *out++ = trend;
    for (int d = 0; d < 7; d++)
        *out++ = d == c.weekday ? trend : 0;
    if (r->holidays) {
        int64_t day = day_of(time);
        int holiday = tdl_holiday_on(r->holidays, day);

        out = one_hot(out, (size_t)tdl_holidays_count(r->holidays), (size_t)holiday - 1);
        *out++ = !holiday && tdl_holiday_on(r->holidays, day + 1); // the eves and what follows
        *out++ = !holiday && tdl_holiday_on(r->holidays, day - 1);
    }
}

static void fill_short(const tdl_regressors *r, double time, float *out)
{
    tdl_civil c = tdl_civil_of(time);
    int hour = c.second / 3600; // whole: the hour of the clock

    *out++ = (float)c.weekday;
    *out++ = (float)c.day_of_year;
    *out++ = (float)c.month;
    *out++ = (float)c.year;
    if (r->hours)
        *out++ = (float)hour;
    if (r->holidays) {
        *out++ = (float)tdl_holiday_on(r->holidays, day_of(time));
        *out++ = (float)nearest(r->holidays, day_of(time));
    }
}

tdl_status tdl_regressors_fill(const tdl_regressors *r, const tdl_frame *frame, const uint32_t *row,
                               size_t rows_n, double *ret_wide, float *ret_short, tdl_report *why)
{
    size_t wide = tdl_regressors_wide(r), narrow = tdl_regressors_short(r), at;
    const double *time;

    if (!tdl_frame_find(frame, tdl_str_of(r->time), &at) || !frame->column[at].number)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no column \"%s\" of times", r->time);
    time = frame->column[at].number;
    for (size_t i = 0; i < rows_n; i++) {
        if (!isfinite(time[row[i]]))
            return TDL_FAIL(why, TDL_E_INVALID, "row %u has no time in column %s", row[i] + 1,
                            r->time);
        fill_wide(r, time[row[i]], ret_wide + i * wide + r->covariates_n);
        fill_short(r, time[row[i]], ret_short + i * narrow + r->covariates_n);
    }
    for (size_t k = 0; k < r->covariates_n; k++) {
        const double *value = NULL;

        if (tdl_frame_find(frame, tdl_str_of(r->covariate[k]), &at))
            value = frame->column[at].number;
        for (size_t i = 0; i < rows_n; i++) {
            double cell = value && isfinite(value[row[i]]) ? value[row[i]] : (double)NAN;

            ret_wide[i * wide + k] = cell;
            ret_short[i * narrow + k] = (float)cell;
        }
    }
    return TDL_OK;
}
