#include "bare_sqlite.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/timestamp.h"
#include "store/store.h"

/* ---- the rows: those of bench_ingest.c ---- */

enum { USERS_N = 1000, ITEMS_N = 5000 };

typedef struct row {
    tdl_event event;
    size_t user, item;
    char user_name[24], item_name[32], message_id[32];
} row;

static row *make_rows(size_t n)
{
    row *rows = calloc(n, sizeof *rows);

    for (size_t i = 0; rows && i < n; i++) {
        row *r = &rows[i];
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

/* ---- a database of its own ---- */

static void database_path(const char *dir, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/bench-%ld.db", dir, (long)getpid());
}

static void remove_database(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[PATH_MAX + 8];

    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        remove(name);
    }
}

/* ---- the bare loop ---- */

typedef struct loop {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *user, *item, *event;
    sqlite3_int64 users_n, user_id[USERS_N]; /* numbered as they first appear; 0: not yet */
    sqlite3_int64 items_n, item_id[ITEMS_N];
} loop;

static bool prepare(loop *l, const char *sql, sqlite3_stmt **ret)
{
    return sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL) == SQLITE_OK;
}

static bool run(sqlite3_stmt *s)
{
    bool ok = sqlite3_step(s) == SQLITE_DONE;
    return sqlite3_reset(s) == SQLITE_OK && ok;
}

static bool prepare_all(loop *l)
{
    return prepare(l, "BEGIN IMMEDIATE", &l->begin) && prepare(l, "COMMIT", &l->commit) &&
           prepare(l, "INSERT INTO users(id, name) VALUES(?1, ?2)", &l->user) &&
           prepare(l, "INSERT INTO items(id, name) VALUES(?1, ?2)", &l->item) &&
           prepare(l,
                   "INSERT INTO events(time_us, user, kind, item, value, source, message_id)"
                   " VALUES(?1, ?2, 1, ?3, ?4, 1, ?5) ON CONFLICT(source, message_id) DO NOTHING",
                   &l->event);
}

static tdl_status fail(const loop *l, const char *path, tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_IO, "%s: %s", path, sqlite3_errmsg(l->db));
}

/* The schema is the store's own, made by opening one. The settings are those of store/sqlite.c. */
static tdl_status open_loop(loop *l, const char *path, tdl_report *why)
{
    static const char settings[] =
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 4000;"
        "INSERT INTO kinds VALUES(1, 'view'); INSERT INTO sources VALUES(1, 'native')";
    tdl_store *store = NULL;
    tdl_status st = tdl_store_open(path, NULL, &store, why);

    if (st)
        return st;
    tdl_store_close(store);
    if (sqlite3_open_v2(path, &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ||
        sqlite3_exec(l->db, settings, NULL, NULL, NULL) || !prepare_all(l))
        return fail(l, path, why);
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

static bool write_row(loop *l, const row *r)
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

static bool write_group(loop *l, const row *rows, size_t n)
{
    bool ok = run(l->begin);

    for (size_t i = 0; ok && i < n; i++)
        ok = write_row(l, &rows[i]);
    return ok && run(l->commit);
}

static void close_loop(loop *l)
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

tdl_status bare_sqlite_rows_per_second(const char *dir, size_t batches, size_t batch_n,
                                       double *ret_per_second, tdl_report *why)
{
    char path[PATH_MAX];
    row *rows = make_rows(batches * batch_n);
    loop *l = calloc(1, sizeof *l);
    tdl_status st;

    database_path(dir, path);
    if (!rows || !l) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", batches * batch_n);
        goto out;
    }
    if ((st = open_loop(l, path, why)))
        goto out;
    int64_t start_us = tdl_time_monotonic();
    for (size_t i = 0; i < batches; i++)
        if (!write_group(l, rows + i * batch_n, batch_n)) {
            st = fail(l, path, why);
            goto out;
        }
    *ret_per_second = (double)(batches * batch_n) * 1e6 / (double)(tdl_time_monotonic() - start_us);
out:
    close_loop(l);
    remove_database(path);
    free(rows);
    return st;
}

/* ---- the store ---- */

static tdl_status append_group(tdl_store *store, const row *rows, size_t n, tdl_event *events,
                               tdl_report *why)
{
    size_t new_n = 0;
    tdl_status st;

    for (size_t i = 0; i < n; i++) {
        events[i] = rows[i].event;
        if ((st = tdl_event_check(&events[i], tdl_time_now(), why)))
            return st;
    }
    if ((st = tdl_store_append(store, events, n, &new_n, why)))
        return st;
    return new_n == n ? TDL_OK : TDL_FAIL(why, TDL_E_INTERNAL, "%zu duplicates", n - new_n);
}

tdl_status store_rows_per_second(const char *dir, size_t batches, size_t batch_n,
                                 double *ret_per_second, tdl_report *why)
{
    char path[PATH_MAX];
    row *rows = make_rows(batches * batch_n);
    tdl_event *events = calloc(batch_n, sizeof *events);
    tdl_store *store = NULL;
    tdl_status st;

    database_path(dir, path);
    if (!rows || !events) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", batches * batch_n);
        goto out;
    }
    if ((st = tdl_store_open(path, NULL, &store, why)))
        goto out;
    int64_t start_us = tdl_time_monotonic();
    for (size_t i = 0; i < batches; i++)
        if ((st = append_group(store, rows + i * batch_n, batch_n, events, why)))
            goto out;
    *ret_per_second = (double)(batches * batch_n) * 1e6 / (double)(tdl_time_monotonic() - start_us);
out:
    tdl_store_close(store);
    remove_database(path);
    free(events);
    free(rows);
    return st;
}

