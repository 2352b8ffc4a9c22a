#include "http/flag_events.h"

#include <sodium.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "loop/flags.h"

/* The data of both events; both clients then ask for the flags anew. */
static tdl_status publish(tdl_http *http, const char *etag, tdl_report *why)
{
    tdl_buf data = {.limit = 256};
    tdl_sse_event refetch = {.id = tdl_str_of(etag), .name = TDL_STR("message")};
    tdl_sse_event updated = {
        .id = tdl_str_of(etag), .name = TDL_STR("features-updated"), .data = TDL_STR("{}")};

    tdl_buf_printf(&data,
                   "{\"type\":\"refetchEvaluation\",\"etag\":\"\\\"%s\\\"\",\"lastModified\":%lld}",
                   etag, (long long)(tdl_time_now() / 1000000));
    refetch.data = tdl_buf_view(&data);
    tdl_status st = data.failed
                        ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for an event")
                        : tdl_sse_publish(http->sse, TDL_CHANNEL_OPENFEATURE, &refetch, why);
    tdl_buf_release(&data);
    return st ? st : tdl_sse_publish(http->sse, TDL_CHANNEL_GROWTHBOOK, &updated, why);
}

/* What is served now, which may be newer than the change that led here. */
static tdl_status publish_served(tdl_http *http, tdl_report *why)
{
    tdl_flags_served *served = tdl_loop_flags_take(http->loop);
    tdl_status st = publish(http, tdl_flag_set_etag(served->set), why);

    tdl_loop_flags_drop(served);
    return st;
}

static void flags_changed(void *context)
{
    tdl_report why = {0};

    if (publish_served(context, &why))
        tdl_log_report(TDL_LOG_WARN, "flag-event", &why);
}

tdl_status tdl_flag_events_start(tdl_http *http, tdl_report *why)
{
    randombytes_buf(http->stream_secret, sizeof http->stream_secret);
    tdl_loop_flags_watch(http->loop, flags_changed, http);
    return publish_served(http, why);
}

void tdl_flag_events_stop(tdl_http *http)
{
    tdl_loop_flags_watch(http->loop, NULL, NULL);
}
