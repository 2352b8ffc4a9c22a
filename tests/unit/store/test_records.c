/* Items, decisions, models and keys through the whole store. Expected values are set out by hand
 * from the contract in store/store.h. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

/* ---- catalogue ---- */

static void an_item_comes_back_as_it_went_in(void **state)
{
    fixture *f = *state;
    tdl_item item = {TDL_STR("i 1"), TDL_STR("Amélie"), TDL_STR("{\"year\":2001}")}, got;

    succeed(f, tdl_store_put_items(f->store, &item, 1, &f->why));
    succeed(f, tdl_store_get_item(f->store, TDL_STR("i 1"), f->arena, &got, &f->why));
    assert_str(got.id, "i 1");
    assert_str(got.title, "Amélie");
    assert_str(got.attributes, "{\"year\":2001}");
}

static void putting_an_item_again_replaces_it(void **state)
{
    fixture *f = *state;
    tdl_item item[2] = {{TDL_STR("a"), TDL_STR("old"), TDL_STR("{}")}, {.id = TDL_STR("a")}}, got;
    tdl_store_counts counts;

    succeed(f, tdl_store_put_items(f->store, item, 2, &f->why));
    succeed(f, tdl_store_get_item(f->store, TDL_STR("a"), f->arena, &got, &f->why));
    assert_int_equal(got.title.len + got.attributes.len, 0);
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.items, 1);
}

static void an_unknown_item_is_not_found(void **state)
{
    fixture *f = *state;
    tdl_item got;

    refuse(f, tdl_store_get_item(f->store, TDL_STR("nope"), f->arena, &got, &f->why),
           TDL_E_NOT_FOUND, "there is no item \"nope\"");
}

static void items_are_put_all_or_none(void **state)
{
    fixture *f = *state;
    tdl_item item[2] = {{.id = TDL_STR("a")}, {.id = TDL_STR("b"), .attributes = TDL_STR("[]")}};
    tdl_store_counts counts;

    refuse(f, tdl_store_put_items(f->store, item, 2, &f->why), TDL_E_INVALID, "item 1: attributes");
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.items, 0);
}

static void list_item(void *context, const tdl_item *item)
{
    tdl_buf *out = context;
    tdl_buf_printf(out, "%.*s=%.*s ", TDL_FMT(item->id), TDL_FMT(item->title));
}

static void items_are_listed_in_order_of_first_appearance(void **state)
{
    fixture *f = *state;
    tdl_item item[2] = {{.id = TDL_STR("z"), .title = TDL_STR("Z")},
                        {.id = TDL_STR("a"), .title = TDL_STR("A")}};
    tdl_event e = event_of("m");
    tdl_buf out = {0};

    e.item = TDL_STR("m"); // first seen in an event: exists without a title
    append_one(f, &e);
    succeed(f, tdl_store_put_items(f->store, item, 2, &f->why));
    e.item = TDL_STR("a");
    e.message_id = TDL_STR("m2");
    append_one(f, &e);
    succeed(f, tdl_store_each_item(f->store, list_item, &out, &f->why));
    assert_string_equal(out.at, "m= z=Z a=A ");
    tdl_buf_release(&out);
}

/* ---- decisions ---- */

static const tdl_candidate some_candidates[] = {
    {.item = {"i1", 2}, .score = 2.5, .propensity = 1, .chosen = true},
    {.item = {"i2", 2}, .score = 0.125, .propensity = 0.25},
};

static tdl_decision decision_of(const char *id, const char *user)
{
    tdl_decision d = {.time_us = 7,
                      .app = TDL_STR("recommend"),
                      .user = tdl_str_of(user),
                      .candidates = some_candidates,
                      .candidates_n = 2,
                      .model_version = TDL_STR("recommend-1"),
                      .why = TDL_STR("[{\"text\":\"popular\"}]"),
                      .context_hash = {1, 2, 3, [15] = 255}};
    snprintf(d.id, sizeof d.id, "%s", id);
    return d;
}

static const char ID[] = "0192aaaa-0000-7000-8000-000000000001";

