/* Groups: companies and teams, and what is known of them. */
#include "base/json.h"
#include "store/rows.h"
#include "store/store_parts.h"

/* ---- writing ---- */

static tdl_status put_trait(tdl_execute_fn *execute, tdl_backend *backend, const tdl_event *e,
                            const char *name, const json_t *value, tdl_report *why)
{
    tdl_buf text = {0};
    tdl_status st;

    tdl_json_dump(&text, value);
    const tdl_value in[] = {tdl_value_text(e->group_type), tdl_value_text(e->group),
                            tdl_value_text(tdl_str_of(name)), tdl_value_text(tdl_buf_view(&text)),
                            tdl_value_number(e->time_us)};
    st = text.failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a group's traits")
                     : execute(backend, TDL_EXECUTE_PUT_GROUP_TRAIT, in, 5, NULL, 0, NULL, why);
    tdl_buf_release(&text);
    return st;
}

static tdl_status put_traits(tdl_execute_fn *execute, tdl_backend *backend, const tdl_event *e,
                             tdl_report *why)
{
    json_t *traits = NULL, *value;
    const char *name;
    tdl_status st = tdl_json_parse(e->group_traits, TDL_JSON_LAST_WINS, &traits, why);

    json_object_foreach(traits, name, value)
    {
        if (!st)
            st = put_trait(execute, backend, e, name, value, why);
    }
    json_decref(traits);
    return st;
}

tdl_status tdl_put_group(tdl_execute_fn *execute, tdl_backend *backend, const tdl_event *e,
                         int64_t user, tdl_report *why)
{
    const tdl_value number = tdl_value_number(user);
    const tdl_value group[] = {tdl_value_text(e->group_type), tdl_value_text(e->group)};
    tdl_status st = TDL_OK;

    if (e->no_person)
        st = execute(backend, TDL_EXECUTE_PUT_NO_PERSON, &number, 1, NULL, 0, NULL, why);
    if (!st && e->group.len)
        st = execute(backend, TDL_EXECUTE_PUT_GROUP, group, 2, NULL, 0, NULL, why);
    return st || !e->group_traits.len ? st : put_traits(execute, backend, e, why);
}

/* ---- reading ---- */

static tdl_status read_groups(tdl_reader *reader, tdl_str type, size_t limit, tdl_arena *arena,
                              tdl_group_row **ret, size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_group_row *group;
    tdl_status st = tdl_rows_start(&r, TDL_READ_GROUPS, why);

    if (st)
        return st;
    tdl_rows_bind_text(&r, 1, type);
    tdl_rows_bind_limit(&r, 2, limit);
    while ((group = tdl_rows_next(&r)))
        *group =
            (tdl_group_row){tdl_rows_keep(&r, 0), tdl_rows_keep(&r, 1), tdl_rows_number(&r, 2)};
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

tdl_status tdl_store_groups(tdl_store *store, tdl_str type, size_t limit, tdl_arena *arena,
                            tdl_group_row **ret, size_t *ret_n, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = read_groups(reader, type, limit, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

/* A group without traits is one row of nulls. */
static tdl_status read_traits(tdl_reader *reader, tdl_str type, tdl_str name, tdl_buf *ret,
                              int64_t *ret_updated_us, bool *ret_found, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_jw w = {.out = ret};
    tdl_status st = tdl_rows_start(&r, TDL_READ_GROUP_TRAITS, why);

    if (st)
        return st;
    tdl_rows_bind_text(&r, 1, type);
    tdl_rows_bind_text(&r, 2, name);
    tdl_jw_object(&w);
    for (; tdl_rows_next(&r); *ret_found = true)
        if (!tdl_rows_is_null(&r, 0)) {
            int64_t time_us = tdl_rows_number(&r, 2);
            *ret_updated_us = time_us > *ret_updated_us ? time_us : *ret_updated_us;
            tdl_jw_key(&w, tdl_rows_text(&r, 0).at);
            tdl_jw_raw(&w, tdl_rows_text(&r, 1));
        }
    tdl_jw_end_object(&w);
    st = tdl_rows_end(&r, why);
    return st || !ret->failed ? st : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the traits");
}

tdl_status tdl_store_group_traits(tdl_store *store, tdl_str type, tdl_str name, tdl_buf *ret,
                                  int64_t *ret_updated_us, tdl_report *why)
{
    int64_t updated_us = 0;
    bool found = false;
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = read_traits(reader, type, name, ret, &updated_us, &found, why);
    tdl_store_give_back(store, reader);
    if (!st && !found)
        return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "GET /v1/groups lists what there is",
                             "there is no group \"%.*s\" of type \"%.*s\"", TDL_FMT(name),
                             TDL_FMT(type));
    if (!st && ret_updated_us)
        *ret_updated_us = updated_us;
    return st;
}
