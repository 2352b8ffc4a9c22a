/* One training run: read, measure the ladder, fit it on everything, write, swap. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/content_fit.h"
#include "apps/recommend/dataset.h"
#include "apps/recommend/feedback_store.h"
#include "apps/recommend/logged.h"
#include "apps/recommend/report.h"
#include "apps/recommend/serving.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "base/uuid.h"
#include "tensor/gemm.h"
#include "train/run.h"

typedef struct run {
    tdl_app *app;
    const tdl_train_options *options;
    tdl_stages stages;
    tdl_dataset dataset;
    tdl_evaluation evaluation;
    tdl_feedback *feedback;    /* the same events, each time they happened */
    tdl_logged logged;         /* what answers of late say of each contender */
    tdl_content_code *content; /* [items of the feedback] NULL: they say too little */
    char target[TDL_RECOMMEND_TASKS_N][TDL_TARGET_MAX + 1]; /* as surfaces name them */
    tdl_lineup lineup;
    tdl_lineup_report lineup_report;
    void *model[TDL_RUNGS_N];
    tdl_content_map *content_map; /* NULL: items say too little */
    tdl_buf report;
    tdl_run_folder *folder;                     /* NULL when nothing is to be written */
    char version[64], file[96], path[PATH_MAX]; /* file: path below the data folder */
    int64_t started_us;                         /* monotonic */
    int64_t read_us;                            /* the same moment, wall clock */
} run;

enum { LINEUP_COST = 200 }; /* beside tdl_rung_cost; for progress only */

/* fits_n: how often each rung will be fitted. */
static run start_run(tdl_app *app, const tdl_train_options *options, unsigned fits_n)
{
    run r = {.app = app,
             .options = options,
             .started_us = tdl_time_monotonic(),
             .read_us = tdl_time_now()};

    r.stages = (tdl_stages){.options = options, .total = 1 + LINEUP_COST};
    for (size_t k = 0; k < TDL_RUNGS_N; k++)
        r.stages.total += fits_n * tdl_rung_cost(tdl_ladder[k]);
    return r;
}

static void release_run(run *r)
{
    for (size_t k = 0; k < TDL_RUNGS_N; k++)
        if (r->model[k])
            tdl_ladder[k]->free(r->model[k]);
    tdl_lineup_release(&r->lineup);
    tdl_feedback_free(r->feedback);
    free(r->content);
    tdl_content_map_free(r->content_map);
    tdl_dataset_release(&r->dataset);
    tdl_buf_release(&r->report);
}

static tdl_status measure(run *r, tdl_report *why)
{
    tdl_status st;

    if (!tdl_stage_begin(&r->stages, 1, why, "reading events"))
        return TDL_E_STOPPED;
    if ((st = tdl_dataset_load(r->app->context.store, &r->dataset, why)))
        return st;
    st = tdl_evaluate(&r->dataset.interactions, tdl_ladder, TDL_RUNGS_N, r->options->seed,
                      r->app->context.pool, &r->stages, &r->evaluation, why);
    r->evaluation.robots_n = r->dataset.robots_n;
    r->evaluation.robot_events_n = r->dataset.robot_events_n;
    return st;
}

/* ---- who serves which task ---- */

/* "discovery" and what it says of itself. */
static bool tell_task(void *context, const char *inner, double done, const char *detail)
{
    char text[160];

    snprintf(text, sizeof text, "%s%s%s", inner, detail ? ": " : "", detail ? detail : "");
    return tdl_stage_tell(context, NULL, done, text);
}

/* What each task is measured by: as the first of the surfaces that have the task says, and for
 * strangers as "home" does. */