static void a_decision_comes_back_as_it_was_logged(void **state)
{
    fixture *f = *state;
    tdl_decision d = decision_of(ID, "never seen");
    tdl_decision_row got;
    tdl_store_counts counts;

    succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
    succeed(f, tdl_store_get_decision(f->store, tdl_str_of(ID), f->arena, &got, &f->why));
    assert_string_equal(got.decision.id, ID);
    assert_true(got.decision.time_us == 7);
    assert_str(got.decision.app, "recommend");
    assert_str(got.decision.user, "never seen");
    assert_str(got.decision.model_version, "recommend-1");
    assert_str(got.decision.why, "[{\"text\":\"popular\"}]");
    assert_memory_equal(got.decision.context_hash, d.context_hash, 16);
    assert_int_equal(got.decision.candidates_n, 2);
    assert_str(got.decision.candidates[0].item, "i1");
    assert_true(got.decision.candidates[0].score == 2.5);
    assert_true(got.decision.candidates[0].chosen);
    assert_true(got.decision.candidates[1].propensity == 0.25);
    assert_false(got.decision.candidates[1].chosen);
    assert_int_equal(got.rewards_n, 0);
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.decisions, 1);
    assert_int_equal(counts.users, 0); // asking about a stranger stores no user
}

static void a_decision_with_no_candidates_comes_back_empty(void **state)
{
    fixture *f = *state;
    tdl_decision d = decision_of(ID, "u");
    tdl_decision_row got;

    d.candidates = NULL;
    d.candidates_n = 0;
    d.model_version = (tdl_str){0};
    succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
    succeed(f, tdl_store_get_decision(f->store, tdl_str_of(ID), f->arena, &got, &f->why));
    assert_int_equal(got.decision.candidates_n, 0);
    assert_int_equal(got.decision.model_version.len, 0);
}

static void a_decisions_titles_are_the_catalogues(void **state)
{
    fixture *f = *state;
    tdl_decision d = decision_of(ID, "u");
    tdl_item item = {.id = TDL_STR("i1"), .title = TDL_STR("Alien")};
    tdl_decision_row got;

    succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
    succeed(f, tdl_store_put_items(f->store, &item, 1, &f->why));
    succeed(f, tdl_store_get_decision(f->store, tdl_str_of(ID), f->arena, &got, &f->why));
    assert_str(got.decision.candidates[0].title, "Alien");
    assert_int_equal(got.decision.candidates[1].title.len, 0);
}

static void a_decision_has_the_events_that_carry_its_id_oldest_first(void **state)
{
    fixture *f = *state;
    tdl_decision d = decision_of(ID, "u");
    tdl_event e[3] = {event_of("late"), event_of("early"), event_of("other")};
    tdl_decision_row got;

    e[0].time_us = 20;
    e[1].time_us = 10;
    e[0].decision_id = e[1].decision_id = tdl_str_of(ID);
    e[2].decision_id = TDL_STR("0192aaaa-0000-7000-8000-000000000002");
    succeed(f, tdl_store_append(f->store, e, 3, NULL, &f->why)); // even before the decision
    succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
    succeed(f, tdl_store_get_decision(f->store, tdl_str_of(ID), f->arena, &got, &f->why));
    assert_int_equal(got.rewards_n, 2);
    assert_str(got.rewards[0].message_id, "early");
    assert_str(got.rewards[1].message_id, "late");
}

static void an_unknown_decision_is_not_found(void **state)
{
    fixture *f = *state;
    tdl_decision_row got;

    refuse(f, tdl_store_get_decision(f->store, TDL_STR("x"), f->arena, &got, &f->why),
           TDL_E_NOT_FOUND, "there is no decision \"x\"");
    refuse(f, tdl_store_get_decision(f->store, (tdl_str){0}, f->arena, &got, &f->why),
           TDL_E_NOT_FOUND, "there is no decision \"\"");
}

