/* Exchange: libmicrohttpd's callbacks, and the way of a request through the lanes.
 *
 *   begin      the request line is there            -> a request is made
 *   handle     headers, then body, then answer      -> route, right, body, lane, answer
 *   completed  the answer is out, or it broke off   -> counted, recycled
 *
 * A request that waits is suspended: its connection takes no time of the event thread. Whoever it
 * waits for (a worker, the store's writer) resumes it, once.
 */
#ifndef TDL_HTTP_EXCHANGE_H
#define TDL_HTTP_EXCHANGE_H

#include <microhttpd.h>

#include "http/request.h"

void *tdl_exchange_begin(void *http, const char *uri, struct MHD_Connection *connection);
enum MHD_Result tdl_exchange_handle(void *http, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_n, void **request);
void tdl_exchange_completed(void *http, struct MHD_Connection *connection, void **request,
                            enum MHD_RequestTerminationCode code);

/* A worker's part of it. */
void tdl_exchange_work(tdl_request *request);

#endif
