#include "http/query.h"

#include "base/timestamp.h"

#include <string.h>

static int hex_digit(char c)
{
    char lower = (char)(c | 0x20);

    if (c >= '0' && c <= '9')
        return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static tdl_status check_text(tdl_str text, tdl_report *why)
{
    size_t bad;

    if (!tdl_str_utf8(text, &bad))
        return TDL_FAIL(why, TDL_E_INVALID, "not valid UTF-8 at byte %zu", bad);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
            return TDL_FAIL(why, TDL_E_INVALID, "control character at byte %zu", i);
    return TDL_OK;
}

static tdl_status unescape(tdl_str text, bool plus, char *to, size_t *ret_len, tdl_report *why)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.at[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return TDL_FAIL(why, TDL_E_INVALID, "broken percent-encoding at byte %zu", i);
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        to[n++] = c;
    }
    *ret_len = n;
    return TDL_OK;
}

tdl_status tdl_percent_decode(tdl_str text, bool plus, tdl_arena *arena, tdl_str *ret,
                              tdl_report *why)
{
    tdl_str decoded = text;
    tdl_status st;

    if (text.len && (memchr(text.at, '%', text.len) || (plus && memchr(text.at, '+', text.len)))) {
        char *to = tdl_arena_alloc(arena, text.len, 1);
        if (!to)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
        decoded.at = to;
        if ((st = unescape(text, plus, to, &decoded.len, why)))
            return st;
    }
    if ((st = check_text(decoded, why)))
        return st;
    *ret = decoded;
    return TDL_OK;
}

/* The first "name=value" of the query. */
bool tdl_query_find(tdl_str query, const char *name, tdl_str *ret)
{
    size_t name_len = strlen(name);

    while (query.len) {
        const char *end = memchr(query.at, '&', query.len);
        tdl_str pair = {query.at, end ? (size_t)(end - query.at) : query.len};
        if (pair.len >= name_len && !memcmp(pair.at, name, name_len) &&
            (pair.len == name_len || pair.at[name_len] == '=')) {
            size_t taken = pair.len == name_len ? name_len : name_len + 1;
            *ret = (tdl_str){pair.at + taken, pair.len - taken};
            return true;
        }
        size_t taken = pair.len + (end != NULL);
        query = (tdl_str){query.at + taken, query.len - taken};
    }
    return false;
}

tdl_status tdl_query_text(tdl_str query, const char *name, size_t max, tdl_arena *arena,
                          tdl_str *ret, tdl_report *why)
{
    tdl_str sent, text;

    *ret = (tdl_str){0};
    if (!tdl_query_find(query, name, &sent))
        return TDL_OK;
    tdl_status st = tdl_percent_decode(sent, true, arena, &text, why);
    if (!st && text.len > max)
        st = TDL_FAIL(why, TDL_E_INVALID, "%zu bytes long, %zu are allowed", text.len, max);
    if (st)
        tdl_report_prefix(why, "query parameter %s", name);
    else
        *ret = text;
    return st;
}

tdl_status tdl_query_int(tdl_str query, const char *name, int64_t low, int64_t high,
                         int64_t fallback, tdl_arena *arena, int64_t *ret, tdl_report *why)
{
    tdl_str sent, text;
    int64_t value;
    tdl_status st;

    *ret = fallback;
    if (!tdl_query_find(query, name, &sent))
        return TDL_OK;
    if ((st = tdl_query_text(query, name, 32, arena, &text, why)))
        return st;
    if (!tdl_str_int(text, &value) || value < low || value > high)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "query parameter %s: \"%.*s\" is not an integer from %lld to %lld", name,
                        TDL_FMT(text), (long long)low, (long long)high);
    *ret = value;
    return TDL_OK;
}

tdl_status tdl_query_time(tdl_str query, const char *name, int64_t fallback, tdl_arena *arena,
                          int64_t *ret_us, tdl_report *why)
{
    tdl_str sent, text;
    tdl_status st;

    *ret_us = fallback;
    if (!tdl_query_find(query, name, &sent))
        return TDL_OK;
    if ((st = tdl_query_text(query, name, 64, arena, &text, why)))
        return st;
    if ((st = tdl_time_parse(text, ret_us, why)))
        tdl_report_prefix(why, "query parameter %s", name);
    return st;
}
