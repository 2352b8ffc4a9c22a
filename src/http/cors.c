#include "http/cors.h"

#include <microhttpd.h>

/* What was sent, unless it cannot be sent back as it is. */
static const char *sent(struct MHD_Connection *connection, const char *field)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, field);

    for (const char *c = value; c && *c; c++)
        if ((unsigned char)*c < ' ' || *c == '\x7f')
            return NULL;
    return value;
}

size_t tdl_cors_fields(struct MHD_Connection *connection, bool preflight,
                       tdl_cors_field ret[TDL_CORS_FIELDS_MAX])
{
    const char *origin = sent(connection, MHD_HTTP_HEADER_ORIGIN);
    size_t n = 0;

    ret[n++] = (tdl_cors_field){MHD_HTTP_HEADER_VARY, "Origin"};
    if (!origin)
        return n;
    ret[n++] = (tdl_cors_field){"Access-Control-Allow-Origin", origin};
    ret[n++] = (tdl_cors_field){"Access-Control-Allow-Credentials", "true"};
    ret[n++] =
        (tdl_cors_field){"Access-Control-Expose-Headers", "ETag, x-sse-support, Retry-After"};
    if (!preflight)
        return n;
    const char *asked = sent(connection, "Access-Control-Request-Headers");
    ret[n++] = (tdl_cors_field){"Access-Control-Allow-Methods", "GET, POST, OPTIONS"};
    if (asked)
        ret[n++] = (tdl_cors_field){"Access-Control-Allow-Headers", asked};
    ret[n++] = (tdl_cors_field){"Access-Control-Max-Age", "7200"};
    return n;
}

void tdl_cors_add(struct MHD_Connection *connection, struct MHD_Response *response, bool preflight)
{
    tdl_cors_field fields[TDL_CORS_FIELDS_MAX];
    size_t n = tdl_cors_fields(connection, preflight, fields);

    for (size_t i = 0; i < n; i++)
        MHD_add_response_header(response, fields[i].name, fields[i].value);
}
