/* A group's events and decisions, each in a few statements however many they are. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "store/postgres.h"

enum {
    COPY_BYTES = 1 << 20, /* sent at once */
    MONTHS_BACK = 36,     /* older events lie in events_rest */
    HASH_BYTES = TDL_PG_MESSAGE_BYTES
};

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a group of events");
}

tdl_status tdl_pg_write_arrays(tdl_backend *b, tdl_pg_write_statement which, tdl_pg_parameters *p,
                               tdl_buf *array, int n, const char *doing, PGresult **ret,
                               tdl_report *why)
{
    bool failed = false;

    for (int i = 0; i < n; i++) {
        tdl_pg_bind_buf(p, i + 1, &array[i]);
        failed |= array[i].failed;
    }
    tdl_status st = failed ? no_memory(why) : tdl_pg_write(b, which, p, doing, ret, why);
    for (int i = 0; i < n; i++)
        tdl_buf_release(&array[i]);
    return st;
}

/* ---- deduplication ---- */

typedef struct message {
    unsigned char hash[HASH_BYTES];
    size_t event; /* place in the group */
} message;

void tdl_pg_hash_message(tdl_str source, tdl_str message_id, unsigned char ret[HASH_BYTES])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, HASH_BYTES);
    crypto_generichash_update(&state, (const unsigned char *)source.at, source.len);
    crypto_generichash_update(&state, (const unsigned char *)"", 1); // in no source
    crypto_generichash_update(&state, (const unsigned char *)message_id.at, message_id.len);
    crypto_generichash_final(&state, ret, HASH_BYTES);
}

/* By hash, equal ones by arrival. */
static int compare_messages(const void *a, const void *b)
{
    const message *one = a, *other = b;
    int order = memcmp(one->hash, other->hash, HASH_BYTES);

    return order ? order : (one->event > other->event) - (one->event < other->event);
}

/* The first of each message of the group, in order of their hashes: neighbours in the index. */
static size_t sort_messages(const tdl_backend *b, message *messages)
{
    size_t n = 0;

    for (size_t i = 0; i < b->events_n; i++) {
        const tdl_event *e = b->events[i].event;
        tdl_pg_hash_message(e->source, e->message_id, messages[i].hash);
        messages[i].event = i;
    }
    qsort(messages, b->events_n, sizeof *messages, compare_messages);
    for (size_t i = 0; i < b->events_n; i++)
        if (!n || memcmp(messages[n - 1].hash, messages[i].hash, HASH_BYTES) != 0)
            messages[n++] = messages[i];
    return n;
}

static int compare_hash(const void *hash, const void *one)
{
    return memcmp(hash, ((const message *)one)->hash, HASH_BYTES);
}

static void mark_new(tdl_backend *b, const message *messages, size_t n, const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        const message *one =
            bsearch(PQgetvalue(result, row, 0), messages, n, sizeof *messages, compare_hash);
        if (one)
            b->events[one->event].is_new = true;
    }
}

/* Which messages of the group are new? Nobody else adds any meanwhile. */
static tdl_status add_messages(tdl_backend *b, const message *messages, size_t n, tdl_report *why)
{
    tdl_buf array = {0};
    tdl_pg_parameters p = {0};
    PGresult *result = NULL;
    tdl_status st = TDL_OK;

    tdl_pg_array(&array, TDL_PG_UUID, n);
    for (size_t i = 0; i < n; i++)
        tdl_pg_add_text(&array, (tdl_str){(const char *)messages[i].hash, HASH_BYTES});
    tdl_pg_bind_buf(&p, 1, &array);
    if (array.failed)
        st = no_memory(why);
    else if (!(st = tdl_pg_write(b, TDL_PG_MESSAGES, &p, "storing events", &result, why)))
        mark_new(b, messages, n, result);
    PQclear(result);
    tdl_buf_release(&array);
    return st;
}

static tdl_status skip_duplicates(tdl_backend *b, tdl_report *why)
{
    message *messages = reallocarray(NULL, b->events_n, sizeof *messages);

    if (!messages)
        return no_memory(why);
    tdl_status st = add_messages(b, messages, sort_messages(b, messages), why);
    free(messages);
    for (size_t i = 0; !st && i < b->events_n; i++)
        if (b->events[i].is_new) {
            *b->events[i].ret_seq = ++b->now.events;
            b->now.rewards += b->events[i].event->decision_id.len != 0;
        }
    return st;
}

/* ---- who may be stored ---- */

