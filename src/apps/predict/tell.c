/* What there is to tell of models: the list, and the columns of one. */
#include <math.h>
#include <string.h>

#include "apps/predict/serving.h"

/* ---- the list ---- */

static void write_copy(tdl_jw *out, const char *key, const json_t *value)
{
    tdl_buf text = {0};

    tdl_json_dump(&text, value);
    tdl_jw_kraw(out, key, value ? tdl_buf_view(&text) : (tdl_str){0});
    out->out->failed |= text.failed;
    tdl_buf_release(&text);
}

static void write_model(const tdl_served *s, tdl_jw *out)
{
    const json_t *card = s->predictor || s->ledger ? s->card : NULL;
    const json_t *chosen = json_object_get(card, "chosen");

    tdl_jw_object(out);
    tdl_jw_ktext(out, "name", s->name);
    tdl_jw_ktext(out, "version", s->version);
    tdl_jw_ktime(out, "created", s->created_us);
    tdl_jw_kint(out, "bytes", s->bytes);
    tdl_jw_ktext(out, "error", s->predictor || s->ledger ? NULL : s->why.message);
    write_copy(out, "task", json_object_get(card, "task"));
    write_copy(out, "target", json_object_get(json_object_get(card, "target"), "column"));
    write_copy(out, "rows", json_object_get(card, "rows"));
    write_copy(out, "metric", json_object_get(card, "metric"));
    write_copy(out, "value", json_object_get(chosen, "value"));
    write_copy(out, "standard_error", json_object_get(chosen, "standard_error"));
    write_copy(out, "chosen", json_object_get(chosen, "model"));
    tdl_jw_end_object(out);
}

static void write_models(const tdl_served_list *list, tdl_jw *out)
{
    tdl_jw_object(out);
    tdl_jw_key(out, "models");
    tdl_jw_array(out);
    for (size_t i = 0; list && i < list->n; i++)
        write_model(list->at[i], out);
    tdl_jw_end_array(out);
    tdl_jw_end_object(out);
}

/* ---- columns ---- */

/* The column of the first member that is column `column` of the schema. */
static tdl_prepare_range range_of(const tdl_predictor *p, size_t column)
{
    const tdl_member *m = &p->member[0];

    for (size_t i = 0; i < tdl_prepare_columns(m->prepare); i++)
        if (m->column[i] == column)
            return tdl_prepare_range_of(m->prepare, i);
    return (tdl_prepare_range){.least = (double)NAN, .most = (double)NAN, .middle = (double)NAN};
}

/* A number as a cell of its column: dates by RFC 3339. */
static void write_number(tdl_column_type type, const char *key, double number, tdl_jw *out)
{
    tdl_column one = {.type = type, .number = &number};
    tdl_buf text = {0};

    if (type != TDL_COLUMN_DATE || isnan(number)) {
        tdl_jw_knumber(out, key, number);
        return;
    }
    tdl_column_print(&one, 0, &text);
    tdl_jw_kstr(out, key, tdl_buf_view(&text));
    tdl_buf_release(&text);
}

static double importance_of(const tdl_predictor *p, const char *column)
{
    const json_t *entry;
    tdl_str name;
    double share = (double)NAN;
    size_t i;

    json_array_foreach(json_object_get(p->card, "importance"), i, entry)
    {
        if (tdl_json_get_str(entry, "column", &name) && tdl_str_is(name, column) &&
            tdl_json_get_number(entry, "share", &share))
            return share;
    }
    return (double)NAN;
}

static void write_column(const tdl_predictor *p, size_t i, tdl_jw *out)
{
    const json_t *saved = json_array_get(json_object_get(p->schema, "columns"), i);
    const tdl_prepare_range range = range_of(p, i);
    tdl_column_type type = TDL_COLUMN_TEXT;
    tdl_str name;

    if (tdl_json_get_str(saved, "type", &name))
        tdl_column_type_find(name, &type);
    tdl_jw_object(out);
    tdl_jw_ktext(out, "name", p->column[i]);
    tdl_jw_ktext(out, "type", tdl_column_type_name(type));
    tdl_jw_kbool(out, "used", range.used);
    write_copy(out, "levels", json_object_get(saved, "levels"));
    write_number(type, "least", range.least, out);
    write_number(type, "most", range.most, out);
    if (range.mode.len && type != TDL_COLUMN_BOOLEAN)
        tdl_jw_kstr(out, "middle", range.mode);
    else
        write_number(type, "middle", range.middle, out);
    tdl_jw_knumber(out, "importance", importance_of(p, p->column[i]));
    tdl_jw_end_object(out);
}

static void write_schema(const tdl_served *s, tdl_jw *out)
{
    const tdl_predictor *p = s->predictor;

    tdl_jw_object(out);
    tdl_jw_ktext(out, "model", s->name);
    tdl_jw_ktext(out, "version", s->version);
    tdl_jw_ktext(out, "task", tdl_task_name(p->target.task));
    tdl_jw_ktext(out, "target", p->target.column);
    tdl_jw_key(out, "classes");
    tdl_jw_array(out);
    for (size_t k = 0; k < p->target.classes_n; k++)
        tdl_jw_text(out, p->target.class_name[k]);
    tdl_jw_end_array(out);
    tdl_jw_key(out, "quantiles");
    tdl_jw_array(out);
    for (size_t k = 0; k < p->target.quantiles_n; k++)
        tdl_jw_number(out, p->target.quantile[k]);
    tdl_jw_end_array(out);
    tdl_jw_key(out, "columns");
    tdl_jw_array(out);
    for (size_t i = 0; i < p->columns_n; i++)
        if (strcmp(p->column[i], p->target.column) != 0)
            write_column(p, i, out);
    tdl_jw_end_array(out);
    tdl_jw_end_object(out);
}

/* ---- */

tdl_status tdl_predict_tell(tdl_app *app, tdl_about about, tdl_str model, size_t limit,
                            tdl_arena *arena, tdl_jw *out, tdl_report *why)
{
    tdl_served_list *list = NULL;
    tdl_served *served = NULL;
    tdl_status st = TDL_OK;

    if (about == TDL_ABOUT_MODELS) {
        list = tdl_served_take(app);
        write_models(list, out);
    } else if (!(st = tdl_served_find_predictor(app, model, &served, why))) {
        if (about == TDL_ABOUT_SCHEMA)
            write_schema(served, out);
        else
            st = tdl_predict_tell_live(app, served, limit, arena, out, why);
    }
    if (!st && out->out->failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    tdl_served_give_back(list);
    tdl_served_drop(served);
    return st;
}