static tdl_status ask_targets(run *r, tdl_str ret[TDL_RECOMMEND_TASKS_N], tdl_report *why)
{
    for (tdl_surface_kind kind = 0; kind < TDL_SURFACE_KINDS_N; kind++) {
        tdl_surface *surface = NULL;
        tdl_status st = tdl_surfaces_take(r->app->surfaces, tdl_str_of(tdl_surface_kind_name(kind)),
                                          &surface, why);
        if (st)
            return st;
        tdl_recommend_task task = tdl_surface_task(kind, surface->policy);
        tdl_str *to[] = {task == TDL_RECOMMEND_TASKS_N ? NULL : &ret[task],
                         kind == TDL_SURFACE_HOME ? &ret[TDL_RECOMMEND_STRANGERS] : NULL};
        for (size_t i = 0; i < sizeof to / sizeof *to; i++)
            if (to[i] && !to[i]->len && surface->policy->target.len) {
                char *kept = r->target[to[i] - ret];
                snprintf(kept, TDL_TARGET_MAX + 1, "%.*s", TDL_FMT(surface->policy->target));
                *to[i] = tdl_str_of(kept);
            }
        tdl_surface_drop(surface);
    }
    return TDL_OK;
}

/* The task of each kind's own surface. */
static tdl_status ask_tasks(run *r, tdl_recommend_task ret[TDL_SURFACE_KINDS_N], tdl_report *why)
{
    for (tdl_surface_kind kind = 0; kind < TDL_SURFACE_KINDS_N; kind++) {
        tdl_surface *surface = NULL;
        tdl_status st = tdl_surfaces_take(r->app->surfaces, tdl_str_of(tdl_surface_kind_name(kind)),
                                          &surface, why);
        if (st)
            return st;
        ret[kind] = tdl_surface_task(kind, surface->policy);
        tdl_surface_drop(surface);
    }
    return TDL_OK;
}

static tdl_status choose_lineup(run *r, tdl_report *why)
{
    tdl_rung_contest_options contest = {.seed = r->options->seed,
                                        .pool = r->app->context.pool,
                                        .bytes_max = r->options->square_bytes_max,
                                        .logged = tdl_logged_of,
                                        .logged_context = &r->logged,
                                        .progress = tell_task,
                                        .progress_context = &r->stages};
    tdl_recommend_task task[TDL_SURFACE_KINDS_N];
    tdl_status st;

    if (!tdl_stage_begin(&r->stages, LINEUP_COST, why, "who serves which surface"))
        return TDL_E_STOPPED;
    if (!(r->feedback = tdl_feedback_new()))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the log");
    if ((st = ask_tasks(r, task, why)) || (st = ask_targets(r, contest.target, why)) ||
        (st = tdl_logged_read(r->app->context.store, task, &r->logged, why)) ||
        (st = tdl_feedback_add_store(r->feedback, r->app->context.store, (tdl_str){0}, "", why)) ||
        (st = tdl_feedback_finish(r->feedback, why)) ||
        (st = tdl_content_of_log(r->app, r->feedback, &r->content, why)))
        return st;
    contest.content = r->content;
    if ((st = tdl_lineup_fit(r->feedback, r->dataset.items, &contest, &r->lineup, &r->lineup_report,
                             why)))
        return st;
    for (int t = 0; !st && t < TDL_RECOMMEND_TASKS_N; t++)
        st = tdl_logged_weigh(r->app->context.store, task, (tdl_recommend_task)t, r->options->seed,
                              &r->lineup, &r->lineup_report.task[t].learnt, why);
    if (st)
        return st;
    tdl_feedback_free(r->feedback); // not needed any more, and large
    r->feedback = NULL;
    free(r->content);
    r->content = NULL;
    return TDL_OK;
}

/* A rung that neither serves nor answers "similar" is kept for comparison only, if it is not
 * larger than this and its fit does not take long. Of the behaviour model vectors are wanted. */
enum { SPARE_BYTES_MAX = 64 << 20 };

static bool is_kept(const run *r, size_t k)
{
    const tdl_rung_result *result = &r->evaluation.rung[k];

    if (result->refused)
        return false;
    if (k == r->evaluation.promoted || k == tdl_ladder_find(TDL_STR("item-knn")))
        return true;
    return result->bytes <= SPARE_BYTES_MAX && tdl_ladder[k] != &tdl_rung_network;
}

