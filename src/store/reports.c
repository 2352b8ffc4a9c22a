/* Reports: questions that were saved. */
#include "store/rows.h"
#include "store/store_parts.h"

static tdl_status put(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                      tdl_report *why)
{
    const tdl_saved_report *r = context;
    const tdl_value in[] = {tdl_value_text(r->id), tdl_value_text(r->name),
                            tdl_value_text(r->query), tdl_value_number(r->created_us),
                            tdl_value_number(r->updated_us)};

    return ops->execute(backend, TDL_EXECUTE_PUT_REPORT, in, 5, NULL, 0, NULL, why);
}

static tdl_status not_found(tdl_str id, tdl_report *why)
{
    return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "GET /v1/reports lists what there is",
                         "there is no report with the id \"%.*s\"", TDL_FMT(id));
}

static tdl_status change(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                         tdl_report *why)
{
    const tdl_saved_report *r = context;
    const tdl_value in[] = {tdl_value_text(r->id), tdl_value_text(r->name),
                            tdl_value_text(r->query), tdl_value_number(r->updated_us)};
    int64_t rows;
    tdl_status st = ops->execute(backend, TDL_EXECUTE_CHANGE_REPORT, in, 4, NULL, 0, &rows, why);

    return st || rows ? st : not_found(r->id, why);
}

static tdl_status drop(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                       tdl_report *why)
{
    const tdl_str *id = context;
    const tdl_value in[] = {tdl_value_text(*id)};
    int64_t rows;
    tdl_status st = ops->execute(backend, TDL_EXECUTE_DROP_REPORT, in, 1, NULL, 0, &rows, why);

    return st || rows ? st : not_found(*id, why);
}

tdl_status tdl_store_put_report(tdl_store *store, const tdl_saved_report *report, tdl_report *why)
{
    return tdl_store_write(store, put, report, why);
}

tdl_status tdl_store_change_report(tdl_store *store, const tdl_saved_report *report,
                                   tdl_report *why)
{
    return tdl_store_write(store, change, report, why);
}

tdl_status tdl_store_drop_report(tdl_store *store, tdl_str id, tdl_report *why)
{
    return tdl_store_write(store, drop, &id, why);
}

static tdl_status read_reports(tdl_reader *reader, tdl_str id, tdl_arena *arena,
                               tdl_saved_report **ret, size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_saved_report *one;
    tdl_status st = tdl_rows_start(&r, TDL_READ_REPORTS, why);

    if (st)
        return st;
    tdl_rows_bind_text(&r, 1, id);
    while ((one = tdl_rows_next(&r)))
        *one = (tdl_saved_report){.id = tdl_rows_keep(&r, 0),
                                  .name = tdl_rows_keep(&r, 1),
                                  .query = tdl_rows_keep(&r, 2),
                                  .created_us = tdl_rows_number(&r, 3),
                                  .updated_us = tdl_rows_number(&r, 4)};
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

tdl_status tdl_store_reports(tdl_store *store, tdl_arena *arena, tdl_saved_report **ret,
                             size_t *ret_n, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = read_reports(reader, (tdl_str){0}, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

tdl_status tdl_store_get_report(tdl_store *store, tdl_str id, tdl_arena *arena,
                                tdl_saved_report *ret, tdl_report *why)
{
    tdl_saved_report *found;
    size_t n;
    tdl_reader *reader;
    tdl_status st;

    if (!id.len) // would ask for all
        return not_found(id, why);
    if ((st = tdl_store_take_reader(store, &reader, why)))
        return st;
    st = read_reports(reader, id, arena, &found, &n, why);
    tdl_store_give_back(store, reader);
    if (st)
        return st;
    if (!n)
        return not_found(id, why);
    *ret = found[0];
    return TDL_OK;
}
