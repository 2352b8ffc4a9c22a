/* Treadle's own protocol: events and items as JSON, all or nothing.
 *
 * One object or an array of at most TDL_NATIVE_MAX. A report names the index and the field:
 * "event 3: value must be a number, not a string".
 */
#ifndef TDL_WIRE_NATIVE_NATIVE_H
#define TDL_WIRE_NATIVE_NATIVE_H

#include "store/item.h"
#include "store/store.h"
#include "wire/batch.h"

enum { TDL_NATIVE_MAX = 1000 };

/* ret: to be released by the caller in any case. now_us: of receipt, the default time. */
tdl_status tdl_native_events(tdl_str text, int64_t now_us, tdl_arena *arena, tdl_batch *ret,
                             tdl_report *why);

/* ret [*ret_n]: borrows from `arena` and from *ret_json, which the caller must json_decref. */
tdl_status tdl_native_items(tdl_str text, tdl_arena *arena, tdl_item **ret, size_t *ret_n,
                            json_t **ret_json, tdl_report *why);

/* ---- members of a body ---- */

/* Refuse members that are not among `fields`, a NULL-terminated list. */
tdl_status tdl_native_check_fields(const json_t *object, const char *const *fields,
                                   tdl_report *why);
/* A string member; absent or null leaves ret alone. */
tdl_status tdl_native_text(const json_t *object, const char *field, tdl_str *ret, tdl_report *why);
/* A time: RFC 3339 text, or an integer of microseconds; the same. */
tdl_status tdl_native_time(const json_t *object, const char *field, int64_t *ret, tdl_report *why);
/* An object member as compact JSON text; absent, null and {} give the empty string. */
tdl_status tdl_native_object(const json_t *object, const char *field, tdl_arena *arena,
                             tdl_str *ret, tdl_report *why);

/* ---- what is stored: one JSON object each (answers.c) ---- */

/* TDL_E_NOT_FOUND: a stranger. */
tdl_status tdl_native_write_person(tdl_store *store, tdl_str id, tdl_arena *arena, tdl_jw *w,
                                   tdl_report *why);
tdl_status tdl_native_write_rejects(tdl_store *store, size_t limit, tdl_arena *arena, tdl_jw *w,
                                    tdl_report *why);

#endif
