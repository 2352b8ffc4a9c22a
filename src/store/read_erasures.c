/* Erasures, read back. */
#include <string.h>

#include "store/erase.h"
#include "store/rows.h"
#include "store/store_parts.h"

/* The columns of ERASURES in sqlite_rows.c and postgres_rows.c, of every row. */
static tdl_status read_all(tdl_rows *r, tdl_erasure **ret, size_t *ret_n, tdl_report *why)
{
    tdl_erasure *e;
    tdl_status st;

    while ((e = tdl_rows_next(r))) {
        tdl_str id = tdl_rows_text(r, 1);
        *e = (tdl_erasure){.n = tdl_rows_number(r, 0),
                           .subject = tdl_rows_keep(r, 2),
                           .done = tdl_str_is(tdl_rows_text(r, 3), "done"),
                           .receipt = tdl_rows_keep(r, 4),
                           .created_us = tdl_rows_number(r, 5),
                           .done_us = tdl_rows_number(r, 6)};
        if (id.len && id.len < sizeof e->id)
            memcpy(e->id, id.at, id.len);
    }
    if ((st = tdl_rows_end(r, why)))
        return st;
    *ret = r->at;
    *ret_n = r->n;
    return TDL_OK;
}

static tdl_status list(tdl_store *store, tdl_str id, size_t limit, tdl_arena *arena,
                       tdl_erasure **ret, size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.arena = arena, .size = sizeof **ret};
    tdl_status st = tdl_store_take_reader(store, &r.reader, why);

    if (st)
        return st;
    if (!(st = tdl_rows_start(&r, TDL_READ_ERASURES, why))) {
        tdl_rows_bind_text(&r, 1, id);
        tdl_rows_bind_limit(&r, 2, limit);
        st = read_all(&r, ret, ret_n, why);
    }
    tdl_store_give_back(store, r.reader);
    return st;
}

tdl_status tdl_store_erasures(tdl_store *store, size_t limit, tdl_arena *arena, tdl_erasure **ret,
                              size_t *ret_n, tdl_report *why)
{
    return list(store, (tdl_str){0}, limit, arena, ret, ret_n, why);
}

tdl_status tdl_store_get_erasure(tdl_store *store, tdl_str id, tdl_arena *arena, tdl_erasure *ret,
                                 tdl_report *why)
{
    tdl_erasure *found;
    size_t n = 0;
    tdl_status st = id.len ? list(store, id, 1, arena, &found, &n, why) : TDL_OK;

    if (st)
        return st;
    if (!n)
        return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "GET /v1/privacy/requests lists them",
                             "there is no request \"%.*s\"", TDL_FMT(id));
    *ret = *found;
    return TDL_OK;
}

/* Behind number n; state may be empty. */
static tdl_status list_new(tdl_reader *reader, int64_t n, tdl_str state, tdl_arena *arena,
                           tdl_erasure **ret, size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_status st = tdl_rows_start(&r, TDL_READ_NEW_ERASURES, why);

    if (st)
        return st;
    tdl_rows_bind_number(&r, 1, n);
    tdl_rows_bind_text(&r, 2, state);
    return read_all(&r, ret, ret_n, why);
}

tdl_status tdl_store_open_erasures(tdl_store *store, tdl_arena *arena, tdl_erasure **ret,
                                   size_t *ret_n, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = list_new(reader, 0, TDL_STR("removed"), arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

/* ---- who was erased lately ---- */

static tdl_status read_last(tdl_reader *reader, int64_t *ret, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st = tdl_rows_start(&r, TDL_READ_LAST_ERASURE, why);

    if (st)
        return st;
    if (tdl_rows_next(&r))
        *ret = tdl_rows_number(&r, 0);
    return tdl_rows_end(&r, why);
}

/* All names of one erasure, behind those that are there: whoever was asked for, and all ids that
 * went with him. */
static tdl_status add_names(tdl_rows *r, const tdl_erasure *e, tdl_report *why)
{
    tdl_str *name;
    tdl_status st = tdl_rows_start(r, TDL_READ_ERASED, why);

    if (st)
        return st;
    tdl_rows_bind_text(r, 1, e->subject);
    tdl_rows_bind_number(r, 2, e->created_us);
    while ((name = tdl_rows_next(r)))
        *name = tdl_rows_keep(r, 0);
    return tdl_rows_end(r, why);
}

static tdl_status read_new(tdl_reader *reader, int64_t *position, tdl_arena *arena, tdl_str **ret,
                           size_t *ret_n, tdl_report *why)
{
    tdl_rows names = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_erasure *erasures;
    size_t n = 0;
    tdl_status st = list_new(reader, *position, (tdl_str){0}, arena, &erasures, &n, why);

    for (size_t i = 0; !st && i < n; i++)
        st = add_names(&names, &erasures[i], why);
    if (st)
        return st;
    if (n)
        *position = erasures[n - 1].n;
    *ret = names.at;
    *ret_n = names.n;
    return TDL_OK;
}

tdl_status tdl_store_new_erasures(tdl_store *store, int64_t *position, tdl_arena *arena,
                                  tdl_str **ret, size_t *ret_n, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = *position < 0 ? read_last(reader, position, why)
                       : read_new(reader, position, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

bool tdl_store_is_named(const tdl_store *store, tdl_str id, const tdl_str *names, size_t names_n)
{
    const tdl_vault *vault = tdl_store_vault(store);
    char name[TDL_SUBJECT_MAX];

    if (vault)
        tdl_vault_pseudonym(vault, "user", id, name);
    else
        tdl_erased_name(id, name);
    for (size_t i = 0; i < names_n; i++)
        if (tdl_str_is(names[i], name))
            return true;
    return false;
}
