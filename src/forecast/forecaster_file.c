/* A forecaster's file. Tensors, f64:
 *
 *     y          [points of all series]      residual  [rows of all series][horizon]
 *     ridge      [window][horizon], when there is a pooled ridge
 *     patch      f32 [weights], when there is a transformer
 *
 * and in the metadata "forecaster": {"version", "horizon", "step", "periods", "series": [...]}.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "forecast/forecaster_parts.h"
#include "forecast/ridge.h"
#include "train/safetensors.h"

enum { FORMAT_VERSION = 1, SERIES_FILE_MAX = 10000000 };
static const char meta_key[] = "forecaster";

/* ---- writing ---- */

static void write_entrants(const tdl_selection *s, tdl_jw *w)
{
    tdl_jw_key(w, "models");
    tdl_jw_array(w);
    for (size_t e = 0; e < s->entrants_n; e++)
        if (s->entrant[e].weight > 0) {
            tdl_jw_object(w);
            tdl_jw_ktext(w, "member", s->entrant[e].member ? s->entrant[e].member->name : "pooled");
            tdl_jw_kint(w, "variant", (int64_t)s->entrant[e].variant);
            tdl_jw_knumber(w, "weight", s->entrant[e].weight);
            tdl_jw_knumber(w, "score", s->entrant[e].score);
            tdl_jw_end_object(w);
        }
    tdl_jw_end_array(w);
}

static void write_about(const tdl_forecaster *f, tdl_st_writer *writer, tdl_jw *w)
{
    const tdl_forecast_task *task = &f->fitted[0].selection.task;

    tdl_jw_object(w);
    tdl_jw_kint(w, "version", FORMAT_VERSION);
    tdl_jw_kint(w, "horizon", (int64_t)f->horizon);
    tdl_jw_kint(w, "step_unit", f->step.unit);
    tdl_jw_knumber(w, "step", f->step.n);
    tdl_jw_knumber(w, "margin", f->fitted[0].selection.margin);
    tdl_jw_key(w, "periods");
    tdl_jw_array(w);
    for (size_t i = 0; i < task->periods_n; i++)
        tdl_jw_int(w, (int64_t)task->period[i]);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "series");
    tdl_jw_array(w);
    for (size_t i = 0; i < f->series_n; i++) {
        const tdl_fitted_series *s = &f->fitted[i];

        tdl_jw_object(w);
        tdl_jw_ktext(w, "name", s->series.name);
        tdl_jw_kint(w, "points", (int64_t)s->series.n);
        tdl_jw_knumber(w, "start", s->series.start);
        tdl_jw_kint(w, "filled", (int64_t)s->series.filled);
        tdl_jw_knumber(w, "scale", s->scale);
        tdl_jw_kint(w, "residuals", (int64_t)s->residuals_n);
        tdl_jw_kint(w, "origins", (int64_t)s->selection.origins_n);
        tdl_jw_kint(w, "shortest", (int64_t)s->selection.task.shortest);
        write_entrants(&s->selection, w);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    if (f->patch) {
        tdl_jw_key(w, "transformer");
        tdl_patch_save(f->patch, writer, w);
    }
    tdl_jw_end_object(w);
}

