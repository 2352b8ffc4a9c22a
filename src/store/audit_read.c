/* Reading the audit log, and checking it. */
#include <inttypes.h>
#include <sodium.h>

#include "base/str.h"
#include "store/audit.h"
#include "store/rows.h"
#include "store/store_parts.h"

enum { PART = 1000 }; /* entries read at a time */

/* ---- checking ---- */

static tdl_status check_row(const tdl_rows *r, tdl_chain *chain, tdl_audit_fn *fn, void *context,
                            tdl_report *why)
{
    int64_t seq = tdl_rows_number(r, 0);
    tdl_str record = tdl_rows_text(r, 1), hash = tdl_rows_bytes(r, 2);
    tdl_chain after = *chain;
    tdl_status st;

    if (seq != chain->n + 1)
        return TDL_FAIL(why, TDL_E_CONFLICT, "entry %" PRId64 " is missing", chain->n + 1);
    if (hash.len != TDL_CHAIN_BYTES || !tdl_chain_follow(&after, record, (const uint8_t *)hash.at))
        return TDL_FAIL(why, TDL_E_CONFLICT, "entry %" PRId64 " was changed, moved or put in", seq);
    if (fn && (st = fn(context, &after, record, why)))
        return st;
    *chain = after;
    return TDL_OK;
}

static tdl_status check_part(tdl_reader *reader, tdl_chain *chain, tdl_audit_fn *fn, void *context,
                             int64_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status ended, st = tdl_rows_start(&r, TDL_READ_AUDIT, why);

    *ret_n = 0;
    if (st)
        return st;
    tdl_rows_bind_number(&r, 1, chain->n);
    tdl_rows_bind_number(&r, 2, PART);
    for (; !st && tdl_rows_next(&r); (*ret_n)++)
        st = check_row(&r, chain, fn, context, why);
    ended = tdl_rows_end(&r, st ? NULL : why);
    return st ? st : ended;
}

static tdl_status read_head(tdl_reader *reader, tdl_chain *ret, tdl_report *why)
{
    tdl_buf text = {0};
    bool found = false;
    tdl_status st = tdl_read_setting(reader, TDL_AUDIT_HEAD, &text, &found, why);

    if (st || !found || !tdl_chain_parse(tdl_buf_view(&text), ret))
        *ret = (tdl_chain){0};
    tdl_buf_release(&text);
    return st;
}

/* The head is read when there are no more entries, so it knows at least those; when it knows more,
 * either somebody has just appended, or they are missing. */
tdl_status tdl_audit_walk(tdl_reader *reader, tdl_chain *chain, tdl_audit_fn *fn, void *context,
                          tdl_report *why)
{
    tdl_chain head = {0};
    int64_t n;
    tdl_status st;

    do {
        if ((st = check_part(reader, chain, fn, context, &n, why)))
            return st;
        if (!n && head.n > chain->n)
            return TDL_FAIL(why, TDL_E_CONFLICT,
                            "entry %" PRId64 " and all after it are missing; there were %" PRId64,
                            chain->n + 1, head.n);
        if (!n && (st = read_head(reader, &head, why)))
            return st;
    } while (n || head.n > chain->n);
    if (tdl_chain_same(&head, chain))
        return TDL_OK;
    chain->n = head.n < chain->n ? head.n : chain->n - 1;
    return TDL_FAIL(why, TDL_E_CONFLICT, "entry %" PRId64 " is not what the head says",
                    chain->n + 1);
}

/* ---- the whole ---- */

static tdl_status must_pass(void *context, const tdl_chain *after, tdl_str record, tdl_report *why)
{
    const tdl_chain *pass = context;

    TDL_UNUSED(record);
    if (after->n == pass->n && !tdl_chain_same(after, pass))
        return TDL_FAIL(why, TDL_E_CONFLICT,
                        "entry %" PRId64 " is not the one of the file: the log was made anew",
                        after->n);
    return TDL_OK;
}

tdl_status tdl_store_audit_check(tdl_store *store, const tdl_chain *pass, tdl_audit_state *ret,
                                 tdl_report *why)
{
    tdl_chain from = pass ? *pass : (tdl_chain){0};
    tdl_audit_state state = {0};
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = tdl_audit_walk(reader, &state.whole, pass ? must_pass : NULL, &from, &state.said);
    tdl_store_give_back(store, reader);
    if (!st && state.whole.n < from.n)
        st = TDL_FAIL(&state.said, TDL_E_CONFLICT,
                      "entry %" PRId64 " and all after it are missing; the file has %" PRId64,
                      state.whole.n + 1, from.n);
    if (st == TDL_E_CONFLICT)
        state.first_bad = state.whole.n + 1;
    else if (st) {
        if (why)
            *why = state.said;
        return st;
    }
    *ret = state;
    return TDL_OK;
}

tdl_status tdl_store_audit_rows(tdl_store *store, int64_t from, size_t limit, tdl_arena *arena,
                                tdl_audit_row **ret, size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.arena = arena, .size = sizeof **ret};
    tdl_audit_row *row;
    tdl_status st = tdl_store_take_reader(store, &r.reader, why);

    if (st)
        return st;
    if ((st = tdl_rows_start(&r, TDL_READ_AUDIT_NEWEST, why)))
        goto out;
    tdl_rows_bind_number(&r, 1, from > 0 ? from : INT64_MAX);
    tdl_rows_bind_limit(&r, 2, limit);
    while ((row = tdl_rows_next(&r))) {
        tdl_str hash = tdl_rows_bytes(&r, 2);
        row->seq = tdl_rows_number(&r, 0);
        row->record = tdl_rows_keep(&r, 1);
        if (hash.len == TDL_CHAIN_BYTES)
            sodium_bin2hex(row->hash, sizeof row->hash, (const uint8_t *)hash.at, hash.len);
    }
    if ((st = tdl_rows_end(&r, why)))
        goto out;
    *ret = r.at;
    *ret_n = r.n;
out:
    tdl_store_give_back(store, r.reader);
    return st;
}
