/* The calendar: what day a time is, and the public holidays of a country. Proleptic Gregorian, UTC.
 */
#ifndef TDL_FORECAST_CALENDAR_H
#define TDL_FORECAST_CALENDAR_H

#include <stdint.h>

#include "base/str.h"
#include "table/holidays.h"

enum { TDL_DAY_SECONDS = 86400 };

typedef struct tdl_civil {
    int64_t year;
    int month, day;  /* from 1 */
    int weekday;     /* 0 = Sunday */
    int day_of_year; /* from 1 */
    int second;      /* of the day */
} tdl_civil;

/* seconds since 1970, |seconds| < 1e13: others are moved there. */
tdl_civil tdl_civil_of(double seconds);
/* Days since 1970 of a date; a day past the end of its month is in the next. */
int64_t tdl_days_of(int64_t year, int month, int day);
int tdl_days_in_month(int64_t year, int month);

/* A country's public holidays, each the same day every year or the n-th weekday of a month:
 *   us   the eleven of 5 U.S.C. 6103, and on Friday or Monday as observed
 *   cn   the solar ones of the State Council's regulation (New Year, Labour Day, National Day and
 *        the two days after), Qingming by its formula, and the Spring Festival, Dragon Boat and
 *        Mid-Autumn days of 2000-2040 by table */
typedef struct tdl_holidays tdl_holidays;
const tdl_holidays *tdl_holidays_find(tdl_str country); /* NULL: there is no such table */
/* Number of the holiday on the day that is `days` after 1970-01-01, from 1; 0 = an ordinary day. */
int tdl_holiday_on(const tdl_holidays *table, int64_t days);
int tdl_holidays_count(const tdl_holidays *table);
const char *tdl_holiday_name(const tdl_holidays *table, int holiday); /* from 1 */
/* What a model keeps of a country's: years enough for any table of a product. */
enum { TDL_HOLIDAYS_FIRST_YEAR = 1970, TDL_HOLIDAYS_LAST_YEAR = 2069 };
/* All of them in the years [first, last], added to `ret`. TDL_E_NO_MEMORY */
tdl_status tdl_holidays_list(const tdl_holidays *table, int64_t first, int64_t last,
                             tdl_holiday_table *ret, tdl_report *why);

#endif
