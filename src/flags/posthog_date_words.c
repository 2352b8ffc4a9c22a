/* Dates that are no ISO 8601, as V8 takes them: numbers and words in nearly any order. What people
 * write ("May 1, 2022", "5/1/2022 10:00 PM", RFC 2822) means what they think; what they do not,
 * such as "9", means something too, and the SDKs go by it.
 */
#include <math.h>
#include <strings.h>

#include "flags/posthog_value.h"

enum { NONE = INT32_MAX, DIGITS_MAX = 9 };

typedef enum word_kind { GARBAGE, MONTH, HALF_DAY, ZONE } word_kind;

typedef struct word {
    const char *text; /* its first three letters */
    word_kind kind;
    int value; /* month from 1; hours to add; hours east */
} word;

static const word words[] = {
    {"jan", MONTH, 1},   {"feb", MONTH, 2},    {"mar", MONTH, 3},  {"apr", MONTH, 4},
    {"may", MONTH, 5},   {"jun", MONTH, 6},    {"jul", MONTH, 7},  {"aug", MONTH, 8},
    {"sep", MONTH, 9},   {"oct", MONTH, 10},   {"nov", MONTH, 11}, {"dec", MONTH, 12},
    {"am", HALF_DAY, 0}, {"pm", HALF_DAY, 12}, {"ut", ZONE, 0},    {"utc", ZONE, 0},
    {"z", ZONE, 0},      {"gmt", ZONE, 0},     {"est", ZONE, -5},  {"edt", ZONE, -4},
    {"cst", ZONE, -6},   {"cdt", ZONE, -5},    {"mst", ZONE, -7},  {"mdt", ZONE, -6},
    {"pst", ZONE, -8},   {"pdt", ZONE, -7},
};

/* What has been read so far. */
typedef struct reading {
    const char *at, *end;
    int day[3], day_n; /* numbers of the day, in the order found */
    int month;         /* by name */
    int clock[4], clock_n;
    int half_day;                  /* hours to add; NONE = a clock of 24 hours */
    int zone_sign, zone_h, zone_m; /* NONE = not yet */
    bool any_number;
} reading;

typedef struct number {
    int value, digits;
} number;

/* ---- characters ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (unsigned char)c >= 'A';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char peek(const reading *r)
{
    return r->at < r->end ? *r->at : '\0';
}

static bool skip(reading *r, char c)
{
    if (peek(r) != c)
        return false;
    r->at++;
    return true;
}

/* Digits past the ninth that counts are dropped. */
static number read_number(reading *r)
{
    const char *from = r->at;
    int value = 0, kept = 0;

    while (peek(r) == '0')
        r->at++;
    for (; is_digit(peek(r)); r->at++)
        if (kept < DIGITS_MAX) {
            value = value * 10 + (*r->at - '0');
            kept++;
        }
    return (number){value, (int)(r->at - from)};
}

static int thousandths(number n)
{
    int digits = n.digits > DIGITS_MAX ? DIGITS_MAX : n.digits;

    for (; digits < 3; digits++)
        n.value *= 10;
    for (; digits > 3; digits--)
        n.value /= 10;
    return n.value;
}

static void skip_brackets(reading *r)
{
    int depth = 0;

    do {
        depth += peek(r) == '(';
        depth -= peek(r) == ')';
        r->at++;
    } while (depth && r->at < r->end);
}

/* ---- the parts ---- */

static bool add_clock(reading *r, int n)
{
    if (r->clock_n == 4)
        return false;
    r->clock[r->clock_n++] = n;
    return true;
}

static void finish_clock(reading *r, int n)
{
    while (add_clock(r, n))
        n = 0;
}

/* Minutes after the hour, seconds after those, and so on. */
static bool clock_expects(const reading *r, int n)
{
    return (r->clock_n == 1 && n < 60) || (r->clock_n == 2 && n < 60) ||
           (r->clock_n == 3 && n < 1000);
}

static bool may_follow_clock(char c)
{
    return !c || is_space(c) || c == 'Z' || c == 'z' || c == '+' || c == '-';
}

static bool add_hour_or_minute(reading *r, int n)
{
    if (skip(r, ':')) { // "10::" has no minutes
        if (r->clock_n)
            return false;
        return add_clock(r, n) && add_clock(r, 0);
    }
    if (!add_clock(r, n))
        return false;
    skip(r, '.');
    return true;
}

static bool add_number(reading *r)
{
    number n = read_number(r);

    r->any_number = true;
    if (skip(r, ':'))
        return add_hour_or_minute(r, n.value);
    if (skip(r, '.') && clock_expects(r, n.value)) {
        add_clock(r, n.value);
        if (!is_digit(peek(r)))
            return false;
        finish_clock(r, thousandths(read_number(r)));
        return true;
    }
    if (r->zone_h != NONE && r->zone_m == NONE && n.value < 60) {
        r->zone_m = n.value;
        return true;
    }
    if (clock_expects(r, n.value)) {
        finish_clock(r, n.value);
        return may_follow_clock(peek(r));
    }
    if (r->day_n == 3)
        return false;
    r->day[r->day_n++] = n.value;
    skip(r, '-');
    return true;
}

