#include "train/runs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "base/uuid.h"
#include "train/run.h"

enum {
    SMALL_MAX = 256 << 10, /* of config.json, system.json, summary.json */
    CHUNK = 64 << 10,
    FOLDERS_MAX = 100000, /* looked at in one listing */
    UUID_LEN = 36
};

const char *tdl_run_status_name(tdl_run_status status)
{
    static const char *const names[] = {
        [TDL_RUN_RUNNING] = "running",
        [TDL_RUN_DONE] = "done",
        [TDL_RUN_FAILED] = "failed",
        [TDL_RUN_KILLED] = "killed",
    };
    return names[status];
}

/* ---- files ---- */

/* A regular file of a run, never through a link, never waiting for a pipe. -1 with errno. */
static int open_file(const char *data_dir, tdl_str id, const char *name)
{
    char path[PATH_MAX];
    struct stat info;

    if (snprintf(path, sizeof path, "%s/runs/%.*s/%s", data_dir, TDL_FMT(id), name) >=
        (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &info) || !S_ISREG(info.st_mode))) {
        close(fd);
        errno = EINVAL;
        fd = -1;
    }
    return fd;
}

static tdl_status fail_file(tdl_str id, const char *name, tdl_report *why)
{
    int error = errno;

    if (error == ENOENT || error == ENOTDIR)
        return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "treadle runs list shows what there is",
                             "there is no run %.*s", TDL_FMT(id));
    return TDL_FAIL(why, TDL_E_IO, "run %.*s, %s: %s", TDL_FMT(id), name, strerror(error));
}

static ssize_t read_some(int fd, char *at, size_t n)
{
    ssize_t got;

    do
        got = read(fd, at, n);
    while (got < 0 && errno == EINTR);
    return got;
}

/* A small JSON object of a run. */
static tdl_status read_object(const char *data_dir, tdl_str id, const char *name, json_t **ret,
                              tdl_report *why)
{
    char chunk[4096];
    tdl_buf text = {.limit = SMALL_MAX};
    int fd = open_file(data_dir, id, name);
    ssize_t got;
    tdl_status st;

    if (fd < 0)
        return fail_file(id, name, why);
    while ((got = read_some(fd, chunk, sizeof chunk)) > 0 && !text.failed)
        tdl_buf_add(&text, chunk, (size_t)got);
    if (got < 0)
        st = fail_file(id, name, why);
    else if (text.failed)
        st = TDL_FAIL(why, TDL_E_CORRUPT, "more than %d bytes", SMALL_MAX);
    else if ((st = tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, ret, why)))
        st = TDL_E_CORRUPT;
    else if (!json_is_object(*ret)) {
        st = TDL_FAIL(why, TDL_E_CORRUPT, "not an object");
        json_decref(*ret);
        *ret = NULL;
    }
    if (st == TDL_E_CORRUPT)
        tdl_report_prefix(why, "run %.*s, %s", TDL_FMT(id), name);
    close(fd);
    tdl_buf_release(&text);
    return st;
}

/* Does the run's process still live? */
static bool is_locked(const char *data_dir, tdl_str id)
{
    int fd = open_file(data_dir, id, "lock");
    bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    return locked;
}

/* ---- one run ---- */

static tdl_str copy_text(tdl_arena *arena, const json_t *object, const char *key)
{
    tdl_str text;

    return tdl_json_get_str(object, key, &text) && text.len ? tdl_arena_str(arena, text)
                                                            : (tdl_str){0};
}

static int64_t read_time(const json_t *object, const char *key)
{
    tdl_str text;
    int64_t time_us = 0;

    if (tdl_json_get_str(object, key, &text) && tdl_time_parse(text, &time_us, NULL))
        return 0;
    return time_us;
}

static tdl_status dump(const json_t *value, tdl_arena *arena, tdl_str *ret, tdl_report *why)
{
    tdl_buf text = {.limit = (size_t)4 * SMALL_MAX};

    tdl_json_dump(&text, value);
    *ret = tdl_arena_str(arena, tdl_buf_view(&text));
    bool failed = text.failed || !ret->at;
    tdl_buf_release(&text);
    return failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "the run's settings need too much memory")
                  : TDL_OK;
}

