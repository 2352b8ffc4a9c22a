/* What is stored, as the API and the command line tell it. */
#include "wire/native/native.h"

enum { REASONS_N = 20 };

/* ---- persons ---- */

static void write_id(tdl_jw *w, const tdl_person_id *one)
{
    tdl_jw_object(w);
    tdl_jw_kstr(w, "id", one->id);
    tdl_jw_key(w, "joined");
    if (one->joined) {
        tdl_jw_object(w);
        tdl_jw_ktime(w, "time", one->time_us);
        tdl_jw_kstr(w, "kind", one->kind);
        tdl_jw_kstr(w, "source", one->source);
        tdl_jw_kstr(w, "message_id", one->message_id);
        tdl_jw_end_object(w);
    } else {
        tdl_jw_null(w);
    }
    tdl_jw_end_object(w);
}

tdl_status tdl_native_write_person(tdl_store *store, tdl_str id, tdl_arena *arena, tdl_jw *w,
                                   tdl_report *why)
{
    tdl_buf traits = {0};
    tdl_person_id *ids;
    size_t n;
    tdl_status st = tdl_store_person_ids(store, id, arena, &ids, &n, why);

    if (!st && !n)
        st = TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "GET /v1/users lists them",
                           "there is no user \"%.*s\"", TDL_FMT(id));
    if (st || (st = tdl_store_traits(store, id, &traits, why)))
        goto out;
    tdl_jw_object(w);
    tdl_jw_kstr(w, "id", ids[0].id);
    tdl_jw_key(w, "ids");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++)
        write_id(w, &ids[i]);
    tdl_jw_end_array(w);
    tdl_jw_kraw(w, "traits", tdl_buf_view(&traits));
    tdl_jw_end_object(w);
out:
    tdl_buf_release(&traits);
    return st;
}

/* ---- rejects ---- */

static void write_reasons(tdl_jw *w, const tdl_reject_count *counts, size_t n)
{
    tdl_jw_key(w, "reasons");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(w);
        tdl_jw_kstr(w, "source", counts[i].source);
        tdl_jw_kstr(w, "reason", counts[i].reason);
        tdl_jw_kint(w, "count", counts[i].n);
        tdl_jw_ktime(w, "newest", counts[i].newest_us);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

static void write_rejects(tdl_jw *w, const tdl_reject *rejects, size_t n)
{
    tdl_jw_key(w, "rejects");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(w);
        tdl_jw_ktime(w, "received", rejects[i].received_us);
        tdl_jw_kstr(w, "source", rejects[i].source);
        tdl_jw_kstr(w, "reason", rejects[i].reason);
        tdl_jw_kstr(w, "raw", rejects[i].raw);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

tdl_status tdl_native_write_rejects(tdl_store *store, size_t limit, tdl_arena *arena, tdl_jw *w,
                                    tdl_report *why)
{
    tdl_reject_count *counts;
    tdl_reject *rejects;
    size_t counts_n, rejects_n;
    tdl_status st;

    if ((st = tdl_store_rejects(store, limit, arena, &rejects, &rejects_n, why)) ||
        (st = tdl_store_count_rejects(store, REASONS_N, arena, &counts, &counts_n, why)))
        return st;
    tdl_jw_object(w);
    write_reasons(w, counts, counts_n);
    write_rejects(w, rejects, rejects_n);
    tdl_jw_end_object(w);
    return TDL_OK;
}
