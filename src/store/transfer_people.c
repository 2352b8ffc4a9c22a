/* What a transfer does not carry over as it stands: who was erased, what persons allow, and what a
 * sealed store keeps sealed. */
#include <sodium.h>
#include <string.h>

#include "base/str.h"
#include "store/consent.h"
#include "store/rejects.h"
#include "store/transfer_parts.h"

/* ---- those erased ---- */

/* Of two stores that call people alike. */
static bool same_names(const tdl_people *one, const tdl_people *other)
{
    if (!one || !other)
        return one == other;
    return !sodium_memcmp(tdl_vault_store_key(tdl_people_vault(one)),
                          tdl_vault_store_key(tdl_people_vault(other)), TDL_VAULT_KEY_BYTES);
}

/* Nobody knows an erased id any more, so it cannot be named anew; but what a plain store calls it
 * can be told, and a sealed one has a pseudonym of that.
 *   buf, pseudonym  what the name and the sealed text may be in */
static tdl_status name_erased(const tdl_people *people, const tdl_rows *r, tdl_buf buf[2],
                              char pseudonym[TDL_PSEUDONYM_LEN + 1], tdl_str *ret_name,
                              tdl_str *ret_sealed, tdl_report *why)
{
    tdl_str name = tdl_rows_text(r, 0), sealed = tdl_rows_bytes(r, 1), erased = name;

    *ret_name = name;
    *ret_sealed = sealed;
    if (same_names(r->reader->people, people))
        return TDL_OK;
    if (r->reader->people)
        erased = tdl_people_own(r->reader->people, TDL_SEAL_ERASED, name, sealed, &buf[0]);
    if (!erased.len)
        return TDL_FAIL_HINT(why, TDL_E_CORRUPT, "move into a store that is sealed by this move",
                             "what is late of somebody erased could not be told there: his name"
                             " \"%.*s\" cannot be read",
                             TDL_FMT(name));
    *ret_name = tdl_people_erased(people, erased, pseudonym);
    *ret_sealed = (tdl_str){0};
    if (people) {
        tdl_people_seal_own(people, TDL_SEAL_ERASED, *ret_name, erased, &buf[1]);
        *ret_sealed = tdl_buf_view(&buf[1]);
    }
    return buf[0].failed || buf[1].failed
               ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to move those erased")
               : TDL_OK;
}

static tdl_status put_erased(const tdl_store_ops *ops, tdl_backend *backend, tdl_str name,
                             tdl_str sealed, int64_t erased_us, tdl_report *why)
{
    const tdl_value called = tdl_value_text(name);
    tdl_value found[2];
    int64_t rows = 0, user;
    tdl_status st = ops->execute(backend, TDL_EXECUTE_FIND_USER, &called, 1, found, 2, &rows, why);

    if (st)
        return st;
    user = rows ? found[0].number : 0;
    if (!rows && (st = ops->number_user(backend, name, &user, why)))
        return st;
    const tdl_value in[] = {tdl_value_number(user), called, tdl_value_number(erased_us),
                            sealed.len ? tdl_value_bytes(sealed) : (tdl_value){0}};
    st = ops->execute(backend, TDL_EXECUTE_ERASE_ID, in, 4, NULL, 0, NULL, why);
    return st ? st : ops->forget_names(backend, why);
}

tdl_status tdl_transfer_put_erased(const tdl_store_ops *ops, tdl_backend *backend,
                                   const tdl_people *people, const tdl_rows *r, tdl_report *why)
{
    char pseudonym[TDL_PSEUDONYM_LEN + 1];
    tdl_buf buf[2] = {0};
    tdl_str name, sealed;
    tdl_status st = name_erased(people, r, buf, pseudonym, &name, &sealed, why);

    if (!st)
        st = put_erased(ops, backend, name, sealed, tdl_rows_number(r, 2), why);
    tdl_buf_release(&buf[0]);
    tdl_buf_release(&buf[1]);
    return st;
}

/* ---- consent ---- */

tdl_status tdl_transfer_put_consent(const tdl_store_ops *ops, tdl_backend *backend,
                                    const tdl_people *people, const tdl_rows *r, tdl_report *why)
{
    tdl_consent word = {.granted = tdl_rows_number(r, 2) != 0,
                        .time_us = tdl_rows_number(r, 3),
                        .source = tdl_rows_text(r, 4)};
    int64_t user;
    tdl_status st;

    TDL_UNUSED(people);
    if (!tdl_purpose_parse(tdl_rows_text(r, 1), &word.purpose))
        return TDL_FAIL(why, TDL_E_CORRUPT, "a consent names no purpose");
    if ((st = ops->number_user(backend, tdl_rows_person(r, 0, 5, 0), &user, why)))
        return st;
    return tdl_consent_put_word(ops, backend, user, &word, why);
}

tdl_status tdl_transfer_consent_default(tdl_transfer *t)
{
    tdl_buf text = {0};
    bool found = false;
    tdl_status st = tdl_store_setting(t->from, TDL_STR(TDL_CONSENT_DEFAULT), &text, &found, t->why);
    const tdl_str value = tdl_buf_view(&text);

    if (!st && found)
        st = tdl_store_write(t->to, tdl_consent_put_default, &value, t->why);
    tdl_buf_release(&text);
    return st;
}

/* ---- rejects ---- */

tdl_status tdl_transfer_put_reject(const tdl_store_ops *ops, tdl_backend *backend,
                                   const tdl_people *people, const tdl_rows *r, tdl_report *why)
{
    tdl_buf raw = {0};
    const tdl_reject reject = tdl_read_reject(r, &raw);
    tdl_status st = tdl_reject_put(ops, backend, people, &reject, why);

    tdl_buf_release(&raw);
    return st;
}
