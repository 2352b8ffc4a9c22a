/* Query: the parameters behind "?", and percent-encoding. A report names the parameter. */
#ifndef TDL_HTTP_QUERY_H
#define TDL_HTTP_QUERY_H

#include "base/arena.h"
#include "base/str.h"

/* Undo percent-encoding; `plus`: "+" is a blank. Refused: broken escapes, invalid UTF-8, control
 * characters. ret lives in `arena`, or is `text` itself. */
tdl_status tdl_percent_decode(tdl_str text, bool plus, tdl_arena *arena, tdl_str *ret,
                              tdl_report *why);

/* Value of parameter `name` as sent; false when it is absent. */
bool tdl_query_find(tdl_str query, const char *name, tdl_str *ret);

/* Value of parameter `name`, at most `max` bytes; the empty string when it is absent. */
tdl_status tdl_query_text(tdl_str query, const char *name, size_t max, tdl_arena *arena,
                          tdl_str *ret, tdl_report *why);

/* An integer within [low, high]; `fallback` when it is absent. */
tdl_status tdl_query_int(tdl_str query, const char *name, int64_t low, int64_t high,
                         int64_t fallback, tdl_arena *arena, int64_t *ret, tdl_report *why);

/* A time as RFC 3339; `fallback` when it is absent. */
tdl_status tdl_query_time(tdl_str query, const char *name, int64_t fallback, tdl_arena *arena,
                          int64_t *ret_us, tdl_report *why);

#endif
