/* Sealed stores: what lies in them, and who can read it. What all stores do is tested of them in
 * the other files. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "fixture.h"
#include "store/erase.h"
#include "store/store_parts.h"
#include "store/transfer.h"

static void say(fixture *f, const char *message, const char *user, const char *alias,
                const char *traits)
{
    tdl_event e = event_of(message);

    e.user = tdl_str_of(user);
    e.alias = tdl_str_of(alias);
    e.traits = tdl_str_of(traits);
    if (alias[0])
        e.kind = TDL_STR("$identify");
    assert_int_equal(append_one(f, &e), 1);
}

static void ask(fixture *f, const char *id, const char *user)
{
    tdl_decision d = {.time_us = 7,
                      .app = TDL_STR("recommend"),
                      .user = tdl_str_of(user),
                      .model_version = TDL_STR("m"),
                      .why = TDL_STR("{}")};

    snprintf(d.id, sizeof d.id, "%s", id);
    succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
}

static void expect_traits(fixture *f, const char *user, const char *expected)
{
    tdl_buf traits = {0};

    succeed(f, tdl_store_traits(f->store, tdl_str_of(user), &traits, &f->why));
    assert_string_equal(traits.at, expected);
    tdl_buf_release(&traits);
}

static const char *name_of(fixture *f, const char *user)
{
    char *name = tdl_arena_alloc(f->arena, 1, TDL_PSEUDONYM_LEN + 1);

    assert_non_null(name);
    tdl_vault_pseudonym(tdl_store_vault(f->store), "user", tdl_str_of(user), name);
    return name;
}

static void set(fixture *f, const char *user, const char *what)
{
    char sql[300];

    snprintf(sql, sizeof sql, "UPDATE users SET %s WHERE name = '%s'", what, name_of(f, user));
    outside(f, sql);
}

/* The user of the newest event. */
static tdl_str newest_user(fixture *f)
{
    tdl_user_row *users;
    size_t n;

    succeed(f, tdl_store_users(f->store, (tdl_str){0}, 1, f->arena, &users, &n, &f->why));
    assert_int_equal(n, 1);
    return users[0].id;
}

/* ---- what lies there ---- */

/* In the files as they are, the log included. */
static void expect_no_byte(fixture *f, const char *word)
{
    DIR *folder = opendir(f->dir);
    const struct dirent *entry;
    char path[600];

    assert_non_null(folder);
    while ((entry = readdir(folder))) {
        tdl_buf bytes = {0};
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", f->dir, entry->d_name);
        succeed(f, tdl_file_read(path, (size_t)64 << 20, &bytes, &f->why));
        if (bytes.len && memmem(bytes.at, bytes.len, word, strlen(word)))
            fail_msg("%s is readable in %s", word, path);
        tdl_buf_release(&bytes);
    }
    closedir(folder);
}

/* As text, where bytes stand in hexadecimal digits. */
static void expect_no_row(fixture *f, const char *word)
{
    static const char *const tables[] = {"users",  "traits",   "decisions",  "settings",
                                         "events", "joins",    "joined_ids", "consents",
                                         "audit",  "erasures", "rejects",    "reports"};
    char sql[300];

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM %s t WHERE t::text LIKE '%%%s%%' OR"
                 " t::text LIKE '%%' || encode('%s'::bytea, 'hex') || '%%'",
                 tables[i], word, word);
        assert_int_equal(outside_number(f, sql), 0);
    }
}

static void expect_no_word(fixture *f)
{
    static const char *const words[] = {
        "ann-4711",    "anon-0815",  "anon-0816",  "ann@example.org", "Example Road",
        "stranger-99", "carol-1234", "carol@home", "sender-5678",     "nobody-31"};

    tdl_store_flush(f->store);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        f->on_postgres ? expect_no_row(f, words[i]) : expect_no_byte(f, words[i]);
}

