/* CORS: lets pages of any origin use the SDK routes, and only those (protocols 3.10). The answer
 * to an error needs the headers too, or the SDK sees a broken network and retries. */
#ifndef TDL_HTTP_CORS_H
#define TDL_HTTP_CORS_H

#include <stdbool.h>
#include <stddef.h>

struct MHD_Connection;
struct MHD_Response;

typedef struct tdl_cors_field {
    const char *name, *value; /* the value is borrowed from the request, and free of line breaks */
} tdl_cors_field;

enum { TDL_CORS_FIELDS_MAX = 8 };

/* The header fields of an answer. Gives how many. */
size_t tdl_cors_fields(struct MHD_Connection *connection, bool preflight,
                       tdl_cors_field ret[TDL_CORS_FIELDS_MAX]);

void tdl_cors_add(struct MHD_Connection *connection, struct MHD_Response *response, bool preflight);

#endif
