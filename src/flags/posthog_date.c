/* Dates in conditions, as JavaScript's Date reads them. */
#include <math.h>

#include "flags/posthog_value.h"

enum { MS_PER_DAY = 86400000 };

int64_t tdl_posthog_days(int64_t year, int64_t month)
{
    year += month >= 0 ? month / 12 : (month - 11) / 12;
    month = ((month % 12) + 12) % 12;
    int64_t y = month < 2 ? year - 1 : year; // years begin in March: the leap day is the last
    int64_t m = (month + 10) % 12;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 - 719468;
}

typedef struct civil {
    int64_t year, month; /* from 0 */
    int64_t day;         /* from 1 */
} civil;

static civil to_civil(int64_t days)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, d = z - era * 146097;
    int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    int64_t of_year = d - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    civil c = {y + era * 400 + (m >= 10), (m + 2) % 12, of_year - (153 * m + 2) / 5 + 1};
    return c;
}

/* ---- texts ---- */

typedef struct reader {
    const char *at, *end;
} reader;

static bool take(reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* Exactly `n` digits, in [low, high]. */
static bool digits(reader *r, int n, int64_t low, int64_t high, int64_t *ret)
{
    int64_t number = 0;

    if (r->end - r->at < n)
        return false;
    for (int i = 0; i < n; i++, r->at++) {
        if (*r->at < '0' || *r->at > '9')
            return false;
        number = number * 10 + (*r->at - '0');
    }
    *ret = number;
    return number >= low && number <= high;
}

/* ".5" and longer; what is below a millisecond is cut off. */
static bool fraction(reader *r, int64_t *ret_ms)
{
    int64_t unit = 100;

    *ret_ms = 0;
    if (!take(r, '.'))
        return true;
    const char *from = r->at;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++, unit /= 10)
        *ret_ms += (*r->at - '0') * unit;
    return r->at > from;
}

static bool zone(reader *r, int64_t *ret_ms)
{
    int64_t hours, minutes, sign = 1;

    *ret_ms = 0;
    if (r->at == r->end || take(r, 'Z') || take(r, 'z'))
        return true;
    if (take(r, '-'))
        sign = -1;
    else if (!take(r, '+'))
        return false;
    if (!digits(r, 2, 0, 23, &hours))
        return false;
    take(r, ':');
    if (!digits(r, 2, 0, 59, &minutes))
        return false;
    *ret_ms = sign * (hours * 60 + minutes) * 60000;
    return true;
}

static bool clock(reader *r, int64_t *ret_ms)
{
    int64_t hour, minute, second = 0, ms = 0, east;

    if (!digits(r, 2, 0, 24, &hour) || !take(r, ':') || !digits(r, 2, 0, 59, &minute))
        return false;
    if (take(r, ':') && (!digits(r, 2, 0, 59, &second) || !fraction(r, &ms)))
        return false;
    if ((hour == 24 && (minute || second || ms)) || !zone(r, &east))
        return false;
    *ret_ms = ((hour * 60 + minute) * 60 + second) * 1000 + ms - east;
    return true;
}

static bool parse_iso(tdl_str text, int64_t *ret_ms)
{
    reader r = {text.at, text.at + text.len};
    int64_t year, month = 1, day = 1, ms = 0;

    if (!text.len || !digits(&r, 4, 0, 9999, &year))
        return false;
    if (take(&r, '-') && !digits(&r, 2, 1, 12, &month))
        return false;
    if (r.at - text.at == 7 && take(&r, '-') && !digits(&r, 2, 1, 31, &day))
        return false;
    bool has_clock = take(&r, 'T') || take(&r, 't');
    if ((has_clock && !clock(&r, &ms)) || r.at != r.end)
        return false;
    *ret_ms = (tdl_posthog_days(year, month - 1) + day - 1) * MS_PER_DAY + ms;
    return true;
}

bool tdl_posthog_date(const json_t *value, int64_t *ret_ms)
{
    if (json_is_string(value)) {
        tdl_str text = {json_string_value(value), json_string_length(value)};
        return parse_iso(text, ret_ms) || tdl_posthog_date_words(text, ret_ms);
    }
    if (!json_is_number(value) || fabs(json_number_value(value)) > 8.64e15)
        return false;
    *ret_ms = (int64_t)json_number_value(value);
    return true;
}

/* ---- so long ago ---- */

bool tdl_posthog_ago_parse(tdl_str text, tdl_posthog_ago *ret)
{
    int n = 0;
    size_t i = text.len && text.at[0] == '-';

    if (text.len < i + 2 || !strchr("hdwmy", text.at[text.len - 1]) || !text.at[text.len - 1])
        return false;
    for (; i < text.len - 1; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        n = n * 10 + (text.at[i] - '0');
        if (n >= 10000)
            return false;
    }
    *ret = (tdl_posthog_ago){n, text.at[text.len - 1]};
    return true;
}

/* Each month on the way may be too short for the day. */
static int64_t months_before(int64_t days, int months)
{
    civil c = to_civil(days);

    for (int step = 1; step <= months && c.day > 28; step++) {
        int64_t last =
            tdl_posthog_days(c.year, c.month - step + 1) - tdl_posthog_days(c.year, c.month - step);
        if (c.day > last)
            c.day = last;
    }
    return tdl_posthog_days(c.year, c.month - months) + c.day - 1;
}

static int64_t years_before(int64_t days, int years)
{
    civil c = to_civil(days);

    if (years > 0 && c.month == 1 && c.day == 29)
        c.day = 28;
    return tdl_posthog_days(c.year - years, c.month) + c.day - 1;
}

int64_t tdl_posthog_ago_ms(tdl_posthog_ago ago, int64_t now_ms)
{
    int64_t day = (now_ms >= 0 ? now_ms : now_ms - (MS_PER_DAY - 1)) / MS_PER_DAY;
    int64_t of_day = now_ms - day * MS_PER_DAY;

    switch (ago.unit) {
    case 'h':
        return now_ms - (int64_t)ago.n * 3600000;
    case 'd':
        day -= ago.n;
        break;
    case 'w':
        day -= 7 * (int64_t)ago.n;
        break;
    case 'm':
        day = months_before(day, ago.n);
        break;
    default:
        day = years_before(day, ago.n);
    }
    return day * MS_PER_DAY + of_day;
}
