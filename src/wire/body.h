/* Body: the bytes of a request, unpacked to the text they stand for.
 *
 * What is packed is told by the bytes first and by Content-Encoding second, and never by
 * Content-Type: SDKs mislabel.
 * Caps hold while inflating, so a bomb costs no more than its cap.
 */
#ifndef TDL_WIRE_BODY_H
#define TDL_WIRE_BODY_H

#include "base/str.h"

enum { TDL_BODY_INFLATED_MAX = 64 << 20 };

typedef struct tdl_body_limits {
    size_t inflated_max; /* bytes after inflating; 0 = 64 MiB */
    size_t values_max;   /* JSON values, strings and numbers included; 0 = 1,000,000 */
} tdl_body_limits;

/* Undo Content-Encoding: gzip, deflate (with or without zlib's header), identity.
 *   raw       as sent
 *   encoding  value of Content-Encoding; empty = none
 *   storage   holds what was inflated; untouched when nothing was
 *   ret       the text: `raw` itself, or inside `storage`
 *   returns   TDL_OK | TDL_E_INVALID (cannot be unpacked) | TDL_E_TOO_LARGE (a cap) */
tdl_status tdl_body_decode(tdl_str raw, tdl_str encoding, const tdl_body_limits *limits,
                           tdl_buf *storage, tdl_str *ret, tdl_report *why);

/* Undo what SDKs wrap a body in besides: a form "data=...", base64 of either alphabet with or
 * without padding, and packing inside of those, at most twice over. Told by the bytes alone.
 *   text      from tdl_body_decode with the same `storage`, or of a query from "data=" on
 *   ret       JSON text; what is neither JSON nor wrapped comes out as it is
 *   returns   as tdl_body_decode */
tdl_status tdl_body_unwrap(tdl_str text, const tdl_body_limits *limits, tdl_buf *storage,
                           tdl_str *ret, tdl_report *why);

/* Can tdl_body_unwrap leave it alone? */
bool tdl_body_is_json(tdl_str text);

/* Inflate one gzip or zlib stream onto `ret`, whole or not at all. TDL_E_TOO_LARGE past `max`
 * bytes, or past 200 times its packed size when that is more than 1 MiB. */
tdl_status tdl_inflate(tdl_str packed, size_t max, tdl_buf *ret, tdl_report *why);

/* ---- between body.c and body_unwrap.c ---- */

size_t tdl_body_inflated_max(const tdl_body_limits *limits);

/* Upper bound of the values in a JSON text: each follows a bracket, a comma or a colon. */
tdl_status tdl_body_check_values(tdl_str text, const tdl_body_limits *limits, tdl_report *why);

#endif
