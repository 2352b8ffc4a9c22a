/* Checking the audit log, against b2sum on the same bytes in the same run. */
#include <fcntl.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bars.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/folder.h"
#include "store/audit.h"

extern char **environ;

enum { ENTRIES = 200000, ROUNDS = 3, PATH_SIZE = TDL_FOLDER_MAX + 16 };

/* Entries as those of a flag, put past the store: appended one by one each would be a commit. */
static tdl_status put_entries(const char *path, tdl_report *why)
{
    tdl_chain chain = {0};
    tdl_buf head = {0};
    sqlite3_stmt *s = NULL;
    sqlite3 *db = NULL;
    bool good = !sqlite3_open(path, &db) && !sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) &&
                !sqlite3_prepare_v2(db, "INSERT INTO audit VALUES(?1, ?2, ?3)", -1, &s, NULL);

    for (int i = 1; good && i <= ENTRIES; i++) {
        char record[200];
        int n = snprintf(record, sizeof record,
                         "{\"action\":\"flag.put\",\"actor\":\"key:00aa11bb22cc33dd\",\"family\":"
                         "\"posthog\",\"flag\":\"button-%d\",\"seq\":%d,\"ts\":17000000000%05d}",
                         i % 50, i, i % 100000);
        tdl_chain_add(&chain, (tdl_str){record, (size_t)n});
        sqlite3_bind_int(s, 1, i);
        sqlite3_bind_text(s, 2, record, n, SQLITE_STATIC);
        sqlite3_bind_blob(s, 3, chain.hash, TDL_CHAIN_BYTES, SQLITE_STATIC);
        good = sqlite3_step(s) == SQLITE_DONE;
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    tdl_chain_format(&chain, &head);
    good = good &&
           !sqlite3_prepare_v2(db, "INSERT INTO settings VALUES('audit.head', ?1)", -1, &s, NULL) &&
           !sqlite3_bind_text(s, 1, head.at, -1, SQLITE_STATIC) && sqlite3_step(s) == SQLITE_DONE;
    if (good)
        sqlite3_finalize(s);
    good = good && !sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(db);
    tdl_buf_release(&head);
    return good ? TDL_OK : TDL_FAIL(why, TDL_E_IO, "%s cannot be filled", path);
}

/* Seconds that b2sum takes; below 0 when there is none. */
static double time_b2sum(char *path)
{
    char program[] = "/usr/bin/b2sum", *arguments[] = {program, path, NULL};
    posix_spawn_file_actions_t actions;
    int64_t begin = tdl_time_monotonic();
    int status = -1;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    bool started = !posix_spawn(&pid, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (!started || waitpid(pid, &status, 0) != pid || status)
        return -1;
    return (double)(tdl_time_monotonic() - begin) / 1e6;
}

static tdl_status measure(tdl_store *store, char *file, double bytes, tdl_bars *bars,
                          tdl_report *why)
{
    double own[ROUNDS], stored[ROUNDS], peer[ROUNDS];
    tdl_audit_state state, file_state;
    tdl_audit_head head;
    tdl_status st;

    for (int i = 0; i < ROUNDS; i++) {
        peer[i] = time_b2sum(file);
        if (peer[i] <= 0)
            return TDL_FAIL(why, TDL_E_NOT_FOUND, "/usr/bin/b2sum does not run");
        int64_t begin = tdl_time_monotonic();
        if ((st = tdl_audit_file_check(file, &file_state, &head, why)))
            return st;
        int64_t middle = tdl_time_monotonic();
        if ((st = tdl_store_audit_check(store, NULL, &state, why)))
            return st;
        own[i] = (double)(middle - begin) / 1e6;
        stored[i] = (double)(tdl_time_monotonic() - middle) / 1e6;
        if (state.first_bad || file_state.first_bad || state.whole.n != ENTRIES)
            return TDL_FAIL(why, TDL_E_INTERNAL, "a good log was called broken");
    }
    const double rate = bytes / tdl_median3(peer);
    const struct {
        const char *what;
        double seconds;
        tdl_bar_kind kind; // of the rows in a database only a part are bytes of the log
    } rows[] = {{"in a file", tdl_median3(own), TDL_BAR_AT_LEAST},
                {"in SQLite", tdl_median3(stored), TDL_BAR_NONE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        tdl_bars_add(bars,
                     (tdl_bar){.value = bytes / rows[i].seconds / rate,
                               .unit = "ratio",
                               .kind = rows[i].kind,
                               .bound = .5,
                               .peer = "bytes/s of b2sum on the exported file",
                               .peer_value = rate},
                     "audit: verify %s (%.0f entries/s)", rows[i].what, ENTRIES / rows[i].seconds);
    return TDL_OK;
}

static tdl_status run(const char *db, char *file, tdl_bars *bars, tdl_report *why)
{
    tdl_store *store = NULL;
    tdl_audit_head head;
    tdl_status st = tdl_store_open(db, NULL, &store, why);

    if (st || (st = put_entries(db, why)))
        goto out;
    FILE *out = fopen(file, "we");
    st = out ? tdl_store_audit_export(store, NULL, out, &head, why)
             : TDL_FAIL(why, TDL_E_IO, "%s cannot be written", file);
    double bytes = out ? (double)ftell(out) : 0;
    if (out && fclose(out) && !st)
        st = TDL_FAIL(why, TDL_E_IO, "%s cannot be written", file);
    if (!st)
        st = measure(store, file, bytes, bars, why);
out:
    tdl_store_close(store);
    return st;
}

tdl_status tdl_bench_audit(bool quiet, tdl_bars *bars, tdl_report *why)
{
    char folder[TDL_FOLDER_MAX], db[PATH_SIZE], file[PATH_SIZE];
    tdl_status st = tdl_folder_temporary(folder, why);

    if (st)
        return st;
    if (!quiet)
        fprintf(stderr, "audit: a log of %d entries\n", ENTRIES);
    snprintf(db, sizeof db, "%s/treadle.db", folder);
    snprintf(file, sizeof file, "%s/audit.log", folder);
    st = run(db, file, bars, why);
    tdl_folder_remove(folder);
    return st;
}