tdl_status tdl_forecaster_save(const tdl_forecaster *f, const char *path, tdl_report *why)
{
    size_t points = 0, rows = 0, at = 0, row = 0;
    double *y = NULL, *residual = NULL;
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_buf about = {.limit = TDL_SAFETENSORS_HEADER_MAX};
    tdl_jw w = {.out = &about};
    tdl_status st;

    for (size_t i = 0; i < f->series_n; i++) {
        points += f->fitted[i].series.n;
        rows += f->fitted[i].residuals_n;
    }
    y = malloc((points + 1) * sizeof *y);
    residual = malloc((rows ? rows : 1) * f->horizon * sizeof *residual);
    write_about(f, writer, &w);
    if (!y || !residual || about.failed) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save %zu series", f->series_n);
        goto out;
    }
    for (size_t i = 0; i < f->series_n; i++) {
        const tdl_fitted_series *s = &f->fitted[i];

        memcpy(y + at, s->series.y, s->series.n * sizeof *y);
        if (s->residuals_n)
            memcpy(residual + row * f->horizon, s->residual,
                   s->residuals_n * f->horizon * sizeof *residual);
        at += s->series.n;
        row += s->residuals_n;
    }
    tdl_st_meta(writer, meta_key, tdl_buf_view(&about));
    tdl_st_add_1d(writer, "y", TDL_F64, points, y);
    if (rows)
        tdl_st_add(writer, "residual", TDL_F64, 2, (size_t[]){rows, f->horizon}, residual);
    if (f->ridge.window)
        tdl_st_add(writer, "ridge", TDL_F64, 2, (size_t[]){f->ridge.window, f->horizon},
                   f->ridge.w);
    st = tdl_st_write(writer, path, why);
out:
    tdl_st_writer_free(writer);
    tdl_buf_release(&about);
    free(y);
    free(residual);
    return st;
}

/* ---- reading ---- */

static bool get_size(const json_t *object, const char *key, size_t least, size_t most, size_t *ret)
{
    int64_t value;

    if (!tdl_json_get_int(object, key, &value) || value < 0 || (uint64_t)value < least ||
        (uint64_t)value > most)
        return false;
    *ret = (size_t)value;
    return true;
}

static bool all_finite(const tdl_st_view *view)
{
    const double *at = view->data;

    for (size_t i = 0; i < view->n; i++)
        if (!isfinite(at[i]))
            return false;
    return true;
}

