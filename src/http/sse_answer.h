/* Answer: the far end of a stream that libmicrohttpd writes, as it must where it does TLS.
 *
 * Two hold one: the reader, on the thread of sse.c, and libmicrohttpd's response. Whoever lets go
 * last frees it. While there is nothing to send, its connection is suspended.
 */
#ifndef TDL_HTTP_SSE_ANSWER_H
#define TDL_HTTP_SSE_ANSWER_H

#include "base/str.h"

struct MHD_Connection;
struct MHD_Response;

typedef struct tdl_sse_answer tdl_sse_answer;

/* ret_response: to be queued on the connection, and destroyed, as any other. NULL: no memory. */
tdl_sse_answer *tdl_sse_answer_new(struct MHD_Connection *connection,
                                   struct MHD_Response **ret_response);

/* The reader's side. Each gives false when its stream is to be dropped. */
bool tdl_sse_answer_send(tdl_sse_answer *answer, tdl_str bytes);
bool tdl_sse_answer_beat(tdl_sse_answer *answer); /* a heartbeat is due */
bool tdl_sse_answer_waits(tdl_sse_answer *answer);
void tdl_sse_answer_end(tdl_sse_answer *answer); /* nothing more is sent; lets go of it */

#endif
