/* Gate: what a request must pass before its handler: is the server open, has this address asked too
 * often, is the key good, has the key been used too often.
 */
#ifndef TDL_HTTP_GATE_H
#define TDL_HTTP_GATE_H

#include <microhttpd.h>

#include "http/request.h"

/* A connection comes or goes (MHD_OPTION_NOTIFY_CONNECTION). */
void tdl_gate_connection(void *http, struct MHD_Connection *connection, void **context,
                         enum MHD_ConnectionNotificationCode what);
tdl_connection *tdl_gate_connection_of(struct MHD_Connection *connection); /* may be NULL */

/* Once the route is known, before the body. Notes `key_in_body` when the key may still come.
 * TDL_E_FULL: not open yet. TDL_E_RATE: too often. TDL_E_UNAUTHORIZED, TDL_E_FORBIDDEN. */
tdl_status tdl_gate_enter(tdl_request *request, tdl_report *why);

/* The same without the key, for requests that no route is for. */
tdl_status tdl_gate_door(tdl_request *request, tdl_report *why);

/* Before a question is worked on that takes a while: has it lain in the socket for so long that who
 * asked has gone, or asks again, while a crowd is connected? TDL_E_FULL then: beyond what can be
 * answered a part is answered in time, instead of all too late. */
tdl_status tdl_gate_patience(tdl_request *request, tdl_report *why);

/* The key that a body brought; as above. */
tdl_status tdl_gate_key(tdl_request *request, tdl_str key, tdl_report *why);

/* The session whose cookie came along. False: none, or none that is good. Its key may be revoked.
 */
bool tdl_gate_session(tdl_request *request, tdl_session *ret);

/* The client's address, looked for behind the proxies we trust. */
tdl_address tdl_gate_client(tdl_request *request);

#endif
