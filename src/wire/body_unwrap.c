/* The second half of body.h: forms and base64. */
#include <string.h>

#include "wire/body.h"

enum { WRAPS_MAX = 2 };

static const tdl_str form_start = {"data=", 5};

/* Its value in base64 of either alphabet, -1 for any other character. A blank is a plus that came
 * through a form. */
static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-' || c == ' ')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

static int hex_digit(char c)
{
    char lower = (char)(c | 0x20);

    if (c >= '0' && c <= '9')
        return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Percent-decode onto `out`. */
static tdl_status decode_percent(tdl_str value, tdl_buf *out, tdl_report *why)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (c == '%') {
            int high = i + 2 < value.len ? hex_digit(value.at[i + 1]) : -1;
            int low = i + 2 < value.len ? hex_digit(value.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return TDL_FAIL(why, TDL_E_INVALID,
                                "data: broken percent-encoding at byte %zu of the form", i);
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        tdl_buf_char(out, c);
    }
    return TDL_OK;
}

/* Base64 onto `out`; false when it is none, or of an impossible length. */
static bool decode_base64(tdl_str text, tdl_buf *out)
{
    uint32_t bits = 0;
    size_t n = 0;

    while (text.len && (text.at[text.len - 1] == '=' || text.at[text.len - 1] == '\n' ||
                        text.at[text.len - 1] == '\r'))
        text.len--;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\n' || text.at[i] == '\r')
            continue;
        int value = sextet(text.at[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (n++ % 4)
            tdl_buf_char(out, (char)(bits >> (6 - 2 * ((n - 1) % 4))));
    }
    return n && n % 4 != 1;
}

/* What is behind "data=", up to the next field. */
static tdl_str form_value(tdl_str text)
{
    const char *from = text.at + form_start.len;
    size_t len = text.len - form_start.len;
    const char *end = len ? memchr(from, '&', len) : NULL;

    return (tdl_str){from, end ? (size_t)(end - from) : len};
}

/* Two buffers in turn: a step reads out of one and writes into the other. */
typedef struct steps {
    tdl_buf *storage; /* holds `text`, unless that is still as it was given */
    tdl_buf other;
    tdl_str text;
} steps;

/* What has been written into `other` is the text now. */
static tdl_status take_step(steps *s, tdl_report *why)
{
    tdl_buf read = *s->storage;

    if (s->other.failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the unwrapped body");
    *s->storage = s->other;
    s->other = read;
    tdl_buf_clear(&s->other);
    s->text = tdl_buf_view(s->storage);
    return TDL_OK;
}

static tdl_status unwrap_form(steps *s, tdl_report *why)
{
    tdl_status st = decode_percent(form_value(s->text), &s->other, why);

    return st ? st : take_step(s, why);
}

static tdl_status inflate_inner(steps *s, size_t max, tdl_report *why)
{
    tdl_status st = tdl_inflate(s->text, max, &s->other, why);

    return st ? st : take_step(s, why);
}

static tdl_status unwrap_once(steps *s, size_t inflated_max, bool *ret_done, tdl_report *why)
{
    tdl_status st;

    if (tdl_str_starts(s->text, form_start) && (st = unwrap_form(s, why)))
        return st;
    if (tdl_body_is_json(s->text) || !decode_base64(s->text, &s->other)) {
        tdl_buf_clear(&s->other);
        *ret_done = true;
        return TDL_OK;
    }
    if ((st = take_step(s, why)))
        return st;
    return tdl_str_starts(s->text, TDL_STR("\x1f\x8b")) ? inflate_inner(s, inflated_max, why)
                                                        : TDL_OK;
}

tdl_status tdl_body_unwrap(tdl_str text, const tdl_body_limits *limits, tdl_buf *storage,
                           tdl_str *ret, tdl_report *why)
{
    steps s = {.storage = storage, .other = {.limit = storage->limit}, .text = text};
    bool done = tdl_body_is_json(text);
    tdl_status st = TDL_OK;

    for (int i = 0; !st && !done && i < WRAPS_MAX; i++)
        st = unwrap_once(&s, tdl_body_inflated_max(limits), &done, why);
    tdl_buf_release(&s.other);
    if (!st && s.text.at != text.at)
        st = tdl_body_check_values(s.text, limits, why);
    if (!st)
        *ret = s.text;
    return st;
}
