/* The audit log in a file: a line "{record}\t{hash}" for each entry, then the head: one record more
 * that says how many there are, when. When signed, its hash is, and its line goes on with
 * "\t{signature}\t{public key}". So the file can be checked without the store. */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "store/audit.h"
#include "store/store_parts.h"

enum { LINE_MAX_BYTES = 32 << 10 }; /* more than any entry has */

/* ---- writing ---- */

static tdl_status fail_write(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_IO, "writing the audit log: %s", strerror(errno));
}

static bool write_line(FILE *out, tdl_str record, const tdl_chain *chain)
{
    char hex[TDL_CHAIN_HEX + 1];

    sodium_bin2hex(hex, sizeof hex, chain->hash, TDL_CHAIN_BYTES);
    return fwrite(record.at, 1, record.len, out) == record.len &&
           fprintf(out, "\t%s", hex) == TDL_CHAIN_HEX + 1;
}

static tdl_status write_entry(void *context, const tdl_chain *after, tdl_str record,
                              tdl_report *why)
{
    return write_line(context, record, after) && fputc('\n', context) != EOF ? TDL_OK
                                                                             : fail_write(why);
}

static bool write_signature(FILE *out, const tdl_vault *vault, const tdl_chain *chain,
                            uint8_t ret_key[TDL_PUBLIC_KEY_BYTES])
{
    uint8_t signature[TDL_SIGNATURE_BYTES];
    char hex[2 * TDL_SIGNATURE_BYTES + 1], key_hex[2 * TDL_PUBLIC_KEY_BYTES + 1];

    tdl_vault_sign(vault, (tdl_str){(const char *)chain->hash, TDL_CHAIN_BYTES}, signature);
    tdl_vault_public_key(vault, ret_key);
    sodium_bin2hex(hex, sizeof hex, signature, sizeof signature);
    sodium_bin2hex(key_hex, sizeof key_hex, ret_key, TDL_PUBLIC_KEY_BYTES);
    return fprintf(out, "\t%s\t%s", hex, key_hex) > 0;
}

static tdl_status write_head(FILE *out, const tdl_vault *vault, tdl_audit_head *head,
                             tdl_report *why)
{
    tdl_chain chain = head->chain;
    tdl_buf record = {0};
    tdl_jw w = {.out = &record};

    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "action", "head");
    tdl_jw_kint(&w, "entries", head->chain.n);
    tdl_jw_kint(&w, "ts", head->time_us);
    tdl_jw_end_object(&w);
    tdl_chain_add(&chain, tdl_buf_view(&record));
    bool written = write_line(out, tdl_buf_view(&record), &chain) &&
                   (!vault || write_signature(out, vault, &chain, head->public_key)) &&
                   fputc('\n', out) != EOF;
    head->is_signed = vault != NULL;
    tdl_buf_release(&record);
    return written ? TDL_OK : fail_write(why);
}

tdl_status tdl_store_audit_export(tdl_store *store, const tdl_vault *vault, FILE *out,
                                  tdl_audit_head *ret, tdl_report *why)
{
    tdl_audit_head head = {.time_us = tdl_time_now()};
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = tdl_audit_walk(reader, &head.chain, write_entry, out, why);
    tdl_store_give_back(store, reader);
    if (st || (st = write_head(out, vault, &head, why)))
        return st;
    *ret = head;
    return TDL_OK;
}

/* ---- checking ---- */

/* What stands before the next tab, or all the rest. */
static tdl_str next_column(tdl_str *line)
{
    const char *tab = line->len ? memchr(line->at, '\t', line->len) : NULL;
    tdl_str column = {line->at, tab ? (size_t)(tab - line->at) : line->len};
    size_t taken = column.len + (tab != NULL);

    *line = (tdl_str){line->at + taken, line->len - taken};
    return column;
}