static void a_repeated_decision_id_keeps_the_first_and_fails_nobody(void **state)
{
    fixture *f = *state;
    tdl_decision first = decision_of(ID, "first"), second = decision_of(ID, "second");
    tdl_event e = event_of("m");
    tdl_decision_row got;
    tdl_store_counts counts;

    succeed(f, tdl_store_log_decision(f->store, &first, &f->why));
    succeed(f, tdl_store_log_decision(f->store, &second, &f->why));
    assert_int_equal(append_one(f, &e), 1);
    succeed(f, tdl_store_get_decision(f->store, tdl_str_of(ID), f->arena, &got, &f->why));
    assert_str(got.decision.user, "first");
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.decisions, 1);
}

static void decisions_are_listed_newest_first_for_one_user_or_all(void **state)
{
    fixture *f = *state;
    static const char *const users[] = {"u", "v", "u", "u"};
    tdl_decision_row *got;
    size_t n;

    for (int i = 0; i < 4; i++) {
        char id[8];
        snprintf(id, sizeof id, "d%d", i);
        tdl_decision d = decision_of(id, users[i]);
        succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
    }
    succeed(f, tdl_store_decisions(f->store, TDL_STR("u"), 2, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 2);
    assert_string_equal(got[0].decision.id, "d3");
    assert_string_equal(got[1].decision.id, "d2");
    succeed(f, tdl_store_decisions(f->store, (tdl_str){0}, SIZE_MAX, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 4);
    assert_string_equal(got[2].decision.id, "d1");
    succeed(f, tdl_store_decisions(f->store, TDL_STR("w"), 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 0);
}

/* The index is by stretches of 4,096 decisions; a store of the first schema gets it when opened. */
static void decisions_of_one_user_are_found_in_every_stretch(void **state)
{
    enum { OTHERS = 5000 };
    fixture *f = *state;
    tdl_decision_row *got;
    size_t n;
    char id[16];

    for (size_t i = 0; i <= OTHERS; i++) {
        snprintf(id, sizeof id, "d%zu", i);
        tdl_decision d = decision_of(id, i % OTHERS < 2 ? "u" : "v");
        succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
    }
    for (int round = 0; round < 2; round++) {
        succeed(f, tdl_store_decisions(f->store, TDL_STR("u"), 9, f->arena, &got, &n, &f->why));
        assert_int_equal(n, 3);
        assert_string_equal(got[0].decision.id, "d5000");
        assert_string_equal(got[1].decision.id, "d1");
        assert_string_equal(got[2].decision.id, "d0");
        succeed(f, tdl_store_decisions(f->store, TDL_STR("u"), 2, f->arena, &got, &n, &f->why));
        assert_int_equal(n, 2);
        if (f->on_postgres || f->sealed) // which no store of the first schema was
            return;
        fixture_close(f);
        outside(f, "DROP INDEX decisions_by_user;"
                   "CREATE INDEX decisions_by_user ON decisions(user);"
                   "DROP TABLE users; DROP TABLE joins;" // no one is a user
                   "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
                   "ALTER TABLE decisions DROP COLUMN sealed_user;"
                   "ALTER TABLE models DROP COLUMN stale_us;"
                   "DROP TABLE settings; DROP TABLE audit; DROP TABLE consents;"
                   "DROP TABLE retention; DROP TABLE erasures; DROP TABLE reports;"
                   "DROP TABLE rejects; DROP TABLE groups; DROP TABLE group_traits;"
                   "DROP TABLE joined_ids; DROP TABLE traits; DROP TABLE flags;"
                   "PRAGMA user_version = 1");
        fixture_open(f, NULL);
    }
    assert_int_equal(outside_number(f, "SELECT count(*) FROM sqlite_schema WHERE"
                                       " name = 'decisions_by_user' AND sql LIKE '%>> 12%'"),
                     1);
}

static void a_damaged_decision_is_reported(void **state)
{
    fixture *f = *state;
    tdl_decision d = decision_of(ID, "u");
    tdl_decision_row got;

    succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
    tdl_store_flush(f->store);
    outside(f, "UPDATE decisions SET candidates = '[[1]]'");
    refuse(f, tdl_store_get_decision(f->store, tdl_str_of(ID), f->arena, &got, &f->why),
           TDL_E_CORRUPT, ID);
    outside(f, f->on_postgres ? "UPDATE decisions SET context_hash = '\\x00'"
                              : "UPDATE decisions SET context_hash = x'00'");
    refuse(f, tdl_store_get_decision(f->store, tdl_str_of(ID), f->arena, &got, &f->why),
           TDL_E_CORRUPT, ID);
}

/* ---- models ---- */

static tdl_status put_model(fixture *f, const char *version, const char *app, int64_t created_us,
                            bool active)
{
    tdl_model_row m = {.version = tdl_str_of(version),
                       .app = tdl_str_of(app),
                       .path = TDL_STR("models/x"),
                       .report = TDL_STR("{\"a\":1}"),
                       .created_us = created_us,
                       .bytes = 5,
                       .hash = "abc",
                       .active = active};
    return tdl_store_put_model(f->store, &m, &f->why);
}

/* "version*" for each model, newest first; * = active. */
static const char *models(fixture *f, const char *app)
{
    tdl_model_row *got;
    tdl_buf out = {0};
    size_t n;

    succeed(f, tdl_store_models(f->store, tdl_str_of(app), f->arena, &got, &n, &f->why));
    for (size_t i = 0; i < n; i++)
        tdl_buf_printf(&out, "%.*s%s ", TDL_FMT(got[i].version), got[i].active ? "*" : "");
    tdl_str copy = tdl_arena_str(f->arena, tdl_buf_view(&out));
    tdl_buf_release(&out);
    return copy.at;
}

static void a_model_comes_back_as_it_went_in(void **state)
{
    fixture *f = *state;
    tdl_model_row *got;
    size_t n;

    succeed(f, put_model(f, "v1", "recommend", 3, true));
    succeed(f, tdl_store_models(f->store, TDL_STR("recommend"), f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    assert_str(got->path, "models/x");
    assert_str(got->report, "{\"a\":1}");
    assert_true(got->created_us == 3 && got->bytes == 5 && got->active);
    assert_string_equal(got->hash, "abc");
}

static void one_model_per_app_is_active(void **state)
{
    fixture *f = *state;

    succeed(f, put_model(f, "p1", "price", 1, true));
    succeed(f, put_model(f, "r1", "recommend", 2, true));
    succeed(f, put_model(f, "r2", "recommend", 3, true));
    succeed(f, put_model(f, "r3", "recommend", 4, false));
    assert_string_equal(models(f, ""), "r3 r2* r1 p1* ");
    succeed(f, tdl_store_activate_model(f->store, TDL_STR("r1"), &f->why));
    assert_string_equal(models(f, "recommend"), "r3 r2 r1* ");
    assert_string_equal(models(f, "price"), "p1* ");
}

static void an_unknown_model_is_not_activated(void **state)
{
    fixture *f = *state;

    succeed(f, put_model(f, "r1", "recommend", 2, true));
    refuse(f, tdl_store_activate_model(f->store, TDL_STR("r9"), &f->why), TDL_E_NOT_FOUND,
           "there is no model version \"r9\"");
    assert_string_equal(models(f, ""), "r1* ");
}

static void a_model_version_is_stored_once(void **state)
{
    fixture *f = *state;

    succeed(f, put_model(f, "r1", "recommend", 2, true));
    succeed(f, put_model(f, "r2", "recommend", 3, false));
    refuse(f, put_model(f, "r2", "recommend", 4, true), TDL_E_CONFLICT, "version \"r2\" already");
    assert_string_equal(models(f, ""), "r2 r1* "); // r1 was not switched off
}

/* ---- keys ---- */

static void a_key_is_found_by_its_hash_and_its_text_is_nowhere(void **state)
{
    fixture *f = *state;
    char text[TDL_KEY_TEXT_MAX], sql[256];
    uint8_t hash[32];
    tdl_key_row *got;
    size_t n;

    succeed(f, tdl_store_create_key(f->store, TDL_RIGHT_DECIDE, TDL_STR("shop"), text, &f->why));
    tdl_key_hash(tdl_str_of(text), hash);
    succeed(f, tdl_store_keys(f->store, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    assert_memory_equal(got->hash, hash, 32);
    assert_int_equal(got->right, TDL_RIGHT_DECIDE);
    assert_str(got->label, "shop");
    assert_true(got->created_us > 0 && got->revoked_us == 0);
    snprintf(sql, sizeof sql,
             f->on_postgres
                 ? "SELECT count(*) FROM keys"
                   " WHERE strpos(id || label || encode(hash, 'escape'), '%s') > 0"
                 : "SELECT count(*) FROM keys WHERE instr(id || label || hash, '%s') > 0",
             text + 6);
    assert_int_equal(outside_number(f, sql), 0);
}

static void a_revoked_key_stays_listed(void **state)
{
    fixture *f = *state;
    char text[TDL_KEY_TEXT_MAX];
    tdl_key_row *got;
    size_t n;

    succeed(f, tdl_store_create_key(f->store, TDL_RIGHT_WRITE, TDL_STR("1"), text, &f->why));
    succeed(f, tdl_store_create_key(f->store, TDL_RIGHT_ADMIN, TDL_STR("2"), text, &f->why));
    succeed(f, tdl_store_keys(f->store, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 2);
    succeed(f, tdl_store_revoke_key(f->store, tdl_str_of(got[0].id), &f->why));
    refuse(f, tdl_store_revoke_key(f->store, tdl_str_of(got[0].id), &f->why), TDL_E_NOT_FOUND,
           "there is no valid key");
    fixture_reopen(f);
    succeed(f, tdl_store_keys(f->store, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 2);
    assert_str(got[0].label, "1");
    assert_true(got[0].revoked_us >= got[0].created_us);
    assert_true(got[1].revoked_us == 0);
}

static void an_unknown_key_cannot_be_revoked(void **state)
{
    fixture *f = *state;
    refuse(f, tdl_store_revoke_key(f->store, TDL_STR("00"), &f->why), TDL_E_NOT_FOUND,
           "there is no valid key \"00\"");
}

static void a_bad_label_or_right_makes_no_key(void **state)
{
    fixture *f = *state;
    char text[TDL_KEY_TEXT_MAX] = "untouched", long_label[201];
    tdl_key_row *got;
    size_t n;

    memset(long_label, 'x', sizeof long_label);
    refuse(f, tdl_store_create_key(f->store, TDL_RIGHT_WRITE, TDL_STR("a\n"), text, &f->why),
           TDL_E_INVALID, "label holds a control character");
    refuse(
        f,
        tdl_store_create_key(f->store, TDL_RIGHT_WRITE, (tdl_str){long_label, 201}, text, &f->why),
        TDL_E_INVALID, "label is 201 bytes long");
    refuse(f, tdl_store_create_key(f->store, (tdl_right)0, TDL_STR("a"), text, &f->why),
           TDL_E_INVALID, "write, decide or admin");
    assert_string_equal(text, "untouched");
    succeed(f, tdl_store_keys(f->store, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 0);
}

static void a_damaged_key_is_never_valid(void **state)
{
    fixture *f = *state;
    char text[TDL_KEY_TEXT_MAX];
    static const char *const damages[] = {"UPDATE keys SET hash = ''", "UPDATE keys SET grants = 4",
                                          "UPDATE keys SET id = id || id || id || id || id"};

    for (int i = 0; i < 3; i++) {
        tdl_key_row *got;
        size_t n;
        outside(f, "DELETE FROM keys");
        succeed(f, tdl_store_create_key(f->store, TDL_RIGHT_ADMIN, TDL_STR("a"), text, &f->why));
        outside(f, damages[i]);
        succeed(f, tdl_store_keys(f->store, f->arena, &got, &n, &f->why));
        assert_int_equal(n, 1);
        assert_true(got->revoked_us != 0);
    }
}

/* ---- for reading only ---- */

static void a_store_opened_for_reading_reads_and_refuses_to_write(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("m");
    tdl_decision d = decision_of(ID, "u");
    tdl_item item = {.id = TDL_STR("i")};
    char text[TDL_KEY_TEXT_MAX];

    append_one(f, &e);
    fixture_close(f);
    fixture_open(f, &(tdl_store_options){.read_only = true});
    assert_string_equal(scanned(f, 0), "m");
    tdl_store_flush(f->store);
    static const char part[] = "opened for reading only";
    refuse(f, tdl_store_append(f->store, &e, 1, NULL, &f->why), TDL_E_FORBIDDEN, part);
    refuse(f, tdl_store_log_decision(f->store, &d, &f->why), TDL_E_FORBIDDEN, part);
    refuse(f, tdl_store_put_items(f->store, &item, 1, &f->why), TDL_E_FORBIDDEN, part);
    refuse(f, put_model(f, "v", "a", 1, false), TDL_E_FORBIDDEN, part);
    refuse(f, tdl_store_activate_model(f->store, TDL_STR("v"), &f->why), TDL_E_FORBIDDEN, part);
    refuse(f, tdl_store_create_key(f->store, TDL_RIGHT_WRITE, TDL_STR("k"), text, &f->why),
           TDL_E_FORBIDDEN, part);
    refuse(f, tdl_store_revoke_key(f->store, TDL_STR("k"), &f->why), TDL_E_FORBIDDEN, part);
}

static void a_setting_is_what_was_put_last(void **state)
{
    fixture *f = *state;
    tdl_buf value = {0};
    bool found = true;

    succeed(f, tdl_store_setting(f->store, TDL_STR("colour"), &value, &found, &f->why));
    assert_false(found);
    succeed(f, tdl_store_put_setting(f->store, TDL_STR("colour"), TDL_STR("red"), &f->why));
    succeed(f, tdl_store_put_setting(f->store, TDL_STR("colour"), TDL_STR("蓝色"), &f->why));
    succeed(f, tdl_store_setting(f->store, TDL_STR("colour"), &value, &found, &f->why));
    assert_true(found);
    assert_str(tdl_buf_view(&value), "蓝色");
    tdl_buf_release(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_setting_is_what_was_put_last),
        STORE_TEST(an_item_comes_back_as_it_went_in),
        STORE_TEST(putting_an_item_again_replaces_it),
        STORE_TEST(an_unknown_item_is_not_found),
        STORE_TEST(items_are_put_all_or_none),
        STORE_TEST(items_are_listed_in_order_of_first_appearance),
        STORE_TEST(a_decision_comes_back_as_it_was_logged),
        STORE_TEST(a_decision_with_no_candidates_comes_back_empty),
        STORE_TEST(a_decisions_titles_are_the_catalogues),
        STORE_TEST(a_decision_has_the_events_that_carry_its_id_oldest_first),
        STORE_TEST(an_unknown_decision_is_not_found),
        STORE_TEST(a_repeated_decision_id_keeps_the_first_and_fails_nobody),
        STORE_TEST(decisions_are_listed_newest_first_for_one_user_or_all),
        STORE_TEST(decisions_of_one_user_are_found_in_every_stretch),
        STORE_TEST(a_damaged_decision_is_reported),
        STORE_TEST(a_model_comes_back_as_it_went_in),
        STORE_TEST(one_model_per_app_is_active),
        STORE_TEST(an_unknown_model_is_not_activated),
        STORE_TEST(a_model_version_is_stored_once),
        STORE_TEST(a_key_is_found_by_its_hash_and_its_text_is_nowhere),
        STORE_TEST(a_revoked_key_stays_listed),
        STORE_TEST(an_unknown_key_cannot_be_revoked),
        STORE_TEST(a_bad_label_or_right_makes_no_key),
        STORE_TEST(a_damaged_key_is_never_valid),
        STORE_TEST(a_store_opened_for_reading_reads_and_refuses_to_write),
    };
    return run_on_each_backend("store/records", tests);
}
