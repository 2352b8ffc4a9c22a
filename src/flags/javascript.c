#include "flags/javascript.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "base/utf8.h"

enum { MAX_DIGITS = 17 /* that a double can need */ };

static tdl_str string_of(const json_t *value)
{
    return (tdl_str){json_string_value(value), json_string_length(value)};
}

uint32_t tdl_js_point(tdl_str text, size_t at, size_t *ret_bytes)
{
    static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t n = tdl_utf8_step(text.at + at, text.len - at);

    *ret_bytes = n ? n : 1;
    if (!n)
        return 0xFFFD;
    uint32_t point = (unsigned char)text.at[at] & mask[n];
    for (size_t i = 1; i < n; i++)
        point = point << 6 | ((unsigned char)text.at[at + i] & 0x3f);
    return point;
}

static void add_point(tdl_buf *out, uint32_t point)
{
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t n = utf8proc_encode_char((utf8proc_int32_t)point, bytes);

    tdl_buf_add(out, bytes, (size_t)n);
}

size_t tdl_js_units(tdl_str text, uint16_t *ret)
{
    size_t n = 0, bytes;

    for (size_t at = 0; at < text.len; at += bytes) {
        uint32_t point = tdl_js_point(text, at, &bytes);
        if (point < 0x10000) {
            ret[n++] = (uint16_t)point;
        } else {
            ret[n++] = (uint16_t)(0xD800 + ((point - 0x10000) >> 10));
            ret[n++] = (uint16_t)(0xDC00 + ((point - 0x10000) & 0x3ff));
        }
    }
    return n;
}

/* ---- types and numbers ---- */

const char *tdl_js_type(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_NULL:
        break;
    }
    return "null";
}

bool tdl_js_truthy(const json_t *value)
{
    if (json_is_number(value))
        return json_number_value(value) != 0;
    if (json_is_string(value))
        return json_string_length(value) > 0;
    return json_is_true(value) || json_is_object(value) || json_is_array(value);
}

/* What JavaScript trims off a text before it reads a number. */
static bool is_space(uint32_t point)
{
    return (point >= 9 && point <= 13) || point == ' ' || point == 0xA0 || point == 0xFEFF ||
           point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 ||
           point == 0x2029 || point == 0x202F || point == 0x205F || point == 0x3000;
}

static tdl_str trim(tdl_str text)
{
    size_t from = 0, to = 0, bytes;

    while (from < text.len && is_space(tdl_js_point(text, from, &bytes)))
        from += bytes;
    for (size_t at = from; at < text.len; at += bytes)
        if (!is_space(tdl_js_point(text, at, &bytes)))
            to = at + bytes;
    return (tdl_str){text.at + from, to > from ? to - from : 0};
}

/* "0x1f", "0o17", "0b101": the digits behind the two letters. */
static double number_of_base(tdl_str digits, unsigned base)
{
    double value = 0;

    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.at[i], lower = (char)(c | 0x20);
        unsigned digit = c >= '0' && c <= '9'           ? (unsigned)(c - '0')
                         : lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10
                                                        : 16;
        if (digit >= base)
            return NAN;
        value = value * base + digit;
    }
    return digits.len ? value : NAN;
}

double tdl_js_text_number(tdl_str text)
{
    double value;

    text = trim(text);
    if (!text.len)
        return 0;
    if (text.len > 1 && text.at[0] == '0') {
        char base = (char)(text.at[1] | 0x20);
        if (base == 'x' || base == 'o' || base == 'b')
            return number_of_base((tdl_str){text.at + 2, text.len - 2}, base == 'x'   ? 16
                                                                        : base == 'o' ? 8
                                                                                      : 2);
    }
    if (tdl_str_is(text, "Infinity") || tdl_str_is(text, "+Infinity"))
        return INFINITY;
    if (tdl_str_is(text, "-Infinity"))
        return -INFINITY;
    return tdl_str_double(text, &value) ? value : NAN;
}

