/* Settings: a few texts of the store's own, by name. */
#include "base/str.h"
#include "store/audit.h"
#include "store/rows.h"
#include "store/store_parts.h"

typedef struct setting {
    tdl_str name, value, former;
} setting;

static tdl_status put_setting(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                              tdl_report *why)
{
    const setting *s = context;
    const tdl_value in[] = {tdl_value_text(s->name), tdl_value_text(s->value)};

    return ops->execute(backend, TDL_EXECUTE_PUT_SETTING, in, 2, NULL, 0, NULL, why);
}

tdl_status tdl_store_put_setting(tdl_store *store, tdl_str name, tdl_str value, tdl_report *why)
{
    const setting s = {.name = name, .value = value};

    return tdl_store_write(store, put_setting, &s, why);
}

static tdl_status swap_setting(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                               tdl_report *why)
{
    const setting *s = context;
    const tdl_value in[] = {tdl_value_text(s->name), tdl_value_text(s->value),
                            tdl_value_text(s->former)};
    int64_t rows;
    tdl_status st = ops->execute(backend, TDL_EXECUTE_SWAP_SETTING, in, 3, NULL, 0, &rows, why);

    return st || rows
               ? st
               : TDL_FAIL(why, TDL_E_CONFLICT, "setting \"%.*s\" was changed", TDL_FMT(s->name));
}

tdl_status tdl_store_swap_setting(tdl_store *store, tdl_str name, tdl_str former, tdl_str value,
                                  const tdl_audit_entry *entry, tdl_report *why)
{
    return tdl_store_change(store, swap_setting, &(setting){name, value, former}, entry, why);
}

tdl_status tdl_read_setting(tdl_reader *reader, tdl_str name, tdl_buf *ret, bool *ret_found,
                            tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st = tdl_rows_start(&r, TDL_READ_SETTING, why);

    if (st)
        return st;
    tdl_rows_bind_text(&r, 1, name);
    if ((*ret_found = tdl_rows_next(&r) != NULL))
        tdl_buf_str(ret, tdl_rows_text(&r, 0));
    st = tdl_rows_end(&r, why);
    return st || !ret->failed ? st : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a setting");
}

tdl_status tdl_store_setting(tdl_store *store, tdl_str name, tdl_buf *ret, bool *ret_found,
                             tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = tdl_read_setting(reader, name, ret, ret_found, why);
    tdl_store_give_back(store, reader);
    return st;
}
