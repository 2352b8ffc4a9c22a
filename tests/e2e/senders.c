#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "senders.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A person's events are listed up to a thousand, so after so many batches comes the next one. */
enum { USER_BATCHES = 1000 / SENDERS_BATCH, PAUSE_US = 20000 };

static void write_batch(tdl_buf *body, const sender *s)
{
    tdl_buf_clear(body);
    for (int i = 0; i < SENDERS_BATCH; i++)
        tdl_buf_printf(body,
                       "%c{\"user\":\"r%d-c%d-%d\",\"kind\":\"view\","
                       "\"message_id\":\"%d-%d-%d\"}",
                       i ? ',' : '[', s->round, s->number, s->acknowledged / USER_BATCHES, s->round,
                       s->number, s->acknowledged * SENDERS_BATCH + i);
    tdl_buf_char(body, ']');
}

static void *send_batches(void *context)
{
    sender *s = context;
    client *c = client_new(s->server, s->server->admin_key);
    tdl_buf body = {0};

    while (s->acknowledged < s->max && !atomic_load(s->stop)) {
        write_batch(&body, s);
        if (client_call(c, "POST", "/v1/events", body.at) == 200) {
            s->acknowledged++;
            continue;
        }
        s->refused++;
        if (!s->patient)
            break;
        usleep(PAUSE_US);
    }
    tdl_buf_release(&body);
    client_free(c);
    return NULL;
}

void senders_start(senders *all, const server *s)
{
    atomic_store(&all->stop, false);
    for (int i = 0; i < all->n; i++) {
        all->sender[i] = (sender){.server = s,
                                  .round = all->round,
                                  .number = i,
                                  .max = all->max,
                                  .patient = all->patient,
                                  .stop = &all->stop};
        assert_int_equal(
            pthread_create(&all->sender[i].thread, NULL, send_batches, &all->sender[i]), 0);
    }
}

void senders_stop(senders *all)
{
    atomic_store(&all->stop, true);
    for (int i = 0; i < all->n; i++)
        pthread_join(all->sender[i].thread, NULL);
}

/* Marks what is stored of one of the sender's users; gives how many events there are. */
static int read_user(const sender *s, client *c, int user, bool *seen, int seen_n)
{
    int round, number, at, n = 0;
    const json_t *event;
    size_t i;

    assert_int_equal(
        client_get(c, "/v1/events?user=r%d-c%d-%d&limit=1000", s->round, s->number, user), 200);
    json_array_foreach(client_at(c, "events"), i, event)
    {
        const char *id = json_string_value(json_object_get(event, "message_id"));
        assert_int_equal(sscanf(id, "%d-%d-%d", &round, &number, &at), 3);
        assert_true(round == s->round && number == s->number);
        assert_in_range(at, 0, seen_n - 1);
        if (seen[at])
            fail_msg("event %s is there twice", id);
        seen[at] = true;
        n++;
    }
    return n;
}

static int check_one(const sender *s, client *c)
{
    int sure = s->acknowledged * SENDERS_BATCH, seen_n = sure + SENDERS_BATCH;
    bool *seen = calloc((size_t)seen_n, sizeof *seen);
    int n = 0;

    for (int user = 0; user <= s->acknowledged / USER_BATCHES; user++)
        n += read_user(s, c, user, seen, seen_n);
    for (int at = 0; at < sure; at++)
        if (!seen[at])
            fail_msg("round %d, client %d: event %d was acknowledged and is lost", s->round,
                     s->number, at);
    assert_true(n == sure || n == seen_n); // of the batch under way all or nothing
    free(seen);
    return sure;
}

int senders_check(const senders *all, client *c)
{
    int n = 0;

    for (int i = 0; i < all->n; i++)
        n += check_one(&all->sender[i], c);
    return n;
}

int senders_refused(const senders *all)
{
    int n = 0;

    for (int i = 0; i < all->n; i++)
        n += all->sender[i].refused;
    return n;
}