static void drop_barred(tdl_backend *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->events_n; i++) {
        if (b->events[i].user < 0)
            *b->events[i].ret_seq = TDL_SEQ_DROPPED;
        else
            b->events[n++] = b->events[i];
    }
    b->events_n = n;
}

/* ---- months ---- */

static int month_of(int64_t time_us)
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    return (tm.tm_year + 1900) * 12 + tm.tm_mon;
}

static int64_t month_start(int month)
{
    struct tm tm = {.tm_year = month / 12 - 1900, .tm_mon = month % 12, .tm_mday = 1};

    return (int64_t)timegm(&tm) * 1000000;
}

static bool month_is_known(const tdl_backend *b, int month)
{
    for (size_t i = b->months_n; i-- > 0;)
        if (b->months[i] == month)
            return true;
    return false;
}

static tdl_status make_month(tdl_backend *b, int month, tdl_report *why)
{
    tdl_pg_parameters p = {0};
    char name[32];

    snprintf(name, sizeof name, "events_%04d_%02d", month / 12, month % 12 + 1);
    tdl_pg_bind_text(&p, 1, tdl_str_of(name));
    tdl_pg_bind_number(&p, 2, month_start(month));
    tdl_pg_bind_number(&p, 3, month_start(month + 1));
    if (b->months_n < TDL_PG_MONTHS_MAX)
        b->months[b->months_n++] = month;
    return tdl_pg_write(b, TDL_PG_MONTH, &p, "making a month's partition", NULL, why);
}

static tdl_status make_months(tdl_backend *b, tdl_report *why)
{
    int oldest = month_of(tdl_time_now()) - MONTHS_BACK, last = 0;
    tdl_status st = TDL_OK;

    for (size_t i = 0; !st && i < b->events_n; i++) {
        int month = *b->events[i].ret_seq ? month_of(b->events[i].event->time_us) : last;
        if (month == last)
            continue;
        last = month;
        if (month >= oldest && !month_is_known(b, month))
            st = make_month(b, month, why);
    }
    return st;
}

/* ---- COPY ---- */

static void add_text_or_null(tdl_buf *out, tdl_str text)
{
    text.len ? tdl_pg_add_text(out, text) : tdl_pg_add_null(out);
}

static void add_row(tdl_buf *out, const tdl_pg_event *one)
{
    const tdl_event *e = one->event;
    int64_t value;

    memcpy(&value, &e->value, sizeof value);
    tdl_pg_add_16(out, 10);
    tdl_pg_add_number(out, *one->ret_seq);
    tdl_pg_add_number(out, e->time_us);
    tdl_pg_add_number(out, one->user);
    tdl_pg_add_number(out, one->kind);
    one->item ? tdl_pg_add_number(out, one->item) : tdl_pg_add_null(out);
    e->has_value ? tdl_pg_add_number(out, value) : tdl_pg_add_null(out);
    add_text_or_null(out, e->properties);
    tdl_pg_add_number(out, one->source);
    tdl_pg_add_text(out, e->message_id);
    add_text_or_null(out, e->decision_id);
}

static bool send_rows(tdl_backend *b, tdl_buf *rows)
{
    bool sent = !rows->failed && PQputCopyData(b->conn, rows->at, (int)rows->len) == 1;

    tdl_buf_clear(rows);
    return sent;
}

static bool send_events(tdl_backend *b)
{
    static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; // the last NUL is the text's
    tdl_buf rows = {0};
    bool sent = true;

    tdl_buf_add(&rows, head, 19);
    for (size_t i = 0; sent && i < b->events_n; i++) {
        if (*b->events[i].ret_seq)
            add_row(&rows, &b->events[i]);
        if (rows.len > COPY_BYTES || rows.failed)
            sent = send_rows(b, &rows);
    }
    tdl_pg_add_16(&rows, UINT16_MAX);
    sent = sent && send_rows(b, &rows);
    tdl_buf_release(&rows);
    return PQputCopyEnd(b->conn, sent ? NULL : "given up") == 1 && sent;
}

static tdl_status copy_events(tdl_backend *b, tdl_report *why)
{
    static const char sql[] = "COPY events(seq, time_us, user_id, kind, item, value, properties,"
                              " source, message_id, decision_id) FROM STDIN (FORMAT binary)";
    PGresult *result = PQexec(b->conn, sql);
    tdl_status st = TDL_OK;

    if (PQresultStatus(result) != PGRES_COPY_IN) {
        st = tdl_pg_fail(b->conn, result, "storing events", why);
        PQclear(result);
        return st;
    }
    PQclear(result);
    bool sent = send_events(b);
    while ((result = PQgetResult(b->conn))) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK && !st)
            st = tdl_pg_fail(b->conn, result, "storing events", why);
        PQclear(result);
    }
    return st || sent ? st : tdl_pg_fail(b->conn, NULL, "storing events", why);
}