/* A row of each kind that tells of persons. */
static void fill_all(fixture *f)
{
    const tdl_consent word = {.purpose = TDL_PURPOSE_SHARING, .time_us = 1, .source = {"api", 3}};
    const tdl_reject reject = {7, TDL_STR("posthog"), TDL_STR("kind is missing"),
                               TDL_STR("{\"distinct_id\":\"sender-5678\"}")};
    tdl_event group = event_of("g");
    tdl_str part;

    say(f, "1", "anon-0815", "", "");
    say(f, "2", "ann-4711", "anon-0815",
        "{\"email\":\"ann@example.org\",\"address\":{\"street\":\"Example Road\"}}");
    say(f, "3", "ann-4711", "anon-0816", "");
    succeed(f, tdl_store_split(f->store, TDL_STR("anon-0816"), f->arena, &part, &f->why));
    ask(f, "d1", "ann-4711");
    ask(f, "d2", "stranger-99");
    succeed(f, tdl_store_put_consent(f->store, TDL_STR("ann-4711"), &word, &f->why));
    succeed(f, tdl_store_put_consent(f->store, TDL_STR("nobody-31"), &word, &f->why));
    succeed(f, tdl_store_log_reject(f->store, &reject, &f->why));
    group.user = TDL_STR("ann-4711");
    group.group_type = TDL_STR("company");
    group.group = TDL_STR("acme");
    assert_int_equal(append_one(f, &group), 1);
    say(f, "4", "carol-1234", "", "{\"email\":\"carol@home\"}");
    ask(f, "d3", "carol-1234");
}

static void no_id_and_no_trait_lies_readable_in_the_store(void **state)
{
    const tdl_erase_request whole = {.user = TDL_STR("carol-1234")};
    const tdl_erase_request part = {.user = TDL_STR("ann-4711"), .until_us = 1};
    fixture *f = *state;
    tdl_erasure erasure;

    fill_all(f);
    expect_no_word(f);
    expect_traits(f, "anon-0815",
                  "{\"address\":{\"street\":\"Example Road\"},\"email\":\"ann@example.org\"}");
    succeed(f, tdl_store_erase(f->store, &whole, f->arena, &erasure, &f->why));
    succeed(f, tdl_store_erase(f->store, &part, f->arena, &erasure, &f->why));
    expect_no_word(f);
    fixture_close(f); // what lay in the log goes into the file
    fixture_open(f, NULL);
    expect_no_word(f);
}

/* Who has no key cannot even try whether it is a certain id. */
static void no_entry_of_the_audit_log_can_be_guessed_without_a_key(void **state)
{
    fixture *f = *state;
    const tdl_consent word = {.purpose = TDL_PURPOSE_SHARING, .time_us = 1, .source = {"api", 3}};
    // echo -n ann-4711 | b2sum -l 128
    static const char unkeyed[] = "e64f3a6592de9b4ec36342901b730696";

    succeed(f, tdl_store_put_consent(f->store, TDL_STR("ann-4711"), &word, &f->why));
    assert_non_null(strstr(newest_entry(f), name_of(f, "ann-4711")));
    assert_null(strstr(newest_entry(f), unkeyed));
}

