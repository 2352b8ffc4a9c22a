/* From points in time to steps. */
#include <math.h>
#include <stdlib.h>

#include "base/sorted.h"
#include "forecast/calendar.h"
#include "forecast/series_step.h"

static int64_t months_of(double time)
{
    tdl_civil c = tdl_civil_of(time);

    return c.year * 12 + c.month;
}

/* Are all times on one day of the month, or on its last, at one time of day? */
static bool monthly(const tdl_series_point *points, size_t n)
{
    bool same = true, last = true;
    tdl_civil first = tdl_civil_of(points[0].time);

    for (size_t i = 0; i < n && (same || last); i++) {
        tdl_civil c = tdl_civil_of(points[i].time);

        same &= c.day == first.day && c.second == first.second;
        last &= c.day == tdl_days_in_month(c.year, c.month) && c.second == first.second;
    }
    return same || last;
}

/* The middle of steps [n] ascending, or, where gaps are many and it may be several, the smallest
 * that divides it. */
static double usual_step(const double *step, size_t n)
{
    double middle = step[n / 2];

    for (size_t i = 0; i < n / 2; i++)
        if (step[i] < middle && fabs(remainder(middle, step[i])) < 1e-3 * step[i])
            return step[i];
    return middle;
}

/* The greatest common divisor of the months between points that follow each other in a series. */
static int64_t common_months(const tdl_series_point *points, size_t n)
{
    int64_t months = 0;

    for (size_t i = 1; i < n; i++) {
        int64_t a;

        if (points[i].series != points[i - 1].series)
            continue;
        a = months_of(points[i].time) - months_of(points[i - 1].time);
        while (a) {
            int64_t rest = months % a;
            months = a;
            a = rest;
        }
    }
    return months;
}

tdl_status tdl_step_infer(const tdl_series_point *points, size_t n, bool dates, bool timed,
                          tdl_time_step *ret, tdl_report *why)
{
    double *step = malloc((n ? n : 1) * sizeof *step);
    size_t steps = 0;
    int64_t months = 0;

    if (!step)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu steps", n);
    *ret = (tdl_time_step){TDL_STEP_INDEX, 1};
    for (size_t i = 1; i < n; i++)
        if (points[i].series == points[i - 1].series)
            step[steps++] = points[i].time - points[i - 1].time;
    if (steps && timed) {
        tdl_sort_numbers(step, steps);
        ret->n = usual_step(step, steps);
        ret->unit = dates ? TDL_STEP_SECONDS : TDL_STEP_INDEX;
        if (ret->unit == TDL_STEP_SECONDS && ret->n >= 28 * TDL_DAY_SECONDS && monthly(points, n))
            months = common_months(points, n);
        if (months > 0)
            *ret = (tdl_time_step){TDL_STEP_MONTHS, (double)months};
    }
    free(step);
    return TDL_OK;
}

/* Steps from the first time to this one; false when it lies between steps. */
bool tdl_step_place(tdl_time_step step, double start, double time, size_t *ret)
{
    double k = step.unit == TDL_STEP_MONTHS ? (double)(months_of(time) - months_of(start)) / step.n
                                            : (time - start) / step.n;
    double whole = nearbyint(k);

    if (!(whole >= 0 && whole < 1e9) || fabs(k - whole) > .01)
        return false;
    *ret = (size_t)whole;
    return true;
}
