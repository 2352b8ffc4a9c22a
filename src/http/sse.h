/* Server-sent events: answers that go on, told what is new on their channel.
 *
 * Life cycle   tdl_sse_new -> tdl_sse_publish / tdl_sse_take ... -> tdl_sse_close -> tdl_sse_free
 * Ownership    a stream owns its socket; what is published is copied
 * Threads      every function from any thread; one thread of its own writes to all streams
 * Failure      a reader that has gone or takes nothing is dropped, and costs the others nothing
 *
 * A channel is a name. Its newest event stands for all before it: who reads must need no other.
 * Events that follow each other within `gap_ms` are told once, as the last of them.
 *
 * Where that is not enough a stream has a source of its own, which is asked what there is to tell
 * once its reader has taken all before. Such streams are few.
 *
 * A stream costs about 200 bytes here and its socket in the kernel; docs/design/http.md says why
 * it does not stay with libmicrohttpd.
 */
#ifndef TDL_HTTP_SSE_H
#define TDL_HTTP_SSE_H

#include "http/sse_answer.h"

typedef struct tdl_sse tdl_sse;

enum {
    TDL_SSE_WAITING_MAX = 64 << 10, /* bytes kept for a reader that is slow */
    TDL_SSE_ID_MAX = 64,            /* bytes of an event's id and of its name */
    TDL_SSE_SOURCES_MAX = 64        /* streams with a source of their own */
};

typedef struct tdl_sse_options {
    size_t streams_max;    /* 0 = 16,384 */
    unsigned heartbeat_ms; /* a comment to each stream; 0 = 20,000 */
    unsigned gap_ms;       /* between two events of a channel; 0 = 250 */
} tdl_sse_options;

tdl_status tdl_sse_new(const tdl_sse_options *options, tdl_sse **ret, tdl_report *why);
void tdl_sse_free(tdl_sse *sse); /* closes every stream; accepts NULL */

/* End every stream and take no more; does not wait. Readers come back to whoever serves then. */
void tdl_sse_close(tdl_sse *sse);
/* The same, and wait until all have ended. Once. */
void tdl_sse_end_all(tdl_sse *sse);

typedef struct tdl_sse_event {
    tdl_str id;   /* what a reader shows as Last-Event-ID when it comes back */
    tdl_str name; /* */
    tdl_str data; /* one line */
} tdl_sse_event;

/* Tell all streams of the channel. The first event of a channel makes it; it may have no streams
 * yet. TDL_E_INVALID: a line break, an id or name that is too long, or more than half of
 * TDL_SSE_WAITING_MAX in all. TDL_E_NO_MEMORY: the event before stays the newest. */
tdl_status tdl_sse_publish(tdl_sse *sse, const char *channel, const tdl_sse_event *event,
                           tdl_report *why);

typedef struct tdl_sse_source tdl_sse_source;
struct tdl_sse_source {
    /* Append what there is to tell, at most half of TDL_SSE_WAITING_MAX. False: end the stream. */
    bool (*pull)(tdl_sse_source *source, tdl_buf *out);
    void (*close)(tdl_sse_source *source); /* the stream has ended: free it */
};

/* Some source has something to tell; it is asked soon, ten times a second at most. */
void tdl_sse_wake(tdl_sse *sse);

/* Where a stream goes: to a connected socket, or to `take_answer` unless it is NULL. Either is
 * closed by whoever takes it, on failure too. */
typedef struct tdl_sse_end {
    int take_fd;
    tdl_str head; /* status line and header fields with the empty line: before everything else */
    tdl_sse_answer *take_answer;
} tdl_sse_end;

/* Make it a stream of a channel.
 *   seen     id of the event that the reader knows: if there is a newer one it is told at once;
 *            empty = it needs none but those to come
 *   returns  TDL_OK | TDL_E_FULL (too many streams, or closed) | TDL_E_NO_MEMORY */
tdl_status tdl_sse_take(tdl_sse *sse, const tdl_sse_end *end, const char *channel, tdl_str seen,
                        tdl_report *why);

/* The same of a stream that tells what a source has.
 *   take_source  closed here, on failure too */
tdl_status tdl_sse_take_source(tdl_sse *sse, const tdl_sse_end *end, tdl_sse_source *take_source,
                               tdl_report *why);

size_t tdl_sse_streams(tdl_sse *sse); /* open now */

#endif
