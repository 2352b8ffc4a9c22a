/* JSON: strict reading through jansson, writing onto a tdl_buf.
 *
 * Reading refuses bad UTF-8, trailing junk, NaN and nesting deeper than 64; a lone surrogate is
 * bad UTF-8 and NUL inside strings is refused. Errors give line, column and byte offset.
 * Writing keeps track of commas; numbers that are not finite are written as null.
 */
#ifndef TDL_BASE_JSON_H
#define TDL_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { TDL_JSON_DEPTH_MAX = 64 };

typedef enum tdl_json_duplicates {
    TDL_JSON_REFUSE_DUPLICATES, /* a key twice in one object is an error */
    TDL_JSON_LAST_WINS          /* what foreign SDKs expect */
} tdl_json_duplicates;

/* Parse one value of any type. ret: the caller's reference, json_decref it. */
tdl_status tdl_json_parse(tdl_str text, tdl_json_duplicates duplicates, json_t **ret,
                          tdl_report *why);

/* Typed members. False when absent, null or of another type. */
bool tdl_json_get_str(const json_t *object, const char *key, tdl_str *ret); /* borrowed */
bool tdl_json_get_number(const json_t *object, const char *key, double *ret);
bool tdl_json_get_int(const json_t *object, const char *key, int64_t *ret);
bool tdl_json_get_bool(const json_t *object, const char *key, bool *ret);
const char *
tdl_json_type_name(const json_t *value); /* "string", "number", "missing" for NULL, ... */

/* A compact dump of `value` appended to `out` (sorted keys, no blanks). */
void tdl_json_dump(tdl_buf *out, const json_t *value);

/* Writer. `{.out = &buf}` starts one value; containers nest to 64. */
typedef struct tdl_jw {
    tdl_buf *out;
    int depth;
    bool after_key;
    bool has_member[TDL_JSON_DEPTH_MAX];
} tdl_jw;

void tdl_jw_object(tdl_jw *w);
void tdl_jw_array(tdl_jw *w);
void tdl_jw_end_object(tdl_jw *w);
void tdl_jw_end_array(tdl_jw *w);
void tdl_jw_key(tdl_jw *w, const char *key);
void tdl_jw_str(tdl_jw *w, tdl_str value);
void tdl_jw_text(tdl_jw *w, const char *value); /* NULL is written as null */
void tdl_jw_int(tdl_jw *w, int64_t value);
void tdl_jw_number(tdl_jw *w, double value); /* shortest of %.15g and %.17g that reads back equal */
void tdl_jw_bool(tdl_jw *w, bool value);
void tdl_jw_null(tdl_jw *w);
void tdl_jw_time(tdl_jw *w, int64_t time_us); /* RFC 3339 string */
void tdl_jw_raw(tdl_jw *w, tdl_str json);     /* already JSON; empty is written as null */

/* "key": value in one call. */
void tdl_jw_kstr(tdl_jw *w, const char *key, tdl_str value);
void tdl_jw_ktext(tdl_jw *w, const char *key, const char *value);
void tdl_jw_kint(tdl_jw *w, const char *key, int64_t value);
void tdl_jw_knumber(tdl_jw *w, const char *key, double value);
void tdl_jw_kbool(tdl_jw *w, const char *key, bool value);
void tdl_jw_ktime(tdl_jw *w, const char *key, int64_t time_us);
void tdl_jw_kraw(tdl_jw *w, const char *key, tdl_str json);

#endif
