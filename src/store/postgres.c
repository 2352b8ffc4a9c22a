/* PostgreSQL backend: open, close, readers. "postgres://..." or "postgresql://..." as libpq has
 * them; a password is better in ~/.pgpass, PGPASSFILE or PGPASSWORD than in the URL. */
#include "store/postgres.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static tdl_status start_totals(tdl_backend *b, tdl_report *why)
{
    PGresult *result = PQexec(b->conn, "SELECT events FROM store");
    tdl_status st = TDL_OK;

    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        st = tdl_pg_fail(b->conn, result, "opening the store", why);
    else
        b->told_seq = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return st;
}

static tdl_status open_connections(tdl_backend *b, const tdl_store_options *options,
                                   tdl_report *why)
{
    tdl_status st;

    if ((st = tdl_pg_connect(b->url, options->read_only, &b->conn, why)))
        return st;
    if (options->read_only)
        return tdl_pg_check_schema(b->conn, why);
    if ((st = tdl_pg_migrate(b->conn, options->must_exist, why)))
        return st;
    return start_totals(b, why);
}

/* libpq's own message would repeat the part it cannot read, which may be the password. */
static tdl_status check_url(const char *url, tdl_report *why)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);

    if (!options)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "use postgres://USER@HOST:PORT/DATABASE",
                             "the database's address cannot be read");
    PQconninfoFree(options);
    return TDL_OK;
}

static tdl_status pg_open(const char *path, const tdl_store_options *options, tdl_backend **ret,
                          tdl_report *why)
{
    tdl_buf url = {0};
    tdl_status st;
    tdl_backend *b = calloc(1, sizeof *b);

    if (!b)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the store");
    tdl_buf_printf(&url, "postgresql:%s", path);
    b->url = url.at;
    b->read_only = options->read_only;
    if (url.failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the store");
    else if (!(st = check_url(b->url, why)) && !(st = open_connections(b, options, why)))
        st = tdl_pg_watch_start(b->url, &b->watch, why);
    if (st)
        goto out;
    *ret = b;
    b = NULL; /* the caller's now */
out:
    tdl_postgres_ops.close(b);
    return st;
}

static void pg_close(tdl_backend *b)
{
    if (!b)
        return;
    tdl_pg_watch_stop(b->watch);
    tdl_pg_forget(b);
    free(b->events);
    free(b->decisions);
    free(b->own);
    free(b->url);
    free(b);
}

static void pg_use_people(tdl_backend *b, tdl_people *people)
{
    b->people = people;
}

static int64_t pg_data_version(tdl_backend *b)
{
    return tdl_pg_watch_version(b->watch);
}

static void pg_watch(tdl_backend *b, void (*fn)(void *context), void *context)
{
    tdl_pg_watch_call(b->watch, fn, context);
}

static tdl_status pg_reader_open(tdl_backend *b, tdl_reader **ret, tdl_report *why)
{
    tdl_pg_reader *reader = calloc(1, sizeof *reader);
    tdl_status st;

    if (!reader)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a connection");
    reader->base.ops = &tdl_pg_rows;
    reader->base.people = b->people;
    reader->backend = b;
    if ((st = tdl_pg_connect(b->url, true, &reader->conn, why))) {
        free(reader);
        return st;
    }
    *ret = &reader->base;
    return TDL_OK;
}

static void pg_reader_close(tdl_reader *given)
{
    tdl_pg_reader *reader = (tdl_pg_reader *)given;

    if (!reader)
        return;
    for (int i = 0; i < TDL_READ_N; i++)
        PQclear(reader->statement[i].result);
    PQfinish(reader->conn);
    tdl_reader_release(&reader->base);
    free(reader);
}

static tdl_chain *pg_audit(tdl_backend *b)
{
    return &b->audit;
}

const tdl_store_ops tdl_postgres_ops = {
    .scheme = "postgres",
    .other_scheme = "postgresql",
    .open = pg_open,
    .close = pg_close,
    .use_people = pg_use_people,
    .begin = tdl_pg_begin,
    .commit = tdl_pg_commit,
    .rollback = tdl_pg_rollback,
    .mark = tdl_pg_mark,
    .unmark = tdl_pg_unmark,
    .put_event = tdl_pg_put_event,
    .put_decision = tdl_pg_put_decision,
    .put_item = tdl_pg_put_item,
    .put_flag = tdl_pg_put_flag,
    .drop_flag = tdl_pg_drop_flag,
    .put_traits = tdl_pg_put_traits,
    .put_model = tdl_pg_put_model,
    .put_file = tdl_pg_put_file,
    .activate_model = tdl_pg_activate_model,
    .put_key = tdl_pg_put_key,
    .revoke_key = tdl_pg_revoke_key,
    .execute = tdl_pg_execute,
    .number_user = tdl_pg_number_user,
    .forget_messages = tdl_pg_forget_messages,
    .forget_names = tdl_pg_forget_names,
    .let_in = tdl_pg_let_in,
    .audit = pg_audit,
    .removed = tdl_pg_removed,
    .clean = tdl_pg_clean,
    .added = tdl_pg_added,
    .data_version = pg_data_version,
    .watch = pg_watch,
    .follow = tdl_pg_follow,
    .reader_open = pg_reader_open,
    .reader_close = pg_reader_close,
    .scan_start = tdl_read_scan_start,
    .scan_next = tdl_read_scan_next,
    .walk = tdl_read_walk,
    .kinds = tdl_read_kinds,
    .user_events = tdl_read_user_events,
    .users = tdl_read_users,
    .person = tdl_read_person,
    .each_alias = tdl_read_each_alias,
    .traits = tdl_read_traits,
    .flags = tdl_read_flags,
    .get_item = tdl_read_get_item,
    .each_item = tdl_read_each_item,
    .changed_items = tdl_read_changed_items,
    .decisions = tdl_read_decisions,
    .models = tdl_read_models,
    .keys = tdl_read_keys,
    .count = tdl_read_count,
};
