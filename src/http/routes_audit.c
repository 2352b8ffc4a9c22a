/* The audit log, and whether it is whole. */
#include <sodium.h>

#include "http/query.h"
#include "http/routes.h"
#include "store/audit.h"

enum { ENTRIES_MAX = 1000 };

static void write_chain(tdl_jw *w, const tdl_audit_state *state)
{
    char head[TDL_CHAIN_HEX + 1];

    sodium_bin2hex(head, sizeof head, state->whole.hash, TDL_CHAIN_BYTES);
    tdl_jw_key(w, "chain");
    tdl_jw_object(w);
    tdl_jw_kbool(w, "whole", !state->first_bad);
    tdl_jw_kint(w, "entries", state->whole.n);
    tdl_jw_key(w, "head");
    tdl_jw_text(w, state->first_bad ? NULL : head);
    tdl_jw_key(w, "first_bad");
    if (state->first_bad)
        tdl_jw_int(w, state->first_bad);
    else
        tdl_jw_null(w);
    tdl_jw_key(w, "problem");
    tdl_jw_text(w, state->first_bad ? state->said.message : NULL);
    tdl_jw_end_object(w);
}

/* Somebody may have made it what is no JSON object. */
static void write_record(tdl_jw *w, tdl_str text)
{
    json_t *record = NULL;

    tdl_jw_key(w, "record");
    if (!tdl_json_parse(text, TDL_JSON_REFUSE_DUPLICATES, &record, NULL) && json_is_object(record))
        tdl_jw_raw(w, text);
    else
        tdl_jw_null(w);
    json_decref(record);
}

tdl_status tdl_route_audit(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_audit_state state;
    tdl_audit_row *rows;
    int64_t from, limit;
    size_t n;
    tdl_status st;

    if ((st = tdl_query_int(r->query, "from", 0, INT64_MAX, 0, r->arena, &from, why)) ||
        (st = tdl_query_int(r->query, "limit", 1, ENTRIES_MAX, 100, r->arena, &limit, why)) ||
        (st = tdl_store_audit_check(r->http->store, NULL, &state, why)) ||
        (st = tdl_store_audit_rows(r->http->store, from, (size_t)limit, r->arena, &rows, &n, why)))
        return st;
    tdl_jw_object(&w);
    write_chain(&w, &state);
    tdl_jw_key(&w, "entries");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(&w);
        tdl_jw_kint(&w, "seq", rows[i].seq);
        tdl_jw_ktext(&w, "hash", rows[i].hash);
        write_record(&w, rows[i].record);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    return TDL_OK;
}
