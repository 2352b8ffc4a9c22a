#include "cli/runs_compare.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"

const char *tdl_run_status_words(tdl_run_status status)
{
    switch (status) {
    case TDL_RUN_RUNNING:
        return tdl_tr("running", "运行中");
    case TDL_RUN_DONE:
        return tdl_tr("done", "已完成");
    case TDL_RUN_FAILED:
        return tdl_tr("failed", "失败");
    case TDL_RUN_KILLED:
        return tdl_tr("killed", "被中止");
    }
    return "";
}

const tdl_metric_point *tdl_series_best(const tdl_series *series)
{
    static const char *const small[] = {"loss", "error", "seconds", "perplexity"};

    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++)
        if (strstr(series->tag, small[i]))
            return &series->min;
    return &series->max;
}

/* ---- settings: nested objects become dotted keys ---- */

enum { KEY_MAX = 300 };

static void flatten(json_t *flat, const char *prefix, json_t *value)
{
    char key[KEY_MAX];
    const char *name;
    json_t *member;

    if (!json_is_object(value)) {
        json_object_set(flat, prefix, value);
        return;
    }
    json_object_foreach(value, name, member)
    {
        if (snprintf(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", name) < KEY_MAX)
            flatten(flat, key, member);
    }
}

static void flatten_text(json_t *flat, const char *prefix, tdl_str text)
{
    json_t *value = NULL;

    if (text.len && !tdl_json_parse(text, TDL_JSON_LAST_WINS, &value, NULL))
        flatten(flat, prefix, value);
    json_decref(value);
}

/* All settings of a run as one flat object. */
static json_t *settings_of(const tdl_run_row *row)
{
    json_t *flat = json_object();

    json_object_set_new(flat, "app", json_stringn(row->app.at ? row->app.at : "", row->app.len));
    json_object_set_new(flat, "seed", json_integer(row->seed));
    flatten_text(flat, "config", row->config);
    flatten_text(flat, "system", row->system);
    return flat;
}

static bool differs(const char *key, json_t *const *settings, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (!json_equal(json_object_get(settings[0], key), json_object_get(settings[i], key)))
            return true;
    return false;
}

/* An object of the keys that differ, each with an array of the runs' values (null = has none). */
static json_t *differences(json_t *const *settings, size_t n)
{
    json_t *result = json_object();
    const char *key;
    json_t *value;

    for (size_t i = 0; i < n; i++) {
        json_object_foreach(settings[i], key, value)
        {
            if (json_object_get(result, key) || !differs(key, settings, n))
                continue;
            json_t *values = json_array();
            for (size_t k = 0; k < n; k++) {
                json_t *one = json_object_get(settings[k], key);
                json_array_append_new(values, one ? json_incref(one) : json_null());
            }
            json_object_set_new(result, key, values);
        }
    }
    return result;
}

/* ---- metrics, aligned by tag ---- */

static const tdl_series *find_series(const tdl_curves *curves, const char *tag)
{
    for (size_t i = 0; i < curves->series_n; i++)
        if (!strcmp(curves->series[i]->tag, tag))
            return curves->series[i];
    return NULL;
}

/* Is this the first of the runs that has the tag? Then its row is written now. */
static bool is_first(const tdl_curves *curves, size_t run, const char *tag)
{
    for (size_t i = 0; i < run; i++)
        if (find_series(&curves[i], tag))
            return false;
    return true;
}

typedef void row_fn(void *context, const char *tag, const tdl_curves *curves, size_t n);

static void for_each_tag(const tdl_curves *curves, size_t n, row_fn *write, void *context)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < curves[i].series_n; k++)
            if (is_first(curves, i, curves[i].series[k]->tag))
                write(context, curves[i].series[k]->tag, curves, n);
}

/* ---- JSON ---- */

