#include "table/cell.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "base/timestamp.h"

enum { EXACT_DIGITS = 15 }; /* any decimal of so many digits survives a double */

static bool is_word(tdl_str text, const char *word)
{
    return text.len == strlen(word) && !strncasecmp(text.at, word, text.len);
}

/* ---- numbers ---- */

/* Plain decimals of at most 15 digits: their digits over a power of ten, both exact, so the
 * quotient is the nearest double (Clinger 1990). False: another spelling, or no number. */
static bool read_plain(tdl_str text, tdl_cell_number *ret)
{
    static const double power[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = text.len && text.at[0] == '-';
    size_t i = negative, whole, digits = 0;
    int64_t value = 0;

    for (; i < text.len && text.at[i] >= '0' && text.at[i] <= '9' && digits < EXACT_DIGITS; i++) {
        value = 10 * value + (text.at[i] - '0');
        digits++;
    }
    whole = digits;
    if (!whole || (whole > 1 && text.at[negative] == '0'))
        return false;
    if (i < text.len && text.at[i] == '.') {
        for (i++; i < text.len && text.at[i] >= '0' && text.at[i] <= '9' && digits < EXACT_DIGITS;
             i++) {
            value = 10 * value + (text.at[i] - '0');
            digits++;
        }
        if (digits == whole)
            return false;
    }
    if (i != text.len || (negative && !value))
        return false;
    *ret = (tdl_cell_number){.value = (double)(negative ? -value : value) / power[digits - whole],
                             .decimals = (int)(digits - whole),
                             .integer = digits == whole};
    return true;
}

static bool read_infinity(tdl_str text, double *ret)
{
    bool negative = text.len && text.at[0] == '-';
    tdl_str rest = text;
    const char *exponent;
    int64_t power;
    double mantissa;

    if (text.len && (text.at[0] == '-' || text.at[0] == '+'))
        rest = (tdl_str){text.at + 1, text.len - 1};
    if (!is_word(rest, "inf") && !is_word(rest, "infinity")) {
        exponent = memchr(rest.at, 'e', rest.len);
        if (!exponent)
            exponent = memchr(rest.at, 'E', rest.len);
        if (!exponent)
            return false;
        tdl_str before = {rest.at, (size_t)(exponent - rest.at)};
        tdl_str after = {exponent + 1, rest.len - before.len - 1};
        if (after.len && after.at[0] == '+')
            after = (tdl_str){after.at + 1, after.len - 1};
        if (!tdl_str_double(before, &mantissa) || !tdl_str_int(after, &power) || power < 0)
            return false; /* otherwise it was too large for a double, or it would have been read */
    }
    *ret = negative ? -(double)INFINITY : (double)INFINITY;
    return true;
}

bool tdl_cell_number_read(tdl_str text, tdl_cell_number *ret)
{
    tdl_cell_number odd = {.decimals = TDL_CELL_ODD};

    if (!text.len)
        return false;
    if (read_plain(text, ret))
        return true;
    if (!tdl_str_double(text, &odd.value) && !read_infinity(text, &odd.value))
        return false;
    odd.integer = isfinite(odd.value);
    for (size_t i = 0; odd.integer && i < text.len; i++)
        odd.integer = text.at[i] != '.' && text.at[i] != 'e' && text.at[i] != 'E';
    *ret = odd;
    return true;
}

/* ---- dates ---- */

static bool parse_time(const char *text, double *ret)
{
    int64_t time_us;

    if (tdl_time_parse(tdl_str_of(text), &time_us, NULL))
        return false;
    *ret = (double)time_us / 1e6;
    return true;
}

bool tdl_cell_date(tdl_str text, double *ret_seconds)
{
    enum { DATE = 10, MINUTES = 16, ROOM = 64 };
    char full[ROOM];
    int64_t time_us;
    size_t n = 0, clock = 0;

    /* the shape first: this is asked of text of any kind */
    if (text.len < DATE || text.len > ROOM - 8 || text.at[4] != '-' || text.at[7] != '-')
        return false;
    if (!tdl_time_parse(text, &time_us, NULL)) {
        *ret_seconds = (double)time_us / 1e6;
        return true;
    }
    if (text.len < MINUTES || text.at[13] != ':')
        return false;
    for (clock = DATE + 1; clock < text.len; clock++)
        if (!strchr("0123456789:.", text.at[clock]))
            break;
    /* hours and minutes, then the seconds if it has them, then the zone if it has one */
    memcpy(full, text.at, clock);
    n = clock;
    if (clock == MINUTES) {
        memcpy(full + n, ":00", 3);
        n += 3;
    }
    if (clock == text.len)
        full[n++] = 'Z';
    memcpy(full + n, text.at + clock, text.len - clock);
    n += text.len - clock;
    if (text.len - clock == 3) { /* "+08", as PostgreSQL writes it */
        memcpy(full + n, ":00", 3);
        n += 3;
    }
    full[n] = '\0';
    return parse_time(full, ret_seconds);
}

bool tdl_cell_date_wished(tdl_str text, double *ret_seconds)
{
    char full[32], copy[16];
    unsigned year, month = 1, day = 1;
    int end = 0;

    if (tdl_cell_date(text, ret_seconds))
        return true;
    if (!text.len || text.len >= sizeof copy || text.at[0] < '0' || text.at[0] > '9')
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (text.len == 8 && sscanf(copy, "%4u%2u%2u%n", &year, &month, &day, &end) == 3 && end == 8)
        ;
    else if ((sscanf(copy, "%4u%*1[-/]%2u%*1[-/]%2u%n", &year, &month, &day, &end) == 3 ||
              sscanf(copy, "%4u%*1[-/]%2u%n", &year, &month, &end) == 2) &&
             end == (int)text.len)
        ;
    else if (text.len == 4 && sscanf(copy, "%4u%n", &year, &end) == 1 && end == 4)
        month = day = 1;
    else
        return false;
    snprintf(full, sizeof full, "%04u-%02u-%02u", year, month, day);
    return parse_time(full, ret_seconds);
}

/* ---- truths ---- */

static const struct {
    const char *no, *yes;
} truths[] = {{"false", "true"}, {"no", "yes"}, {"f", "t"}, {"n", "y"}, {"off", "on"}, {"0", "1"}};
enum { INFERRED = 3 }; /* the others mean something else as often */

static bool read_truth(tdl_str text, size_t pairs_n, bool *ret_truth, int *ret_pair)
{
    for (size_t i = 0; text.len <= 5 && i < pairs_n; i++)
        if (is_word(text, truths[i].no) || is_word(text, truths[i].yes)) {
            *ret_truth = is_word(text, truths[i].yes);
            *ret_pair = (int)i;
            return true;
        }
    return false;
}

bool tdl_cell_truth(tdl_str text, bool *ret_truth, int *ret_pair)
{
    return read_truth(text, INFERRED, ret_truth, ret_pair);
}

bool tdl_cell_truth_wished(tdl_str text, bool *ret_truth)
{
    int pair;

    return read_truth(text, sizeof truths / sizeof truths[0], ret_truth, &pair);
}

void tdl_cell_truth_other(tdl_str *false_spelling, tdl_str *true_spelling)
{
    static const char *const styles[][2] = {
        {"false", "true"}, {"False", "True"}, {"FALSE", "TRUE"}, {"no", "yes"}, {"No", "Yes"},
        {"NO", "YES"},     {"f", "t"},        {"F", "T"},        {"n", "y"},    {"N", "Y"},
        {"off", "on"},     {"Off", "On"},     {"OFF", "ON"},     {"0", "1"},
    };
    size_t found = 0; /* also of letters in another order */

    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
        if (tdl_str_is(*false_spelling, styles[i][0]) || tdl_str_is(*true_spelling, styles[i][1]))
            found = i;
    if (!false_spelling->len)
        *false_spelling = tdl_str_of(styles[found][0]);
    if (!true_spelling->len)
        *true_spelling = tdl_str_of(styles[found][1]);
}

/* ---- missing ---- */

bool tdl_cell_missing(tdl_str text, const char *spellings)
{
    static const char *const usual[] = {"NA", "null", "?", "NaN", "N/A", "None"};

    if (!text.len)
        return true;
    if (!spellings) {
        if (text.len > 4)
            return false;
        for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
            if (is_word(text, usual[i]))
                return true;
        return false;
    }
    for (const char *at = spellings;; at++) {
        size_t n = strcspn(at, ",");

        if (tdl_str_eq(tdl_str_trim((tdl_str){at, n}), text))
            return true;
        at += n;
        if (!*at)
            return false;
    }
}
