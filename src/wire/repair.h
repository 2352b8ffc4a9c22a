/* Repair: JSON as JavaScript writes it to JSON as jansson reads it. */
#ifndef TDL_WIRE_REPAIR_H
#define TDL_WIRE_REPAIR_H

#include "base/json.h"

/* JSON text as SDKs mean it: lone surrogates become U+FFFD, \u0000 goes away, integers beyond 2^53
 * become text. ret: `text` itself when there is nothing to mend, else in `storage`. Text that is
 * no JSON passes through as it is. */
tdl_str tdl_repair(tdl_str text, tdl_buf *storage);

/* Parse a foreign body: repaired, and of equal keys the last wins. ret: the caller's reference. */
tdl_status tdl_repair_parse(tdl_str text, json_t **ret, tdl_report *why);

#endif
