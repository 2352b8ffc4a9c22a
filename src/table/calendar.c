#include "table/calendar.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum { DAY_S = 86400 };
static const double FARTHEST_S = 3e14;

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t floor_div(int64_t a, int64_t b) /* b > 0 */
{
    return a / b - (a % b < 0);
}

/* Days since 1970 until January 1st of `year`. */
static int64_t days_before(int64_t year)
{
    int64_t y = year - 1;

    return 365 * (year - 1970) + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) - 477;
}

static int month_of(int64_t day_of_year, bool leap)
{
    static const int16_t before[] = {31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int month = 1;

    while (month < 12 && day_of_year >= before[month - 1] + (leap && month >= 2))
        month++;
    return month;
}

int64_t tdl_calendar_day(double seconds)
{
    return (int64_t)floor(fmin(fmax(seconds, -FARTHEST_S), FARTHEST_S) / DAY_S);
}

tdl_calendar tdl_calendar_of(double seconds)
{
    double s = fmin(fmax(seconds, -FARTHEST_S), FARTHEST_S), day_of = floor(s / DAY_S);
    int64_t day = (int64_t)day_of, year = 1970 + floor_div(day * 400, 146097);
    double days_in_year;

    while (days_before(year) > day)
        year--;
    while (days_before(year + 1) <= day)
        year++;
    days_in_year = is_leap(year) ? 366 : 365;
    day -= days_before(year);
    return (tdl_calendar){
        .year = (double)year + ((double)day + (s / DAY_S - day_of)) / days_in_year,
        .month = month_of(day, is_leap(year)),
        .weekday = (int)(((int64_t)day_of % 7 + 7 + 3) % 7), // 1970-01-01 was a Thursday
        .season = (double)day / days_in_year,
    };
}
