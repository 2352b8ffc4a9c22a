#include "apps/predict/serving.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "apps/predict/registry.h"

enum { REGISTRY_BYTES = 256 << 20 };

static const char prefix[] = "predict/";

/* ---- one ---- */

void tdl_served_drop(tdl_served *s)
{
    if (!s || atomic_fetch_sub(&s->references, 1) > 1)
        return;
    tdl_column_drift_release(&s->drift);
    tdl_predictor_free(s->predictor);
    tdl_ledger_free(s->ledger);
    tdl_forecaster_free(s->forecaster);
    json_decref(s->card);
    free(s->name);
    free(s->app);
    free(s->version);
    free(s);
}

static char *copy(tdl_str text, size_t from)
{
    return strndup(text.at + from, text.len - from);
}

static bool answers(const tdl_served *s)
{
    return s->predictor || s->ledger;
}

/* The model, and of a forecaster what became of it since. */
static tdl_status load_model(tdl_app *app, const tdl_model_row *row, tdl_served *s, tdl_report *why)
{
    tdl_store *store = app->context.store;
    tdl_status st;

    tdl_json_parse(row->report, TDL_JSON_LAST_WINS, &s->card, NULL);
    if (!tdl_model_row_forecasts(row)) {
        if ((st = tdl_predict_load_row(store, app->context.data_dir, row, &s->predictor, why)))
            return st;
        if ((st = tdl_column_drift_load(s->predictor->schema, &s->drift, why))) {
            tdl_predictor_free(s->predictor);
            s->predictor = NULL;
        }
        return st;
    }
    if ((st = tdl_forecaster_load_row(store, app->context.data_dir, row, &s->forecaster, why)) ||
        (st = tdl_ledger_new(s->forecaster, &s->ledger, why)))
        return st;
    if ((st = tdl_forecast_replay(store, s, why))) {
        tdl_ledger_free(s->ledger);
        s->ledger = NULL;
    }
    return st;
}

static tdl_status load(tdl_app *app, const tdl_model_row *row, tdl_served **ret, tdl_report *why)
{
    tdl_served *s = calloc(1, sizeof *s);
    tdl_report said = {0};

    if (!s)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a model");
    atomic_init(&s->references, 1);
    s->app = copy(row->app, 0);
    s->name = copy(row->app, sizeof prefix - 1);
    s->version = copy(row->version, 0);
    s->created_us = row->created_us;
    s->bytes = row->bytes;
    memcpy(s->hash, row->hash, sizeof s->hash);
    if (!s->app || !s->name || !s->version) {
        tdl_served_drop(s);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a model");
    }
    if (load_model(app, row, s, &said)) {
        tdl_report_prefix(&said, "model %s", s->name);
        s->why = said;
    }
    *ret = s;
    return TDL_OK;
}

/* ---- all ---- */

static void free_list(tdl_held *held)
{
    tdl_served_list *list = (tdl_served_list *)held;

    for (size_t i = 0; i < list->n; i++)
        tdl_served_drop(list->at[i]);
    free(list->at);
    free(list);
}

tdl_served_list *tdl_served_take(tdl_app *app)
{
    return (tdl_served_list *)tdl_slot_take(&app->slot);
}

void tdl_served_give_back(tdl_served_list *list)
{
    tdl_slot_drop(list ? &list->held : NULL);
}

static tdl_served *look_for(const tdl_served_list *list, tdl_str name)
{
    for (size_t i = 0; list && i < list->n; i++)
        if (tdl_str_is(name, list->at[i]->name))
            return list->at[i];
    return NULL;
}

static tdl_status unknown(const tdl_served_list *list, tdl_str name, tdl_report *why)
{
    tdl_buf names = {.limit = 1000};

    for (size_t i = 0; list && i < list->n; i++)
        tdl_buf_printf(&names, "%s%s", i ? ", " : "", list->at[i]->name);
    tdl_status st = TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "treadle fit makes one",
                                  "no model is called \"%.*s\"; there are: %s", TDL_FMT(name),
                                  names.len ? names.at : "none");
    tdl_buf_release(&names);
    return st;
}

tdl_status tdl_served_find(tdl_app *app, tdl_str name, tdl_served **ret, tdl_report *why)
{
    tdl_served_list *list = tdl_served_take(app);
    tdl_served *found = look_for(list, name);
    tdl_status st = TDL_OK;

    if (!found) {
        st = unknown(list, name, why);
    } else if (!answers(found)) {
        st = found->why.status;
        if (why)
            *why = found->why;
    } else {
        atomic_fetch_add(&found->references, 1);
        *ret = found;
    }
    tdl_served_give_back(list);
    return st;
}