static tdl_status read_entrants(const tdl_forecaster *f, const json_t *models, tdl_selection *s,
                                tdl_report *why)
{
    double total = 0;
    size_t n = json_array_size(models);

    if (!n || n > TDL_ENTRANTS_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%zu models", n);
    for (size_t e = 0; e < n; e++) {
        const json_t *one = json_array_get(models, e);
        tdl_entrant *entrant = &s->entrant[e];
        tdl_str member = {0};
        size_t variants;

        *entrant = (tdl_entrant){.score = NAN};
        if (!tdl_json_get_str(one, "member", &member) ||
            !tdl_json_get_number(one, "weight", &entrant->weight) || !(entrant->weight > 0) ||
            entrant->weight > 1)
            return TDL_FAIL(why, TDL_E_CORRUPT, "model %zu: no member or weight", e);
        tdl_json_get_number(one, "score", &entrant->score);
        entrant->member = tdl_member_find(member);
        if (!entrant->member && !tdl_str_is(member, "pooled"))
            return TDL_FAIL(why, TDL_E_CORRUPT, "a member \"%.*s\" is not known", TDL_FMT(member));
        variants = entrant->member ? entrant->member->variants(&s->task) : f->pooled_n;
        if (!variants || !get_size(one, "variant", 0, variants - 1, &entrant->variant))
            return TDL_FAIL(why, TDL_E_CORRUPT, "model %zu: there is no such variant", e);
        if (!entrant->member && f->pooled[entrant->variant].shortest > s->task.shortest)
            return TDL_FAIL(why, TDL_E_CORRUPT, "model %zu: histories are too short for it", e);
        total += entrant->weight;
    }
    if (fabs(total - 1) > 1e-6)
        return TDL_FAIL(why, TDL_E_CORRUPT, "weights that sum to %g", total);
    s->entrants_n = n;
    for (size_t p = 0; p < f->pooled_n; p++)
        snprintf(s->pooled_name[p], sizeof s->pooled_name[p], "%s", f->pooled[p].name);
    return TDL_OK;
}

/* Where the next series begins in the tensors. */
typedef struct cursor {
    const tdl_st_view *y, *residual; /* residual: NULL = none */
    size_t at, row;
} cursor;

static tdl_status read_series(tdl_forecaster *f, const json_t *one, const tdl_forecast_task *task,
                              double margin, cursor *c, tdl_fitted_series *s, tdl_report *why)
{
    tdl_str name = {0};
    size_t rows = c->residual ? c->residual->shape[0] : 0, n = 0;

    s->selection.task = *task;
    s->selection.margin = margin;
    if (!tdl_json_get_str(one, "name", &name) || !name.len ||
        !get_size(one, "points", 1, c->y->n - c->at, &n) ||
        !get_size(one, "residuals", 0, rows - c->row, &s->residuals_n) ||
        !get_size(one, "filled", 0, n, &s->series.filled) ||
        !get_size(one, "origins", 0, 1000, &s->selection.origins_n) ||
        !get_size(one, "shortest", 1, n, &s->selection.task.shortest) ||
        !tdl_json_get_number(one, "start", &s->series.start) ||
        !tdl_json_get_number(one, "scale", &s->scale) || !(s->scale > 0) || !isfinite(s->scale))
        return TDL_FAIL(why, TDL_E_CORRUPT, "a field is missing or out of range");
    s->series.name = strndup(name.at, name.len);
    s->series.y = malloc(n * sizeof *s->series.y);
    s->residual = malloc((s->residuals_n ? s->residuals_n : 1) * f->horizon * sizeof *s->residual);
    if (!s->series.name || !s->series.y || !s->residual)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu points", n);
    s->series.n = n;
    memcpy(s->series.y, (const double *)c->y->data + c->at, n * sizeof(double));
    if (c->residual && s->residuals_n)
        memcpy(s->residual, (const double *)c->residual->data + c->row * f->horizon,
               s->residuals_n * f->horizon * sizeof(double));
    c->at += n;
    c->row += s->residuals_n;
    return read_entrants(f, json_object_get(one, "models"), &s->selection, why);
}

static tdl_status read_head(tdl_forecaster *f, const json_t *about, tdl_forecast_task *task,
                            double *ret_margin, tdl_report *why)
{
    const json_t *periods = json_object_get(about, "periods");
    size_t version, unit;

    if (!get_size(about, "version", FORMAT_VERSION, FORMAT_VERSION, &version))
        return TDL_FAIL(why, TDL_E_CORRUPT, "a version that is not known");
    if (!get_size(about, "horizon", 1, TDL_FORECAST_HORIZON_MAX, &f->horizon) ||
        !get_size(about, "step_unit", 0, TDL_STEP_MONTHS, &unit) ||
        !tdl_json_get_number(about, "step", &f->step.n) || !(f->step.n > 0) ||
        !isfinite(f->step.n) || !tdl_json_get_number(about, "margin", ret_margin) ||
        !(*ret_margin > 0) || !(*ret_margin < 1e6) || json_array_size(periods) > TDL_PERIODS_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "horizon, step, margin or periods are out of range");
    f->step.unit = (tdl_step_unit)unit;
    *task = (tdl_forecast_task){.horizon = f->horizon, .periods_n = json_array_size(periods)};
    for (size_t i = 0; i < task->periods_n; i++) {
        json_int_t period = json_integer_value(json_array_get(periods, i));

        if (period < 2 || period > 1000000)
            return TDL_FAIL(why, TDL_E_CORRUPT, "a period of %lld", (long long)period);
        task->period[i] = (size_t)period;
    }
    return TDL_OK;
}

static tdl_status read_ridge(tdl_forecaster *f, const tdl_st_file *file, tdl_report *why)
{
    const tdl_st_view *w = tdl_st_find(file, "ridge");

    if (!w)
        return TDL_OK;
    if (w->dtype != TDL_F64 || w->rank != 2 || w->shape[1] != f->horizon || !w->shape[0] ||
        w->shape[0] > TDL_RIDGE_WINDOW_MAX || !all_finite(w))
        return TDL_FAIL(why, TDL_E_CORRUPT, "tensor ridge is not [window][%zu] of numbers",
                        f->horizon);
    f->ridge = (tdl_pooled_ridge){.window = w->shape[0], .horizon = f->horizon};
    if (!(f->ridge.w = malloc(w->n * sizeof *f->ridge.w)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu weights", w->n);
    memcpy(f->ridge.w, w->data, w->n * sizeof *f->ridge.w);
    f->pooled[f->pooled_n++] = tdl_pooled_of_ridge(&f->ridge);
    return TDL_OK;
}

static tdl_status read_transformer(tdl_forecaster *f, const json_t *about, const tdl_st_file *file,
                                   tdl_report *why)
{
    tdl_status st;

    if (!about)
        return TDL_OK;
    if (!f->pooled_n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "a transformer without the ridge that it beat");
    if ((st = tdl_patch_load(about, file, &f->patch, why)))
        return st;
    f->pooled[f->pooled_n++] = tdl_pooled_of_patch(f->patch);
    return TDL_OK;
}

static tdl_status read_file(const tdl_st_file *file, const json_t *about, tdl_forecaster *f,
                            tdl_report *why)
{
    const json_t *series = json_object_get(about, "series");
    tdl_forecast_task task;
    cursor c = {0};
    double margin;
    tdl_status st;

    if ((st = read_head(f, about, &task, &margin, why)) ||
        (st = tdl_st_get(file, "y", TDL_F64, 1, &c.y, why)) || (st = read_ridge(f, file, why)) ||
        (st = read_transformer(f, json_object_get(about, "transformer"), file, why)))
        return st;
    if (tdl_st_find(file, "residual") &&
        (st = tdl_st_get(file, "residual", TDL_F64, 2, &c.residual, why)))
        return st;
    if (!json_array_size(series) || json_array_size(series) > SERIES_FILE_MAX ||
        (c.residual && (c.residual->shape[1] != f->horizon || !all_finite(c.residual))) ||
        !all_finite(c.y))
        return TDL_FAIL(why, TDL_E_CORRUPT, "no series, or numbers that are not finite");
    f->series_n = json_array_size(series);
    if (!(f->fitted = calloc(f->series_n, sizeof *f->fitted)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu series", f->series_n);
    for (size_t i = 0; i < f->series_n; i++)
        if ((st = read_series(f, json_array_get(series, i), &task, margin, &c, &f->fitted[i],
                              why))) {
            tdl_report_prefix(why, "series %zu", i);
            return st;
        }
    return tdl_forecaster_share(f, why);
}

static tdl_status take(tdl_st_file *file, tdl_forecaster **ret, tdl_report *why)
{
    tdl_forecaster *f = calloc(1, sizeof *f);
    json_t *about = NULL;
    tdl_status st;

    if (!f)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a forecaster");
    if (tdl_json_parse(tdl_st_meta_get(file, meta_key), TDL_JSON_REFUSE_DUPLICATES, &about, why))
        st = TDL_FAIL(why, TDL_E_CORRUPT, "not a forecaster's file: its metadata is no JSON");
    else
        st = read_file(file, about, f, why);
    json_decref(about);
    if (!st) {
        *ret = f;
        f = NULL;
    }
    tdl_forecaster_free(f);
    return st;
}

tdl_status tdl_forecaster_load(const char *path, tdl_forecaster **ret, tdl_report *why)
{
    tdl_st_file *file = NULL;
    tdl_status st = tdl_st_open(path, &file, why);

    if (st)
        return st;
    if ((st = take(file, ret, why)))
        tdl_report_prefix(why, "%s", path);
    tdl_st_free(file);
    return st;
}

tdl_status tdl_forecaster_parse(tdl_str bytes, tdl_forecaster **ret, tdl_report *why)
{
    tdl_st_file *file = NULL;
    tdl_status st = tdl_st_parse(bytes, &file, why);

    if (st)
        return st;
    st = take(file, ret, why);
    tdl_st_free(file);
    return st;
}
