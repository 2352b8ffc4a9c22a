#include "http/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "http/cors.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7); whatever the locale. */
static void write_date(tdl_buf *out)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm t;

    gmtime_r(&now, &t);
    tdl_buf_printf(out, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n", days + 3 * t.tm_wday,
                   t.tm_mday, months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min,
                   t.tm_sec);
}

static void write_head(tdl_request *r, tdl_buf *out)
{
    tdl_cors_field cors[TDL_CORS_FIELDS_MAX];
    size_t cors_n = r->route->sdk ? tdl_cors_fields(r->connection, false, cors) : 0;

    tdl_buf_text(out, "HTTP/1.1 200 OK\r\n");
    write_date(out);
    tdl_buf_text(out, "Content-Type: text/event-stream\r\n"
                      "Cache-Control: no-cache, no-transform\r\n"
                      "X-Accel-Buffering: no\r\n" // what nginx would gather up otherwise
                      "X-Content-Type-Options: nosniff\r\n"
                      "Connection: close\r\n");
    tdl_buf_printf(out, "X-Request-Id: %s\r\n", r->id);
    for (size_t i = 0; i < cors_n; i++)
        tdl_buf_printf(out, "%s: %s\r\n", cors[i].name, cors[i].value);
    tdl_buf_text(out, "\r\n");
}

/* On a descriptor of its own, beside that of libmicrohttpd, which is to close its own. */
static tdl_status take_socket(tdl_request *r, tdl_sse_end *ret, tdl_report *why)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    ret->take_fd = info ? fcntl(info->connect_fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (ret->take_fd < 0)
        return TDL_FAIL(why, TDL_E_FULL, "no descriptor for a stream: %s", strerror(errno));
    tdl_buf_clear(&r->out);
    write_head(r, &r->out);
    ret->head = tdl_buf_view(&r->out);
    return TDL_OK;
}

/* Its bytes are the TLS session's, which stays with libmicrohttpd. */
static tdl_status take_answer(tdl_request *r, tdl_sse_end *ret, struct MHD_Response **ret_response,
                              tdl_report *why)
{
    ret->take_answer = tdl_sse_answer_new(r->connection, ret_response);
    if (!ret->take_answer)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a stream");
    MHD_add_response_header(*ret_response, "X-Accel-Buffering", "no");
    MHD_add_response_header(*ret_response, "Connection", "close"); // its end is that of the stream
    return TDL_OK;
}

static tdl_status start(tdl_request *r, const tdl_sse_end *end, tdl_report *why)
{
    tdl_http *http = r->http;
    tdl_sse_source *source;
    tdl_status st;

    if (!r->tail)
        return tdl_sse_take(http->sse, end, r->stream, r->stream_seen, why);
    if (!(st = tdl_tail_open(http->tails, r->tail, http->auth, r->key_id, &source, why)))
        return tdl_sse_take_source(http->sse, end, source, why);
    if (end->take_answer)
        tdl_sse_answer_end(end->take_answer);
    else
        close(end->take_fd);
    return st;
}

tdl_status tdl_stream_start(tdl_request *r, struct MHD_Response **ret_response, tdl_report *why)
{
    struct MHD_Response *response = NULL;
    tdl_sse_end end = {.take_fd = -1};
    tdl_status st = r->http->tls ? take_answer(r, &end, &response, why) : take_socket(r, &end, why);

    if (!st)
        st = start(r, &end, why);
    if (st && response)
        MHD_destroy_response(response);
    if (st)
        return st;
    r->streamed_us = tdl_time_monotonic();
    *ret_response = response;
    return TDL_OK;
}
