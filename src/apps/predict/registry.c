#include "apps/predict/registry.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/timestamp.h"
#include "base/uuid.h"
#include "store/audit.h"

static const char app_prefix[] = "predict/";

tdl_status tdl_predict_check_name(tdl_str name, tdl_report *why)
{
    bool right = name.len >= 1 && name.len <= TDL_PREDICT_NAME_MAX && name.at[0] != '.';

    for (size_t i = 0; i < name.len && right; i++) {
        char c = name.at[i];
        right = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '-' || c == '_' || c == '.';
    }
    if (tdl_str_is(name, "fit") || tdl_str_is(name, "outcome"))
        return TDL_FAIL(why, TDL_E_INVALID, "\"%.*s\" is an address of the server's own",
                        TDL_FMT(name));
    return right ? TDL_OK
                 : TDL_FAIL_HINT(why, TDL_E_INVALID,
                                 "letters, digits, '-', '_' and '.', at most 48: --name churn",
                                 "\"%.*s\" cannot be the name of a model", TDL_FMT(name));
}

/* Somebody has answered for deciding by group: who and why stays in the audit log. */
static tdl_status note_adjustment(tdl_store *store, const tdl_predictor *p, const char *version,
                                  tdl_report *why)
{
    const tdl_adjustment *a = &p->adjustment;
    const tdl_audit_entry entry = {
        .action = "model.adjust",
        .members = {{"version", tdl_value_text(tdl_str_of(version))},
                    {"equal", tdl_value_text(tdl_str_of(tdl_equal_name(a->kind)))},
                    {"column", tdl_value_text(tdl_str_of(a->column))},
                    {"reason", tdl_value_text(tdl_str_of(a->reason))}}};

    return a->groups_n ? tdl_store_audit(store, &entry, why) : TDL_OK;
}

/* A version that is to be written. */
typedef struct publication {
    const char *name;
    const json_t *card;
    const tdl_predictor *predictor; /* or */
    const tdl_forecaster *forecaster;
    bool activate;
} publication;

static tdl_status save(const publication *p, const char *path, tdl_report *why)
{
    return p->predictor ? tdl_predictor_save(p->predictor, path, why)
                        : tdl_forecaster_save(p->forecaster, path, why);
}

static tdl_status publish(tdl_store *store, const char *data_dir, const publication *p,
                          char *ret_version, tdl_report *why)
{
    char uuid[37], file[128], path[PATH_MAX], app[TDL_PREDICT_NAME_MAX + sizeof app_prefix];
    tdl_buf report = {0};
    tdl_model_row row = {.active = p->activate, .created_us = tdl_time_now()};
    tdl_status st = tdl_predict_check_name(tdl_str_of(p->name), why);

    if (st)
        return st;
    tdl_uuid7(uuid);
    snprintf(ret_version, 80, "predict-%s-%.18s", p->name, uuid);
    snprintf(file, sizeof file, "models/%s.safetensors", ret_version);
    snprintf(app, sizeof app, "%s%s", app_prefix, p->name);
    snprintf(path, sizeof path, "%s/models", data_dir);
    if ((st = tdl_file_make_dir(path, why)))
        return st;
    snprintf(path, sizeof path, "%s/%s", data_dir, file);
    if ((st = save(p, path, why)) || (st = tdl_file_hash(path, row.hash, &row.bytes, why)))
        return st;
    tdl_json_dump(&report, p->card);
    row.version = tdl_str_of(ret_version);
    row.app = tdl_str_of(app);
    row.path = tdl_str_of(file);
    row.report = tdl_buf_view(&report);
    st = report.failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the card") : TDL_OK;
    if (!st && p->predictor)
        st = note_adjustment(store, p->predictor, ret_version, why);
    if (!st) // what is answered for before it serves
        st = tdl_store_put_model(store, &row, why);
    tdl_buf_release(&report);
    return st;
}

tdl_status tdl_predict_publish(tdl_store *store, const char *data_dir,
                               const tdl_predictor *predictor, bool activate, char *ret_version,
                               tdl_report *why)
{
    const publication p = {.name = predictor->name,
                           .card = predictor->card,
                           .predictor = predictor,
                           .activate = activate};

    return publish(store, data_dir, &p, ret_version, why);
}

