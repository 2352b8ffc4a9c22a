#include "fixture.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "store/audit.h"

enum { MANY = 10000 };

/* ---- the chain: vectors made with libsodium 1.0.18 from Python ---- */

static const struct {
    const char *record, *hash;
} vectors[] = {
    {"{\"action\":\"consent.grant\",\"seq\":1,\"subject\":\"s1\",\"ts\":1700000000000000}",
     "65c0b8054266948735055ab680ebe25f697edf43cde652fa456dd22dabfe80a6"},
    {"{\"action\":\"export\",\"seq\":2,\"subject\":\"s1\",\"ts\":1700000001000000}",
     "e39a42d3cb8958d87b468108ec22b9ca643dc0734601c32e2ad8b32d078153b5"},
    {"{\"action\":\"erase\",\"seq\":3,\"subject\":\"s1\",\"ts\":1700000002000000}",
     "352f19c85b7aeea6d8b347ce7d7b5724fc7ca9bd376ad685c8d3eb413cb8669f"},
};

static void the_chain_is_the_reference_chain(void **state)
{
    tdl_chain chain = {0};
    uint8_t hash[TDL_CHAIN_BYTES];

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_true(tdl_chain_parse_hex(tdl_str_of(vectors[i].hash), hash, sizeof hash));
        assert_true(tdl_chain_follow(&chain, tdl_str_of(vectors[i].record), hash));
        assert_int_equal(chain.n, i + 1);
        assert_false(
            tdl_chain_follow(&chain, tdl_str_of(vectors[i].record), hash)); // no second time
    }
}

static void a_place_comes_back_from_its_text(void **state)
{
    tdl_chain chain = {0}, got;
    tdl_buf text = {0};

    TDL_UNUSED(state);
    tdl_chain_add(&chain, TDL_STR("one"));
    tdl_chain_add(&chain, TDL_STR("two"));
    tdl_chain_format(&chain, &text);
    assert_true(tdl_chain_parse(tdl_buf_view(&text), &got));
    assert_true(tdl_chain_same(&chain, &got));
    for (size_t i = 0; i < text.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            text.at[i] ^= (char)(1 << bit);
            assert_false(tdl_chain_parse(tdl_buf_view(&text), &got) &&
                         tdl_chain_same(&chain, &got));
            text.at[i] ^= (char)(1 << bit);
        }
    tdl_buf_release(&text);
}

/* ---- entries ---- */

static void make_key(fixture *f, tdl_store *store)
{
    char text[TDL_KEY_TEXT_MAX];

    succeed(f, tdl_store_create_key(store, TDL_RIGHT_WRITE, TDL_STR("Ann's own"), text, &f->why));
}

static tdl_audit_state check(fixture *f)
{
    tdl_audit_state state;

    succeed(f, tdl_store_audit_check(f->store, NULL, &state, &f->why));
    return state;
}

static void a_record_is_canonical_and_says_who_did_what(void **state)
{
    fixture *f = *state;
    const tdl_audit_entry entry = {.action = "test",
                                   .subject = TDL_STR("s1"),
                                   .members = {{"zone", tdl_value_text(TDL_STR("a\"\n\xc3\xa9"))},
                                               {"days", tdl_value_number(-30)}},
                                   .time_us = 1700000000000000};

    succeed(f, tdl_store_audit(f->store, &entry, &f->why));
    assert_string_equal(newest_entry(f),
                        "{\"action\":\"test\",\"actor\":\"server\",\"days\":-30,\"seq\":1,"
                        "\"subject\":\"s1\",\"ts\":1700000000000000,"
                        "\"zone\":\"a\\\"\\n\xc3\xa9\"}");
    tdl_audit_act_for("00aa11bb22cc33dd");
    succeed(f, tdl_store_audit(f->store, &entry, &f->why));
    tdl_audit_act_for(NULL);
    assert_non_null(strstr(newest_entry(f), "\"actor\":\"key:00aa11bb22cc33dd\""));
    fixture_close(f);
    fixture_open(f, &(tdl_store_options){.actor = "cli"});
    succeed(f, tdl_store_audit(f->store, &entry, &f->why));
    assert_non_null(strstr(newest_entry(f), "\"actor\":\"cli\""));
    assert_int_equal(check(f).first_bad, 0);
    assert_int_equal(check(f).whole.n, 3);
}

