/* Reports that were saved: who may ask may read them, changing what others see takes an admin. */
#include "http/routes.h"
#include "insight/insight.h"
#include "wire/native/native.h"

enum { LIST_BYTES = 64 << 20 };

static void write_report(tdl_jw *w, const tdl_saved_report *report)
{
    tdl_jw_object(w);
    tdl_jw_kstr(w, "id", report->id);
    tdl_jw_kstr(w, "name", report->name);
    tdl_jw_kraw(w, "query", report->query);
    tdl_jw_ktime(w, "created", report->created_us);
    tdl_jw_ktime(w, "updated", report->updated_us);
    tdl_jw_end_object(w);
}

tdl_status tdl_route_reports(tdl_request *r, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(LIST_BYTES);
    tdl_jw w = tdl_request_writer(r);
    tdl_saved_report *reports;
    size_t n;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the list");
    tdl_status st = tdl_store_reports(r->http->store, arena, &reports, &n, why);
    if (!st) {
        tdl_jw_object(&w);
        tdl_jw_key(&w, "reports");
        tdl_jw_array(&w);
        for (size_t i = 0; i < n; i++)
            write_report(&w, &reports[i]);
        tdl_jw_end_array(&w);
        tdl_jw_end_object(&w);
    }
    tdl_arena_free(arena);
    return st;
}

static tdl_status answer_one(tdl_request *r, tdl_str id, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_saved_report report;
    tdl_status st = tdl_store_get_report(r->http->store, id, r->arena, &report, why);

    if (!st)
        write_report(&w, &report);
    return st;
}

tdl_status tdl_route_report(tdl_request *r, tdl_report *why)
{
    return answer_one(r, r->parameter, why);
}

static tdl_status save(tdl_request *r, const json_t *body, char ret_id[37], tdl_report *why)
{
    static const char *const fields[] = {"name", "query", NULL};
    const json_t *query = json_object_get(body, "query");
    tdl_str name = {0};
    tdl_status st;

    if (!json_is_object(body))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an object, not of type %s",
                        tdl_json_type_name(body));
    if ((st = tdl_native_check_fields(body, fields, why)) ||
        (st = tdl_native_text(body, "name", &name, why)))
        return st;
    if (!name.len || !query)
        return TDL_FAIL(why, TDL_E_INVALID, "%s is missing", query ? "name" : "query");
    return tdl_insight_save(r->http->store, r->parameter, name, query, ret_id, why);
}

/* Of a new one, or of the one that the path names. */
tdl_status tdl_route_save_report(tdl_request *r, tdl_report *why)
{
    json_t *body = NULL;
    char id[37];
    tdl_status st = tdl_json_parse(r->text, TDL_JSON_REFUSE_DUPLICATES, &body, why);

    if (!st)
        st = save(r, body, id, why);
    json_decref(body);
    return st ? st : answer_one(r, tdl_str_of(id), why);
}

tdl_status tdl_route_drop_report(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_status st = tdl_store_drop_report(r->http->store, r->parameter, why);

    if (st)
        return st;
    tdl_jw_object(&w);
    tdl_jw_kstr(&w, "id", r->parameter);
    tdl_jw_kbool(&w, "deleted", true);
    tdl_jw_end_object(&w);
    return TDL_OK;
}
