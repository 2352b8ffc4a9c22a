/* Reports over events. */
#include "base/timestamp.h"
#include "http/query.h"
#include "http/routes.h"
#include "insight/insight.h"

/* The kinds of events there are: what a report can be about. */
tdl_status tdl_route_kinds(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_kind_row *kinds;
    size_t n;
    tdl_status st = tdl_store_kinds(r->http->store, r->arena, &kinds, &n, why);

    if (st)
        return st;
    tdl_jw_object(&w);
    tdl_jw_key(&w, "kinds");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++)
        tdl_jw_str(&w, kinds[i].name);
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    return TDL_OK;
}

enum { K = 10 /* persons; what is about fewer is hidden from files and from keys below admin */ };

static tdl_status read_format(tdl_request *r, bool *ret_csv, tdl_report *why)
{
    tdl_str format;
    tdl_status st = tdl_query_text(r->query, "format", 8, r->arena, &format, why);

    *ret_csv = tdl_str_is(format, "csv");
    if (!st && format.len && !*ret_csv && !tdl_str_is(format, "json"))
        st = TDL_FAIL(why, TDL_E_INVALID, "format must be json or csv");
    return st;
}

/* Numbers about a few persons are for admins, who ask for JSON or say so: files are given away. */
static tdl_status choose_k(const tdl_request *r, json_t *query, bool csv, tdl_report *why)
{
    bool admin = tdl_auth_right_of(r->http->auth, r->key_id) == TDL_RIGHT_ADMIN;
    double k;

    if (!json_object_get(query, "k") && json_is_object(query))
        return json_object_set_new(query, "k", json_integer(admin && !csv ? 0 : K))
                   ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report")
                   : TDL_OK;
    if (!admin && tdl_json_get_number(query, "k", &k) && k < K)
        return TDL_FAIL_HINT(why, TDL_E_FORBIDDEN, "ask with an admin key, or leave k out",
                             "with this key k is %d at least", K);
    return TDL_OK;
}

tdl_status tdl_route_insight(tdl_request *r, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(TDL_INSIGHT_BYTES);
    tdl_jw w = tdl_request_writer(r);
    json_t *query = NULL;
    tdl_table table;
    bool csv;
    tdl_status st;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
    if ((st = read_format(r, &csv, why)) ||
        (st = tdl_json_parse(r->text, TDL_JSON_LAST_WINS, &query, why)) ||
        (st = choose_k(r, query, csv, why)))
        goto out;
    tdl_store_flush(r->http->store); // what was sent before the question counts
    if ((st = tdl_insight(r->http->store, query, tdl_time_now() + 1, arena, &table, why)))
        goto out;
    if (csv) {
        r->headers.content_type = "text/csv; charset=utf-8";
        tdl_table_csv(&table, &r->out);
    } else {
        tdl_table_json(&table, &w);
    }
out:
    json_decref(query);
    tdl_arena_free(arena);
    return st;
}
