/* A loop in a folder of its own, a server in front of it on a free port, and a key of each right.
 */
#ifndef TDL_TESTS_HTTP_FIXTURE_H
#define TDL_TESTS_HTTP_FIXTURE_H

#include "http/server.h"
#include "raw.h"

typedef struct fixture {
    char dir[64];
    tdl_loop *loop;
    tdl_server *server;
    uint16_t port;
    char write_key[TDL_KEY_TEXT_MAX], decide_key[TDL_KEY_TEXT_MAX], admin_key[TDL_KEY_TEXT_MAX];
    raw_answer answer; /* of the last call */
} fixture;

/* cmocka's set-up and tear-down. *state is a fixture. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

/* Start the server anew with other options (port 0). */
void fixture_restart(fixture *f, tdl_server_options options);

/* One request on a connection of its own; key and body may be NULL. Gives the status. */
int fixture_call(fixture *f, const char *method, const char *target, const char *key,
                 const char *body);

/* The text of a request, to be sent by raw_text. */
void fixture_request(char *ret, size_t ret_n, const char *method, const char *target,
                     const char *key, const char *body);

#endif