/* ---- decisions ---- */

static double cpu_process(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* In bursts of a millisecond's worth, as a busy server logs them. */
static tdl_status log_at_rate(tdl_store *store, tdl_decision *d, double rate, double seconds,
                              double *ret_caller_s, size_t *ret_n, tdl_report *why)
{
    static const struct timespec pause = {.tv_nsec = 1000 * 1000};
    int64_t start_us = tdl_time_monotonic(), now_us = start_us;
    double caller_s = 0;
    size_t n = 0;

    while ((double)(now_us - start_us) < seconds * 1e6) {
        size_t due = (size_t)((double)(now_us - start_us) * rate / 1e6);
        double before = tdl_time_cpu_thread();
        for (; n < due; n++) {
            tdl_status st;
            snprintf(d->id, sizeof d->id, "0192aaaa-0000-7000-8000-%012zu", n);
            if ((st = tdl_store_log_decision(store, d, why)))
                return st;
        }
        caller_s += tdl_time_cpu_thread() - before;
        nanosleep(&pause, NULL);
        now_us = tdl_time_monotonic();
    }
    *ret_caller_s = caller_s;
    *ret_n = n;
    return TDL_OK;
}

tdl_status decision_log_cost(const char *dir, size_t candidates_n, double rate, double seconds,
                             decision_cost *ret, tdl_report *why)
{
    static const char reason[] = "[{\"kind\":\"because\",\"item\":\"item-17\",\"share\":0.42}]";
    char path[PATH_MAX], (*names)[16] = calloc(candidates_n, sizeof *names);
    tdl_candidate *candidates = calloc(candidates_n, sizeof *candidates);
    tdl_rng rng = tdl_rng_make(2, 0);
    tdl_store *store = NULL;
    double caller_s = 0;
    size_t n = 0;
    tdl_status st;

    database_path(dir, path);
    if (!names || !candidates) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu candidates", candidates_n);
        goto out;
    }
    for (size_t i = 0; i < candidates_n; i++) {
        snprintf(names[i], sizeof names[i], "item-%llu",
                 (unsigned long long)tdl_rng_below(&rng, ITEMS_N));
        candidates[i] = (tdl_candidate){.item = tdl_str_of(names[i]),
                                        .score = (double)(float)tdl_rng_normal(&rng),
                                        .propensity = 1,
                                        .chosen = i < 10};
    }
    if ((st = tdl_store_open(path, NULL, &store, why)))
        goto out;
    tdl_decision d = {.time_us = tdl_time_now(),
                      .app = TDL_STR("recommend"),
                      .user = TDL_STR("user-17"),
                      .candidates = candidates,
                      .candidates_n = candidates_n,
                      .model_version = TDL_STR("recommend-0192aaaa-0000-7000-8000-000000000000"),
                      .why = TDL_STR(reason)};
    double cpu_before = cpu_process(), own_before = tdl_time_cpu_thread();
    int64_t start_us = tdl_time_monotonic();
    if ((st = log_at_rate(store, &d, rate, seconds, &caller_s, &n, why)))
        goto out;
    tdl_store_flush(store);
    double own = tdl_time_cpu_thread() - own_before;
    double wall = (double)(tdl_time_monotonic() - start_us) / 1e6;
    ret->caller_us = n ? caller_s * 1e6 / (double)n : 0;
    ret->writer_cores = (cpu_process() - cpu_before - own) / wall;
out:
    tdl_store_close(store);
    remove_database(path);
    free(candidates);
    free(names);
    return st;
}
