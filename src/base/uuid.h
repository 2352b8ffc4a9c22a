/* UUID version 7 (RFC 9562): 48 bits of milliseconds, then randomness. */
#ifndef TDL_BASE_UUID_H
#define TDL_BASE_UUID_H

#include <stdint.h>

#include "base/str.h"

/* A new id, NUL-terminated lower-case text. Ids made by one thread sort by creation. Thread-safe.
 */
void tdl_uuid7(char ret[37]);

/* True when `text` is 36 characters of hexadecimal digits and dashes in the right places. */
bool tdl_uuid_valid(tdl_str text);

#endif