double tdl_js_number(const json_t *value)
{
    tdl_buf scratch = {0};

    if (json_is_number(value))
        return json_number_value(value);
    if (json_is_string(value))
        return tdl_js_text_number(string_of(value));
    if (json_is_object(value))
        return NAN;
    if (!json_is_array(value))
        return json_is_true(value);
    double number = tdl_js_text_number(tdl_js_text(value, &scratch));
    tdl_buf_release(&scratch);
    return number;
}

/* The fewest digits that read back as `value`: "d.ddd", the point dropped. Gives the exponent. */
static int shortest_digits(double value, char ret[MAX_DIGITS + 1])
{
    char text[MAX_DIGITS + 16];
    size_t n = 0;

    for (int precision = 0; precision < MAX_DIGITS; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    const char *exponent = strchr(text, 'e');
    for (const char *c = text; c < exponent; c++)
        if (*c >= '0' && *c <= '9' && n < MAX_DIGITS)
            ret[n++] = *c;
    ret[n] = '\0';
    return atoi(exponent + 1);
}

/* Number::toString of ECMA-262: `digits` with the point behind digit `point`. */
static void add_digits(tdl_buf *out, const char *digits, int point)
{
    int n = (int)strlen(digits);

    if (point > 21 || point <= -6) {
        tdl_buf_printf(out, "%c%s%se%+d", digits[0], n > 1 ? "." : "", digits + 1, point - 1);
    } else if (point <= 0) {
        tdl_buf_printf(out, "0.%.*s%s", -point, "000000", digits);
    } else if (n <= point) {
        tdl_buf_text(out, digits);
        for (int i = n; i < point; i++)
            tdl_buf_char(out, '0');
    } else {
        tdl_buf_printf(out, "%.*s.%s", point, digits, digits + point);
    }
}

void tdl_js_add_number(tdl_buf *out, double value)
{
    char digits[MAX_DIGITS + 1];

    if (isnan(value)) {
        tdl_buf_text(out, "NaN");
        return;
    }
    if (value < 0)
        tdl_buf_char(out, '-');
    value = fabs(value);
    if (isinf(value)) {
        tdl_buf_text(out, "Infinity");
    } else if (value < 1e15 && value == floor(value)) {
        tdl_buf_printf(out, "%lld", (long long)value);
    } else {
        int exponent = shortest_digits(value, digits);
        add_digits(out, digits, exponent + 1);
    }
}

/* ---- text ---- */

static void add_text(tdl_buf *out, const json_t *value)
{
    if (json_is_string(value)) {
        tdl_buf_str(out, string_of(value));
    } else if (json_is_number(value)) {
        tdl_js_add_number(out, json_number_value(value));
    } else if (json_is_boolean(value)) {
        tdl_buf_text(out, json_is_true(value) ? "true" : "false");
    } else if (json_is_object(value)) {
        tdl_buf_text(out, "[object Object]");
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            const json_t *element = json_array_get(value, i);
            if (i)
                tdl_buf_char(out, ',');
            if (!json_is_null(element))
                add_text(out, element);
        }
    } else {
        tdl_buf_text(out, "null");
    }
}

tdl_str tdl_js_text(const json_t *value, tdl_buf *scratch)
{
    if (json_is_string(value))
        return string_of(value);
    scratch->len = 0; // not cleared: what failed once stays known
    add_text(scratch, value);
    return tdl_buf_view(scratch);
}

static bool is_letter(tdl_str text, size_t at)
{
    size_t bytes;
    utf8proc_category_t category =
        utf8proc_category((utf8proc_int32_t)tdl_js_point(text, at, &bytes));

    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
           category == UTF8PROC_CATEGORY_LT;
}

/* Two capitals have a rule of their own: the dotted I, and the sigma that ends a word. */
void tdl_js_lower(tdl_buf *out, tdl_str text)
{
    size_t bytes, before = 0;

    for (size_t at = 0; at < text.len; before = at, at += bytes) {
        uint32_t point = tdl_js_point(text, at, &bytes);
        if (point < 0x80) {
            tdl_buf_char(out, (char)(point >= 'A' && point <= 'Z' ? point | 0x20 : point));
        } else if (point == 0x130) {
            tdl_buf_text(out, "i\xCC\x87");
        } else if (point == 0x3A3) {
            bool ends = at > 0 && is_letter(text, before) &&
                        (at + bytes >= text.len || !is_letter(text, at + bytes));
            add_point(out, ends ? 0x3C2 : 0x3C3);
        } else {
            add_point(out, (uint32_t)utf8proc_tolower((utf8proc_int32_t)point));
        }
    }
}

