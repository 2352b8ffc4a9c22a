#include "train/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "train/tb.h"

enum { FILE_NAME_MAX = 32 };

struct tdl_run_folder {
    char path[PATH_MAX - FILE_NAME_MAX];
    int lock_fd, metrics_fd; /* -1 = not open */
    tdl_tb *tb;
    tdl_train_log log;
    tdl_buf line;
    double epoch; /* NaN until told */
    int64_t started_us;
    tdl_report failure; /* the first one; status TDL_OK = none */
};

bool tdl_run_id_valid(tdl_str id)
{
    if (id.len == 0 || id.len > TDL_RUN_ID_MAX || id.at[0] == '.')
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '.' && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* ---- the log ---- */

/* One write a line, so that a reader and a kill see whole lines. */
static void write_line(tdl_run_folder *run)
{
    tdl_buf_char(&run->line, '\n');
    if (run->failure.status)
        return;
    if (run->line.failed) {
        TDL_FAIL(&run->failure, TDL_E_NO_MEMORY, "%s: no memory for a line of metrics", run->path);
        return;
    }
    ssize_t done = write(run->metrics_fd, run->line.at, run->line.len);
    if (done != (ssize_t)run->line.len)
        TDL_FAIL(&run->failure, TDL_E_IO, "%s/metrics.jsonl: %s", run->path,
                 done < 0 ? strerror(errno) : "the disk is full");
}

static void log_scalar(void *context, const char *tag, uint64_t step, double value)
{
    tdl_run_folder *run = context;
    tdl_jw w = {.out = &run->line};

    if (!strcmp(tag, "epoch"))
        run->epoch = value;
    tdl_buf_clear(&run->line);
    tdl_jw_object(&w);
    tdl_jw_kint(&w, "step", (int64_t)step);
    if (!isnan(run->epoch))
        tdl_jw_knumber(&w, "epoch", run->epoch);
    tdl_jw_ktext(&w, "tag", tag);
    tdl_jw_knumber(&w, "value", value);
    tdl_jw_ktime(&w, "time", tdl_time_now());
    tdl_jw_end_object(&w);
    write_line(run);
    tdl_tb_add_scalar(run->tb, tag, step, value);
}

static void log_histogram(void *context, const char *tag, uint64_t step, const float *x, size_t n)
{
    tdl_run_folder *run = context;

    tdl_tb_add_histogram(run->tb, tag, step, x, n);
}

static void log_text(void *context, const char *tag, const char *text)
{
    tdl_run_folder *run = context;
    tdl_jw w = {.out = &run->line};

    tdl_buf_clear(&run->line);
    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "tag", tag);
    tdl_jw_ktext(&w, "text", text);
    tdl_jw_ktime(&w, "time", tdl_time_now());
    tdl_jw_end_object(&w);
    write_line(run);
    tdl_tb_add_text(run->tb, tag, text);
}

static void log_graph(void *context, const tdl_graph_node *node, size_t n)
{
    tdl_run_folder *run = context;

    tdl_tb_add_graph(run->tb, node, n);
}

const tdl_train_log *tdl_run_log(const tdl_run_folder *run)
{
    return &run->log;
}

/* ---- opening and closing ---- */

static const char *file_in(const tdl_run_folder *run, const char *name, char ret[PATH_MAX])
{
    snprintf(ret, PATH_MAX, "%s/%.*s", run->path, FILE_NAME_MAX - 2, name);
    return ret;
}

static tdl_status write_json(const tdl_run_folder *run, const char *name, tdl_buf *json,
                             tdl_report *why)
{
    char path[PATH_MAX];

    tdl_buf_char(json, '\n');
    tdl_status st = json->failed
                        ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %s", name)
                        : tdl_file_write(file_in(run, name, path), tdl_buf_view(json), why);
    tdl_buf_release(json);
    return st;
}

