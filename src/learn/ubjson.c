#include "learn/ubjson.h"

#include <string.h>

#include "base/json.h"

static void fail(tdl_ubjson *r, const char *error)
{
    if (!r->error)
        r->error = error;
}

/* Bytes of a number; 0: the marker is not of one. */
static size_t width_of(char type)
{
    switch (type) {
    case 'i':
    case 'U':
        return 1;
    case 'I':
        return 2;
    case 'l':
    case 'd':
        return 4;
    case 'L':
    case 'D':
        return 8;
    default:
        return 0;
    }
}

static double number_at(char type, const char *at)
{
    uint64_t bits = 0;
    float single;
    double value;

    for (size_t i = 0; i < width_of(type); i++)
        bits = bits << 8 | (unsigned char)at[i];
    switch (type) {
    case 'i':
        return (int8_t)bits;
    case 'U':
        return (double)bits;
    case 'I':
        return (int16_t)bits;
    case 'l':
        return (int32_t)bits;
    case 'L':
        return (double)(int64_t)bits;
    case 'd': {
        uint32_t narrow = (uint32_t)bits;
        memcpy(&single, &narrow, sizeof single);
        return (double)single;
    }
    default:
        memcpy(&value, &bits, sizeof value);
        return value;
    }
}

static bool take(tdl_ubjson *r, size_t n, const char **ret)
{
    if (r->error)
        return false;
    if (n > r->n - r->offset) {
        fail(r, "it ends in the middle");
        return false;
    }
    *ret = r->at + r->offset;
    r->offset += n;
    return true;
}

/* The next marker, not consumed; 0 at the end. */
static char peek(const tdl_ubjson *r)
{
    return r->offset < r->n ? r->at[r->offset] : '\0';
}

static bool expect(tdl_ubjson *r, char marker, const char *error)
{
    if (r->error)
        return false;
    if (peek(r) != marker) {
        fail(r, error);
        return false;
    }
    r->offset++;
    return true;
}

static bool take_length(tdl_ubjson *r, size_t *ret)
{
    const char *type, *at;
    double n;

    if (!take(r, 1, &type))
        return false;
    if (!width_of(*type) || *type == 'd' || *type == 'D') {
        fail(r, "a length that is no integer");
        return false;
    }
    if (!take(r, width_of(*type), &at))
        return false;
    n = number_at(*type, at);
    if (!(n >= 0 && n <= (double)(r->n - r->offset))) {
        fail(r, "longer than all that follows");
        return false;
    }
    *ret = (size_t)n;
    return true;
}

static bool take_str(tdl_ubjson *r, tdl_str *ret)
{
    return take_length(r, &ret->len) && take(r, ret->len, &ret->at);
}

bool tdl_ubjson_object(tdl_ubjson *r)
{
    if (!expect(r, '{', "an object is missing"))
        return false;
    if (peek(r) != '$' && peek(r) != '#')
        return true;
    fail(r, "an object with a count");
    return false;
}

bool tdl_ubjson_key(tdl_ubjson *r, tdl_str *ret)
{
    if (r->error)
        return false;
    if (peek(r) == '}') {
        r->offset++;
        return false;
    }
    return take_str(r, ret);
}

bool tdl_ubjson_str(tdl_ubjson *r, tdl_str *ret)
{
    return expect(r, 'S', "a text is missing") && take_str(r, ret);
}

static bool take_array(tdl_ubjson *r, tdl_ubjson_array *ret)
{
    const char *type = NULL;
    size_t width = 1; /* of a value, at least */

    *ret = (tdl_ubjson_array){0};
    if (!expect(r, '[', "an array is missing"))
        return false;
    if (peek(r) == '$') {
        r->offset++;
        if (!take(r, 1, &type))
            return false;
        width = width_of(*type);
        if (!width) {
            fail(r, "an array of something else than numbers");
            return false;
        }
        ret->type = *type;
    }
    if (!expect(r, '#', "an array without a count") || !take_length(r, &ret->n))
        return false;
    if (ret->n > (r->n - r->offset) / width) {
        fail(r, "longer than all that follows");
        return false;
    }
    ret->at = r->at + r->offset;
    if (type)
        r->offset += ret->n * width;
    return true;
}

bool tdl_ubjson_array_of(tdl_ubjson *r, size_t *ret_n)
{
    tdl_ubjson_array array;

    if (!take_array(r, &array))
        return false;
    if (array.type && array.n) {
        fail(r, "an array of numbers is not one of objects");
        return false;
    }
    *ret_n = array.n;
    return true;
}

/* Numbers that come each with their type are taken when all have the same: then value i is at
 * i * (1 + width) + 1, which _number knows by a type in upper half. */
bool tdl_ubjson_numbers(tdl_ubjson *r, tdl_ubjson_array *ret)
{
    const char *at;
    char type;

    if (!take_array(r, ret))
        return false;
    if (ret->type || !ret->n)
        return true;
    type = peek(r);
    if (!width_of(type)) {
        fail(r, "a number is missing");
        return false;
    }
    for (size_t i = 0; i < ret->n; i++)
        if (!expect(r, type, "numbers of different types") || !take(r, width_of(type), &at))
            return false;
    ret->type = (char)(type | '\x80');
    return true;
}

double tdl_ubjson_number(const tdl_ubjson_array *array, size_t index)
{
    char type = (char)(array->type & '\x7f');

    if (type == array->type)
        return number_at(type, array->at + index * width_of(type));
    return number_at(type, array->at + index * (1 + width_of(type)) + 1);
}

static bool skip(tdl_ubjson *r, int depth)
{
    tdl_ubjson_array array;
    tdl_str text;
    const char *at;
    char marker = peek(r);

    if (r->error)
        return false;
    if (depth > TDL_JSON_DEPTH_MAX) {
        fail(r, "nested too deep");
        return false;
    }
    switch (marker) {
    case '{':
        for (tdl_ubjson_object(r); tdl_ubjson_key(r, &text);)
            skip(r, depth + 1);
        return !r->error;
    case '[':
        if (!take_array(r, &array))
            return false;
        for (size_t i = 0; !array.type && i < array.n; i++)
            if (!skip(r, depth + 1))
                return false;
        return true;
    case 'S':
        return tdl_ubjson_str(r, &text);
    case 'T':
    case 'F':
    case 'Z':
    case 'N':
        return take(r, 1, &at);
    case 'C':
        return take(r, 2, &at);
    default:
        if (!width_of(marker)) {
            fail(r, "a value is missing");
            return false;
        }
        return take(r, 1 + width_of(marker), &at);
    }
}

bool tdl_ubjson_skip(tdl_ubjson *r)
{
    return skip(r, 0);
}
