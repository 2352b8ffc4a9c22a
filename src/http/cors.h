/* CORS: lets pages of any origin use the SDK routes, and only those (protocols 3.10). The answer
 * to an error needs the headers too, or the SDK sees a broken network and retries. */
#ifndef TDL_HTTP_CORS_H
#define TDL_HTTP_CORS_H

#include <stdbool.h>

struct MHD_Connection;
struct MHD_Response;

void tdl_cors_add(struct MHD_Connection *connection, struct MHD_Response *response, bool preflight);

#endif
