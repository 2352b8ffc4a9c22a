/* Flag events: tells the streams of flag SDKs that a definition changed. */
#ifndef TDL_HTTP_FLAG_EVENTS_H
#define TDL_HTTP_FLAG_EVENTS_H

#include "http/request.h"

/* Channels of http->sse. The id of their events is the ETag of the set that is served. */
#define TDL_CHANNEL_OPENFEATURE "openfeature"
#define TDL_CHANNEL_GROWTHBOOK  "growthbook"

/* Watches the loop's flags; says first what is served now, for readers that come back. */
tdl_status tdl_flag_events_start(tdl_http *http, tdl_report *why);
void tdl_flag_events_stop(tdl_http *http); /* nothing is told once it returned */

#endif
