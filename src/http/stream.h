/* Stream: an answer that goes on as server-sent events. */
#ifndef TDL_HTTP_STREAM_H
#define TDL_HTTP_STREAM_H

#include "http/request.h"

/* Hands a request that names a channel, or has a tail, over to http->sse.
 *   ret_response  under TLS: the answer, to be queued. NULL otherwise: the socket is handed over,
 *                 and libmicrohttpd is to close its own copy, which ends nothing
 *   returns       TDL_OK | TDL_E_FULL: too many streams, or no descriptor left | TDL_E_NO_MEMORY */
tdl_status tdl_stream_start(tdl_request *request, struct MHD_Response **ret_response,
                            tdl_report *why);

#endif
