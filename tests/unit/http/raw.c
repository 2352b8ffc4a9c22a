#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "raw.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_S = 20 };

int raw_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    return fd;
}

void raw_send(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        assert_true(sent > 0);
        bytes += sent;
        n -= (size_t)sent;
    }
}

void raw_text(int fd, const char *text)
{
    raw_send(fd, text, strlen(text));
}

static bool receive_byte(int fd, char *ret)
{
    return recv(fd, ret, 1, 0) == 1;
}

static bool receive_head(int fd, raw_answer *ret)
{
    size_t n = 0;

    while (n + 1 < sizeof ret->head && receive_byte(fd, &ret->head[n])) {
        ret->head[++n] = '\0';
        if (n >= 4 && !memcmp(ret->head + n - 4, "\r\n\r\n", 4))
            return true;
    }
    return false;
}

static size_t content_length(const raw_answer *answer)
{
    const char *at = strcasestr(answer->head, "\r\nContent-Length:");
    return at ? strtoul(at + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

void raw_receive(int fd, bool head_only, raw_answer *ret)
{
    memset(ret, 0, sizeof *ret);
    if (!receive_head(fd, ret))
        return;
    assert_int_equal(sscanf(ret->head, "HTTP/1.1 %d", &ret->status), 1);
    size_t want = head_only ? 0 : content_length(ret);
    assert_true(want < sizeof ret->body);
    while (ret->body_n < want) {
        ssize_t n = recv(fd, ret->body + ret->body_n, want - ret->body_n, 0);
        assert_true(n > 0);
        ret->body_n += (size_t)n;
    }
}

void raw_exchange(uint16_t port, const char *request, raw_answer *ret)
{
    int fd = raw_connect(port);

    assert_true(fd >= 0);
    raw_text(fd, request);
    raw_receive(fd, !strncmp(request, "HEAD ", 5), ret);
    close(fd);
}

bool raw_has(const raw_answer *answer, const char *field)
{
    char line[600];

    snprintf(line, sizeof line, "\r\n%s\r\n", field);
    return strcasestr(answer->head, line) != NULL;
}
