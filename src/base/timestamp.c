#include "base/timestamp.h"

#include <string.h>
#include <time.h>

#define SECOND_US 1000000LL
#define DAY_US    (86400 * SECOND_US)

static int64_t clock_us(clockid_t clock)
{
    struct timespec t = {0};

    clock_gettime(clock, &t);
    return t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

int64_t tdl_time_now(void)
{
    return clock_us(CLOCK_REALTIME);
}

int64_t tdl_time_monotonic(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

double tdl_time_cpu_thread(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The Gregorian calendar repeats every 400 years = 146,097 days. Years begin in March here, so
 * that the leap day comes last; March 1 of year 0 is day -719,468. */
static int64_t days_of_date(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void date_of_days(int64_t days, int *year, int *month, int *day)
{
    int64_t from = days + 719468;
    int64_t era = (from >= 0 ? from : from - 146096) / 146097;
    int64_t day_of_era = from - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

/* The reader takes fields off the front and remembers the first thing that went wrong. */
typedef struct reader {
    tdl_str whole;
    size_t at;
    const char *wrong; /* NULL so far */
} reader;

static char peek(const reader *r)
{
    return r->at < r->whole.len ? r->whole.at[r->at] : '\0';
}

static int number(reader *r, size_t digits, int lowest, int highest, const char *wrong)
{
    int value = 0;

    for (size_t i = 0; i < digits && !r->wrong; i++) {
        char c = peek(r);

        if (c < '0' || c > '9') {
            r->wrong = wrong;
            return lowest;
        }
        value = 10 * value + (c - '0');
        r->at++;
    }
    if (!r->wrong && (value < lowest || value > highest))
        r->wrong = wrong;
    return r->wrong ? lowest : value;
}

static void literal(reader *r, const char *any_of, const char *wrong)
{
    char c = peek(r);

    if (!r->wrong && (c == '\0' || !strchr(any_of, c)))
        r->wrong = wrong;
    r->at += !r->wrong;
}

static int64_t read_date(reader *r)
{
    int year = number(r, 4, 0, 9999, "the year must be four digits");
    int month, day;

    literal(r, "-", "a '-' must follow the year");
    month = number(r, 2, 1, 12, "the month must be 01 to 12");
    literal(r, "-", "a '-' must follow the month");
    day = number(r, 2, 1, days_in_month(year, month), "that month does not have such a day");
    return days_of_date(year, month, day) * DAY_US;
}

/* Digits past the sixth are cut. */
static int64_t read_fraction(reader *r)
{
    int64_t unit = SECOND_US / 10, ret = 0;
    size_t digits = 0;

    if (r->wrong || peek(r) != '.')
        return 0;
    for (r->at++; peek(r) >= '0' && peek(r) <= '9'; r->at++, digits++) {
        ret += unit * (peek(r) - '0');
        unit /= 10;
    }
    if (digits < 1 || digits > 9)
        r->wrong = "the fraction must have 1 to 9 digits";
    return ret;
}

static int64_t read_zone(reader *r)
{
    int hours, minutes, sign = peek(r) == '-' ? -1 : 1;

    if (!r->wrong && (peek(r) == 'Z' || peek(r) == 'z')) {
        r->at++;
        return 0;
    }
    literal(r, "+-", "a zone must follow the time: Z or an offset such as +08:00");
    hours = number(r, 2, 0, 23, "the zone's hours must be 00 to 23");
    literal(r, ":", "a ':' must stand between the zone's hours and minutes");
    minutes = number(r, 2, 0, 59, "the zone's minutes must be 00 to 59");
    return sign * SECOND_US * (hours * 3600 + minutes * 60);
}

static int64_t read_time(reader *r)
{
    int hour, minute, second;
    int64_t fraction, of_day;

    literal(r, "Tt ", "a 'T' must follow the date");
    hour = number(r, 2, 0, 23, "the hour must be 00 to 23");
    literal(r, ":", "a ':' must follow the hour");
    minute = number(r, 2, 0, 59, "the minute must be 00 to 59");
    literal(r, ":", "a ':' and the seconds must follow the minute");
    second = number(r, 2, 0, 60, "the second must be 00 to 59, or 60 for a leap second");
    fraction = read_fraction(r);
    of_day = (hour * 3600 + minute * 60 + second) * SECOND_US - read_zone(r);
    if (!r->wrong && second == 60 && of_day % DAY_US != 0)
        r->wrong = "a leap second 60 only ends a day in UTC";
    return of_day + fraction;
}

tdl_status tdl_time_parse(tdl_str text, int64_t *ret_us, tdl_report *why)
{
    reader r = {.whole = text};
    int64_t us = read_date(&r);

    if (!r.wrong && r.at < text.len)
        us += read_time(&r);
    if (!r.wrong && r.at < text.len)
        r.wrong = "something follows the time";
    if (r.wrong)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "write it as 2026-11-24T10:00:00Z (RFC 3339)",
                             "'%.*s' is not a time: %s (at character %zu)",
                             (int)(text.len > 60 ? 60 : text.len), text.at ? text.at : "", r.wrong,
                             r.at + 1);
    *ret_us = us;
    return TDL_OK;
}

static char *put_digits(char *at, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + digits;
}

void tdl_time_format(int64_t time_us, char ret[TDL_TIME_TEXT_MAX])
{
    const int64_t lowest = -719528 * DAY_US, highest = 2932897 * DAY_US - 1; /* years 0 and 9999 */
    int64_t us = time_us < lowest ? lowest : time_us > highest ? highest : time_us;
    int64_t days = (us >= 0 ? us : us - (DAY_US - 1)) / DAY_US;
    int seconds = (int)((us - days * DAY_US) / SECOND_US);
    int fraction = (int)((us - days * DAY_US) % SECOND_US);
    int year, month, day;
    char *at = ret;

    date_of_days(days, &year, &month, &day);
    at = put_digits(at, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, seconds / 3600, 2);
    *at++ = ':';
    at = put_digits(at, seconds / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, seconds % 60, 2);
    if (fraction) {
        *at++ = '.';
        at = put_digits(at, fraction, 6);
        while (at[-1] == '0')
            at--;
    }
    *at++ = 'Z';
    *at = '\0';
}
