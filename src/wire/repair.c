#include <string.h>

#include "wire/repair.h"

enum { EXACT_DIGITS = 15 /* every integer of so many digits is below 2^53 */ };

typedef struct repair {
    tdl_str text;
    size_t at;     /* next byte to look at */
    size_t copied; /* bytes of text that stand in `out` already, changed or not */
    tdl_buf *out;
} repair;

/* Put `with` in place of text[from, to). */
static void replace(repair *r, size_t from, size_t to, tdl_str with)
{
    tdl_buf_add(r->out, r->text.at + r->copied, from - r->copied);
    tdl_buf_str(r->out, with);
    r->copied = to;
}

/* The code unit of "\uXXXX" at `at`, or -1. */
static int32_t code_unit(tdl_str text, size_t at)
{
    int32_t unit = 0;

    if (at + 6 > text.len || text.at[at] != '\\' || text.at[at + 1] != 'u')
        return -1;
    for (size_t i = at + 2; i < at + 6; i++) {
        char c = text.at[i], lower = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            unit = unit * 16 + (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            unit = unit * 16 + (lower - 'a' + 10);
        else
            return -1;
    }
    return unit;
}

static void mend_escape(repair *r)
{
    int32_t unit = code_unit(r->text, r->at);
    size_t from = r->at;

    if (unit < 0) {
        r->at += 2;
        return;
    }
    r->at += 6;
    if (unit == 0) {
        replace(r, from, r->at, (tdl_str){0});
    } else if (unit >= 0xD800 && unit <= 0xDBFF) {
        int32_t low = code_unit(r->text, r->at);
        if (low >= 0xDC00 && low <= 0xDFFF)
            r->at += 6;
        else
            replace(r, from, r->at, TDL_STR("\\uFFFD"));
    } else if (unit >= 0xDC00 && unit <= 0xDFFF) {
        replace(r, from, r->at, TDL_STR("\\uFFFD"));
    }
}

static void mend_string(repair *r)
{
    r->at++;
    while (r->at < r->text.len && r->text.at[r->at] != '"') {
        if (r->text.at[r->at] == '\\')
            mend_escape(r);
        else
            r->at++;
    }
    r->at++;
}

/* Is the run of digits more than 2^53 = 9007199254740992? No leading zeros: JSON has none. */
static bool beyond_exact(tdl_str digits)
{
    static const char limit[] = "9007199254740992";

    if (digits.len != sizeof limit - 1)
        return digits.len >= sizeof limit;
    return memcmp(digits.at, limit, digits.len) > 0;
}

static void mend_number(repair *r)
{
    size_t from = r->at;
    bool integer = true;

    for (r->at++; r->at < r->text.len && strchr("0123456789.eE+-", r->text.at[r->at]); r->at++)
        integer = integer && r->text.at[r->at] >= '0' && r->text.at[r->at] <= '9';
    tdl_str number = {r->text.at + from, r->at - from};
    if (!integer || number.len <= EXACT_DIGITS)
        return;
    size_t sign = number.at[0] == '-';
    if (!beyond_exact((tdl_str){number.at + sign, number.len - sign}))
        return;
    replace(r, from, from, TDL_STR("\""));
    replace(r, r->at, r->at, TDL_STR("\""));
}

tdl_str tdl_repair(tdl_str text, tdl_buf *storage)
{
    repair r = {.text = text, .out = storage};
    size_t before = storage->len;

    while (r.at < text.len) {
        char c = text.at[r.at];
        if (c == '"')
            mend_string(&r);
        else if ((c >= '0' && c <= '9') || c == '-')
            mend_number(&r);
        else
            r.at++;
    }
    if (!r.copied || storage->failed)
        return text;
    tdl_buf_add(storage, text.at + r.copied, text.len - r.copied);
    if (storage->failed)
        return text; // as it is: the parser will say what is wrong with it
    return (tdl_str){storage->at + before, storage->len - before};
}

tdl_status tdl_repair_parse(tdl_str text, json_t **ret, tdl_report *why)
{
    tdl_buf storage = {.limit = text.len + text.len / 4 + 1024}; // quotes around long integers
    tdl_status st = tdl_json_parse(tdl_repair(text, &storage), TDL_JSON_LAST_WINS, ret, why);

    tdl_buf_release(&storage);
    return st;
}
