/* HTTP client of the command line: talks to a running Treadle as any SDK would.
 *
 * Life cycle   tdl_client_new -> send / get ... -> tdl_client_free
 * Threads      one thread at a time per client
 */
#ifndef TDL_CLI_CLIENT_H
#define TDL_CLI_CLIENT_H

#include "base/json.h"
#include "base/str.h"
#include "treadle/event.h"

typedef struct tdl_client tdl_client;

/* base_url "http://127.0.0.1:8321"; key is copied. */
tdl_status tdl_client_new(const char *base_url, const char *key, tdl_client **ret, tdl_report *why);
void tdl_client_free(tdl_client *client); /* accepts NULL */

/* One exchange; the answer must be a JSON body. ret: the caller's reference; may be NULL. An HTTP
 * error becomes the matching status with the server's own message and hint. */
tdl_status tdl_client_call(tdl_client *client, const char *method, const char *path, tdl_str body,
                           json_t **ret, tdl_report *why);
/* Seconds the last call took, from sending to the last byte. */
double tdl_client_seconds(const tdl_client *client);

/* Percent-encode into `ret` (appended). */
void tdl_client_escape(tdl_buf *ret, tdl_str text);

/* Events as a Segment batch to /v1/batch, exactly as an SDK sends them; items to the catalogue.
 * 503 is retried up to 10 times, honouring Retry-After up to 5 s. */
tdl_status tdl_client_send_events(tdl_client *client, const tdl_event *events, size_t events_n,
                                  tdl_report *why);
tdl_status tdl_client_send_items(tdl_client *client, const tdl_item *items, size_t items_n,
                                 tdl_report *why);

#endif
