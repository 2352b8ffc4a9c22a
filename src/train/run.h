/* Run folder: what one training run was asked, what it measured, what it came to.
 *
 *     <data>/runs/<id>/
 *         config.json     what was asked: app, seed, start, and the app's own settings
 *         system.json     where: processor, instruction set, threads, memory, version
 *         metrics.jsonl   one JSON object a line: step, epoch, tag, value, time
 *         events.out.tfevents.*   the same for TensorBoard, with histograms, texts and the graph
 *         summary.json    how it ended: status, stop reason, best metric, time. Written last
 *         lock            held for as long as the run's process lives
 *
 * So a kill at any point leaves a folder that tells the truth: no summary.json and a free lock is a
 * run that was killed (runs.h reads it so).
 *
 * Life cycle   tdl_run_open -> what is told to its log -> tdl_run_close
 * Threads      one at a time
 * Failure      telling never fails a training: the first failure is kept, tdl_run_close reports it
 */
#ifndef TDL_TRAIN_RUN_H
#define TDL_TRAIN_RUN_H

#include "base/str.h"
#include "train/log.h"

typedef struct tdl_run_folder tdl_run_folder;

typedef struct tdl_run_options {
    const char *data_dir;
    const char *app; /* "recommend" */
    const char *id;  /* a valid name of a new folder, see tdl_run_id_valid */
    uint64_t seed;
    tdl_str config;  /* a JSON object: settings of the app; empty = none */
    const char *isa; /* instruction set of the kernels */
    unsigned threads;
} tdl_run_options;

/* How it ended. Texts may be NULL. */
typedef struct tdl_run_end {
    tdl_status status;       /* TDL_OK = done, anything else = failed */
    const char *stop_reason; /* "completed", "patience", "loss_threshold", "signal", ... */
    const char *message;     /* of the failure */
    const char *best_tag;    /* of the metric the run is judged by; NULL = none */
    double best_value;
    uint64_t best_step;
} tdl_run_end;

/* TDL_E_INVALID (id) | TDL_E_CONFLICT (there is such a run) | TDL_E_IO | TDL_E_NO_MEMORY */
tdl_status tdl_run_open(const tdl_run_options *options, tdl_run_folder **ret, tdl_report *why);

/* Its log: every scalar is a line and an event. The scalar "epoch" sets the epoch that the lines
 * from there on carry. Lives as long as the run. */
const tdl_train_log *tdl_run_log(const tdl_run_folder *run);

/* Write the summary and close. The run is gone in any case; accepts a NULL run. */
tdl_status tdl_run_close(tdl_run_folder *run, const tdl_run_end *end, tdl_report *why);

/* The JSON object of system.json, appended. */
void tdl_run_system(tdl_buf *out, const char *isa, unsigned threads);

/* 1 to TDL_RUN_ID_MAX letters, digits, '.', '-' and '_', not beginning with a dot. */
enum { TDL_RUN_ID_MAX = 100 };
bool tdl_run_id_valid(tdl_str id);

#endif
