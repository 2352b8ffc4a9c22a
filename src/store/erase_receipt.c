/* Receipts of erasures: written, signed, verified. */
#include <sodium.h>
#include <string.h>

#include "base/json.h"
#include "store/erase.h"

enum { DAY_US_SECONDS = 86400, RECEIPT_MAX = 1 << 20 };

void tdl_erased_name(tdl_str id, char ret[TDL_SUBJECT_MAX])
{
    static const char prefix[] = "erased:";
    uint8_t hash[16];

    crypto_generichash(hash, sizeof hash, (const uint8_t *)id.at, id.len, NULL, 0);
    memcpy(ret, prefix, sizeof prefix);
    sodium_bin2hex(ret + sizeof prefix - 1, 2 * sizeof hash + 1, hash, sizeof hash);
}

/* ---- writing ---- */

static void write_scope(tdl_jw *w, const tdl_erase_request *scope)
{
    tdl_jw_key(w, "scope");
    tdl_jw_object(w);
    tdl_jw_kint(w, "from", scope->from_us);
    tdl_jw_key(w, "kinds");
    tdl_jw_array(w);
    for (size_t i = 0; i < scope->kinds_n; i++)
        tdl_jw_str(w, scope->kinds[i]);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "until");
    scope->until_us ? tdl_jw_int(w, scope->until_us) : tdl_jw_null(w);
    tdl_jw_end_object(w);
}

static void write_rows(tdl_jw *w, const tdl_receipt *r)
{
    tdl_jw_key(w, "rows");
    tdl_jw_object(w);
    tdl_jw_kint(w, "consents", r->consents);
    tdl_jw_kint(w, "decisions", r->decisions);
    tdl_jw_kint(w, "events", r->events);
    tdl_jw_kint(w, "joins", r->joins);
    tdl_jw_kint(w, "rejects", r->rejects);
    tdl_jw_kint(w, "traits", r->traits);
    tdl_jw_end_object(w);
}

static void write_audit(tdl_jw *w, const tdl_chain *audit)
{
    char hash[TDL_CHAIN_HEX + 1];

    sodium_bin2hex(hash, sizeof hash, audit->hash, sizeof audit->hash);
    tdl_jw_key(w, "audit");
    tdl_jw_object(w);
    tdl_jw_ktext(w, "hash", hash);
    tdl_jw_kint(w, "seq", audit->n);
    tdl_jw_end_object(w);
}

/* Until when backups may hold what is gone. */
static void write_horizon(tdl_jw *w, const tdl_receipt *r)
{
    tdl_jw_key(w, "backup_horizon");
    if (r->scope->backup_days)
        tdl_jw_int(w, r->removed_us + r->scope->backup_days * DAY_US_SECONDS * 1000000);
    else
        tdl_jw_null(w);
}

void tdl_receipt_write(const tdl_receipt *r, tdl_str stale, tdl_buf *ret)
{
    tdl_jw w = {.out = ret};

    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "public_key", NULL);
    tdl_jw_key(&w, "receipt");
    tdl_jw_object(&w);
    write_audit(&w, &r->audit);
    write_horizon(&w, r);
    tdl_jw_key(&w, "done");
    tdl_jw_null(&w);
    tdl_jw_kint(&w, "keys_destroyed", r->keys);
    tdl_jw_kraw(&w, "models_stale", stale);
    tdl_jw_key(&w, "not_covered"); // what is out of this program's reach
    tdl_jw_array(&w);
    tdl_jw_text(&w, "backups");
    if (r->shared) {
        tdl_jw_text(&w, "database_free_space");
        tdl_jw_text(&w, "database_log");
    }
    tdl_jw_end_array(&w);
    tdl_jw_kint(&w, "removed", r->removed_us);
    tdl_jw_ktext(&w, "request", r->request);
    write_rows(&w, r);
    write_scope(&w, r->scope);
    tdl_jw_ktext(&w, "subject", r->subject);
    tdl_jw_kint(&w, "version", 1);
    tdl_jw_end_object(&w);
    tdl_jw_ktext(&w, "signature", NULL);
    tdl_jw_end_object(&w);
}

