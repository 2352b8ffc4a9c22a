/* What a point in time says of the season. UTC, proleptic Gregorian calendar. */
#ifndef TDL_TABLE_CALENDAR_H
#define TDL_TABLE_CALENDAR_H

#include <stdint.h>

typedef struct tdl_calendar {
    double year;   /* 2024.5: half of 2024 is over */
    int month;     /* 1 .. 12 */
    int weekday;   /* 0 = Monday .. 6 */
    double season; /* share of the year before its day: 0 on January 1st, below 1 */
} tdl_calendar;

/* seconds since 1970 UTC; more than 10 million years away counts as so far. */
tdl_calendar tdl_calendar_of(double seconds);
/* Days since 1970-01-01, likewise. */
int64_t tdl_calendar_day(double seconds);

#endif