/* What changes, and what is refused; no label, which may name somebody, and no key. */
static void each_change_has_its_entry_and_a_refusal_none(void **state)
{
    fixture *f = *state;
    tdl_flag_row flag = {
        .key = TDL_STR("btn"), .family = TDL_STR("posthog"), .definition = TDL_STR("{}")};
    tdl_model_row model = {.version = TDL_STR("m1"),
                           .app = TDL_STR("recommend"),
                           .path = TDL_STR("models/m1"),
                           .report = TDL_STR("{}"),
                           .hash = "h"};
    tdl_key_row *keys;
    tdl_audit_row *rows;
    tdl_buf said = {0};
    size_t n;

    make_key(f, f->store);
    succeed(f, tdl_store_keys(f->store, f->arena, &keys, &n, &f->why));
    succeed(f, tdl_store_revoke_key(f->store, tdl_str_of(keys[0].id), &f->why));
    refuse(f, tdl_store_revoke_key(f->store, tdl_str_of(keys[0].id), &f->why), TDL_E_NOT_FOUND, "");
    succeed(f, tdl_store_put_flag(f->store, &flag, &f->why));
    succeed(f, tdl_store_drop_flag(f->store, flag.key, &f->why));
    refuse(f, tdl_store_drop_flag(f->store, flag.key, &f->why), TDL_E_NOT_FOUND, "");
    succeed(f, tdl_store_put_model(f->store, &model, &f->why));
    refuse(f, tdl_store_put_model(f->store, &model, &f->why), TDL_E_CONFLICT, "m1");
    succeed(f, tdl_store_activate_model(f->store, model.version, &f->why));
    refuse(f, tdl_store_activate_model(f->store, TDL_STR("m9"), &f->why), TDL_E_NOT_FOUND, "m9");
    succeed(f, tdl_store_audit_rows(f->store, 0, 99, f->arena, &rows, &n, &f->why));
    for (size_t i = 0; i < n; i++)
        tdl_buf_str(&said, rows[n - 1 - i].record);
    static const char *const order[] = {"key.create", "key.revoke", "flag.put",
                                        "flag.drop",  "model.put",  "model.activate"};
    const char *at = said.at;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        assert_non_null(at = strstr(at, order[i]));
    assert_int_equal(n, sizeof order / sizeof order[0]);
    assert_null(strstr(said.at, "Ann"));
    assert_non_null(strstr(said.at, keys[0].id));
    assert_int_equal(check(f).first_bad, 0);
    tdl_buf_release(&said);
}

static void rows_come_newest_first_from_a_number(void **state)
{
    fixture *f = *state;
    tdl_audit_row *rows;
    size_t n;

    for (int i = 0; i < 5; i++)
        make_key(f, f->store);
    succeed(f, tdl_store_audit_rows(f->store, 4, 2, f->arena, &rows, &n, &f->why));
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].seq, 4);
    assert_int_equal(rows[1].seq, 3);
}

/* ---- tampering with the database ---- */

static void fill(fixture *f, int n)
{
    for (int i = 0; i < n; i++)
        make_key(f, f->store);
}

static void expect_bad(fixture *f, int64_t seq, const char *said)
{
    tdl_audit_state found = check(f);

    assert_int_equal(found.first_bad, seq);
    if (!strstr(found.said.message, said))
        fail_msg("\"%s\" does not say \"%s\"", found.said.message, said);
}

static void what_is_done_to_a_stored_entry_is_found(void **state)
{
    static const struct {
        const char *sql;
        int64_t bad;
    } deeds[] = {
        {"UPDATE audit SET record = replace(record, 'write', 'admin') WHERE seq = 4", 4},
        {"DELETE FROM audit WHERE seq = 1", 1},
        {"DELETE FROM audit WHERE seq = 5", 5},
        {"DELETE FROM audit WHERE seq > 6", 7},
        {"DELETE FROM audit", 1},
        {"UPDATE audit SET seq = 9 WHERE seq = 8", 8},
        {"UPDATE audit SET seq = 99 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3;"
         " UPDATE audit SET seq = 3 WHERE seq = 99",
         2},
        {"INSERT INTO audit SELECT 9, record, hash FROM audit WHERE seq = 8", 9},
        {"UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 2) WHERE seq = 3", 3},
        {"UPDATE settings SET value = 'x' WHERE name = 'audit.head'", 1},
        {"DELETE FROM settings WHERE name = 'audit.head'", 1},
    };
    fixture *f = *state;
    tdl_event e = event_of("m1");

    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        char part[32], text[TDL_KEY_TEXT_MAX];
        outside(f, "DELETE FROM audit; DELETE FROM settings; DELETE FROM keys");
        fixture_reopen(f);
        fill(f, 8);
        outside(f, deeds[i].sql);
        snprintf(part, sizeof part, "entry %lld", (long long)deeds[i].bad);
        expect_bad(f, deeds[i].bad, part);
        fixture_reopen(f); // which knows nothing any more
        refuse(f, tdl_store_create_key(f->store, TDL_RIGHT_WRITE, TDL_STR("k"), text, &f->why),
               TDL_E_CONFLICT, part);
        assert_int_equal(outside_number(f, "SELECT count(*) FROM keys"), 8);
    }
    assert_int_equal(append_one(f, &e), 1); // events go on
}

