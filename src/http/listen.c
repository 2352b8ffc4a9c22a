#include "http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static tdl_status resolve(const char *address, uint16_t port, struct addrinfo **ret,
                          tdl_report *why)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    char service[8];

    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(address, service, &hints, ret))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "give a numeric address such as 127.0.0.1 or ::1",
                             "\"%s\" is not an address to listen on", address);
    return TDL_OK;
}

static tdl_status bind_failed(const char *address, uint16_t port, tdl_report *why)
{
    switch (errno) {
    case EADDRINUSE:
        return TDL_FAIL_HINT(why, TDL_E_CONFLICT, "choose another port with --port, or 0 for any",
                             "%s port %u is in use", address, port);
    case EADDRNOTAVAIL:
        return TDL_FAIL(why, TDL_E_INVALID, "%s is not an address of this machine", address);
    default:
        return TDL_FAIL(why, TDL_E_IO, "cannot listen on %s port %u: %s", address, port,
                        strerror(errno));
    }
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } name = {.v6 = {0}};
    socklen_t size = sizeof name;

    if (getsockname(fd, &name.any, &size))
        return 0;
    return ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
}

tdl_status tdl_listen(const char *address, uint16_t port, const char *scheme, int *ret_fd,
                      uint16_t *ret_port, char *ret_url, size_t url_size, tdl_report *why)
{
    struct addrinfo *name = NULL;
    int fd = -1, on = 1;
    tdl_status st = resolve(address, port, &name, why);

    if (st)
        return st;
    fd = socket(name->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, name->ai_addr, name->ai_addrlen) || listen(fd, BACKLOG)) {
        st = bind_failed(address, port, why);
        goto out;
    }
    *ret_port = port_of(fd);
    snprintf(ret_url, url_size, name->ai_family == AF_INET6 ? "%s://[%s]:%u" : "%s://%s:%u", scheme,
             address, *ret_port);
    *ret_fd = fd;
    fd = -1; /* the caller's now */
out:
    if (fd >= 0)
        close(fd);
    freeaddrinfo(name);
    return st;
}
