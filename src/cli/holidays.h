/* --holidays: a country whose public holidays are known, or a file of them. */
#ifndef TDL_CLI_HOLIDAYS_H
#define TDL_CLI_HOLIDAYS_H

#include "table/holidays.h"

/* wanted: "us", "cn" (forecast/calendar.h), or a table of dates and names (table/holidays.h). */
tdl_status tdl_open_holidays(const char *wanted, tdl_holiday_table *ret, tdl_report *why);

#endif