/* The rungs as they will serve: fitted on every event. */
static tdl_status fit_all(run *r, tdl_report *why)
{
    tdl_fit_data data = {&r->dataset.interactions, r->dataset.interactions.offsets + 1};

    for (size_t k = 0; k < TDL_RUNGS_N; k++) {
        const tdl_rung_ops *rung = tdl_ladder[k];
        if (!is_kept(r, k))
            continue;
        tdl_fit_options options = {.seed = r->options->seed,
                                   .pool = r->app->context.pool,
                                   .bytes_max = r->options->square_bytes_max,
                                   .epochs = r->evaluation.rung[k].epochs,
                                   .serves = true,
                                   .setting = r->evaluation.rung[k].setting,
                                   .progress = tdl_stage_tell,
                                   .progress_context = &r->stages,
                                   .log = tdl_stage_log(&r->stages)};
        if (!tdl_stage_begin(&r->stages, tdl_rung_cost(rung), why, "%s: everything", rung->name))
            return TDL_E_STOPPED;
        tdl_status st = rung->fit(&data, &options, &r->model[k], why);
        if (st)
            return st;
    }
    size_t ials = tdl_ladder_find(TDL_STR("ials"));
    tdl_status st =
        tdl_content_fit(r->app, &r->dataset, &tdl_rung_ials, r->model[ials], &r->content_map, why);
    if (r->content_map)
        r->content_map->kappa = r->lineup_report.kappa;
    return st;
}

/* measured: was a line-up chosen? */
static tdl_status write_report(run *r, bool measured, tdl_buf *out, tdl_report *why)
{
    double seconds = (double)(tdl_time_monotonic() - r->started_us) / 1e6;
    tdl_recommend_training training = {.evaluation = &r->evaluation,
                                       .seed = r->options->seed,
                                       .seconds = seconds,
                                       .lineup = measured ? &r->lineup : NULL,
                                       .lineup_report = &r->lineup_report,
                                       .memory_bytes = tdl_lineup_bytes(&r->lineup)};
    tdl_status st = ask_tasks(r, training.task_of, why);

    if (st)
        return st;
    for (size_t k = 0; k < TDL_RUNGS_N; k++)
        if (r->model[k])
            training.memory_bytes += tdl_ladder[k]->bytes(r->model[k]);
    tdl_recommend_report(out, &training);
    return out->failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report") : TDL_OK;
}

static tdl_status write_file(run *r, tdl_report *why)
{
    tdl_status st;

    snprintf(r->path, sizeof r->path, "%s/models", r->app->context.data_dir);
    if ((st = tdl_file_make_dir(r->path, why)))
        return st;
    snprintf(r->file, sizeof r->file, "models/%s.safetensors", r->version);
    snprintf(r->path, sizeof r->path, "%s/%s", r->app->context.data_dir, r->file);
    tdl_snapshot_source source = {.version = tdl_str_of(r->version),
                                  .promoted = r->evaluation.promoted,
                                  .model = r->model,
                                  .lineup = &r->lineup,
                                  .content_map = r->content_map,
                                  .items = r->dataset.items,
                                  .seed = r->options->seed,
                                  .report = tdl_buf_view(&r->report)};
    return tdl_snapshot_write(r->path, &source, why);
}

/* The file first, then its row: a crash between the two leaves a file nobody refers to. What then
 * serves is read back from the file, as after a restart. */
static tdl_status publish(run *r, tdl_report *why)
{
    tdl_model_row row = {.app = TDL_STR("recommend"), .active = r->options->activate};
    tdl_status st;

    if ((st = write_report(r, true, &r->report, why)))
        return st;
    if ((st = write_file(r, why)))
        return st;
    if ((st = tdl_file_hash(r->path, row.hash, &row.bytes, why)))
        return st;
    row.version = tdl_str_of(r->version);
    row.path = tdl_str_of(r->file);
    row.report = tdl_buf_view(&r->report);
    row.created_us = tdl_time_now();
    row.read_us = r->read_us;
    if ((st = tdl_store_put_model(r->app->context.store, &row, why)))
        return st;
    return row.active ? tdl_serving_load(r->app, &row, why) : TDL_OK;
}