static const word *find_word(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i].text);
        bool longer = words[i].kind == MONTH ? len >= n : len == n;
        if (longer && !strncasecmp(text, words[i].text, n))
            return &words[i];
    }
    return NULL;
}

/* Words that say nothing may stand before the first number only. */
static bool add_word(reading *r)
{
    const char *from = r->at;

    while (r->at < r->end && is_letter(*r->at))
        r->at++;
    const word *w = find_word(from, (size_t)(r->at - from));
    word_kind kind = w ? w->kind : GARBAGE;
    if (kind == HALF_DAY && r->clock_n) {
        r->half_day = w->value;
    } else if (kind == MONTH) {
        r->month = w->value;
        skip(r, '-');
    } else if (kind == ZONE && r->any_number) {
        r->zone_sign = w->value < 0 ? -1 : 1;
        r->zone_h = w->value * r->zone_sign;
        r->zone_m = 0;
    } else {
        return !r->any_number && !is_digit(peek(r));
    }
    return true;
}

/* "+02:00", "-8", "+0530" */
static bool add_offset(reading *r, int sign)
{
    number n = {0, 0};

    if (is_digit(peek(r)))
        n = read_number(r);
    r->any_number = true;
    r->zone_sign = sign;
    r->zone_m = 0;
    if (peek(r) == ':') {
        r->zone_h = n.value;
        r->zone_m = NONE;
    } else if (n.digits == 1 || n.digits == 2) {
        r->zone_h = n.value;
    } else if (n.digits == 3 || n.digits == 4) {
        r->zone_h = n.value / 100;
        r->zone_m = n.value % 100;
    } else {
        return false;
    }
    return true;
}

static bool add_sign(reading *r)
{
    int sign = *r->at++ == '-' ? -1 : 1;
    bool utc = r->zone_h == 0 && r->zone_m == 0;

    return utc || r->clock_n ? add_offset(r, sign) : !r->any_number;
}

static bool read_next(reading *r)
{
    char c = *r->at;

    if (is_digit(c))
        return add_number(r);
    if (is_letter(c))
        return add_word(r);
    if (c == '+' || c == '-')
        return add_sign(r);
    if (c == '(') {
        skip_brackets(r);
        return true;
    }
    r->at++;
    return c != ')' || !r->any_number;
}

/* ---- the whole ---- */

static bool is_day(int n)
{
    return n >= 1 && n <= 31;
}

static bool write_day(reading *r, int64_t *ret_days)
{
    int year, month, day;

    if (!r->day_n)
        return false;
    while (r->day_n < 3)
        r->day[r->day_n++] = 1;
    bool year_first = !is_day(r->day[0]);
    if (r->month != NONE) {
        month = r->month;
        day = r->day[year_first];
        year = r->day[!year_first];
    } else {
        year = r->day[year_first ? 0 : 2];
        month = r->day[year_first];
        day = r->day[1 + year_first];
    }
    year += year < 50 ? 2000 : year < 100 ? 1900 : 0;
    *ret_days = tdl_posthog_days(year, month - 1) + day - 1;
    return month >= 1 && month <= 12 && is_day(day) && year < 300000;
}

static bool write_clock(reading *r, int64_t *ret_ms)
{
    finish_clock(r, 0);
    int hour = r->clock[0], minute = r->clock[1], second = r->clock[2], ms = r->clock[3];
    if (r->half_day != NONE) {
        if (hour > 12)
            return false;
        hour = hour % 12 + r->half_day;
    }
    *ret_ms = ((hour * INT64_C(60) + minute) * 60 + second) * 1000 + ms;
    return (hour < 24 && minute < 60 && second < 60 && ms < 1000) ||
           (hour == 24 && !minute && !second && !ms);
}

static int64_t offset_ms(const reading *r)
{
    int64_t hours = r->zone_h == NONE ? 0 : r->zone_h, minutes = r->zone_m == NONE ? 0 : r->zone_m;

    return r->zone_sign == NONE ? 0 : r->zone_sign * (hours * 60 + minutes) * 60000;
}

bool tdl_posthog_date_words(tdl_str text, int64_t *ret_ms)
{
    reading r = {.at = text.at,
                 .end = text.at + text.len,
                 .month = NONE,
                 .half_day = NONE,
                 .zone_sign = NONE,
                 .zone_h = NONE,
                 .zone_m = NONE};
    int64_t days, ms;

    while (r.at < r.end)
        if (!read_next(&r))
            return false;
    if (!write_day(&r, &days) || !write_clock(&r, &ms))
        return false;
    *ret_ms = days * 86400000 + ms - offset_ms(&r);
    return *ret_ms <= INT64_C(8640000000000000) && *ret_ms >= INT64_C(-8640000000000000);
}
