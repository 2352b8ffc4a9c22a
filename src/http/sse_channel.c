#include "http/sse_channel.h"

#include <stdlib.h>

tdl_sse_channel *tdl_sse_channel_of(tdl_sse_channel **channels, const char *name)
{
    tdl_sse_channel *c = *channels;

    while (c && strcmp(c->name, name) != 0)
        c = c->next;
    if (c || strlen(name) >= sizeof c->name || !(c = calloc(1, sizeof *c)))
        return c;
    memcpy(c->name, name, strlen(name));
    c->text.limit = TDL_SSE_WAITING_MAX / 2;
    c->next = *channels;
    *channels = c;
    return c;
}

static bool one_line(tdl_str text)
{
    return !text.len || (!memchr(text.at, '\n', text.len) && !memchr(text.at, '\r', text.len) &&
                         !memchr(text.at, '\0', text.len));
}

tdl_status tdl_sse_event_check(const tdl_sse_event *event, tdl_report *why)
{
    if (event->id.len > TDL_SSE_ID_MAX || event->name.len > TDL_SSE_ID_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "an event's id or name is longer than %d bytes",
                        TDL_SSE_ID_MAX);
    if (!one_line(event->id) || !one_line(event->name) || !one_line(event->data))
        return TDL_FAIL(why, TDL_E_INVALID, "an event's id, name and data are one line each");
    if (event->data.len > TDL_SSE_WAITING_MAX / 2 - 4 * TDL_SSE_ID_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "an event of %zu bytes is too large", event->data.len);
    return TDL_OK;
}

tdl_status tdl_sse_channel_set(tdl_sse_channel *c, const tdl_sse_event *event, bool heard,
                               tdl_report *why)
{
    tdl_buf text = {.limit = c ? c->text.limit : 0};

    tdl_buf_printf(&text, "id: %.*s\nevent: %.*s\ndata: ", TDL_FMT(event->id),
                   TDL_FMT(event->name));
    tdl_buf_str(&text, event->data);
    tdl_buf_text(&text, "\n\n");
    if (!c || text.failed) {
        tdl_buf_release(&text);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for event streams");
    }
    tdl_buf_release(&c->text);
    c->text = text;
    memset(c->id, 0, sizeof c->id);
    if (event->id.len)
        memcpy(c->id, event->id.at, event->id.len);
    c->fresh = heard;
    return TDL_OK;
}

void tdl_sse_channels_free(tdl_sse_channel *channels)
{
    for (tdl_sse_channel *next; channels; channels = next) {
        next = channels->next;
        tdl_buf_release(&channels->text);
        free(channels);
    }
}
