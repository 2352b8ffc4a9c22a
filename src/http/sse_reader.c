#include "http/sse_reader.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SOCKET_BYTES = 32 << 10,   /* what the kernel keeps for a slow reader */
    SILENCE_MAX_MS = 60 * 1000 /* a peer that acknowledges nothing for so long has gone */
};

static void set(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof value); // what it cannot do, it does without
}

static void prepare_socket(int fd)
{
    set(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BYTES);
    set(fd, IPPROTO_TCP, TCP_CORK, 0);
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, SILENCE_MAX_MS);
}

static void close_end(tdl_sse_answer *answer, int fd)
{
    if (answer)
        tdl_sse_answer_end(answer);
    else
        close(fd);
}

tdl_sse_reader *tdl_sse_reader_new(const tdl_sse_end *end)
{
    tdl_sse_reader *reader = calloc(1, sizeof *reader);

    if (!reader) {
        close_end(end->take_answer, end->take_fd);
        return NULL;
    }
    reader->answer = end->take_answer;
    reader->fd = end->take_fd;
    reader->waiting.limit = TDL_SSE_WAITING_MAX;
    if (!reader->answer)
        prepare_socket(reader->fd);
    tdl_buf_str(&reader->waiting, end->head);
    return reader;
}

void tdl_sse_reader_free(tdl_sse_reader *reader, int epoll_fd)
{
    if (reader->polled) // closing is not enough while libmicrohttpd still has the socket, too
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, reader->fd, NULL);
    close_end(reader->answer, reader->fd);
    if (reader->source)
        reader->source->close(reader->source);
    tdl_buf_release(&reader->waiting);
    free(reader);
}

/* Wake up when it hangs up and, if something waits, when it takes more. */
static bool poll_for(tdl_sse_reader *reader, int epoll_fd, bool room)
{
    struct epoll_event want = {.events = EPOLLRDHUP | (room ? EPOLLOUT : 0u), .data.ptr = reader};
    int how = reader->polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (epoll_ctl(epoll_fd, how, reader->fd, &want))
        return false;
    reader->polled = true;
    return true;
}

/* How much the socket takes now; -1: it is broken. */
static ssize_t send_some(int fd, tdl_str bytes)
{
    ssize_t n = send(fd, bytes.at, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

bool tdl_sse_reader_waits(tdl_sse_reader *reader)
{
    return reader->answer ? tdl_sse_answer_waits(reader->answer) : reader->waiting.len > 0;
}

bool tdl_sse_reader_send(tdl_sse_reader *reader, int epoll_fd, tdl_str bytes)
{
    if (reader->answer)
        return tdl_sse_answer_send(reader->answer, bytes);
    bool waited = reader->waiting.len > 0;
    ssize_t n = waited ? 0 : send_some(reader->fd, bytes);

    if (n < 0)
        return false;
    if ((size_t)n == bytes.len)
        return true;
    tdl_buf_add(&reader->waiting, bytes.at + n, bytes.len - (size_t)n);
    return !reader->waiting.failed && (waited || poll_for(reader, epoll_fd, true));
}

/* What it was given before the thread had it; from then on the answer keeps what waits. */
static bool flush_to_answer(tdl_sse_reader *reader)
{
    bool taken = !reader->waiting.failed &&
                 tdl_sse_answer_send(reader->answer, tdl_buf_view(&reader->waiting));

    tdl_buf_release(&reader->waiting);
    return taken;
}

bool tdl_sse_reader_flush(tdl_sse_reader *reader, int epoll_fd)
{
    if (reader->answer)
        return flush_to_answer(reader);
    tdl_buf *waiting = &reader->waiting;
    ssize_t n = waiting->len ? send_some(reader->fd, tdl_buf_view(waiting)) : 0;

    if (n < 0)
        return false;
    if (n > 0)
        reader->stuck = false;
    if ((size_t)n < waiting->len) {
        memmove(waiting->at, waiting->at + n, waiting->len - (size_t)n);
        waiting->len -= (size_t)n;
        return reader->polled || poll_for(reader, epoll_fd, true);
    }
    tdl_buf_release(waiting); // it may be long until the next event
    return poll_for(reader, epoll_fd, false);
}

bool tdl_sse_reader_beat(tdl_sse_reader *reader, int epoll_fd)
{
    if (reader->answer)
        return tdl_sse_answer_beat(reader->answer);
    bool waits = reader->waiting.len > 0, was_stuck = reader->stuck;

    reader->stuck = waits;
    return waits ? !was_stuck : tdl_sse_reader_send(reader, epoll_fd, TDL_STR(":\n\n"));
}