/* The last entries and the head taken back together: this process has seen more. */
static void a_process_remembers_what_it_has_seen(void **state)
{
    fixture *f = *state;
    char text[TDL_KEY_TEXT_MAX], sql[300];
    tdl_buf head = {0};
    bool found;

    fill(f, 3);
    succeed(f, tdl_store_setting(f->store, TDL_AUDIT_HEAD, &head, &found, &f->why));
    fill(f, 2);
    snprintf(sql, sizeof sql,
             "DELETE FROM audit WHERE seq > 3; UPDATE settings SET value = '%s'"
             " WHERE name = 'audit.head'",
             head.at);
    outside(f, sql);
    refuse(f, tdl_store_create_key(f->store, TDL_RIGHT_WRITE, TDL_STR("k"), text, &f->why),
           TDL_E_CONFLICT, "entry 4");
    tdl_buf_release(&head);
}

/* A change that is undone takes its entry along, and the chain goes on. */
static tdl_status append_then_fail(const tdl_store_ops *ops, tdl_backend *backend,
                                   const void *context, tdl_report *why)
{
    tdl_status st = tdl_audit_append(ops, backend, context, why);

    return st ? st : TDL_FAIL(why, TDL_E_NOT_FOUND, "after its entry");
}

static void an_entry_is_undone_with_its_change(void **state)
{
    fixture *f = *state;
    tdl_audit_entry entry = {.action = "test"};

    fill(f, 1);
    tdl_audit_begin(f->store, &entry);
    refuse(f, tdl_store_change(f->store, append_then_fail, &entry, &entry, &f->why),
           TDL_E_NOT_FOUND, "after its entry");
    fill(f, 1);
    assert_int_equal(check(f).whole.n, 2);
    assert_int_equal(check(f).first_bad, 0);
}

/* ---- consent ---- */

/* By the API; the person stands under another name, and his word holds on a broken log too. */
static void a_word_on_consent_has_its_entry_and_is_never_refused(void **state)
{
    fixture *f = *state;
    const tdl_consent word = {
        .purpose = TDL_PURPOSE_TRAINING, .time_us = 5, .source = TDL_STR("api")};
    tdl_consent *words;
    unsigned denied;
    size_t n;

    succeed(f, tdl_store_put_consent(f->store, TDL_STR("ann@example.com"), &word, &f->why));
    assert_non_null(strstr(newest_entry(f), "\"action\":\"consent.withdraw\""));
    assert_non_null(strstr(newest_entry(f), "\"purpose\":\"training\""));
    assert_non_null(strstr(newest_entry(f), "\"subject\":\""));
    assert_null(strstr(newest_entry(f), "ann"));
    fill(f, 1);
    outside(f, "DELETE FROM audit WHERE seq = 1");
    fixture_reopen(f);
    refuse(f, tdl_store_put_consent_default(f->store, TDL_PURPOSE_SHARING, &f->why), TDL_E_CONFLICT,
           "entry 1");
    succeed(f, tdl_store_put_consent(f->store, TDL_STR("bob"), &word, &f->why));
    succeed(f,
            tdl_store_consents(f->store, TDL_STR("bob"), f->arena, &words, &n, &denied, &f->why));
    assert_int_equal(n, 1);
    assert_int_equal(denied, TDL_PURPOSE_TRAINING);
    expect_bad(f, 1, "missing");
}

/* ---- two processes ---- */

enum { EACH = 40 };