static tdl_status find_kind(tdl_app *app, tdl_str name, bool forecasts, tdl_served **ret,
                            tdl_report *why)
{
    tdl_served *served = NULL;
    tdl_status st = tdl_served_find(app, name, &served, why);

    if (st)
        return st;
    assert(served);
    if (forecasts != (served->forecaster != NULL)) {
        st = forecasts
                 ? TDL_FAIL_HINT(why, TDL_E_INVALID, "POST /v1/predict/{model}",
                                 "model %s answers for rows, it forecasts no series", served->name)
                 : TDL_FAIL_HINT(why, TDL_E_INVALID, "POST /v1/forecast/{model}",
                                 "model %s forecasts series, it does not answer for rows",
                                 served->name);
        tdl_served_drop(served);
        return st;
    }
    *ret = served;
    return TDL_OK;
}

tdl_status tdl_served_find_predictor(tdl_app *app, tdl_str name, tdl_served **ret, tdl_report *why)
{
    return find_kind(app, name, false, ret, why);
}

tdl_status tdl_served_find_forecaster(tdl_app *app, tdl_str name, tdl_served **ret, tdl_report *why)
{
    return find_kind(app, name, true, ret, why);
}

/* ---- refreshing ---- */

/* What serves for a row: what did already, what is loaded now, or, where that fails, the former one
 * of its name. `*status` and `why` keep the first failure. */
static tdl_served *serve_row(tdl_app *app, const tdl_served_list *former, const tdl_model_row *row,
                             tdl_status *status, tdl_report *why)
{
    tdl_str name = {row->app.at + sizeof prefix - 1, row->app.len - sizeof prefix + 1};
    tdl_served *had = look_for(former, name), *now = NULL;
    tdl_report said = {0};

    if (had && answers(had) && tdl_str_is(row->version, had->version)) {
        atomic_fetch_add(&had->references, 1);
        return had;
    }
    tdl_status st = load(app, row, &now, &said);
    if (!st && answers(now))
        return now;
    if (!*status) {
        *status = st ? st : now->why.status;
        if (why)
            *why = st ? said : now->why;
    }
    if (had && answers(had)) {
        tdl_served_drop(now);
        atomic_fetch_add(&had->references, 1);
        return had;
    }
    return now;
}

static bool changed(const tdl_served_list *a, const tdl_served_list *b)
{
    if (!a || a->n != b->n)
        return true;
    for (size_t i = 0; i < a->n; i++)
        if (a->at[i] != b->at[i])
            return true;
    return false;
}

static tdl_status make_list(tdl_app *app, const tdl_model_row *row, size_t rows_n, tdl_report *why)
{
    tdl_served_list *former = tdl_served_take(app), *list = calloc(1, sizeof *list);
    tdl_status st = TDL_OK;

    if (!list || !(list->at = calloc(rows_n + 1, sizeof *list->at))) {
        free(list);
        tdl_served_give_back(former);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu models", rows_n);
    }
    for (size_t i = 0; i < rows_n; i++) {
        if (!row[i].active || !tdl_str_starts(row[i].app, tdl_str_of(prefix)))
            continue;
        tdl_served *served = serve_row(app, former, &row[i], &st, why);
        size_t at = list->n;

        if (!served)
            continue;
        for (; at > 0 && strcmp(list->at[at - 1]->name, served->name) > 0; at--)
            list->at[at] = list->at[at - 1];
        list->at[at] = served;
        list->n++;
    }
    if (changed(former, list))
        tdl_slot_put(&app->slot, &list->held, free_list);
    else
        free_list(&list->held);
    tdl_served_give_back(former);
    return st;
}

tdl_status tdl_served_refresh(tdl_app *app, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(REGISTRY_BYTES);
    tdl_model_row *rows;
    size_t n;
    tdl_status st;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to read the registry");
    pthread_mutex_lock(&app->refreshing);
    st = tdl_store_models(app->context.store, (tdl_str){0}, arena, &rows, &n, why);
    if (!st)
        st = make_list(app, rows, n, why);
    pthread_mutex_unlock(&app->refreshing);
    tdl_arena_free(arena);
    return st;
}
