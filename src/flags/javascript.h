/* JavaScript: what its operators make of JSON values. GrowthBook's conditions are defined by them.
 *
 * A NULL value is null. Text is UTF-8 and is compared and counted by UTF-16 units, as JavaScript
 * does. Whatever is written goes into a buffer of the caller, whose `failed` tells of no memory.
 */
#ifndef TDL_FLAGS_JAVASCRIPT_H
#define TDL_FLAGS_JAVASCRIPT_H

#include "base/json.h"

bool tdl_js_truthy(const json_t *value);      /* !!value */
double tdl_js_number(const json_t *value);    /* value * 1; NaN when it is no number */
double tdl_js_text_number(tdl_str text);      /* text * 1 */
const char *tdl_js_type(const json_t *value); /* "string", "number", "boolean", "object", "array",
                                                 "null" */

/* String(value): the value itself when it is a string, else written to `scratch` anew. */
tdl_str tdl_js_text(const json_t *value, tdl_buf *scratch);
void tdl_js_add_number(tdl_buf *out, double value); /* String(number): "0.1", "1e+21" */

/* JSON.stringify: members that are array indices first, the others as they came. `exact`: numbers
 * stay what they are as JSON (3.0, integers beyond 2^53), which JavaScript cannot tell apart. */
void tdl_js_stringify(tdl_buf *out, const json_t *value, bool exact);

void tdl_js_lower(tdl_buf *out, tdl_str text); /* text.toLowerCase() */

/* Value at a dotted path; NULL where there is none. An array has its indices and "length", for
 * which `storage` is filled. */
const json_t *tdl_js_path(const json_t *value, const tdl_str *parts, size_t parts_n,
                          json_t **storage);

/* Is it an array index as JavaScript writes it: no sign, no leading zero, below 2^32 - 1? */
bool tdl_js_index(tdl_str key, uint32_t *ret);

/* a === b. Two objects or arrays never are. */
bool tdl_js_same(const json_t *a, const json_t *b);

int tdl_js_text_compare(tdl_str a, tdl_str b); /* by UTF-16 units: < 0, 0, > 0 */

/* The code point at byte `at`, and its bytes. What is no UTF-8 is U+FFFD, one for each byte. */
uint32_t tdl_js_point(tdl_str text, size_t at, size_t *ret_bytes);

/* The text as UTF-16 units. ret: room for text.len units. Gives how many there are. */
size_t tdl_js_units(tdl_str text, uint16_t *ret);

/* One side of <, <=, >, >=, ready to be compared. */
typedef struct tdl_js_operand {
    bool is_text;
    tdl_str text;  /* when is_text */
    double number; /* of the text too */
} tdl_js_operand;

tdl_js_operand tdl_js_operand_of(const json_t *value, tdl_buf *scratch);

typedef enum tdl_js_order {
    TDL_JS_LESS,
    TDL_JS_EQUAL,
    TDL_JS_GREATER,
    TDL_JS_UNORDERED /* a NaN on either side: every comparison is false */
} tdl_js_order;
tdl_js_order tdl_js_compare(const tdl_js_operand *a, const tdl_js_operand *b);

#endif
