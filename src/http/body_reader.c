#include "http/body_reader.h"

#include <microhttpd.h>

enum { DISCARD_MAX = 64 << 20 };

static void refuse_size(tdl_request *r)
{
    tdl_report why = {0};

    tdl_request_refuse(r,
                       TDL_FAIL_HINT(&why, TDL_E_TOO_LARGE, "send smaller batches",
                                     "the body is larger than %zu bytes", r->body_max),
                       &why);
    r->body_unwanted = true;
    tdl_request_drop_body(r);
}

static void refuse_memory(tdl_request *r)
{
    tdl_report why = {0};

    tdl_request_refuse(r,
                       TDL_FAIL_HINT(&why, TDL_E_FULL, "retry in a few seconds",
                                     "too many large requests at once"),
                       &why);
    r->body_unwanted = true;
    tdl_request_drop_body(r);
}

static tdl_str header(const tdl_request *r, const char *field)
{
    return tdl_str_of(MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, field));
}

void tdl_body_announce(tdl_request *r)
{
    int64_t length;

    if (!r->body_unwanted && tdl_str_int(header(r, MHD_HTTP_HEADER_CONTENT_LENGTH), &length) &&
        length > (int64_t)r->body_max)
        refuse_size(r);
}

bool tdl_body_take(tdl_request *r, const char *bytes, size_t n)
{
    tdl_http *http = r->http;

    if (!r->body_unwanted && n > r->body_max - r->body.len)
        refuse_size(r);
    if (!r->body_unwanted && atomic_load(&http->bodies) + n > http->bodies_max)
        refuse_memory(r);
    if (r->body_unwanted) {
        r->discarded += n;
        return r->discarded <= DISCARD_MAX;
    }
    size_t before = r->body.len;
    tdl_buf_add(&r->body, bytes, n);
    atomic_fetch_add_explicit(&http->bodies, r->body.len - before, memory_order_relaxed);
    if (r->body.failed)
        refuse_memory(r);
    return true;
}

bool tdl_body_packed(const tdl_request *r)
{
    return header(r, MHD_HTTP_HEADER_CONTENT_ENCODING).len ||
           tdl_str_starts(tdl_buf_view(&r->body), TDL_STR("\x1f\x8b")) ||
           (r->route->sdk && !tdl_body_is_json(tdl_buf_view(&r->body)));
}

tdl_status tdl_body_finish(tdl_request *r, tdl_report *why)
{
    r->inflated.limit = r->http->body_limits.inflated_max + ((size_t)64 << 10);
    tdl_status st =
        tdl_body_decode(tdl_buf_view(&r->body), header(r, MHD_HTTP_HEADER_CONTENT_ENCODING),
                        &r->http->body_limits, &r->inflated, &r->text, why);
    if (!st && r->route->sdk)
        st = tdl_body_unwrap(r->text, &r->http->body_limits, &r->inflated, &r->text, why);
    return st;
}
