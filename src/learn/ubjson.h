/* UBJSON: a pull reader of the binary JSON that libxgboost writes its models in.
 *
 * Its arrays say how long they are and of which type, so a model is read without a tree of values
 * in between. Reading treats the bytes as hostile: lengths are checked against what is left, and
 * nesting stops at TDL_JSON_DEPTH_MAX.
 *
 *     tdl_ubjson r = {.at = bytes, .n = n};
 *     for (tdl_ubjson_object(&r); tdl_ubjson_key(&r, &key);)
 *         if (tdl_str_is(key, "name")) tdl_ubjson_str(&r, &name); else tdl_ubjson_skip(&r);
 *     if (r.error) ...
 *
 * Failure      the first one stays in `error`; after it every call answers false and reads nothing
 * Accepted     all of draft 12 but high-precision numbers, and arrays and objects without a count
 *              where a count tells how much to read: of an array it is required
 */
#ifndef TDL_LEARN_UBJSON_H
#define TDL_LEARN_UBJSON_H

#include "base/str.h"

typedef struct tdl_ubjson {
    const char *at; /* [n], borrowed */
    size_t n;
    size_t offset;     /* of what is read next */
    const char *error; /* what is wrong at `offset`; NULL = nothing */
} tdl_ubjson;

/* An array: `n` values of `type`, or, when type is 0, each with its own. */
typedef struct tdl_ubjson_array {
    size_t n;
    char type;
    const char *at; /* of a typed one: its values, big-endian */
} tdl_ubjson_array;

bool tdl_ubjson_object(tdl_ubjson *r);
bool tdl_ubjson_key(tdl_ubjson *r, tdl_str *ret); /* false at the object's end, too */
bool tdl_ubjson_str(tdl_ubjson *r, tdl_str *ret); /* borrowed */
/* The head of an array whose values are read one by one: ret_n of them. */
bool tdl_ubjson_array_of(tdl_ubjson *r, size_t *ret_n);
/* A whole array of numbers, those with one type for all as they lie. */
bool tdl_ubjson_numbers(tdl_ubjson *r, tdl_ubjson_array *ret);
/* Number `index` of it, which must be < n. Integers beyond 2^53 are rounded. */
double tdl_ubjson_number(const tdl_ubjson_array *array, size_t index);
bool tdl_ubjson_skip(tdl_ubjson *r); /* any one value */

#endif
