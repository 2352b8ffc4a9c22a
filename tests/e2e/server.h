/* The real program as a child process: `treadle serve` on a free port in a folder of its own.
 *
 * Life cycle   server_new -> server_start -> (server_stop | server_kill -> server_start ...) ->
 *              server_free
 * Any step that fails fails the test. TREADLE_BIN names the program.
 */
#ifndef TDL_TESTS_E2E_SERVER_H
#define TDL_TESTS_E2E_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct server {
    char folder[128]; /* removed by server_free */
    char data[160];   /* --data */
    char store[300];  /* --store; empty = in the data folder */
    char log[160];    /* its standard error */
    char url[128];
    uint16_t port;
    char admin_key[128]; /* of the first start; kept over restarts */
    pid_t pid;           /* 0 = not running */
} server;

server *server_new(void);
/* Waits until it listens. file_max: RLIMIT_FSIZE in bytes, 0 = none. */
void server_start(server *s, uint64_t file_max);
/* The same with more options, NULL-terminated. */
void server_start_with(server *s, uint64_t file_max, const char *const *options);
/* Change the limit of the running program; 0 = none. */
void server_limit_files(const server *s, uint64_t file_max);
/* SIGTERM; gives the exit status once it ended. */
int server_stop(server *s);
void server_kill(server *s); /* SIGKILL */
void server_free(server *s); /* stops it when it runs; accepts NULL */

/* From now on every server and command has its master key in this folder. */
void server_share_key(const char *folder);
/* Run `treadle ARGUMENTS...` (NULL-terminated) to its end; gives the exit status and the start of
 * its standard output. */
int server_command(const char *const *arguments, char *ret_output, size_t ret_n);
/* The same, with its standard error instead. */
int server_command_errors(const char *const *arguments, char *ret_output, size_t ret_n);

/* cmocka's set-up and tear-down: *state is a running server. */
int server_set_up(void **state);
int server_tear_down(void **state);

#endif
