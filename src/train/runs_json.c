/* A run and its metrics as JSON. */
#include "train/runs.h"

static void write_text(tdl_jw *w, const char *key, tdl_str text)
{
    tdl_jw_key(w, key);
    if (text.len)
        tdl_jw_str(w, text);
    else
        tdl_jw_null(w);
}

static void write_time(tdl_jw *w, const char *key, int64_t time_us)
{
    tdl_jw_key(w, key);
    if (time_us)
        tdl_jw_time(w, time_us);
    else
        tdl_jw_null(w);
}

static void write_point(tdl_jw *w, const char *key, int64_t step, double value)
{
    tdl_jw_key(w, key);
    tdl_jw_object(w);
    tdl_jw_kint(w, "step", step);
    tdl_jw_knumber(w, "value", value);
    tdl_jw_end_object(w);
}

static void write_best(tdl_jw *w, const tdl_run_row *row)
{
    tdl_jw_key(w, "best");
    if (row->best_tag.len == 0) {
        tdl_jw_null(w);
        return;
    }
    tdl_jw_object(w);
    tdl_jw_kstr(w, "tag", row->best_tag);
    tdl_jw_knumber(w, "value", row->best_value);
    tdl_jw_kint(w, "step", row->best_step);
    tdl_jw_end_object(w);
}

void tdl_run_write(tdl_jw *w, const tdl_run_row *row)
{
    tdl_jw_kstr(w, "id", row->id);
    tdl_jw_kstr(w, "app", row->app);
    tdl_jw_ktext(w, "status", tdl_run_status_name(row->status));
    tdl_jw_kint(w, "seed", row->seed);
    write_time(w, "started", row->started_us);
    write_time(w, "finished", row->finished_us);
    write_text(w, "stop_reason", row->stop_reason);
    write_text(w, "message", row->message);
    write_best(w, row);
    tdl_jw_kraw(w, "config", row->config.len ? row->config : TDL_STR("{}"));
    if (row->system.len)
        tdl_jw_kraw(w, "system", row->system);
}

static void write_series(tdl_jw *w, const tdl_series *s)
{
    tdl_metric_point point[TDL_SERIES_POINTS_MAX];
    size_t n = tdl_series_points(s, point);

    tdl_jw_object(w);
    tdl_jw_ktext(w, "tag", s->tag);
    tdl_jw_kint(w, "count", (int64_t)s->count);
    write_point(w, "last", s->last.step, s->last.value);
    write_point(w, "min", s->min.step, s->min.value);
    write_point(w, "max", s->max.step, s->max.value);
    tdl_jw_key(w, "steps");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++)
        tdl_jw_int(w, point[i].step);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "values");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++)
        tdl_jw_number(w, point[i].value);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

void tdl_curves_write(tdl_jw *w, const tdl_curves *curves)
{
    tdl_jw_key(w, "series");
    tdl_jw_array(w);
    for (size_t i = 0; i < curves->series_n; i++)
        write_series(w, curves->series[i]);
    tdl_jw_end_array(w);
    tdl_jw_kint(w, "next", (int64_t)curves->next);
    tdl_jw_kint(w, "skipped", (int64_t)curves->skipped);
}