static tdl_status read_config(const char *data_dir, tdl_arena *arena, tdl_run_row *row,
                              tdl_report *why)
{
    json_t *object = NULL;
    tdl_status st = read_object(data_dir, row->id, "config.json", &object, why);

    if (st)
        return st;
    row->app = copy_text(arena, object, "app");
    row->started_us = read_time(object, "started");
    tdl_json_get_int(object, "seed", &row->seed);
    const json_t *config = json_object_get(object, "config");
    if (json_is_object(config))
        st = dump(config, arena, &row->config, why);
    json_decref(object);
    return st;
}

static void read_best(const json_t *summary, tdl_arena *arena, tdl_run_row *row)
{
    const json_t *best = json_object_get(summary, "best");

    if (!tdl_json_get_number(best, "value", &row->best_value))
        return;
    row->best_tag = copy_text(arena, best, "tag");
    tdl_json_get_int(best, "step", &row->best_step);
}

/* The lock is looked at first: a run that ends in between has its summary then. */
static tdl_status read_summary(const char *data_dir, tdl_arena *arena, tdl_run_row *row,
                               tdl_report *why)
{
    bool lives = is_locked(data_dir, row->id);
    json_t *object = NULL;
    tdl_str status = {0};
    tdl_report problem = {0};
    tdl_status st = read_object(data_dir, row->id, "summary.json", &object, &problem);

    if (st == TDL_E_NOT_FOUND) {
        row->status = lives ? TDL_RUN_RUNNING : TDL_RUN_KILLED;
        return TDL_OK;
    }
    if (st)
        return TDL_FAIL(why, st, "%s", problem.message);
    tdl_json_get_str(object, "status", &status);
    row->status = tdl_str_is(status, "done") ? TDL_RUN_DONE : TDL_RUN_FAILED;
    row->stop_reason = copy_text(arena, object, "stop_reason");
    row->message = copy_text(arena, object, "message");
    row->finished_us = read_time(object, "finished");
    read_best(object, arena, row);
    json_decref(object);
    return TDL_OK;
}

/* Everything but system.json. */
static tdl_status read_row(const char *data_dir, tdl_str id, tdl_arena *arena, tdl_run_row *ret,
                           tdl_report *why)
{
    tdl_status st;

    *ret = (tdl_run_row){.id = tdl_arena_str(arena, id)};
    if (!ret->id.at)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the run");
    if ((st = read_config(data_dir, arena, ret, why)))
        return st;
    return read_summary(data_dir, arena, ret, why);
}

static tdl_status check_id(tdl_str id, tdl_report *why)
{
    errno = ENOENT;
    return tdl_run_id_valid(id) ? TDL_OK : fail_file(id, "config.json", why);
}

tdl_status tdl_runs_read(const char *data_dir, tdl_str id, tdl_arena *arena, tdl_run_row *ret,
                         tdl_report *why)
{
    json_t *object = NULL;
    tdl_status st;

    if ((st = check_id(id, why)) || (st = read_row(data_dir, id, arena, ret, why)))
        return st;
    if ((st = read_object(data_dir, id, "system.json", &object, why)))
        return st;
    st = dump(object, arena, &ret->system, why);
    json_decref(object);
    return st;
}

/* ---- all of them ---- */

typedef struct listing {
    char (*id)[TDL_RUN_ID_MAX + 1];
    size_t n, cap;
} listing;

/* Where the time in an id begins: at its UUID, or nowhere. */
static const char *time_of(const char *id)
{
    size_t n = strlen(id);

    if (n < UUID_LEN || !tdl_uuid_valid((tdl_str){id + n - UUID_LEN, UUID_LEN}))
        return "";
    return id + n - UUID_LEN;
}

static int newest_first(const void *a, const void *b)
{
    int order = strcmp(time_of(b), time_of(a));

    return order ? order : strcmp(a, b);
}

