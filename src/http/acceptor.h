/* Acceptor: one thread that takes new connections and hands each to the next event thread in turn.
 *
 * Left to themselves, event threads that share a listening socket all run to it, and whoever wakes
 * first keeps every connection of a burst: one core then works for all.
 */
#ifndef TDL_HTTP_ACCEPTOR_H
#define TDL_HTTP_ACCEPTOR_H

#include <sys/socket.h>

typedef struct tdl_acceptor tdl_acceptor;

/* Takes over the new connection. Called on the acceptor's thread. */
typedef void tdl_acceptor_fn(void *context, int fd, const struct sockaddr *peer, socklen_t size);

/* take_fd: a listening socket that does not block. NULL, with the socket untouched, when there is
 * no memory or thread. */
tdl_acceptor *tdl_acceptor_new(int take_fd, tdl_acceptor_fn *fn, void *context);

/* Hands over what has connected already, then closes the socket. Accepts NULL. */
void tdl_acceptor_free(tdl_acceptor *acceptor);

#endif
