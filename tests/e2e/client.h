/* An HTTP client for tests (libcurl), with keep-alive. One per thread.
 *
 * Life cycle   client_new -> client_call ... -> client_free
 */
#ifndef TDL_TESTS_E2E_CLIENT_H
#define TDL_TESTS_E2E_CLIENT_H

#include "base/json.h"
#include "server.h"

typedef struct client {
    void *curl;
    const server *server;
    const char *key;      /* sent as Bearer; NULL = none */
    const char *extra[4]; /* more header lines, NULL-terminated */
    const char *ca_file;  /* certificates it trusts; NULL: those of this machine */
    int status;           /* of the last call; 0 = no answer */
    tdl_buf head, body;   /* of the last call, NUL-terminated */
    json_t *json;         /* the body, NULL when it is no JSON */
} client;

client *client_new(const server *s, const char *key);
void client_free(client *c); /* accepts NULL */

/* body may be NULL. Gives the status, 0 when no answer came. */
int client_call(client *c, const char *method, const char *target, const char *body);
/* The same with a formatted target, method GET. */
int client_get(client *c, const char *format, ...) TDL_PRINTF(2, 3);
/* The same, and fails the test, showing the body, when the answer has another status. */
void client_expect(client *c, int status, const char *method, const char *target, const char *body);

/* Member at a path such as "items.0.id" of the last answer; NULL when there is none. */
const json_t *client_at(const client *c, const char *path);
const char *client_text(const client *c, const char *path); /* "" when it is no string */
/* A home that answers the same again, nothing that was seen: neither chance nor variety. */
void client_settle_home(client *c);

bool client_has_header(const client *c, const char *line);

#endif