static void write_metric(void *context, const char *tag, const tdl_curves *curves, size_t n)
{
    tdl_jw *w = context;

    tdl_jw_object(w);
    tdl_jw_ktext(w, "tag", tag);
    tdl_jw_key(w, "runs");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        const tdl_series *s = find_series(&curves[i], tag);
        if (!s) {
            tdl_jw_null(w);
            continue;
        }
        tdl_jw_object(w);
        tdl_jw_kint(w, "count", (int64_t)s->count);
        tdl_jw_knumber(w, "last", s->last.value);
        tdl_jw_kint(w, "last_step", s->last.step);
        tdl_jw_knumber(w, "best", tdl_series_best(s)->value);
        tdl_jw_kint(w, "best_step", tdl_series_best(s)->step);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

static tdl_status print_json(const tdl_run_row *rows, const tdl_curves *curves, size_t n,
                             const json_t *different, tdl_report *why)
{
    tdl_buf out = {0}, settings = {0};
    tdl_jw w = {.out = &out};

    tdl_json_dump(&settings, different);
    tdl_jw_object(&w);
    tdl_jw_key(&w, "runs");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(&w);
        tdl_run_write(&w, &rows[i]);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_kraw(&w, "differences", tdl_buf_view(&settings));
    tdl_jw_key(&w, "metrics");
    tdl_jw_array(&w);
    for_each_tag(curves, n, write_metric, &w);
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    tdl_status st = out.failed || settings.failed
                        ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to compare %zu runs", n)
                        : TDL_OK;
    if (!st)
        printf("%s\n", out.at);
    tdl_buf_release(&out);
    tdl_buf_release(&settings);
    return st;
}

/* ---- table: runs are columns, called A, B, ... ---- */

static void print_metric(void *context, const char *tag, const tdl_curves *curves, size_t n)
{
    TDL_UNUSED(context);
    printf("  %-40s", tag);
    for (size_t i = 0; i < n; i++) {
        const tdl_series *s = find_series(&curves[i], tag);
        if (s)
            printf("  %11.5g %11.5g", s->last.value, tdl_series_best(s)->value);
        else
            printf("  %11s %11s", "-", "-");
    }
    putchar('\n');
}

static void print_differences(json_t *different)
{
    const char *key;
    json_t *values, *value;
    size_t i;

    printf("\n%s\n", json_object_size(different) ? tdl_tr("Different settings", "不同的设置")
                                                 : tdl_tr("Same settings", "设置相同"));
    json_object_foreach(different, key, values)
    {
        printf("  %-40s", key);
        json_array_foreach(values, i, value)
        {
            tdl_buf text = {0};
            tdl_json_dump(&text, value);
            printf("  %23.23s", text.at ? text.at : "");
            tdl_buf_release(&text);
        }
        putchar('\n');
    }
}

static void print_table(const tdl_run_row *rows, const tdl_curves *curves, size_t n,
                        json_t *different)
{
    for (size_t i = 0; i < n; i++)
        printf("%c  %.*s  %s\n", (char)('A' + i), TDL_FMT(rows[i].id),
               tdl_run_status_words(rows[i].status));
    print_differences(different);
    printf("\n  %-40s", tdl_tr("Metric: last, best", "指标：末值、最佳值"));
    for (size_t i = 0; i < n; i++)
        printf("  %23c", (char)('A' + i));
    putchar('\n');
    for_each_tag(curves, n, print_metric, NULL);
}

tdl_status tdl_runs_compare(const tdl_run_row *rows, const tdl_curves *curves, size_t n, bool json,
                            tdl_report *why)
{
    json_t *settings[26];
    tdl_status st = TDL_OK;

    if (n > sizeof settings / sizeof settings[0])
        return TDL_FAIL(why, TDL_E_USAGE, "%zu runs are too many to compare", n);
    for (size_t i = 0; i < n; i++)
        settings[i] = settings_of(&rows[i]);
    json_t *different = differences(settings, n);
    if (json)
        st = print_json(rows, curves, n, different, why);
    else
        print_table(rows, curves, n, different);
    json_decref(different);
    for (size_t i = 0; i < n; i++)
        json_decref(settings[i]);
    return st;
}
