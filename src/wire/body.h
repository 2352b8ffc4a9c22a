/* Body: the bytes of a request, unpacked to the text they stand for.
 *
 * What is packed is told by the bytes first and by Content-Encoding second: SDKs mislabel.
 * Caps hold while inflating, so a bomb costs no more than its cap.
 */
#ifndef TDL_WIRE_BODY_H
#define TDL_WIRE_BODY_H

#include "base/str.h"

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

/* Inflate one gzip or zlib stream onto `ret`, whole or not at all. TDL_E_TOO_LARGE past `max`
 * bytes, or past 200 times its packed size when that is more than 1 MiB. */
tdl_status tdl_inflate(tdl_str packed, size_t max, tdl_buf *ret, tdl_report *why);

#endif
