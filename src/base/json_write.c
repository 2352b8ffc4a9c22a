#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "base/utf8.h"

/* A comma where one is due; every value and key begins here. */
static void begin(tdl_jw *w)
{
    bool *has_member = w->depth ? &w->has_member[w->depth - 1] : NULL;

    if (w->after_key) {
        w->after_key = false;
    } else if (has_member) {
        if (*has_member)
            tdl_buf_char(w->out, ',');
        *has_member = true;
    }
}

static void open_container(tdl_jw *w, char bracket)
{
    begin(w);
    assert(w->depth < TDL_JSON_DEPTH_MAX);
    w->has_member[w->depth++] = false;
    tdl_buf_char(w->out, bracket);
}

static void close_container(tdl_jw *w, char bracket)
{
    assert(w->depth > 0 && !w->after_key);
    w->depth--;
    tdl_buf_char(w->out, bracket);
}

void tdl_jw_object(tdl_jw *w)
{
    open_container(w, '{');
}

void tdl_jw_array(tdl_jw *w)
{
    open_container(w, '[');
}

void tdl_jw_end_object(tdl_jw *w)
{
    close_container(w, '}');
}

void tdl_jw_end_array(tdl_jw *w)
{
    close_container(w, ']');
}

/* What a byte of a string needs: 0 nothing, 'u' a \u00XX, 'm' a look at the whole multi-byte
 * sequence, any other letter a backslash and that letter. */
static inline char escape_of(unsigned char byte)
{
    static const char ascii[128] = {
        'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',           'n', 'u',
        'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',           'u', 'u',
        'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
    };

    return byte < sizeof ascii ? ascii[byte] : 'm';
}

static void add_escape(tdl_buf *out, unsigned char byte, char escape)
{
    static const char hex[] = "0123456789abcdef";
    const char code[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 0xF]};
    const char letter[2] = {'\\', escape};

    if (escape == 'u')
        tdl_buf_add(out, code, sizeof code);
    else
        tdl_buf_add(out, letter, sizeof letter);
}

static const uint64_t ones = 0x0101010101010101U;

/* Do eight bytes need nothing? What is no ASCII, is below the space, a quote or a backslash lights
 * the highest bit of its byte, and of a later one at worst. */
static inline bool is_plain(uint64_t word)
{
    uint64_t quote = word ^ '"' * ones, backslash = word ^ '\\' * ones;

    return !((word | (word - ' ' * ones) | (quote - ones) | (backslash - ones)) & 0x80 * ones);
}

/* Bytes at the front that need nothing, found eight at a time; the last few beside spaces. */
static size_t plain_length(tdl_str text)
{
    size_t n = 0;

    for (uint64_t word; text.len - n >= sizeof word; n += sizeof word) {
        memcpy(&word, text.at + n, sizeof word);
        if (!is_plain(word))
            return n;
    }
    uint64_t last = ' ' * ones;
    for (size_t i = n; i < text.len; i++) // a copy of a few bytes would be a call
        last = last << 8 | (unsigned char)text.at[i];
    return is_plain(last) ? text.len : n;
}

/* Runs that need nothing are copied whole. A byte that is not UTF-8 is written as U+FFFD, so that
 * the output is always JSON. */
static void add_string(tdl_buf *out, tdl_str text)
{
    size_t from = 0, i = plain_length(text);

    tdl_buf_reserve(out, text.len + 2);
    if (i == text.len && !out->failed) {
        char *at = out->at + out->len;
        at[0] = at[text.len + 1] = '"';
        if (text.len)
            memcpy(at + 1, text.at, text.len);
        at[text.len + 2] = '\0';
        out->len += text.len + 2;
        return;
    }
    tdl_buf_char(out, '"');
    while (i < text.len) {
        unsigned char byte = (unsigned char)text.at[i];
        char escape = escape_of(byte);
        size_t n = escape == 'm' ? tdl_utf8_step(text.at + i, text.len - i) : escape == 0;

        if (n) {
            i += n;
            continue;
        }
        tdl_buf_add(out, text.at + from, i - from);
        if (escape == 'm')
            tdl_buf_text(out, "\xEF\xBF\xBD");
        else
            add_escape(out, byte, escape);
        from = ++i;
    }
    if (text.len > from)
        tdl_buf_add(out, text.at + from, text.len - from);
    tdl_buf_char(out, '"');
}

/* Digits of `value` ending before `end`, at least `least` of them. Returns the first. */
static char *digits_before(char *end, uint64_t value, unsigned least)
{
    char *at = end;

    while (value || end - at < (long)least) {
        *--at = (char)('0' + value % 10);
        value /= 10;
    }
    return at;
}

static void add_int(tdl_buf *out, int64_t value)
{
    char digits[24], *end = digits + sizeof digits;
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char *at = digits_before(end, magnitude, 1);

    if (value < 0)
        *--at = '-';
    tdl_buf_add(out, at, (size_t)(end - at));
}

/* Numbers of at most six decimals and 15 digits, as prices, ratings and counts are. value is then
 * the double nearest to millionths / 10^6 (that quotient of two exact doubles is correctly
 * rounded), and a decimal of at most 15 digits is what %.15g gives back for it. */
