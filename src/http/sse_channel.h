/* Channel: a name and its newest event. Its owner's lock holds whoever calls. */
#ifndef TDL_HTTP_SSE_CHANNEL_H
#define TDL_HTTP_SSE_CHANNEL_H

#include "http/sse.h"

typedef struct tdl_sse_channel tdl_sse_channel;
struct tdl_sse_channel {
    tdl_sse_channel *next;
    char name[TDL_SSE_ID_MAX];
    tdl_buf text; /* the newest event, as it is sent */
    char id[TDL_SSE_ID_MAX + 1];
    bool fresh;      /* not told yet */
    int64_t told_us; /* monotonic; 0 = never */
};

/* The channel of that name, made when there is none. NULL without memory. */
tdl_sse_channel *tdl_sse_channel_of(tdl_sse_channel **channels, const char *name);
void tdl_sse_channels_free(tdl_sse_channel *channels);

/* See tdl_sse_publish. */
tdl_status tdl_sse_event_check(const tdl_sse_event *event, tdl_report *why);
/* `heard`: somebody may be there to be told. Who comes later is told by what it has seen. `c` may
 * be NULL: no memory, too. */
tdl_status tdl_sse_channel_set(tdl_sse_channel *c, const tdl_sse_event *event, bool heard,
                               tdl_report *why);

#endif
