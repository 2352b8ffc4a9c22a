/* Saving a query, so that others can ask it again. */
#include <stdio.h>

#include "base/timestamp.h"
#include "base/uuid.h"
#include "insight/insight.h"

static tdl_status check_name(tdl_str name, tdl_report *why)
{
    bool plain = tdl_str_utf8(name, NULL);

    for (size_t i = 0; i < name.len; i++)
        plain = plain && (unsigned char)name.at[i] >= ' ' && name.at[i] != '\x7f';
    if (!name.len || name.len > TDL_INSIGHT_NAME_MAX || !plain)
        return TDL_FAIL(why, TDL_E_INVALID, "name must be a text of 1 to %d bytes, on one line",
                        TDL_INSIGHT_NAME_MAX);
    return TDL_OK;
}

/* The same reading as when it is asked, but of no store. */
static tdl_status check_query(const json_t *query, int64_t now_us, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(TDL_INSIGHT_BYTES);
    tdl_table none;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
    tdl_status st = tdl_insight(NULL, query, now_us, arena, &none, why);
    if (st)
        tdl_report_prefix(why, "query");
    tdl_arena_free(arena);
    return st;
}

static tdl_status store_it(tdl_store *store, bool is_new, tdl_saved_report *report,
                           const json_t *query, tdl_report *why)
{
    tdl_buf text = {.limit = TDL_INSIGHT_QUERY_MAX + 1};
    tdl_status st;

    tdl_json_dump(&text, query);
    report->query = tdl_buf_view(&text);
    if (text.failed || text.len > TDL_INSIGHT_QUERY_MAX)
        st = TDL_FAIL(why, TDL_E_INVALID, "the query takes more than %d bytes",
                      TDL_INSIGHT_QUERY_MAX);
    else
        st = is_new ? tdl_store_put_report(store, report, why)
                    : tdl_store_change_report(store, report, why);
    tdl_buf_release(&text);
    return st;
}

tdl_status tdl_insight_save(tdl_store *store, tdl_str id, tdl_str name, const json_t *query,
                            char ret_id[37], tdl_report *why)
{
    int64_t now_us = tdl_time_now();
    tdl_saved_report report = {.name = name, .created_us = now_us, .updated_us = now_us};
    tdl_status st;

    if ((st = check_name(name, why)) || (st = check_query(query, now_us, why)))
        return st;
    if (id.len && !tdl_uuid_valid(id))
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no report with the id \"%.*s\"",
                        TDL_FMT(id));
    if (id.len)
        snprintf(ret_id, 37, "%.*s", TDL_FMT(id));
    else
        tdl_uuid7(ret_id);
    report.id = tdl_str_of(ret_id);
    return store_it(store, !id.len, &report, query, why);
}