/* ---- the run folder ---- */

/* A run is named by the version of the model that it makes. */
static tdl_status open_folder(run *r, tdl_report *why)
{
    char uuid[37];
    tdl_run_options options = {.data_dir = r->app->context.data_dir,
                               .app = "recommend",
                               .id = r->version,
                               .seed = r->options->seed,
                               .config = r->options->activate ? TDL_STR("{\"activate\":true}")
                                                              : TDL_STR("{\"activate\":false}"),
                               .isa = tdl_isa_name(),
                               .threads = tdl_pool_threads(r->app->context.pool)};

    tdl_uuid7(uuid);
    snprintf(r->version, sizeof r->version, "recommend-%s", uuid);
    tdl_status st = tdl_run_open(&options, &r->folder, why);
    if (!st)
        r->stages.log = tdl_run_log(r->folder);
    return st;
}

static void log_rung(const tdl_train_log *log, const tdl_rung_result *result)
{
    const struct figure {
        const char *name;
        double value;
    } figures[] = {
        {"validation_hr10", result->validation_hr10},
        {"validation_ndcg10", result->validation_ndcg10},
        {"test_hr10", result->hr10.mean},
        {"test_ndcg10", result->ndcg10.mean},
        {"test_mrr", result->mrr},
        {"coverage", result->coverage},
        {"fit_seconds", result->fit_seconds},
    };
    char tag[96];

    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        snprintf(tag, sizeof tag, "ladder/%s/%s", result->name, figures[i].name);
        log->scalar(log->context, tag, 0, figures[i].value);
    }
}

static void log_ladder(const run *r)
{
    for (size_t k = 0; k < r->evaluation.rungs_n; k++)
        if (!r->evaluation.rung[k].refused)
            log_rung(r->stages.log, &r->evaluation.rung[k]);
}

/* A log that could not be written is no reason to call a training failed: the model serves. */
static void close_folder(run *r, tdl_status st, const tdl_report *why)
{
    const tdl_rung_result *promoted = &r->evaluation.rung[r->evaluation.promoted];
    char tag[96];
    tdl_run_end end = {.status = st,
                       .stop_reason = st == TDL_OK          ? "completed"
                                      : st == TDL_E_STOPPED ? "signal"
                                                            : "error",
                       .message = st && why ? why->message : NULL};

    if (!st) {
        snprintf(tag, sizeof tag, "ladder/%s/validation_ndcg10", promoted->name);
        end.best_tag = tag;
        end.best_value = promoted->validation_ndcg10;
    }
    tdl_run_close(r->folder, &end, NULL);
}

tdl_status tdl_recommend_train(tdl_app *app, const tdl_train_options *options, tdl_buf *ret_report,
                               tdl_report *why)
{
    run r = start_run(app, options, 3);
    tdl_status st;

    if ((st = open_folder(&r, why)))
        return st;
    if ((st = measure(&r, why)))
        goto out;
    log_ladder(&r);
    if ((st = choose_lineup(&r, why)) || (st = fit_all(&r, why)))
        goto out;
    if ((st = publish(&r, why)))
        goto out;
    tdl_buf_str(ret_report, tdl_buf_view(&r.report));
out:
    close_folder(&r, st, why);
    release_run(&r);
    return st;
}

tdl_status tdl_recommend_evaluate(tdl_app *app, const tdl_train_options *options,
                                  tdl_buf *ret_report, tdl_report *why)
{
    run r = start_run(app, options, 2);
    tdl_status st = measure(&r, why);

    if (!st)
        st = write_report(&r, false, ret_report, why);
    release_run(&r);
    return st;
}
