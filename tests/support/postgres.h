/* A PostgreSQL server of a test's own: made in a temporary folder, on a free port of 127.0.0.1, by
 * an unprivileged user when the test runs as root.
 *
 * Life cycle   postgres_start -> (postgres_halt -> postgres_resume ...) -> postgres_stop
 * Failure      what is there and does not work ends the test program with a message
 */
#ifndef TDL_TESTS_POSTGRES_H
#define TDL_TESTS_POSTGRES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct postgres {
    char programs[200], folder[200], url[300];
    uint16_t port;
    pid_t pid; /* 0 = not running */
    bool durable;
} postgres;

/* NULL, and says so loudly, when Debian's postgresql is not installed. durable: with fsync. */
postgres *postgres_start(bool durable);
void postgres_halt(postgres *server, bool kill); /* at once: as if it crashed, when `kill` */
void postgres_resume(postgres *server);
void postgres_stop(postgres *server); /* and removes its folder; accepts NULL */

#endif
