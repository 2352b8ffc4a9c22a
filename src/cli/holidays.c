#include "cli/holidays.h"

#include "forecast/calendar.h"

tdl_status tdl_open_holidays(const char *wanted, tdl_holiday_table *ret, tdl_report *why)
{
    const tdl_holidays *country = tdl_holidays_find(tdl_str_of(wanted));
    tdl_holiday_table table = {0};
    tdl_status st;

    if (!country) {
        if ((st = tdl_holiday_table_read(wanted, ret, why)) == TDL_E_NOT_FOUND)
            return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "us, cn, or a CSV of date,name",
                                 "--holidays %s: neither a country nor a file", wanted);
        return st;
    }
    if ((st = tdl_holidays_list(country, TDL_HOLIDAYS_FIRST_YEAR, TDL_HOLIDAYS_LAST_YEAR, &table,
                                why)))
        tdl_holiday_table_release(&table);
    else
        *ret = table;
    return st;
}
