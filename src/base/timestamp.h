/* Time: int64 microseconds since 1970 UTC, and RFC 3339 text. */
#ifndef TDL_BASE_TIMESTAMP_H
#define TDL_BASE_TIMESTAMP_H

#include <stdint.h>

#include "base/str.h"

enum { TDL_TIME_TEXT_MAX = 40 };

int64_t tdl_time_now(void);       /* wall clock, microseconds */
int64_t tdl_time_monotonic(void); /* never goes back; for durations only, microseconds */
double tdl_time_cpu_thread(void); /* CPU seconds of the calling thread */

/* "2026-11-24T10:00:00.5+08:00", "...Z", a blank or 't' instead of 'T', up to 9 digits of fraction
 * (cut to microseconds), "2026-11-24" alone (midnight UTC). A leap second :60 reads as the next
 * second. Refused: a missing zone after a time, fields out of range, years outside 0000-9999. */
tdl_status tdl_time_parse(tdl_str text, int64_t *ret_us, tdl_report *why);

/* Shortest exact form in UTC, "2026-11-24T02:00:00.5Z"; years outside 0000-9999 are clamped. */
void tdl_time_format(int64_t time_us, char ret[TDL_TIME_TEXT_MAX]);

#endif