tdl_status tdl_forecaster_publish(tdl_store *store, const char *data_dir, const char *name,
                                  const tdl_forecaster *forecaster, const json_t *card,
                                  bool activate, char *ret_version, tdl_report *why)
{
    const publication p = {
        .name = name, .card = card, .forecaster = forecaster, .activate = activate};

    return publish(store, data_dir, &p, ret_version, why);
}

bool tdl_model_row_forecasts(const tdl_model_row *row)
{
    json_t *card = NULL;
    tdl_str task = {0};
    bool forecasts = !tdl_json_parse(row->report, TDL_JSON_LAST_WINS, &card, NULL) &&
                     tdl_json_get_str(card, "task", &task) && tdl_str_is(task, "forecast");

    json_decref(card);
    return forecasts;
}

static void list_names(const tdl_model_row *row, size_t n, tdl_buf *out)
{
    for (size_t i = 0; i < n; i++)
        if (row[i].active && tdl_str_starts(row[i].app, tdl_str_of(app_prefix)))
            tdl_buf_printf(out, "%s%.*s", out->len ? ", " : "",
                           (int)(row[i].app.len - sizeof app_prefix + 1),
                           row[i].app.at + sizeof app_prefix - 1);
}

tdl_status tdl_predict_active(tdl_store *store, tdl_str name, tdl_arena *arena, tdl_model_row *ret,
                              tdl_report *why)
{
    tdl_model_row *row;
    size_t n;
    tdl_buf names = {0};
    tdl_status st = tdl_store_models(store, (tdl_str){0}, arena, &row, &n, why);

    if (st)
        return st;
    for (size_t i = 0; i < n; i++)
        if (row[i].active && tdl_str_starts(row[i].app, tdl_str_of(app_prefix)) &&
            tdl_str_eq(name, (tdl_str){row[i].app.at + sizeof app_prefix - 1,
                                       row[i].app.len - sizeof app_prefix + 1})) {
            *ret = row[i];
            return TDL_OK;
        }
    list_names(row, n, &names);
    st = TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "treadle fit makes one",
                       "no model is called \"%.*s\"; there are: %s", TDL_FMT(name),
                       names.len ? names.at : "none");
    tdl_buf_release(&names);
    return st;
}

/* ret_path [PATH_MAX] of the file, which is what was written. */
static tdl_status fetch(tdl_store *store, const char *data_dir, const tdl_model_row *row,
                        char *ret_path, tdl_report *why)
{
    char hash[65];
    int64_t bytes;
    tdl_status st = tdl_store_fetch_model(store, row, why);

    if (st)
        return st;
    snprintf(ret_path, PATH_MAX, "%s/%.*s", data_dir, TDL_FMT(row->path));
    if ((st = tdl_file_hash(ret_path, hash, &bytes, why)))
        return st;
    if (strcmp(hash, row->hash) != 0)
        return TDL_FAIL_HINT(why, TDL_E_CORRUPT, "restore the file, or fit again",
                             "%s: its %lld bytes are not those that were written", ret_path,
                             (long long)bytes);
    return TDL_OK;
}

tdl_status tdl_predict_load_row(tdl_store *store, const char *data_dir, const tdl_model_row *row,
                                tdl_predictor **ret, tdl_report *why)
{
    char path[PATH_MAX];
    tdl_status st;

    if (tdl_model_row_forecasts(row))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "treadle forecast --model NAME",
                             "%.*s forecasts series, it does not answer for rows",
                             TDL_FMT(row->version));
    st = fetch(store, data_dir, row, path, why);
    return st ? st : tdl_predictor_load(path, ret, why);
}

tdl_status tdl_forecaster_load_row(tdl_store *store, const char *data_dir, const tdl_model_row *row,
                                   tdl_forecaster **ret, tdl_report *why)
{
    char path[PATH_MAX];
    tdl_status st;

    if (!tdl_model_row_forecasts(row))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "treadle predict FILE --model NAME",
                             "%.*s answers for rows, it forecasts no series",
                             TDL_FMT(row->version));
    st = fetch(store, data_dir, row, path, why);
    return st ? st : tdl_forecaster_load(path, ret, why);
}
