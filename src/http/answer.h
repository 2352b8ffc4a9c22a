/* Answer: what a handler left in the request, as an HTTP response. */
#ifndef TDL_HTTP_ANSWER_H
#define TDL_HTTP_ANSWER_H

#include <microhttpd.h>

#include "http/request.h"

/* Queues it on the request's connection. A failed request is answered with a problem (RFC 9457),
 * or as its SDK expects. */
enum MHD_Result tdl_answer_send(tdl_request *request);

#endif
