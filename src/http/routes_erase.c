/* One person: all that is stored given out, or erased with a receipt. */
#include <microhttpd.h>

#include "http/query.h"
#include "http/routes.h"
#include "loop/erase.h"
#include "store/person_data.h"
#include "wire/native/native.h"

enum { EXPORT_LINES_MAX = 100000, LIST_MAX = 1000 };

/* ---- export ---- */

typedef struct exporting {
    tdl_request *request;
    size_t lines_n;
} exporting;

static tdl_status take_line(void *context, tdl_str line, tdl_report *why)
{
    exporting *x = context;
    tdl_buf *out = &x->request->out;

    tdl_buf_str(out, line);
    tdl_buf_char(out, '\n');
    if (out->failed || ++x->lines_n > EXPORT_LINES_MAX)
        return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "run treadle privacy export USER --out FILE",
                             "there is more than an answer holds (%d lines, %zu MiB)",
                             EXPORT_LINES_MAX, out->limit >> 20);
    return TDL_OK;
}

static tdl_status explain(void *context, const tdl_decision *decision, tdl_jw *out, tdl_report *why)
{
    const exporting *x = context;

    return tdl_loop_explain(x->request->http->loop, decision, out, why);
}

tdl_status tdl_route_export_person(tdl_request *r, tdl_report *why)
{
    static const char *const fields[] = {"user", NULL};
    exporting x = {.request = r};
    const tdl_person_sink sink = {.line = take_line, .explain = explain, .context = &x};
    tdl_str user = {0};
    json_t *body = NULL;
    tdl_status st;

    if (!(st = tdl_request_object(r, fields, &body, why)) &&
        !(st = tdl_native_text(body, "user", &user, why)) &&
        !(st = tdl_store_export_person(r->http->store, user, &sink, why)))
        r->headers.content_type = "application/x-ndjson";
    json_decref(body);
    return st;
}

/* ---- erase ---- */

static tdl_status read_kinds(const json_t *body, tdl_str ret[TDL_ERASE_KINDS_MAX], size_t *ret_n,
                             tdl_report *why)
{
    const json_t *list = json_object_get(body, "kinds");
    size_t n = json_array_size(list);

    if (!list || json_is_null(list))
        return TDL_OK;
    if (!json_is_array(list))
        return TDL_FAIL(why, TDL_E_INVALID, "kinds must be an array, not of type %s",
                        tdl_json_type_name(list));
    if (!n)
        return TDL_FAIL(why, TDL_E_INVALID, "kinds is empty; leave it out to erase all");
    if (n > TDL_ERASE_KINDS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu kinds, %d are allowed", n, TDL_ERASE_KINDS_MAX);
    for (size_t i = 0; i < n; i++) {
        const json_t *kind = json_array_get(list, i);
        if (!json_is_string(kind))
            return TDL_FAIL(why, TDL_E_INVALID, "kind %zu must be a string", i);
        ret[i] = (tdl_str){json_string_value(kind), json_string_length(kind)};
    }
    *ret_n = n;
    return TDL_OK;
}

static tdl_status read_days(const json_t *body, int64_t *ret, tdl_report *why)
{
    const json_t *days = json_object_get(body, "backup_days");

    if (!days || json_is_null(days))
        return TDL_OK;
    if (!json_is_integer(days))
        return TDL_FAIL(why, TDL_E_INVALID, "backup_days must be an integer");
    *ret = json_integer_value(days);
    return TDL_OK;
}

/* 0 would be no end, and all that is stored would go. */
static tdl_status read_until(const json_t *body, int64_t *ret, tdl_report *why)
{
    int64_t until_us = INT64_MAX;
    tdl_status st = tdl_native_time(body, "until", &until_us, why);

    if (st)
        return st;
    if (until_us <= 0)
        return TDL_FAIL(why, TDL_E_INVALID, "until must be later than 1970");
    *ret = until_us == INT64_MAX ? 0 : until_us;
    return TDL_OK;
}

static tdl_status read_request(const json_t *body, tdl_str kinds[TDL_ERASE_KINDS_MAX],
                               tdl_erase_request *ret, tdl_report *why)
{
    tdl_status st;

    *ret = (tdl_erase_request){.kinds = kinds};
    if ((st = tdl_native_text(body, "user", &ret->user, why)) ||
        (st = tdl_native_time(body, "from", &ret->from_us, why)) ||
        (st = read_until(body, &ret->until_us, why)) ||
        (st = read_kinds(body, kinds, &ret->kinds_n, why)))
        return st;
    return read_days(body, &ret->backup_days, why);
}

tdl_status tdl_route_erase_person(tdl_request *r, tdl_report *why)
{
    static const char *const fields[] = {"user", "from", "until", "kinds", "backup_days", NULL};
    tdl_jw w = tdl_request_writer(r);
    tdl_str kinds[TDL_ERASE_KINDS_MAX];
    tdl_erase_request request;
    tdl_erasure erasure;
    json_t *body = NULL;
    tdl_status st;

    if (!(st = tdl_request_object(r, fields, &body, why)) &&
        !(st = read_request(body, kinds, &request, why)) &&
        !(st = tdl_loop_erase(r->http->loop, &request, r->arena, &erasure, why))) {
        tdl_jw_raw(&w, erasure.receipt);
        r->http_status = erasure.done ? MHD_HTTP_OK : MHD_HTTP_ACCEPTED;
    }
    json_decref(body);
    return st;
}

/* ---- what was erased ---- */

static void write_erasure(tdl_jw *w, const tdl_erasure *e)
{
    tdl_jw_object(w);
    tdl_jw_ktext(w, "id", e->id);
    tdl_jw_kstr(w, "subject", e->subject);
    tdl_jw_ktext(w, "state", e->done ? "done" : "removed");
    tdl_jw_ktime(w, "removed", e->created_us);
    tdl_jw_key(w, "done");
    e->done ? tdl_jw_time(w, e->done_us) : tdl_jw_null(w);
    tdl_jw_kraw(w, "receipt", e->receipt);
    tdl_jw_end_object(w);
}

tdl_status tdl_route_erasures(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_erasure *erasures;
    int64_t limit;
    size_t n;
    tdl_status st = tdl_query_int(r->query, "limit", 1, LIST_MAX, 100, r->arena, &limit, why);

    if (st ||
        (st = tdl_store_erasures(r->http->store, (size_t)limit, r->arena, &erasures, &n, why)))
        return st;
    tdl_jw_object(&w);
    tdl_jw_key(&w, "requests");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++)
        write_erasure(&w, &erasures[i]);
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    return TDL_OK;
}

tdl_status tdl_route_erasure(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_erasure erasure;
    tdl_status st = tdl_store_get_erasure(r->http->store, r->parameter, r->arena, &erasure, why);

    if (!st)
        write_erasure(&w, &erasure);
    return st;
}
