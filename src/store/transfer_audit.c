/* Moving the audit log: entry by entry as it is, so that a whole chain stays whole and a broken one
 * broken. */
#include <inttypes.h>

#include "base/str.h"
#include "store/audit.h"
#include "store/rows.h"
#include "store/transfer_parts.h"

enum { PART = 1000 }; /* entries moved at a time */

typedef struct log_entry {
    int64_t seq;
    tdl_str record, hash;
} log_entry;

typedef struct log_part {
    const log_entry *entries; /* [n] */
    size_t n;
} log_part;

static tdl_status put_part(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                           tdl_report *why)
{
    const log_part *part = context;
    tdl_status st = TDL_OK;

    for (size_t i = 0; !st && i < part->n; i++) {
        const log_entry *e = &part->entries[i];
        const tdl_value row[] = {tdl_value_number(e->seq), tdl_value_text(e->record),
                                 tdl_value_bytes(e->hash)};
        st = ops->execute(backend, TDL_EXECUTE_AUDIT_ADD, row, 3, NULL, 0, NULL, why);
    }
    return st;
}

static tdl_status move_part(tdl_transfer *t, int64_t *done, size_t *ret_n)
{
    tdl_rows r = {.arena = t->arena, .size = sizeof(log_entry)};
    log_entry *e;
    tdl_status st = tdl_store_take_reader(t->from, &r.reader, t->why);

    *ret_n = 0;
    if (st)
        return st;
    if ((st = tdl_rows_start(&r, TDL_READ_AUDIT, t->why)))
        goto out;
    tdl_rows_bind_number(&r, 1, *done);
    tdl_rows_bind_number(&r, 2, PART);
    while ((e = tdl_rows_next(&r)))
        *e = (log_entry){tdl_rows_number(&r, 0), tdl_rows_keep(&r, 1),
                         tdl_rows_keep_text(&r, tdl_rows_bytes(&r, 2))};
    const log_part part = {r.at, r.n};
    if ((st = tdl_rows_end(&r, t->why)) || !r.n ||
        (st = tdl_store_write(t->to, put_part, &part, t->why)))
        goto out;
    *done = part.entries[part.n - 1].seq;
    *ret_n = part.n;
out:
    tdl_store_give_back(t->from, r.reader);
    tdl_arena_reset(t->arena);
    return st;
}

/* The entry at `from`, or the newest for 0; all zero when there is none. */
static tdl_status one_row(tdl_transfer *t, tdl_store *store, int64_t from, tdl_audit_row *ret)
{
    tdl_audit_row *row;
    size_t n = 0;
    tdl_status st = tdl_store_audit_rows(store, from, 1, t->arena, &row, &n, t->why);

    *ret = !st && n ? *row : (tdl_audit_row){0};
    return st;
}

/* How many entries both have, where one log must be the beginning of the other. */
static tdl_status find_common(tdl_transfer *t, int64_t *ret_common, bool *ret_longer)
{
    tdl_audit_row here, there;
    tdl_status st;

    if ((st = one_row(t, t->to, 0, &there)) || (st = one_row(t, t->from, 0, &here)))
        return st;
    *ret_longer = there.seq > here.seq;
    *ret_common = *ret_longer ? here.seq : there.seq;
    if (!*ret_common)
        return TDL_OK;
    if ((st = one_row(t, *ret_longer ? t->to : t->from, *ret_common, *ret_longer ? &there : &here)))
        return st;
    if (here.seq != there.seq || strcmp(here.hash, there.hash) != 0)
        return TDL_FAIL_HINT(t->why, TDL_E_CONFLICT, "move into an empty store",
                             "the other store has an audit log of its own");
    return TDL_OK;
}

/* Entries first, until there are no more, then the head: it knows them all. */
tdl_status tdl_transfer_audit(tdl_transfer *t)
{
    tdl_buf text = {0};
    tdl_chain head = {0};
    int64_t done = 0;
    size_t n = 1;
    bool longer, found = false, looked = false;
    tdl_status st = find_common(t, &done, &longer);

    if (st || longer)
        return st;
    while (!st && (n || (head.n > done && !looked))) {
        looked = !n;
        if ((st = move_part(t, &done, &n)) || n)
            continue;
        tdl_buf_clear(&text);
        if (!(st = tdl_store_setting(t->from, TDL_AUDIT_HEAD, &text, &found, t->why)) &&
            !tdl_chain_parse(tdl_buf_view(&text), &head))
            head = (tdl_chain){0};
    }
    if (!st && found)
        st = tdl_store_put_setting(t->to, TDL_AUDIT_HEAD, tdl_buf_view(&text), t->why);
    tdl_buf_release(&text);
    return st;
}
