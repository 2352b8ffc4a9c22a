/* Clock: times as SDKs write them, and when something happened by our own clock. */
#ifndef TDL_WIRE_CLOCK_H
#define TDL_WIRE_CLOCK_H

#include "base/json.h"

/* RFC 3339, or seconds or milliseconds since 1970, as text or number. False when it is no time. */
bool tdl_clock_read(const json_t *value, int64_t *ret_us);
bool tdl_clock_parse(tdl_str text, int64_t *ret_us);

/* When the event happened by our clock (protocols 3.4): what the sender's clock is off by is
 * added when it is more than 10 s; nothing is later than a minute after receipt.
 *   raw_us   the event's own timestamp
 *   sent_us  when the sender says it sent, -1 = it does not say */
int64_t tdl_clock_correct(int64_t raw_us, int64_t sent_us, int64_t received_us);

#endif
