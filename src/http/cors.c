#include "http/cors.h"

#include <microhttpd.h>

static const char *sent(struct MHD_Connection *connection, const char *field)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, field);
}

void tdl_cors_add(struct MHD_Connection *connection, struct MHD_Response *response, bool preflight)
{
    const char *origin = sent(connection, MHD_HTTP_HEADER_ORIGIN);

    MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Origin");
    if (!origin)
        return;
    MHD_add_response_header(response, "Access-Control-Allow-Origin", origin);
    MHD_add_response_header(response, "Access-Control-Allow-Credentials", "true");
    MHD_add_response_header(response, "Access-Control-Expose-Headers",
                            "ETag, x-sse-support, Retry-After");
    if (!preflight)
        return;
    const char *asked = sent(connection, "Access-Control-Request-Headers");
    MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    if (asked)
        MHD_add_response_header(response, "Access-Control-Allow-Headers", asked);
    MHD_add_response_header(response, "Access-Control-Max-Age", "7200");
}