static void a_known_users_decisions_are_read_with_his_key_only(void **state)
{
    fixture *f = *state;
    tdl_decision_row *got;
    size_t n;

    say(f, "1", "ann", "", "");
    ask(f, "d1", "ann");
    ask(f, "d2", "stranger");
    succeed(f, tdl_store_decisions(f->store, (tdl_str){0}, 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 2);
    assert_str(got[0].decision.user, "stranger");
    assert_str(got[1].decision.user, "ann");
    assert_int_equal(
        outside_number(f, "SELECT count(*) FROM decisions WHERE sealed_user IS NOT NULL"), 1);
    set(f, "ann", "sealed_key = NULL, sealed_id = NULL");
    succeed(f, tdl_store_decisions(f->store, TDL_STR("ann"), 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    assert_str(got[0].decision.user, name_of(f, "ann"));
}

/* ---- traits ---- */

static void traits_come_back_as_they_were_written(void **state)
{
    static const char *const written[][2] = {
        {"{}", "{}"},
        {" { \"a\" : 1.0 , \"b\":[1, {\"x\":\"}],\"}] } ",
         "{\"a\":1.0,\"b\":[1, {\"x\":\"}],\"}]}"},
        {"{\"big\":123456789012345678901,\"t\":true,\"z\":null}",
         "{\"big\":123456789012345678901,\"t\":true,\"z\":null}"},
        {"{\"quote\\\"d\":\"a\\\\\",\"\\u00e9\":\"\\\"\"}",
         "{\"quote\\\"d\":\"a\\\\\",\"\xc3\xa9\":\"\\\"\"}"},
        {"{\"\":\"empty\",\"n\":\"\"}", "{\"\":\"empty\",\"n\":\"\"}"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        char user[8];
        snprintf(user, sizeof user, "u%zu", i);
        say(f, user, user, "", written[i][0]);
        expect_traits(f, user, written[i][1]);
    }
}

static void a_trait_moved_to_another_person_or_name_is_not_read(void **state)
{
    fixture *f = *state;

    say(f, "1", "ann", "", "{\"plan\":\"gold\",\"role\":\"admin\"}");
    say(f, "2", "eve", "", "{\"role\":\"guest\"}");
    outside(f, f->on_postgres ? "UPDATE traits SET value = (SELECT value FROM traits WHERE name ="
                                " 'role' AND user_id = 1) WHERE user_id = 2"
                              : "UPDATE traits SET value = (SELECT value FROM traits WHERE name ="
                                " 'role' AND user = 1) WHERE user = 2");
    expect_traits(f, "eve", "{}");
    outside(f, "UPDATE traits SET name = 'owner' WHERE name = 'plan'");
    expect_traits(f, "ann", "{\"role\":\"admin\"}");
}

/* ---- keys ---- */

static void refuse_key(fixture *f, const char *file, tdl_status expected, const char *part)
{
    tdl_store *store = NULL;
    tdl_store_options options = {.master_key_file = file};

    refuse(f, tdl_store_open(f->url, &options, &store, &f->why), expected, part);
    options.read_only = true;
    refuse(f, tdl_store_open(f->url, &options, &store, &f->why), expected, part);
}

static void a_sealed_store_opens_with_its_own_master_key_only(void **state)
{
    fixture *f = *state;
    uint8_t key[TDL_VAULT_KEY_BYTES];
    char other[320];

    assert_true(tdl_store_sealed_now(f->store));
    say(f, "1", "ann", "", "");
    fixture_close(f);
    snprintf(other, sizeof other, "%s/other.key", f->dir);
    refuse_key(f, NULL, TDL_E_FORBIDDEN, "was not given");
    refuse_key(f, other, TDL_E_NOT_FOUND, "is not there");
    assert_int_not_equal(access(other, F_OK), 0);
    succeed(f, tdl_master_key_read(other, true, key, &f->why));
    refuse_key(f, other, TDL_E_FORBIDDEN, "another master key");
    fixture_open(f, NULL);
    assert_false(tdl_store_sealed_now(f->store));
    assert_str(newest_user(f), "ann");
}

static void a_store_that_knows_people_stays_plain(void **state)
{
    fixture *f = *state;

    f->sealed = false;
    fixture_open(f, NULL);
    say(f, "1", "ann", "", "{\"plan\":\"gold\"}");
    fixture_close(f);
    f->sealed = true;
    fixture_open(f, NULL);
    assert_null(tdl_store_vault(f->store));
    assert_int_not_equal(access(f->master_key, F_OK), 0);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM users WHERE name = 'ann'"), 1);
    expect_traits(f, "ann", "{\"plan\":\"gold\"}");
}

static void an_empty_store_is_sealed_later_but_not_when_it_is_only_read(void **state)
{
    fixture *f = *state;

    f->sealed = false;
    fixture_open(f, NULL);
    fixture_close(f);
    f->sealed = true;
    fixture_open(f, &(tdl_store_options){.read_only = true});
    assert_null(tdl_store_vault(f->store));
    fixture_reopen(f);
    assert_non_null(tdl_store_vault(f->store));
}

static void after_a_rotation_the_new_master_key_alone_opens_the_store(void **state)
{
    fixture *f = *state;
    char old[300];

    say(f, "1", "ann", "", "{\"plan\":\"gold\"}");
    const char *name = name_of(f, "ann");
    snprintf(old, sizeof old, "%s", f->master_key);
    snprintf(f->master_key, sizeof f->master_key, "%s/new.key", f->dir);
    succeed(f, tdl_store_rotate(f->store, f->master_key, &f->why));
    say(f, "2", "ann", "", ""); // who has it open keeps it open
    fixture_close(f);
    refuse_key(f, old, TDL_E_FORBIDDEN, "another master key");
    fixture_open(f, NULL);
    assert_string_equal(name_of(f, "ann"), name);
    assert_str(newest_user(f), "ann");
    expect_traits(f, "ann", "{\"plan\":\"gold\"}");
}

static void a_damaged_key_makes_one_person_unreadable_and_nobody_else(void **state)
{
    fixture *f = *state;
    tdl_people_counts counts;

    say(f, "1", "bob", "", "{\"plan\":\"silver\"}");
    say(f, "2", "ann", "", "{\"plan\":\"gold\"}");
    assert_str(newest_user(f), "bob"); // equally new: first come
    set(f, "ann", f->on_postgres ? "sealed_key = '\\x0102'" : "sealed_key = x'0102'");
    fixture_reopen(f);
    expect_traits(f, "ann", "{}");
    expect_traits(f, "bob", "{\"plan\":\"silver\"}");
    tdl_event e = event_of("3");
    e.user = TDL_STR("ann");
    e.time_us = 2000000;
    e.traits = TDL_STR("{\"plan\":\"iron\"}");
    assert_int_equal(append_one(f, &e), 1);
    assert_str(newest_user(f), name_of(f, "ann"));
    succeed(f, tdl_store_count_people(f->store, &counts, &f->why));
    assert_int_equal(counts.users, 2);
    assert_int_equal(counts.unreadable, 1);
}

/* What was read once is remembered, but not longer than the row allows. */
static void a_destroyed_key_is_gone_at_once(void **state)
{
    fixture *f = *state;
    tdl_people_counts counts;

    say(f, "1", "ann", "", "{\"plan\":\"gold\"}");
    assert_str(newest_user(f), "ann");
    set(f, "ann", "sealed_key = NULL, sealed_id = NULL, erased_us = 1");
    assert_str(newest_user(f), name_of(f, "ann"));
    expect_traits(f, "ann", "{}");
    succeed(f, tdl_store_count_people(f->store, &counts, &f->why));
    assert_int_equal(counts.erased, 1);
    assert_int_equal(counts.unreadable, 0);
}

/* ---- finding and moving ---- */

static void an_id_is_found_whole_and_by_its_beginning(void **state)
{
    fixture *f = *state;
    tdl_user_row *users;
    size_t n;

    say(f, "1", "anna", "", "");
    say(f, "2", "ann", "", "");
    say(f, "3", "bob", "", "");
    say(f, "4", "annabel", "", "");
    succeed(f, tdl_store_users(f->store, TDL_STR("ann"), 9, f->arena, &users, &n, &f->why));
    assert_int_equal(n, 3);
    assert_str(users[0].id, "anna");
    assert_str(users[1].id, "annabel");
    assert_str(users[2].id, "ann"); // found by its pseudonym, last among equals
    succeed(f, tdl_store_users(f->store, TDL_STR("ann"), 1, f->arena, &users, &n, &f->why));
    assert_int_equal(n, 1);
    assert_str(users[0].id, "ann");
    succeed(f, tdl_store_users(f->store, TDL_STR("an"), 2, f->arena, &users, &n, &f->why));
    assert_int_equal(n, 2);
    succeed(f, tdl_store_users(f->store, TDL_STR("c"), 2, f->arena, &users, &n, &f->why));
    assert_int_equal(n, 0);
}

static void a_moved_store_keeps_its_pseudonyms_under_another_master_key(void **state)
{
    fixture *f = *state;
    tdl_transfer_counts here, there;
    char path[320], key[320], name[TDL_PSEUDONYM_LEN + 1];
    tdl_store *other;

    say(f, "1", "anon", "", "");
    say(f, "2", "ann", "anon", "{\"plan\":\"gold\"}");
    ask(f, "d1", "ann");
    ask(f, "d2", "stranger");
    snprintf(path, sizeof path, "%s/moved.db", f->dir);
    snprintf(key, sizeof key, "%s/moved.key", f->dir);
    tdl_store_options options = {.master_key_file = key, .sealed_as = f->store};
    succeed(f, tdl_store_open(path, &options, &other, &f->why));
    succeed(f, tdl_store_transfer(f->store, other, NULL, NULL, &here, &there, &f->why));
    tdl_vault_pseudonym(tdl_store_vault(other), "user", TDL_STR("ann"), name);
    assert_string_equal(name, name_of(f, "ann"));
    fixture_close(f);
    f->store = other;
    expect_traits(f, "anon", "{\"plan\":\"gold\"}");
    assert_str(newest_user(f), "ann");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(no_id_and_no_trait_lies_readable_in_the_store),
        STORE_TEST(no_entry_of_the_audit_log_can_be_guessed_without_a_key),
        STORE_TEST(a_known_users_decisions_are_read_with_his_key_only),
        STORE_TEST(traits_come_back_as_they_were_written),
        STORE_TEST(a_trait_moved_to_another_person_or_name_is_not_read),
        STORE_TEST(a_sealed_store_opens_with_its_own_master_key_only),
        CLOSED_TEST(a_store_that_knows_people_stays_plain),
        CLOSED_TEST(an_empty_store_is_sealed_later_but_not_when_it_is_only_read),
        STORE_TEST(after_a_rotation_the_new_master_key_alone_opens_the_store),
        STORE_TEST(a_damaged_key_makes_one_person_unreadable_and_nobody_else),
        STORE_TEST(a_destroyed_key_is_gone_at_once),
        STORE_TEST(an_id_is_found_whole_and_by_its_beginning),
        STORE_TEST(a_moved_store_keeps_its_pseudonyms_under_another_master_key),
    };
    return run_sealed_on_each_backend("store/sealed", tests);
}