static bool add_id(listing *l, const char *id)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        void *grown = realloc(l->id, cap * sizeof *l->id);
        if (!grown)
            return false;
        l->id = grown;
        l->cap = cap;
    }
    strcpy(l->id[l->n++], id);
    return true;
}

static tdl_status list_ids(const char *data_dir, listing *ret, tdl_report *why)
{
    char path[PATH_MAX];
    const struct dirent *entry;
    bool good = true;

    if (snprintf(path, sizeof path, "%s/runs", data_dir) >= (int)sizeof path)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: path too long", data_dir);
    DIR *folder = opendir(path);
    if (!folder)
        return errno == ENOENT ? TDL_OK : TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
    while (good && ret->n < FOLDERS_MAX && (entry = readdir(folder)))
        if (tdl_run_id_valid(tdl_str_of(entry->d_name)))
            good = add_id(ret, entry->d_name);
    closedir(folder);
    if (!good)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to list %zu runs", ret->n);
    if (ret->n)
        qsort(ret->id, ret->n, sizeof *ret->id, newest_first);
    return TDL_OK;
}

tdl_status tdl_runs_list(const char *data_dir, size_t limit, tdl_arena *arena, tdl_run_row **ret,
                         size_t *ret_n, size_t *ret_skipped, tdl_report *why)
{
    listing all = {0};
    size_t n = 0, skipped = 0;
    tdl_run_row *rows;
    tdl_status st = list_ids(data_dir, &all, why);

    if (st)
        goto out;
    limit = limit < all.n ? limit : all.n;
    limit = limit < TDL_RUNS_MAX ? limit : TDL_RUNS_MAX;
    if (!(rows = tdl_arena_zalloc(arena, limit, sizeof *rows))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu runs", limit);
        goto out;
    }
    for (size_t i = 0; i < all.n && n < limit; i++) {
        tdl_status one = read_row(data_dir, tdl_str_of(all.id[i]), arena, &rows[n], NULL);
        if (one == TDL_E_NO_MEMORY) {
            st = TDL_FAIL(why, one, "no memory for %zu runs", limit);
            goto out;
        }
        n += one == TDL_OK;
        skipped += one != TDL_OK && one != TDL_E_NOT_FOUND; // not found: it is just being made
    }
    *ret = rows;
    *ret_n = n;
    if (ret_skipped)
        *ret_skipped = skipped;
out:
    free(all.id);
    return st;
}

/* ---- metrics ---- */

/* Go to byte `after`. False when it is behind the end: there is nothing new. */
static bool seek(int fd, uint64_t after, tdl_curves *ret)
{
    char before = '\n';

    if (after > INT64_MAX || (after && pread(fd, &before, 1, (off_t)after - 1) != 1))
        return false;
    ret->too_long = before != '\n'; // the rest of a line is no line
    return lseek(fd, (off_t)after, SEEK_SET) >= 0;
}

tdl_status tdl_runs_curves(const char *data_dir, tdl_str id, uint64_t after, tdl_curves *ret,
                           tdl_report *why)
{
    size_t left = TDL_METRICS_READ_MAX;
    ssize_t got = 0;
    int fd;
    tdl_status st;

    *ret = (tdl_curves){.next = after};
    if ((st = check_id(id, why)))
        return st;
    if ((fd = open_file(data_dir, id, "metrics.jsonl")) < 0)
        return fail_file(id, "metrics.jsonl", why);
    char *chunk = malloc(CHUNK);
    bool open = chunk && seek(fd, after, ret);
    while (open && left && (got = read_some(fd, chunk, CHUNK < left ? CHUNK : left)) > 0) {
        tdl_curves_feed(ret, (tdl_str){chunk, (size_t)got});
        left -= (size_t)got;
    }
    if (got < 0)
        st = fail_file(id, "metrics.jsonl", why);
    else if (!chunk || ret->failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "run %.*s: no memory for its metrics", TDL_FMT(id));
    free(chunk);
    close(fd);
    return st;
}
