#include "store/audit.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "store/rows.h"
#include "store/store_parts.h"

enum { RECORD_MAX = 16 << 10 };

/* ---- who acts ---- */

static _Thread_local const char *acting_key;

void tdl_audit_act_for(const char *key_id)
{
    acting_key = key_id;
}

void tdl_audit_begin(const tdl_store *store, tdl_audit_entry *entry)
{
    if (!entry->actor[0])
        snprintf(entry->actor, sizeof entry->actor, "%s%s", acting_key ? "key:" : "",
                 acting_key ? acting_key : store->actor);
    if (!entry->time_us)
        entry->time_us = tdl_time_now();
}

/* A plain store has no key for a pseudonym, and holds the id itself beside this. */
void tdl_audit_subject(const tdl_store *store, tdl_str id, char ret[TDL_AUDIT_SUBJECT_MAX])
{
    const tdl_vault *vault = tdl_store_vault(store);
    uint8_t hash[16];

    if (vault) {
        tdl_vault_pseudonym(vault, "user", id, ret);
        return;
    }
    crypto_generichash(hash, sizeof hash, (const uint8_t *)id.at, id.len, NULL, 0);
    sodium_bin2hex(ret, TDL_AUDIT_SUBJECT_MAX, hash, sizeof hash);
}

/* ---- a record ---- */

enum { OWN_MEMBERS = 5 };

static void write_member(tdl_jw *w, const tdl_audit_member *member)
{
    if (member->value.kind == TDL_VALUE_NUMBER)
        tdl_jw_kint(w, member->name, member->value.number);
    else
        tdl_jw_kstr(w, member->name, member->value.text);
}

static void write_record(const tdl_audit_entry *entry, int64_t seq, tdl_buf *ret)
{
    tdl_audit_member sorted[OWN_MEMBERS + TDL_AUDIT_MEMBERS_MAX] = {
        {"action", tdl_value_text(tdl_str_of(entry->action))},
        {"actor", tdl_value_text(tdl_str_of(entry->actor))},
        {"seq", tdl_value_number(seq)},
        {"ts", tdl_value_number(entry->time_us)}};
    size_t n = OWN_MEMBERS - 1;
    tdl_jw w = {.out = ret};

    if (entry->subject.len)
        sorted[n++] = (tdl_audit_member){"subject", tdl_value_text(entry->subject)};
    for (size_t i = 0; i < TDL_AUDIT_MEMBERS_MAX && entry->members[i].name; i++)
        sorted[n++] = entry->members[i];
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k && strcmp(sorted[k - 1].name, sorted[k].name) > 0; k--) {
            tdl_audit_member later = sorted[k - 1];
            sorted[k - 1] = sorted[k];
            sorted[k] = later;
        }
    tdl_jw_object(&w);
    for (size_t i = 0; i < n; i++)
        write_member(&w, &sorted[i]);
    tdl_jw_end_object(&w);
}

/* ---- appending ---- */

/* What the database has as its last entry. */
static tdl_status read_last(const tdl_store_ops *ops, tdl_backend *backend, tdl_chain *ret,
                            tdl_report *why)
{
    tdl_value row[2];
    int64_t found = 0;
    tdl_status st = ops->execute(backend, TDL_EXECUTE_AUDIT_LAST, NULL, 0, row, 2, &found, why);

    *ret = (tdl_chain){0};
    if (!st && found && row[1].text.len == TDL_CHAIN_BYTES) {
        ret->n = row[0].number;
        memcpy(ret->hash, row[1].text.at, TDL_CHAIN_BYTES);
    }
    return st;
}

static tdl_status read_head(const tdl_store_ops *ops, tdl_backend *backend, tdl_chain *ret,
                            tdl_report *why)
{
    const tdl_value name = tdl_value_text(TDL_AUDIT_HEAD);
    tdl_value text;
    int64_t found = 0;
    tdl_status st = ops->execute(backend, TDL_EXECUTE_GET_SETTING, &name, 1, &text, 1, &found, why);

    if (st || !found || !tdl_chain_parse(text.text, ret))
        *ret = (tdl_chain){0};
    return st;
}

/* Nobody appends meanwhile, because this transaction holds the lock; a reader of its own sees what
 * was committed before. */
static tdl_status check_rest(const tdl_store_ops *ops, tdl_backend *backend, tdl_chain *chain,
                             tdl_report *why)
{
    tdl_chain end = *chain;
    tdl_report said = {0};
    tdl_reader *reader = NULL;
    tdl_status st = ops->reader_open(backend, &reader, why);

    if (st)
        return st;
    st = tdl_audit_walk(reader, &end, NULL, NULL, &said);
    ops->reader_close(reader);
    if (st == TDL_E_CONFLICT)
        return TDL_FAIL_HINT(
            why, TDL_E_CONFLICT, "run treadle audit verify; see docs/operations.md",
            "nothing is changed, because the audit log is broken: %s", said.message);
    if (st && why)
        *why = said;
    if (!st)
        *chain = end;
    return st;
}

tdl_status tdl_audit_append(const tdl_store_ops *ops, tdl_backend *backend,
                            const tdl_audit_entry *entry, tdl_report *why)
{
    tdl_chain *known = ops->audit(backend), last, head;
    tdl_buf record = {.limit = RECORD_MAX}, place = {0};
    tdl_status st;

    assert(entry->actor[0] && entry->time_us);
    if ((st = read_last(ops, backend, &last, why)) || (st = read_head(ops, backend, &head, why)))
        return st;
    if ((!tdl_chain_same(known, &head) || !tdl_chain_same(known, &last)) &&
        (st = check_rest(ops, backend, known, why)))
        return st;
    write_record(entry, known->n + 1, &record);
    if (record.failed) {
        st = TDL_FAIL(why, TDL_E_INVALID, "an entry of the audit log is too long");
        goto out;
    }
    tdl_chain_add(known, tdl_buf_view(&record));
    tdl_chain_format(known, &place);
    const tdl_value row[] = {
        tdl_value_number(known->n), tdl_value_text(tdl_buf_view(&record)),
        tdl_value_bytes((tdl_str){(const char *)known->hash, TDL_CHAIN_BYTES})};
    const tdl_value setting[] = {tdl_value_text(TDL_AUDIT_HEAD),
                                 tdl_value_text(tdl_buf_view(&place))};
    if (!(st = ops->execute(backend, TDL_EXECUTE_AUDIT_ADD, row, 3, NULL, 0, NULL, why)))
        st = ops->execute(backend, TDL_EXECUTE_PUT_SETTING, setting, 2, NULL, 0, NULL, why);
out:
    tdl_buf_release(&record);
    tdl_buf_release(&place);
    return st;
}

/* ---- a change and its entry ---- */

typedef struct change {
    tdl_writer_call *call; /* NULL: nothing but the entry */
    const void *context;
    tdl_audit_entry entry;
} change;

static tdl_status run_change(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                             tdl_report *why)
{
    const change *c = context;
    tdl_status st = c->call ? c->call(ops, backend, c->context, why) : TDL_OK;

    return st ? st : tdl_audit_append(ops, backend, &c->entry, why);
}

tdl_status tdl_store_change(tdl_store *store, tdl_writer_call *call, const void *context,
                            const tdl_audit_entry *entry, tdl_report *why)
{
    change c = {call, context, *entry};

    tdl_audit_begin(store, &c.entry);
    return tdl_store_write(store, run_change, &c, why);
}

tdl_status tdl_store_audit(tdl_store *store, const tdl_audit_entry *entry, tdl_report *why)
{
    return tdl_store_change(store, NULL, NULL, entry, why);
}
