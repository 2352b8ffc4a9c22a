/* Reader: the far end of one stream, as the thread of sse.c writes to it. */
#ifndef TDL_HTTP_SSE_READER_H
#define TDL_HTTP_SSE_READER_H

#include "http/sse_channel.h"

typedef struct tdl_sse_reader {
    struct tdl_sse_reader *prev, *next; /* by the time of the last heartbeat */
    const tdl_sse_channel *channel;     /* NULL when it has a source */
    tdl_sse_source *source;
    int64_t beat_us;        /* monotonic */
    tdl_sse_answer *answer; /* NULL: it has a socket */
    int fd;
    bool polled;     /* epoll knows it */
    bool stuck;      /* took nothing since the last heartbeat, though something waits */
    tdl_buf waiting; /* what its socket has not taken yet */
} tdl_sse_reader;

/* NULL when out of memory; the end is closed then. */
tdl_sse_reader *tdl_sse_reader_new(const tdl_sse_end *end);
bool tdl_sse_reader_waits(tdl_sse_reader *reader); /* it has not taken all that it was sent */
void tdl_sse_reader_free(tdl_sse_reader *reader, int epoll_fd); /* closes end and source */

/* Each gives false when the reader is to be dropped: it has gone, or takes too little. */
bool tdl_sse_reader_send(tdl_sse_reader *reader, int epoll_fd, tdl_str bytes);
bool tdl_sse_reader_flush(tdl_sse_reader *reader, int epoll_fd);
bool tdl_sse_reader_beat(tdl_sse_reader *reader, int epoll_fd); /* a heartbeat is due */

#endif
