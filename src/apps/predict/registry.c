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

tdl_status tdl_predict_publish(tdl_store *store, const char *data_dir,
                               const tdl_predictor *predictor, bool activate, char *ret_version,
                               tdl_report *why)
{
    char uuid[37], file[128], path[PATH_MAX], app[TDL_PREDICT_NAME_MAX + sizeof app_prefix];
    tdl_buf report = {0};
    tdl_model_row row = {.active = activate, .created_us = tdl_time_now()};
    tdl_status st = tdl_predict_check_name(tdl_str_of(predictor->name), why);

    if (st)
        return st;
    tdl_uuid7(uuid);
    snprintf(ret_version, 80, "predict-%s-%.18s", predictor->name, uuid);
    snprintf(file, sizeof file, "models/%s.safetensors", ret_version);
    snprintf(app, sizeof app, "%s%s", app_prefix, predictor->name);
    snprintf(path, sizeof path, "%s/models", data_dir);
    if ((st = tdl_file_make_dir(path, why)))
        return st;
    snprintf(path, sizeof path, "%s/%s", data_dir, file);
    if ((st = tdl_predictor_save(predictor, path, why)) ||
        (st = tdl_file_hash(path, row.hash, &row.bytes, why)))
        return st;
    tdl_json_dump(&report, predictor->card);
    row.version = tdl_str_of(ret_version);
    row.app = tdl_str_of(app);
    row.path = tdl_str_of(file);
    row.report = tdl_buf_view(&report);
    st = report.failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the card")
                       : note_adjustment(store, predictor, ret_version, why);
    if (!st) // what is answered for before it serves
        st = tdl_store_put_model(store, &row, why);
    tdl_buf_release(&report);
    return st;
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

tdl_status tdl_predict_load_row(tdl_store *store, const char *data_dir, const tdl_model_row *row,
                                tdl_predictor **ret, tdl_report *why)
{
    char path[PATH_MAX], hash[65];
    int64_t bytes;
    tdl_status st = tdl_store_fetch_model(store, row, why);

    if (st)
        return st;
    snprintf(path, sizeof path, "%s/%.*s", data_dir, TDL_FMT(row->path));
    if ((st = tdl_file_hash(path, hash, &bytes, why)))
        return st;
    if (strcmp(hash, row->hash) != 0)
        return TDL_FAIL_HINT(why, TDL_E_CORRUPT, "restore the file, or fit again",
                             "%s: its %lld bytes are not those that were written", path,
                             (long long)bytes);
    return tdl_predictor_load(path, ret, why);
}