static bool follow_line(tdl_chain *chain, tdl_str *line, tdl_str *ret_record)
{
    uint8_t hash[TDL_CHAIN_BYTES];

    *ret_record = next_column(line);
    return tdl_chain_parse_hex(next_column(line), hash, sizeof hash) &&
           tdl_chain_follow(chain, *ret_record, hash);
}

/* {"action":"head","entries":N,"ts":T} */
static bool parse_head(tdl_str record, tdl_audit_head *ret)
{
    static const char format[] =
        "{\"action\":\"head\",\"entries\":%" SCNd64 ",\"ts\":%" SCNd64 "}%n";
    int used = 0;

    return tdl_str_starts(record, TDL_STR("{\"action\":\"head\",")) &&
           sscanf(record.at, format, &ret->chain.n, &ret->time_us, &used) == 2 &&
           (size_t)used == record.len;
}

static bool signature_holds(tdl_str line, const tdl_chain *chain, tdl_audit_head *head)
{
    uint8_t signature[TDL_SIGNATURE_BYTES];

    head->is_signed = true;
    return tdl_chain_parse_hex(next_column(&line), signature, sizeof signature) &&
           tdl_chain_parse_hex(next_column(&line), head->public_key, TDL_PUBLIC_KEY_BYTES) &&
           !line.len &&
           tdl_vault_verify(head->public_key, (tdl_str){(const char *)chain->hash, TDL_CHAIN_BYTES},
                            signature);
}

/* A check under way. */
typedef struct file_check {
    tdl_audit_state state;
    tdl_audit_head head;
    bool ended; /* the head was there */
} file_check;

/* line: without its end, NUL-terminated. */
static const char *check_line(file_check *c, tdl_str line)
{
    tdl_chain after = c->state.whole;
    tdl_audit_head head = {0};
    tdl_str record;

    if (c->ended)
        return "stands behind the head of the log";
    if (!follow_line(&after, &line, &record))
        return "was changed, moved, put in, or one was taken away before it";
    if (parse_head(record, &head)) {
        c->ended = true;
        if (head.chain.n != c->state.whole.n)
            return "is the head of another log";
        if (line.len && !signature_holds(line, &after, &head))
            return "has a wrong signature";
        head.chain = c->state.whole;
        c->head = head;
        return NULL;
    }
    if (line.len)
        return "has too many columns";
    c->state.whole = after;
    return NULL;
}

void tdl_audit_stream_check(FILE *file, tdl_audit_state *ret, tdl_audit_head *ret_head)
{
    char line[LINE_MAX_BYTES];
    const char *wrong = NULL;
    file_check c = {0};

    while (!wrong && fgets(line, sizeof line, file)) {
        size_t n = strlen(line);
        if (n && line[n - 1] == '\n') {
            line[n - 1] = '\0';
            wrong = check_line(&c, (tdl_str){line, n - 1});
        } else {
            wrong = "has no end";
        }
    }
    if (!wrong && !c.ended)
        wrong = "is missing: the file ends without the head of the log";
    if (wrong) {
        c.state.first_bad = c.state.whole.n + 1;
        TDL_FAIL(&c.state.said, TDL_E_CONFLICT, "line %" PRId64 " %s", c.state.first_bad, wrong);
    }
    *ret = c.state;
    *ret_head = c.head;
}

tdl_status tdl_audit_file_check(const char *path, tdl_audit_state *ret, tdl_audit_head *ret_head,
                                tdl_report *why)
{
    tdl_audit_state state;
    tdl_audit_head head;
    FILE *file = sodium_init() < 0 ? NULL : fopen(path, "rb");

    if (!file)
        return TDL_FAIL(why, errno == ENOENT ? TDL_E_NOT_FOUND : TDL_E_IO, "%s: %s", path,
                        strerror(errno));
    tdl_audit_stream_check(file, &state, &head);
    bool failed = ferror(file);
    fclose(file);
    if (failed)
        return TDL_FAIL(why, TDL_E_IO, "%s cannot be read", path);
    *ret = state;
    *ret_head = head;
    return TDL_OK;
}
