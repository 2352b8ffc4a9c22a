#include "bare_sqlite.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "store/store.h"

/* ---- the rows: those of bench_ingest.c ---- */

enum { USERS_N = 1000, ITEMS_N = 5000 };

typedef struct row {
    tdl_event event;
    size_t user, item;
    char user_name[24], item_name[32], message_id[32];
} row;

static row *make_rows(size_t from, size_t n)
{
    row *rows = calloc(n, sizeof *rows);

    for (size_t k = 0; rows && k < n; k++) {
        size_t i = from + k;
        row *r = &rows[k];
        r->user = i * 7919 % USERS_N;
        r->item = i * 104729 % ITEMS_N;
        snprintf(r->user_name, sizeof r->user_name, "u%zu", r->user);
        snprintf(r->item_name, sizeof r->item_name, "item-%zu", r->item);
        snprintf(r->message_id, sizeof r->message_id, "message-%zu", i);
        r->event = (tdl_event){.time_us = 1700000000000000 + (int64_t)i * 1000,
                               .user = tdl_str_of(r->user_name),
                               .kind = TDL_STR("view"),
                               .item = tdl_str_of(r->item_name),
                               .value = (double)(i % 50) / 10,
                               .has_value = true,
                               .source = TDL_STR("native"),
                               .message_id = tdl_str_of(r->message_id)};
    }
    return rows;
}

/* ---- the bare loop ---- */

struct bare_sqlite {
    char path[PATH_MAX];
    size_t written_n; /* rows so far */
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *user, *item, *event;
    sqlite3_int64 users_n, user_id[USERS_N]; /* numbered as they first appear; 0: not yet */
    sqlite3_int64 items_n, item_id[ITEMS_N];
};

static bool prepare(bare_sqlite *l, const char *sql, sqlite3_stmt **ret)
{
    return sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL) == SQLITE_OK;
}

static bool run(sqlite3_stmt *s)
{
    bool ok = sqlite3_step(s) == SQLITE_DONE;
    return sqlite3_reset(s) == SQLITE_OK && ok;
}

static bool prepare_all(bare_sqlite *l)
{
    return prepare(l, "BEGIN IMMEDIATE", &l->begin) && prepare(l, "COMMIT", &l->commit) &&
           prepare(l, "INSERT INTO users(id, name) VALUES(?1, ?2)", &l->user) &&
           prepare(l, "INSERT INTO items(id, name) VALUES(?1, ?2)", &l->item) &&
           prepare(l,
                   "INSERT INTO events(time_us, user, kind, item, value, source, message_id)"
                   " VALUES(?1, ?2, 1, ?3, ?4, 1, ?5) ON CONFLICT(source, message_id) DO NOTHING",
                   &l->event);
}

static tdl_status fail(const bare_sqlite *l, tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_IO, "%s: %s", l->path, sqlite3_errmsg(l->db));
}

/* The schema is the store's own, made by opening one. The settings are those of store/sqlite.c. */
static tdl_status open_loop(bare_sqlite *l, tdl_report *why)
{
    static const char settings[] =
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 4000;"
        "INSERT INTO kinds VALUES(1, 'view'); INSERT INTO sources VALUES(1, 'native')";
    tdl_store *store = NULL;
    tdl_status st = tdl_store_open(l->path, NULL, &store, why);

    if (st)
        return st;
    tdl_store_close(store);
    if (sqlite3_open_v2(l->path, &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ||
        sqlite3_exec(l->db, settings, NULL, NULL, NULL) || !prepare_all(l))
        return fail(l, why);
    return TDL_OK;
}

static bool write_name(sqlite3_stmt *s, tdl_str name, sqlite3_int64 *n, sqlite3_int64 *id)
{
    if (*id)
        return true;
    *id = ++*n;
    sqlite3_bind_int64(s, 1, *id);
    sqlite3_bind_text(s, 2, name.at, (int)name.len, SQLITE_STATIC);
    return run(s);
}

static bool write_row(bare_sqlite *l, const row *r)
{
    const tdl_event *e = &r->event;

    if (!write_name(l->user, e->user, &l->users_n, &l->user_id[r->user]) ||
        !write_name(l->item, e->item, &l->items_n, &l->item_id[r->item]))
        return false;
    sqlite3_bind_int64(l->event, 1, e->time_us);
    sqlite3_bind_int64(l->event, 2, l->user_id[r->user]);
    sqlite3_bind_int64(l->event, 3, l->item_id[r->item]);
    sqlite3_bind_double(l->event, 4, e->value);
    sqlite3_bind_text(l->event, 5, e->message_id.at, (int)e->message_id.len, SQLITE_STATIC);
    return run(l->event);
}

static bool write_group(bare_sqlite *l, const row *rows, size_t n)
{
    bool ok = run(l->begin);

    for (size_t i = 0; ok && i < n; i++)
        ok = write_row(l, &rows[i]);
    return ok && run(l->commit);
}

tdl_status bare_sqlite_open(const char *dir, bare_sqlite **ret, tdl_report *why)
{
    bare_sqlite *l = calloc(1, sizeof *l);
    tdl_status st;

    if (!l)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the bare loop");
    snprintf(l->path, sizeof l->path, "%s/bare.db", dir);
    if ((st = open_loop(l, why)))
        bare_sqlite_close(l);
    else
        *ret = l;
    return st;
}

tdl_status bare_sqlite_write(bare_sqlite *l, size_t batches, size_t batch_n, double *ret_per_second,
                             tdl_report *why)
{
    row *rows = make_rows(l->written_n, batches * batch_n);
    tdl_status st = TDL_OK;

    if (!rows)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", batches * batch_n);
    int64_t start_us = tdl_time_monotonic();
    for (size_t i = 0; !st && i < batches; i++)
        if (!write_group(l, rows + i * batch_n, batch_n))
            st = fail(l, why);
    *ret_per_second = (double)(batches * batch_n) * 1e6 / (double)(tdl_time_monotonic() - start_us);
    l->written_n += batches * batch_n;
    free(rows);
    return st;
}

void bare_sqlite_close(bare_sqlite *l)
{
    if (!l)
        return;
    sqlite3_finalize(l->begin);
    sqlite3_finalize(l->commit);
    sqlite3_finalize(l->user);
    sqlite3_finalize(l->item);
    sqlite3_finalize(l->event);
    sqlite3_close(l->db);
    free(l);
}
