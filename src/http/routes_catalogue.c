/* Items of the catalogue: put, changed, deleted, imported. */
#include "http/query.h"
#include "http/routes.h"
#include "wire/native/items_import.h"
#include "wire/native/native.h"

enum { CHUNK = 1000 /* items in one commit of an import */ };

tdl_status tdl_route_put_items(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_item *items;
    size_t n;
    json_t *json;
    tdl_status st = tdl_native_items(r->text, r->arena, &items, &n, &json, why);

    if (st)
        return st;
    if (n)
        st = tdl_loop_put_items(r->http->loop, items, n, why);
    json_decref(json);
    tdl_jw_object(&w);
    tdl_jw_kint(&w, "stored", (int64_t)n);
    tdl_jw_end_object(&w);
    return st;
}

/* ---- one item ---- */

static tdl_status keep(tdl_request *r, const tdl_item *item, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_status st = tdl_loop_put_items(r->http->loop, item, 1, why);

    if (st)
        return st;
    tdl_jw_object(&w);
    st = tdl_item_write(item, &w, why);
    tdl_jw_end_object(&w);
    return st;
}

tdl_status tdl_route_patch_item(tdl_request *r, tdl_report *why)
{
    tdl_item item;
    json_t *patch = NULL;
    tdl_status st = tdl_json_parse(r->text, TDL_JSON_REFUSE_DUPLICATES, &patch, why);

    if (!st)
        st = tdl_store_get_item(r->http->store, r->parameter, r->arena, &item, why);
    if (!st)
        st = tdl_item_patch(&item, patch, r->arena, &item, why);
    if (!st)
        st = keep(r, &item, why);
    json_decref(patch);
    return st;
}

/* It goes from answers; what refers to it still has a name. */
tdl_status tdl_route_delete_item(tdl_request *r, tdl_report *why)
{
    tdl_item item;
    tdl_status st = tdl_store_get_item(r->http->store, r->parameter, r->arena, &item, why);

    if (!st)
        st = tdl_item_delete(&item, r->arena, &item, why);
    return st ? st : keep(r, &item, why);
}

/* ---- many ---- */

static tdl_status read_replace(tdl_request *r, bool *ret, tdl_report *why)
{
    tdl_str text;
    tdl_status st = tdl_query_text(r->query, "replace", 8, r->arena, &text, why);

    if (st)
        return st;
    *ret = tdl_str_is(text, "true");
    return *ret || !text.len || tdl_str_is(text, "false")
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_INVALID, "replace must be true or false");
}

static void write_import(const tdl_items_import *all, tdl_jw *w)
{
    tdl_jw_object(w);
    tdl_jw_kint(w, "received", (int64_t)all->received_n);
    tdl_jw_kint(w, "stored", (int64_t)all->items_n);
    tdl_jw_kint(w, "refused", (int64_t)all->refused_n);
    tdl_jw_key(w, "rejected");
    tdl_jw_array(w);
    for (size_t i = 0; i < all->refused_n && i < TDL_REFUSED_TOLD; i++) {
        tdl_jw_object(w);
        tdl_jw_kint(w, "line", (int64_t)all->refused[i].line);
        tdl_jw_kstr(w, "reason", all->refused[i].reason);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

tdl_status tdl_route_import_items(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_items_import *all = tdl_arena_zalloc(r->arena, 1, sizeof *all);
    bool replace;
    tdl_status st;

    if (!all)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    if ((st = read_replace(r, &replace, why)) ||
        (st = tdl_native_import(r->text, replace, r->arena, all, why)))
        goto out;
    for (size_t at = 0; at < all->items_n && !st; at += CHUNK) {
        size_t n = all->items_n - at < CHUNK ? all->items_n - at : CHUNK;
        st = tdl_loop_put_items(r->http->loop, all->items + at, n, why);
    }
    if (!st)
        write_import(all, &w);
out:
    json_decref(all->json);
    return st;
}
