/* Reading run folders (run.h says what is in one). Made for files one did not write oneself: sizes
 * are bounded before they are read, what makes no sense is skipped and counted.
 *
 * Threads      every function from any thread, beside the process that trains
 */
#ifndef TDL_TRAIN_RUNS_H
#define TDL_TRAIN_RUNS_H

#include "base/arena.h"
#include "base/json.h"

/* ---- runs ---- */

typedef enum tdl_run_status {
    TDL_RUN_RUNNING, /* a process works on it */
    TDL_RUN_DONE,    /* */
    TDL_RUN_FAILED,  /* `message` says why */
    TDL_RUN_KILLED   /* its process is gone and left no summary */
} tdl_run_status;
const char *tdl_run_status_name(tdl_run_status status); /* "running", ... */

/* Strings live in the arena; empty when the file does not say. */
typedef struct tdl_run_row {
    tdl_str id, app;
    tdl_run_status status;
    int64_t seed;
    int64_t started_us, finished_us; /* 0 = not yet, or killed */
    tdl_str stop_reason, message;
    tdl_str best_tag; /* of the metric the run is judged by; empty = none */
    double best_value;
    int64_t best_step;
    tdl_str config, system; /* JSON objects as text */
} tdl_run_row;

enum { TDL_RUNS_MAX = 1000 };

/* The newest `limit` (at most TDL_RUNS_MAX) runs below data_dir, newest first, without `system`.
 * Newest is by the time in an id that ends in a UUIDv7; others come last, by name.
 *   ret_skipped  folders whose files make no sense; may be NULL
 *   returns      TDL_OK (no runs folder is no runs) | TDL_E_IO | TDL_E_NO_MEMORY */
tdl_status tdl_runs_list(const char *data_dir, size_t limit, tdl_arena *arena, tdl_run_row **ret,
                         size_t *ret_n, size_t *ret_skipped, tdl_report *why);

/* One run. TDL_E_NOT_FOUND | TDL_E_CORRUPT (which file) | TDL_E_IO | TDL_E_NO_MEMORY */
tdl_status tdl_runs_read(const char *data_dir, tdl_str id, tdl_arena *arena, tdl_run_row *ret,
                         tdl_report *why);

/* ---- metrics ---- */

enum {
    TDL_SERIES_POINTS_MAX = 1000, /* of one series; from there on every 2nd, 4th, ... is kept */
    TDL_SERIES_MAX = 256,         /* tags of one run; more are skipped */
    TDL_TAG_MAX = 200,            /* bytes of a tag */
    TDL_METRICS_LINE_MAX = 16 << 10,
    TDL_METRICS_READ_MAX = 64 << 20 /* bytes read by one call */
};

typedef struct tdl_metric_point {
    int64_t step;
    double value;
} tdl_metric_point;

/* One tag's values in the order they were told. */
typedef struct tdl_series {
    char *tag;
    tdl_metric_point *point; /* [points_n]: each `stride`th */
    size_t points_n, stride;
    size_t count;                    /* of all points, kept or not */
    tdl_metric_point last, min, max; /* of all points */
} tdl_series;

/* Zeroed is empty. */
typedef struct tdl_curves {
    tdl_series *series[TDL_SERIES_MAX];
    size_t series_n;
    size_t skipped; /* lines that make no sense */
    uint64_t next;  /* bytes up to the end of the last whole line: where to go on */
    tdl_buf line;   /* the line that has begun */
    uint64_t line_begun;
    bool too_long, failed; /* failed: no memory for a series or a point */
} tdl_curves;

void tdl_curves_feed(tdl_curves *curves, tdl_str bytes);
void tdl_curves_release(tdl_curves *curves); /* accepts a zeroed one */

/* Copy what to draw of a series: the kept points and the last one.
 *   ret  [TDL_SERIES_POINTS_MAX]; returns how many */
size_t tdl_series_points(const tdl_series *series, tdl_metric_point *ret);

/* Read metrics.jsonl of a run from byte `after` on (0, or the `next` of a former call). A last line
 * without its end is left for the next call. ret is released by the caller, in any case.
 *   returns  TDL_OK | TDL_E_NOT_FOUND | TDL_E_IO | TDL_E_NO_MEMORY */
tdl_status tdl_runs_curves(const char *data_dir, tdl_str id, uint64_t after, tdl_curves *ret,
                           tdl_report *why);

/* ---- as JSON: what the command line and the API answer ---- */

/* Members of an open object: id, app, status, seed, started, finished, stop_reason, message, best,
 * config, and system when the row has it. */
void tdl_run_write(tdl_jw *w, const tdl_run_row *row);

/* Members of an open object: series (tag, count, last, min, max, steps, values), next, skipped. */
void tdl_curves_write(tdl_jw *w, const tdl_curves *curves);

#endif
