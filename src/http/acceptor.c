#include "http/acceptor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PAUSE_MS = 20 /* when the process has no descriptor or memory left */ };

struct tdl_acceptor {
    int listen_fd, stop_fd;
    tdl_acceptor_fn *fn;
    void *context;
    pthread_t thread;
};

/* Takes one connection. False when none waits, or none can be taken now. */
static bool accept_one(tdl_acceptor *acceptor)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
    } peer;
    socklen_t size = sizeof peer;
    int fd = accept4(acceptor->listen_fd, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        acceptor->fn(acceptor->context, fd, &peer.any, size);
        return true;
    }
    if (errno == EAGAIN || errno == EINVAL)
        return false;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        poll(NULL, 0, PAUSE_MS);
        return false;
    }
    return true; // that client has gone, there may be others
}

static void *accept_all(void *context)
{
    tdl_acceptor *acceptor = context;
    struct pollfd wait[] = {{.fd = acceptor->listen_fd, .events = POLLIN},
                            {.fd = acceptor->stop_fd, .events = POLLIN}};

    while (!wait[1].revents) {
        if (poll(wait, 2, -1) < 0)
            continue;
        while (accept_one(acceptor))
            ;
    }
    return NULL;
}

tdl_acceptor *tdl_acceptor_new(int take_fd, tdl_acceptor_fn *fn, void *context)
{
    tdl_acceptor *acceptor = calloc(1, sizeof *acceptor);

    if (!acceptor)
        return NULL;
    *acceptor = (tdl_acceptor){.listen_fd = take_fd, .fn = fn, .context = context};
    acceptor->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (acceptor->stop_fd >= 0 && !pthread_create(&acceptor->thread, NULL, accept_all, acceptor))
        return acceptor;
    if (acceptor->stop_fd >= 0)
        close(acceptor->stop_fd);
    free(acceptor);
    return NULL;
}

void tdl_acceptor_free(tdl_acceptor *acceptor)
{
    const uint64_t one = 1;

    if (!acceptor)
        return;
    while (write(acceptor->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    pthread_join(acceptor->thread, NULL);
    close(acceptor->listen_fd);
    close(acceptor->stop_fd);
    free(acceptor);
}
