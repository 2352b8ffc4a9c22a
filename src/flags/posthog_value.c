#include "flags/posthog_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

/* ---- numbers ---- */

/* The fewest digits that read back equal, without their point, and the decimal exponent. */
static int shortest_digits(double number, char digits[24], int *ret_exponent)
{
    char text[40];

    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    char *e = strchr(text, 'e');
    int n = 0;
    for (char *at = text; at < e; at++)
        if (*at >= '0' && *at <= '9')
            digits[n++] = *at;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
    *ret_exponent = atoi(e + 1);
    return n;
}

void tdl_posthog_number_text(double number, char ret[TDL_POSTHOG_NUMBER_MAX])
{
    const char *sign = number < 0 ? "-" : "";
    char digits[24];
    int exponent;

    if (number == 0) {
        snprintf(ret, TDL_POSTHOG_NUMBER_MAX, "0");
        return;
    }
    int k = shortest_digits(fabs(number), digits, &exponent), point = exponent + 1;
    if (point >= k && point <= 21)
        snprintf(ret, TDL_POSTHOG_NUMBER_MAX, "%s%s%.*s", sign, digits, point - k,
                 "000000000000000000000");
    else if (point > 0 && point <= 21)
        snprintf(ret, TDL_POSTHOG_NUMBER_MAX, "%s%.*s.%s", sign, point, digits, digits + point);
    else if (point > -6 && point <= 0)
        snprintf(ret, TDL_POSTHOG_NUMBER_MAX, "%s0.%.*s%s", sign, -point, "000000", digits);
    else
        snprintf(ret, TDL_POSTHOG_NUMBER_MAX, "%s%c%s%se%+d", sign, digits[0], k > 1 ? "." : "",
                 digits + 1, exponent);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The longest decimal number that the text begins with. */
static bool parse_float(tdl_str text, double *ret)
{
    char number[352]; // digits past these change no double that matters here
    size_t i = 0, n = 0, digits = 0;

    while (i < text.len && is_space(text.at[i]))
        i++;
    for (bool point = false; i < text.len && n < sizeof number - 8; i++) {
        char c = text.at[i];
        bool digit = c >= '0' && c <= '9', sign = !n && (c == '-' || c == '+');
        if (!digit && !sign && (point || c != '.'))
            break;
        point |= c == '.';
        digits += digit;
        number[n++] = c;
    }
    if (!digits)
        return false;
    if (i + 1 < text.len && (text.at[i] == 'e' || text.at[i] == 'E')) {
        size_t sign = text.at[i + 1] == '-' || text.at[i + 1] == '+';
        size_t from = i + 1 + sign, to = from;
        while (to < text.len && to - from < 5 && text.at[to] >= '0' && text.at[to] <= '9')
            to++;
        if (to > from) {
            memcpy(number + n, text.at + i, to - i);
            n += to - i;
        }
    }
    number[n] = '\0';
    *ret = strtod(number, NULL);
    return isfinite(*ret);
}

bool tdl_posthog_number(const json_t *value, double *ret)
{
    if (json_is_number(value)) {
        *ret = json_number_value(value);
        return true;
    }
    if (json_is_string(value))
        return parse_float((tdl_str){json_string_value(value), json_string_length(value)}, ret);
    return json_is_array(value) && tdl_posthog_number(json_array_get(value, 0), ret);
}

/* ---- texts ---- */

static void write_text(tdl_buf *out, const json_t *value)
{
    char number[TDL_POSTHOG_NUMBER_MAX];

    switch (json_typeof(value)) {
    case JSON_STRING:
        tdl_buf_add(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        tdl_posthog_number_text(json_number_value(value), number);
        tdl_buf_text(out, number);
        break;
    case JSON_ARRAY:
        for (size_t i = 0; i < json_array_size(value); i++) {
            const json_t *member = json_array_get(value, i);
            if (i)
                tdl_buf_char(out, ',');
            if (!json_is_null(member))
                write_text(out, member);
        }
        break;
    case JSON_OBJECT:
        tdl_buf_text(out, "[object Object]");
        break;
    default:
        tdl_buf_text(out, json_is_null(value) ? "null" : json_is_true(value) ? "true" : "false");
    }
}

static tdl_str keep(tdl_buf *text, tdl_arena *arena)
{
    tdl_str kept = text->failed ? (tdl_str){0} : tdl_arena_str(arena, tdl_buf_view(text));

    tdl_buf_release(text);
    return kept;
}

/* Without a copy where there is none to make. */
static bool plain_text(const json_t *value, tdl_str *ret)
{
    if (json_is_string(value))
        *ret = (tdl_str){json_string_value(value), json_string_length(value)};
    else if (json_is_boolean(value))
        *ret = json_is_true(value) ? TDL_STR("true") : TDL_STR("false");
    else if (json_is_null(value))
        *ret = TDL_STR("null");
    else
        return false;
    return true;
}

tdl_str tdl_posthog_text(const json_t *value, tdl_arena *arena)
{
    tdl_buf out = {0};
    tdl_str text;

    if (plain_text(value, &text))
        return text;
    write_text(&out, value);
    return keep(&out, arena);
}

tdl_str tdl_posthog_exact_text(const json_t *value, tdl_arena *arena)
{
    tdl_buf out = {0};
    tdl_str text;
    char number[TDL_POSTHOG_NUMBER_MAX];

    if (plain_text(value, &text))
        return text;
    if (json_is_real(value)) {
        tdl_posthog_number_text(json_real_value(value), number);
        tdl_buf_text(&out, number);
        if (!strpbrk(number, ".e"))
            tdl_buf_text(&out, ".0"); // 3.0 is not 3 as JSON
    } else {
        tdl_json_dump(&out, value);
    }
    return keep(&out, arena);
}

bool tdl_posthog_is_ascii(tdl_str text)
{
    unsigned char all = 0;

    for (size_t i = 0; i < text.len; i++)
        all |= (unsigned char)text.at[i];
    return all < 0x80;
}

tdl_str tdl_posthog_ascii_lower(tdl_str text, tdl_arena *arena)
{
    char *lower = tdl_arena_alloc(arena, text.len + 1, 1);

    if (!lower)
        return (tdl_str){0};
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    lower[text.len] = '\0';
    return (tdl_str){lower, text.len};
}

static bool is_letter(utf8proc_int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
           category == UTF8PROC_CATEGORY_LT;
}

static utf8proc_int32_t code_point(tdl_str text, size_t at, size_t *ret_n)
{
    utf8proc_int32_t c = -1;
    utf8proc_ssize_t n = at < text.len ? utf8proc_iterate((const utf8proc_uint8_t *)text.at + at,
                                                          (utf8proc_ssize_t)(text.len - at), &c)
                                       : 0;

    *ret_n = n > 0 ? (size_t)n : 1;
    return n > 0 ? c : -1;
}

tdl_str tdl_posthog_lower(tdl_str text, tdl_arena *arena)
{
    enum { SIGMA = 0x3a3, FINAL_SIGMA = 0x3c2, I_WITH_DOT = 0x130, DOT_ABOVE = 0x307 };
    utf8proc_int32_t before = -1;
    utf8proc_uint8_t bytes[4];
    tdl_buf out = {0};

    if (tdl_posthog_is_ascii(text))
        return tdl_posthog_ascii_lower(text, arena);
    for (size_t i = 0, n, next_n; i < text.len; i += n) {
        utf8proc_int32_t c = code_point(text, i, &n), lower = utf8proc_tolower(c);
        if (c == I_WITH_DOT)
            lower = 'i';
        else if (c == SIGMA && is_letter(before) && !is_letter(code_point(text, i + n, &next_n)))
            lower = FINAL_SIGMA;
        tdl_buf_add(&out, bytes, (size_t)utf8proc_encode_char(lower, bytes));
        if (c == I_WITH_DOT)
            tdl_buf_add(&out, bytes, (size_t)utf8proc_encode_char(DOT_ABOVE, bytes));
        before = c;
    }
    return keep(&out, arena);
}

/* Bytes of UTF-8 in the order of UTF-16: what needs a surrogate pair stands before U+E000. */
static int rank(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte == 0xee || byte == 0xef ? byte + 0x10 : byte;
}

int tdl_posthog_compare(tdl_str a, tdl_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < n; i++)
        if (a.at[i] != b.at[i])
            return rank(a.at[i]) < rank(b.at[i]) ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

/* ---- versions ---- */

static bool next_part(tdl_str *rest, tdl_str *ret)
{
    if (!rest->at)
        return false;
    const char *dot = rest->len ? memchr(rest->at, '.', rest->len) : NULL;
    size_t n = dot ? (size_t)(dot - rest->at) : rest->len;
    *ret = (tdl_str){rest->at, n};
    *rest = dot ? (tdl_str){dot + 1, rest->len - n - 1} : (tdl_str){0};
    return true;
}

/* Digits only, and no zero before others. */
static bool parse_part(tdl_str part, double *ret)
{
    double number = 0;

    if (!part.len || part.len > 300 || (part.len > 1 && part.at[0] == '0'))
        return false;
    for (size_t i = 0; i < part.len; i++) {
        if (part.at[i] < '0' || part.at[i] > '9')
            return false;
        number = number * 10 + (part.at[i] - '0');
    }
    *ret = number;
    return true;
}

static tdl_str without_v(tdl_str text)
{
    text = tdl_str_trim(text);
    if (text.len && (text.at[0] == 'v' || text.at[0] == 'V'))
        text = (tdl_str){text.at + 1, text.len - 1};
    return text;
}

bool tdl_posthog_version_parse(tdl_str text, tdl_posthog_version *ret)
{
    tdl_str rest = without_v(text), part;

    for (size_t i = 0; i < rest.len; i++)
        if (rest.at[i] == '-' || rest.at[i] == '+')
            rest.len = i;
    if (!rest.len || rest.at[0] == '.')
        return false;
    *ret = (tdl_posthog_version){0};
    for (int i = 0; i < 3 && next_part(&rest, &part); i++)
        if (part.len && !parse_part(part, &ret->part[i]))
            return false;
    return true;
}

int tdl_posthog_version_compare(const tdl_posthog_version *a, const tdl_posthog_version *b)
{
    for (int i = 0; i < 3; i++)
        if (a->part[i] != b->part[i])
            return a->part[i] < b->part[i] ? -1 : 1;
    return 0;
}

bool tdl_posthog_wildcard_parse(tdl_str text, tdl_posthog_version *ret_low,
                                tdl_posthog_version *ret_high)
{
    tdl_str rest = without_v(text), part;

    if (rest.len >= 2 && rest.at[rest.len - 1] == '*' && rest.at[rest.len - 2] == '.')
        rest.len -= 2;
    if (rest.len && rest.at[rest.len - 1] == '*')
        rest.len--;
    if (!rest.len)
        return false;
    *ret_low = (tdl_posthog_version){0};
    if (!next_part(&rest, &part) || !parse_part(part, &ret_low->part[0]))
        return false;
    bool minor = next_part(&rest, &part);
    if (minor && !parse_part(part, &ret_low->part[1]))
        return false;
    *ret_high = *ret_low;
    ret_high->part[minor]++;
    return true;
}
