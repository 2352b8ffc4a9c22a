/* Body reader: collects a request's body under its caps. A body nobody wants is read and thrown
 * away, so that the connection stays in step and its client gets to see the answer. */
#ifndef TDL_HTTP_BODY_READER_H
#define TDL_HTTP_BODY_READER_H

#include "http/request.h"

/* Before the body: refuse by Content-Length what is too large anyway. */
void tdl_body_announce(tdl_request *request);

/* A piece of it. False: far too much was sent, drop the connection. */
bool tdl_body_take(tdl_request *request, const char *bytes, size_t n);

/* Does it look as if it must be inflated first? */
bool tdl_body_packed(const tdl_request *request);

/* After its end: unpack it into request->text. */
tdl_status tdl_body_finish(tdl_request *request, tdl_report *why);

#endif