/* ---- events ---- */

static tdl_status put_groups(tdl_backend *b, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (size_t i = 0; !st && i < b->events_n; i++)
        if (*b->events[i].ret_seq)
            st = tdl_put_group(tdl_pg_execute, b, b->events[i].event, b->events[i].user, why);
    return st;
}

tdl_status tdl_pg_put_events(tdl_backend *b, tdl_report *why)
{
    tdl_status st;
    int64_t before;

    if ((st = tdl_pg_lock(b, why)))
        return st;
    before = b->now.events;
    if ((st = tdl_pg_number_events(b, why)))
        return st;
    drop_barred(b);
    if (b->events_n && (st = skip_duplicates(b, why)))
        return st;
    if (b->now.events > before && ((st = make_months(b, why)) || (st = copy_events(b, why)) ||
                                   (st = tdl_pg_put_persons(b, why)) || (st = put_groups(b, why))))
        return st;
    b->tell |= b->now.events > before;
    b->events_n = 0;
    return TDL_OK;
}

/* ---- decisions ---- */

enum { DECISION_ARRAYS = 10 };

/* The id of an asker whom this process does not know as a user; the statement knows about others.
 */
static void add_stranger(const tdl_backend *b, const tdl_decision_text *d, tdl_buf *out)
{
    tdl_buf sealed = {0};
    int64_t user;

    if (d->asker.len && !tdl_intern_find(&b->names[TDL_PG_USERS], d->asker, &user))
        tdl_people_seal_stranger(b->people, d->asker, d->user, &sealed);
    tdl_pg_add_text(out, tdl_buf_view(&sealed));
    out->failed |= sealed.failed;
    tdl_buf_release(&sealed);
}

static void fill_decisions(tdl_backend *b, tdl_buf array[DECISION_ARRAYS])
{
    static const tdl_pg_type types[DECISION_ARRAYS] = {
        TDL_PG_TEXT, TDL_PG_INT8, TDL_PG_TEXT,  TDL_PG_BYTES, TDL_PG_TEXT,
        TDL_PG_INT8, TDL_PG_TEXT, TDL_PG_BYTES, TDL_PG_BYTES, TDL_PG_BYTES};

    for (int i = 0; i < DECISION_ARRAYS; i++)
        tdl_pg_array(&array[i], types[i], b->decisions_n);
    for (size_t i = 0; i < b->decisions_n; i++) {
        const tdl_decision_text *d = b->decisions[i].decision;
        tdl_pg_add_text(&array[0], d->id);
        tdl_pg_add_number(&array[1], d->time_us);
        tdl_pg_add_text(&array[2], d->app);
        tdl_pg_add_text(&array[3], d->user);
        tdl_pg_add_text(&array[4], d->candidates);
        tdl_pg_add_number(&array[5], d->chosen_n);
        tdl_pg_add_text(&array[6], d->model_version);
        tdl_pg_add_text(&array[7], d->why);
        tdl_pg_add_text(&array[8],
                        (tdl_str){(const char *)d->context_hash, sizeof d->context_hash});
        add_stranger(b, d, &array[9]);
    }
}

tdl_status tdl_pg_put_decisions(tdl_backend *b, tdl_report *why)
{
    tdl_buf array[DECISION_ARRAYS] = {0};
    tdl_pg_parameters p = {0};
    PGresult *result = NULL;
    size_t i = 0;
    tdl_status st;

    fill_decisions(b, array);
    if ((st = tdl_pg_write_arrays(b, TDL_PG_DECISIONS, &p, array, DECISION_ARRAYS,
                                  "logging decisions", &result, why)) ||
        (st = tdl_pg_lock(b, why)))
        goto out;
    for (int row = 0; row < PQntuples(result); row++, i++) {
        tdl_str id = tdl_pg_get_text(result, row, 0);
        while (i < b->decisions_n && !tdl_str_eq(b->decisions[i].decision->id, id))
            i++;
        if (i == b->decisions_n)
            break;
        *b->decisions[i].ret_new = true;
    }
    b->now.decisions += PQntuples(result);
    b->decisions_n = 0;
out:
    PQclear(result);
    return st;
}
