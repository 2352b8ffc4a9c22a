/* Stream: an answer that goes on as server-sent events. */
#ifndef TDL_HTTP_STREAM_H
#define TDL_HTTP_STREAM_H

#include "http/request.h"

/* Hands the socket of a request that names a channel over to http->sse; libmicrohttpd is to close
 * its own copy then, which ends nothing. TDL_E_FULL: too many streams, or no descriptor left. */
tdl_status tdl_stream_start(tdl_request *request, tdl_report *why);

#endif