/* Above the surrogates a point of one unit sorts behind every pair. */
static uint32_t first_unit(uint32_t point)
{
    return point < 0x10000 ? point : 0xD800 + ((point - 0x10000) >> 10);
}

int tdl_js_text_compare(tdl_str a, tdl_str b)
{
    size_t at = 0, shorter = a.len < b.len ? a.len : b.len, bytes;

    while (at < shorter && a.at[at] == b.at[at])
        at++;
    if (at == shorter)
        return a.len < b.len ? -1 : a.len > b.len;
    while (at && ((unsigned char)a.at[at] & 0xC0) == 0x80)
        at--; // to the first byte of the code point
    uint32_t left = tdl_js_point(a, at, &bytes), right = tdl_js_point(b, at, &bytes);
    uint32_t left_unit = first_unit(left), right_unit = first_unit(right);
    if (left_unit != right_unit)
        return left_unit < right_unit ? -1 : 1;
    return left < right ? -1 : left > right;
}

/* ---- members ---- */

bool tdl_js_index(tdl_str key, uint32_t *ret)
{
    uint64_t value = 0;

    if (!key.len || key.len > 10 || (key.at[0] == '0' && key.len > 1))
        return false;
    for (size_t i = 0; i < key.len; i++) {
        if (key.at[i] < '0' || key.at[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(key.at[i] - '0');
    }
    *ret = (uint32_t)value;
    return value < UINT32_MAX;
}

static const json_t *member(const json_t *value, tdl_str key, json_t **storage)
{
    uint32_t index;

    if (json_is_object(value))
        return json_object_getn(value, key.at, key.len);
    if (!json_is_array(value))
        return NULL;
    if (tdl_str_is(key, "length")) {
        json_decref(*storage);
        return *storage = json_integer((json_int_t)json_array_size(value));
    }
    return tdl_js_index(key, &index) ? json_array_get(value, index) : NULL;
}

const json_t *tdl_js_path(const json_t *value, const tdl_str *parts, size_t parts_n,
                          json_t **storage)
{
    for (size_t i = 0; value && i < parts_n; i++)
        value = member(value, parts[i], storage);
    return value;
}

bool tdl_js_same(const json_t *a, const json_t *b)
{
    if (json_is_string(a) && json_is_string(b))
        return tdl_str_eq(string_of(a), string_of(b));
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    json_type left = a ? json_typeof(a) : JSON_NULL, right = b ? json_typeof(b) : JSON_NULL;
    return left == right && (left == JSON_TRUE || left == JSON_FALSE || left == JSON_NULL);
}

/* ---- order ---- */

tdl_js_operand tdl_js_operand_of(const json_t *value, tdl_buf *scratch)
{
    tdl_js_operand operand = {.is_text = json_is_string(value) || json_is_array(value) ||
                                         json_is_object(value)};

    if (operand.is_text) {
        operand.text = tdl_js_text(value, scratch);
        operand.number = tdl_js_text_number(operand.text);
    } else {
        operand.number = tdl_js_number(value);
    }
    return operand;
}

tdl_js_order tdl_js_compare(const tdl_js_operand *a, const tdl_js_operand *b)
{
    if (a->is_text && b->is_text) {
        int order = tdl_js_text_compare(a->text, b->text);
        return order < 0 ? TDL_JS_LESS : order > 0 ? TDL_JS_GREATER : TDL_JS_EQUAL;
    }
    if (isnan(a->number) || isnan(b->number))
        return TDL_JS_UNORDERED;
    return a->number < b->number   ? TDL_JS_LESS
           : a->number > b->number ? TDL_JS_GREATER
                                   : TDL_JS_EQUAL;
}