static bool add_short_decimal(tdl_buf *out, double value)
{
    char text[32], *end = text + sizeof text, *at;
    double millionths = rint(value * 1e6);
    uint64_t magnitude;

    if (!(fabs(value) >= 1e-4) || !(fabs(millionths) < 1e15) || millionths / 1e6 != value)
        return false;
    magnitude = (uint64_t)fabs(millionths);
    at = digits_before(end, magnitude % 1000000, 6);
    while (end > at && end[-1] == '0')
        end--;
    if (end > at)
        *--at = '.';
    at = digits_before(at, magnitude / 1000000, 1);
    if (value < 0)
        *--at = '-';
    tdl_buf_add(out, at, (size_t)(end - at));
    return true;
}

/* Does no decimal of 15 digits read back as this value? Known of what is in [1e-4, 1), as chances
 * are; else false. The product is off by less than a quarter, so it rounds to the one decimal that
 * might, and the quotient of two exact doubles is correctly rounded. */
static bool needs_17_digits(double value)
{
    double size = fabs(value);

    if (!(size >= 1e-4 && size < 1))
        return false;
    double scale = size >= .1 ? 1e15 : size >= .01 ? 1e16 : size >= 1e-3 ? 1e17 : 1e18;
    return rint(size * scale) / scale != size;
}

static void add_number(tdl_buf *out, double value)
{
    char text[48];
    size_t kept = 0;

    if (!isfinite(value)) {
        tdl_buf_text(out, "null");
        return;
    }
    if (value == 0) { /* "-0" would read back as an integer, without its sign */
        tdl_buf_text(out, signbit(value) ? "-0.0" : "0");
        return;
    }
    if (add_short_decimal(out, value))
        return;
    bool long_one = needs_17_digits(value);
    if (!long_one)
        snprintf(text, sizeof text, "%.15g", value);
    if (long_one || strtod(text, NULL) != value)
        snprintf(text, sizeof text, "%.17g", value);
    for (size_t i = 0; text[i]; i++) { /* a locale's decimal sign, of any length, becomes a point */
        if (strchr("0123456789+-e", text[i]))
            text[kept++] = text[i];
        else if (kept && text[kept - 1] != '.')
            text[kept++] = '.';
    }
    tdl_buf_add(out, text, kept);
}

void tdl_jw_key(tdl_jw *w, const char *key)
{
    assert(w->depth > 0 && !w->after_key);
    begin(w);
    add_string(w->out, tdl_str_of(key));
    tdl_buf_char(w->out, ':');
    w->after_key = true;
}

void tdl_jw_str(tdl_jw *w, tdl_str value)
{
    begin(w);
    add_string(w->out, value);
}

void tdl_jw_text(tdl_jw *w, const char *value)
{
    if (value)
        tdl_jw_str(w, tdl_str_of(value));
    else
        tdl_jw_null(w);
}

void tdl_jw_int(tdl_jw *w, int64_t value)
{
    begin(w);
    add_int(w->out, value);
}

void tdl_jw_number(tdl_jw *w, double value)
{
    begin(w);
    add_number(w->out, value);
}

void tdl_jw_bool(tdl_jw *w, bool value)
{
    begin(w);
    tdl_buf_str(w->out, value ? TDL_STR("true") : TDL_STR("false"));
}

void tdl_jw_null(tdl_jw *w)
{
    begin(w);
    tdl_buf_str(w->out, TDL_STR("null"));
}

void tdl_jw_time(tdl_jw *w, int64_t time_us)
{
    char text[TDL_TIME_TEXT_MAX];

    tdl_time_format(time_us, text);
    tdl_jw_text(w, text);
}

void tdl_jw_raw(tdl_jw *w, tdl_str json)
{
    begin(w);
    tdl_buf_str(w->out, json.len ? json : TDL_STR("null"));
}

void tdl_jw_kstr(tdl_jw *w, const char *key, tdl_str value)
{
    tdl_jw_key(w, key);
    tdl_jw_str(w, value);
}

void tdl_jw_ktext(tdl_jw *w, const char *key, const char *value)
{
    tdl_jw_key(w, key);
    tdl_jw_text(w, value);
}

void tdl_jw_kint(tdl_jw *w, const char *key, int64_t value)
{
    tdl_jw_key(w, key);
    tdl_jw_int(w, value);
}

void tdl_jw_knumber(tdl_jw *w, const char *key, double value)
{
    tdl_jw_key(w, key);
    tdl_jw_number(w, value);
}

void tdl_jw_kbool(tdl_jw *w, const char *key, bool value)
{
    tdl_jw_key(w, key);
    tdl_jw_bool(w, value);
}

void tdl_jw_ktime(tdl_jw *w, const char *key, int64_t time_us)
{
    tdl_jw_key(w, key);
    tdl_jw_time(w, time_us);
}

void tdl_jw_kraw(tdl_jw *w, const char *key, tdl_str json)
{
    tdl_jw_key(w, key);
    tdl_jw_raw(w, json);
}
