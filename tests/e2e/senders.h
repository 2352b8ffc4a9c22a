/* Clients that send numbered events until told to stop, and the proof afterwards: every event that
 * was acknowledged is stored, none twice, and no batch by halves.
 *
 * Life cycle   senders_start -> (server_kill, server_start ...) -> senders_stop -> senders_check
 * Each sender has users of its own, named by `round` and its number. A batch that was not answered
 * with 200 is sent again under the same ids, if the sender is `patient`; else the sender ends.
 */
#ifndef TDL_TESTS_E2E_SENDERS_H
#define TDL_TESTS_E2E_SENDERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "client.h"

enum { SENDERS_MAX = 8, SENDERS_BATCH = 4 };

typedef struct sender {
    const server *server;
    int round, number, max;
    bool patient;
    atomic_bool *stop;
    pthread_t thread;
    int acknowledged; /* batches 0 .. acknowledged - 1 were answered with 200 */
    int refused;      /* answers that were no 200, and questions without any */
} sender;

typedef struct senders {
    int n, round;
    int max; /* batches of each sender */
    bool patient;
    atomic_bool stop;
    sender sender[SENDERS_MAX];
} senders;

/* Set n, round, max and patient before. */
void senders_start(senders *all, const server *s);
void senders_stop(senders *all);
/* Fails the test when an acknowledged event is not there once. Gives how many there are. */
int senders_check(const senders *all, client *c);
int senders_refused(const senders *all);

#endif
