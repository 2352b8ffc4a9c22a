#include "http/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

static tdl_status start_tail(tdl_request *r, int take_fd, tdl_report *why)
{
    tdl_sse_source *source;
    tdl_status st = tdl_tail_open(r->http->tails, r->tail, r->http->auth, r->key_id, &source, why);

    if (!st)
        return tdl_sse_take_source(r->http->sse, take_fd, source, tdl_buf_view(&r->out), why);
    close(take_fd);
    return st;
}

tdl_status tdl_stream_start(tdl_request *r, tdl_report *why)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info ? fcntl(info->connect_fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (r->http->tls) { // its bytes are the TLS session's, which stays with libmicrohttpd
        if (fd >= 0)
            close(fd);
        return TDL_FAIL_HINT(why, TDL_E_FULL, "let a proxy do TLS, or poll",
                             "there are no event streams where this server does TLS itself");
    }
    if (fd < 0)
        return TDL_FAIL(why, TDL_E_FULL, "no descriptor for a stream: %s", strerror(errno));
    tdl_buf_clear(&r->out);
    write_head(r, &r->out);
    tdl_status st = r->tail ? start_tail(r, fd, why)
                            : tdl_sse_take(r->http->sse, fd, r->stream, tdl_buf_view(&r->out),
                                           r->stream_seen, why);
    r->handed_over = !st;
    return st;
}
