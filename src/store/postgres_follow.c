/* Events that other processes stored, read on the writer's thread.
 *
 * events.seq has no gaps and grows in the order of commits. So what is not known yet lies behind
 * `told_seq`, between the stretches this process stored itself.
 */
#include <stdlib.h>
#include <string.h>

#include "store/postgres.h"

void tdl_pg_follow_own(tdl_backend *b, int64_t first, int64_t last)
{
    tdl_pg_range *newest = b->own_n ? &b->own[b->own_n - 1] : NULL;

    if (!newest && first == b->told_seq + 1) {
        b->told_seq = last;
        return;
    }
    if (newest && newest->last + 1 == first) {
        newest->last = last;
        return;
    }
    if (!b->own || b->own_n == b->own_cap) {
        size_t cap = b->own_cap ? 2 * b->own_cap : 16;
        void *grown = reallocarray(b->own, cap, sizeof *b->own);
        if (!grown)
            return; // then they are told once more
        b->own = grown;
        b->own_cap = cap;
    }
    b->own[b->own_n++] = (tdl_pg_range){first, last};
}

/* Columns: the name, the key and, after it, the sealed id. */
static tdl_str person(tdl_backend *b, const PGresult *result, int row, int name, int key,
                      tdl_buf *buf)
{
    tdl_user_seal seal = {.name = tdl_pg_get_text(result, row, name),
                          .key = tdl_pg_get_text(result, row, key),
                          .id = tdl_pg_get_text(result, row, key + 1)};

    return tdl_people_id(b->people, seal, buf);
}

static void tell(tdl_backend *b, const PGresult *result, int row, tdl_store_observer *observer,
                 void *context)
{
    tdl_buf user = {0}, alias = {0};
    tdl_event event = {
        .time_us = tdl_pg_get_number(result, row, 1),
        .user = person(b, result, row, 2, 11, &user),
        .kind = tdl_pg_get_text(result, row, 3),
        .item = tdl_pg_get_text(result, row, 4),
        .has_value = !PQgetisnull(result, row, 5),
        .value = PQgetisnull(result, row, 5) ? 0 : tdl_pg_get_real(result, row, 5),
        .properties = tdl_pg_get_text(result, row, 6),
        .source = tdl_pg_get_text(result, row, 7),
        .message_id = tdl_pg_get_text(result, row, 8),
        .decision_id = tdl_pg_get_text(result, row, 9),
        .alias = person(b, result, row, 10, 13, &alias), // only where the two were joined
    };

    observer(context, &event, tdl_pg_get_number(result, row, 0));
    tdl_buf_release(&user);
    tdl_buf_release(&alias);
}

/* Past the next stretch of our own. False when there is none. */
static bool skip_own(tdl_backend *b)
{
    if (!b->own_n)
        return false;
    b->told_seq = b->own[0].last;
    b->own_n--;
    memmove(b->own, b->own + 1, b->own_n * sizeof *b->own);
    return true;
}

/* What others stored before our next stretch, or at the end. */
static tdl_status follow_gap(tdl_backend *b, size_t limit, tdl_store_observer *observer,
                             void *context, size_t *ret_n, tdl_report *why)
{
    tdl_pg_parameters p = {0};
    PGresult *result = NULL;
    tdl_status st;

    tdl_pg_bind_number(&p, 1, b->told_seq);
    tdl_pg_bind_number(&p, 2, b->own_n ? b->own[0].first : INT64_MAX);
    tdl_pg_bind_number(&p, 3, (int64_t)limit);
    if ((st = tdl_pg_write(b, TDL_PG_FOLLOW, &p, "reading new events", &result, why))) {
        tdl_pg_rollback(b); // a connection that is lost is given up
        return st;
    }
    *ret_n = (size_t)PQntuples(result);
    for (int row = 0; row < PQntuples(result); row++) {
        tell(b, result, row, observer, context);
        b->told_seq = tdl_pg_get_number(result, row, 0);
    }
    PQclear(result);
    return TDL_OK;
}

tdl_status tdl_pg_follow(tdl_backend *b, size_t limit, tdl_store_observer *observer, void *context,
                         size_t *ret_n, tdl_report *why)
{
    tdl_status st;

    *ret_n = 0;
    if (!b->conn && (st = tdl_pg_reconnect(b, why)))
        return st;
    do {
        size_t n = 0;
        while (b->own_n && b->own[0].first <= b->told_seq + 1) // no gap
            skip_own(b);
        if ((st = follow_gap(b, limit - *ret_n, observer, context, &n, why)))
            return st;
        *ret_n += n;
    } while (*ret_n < limit && skip_own(b));
    return TDL_OK;
}