/* ---- signing ---- */

static void write_hex(tdl_jw *w, const char *key, const uint8_t *bytes, size_t n)
{
    char text[2 * TDL_SIGNATURE_BYTES + 1];

    sodium_bin2hex(text, sizeof text, bytes, n);
    tdl_jw_ktext(w, key, text);
}

static void write_signed(tdl_str receipt, const tdl_vault *vault, tdl_buf *ret)
{
    uint8_t key[TDL_PUBLIC_KEY_BYTES], signature[TDL_SIGNATURE_BYTES];
    tdl_jw w = {.out = ret};

    if (vault) {
        tdl_vault_public_key(vault, key);
        tdl_vault_sign(vault, receipt, signature);
    }
    tdl_jw_object(&w);
    vault ? write_hex(&w, "public_key", key, sizeof key) : tdl_jw_ktext(&w, "public_key", NULL);
    tdl_jw_kraw(&w, "receipt", receipt);
    vault ? write_hex(&w, "signature", signature, sizeof signature)
          : tdl_jw_ktext(&w, "signature", NULL);
    tdl_jw_end_object(&w);
}

tdl_status tdl_receipt_finish(tdl_str draft, int64_t done_us, const tdl_vault *vault, tdl_buf *ret,
                              tdl_report *why)
{
    tdl_buf receipt = {0};
    json_t *json = NULL;
    tdl_status st = tdl_json_parse(draft, TDL_JSON_REFUSE_DUPLICATES, &json, why);
    json_t *said = json_object_get(json, "receipt");

    if (!st && json_object_set_new(said, "done", json_integer(done_us)))
        st = TDL_FAIL(why, TDL_E_CORRUPT, "the receipt of an erasure is damaged");
    if (!st) {
        tdl_json_dump(&receipt, said);
        write_signed(tdl_buf_view(&receipt), vault, ret);
        if (receipt.failed || ret->failed)
            st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a receipt");
    }
    json_decref(json);
    tdl_buf_release(&receipt);
    return st;
}

/* ---- verifying ---- */

static bool read_hex(const json_t *json, const char *member, uint8_t *ret, size_t n)
{
    tdl_str text;

    return tdl_json_get_str(json, member, &text) && tdl_chain_parse_hex(text, ret, n);
}

static tdl_status verify(const json_t *json, tdl_str key, tdl_report *why)
{
    uint8_t public_key[TDL_PUBLIC_KEY_BYTES], signature[TDL_SIGNATURE_BYTES];
    const json_t *receipt = json_object_get(json, "receipt");
    tdl_buf text = {0};
    tdl_str named;

    if (!json_is_object(receipt))
        return TDL_FAIL(why, TDL_E_INVALID, "this is no receipt");
    if (!tdl_json_get_str(json, "public_key", &named))
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "only a store with a master key signs, and only what is done",
                             "the receipt is not signed");
    if (key.len && !tdl_str_eq(key, named))
        return TDL_FAIL(why, TDL_E_INVALID, "the receipt is of another store: its key is %.*s",
                        TDL_FMT(named));
    if (!read_hex(json, "public_key", public_key, sizeof public_key) ||
        !read_hex(json, "signature", signature, sizeof signature))
        return TDL_FAIL(why, TDL_E_INVALID, "the receipt's key or signature is damaged");
    tdl_json_dump(&text, receipt);
    bool good = !text.failed && tdl_vault_verify(public_key, tdl_buf_view(&text), signature);
    tdl_buf_release(&text);
    return good ? TDL_OK
                : TDL_FAIL(why, TDL_E_INVALID, "the receipt was changed after it was signed");
}

tdl_status tdl_receipt_verify(tdl_str text, tdl_str key, tdl_report *why)
{
    json_t *json = NULL;
    tdl_status st;

    if (text.len > RECEIPT_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "this is no receipt");
    st = tdl_json_parse(text, TDL_JSON_REFUSE_DUPLICATES, &json, why);
    if (!st)
        st = verify(json, key, why);
    json_decref(json);
    return st;
}
