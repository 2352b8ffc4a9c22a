/* A client that sends exactly the bytes it is given: what libraries would put right, it does not.
 */
#ifndef TDL_TESTS_HTTP_RAW_H
#define TDL_TESTS_HTTP_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct raw_answer {
    int status;         /* 0 = the connection was closed instead */
    char head[4096];    /* status line and header fields */
    char body[1 << 18]; /* NUL-terminated */
    size_t body_n;
} raw_answer;

int raw_connect(uint16_t port);
/* Both fail the test when the connection is broken. */
void raw_send(int fd, const char *bytes, size_t n);
void raw_text(int fd, const char *text);
/* The next answer; interim ones (100) count as answers. `head_only`: of a HEAD request. */
void raw_receive(int fd, bool head_only, raw_answer *ret);

/* A whole exchange on a connection of its own. */
void raw_exchange(uint16_t port, const char *request, raw_answer *ret);

/* "Name: value" is among the header fields. */
bool raw_has(const raw_answer *answer, const char *field);

#endif
