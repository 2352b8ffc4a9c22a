/* What a busy site asks of a server, all at once: events by three protocols, recommendations,
 * flags, reports, lists, a definition that changes, persons who are given out and erased, event
 * streams that come and go.
 *
 * Life cycle   traffic_start -> traffic_stop
 * An answer of 200, 202 or 503 is well, or none while the server is away; any other is kept as
 * `wrong`.
 */
#ifndef TDL_TESTS_LOAD_TRAFFIC_H
#define TDL_TESTS_LOAD_TRAFFIC_H

#include <pthread.h>
#include <stdatomic.h>

#include "../e2e/client.h"

enum { TRAFFIC_ASKERS = 4 };

typedef struct traffic {
    const server *server;
    atomic_bool stop;
    atomic_int answered, streams; /* answers of 200 and 202; streams opened */
    atomic_int next;              /* number of the next question */
    pthread_mutex_t lock;
    char wrong[600]; /* the first answer that was none of those; guarded by lock */
    pthread_t asker[TRAFFIC_ASKERS], streamer;
} traffic;

void traffic_start(traffic *t, const server *s);
void traffic_stop(traffic *t); /* fails the test when an answer was wrong */

#endif
