#include "cli/forecast_saved.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "apps/predict/forecast_card.h"
#include "apps/predict/registry.h"
#include "cli/model_source.h"
#include "cli/open_store.h"
#include "table/read.h"

enum { ARENA_BUDGET = 256 << 20 };

bool tdl_forecast_model_is_members(const char *model)
{
    for (const char *at = model; at; at = strchr(at, ',')) {
        at += *at == ',';
        tdl_str one = tdl_str_trim((tdl_str){at, strcspn(at, ",")});

        if (!tdl_str_is(one, "auto") && !tdl_member_find(one))
            return false;
    }
    return true;
}

/* ---- keeping ---- */

static tdl_status publish(const tdl_forecast_job *job, const tdl_forecast_values *v,
                          const json_t *card, tdl_report *why)
{
    tdl_loop *loop = NULL;
    char version[80];
    tdl_status st = tdl_make_loop(&v->common, 1, &loop, why);

    if (st)
        return st;
    st = tdl_forecaster_publish(tdl_loop_store(loop), v->common.data, v->save, job->forecaster,
                                card, true, version, why);
    tdl_loop_close(loop);
    if (!st && !v->common.quiet)
        fprintf(stderr, "%s %s\n", tdl_tr("model", "模型"), version);
    return st;
}

tdl_status tdl_forecast_keep(const tdl_forecast_job *job, const tdl_forecast_values *v,
                             const tdl_series_options *reading, tdl_report *why)
{
    const tdl_forecast_about about = {.name = v->save,
                                      .source = job->path,
                                      .reading = reading,
                                      .backtest = job->tested ? &job->backtest : NULL};
    json_t *card = NULL;
    tdl_status st;

    if (tdl_model_is_file(v->save))
        return tdl_forecaster_save(job->forecaster, v->save, why);
    if (tdl_forecast_model_is_members(v->save))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "--save %s: --model %s would mean the member of that name", v->save,
                        v->save);
    if (!(st = tdl_forecast_card(job->forecaster, &about, &card, why)))
        st = publish(job, v, card, why);
    json_decref(card);
    return st;
}

/* ---- fetching ---- */

/* ret_card: how the table was read; NULL of a file, which does not say. */
static tdl_status load(const tdl_forecast_values *v, tdl_forecaster **ret, json_t **ret_card,
                       tdl_report *why)
{
    tdl_store *store = NULL;
    tdl_arena *arena;
    tdl_model_row row;
    tdl_status st;

    if (tdl_model_is_file(v->model))
        return tdl_forecaster_load(v->model, ret, why);
    if (!(arena = tdl_arena_new(ARENA_BUDGET)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (!(st = tdl_open_store(&v->common, true, &store, why)) &&
        !(st = tdl_predict_active(store, tdl_str_of(v->model), arena, &row, why)) &&
        !(st = tdl_forecaster_load_row(store, v->common.data, &row, ret, why)))
        st = tdl_json_parse(row.report, TDL_JSON_LAST_WINS, ret_card, why);
    tdl_store_close(store);
    tdl_arena_free(arena);
    return st;
}

static void prefer(tdl_str asked, tdl_str *ret)
{
    if (asked.len)
        *ret = asked;
}

/* What the card says, but for what was asked for. */
static tdl_status reading_of(const json_t *card, const tdl_series_options *asked,
                             tdl_series_options *ret, tdl_report *why)
{
    tdl_status st = TDL_OK;

    *ret = *asked;
    if (!card || (st = tdl_forecast_card_reading(card, ret, why)))
        return st;
    prefer(asked->time, &ret->time);
    prefer(asked->value, &ret->value);
    prefer(asked->series, &ret->series);
    if (asked->layout)
        ret->layout = asked->layout;
    if (asked->aggregate)
        ret->aggregate = asked->aggregate;
    if (asked->period)
        ret->period = asked->period;
    return TDL_OK;
}

static tdl_status read_newer(tdl_forecast_job *job, const tdl_series_options *as, tdl_report *why)
{
    tdl_time_step step = tdl_forecaster_step(job->forecaster);
    tdl_buf is = {0}, was = {0};
    tdl_frame frame = {0};
    tdl_status st = tdl_frame_read(job->path, NULL, &frame, NULL, why);

    if (!st && (st = tdl_series_of(&frame, as, &job->set, why)))
        tdl_report_prefix(why, "%s", job->path);
    tdl_frame_release(&frame);
    if (st)
        return st;
    if (job->set.step.unit != step.unit || fabs(job->set.step.n - step.n) > 1e-6 * step.n) {
        tdl_step_print(job->set.step, &is);
        tdl_step_print(step, &was);
        st = TDL_FAIL(why, TDL_E_INVALID, "%s: a step of %s; the forecaster learnt steps of %s",
                      job->path, is.at, was.at);
    }
    tdl_buf_release(&is);
    tdl_buf_release(&was);
    return st;
}

/* Without a newer table the set only says how series are spaced. */
static void describe(tdl_forecast_job *job)
{
    const tdl_forecast_task *task = &tdl_forecaster_chosen(job->forecaster, 0)->task;

    job->set.step = tdl_forecaster_step(job->forecaster);
    job->set.periods_n = task->periods_n;
    memcpy(job->set.period, task->period, sizeof job->set.period);
    job->set.period_found = false;
}

tdl_status tdl_forecast_fetch(tdl_forecast_job *job, const tdl_forecast_values *v,
                              const tdl_series_options *asked, tdl_report *why)
{
    tdl_series_options as;
    json_t *card = NULL;
    size_t most;
    tdl_status st = load(v, &job->forecaster, &card, why);

    if (st)
        goto out;
    most = tdl_forecaster_horizon(job->forecaster);
    job->horizon = v->horizon ? (size_t)v->horizon : most;
    if (job->horizon > most) {
        st = TDL_FAIL_HINT(why, TDL_E_USAGE, "fit one with a longer --horizon and --save it",
                           "--horizon %zu: the forecaster was fitted for %zu steps", job->horizon,
                           most);
        goto out;
    }
    if (job->path && ((st = reading_of(card, asked, &as, why)) || (st = read_newer(job, &as, why))))
        goto out;
    job->newer = job->path != NULL;
    describe(job);
out:
    json_decref(card);
    return st;
}
