/* An event as POST /v1/events and `treadle import` take it. */
#ifndef TDL_CLI_EVENT_JSON_H
#define TDL_CLI_EVENT_JSON_H

#include "base/json.h"
#include "treadle/event.h"

/* One JSON object; what is empty is left out, but for the time, in microseconds since 1970. */
void tdl_event_write(tdl_jw *out, const tdl_event *event);

#endif
