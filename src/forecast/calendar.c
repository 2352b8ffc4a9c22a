#include <math.h>

#include "forecast/calendar.h"

/* Days from civil and back: Hinnant's algorithms, by eras of 400 years that begin in March. */
static int64_t days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t tdl_days_of(int64_t year, int month, int day)
{
    return days_from_civil(year, month, day);
}

int tdl_days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

tdl_civil tdl_civil_of(double seconds)
{
    double limited = seconds > 1e13 ? 1e13 : seconds < -1e13 ? -1e13 : seconds;
    int64_t all = (int64_t)floor(limited == limited ? limited : 0);
    int64_t days = (all >= 0 ? all : all - TDL_DAY_SECONDS + 1) / TDL_DAY_SECONDS;
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100),
            month = (5 * of_year + 2) / 153;
    tdl_civil c = {.day = (int)(of_year - (153 * month + 2) / 5 + 1),
                   .month = (int)(month < 10 ? month + 3 : month - 9),
                   .weekday = (int)(((days + 4) % 7 + 7) % 7),
                   .second = (int)(all - days * TDL_DAY_SECONDS)};

    c.year = year + era * 400 + (c.month <= 2);
    c.day_of_year = (int)(days - days_from_civil(c.year, 1, 1)) + 1;
    return c;
}

/* ---- holidays ---- */

typedef struct rule {
    const char *name;
    int month, day;     /* a date; or, with `nth`, */
    int nth, weekday;   /* the n-th such weekday of the month, -1 = the last */
    bool qingming;      /* when the sun is 15 degrees past the equinox */
    bool observed;      /* moves from Saturday to Friday and from Sunday to Monday */
    int since;          /* the first year; 0 = always */
    const short *table; /* month * 100 + day by year from TABLE_FIRST */
} rule;

struct tdl_holidays {
    const char *country;
    const rule *rule;
    int rules_n;
};

static const rule us[] = {
    {.name = "New Year's Day", .month = 1, .day = 1, .observed = true},
    {.name = "Martin Luther King Day", .month = 1, .nth = 3, .weekday = 1, .since = 1986},
    {.name = "Washington's Birthday", .month = 2, .nth = 3, .weekday = 1},
    {.name = "Memorial Day", .month = 5, .nth = -1, .weekday = 1},
    {.name = "Juneteenth", .month = 6, .day = 19, .observed = true, .since = 2021},
    {.name = "Independence Day", .month = 7, .day = 4, .observed = true},
    {.name = "Labor Day", .month = 9, .nth = 1, .weekday = 1},
    {.name = "Columbus Day", .month = 10, .nth = 2, .weekday = 1},
    {.name = "Veterans Day", .month = 11, .day = 11, .observed = true},
    {.name = "Thanksgiving", .month = 11, .nth = 4, .weekday = 4},
    {.name = "Christmas Day", .month = 12, .day = 25, .observed = true},
};

enum { TABLE_FIRST = 2000, TABLE_YEARS = 41 };
/* First day of the first lunar month, 2000-2040. */
static const short spring[TABLE_YEARS] = {205, 124, 212, 201, 122, 209, 129, 218, 207, 126, 214,
                                          203, 123, 210, 131, 219, 208, 128, 216, 205, 125, 212,
                                          201, 122, 210, 129, 217, 206, 126, 213, 203, 123, 211,
                                          131, 219, 208, 128, 215, 204, 124, 212};

/* Fifth day of the fifth and fifteenth of the eighth. */
static const short dragon_boat[TABLE_YEARS] = {
    606, 625, 615, 604, 622, 611, 531, 619, 608, 528, 616, 606, 623, 612,
    602, 620, 609, 530, 618, 607, 625, 614, 603, 622, 610, 531, 619, 609,
    528, 616, 605, 624, 612, 601, 620, 610, 530, 618, 607, 527, 614};
static const short mid_autumn[TABLE_YEARS] = {
    912,  1001, 921, 911,  928, 918, 1006, 925, 914,  1003, 922, 912,  930, 919,
    908,  927,  915, 1004, 924, 913, 1001, 921, 910,  929,  917, 1006, 925, 915,
    1003, 922,  912, 1001, 919, 908, 927,  916, 1004, 924,  913, 1002, 920};

static const rule cn[] = {
    {.name = "New Year", .month = 1, .day = 1},
    {.name = "Spring Festival", .table = spring},
    {.name = "Qingming", .month = 4, .qingming = true},
    {.name = "Labour Day", .month = 5, .day = 1},
    {.name = "Dragon Boat Festival", .table = dragon_boat},
    {.name = "Mid-Autumn Festival", .table = mid_autumn},
    {.name = "National Day", .month = 10, .day = 1},
    {.name = "National Day, second day", .month = 10, .day = 2},
    {.name = "National Day, third day", .month = 10, .day = 3},
};

static const tdl_holidays countries[] = {
    {"us", us, sizeof us / sizeof us[0]},
    {"cn", cn, sizeof cn / sizeof cn[0]},
};

const tdl_holidays *tdl_holidays_find(tdl_str country)
{
    for (size_t i = 0; i < sizeof countries / sizeof countries[0]; i++)
        if (tdl_str_is(country, countries[i].country))
            return &countries[i];
    return NULL;
}

int tdl_holidays_count(const tdl_holidays *table)
{
    return table->rules_n;
}

const char *tdl_holiday_name(const tdl_holidays *table, int holiday)
{
    return table->rule[holiday - 1].name;
}

static bool nth_weekday(const rule *r, tdl_civil c)
{
    if (c.month != r->month || c.weekday != r->weekday)
        return false;
    if (r->nth < 0)
        return c.day + 7 > tdl_days_in_month(c.year, c.month);
    return (c.day - 1) / 7 + 1 == r->nth;
}

static bool falls_on(const rule *r, int64_t days, tdl_civil c)
{
    if (r->since && c.year < r->since)
        return false;
    if (r->table) {
        int64_t at = c.year - TABLE_FIRST;

        return at >= 0 && at < TABLE_YEARS && r->table[at] == c.month * 100 + c.day;
    }
    if (r->qingming) // by the usual formula, right for 2000-2099
        return c.month == 4 && c.year >= 2000 && c.year < 2100 &&
               c.day == (int)(.2422 * (double)(c.year - 2000) + 4.81) - (int)(c.year - 2000) / 4;
    if (r->nth)
        return nth_weekday(r, c);
    if (c.month == r->month && c.day == r->day)
        return true;
    if (!r->observed || (c.weekday != 1 && c.weekday != 5))
        return false;
    tdl_civil near = tdl_civil_of((double)(days + (c.weekday == 1 ? -1 : 1)) * TDL_DAY_SECONDS);
    return near.month == r->month && near.day == r->day;
}

int tdl_holiday_on(const tdl_holidays *table, int64_t days)
{
    tdl_civil c = tdl_civil_of((double)days * TDL_DAY_SECONDS);

    for (int i = 0; i < table->rules_n; i++)
        if (falls_on(&table->rule[i], days, c))
            return i + 1;
    return 0;
}

tdl_status tdl_holidays_list(const tdl_holidays *table, int64_t first, int64_t last,
                             tdl_holiday_table *ret, tdl_report *why)
{
    int64_t end = tdl_days_of(last + 1, 1, 1);
    tdl_status st = TDL_OK;

    for (int64_t day = tdl_days_of(first, 1, 1); day < end && !st; day++) {
        int holiday = tdl_holiday_on(table, day);

        if (holiday)
            st = tdl_holiday_table_add(ret, day, tdl_str_of(tdl_holiday_name(table, holiday)), why);
    }
    return st;
}