static tdl_status create(const tdl_run_folder *run, const char *name, int *ret, tdl_report *why)
{
    char path[PATH_MAX];

    *ret = open(file_in(run, name, path), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    return *ret >= 0 ? TDL_OK : TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
}

static tdl_status make_folder(tdl_run_folder *run, const tdl_run_options *o, tdl_report *why)
{
    tdl_status st;

    if (!tdl_run_id_valid(tdl_str_of(o->id)))
        return TDL_FAIL(why, TDL_E_INVALID, "\"%s\" is no name for a run", o->id);
    if (strlen(o->data_dir) + strlen(o->id) + sizeof "/runs/" > sizeof run->path)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: path too long", o->data_dir);
    snprintf(run->path, sizeof run->path, "%s/runs", o->data_dir);
    if ((st = tdl_file_make_dir(run->path, why)))
        return st;
    snprintf(run->path, sizeof run->path, "%s/runs/%s", o->data_dir, o->id);
    if (mkdir(run->path, 0700) == 0)
        return TDL_OK;
    if (errno == EEXIST)
        return TDL_FAIL(why, TDL_E_CONFLICT, "there is a run %s already", o->id);
    return TDL_FAIL(why, TDL_E_IO, "%s: %s", run->path, strerror(errno));
}

/* A reader may hold it for a moment to see whether it is free. */
static tdl_status take_lock(tdl_run_folder *run, tdl_report *why)
{
    tdl_status st = create(run, "lock", &run->lock_fd, why);

    while (!st && flock(run->lock_fd, LOCK_EX))
        if (errno != EINTR)
            st = TDL_FAIL(why, TDL_E_IO, "%s/lock: %s", run->path, strerror(errno));
    return st;
}

static tdl_status write_config(const tdl_run_folder *run, const tdl_run_options *o, tdl_report *why)
{
    tdl_buf json = {0};
    tdl_jw w = {.out = &json};

    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "app", o->app);
    tdl_jw_kint(&w, "seed", (int64_t)o->seed);
    tdl_jw_ktime(&w, "started", run->started_us);
    tdl_jw_kraw(&w, "config", o->config.len ? o->config : TDL_STR("{}"));
    tdl_jw_end_object(&w);
    return write_json(run, "config.json", &json, why);
}

static tdl_status write_system(const tdl_run_folder *run, const tdl_run_options *o, tdl_report *why)
{
    tdl_buf json = {0};

    tdl_run_system(&json, o->isa, o->threads);
    return write_json(run, "system.json", &json, why);
}

static tdl_status write_summary(const tdl_run_folder *run, const tdl_run_end *end, tdl_report *why)
{
    tdl_buf json = {0};
    tdl_jw w = {.out = &json};
    int64_t now_us = tdl_time_now();

    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "status", end->status ? "failed" : "done");
    tdl_jw_ktext(&w, "stop_reason", end->stop_reason);
    tdl_jw_ktext(&w, "message", end->message);
    tdl_jw_key(&w, "best");
    if (end->best_tag) {
        tdl_jw_object(&w);
        tdl_jw_ktext(&w, "tag", end->best_tag);
        tdl_jw_knumber(&w, "value", end->best_value);
        tdl_jw_kint(&w, "step", (int64_t)end->best_step);
        tdl_jw_end_object(&w);
    } else {
        tdl_jw_null(&w);
    }
    tdl_jw_ktime(&w, "finished", now_us);
    tdl_jw_knumber(&w, "seconds", (double)(now_us - run->started_us) / 1e6);
    tdl_jw_end_object(&w);
    return write_json(run, "summary.json", &json, why);
}

static void release(tdl_run_folder *run)
{
    if (run->metrics_fd >= 0)
        close(run->metrics_fd);
    if (run->lock_fd >= 0)
        close(run->lock_fd);
    tdl_buf_release(&run->line);
    free(run);
}

/* config.json comes last: a folder without it is not a run yet. */
tdl_status tdl_run_open(const tdl_run_options *options, tdl_run_folder **ret, tdl_report *why)
{
    tdl_run_folder *run = malloc(sizeof *run);
    tdl_status st;

    if (!run)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a run folder");
    *run = (tdl_run_folder){
        .lock_fd = -1, .metrics_fd = -1, .epoch = NAN, .started_us = tdl_time_now()};
    run->log = (tdl_train_log){run, log_scalar, log_histogram, log_text, log_graph};
    if ((st = make_folder(run, options, why)))
        goto out;
    if ((st = take_lock(run, why)))
        goto out;
    if ((st = create(run, "metrics.jsonl", &run->metrics_fd, why)))
        goto out;
    if ((st = write_system(run, options, why)))
        goto out;
    if ((st = tdl_tb_open(run->path, &run->tb, why)))
        goto out;
    if ((st = write_config(run, options, why)))
        goto out;
    *ret = run;
    return TDL_OK;
out:
    tdl_tb_close(run->tb, NULL);
    release(run);
    return st;
}

tdl_status tdl_run_close(tdl_run_folder *run, const tdl_run_end *end, tdl_report *why)
{
    tdl_status st, written;

    if (!run)
        return TDL_OK;
    st = tdl_tb_close(run->tb, why);
    if (run->failure.status)
        st = TDL_FAIL(why, run->failure.status, "%s", run->failure.message);
    written = write_summary(run, end, st ? NULL : why);
    release(run); // the lock goes last: who finds it free finds the summary too
    return st ? st : written;
}