static void append_in_child(const fixture *f)
{
    tdl_store_options options = fixture_options(f, (tdl_store_options){0});
    tdl_store *store;
    char text[TDL_KEY_TEXT_MAX];

    if (tdl_store_open(f->url, &options, &store, NULL))
        _exit(1);
    for (int i = 0; i < EACH; i++)
        if (tdl_store_create_key(store, TDL_RIGHT_WRITE, TDL_STR("k"), text, NULL))
            _exit(2);
    tdl_store_close(store);
    _exit(0);
}

static void processes_that_append_at_once_make_one_chain(void **state)
{
    fixture *f = *state;
    pid_t child[2];
    int status;

    fixture_close(f);
    fixture_open(f, NULL); // makes the schema
    fixture_close(f);
    for (int i = 0; i < 2; i++) {
        child[i] = fork();
        assert_true(child[i] >= 0);
        if (!child[i])
            append_in_child(f);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    fixture_open(f, NULL);
    assert_int_equal(check(f).first_bad, 0);
    assert_int_equal(check(f).whole.n, 2 * EACH);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM keys"), 2 * EACH);
}

/* ---- files ---- */

static const uint8_t master[TDL_VAULT_KEY_BYTES] = "a key for tests, of 32 bytes....";

static tdl_vault *open_vault(fixture *f)
{
    tdl_buf wrapped = {0};
    tdl_vault *vault;

    succeed(f, tdl_vault_make(master, &wrapped, &f->why));
    succeed(f, tdl_vault_open(master, tdl_buf_view(&wrapped), &vault, &f->why));
    tdl_buf_release(&wrapped);
    return vault;
}

/* The exported file's path and text. */
typedef struct exported {
    char path[400];
    char *text;
    size_t n;
    tdl_audit_head head;
} exported;

static exported export_log(fixture *f, const tdl_vault *vault)
{
    exported e = {0};

    snprintf(e.path, sizeof e.path, "%s/audit.log", f->dir);
    FILE *out = fopen(e.path, "w+");
    assert_non_null(out);
    succeed(f, tdl_store_audit_export(f->store, vault, out, &e.head, &f->why));
    e.n = (size_t)ftell(out);
    assert_non_null(e.text = malloc(e.n + 1));
    rewind(out);
    assert_int_equal(fread(e.text, 1, e.n, out), e.n);
    e.text[e.n] = '\0';
    fclose(out);
    return e;
}

static int64_t first_bad(fixture *f, const exported *e, const char *text, size_t n)
{
    tdl_audit_state found;
    tdl_audit_head head;
    FILE *out = fopen(e->path, "w");

    assert_int_equal(fwrite(text, 1, n, out), n);
    fclose(out);
    succeed(f, tdl_audit_file_check(e->path, &found, &head, &f->why));
    return found.first_bad;
}

static void a_file_is_good_as_exported_and_its_signature_is_the_stores(void **state)
{
    fixture *f = *state;
    tdl_vault *vault = open_vault(f);
    uint8_t key[TDL_PUBLIC_KEY_BYTES];
    tdl_audit_state found;
    tdl_audit_head head;

    fill(f, 5);
    exported e = export_log(f, vault);
    succeed(f, tdl_audit_file_check(e.path, &found, &head, &f->why));
    assert_int_equal(found.first_bad, 0);
    assert_int_equal(head.chain.n, 5);
    assert_true(tdl_chain_same(&head.chain, &e.head.chain));
    assert_true(head.is_signed);
    tdl_vault_public_key(vault, key);
    assert_memory_equal(head.public_key, key, sizeof key);
    free(e.text);
    e = export_log(f, NULL);
    succeed(f, tdl_audit_file_check(e.path, &found, &head, &f->why));
    assert_int_equal(found.first_bad, 0);
    assert_false(head.is_signed);
    free(e.text);
    tdl_vault_close(vault);
}

/* Every bit of a signed file of three entries. */
static void any_flipped_bit_of_a_file_is_found(void **state)
{
    fixture *f = *state;
    tdl_vault *vault = open_vault(f);

    fill(f, 3);
    exported e = export_log(f, vault);
    for (size_t i = 0; i < 8 * e.n; i++) {
        e.text[i / 8] ^= (char)(1 << i % 8);
        if (!first_bad(f, &e, e.text, e.n))
            fail_msg("bit %zu of byte %zu (%c) is not found", i % 8, i / 8, e.text[i / 8]);
        e.text[i / 8] ^= (char)(1 << i % 8);
    }
    assert_int_equal(first_bad(f, &e, e.text, e.n), 0);
    free(e.text);
    tdl_vault_close(vault);
}

/* A log of 10,000 entries, as a file: {text, where each line begins}. */
typedef struct long_log {
    exported e;
    size_t line[MANY + 2]; /* the last: the end */
} long_log;

static long_log *make_long_log(fixture *f)
{
    long_log *log = calloc(1, sizeof *log);
    tdl_buf text = {0};
    tdl_chain chain = {0};
    char hex[TDL_CHAIN_HEX + 1];

    assert_non_null(log);
    for (int64_t i = 1; i <= MANY + 1; i++) {
        char record[200];
        snprintf(record, sizeof record,
                 i <= MANY
                     ? "{\"action\":\"flag.put\",\"actor\":\"key:00aa11bb22cc33dd\",\"family\":"
                       "\"posthog\",\"flag\":\"f%lld\",\"seq\":%lld,\"ts\":17000000000000%02d}"
                     : "{\"action\":\"head\",\"entries\":%lld,\"ts\":%lld}",
                 (long long)(i <= MANY ? i % 100 : MANY), (long long)i, (int)(i % 100));
        tdl_chain_add(&chain, tdl_str_of(record));
        sodium_bin2hex(hex, sizeof hex, chain.hash, sizeof chain.hash);
        log->line[i - 1] = text.len;
        tdl_buf_printf(&text, "%s\t%s\n", record, hex);
    }
    assert_false(text.failed);
    log->line[MANY + 1] = text.len;
    log->e.text = text.at;
    log->e.n = text.len;
    snprintf(log->e.path, sizeof log->e.path, "%s/long.log", f->dir);
    return log;
}

static tdl_str line_of(const long_log *log, size_t i)
{
    return (tdl_str){log->e.text + log->line[i], log->line[i + 1] - log->line[i]};
}

/* One bit of each of the entries, at the place it has in the chain. */
static void a_flipped_bit_in_any_of_10000_entries_is_found(void **state)
{
    fixture *f = *state;
    long_log *log = make_long_log(f);
    tdl_chain chain = {0};
    uint8_t hash[TDL_CHAIN_BYTES];

    assert_int_equal(first_bad(f, &log->e, log->e.text, log->e.n), 0);
    for (size_t i = 0; i < MANY; i++) {
        tdl_str line = line_of(log, i);
        tdl_str record = {line.at, line.len - TDL_CHAIN_HEX - 2};
        size_t bit = i * 7919 % (8 * record.len);
        char *byte = log->e.text + log->line[i] + bit / 8;
        assert_true(tdl_chain_parse_hex((tdl_str){line.at + record.len + 1, TDL_CHAIN_HEX}, hash,
                                        sizeof hash));
        *byte ^= (char)(1 << bit % 8);
        assert_false(tdl_chain_follow(&chain, record, hash));
        if (i % 100 == 0) // and by way of the file
            assert_int_equal(first_bad(f, &log->e, log->e.text, log->e.n), i + 1);
        *byte ^= (char)(1 << bit % 8);
        assert_true(tdl_chain_follow(&chain, record, hash));
    }
    free(log->e.text);
    free(log);
}

static void what_is_taken_out_swapped_or_cut_off_of_10000_entries_is_found(void **state)
{
    fixture *f = *state;
    long_log *log = make_long_log(f);
    tdl_buf text = {0};

    for (size_t i = 0; i < MANY; i += 97) {
        tdl_str line = line_of(log, i), next = line_of(log, i + 1);
        size_t before = log->line[i], rest = log->e.n - before - line.len;

        tdl_buf_clear(&text);
        tdl_buf_add(&text, log->e.text, before);
        tdl_buf_add(&text, log->e.text + before + line.len, rest);
        assert_int_equal(first_bad(f, &log->e, text.at, text.len), i + 1); // taken out

        text.len = before;
        tdl_buf_str(&text, next);
        tdl_buf_str(&text, line);
        tdl_buf_add(&text, log->e.text + before + line.len + next.len, rest - next.len);
        assert_int_equal(first_bad(f, &log->e, text.at, text.len), i + 1); // swapped

        assert_int_equal(first_bad(f, &log->e, log->e.text, before), i + 1); // cut off
        text.len = before;
        tdl_buf_str(&text, line_of(log, MANY)); // cut off, with the old head
        assert_int_equal(first_bad(f, &log->e, text.at, text.len), i + 1);
    }
    tdl_buf_release(&text);
    free(log->e.text);
    free(log);
}

/* A log made anew from some entry on is whole in itself; a file kept elsewhere tells. */
static void a_file_kept_elsewhere_tells_of_a_log_made_anew(void **state)
{
    fixture *f = *state;
    tdl_audit_state found;

    fill(f, 6);
    exported e = export_log(f, NULL);
    succeed(f, tdl_store_audit_check(f->store, &e.head.chain, &found, &f->why));
    assert_int_equal(found.first_bad, 0);
    fill(f, 1);
    succeed(f, tdl_store_audit_check(f->store, &e.head.chain, &found, &f->why));
    assert_int_equal(found.first_bad, 0);
    outside(f, "DELETE FROM audit; DELETE FROM settings");
    fixture_reopen(f);
    fill(f, 3);
    assert_int_equal(check(f).first_bad, 0);
    succeed(f, tdl_store_audit_check(f->store, &e.head.chain, &found, &f->why));
    assert_int_equal(found.first_bad, 4); // which is missing
    fill(f, 3);
    succeed(f, tdl_store_audit_check(f->store, &e.head.chain, &found, &f->why));
    assert_int_equal(found.first_bad, 6);
    free(e.text);
}

static void a_broken_log_is_not_exported(void **state)
{
    fixture *f = *state;
    tdl_audit_head head;
    char path[400];

    fill(f, 3);
    outside(f, "DELETE FROM audit WHERE seq = 2");
    snprintf(path, sizeof path, "%s/audit.log", f->dir);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    refuse(f, tdl_store_audit_export(f->store, NULL, out, &head, &f->why), TDL_E_CONFLICT,
           "entry 2");
    fclose(out);
}

static void a_file_that_is_none_is_refused(void **state)
{
    fixture *f = *state;
    tdl_audit_state found;
    tdl_audit_head head;
    exported e = {0};
    char *long_line = malloc(100000);

    refuse(f, tdl_audit_file_check("/nowhere/at/all", &found, &head, &f->why), TDL_E_NOT_FOUND,
           "nowhere");
    snprintf(e.path, sizeof e.path, "%s/none.log", f->dir);
    assert_non_null(long_line);
    memset(long_line, 'a', 100000);
    assert_int_equal(first_bad(f, &e, "", 0), 1);
    assert_int_equal(first_bad(f, &e, "\n", 1), 1);
    assert_int_equal(first_bad(f, &e, "\t\t\t\n", 4), 1);
    assert_int_equal(first_bad(f, &e, "{}\0\t00\n", 7), 1);
    assert_int_equal(first_bad(f, &e, long_line, 100000), 1);
    free(long_line);
}

int main(void)
{
    const struct CMUnitTest plain[] = {
        cmocka_unit_test(the_chain_is_the_reference_chain),
        cmocka_unit_test(a_place_comes_back_from_its_text),
        STORE_TEST(a_flipped_bit_in_any_of_10000_entries_is_found),
        STORE_TEST(what_is_taken_out_swapped_or_cut_off_of_10000_entries_is_found),
        STORE_TEST(a_file_that_is_none_is_refused),
        STORE_TEST(any_flipped_bit_of_a_file_is_found),
    };
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_record_is_canonical_and_says_who_did_what),
        STORE_TEST(each_change_has_its_entry_and_a_refusal_none),
        STORE_TEST(rows_come_newest_first_from_a_number),
        STORE_TEST(what_is_done_to_a_stored_entry_is_found),
        STORE_TEST(a_process_remembers_what_it_has_seen),
        STORE_TEST(an_entry_is_undone_with_its_change),
        STORE_TEST(a_word_on_consent_has_its_entry_and_is_never_refused),
        STORE_TEST(processes_that_append_at_once_make_one_chain),
        STORE_TEST(a_file_is_good_as_exported_and_its_signature_is_the_stores),
        STORE_TEST(a_file_kept_elsewhere_tells_of_a_log_made_anew),
        STORE_TEST(a_broken_log_is_not_exported),
    };
    int failed =
        _cmocka_run_group_tests("audit", plain, sizeof plain / sizeof plain[0], NULL, NULL);

    return failed + run_on_each_backend("audit", tests);
}
