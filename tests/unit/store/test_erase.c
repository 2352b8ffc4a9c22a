/* Erasing a person, whole or in part: what goes, what stays, and that it does not come back. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "store/audit.h"
#include "store/erase.h"

enum { SECOND = 1000000 };

static void append(fixture *f, const char *message, const char *user, const char *kind,
                   const char *alias, int64_t time_us)
{
    tdl_event e = event_of(message);

    e.user = tdl_str_of(user);
    e.kind = tdl_str_of(kind);
    e.alias = tdl_str_of(alias);
    e.time_us = time_us;
    e.properties = TDL_STR("{\"page\":\"/\"}");
    assert_int_equal(append_one(f, &e), 1);
}

static void decide(fixture *f, const char *id, const char *user, int64_t time_us)
{
    tdl_decision d = {
        .app = TDL_STR("a"), .user = tdl_str_of(user), .why = TDL_STR("[]"), .time_us = time_us};

    snprintf(d.id, sizeof d.id, "%s", id);
    succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
}

static void identify(fixture *f, const char *message, const char *user, const char *traits)
{
    tdl_event e = event_of(message);

    e.user = tdl_str_of(user);
    e.kind = TDL_STR("$identify");
    e.traits = tdl_str_of(traits);
    assert_int_equal(append_one(f, &e), 1);
}

/* ann, who is anon-1 too, and bob. */
static void two_persons(fixture *f)
{
    append(f, "a1", "anon-1", "view", "", SECOND);
    append(f, "a2", "ann@example.com", "$create_alias", "anon-1", 2 * SECOND);
    append(f, "a3", "ann@example.com", "buy", "", 3 * SECOND);
    identify(f, "a4", "ann@example.com", "{\"email\":\"ann@example.com\",\"plan\":\"gold\"}");
    append(f, "b1", "bob", "view", "", SECOND);
    identify(f, "b2", "bob", "{\"email\":\"bob@example.com\"}");
    decide(f, "d1", "anon-1", SECOND);
    decide(f, "d2", "ann@example.com", 2 * SECOND);
    decide(f, "d3", "bob", SECOND);
    succeed(f, tdl_store_put_consent(f->store, TDL_STR("ann@example.com"),
                                     &(tdl_consent){.purpose = TDL_PURPOSE_SHARING,
                                                    .time_us = 1,
                                                    .source = TDL_STR("api")},
                                     &f->why));
    tdl_store_flush(f->store);
}

static json_t *receipt_of(const tdl_erasure *e)
{
    json_t *json = NULL;

    assert_int_equal(tdl_json_parse(e->receipt, TDL_JSON_REFUSE_DUPLICATES, &json, NULL), TDL_OK);
    return json;
}

static tdl_erasure erase(fixture *f, const tdl_erase_request *request)
{
    tdl_erasure e;

    succeed(f, tdl_store_erase(f->store, request, f->arena, &e, &f->why));
    assert_true(e.done);
    return e;
}

static int64_t row(const tdl_erasure *e, const char *table)
{
    json_t *json = receipt_of(e);
    const json_t *rows = json_object_get(json_object_get(json, "receipt"), "rows");
    int64_t n = -1;

    tdl_json_get_int(rows, table, &n);
    json_decref(json);
    return n;
}

static size_t late(fixture *f, const char *message, const char *user)
{
    tdl_event e = event_of(message);

    e.user = tdl_str_of(user);
    return append_one(f, &e);
}

static size_t decisions_of(fixture *f, const char *user)
{
    tdl_decision_row *rows;
    size_t n = 0;

    succeed(f, tdl_store_decisions(f->store, tdl_str_of(user), 10, f->arena, &rows, &n, &f->why));
    return n;
}

/* ---- a whole person ---- */

static void a_person_goes_with_all_his_ids_and_others_stay(void **state)
{
    fixture *f = *state;
    tdl_store_counts counts;

    two_persons(f);
    tdl_erasure e = erase(f, &(tdl_erase_request){.user = TDL_STR("ann@example.com")});
    assert_string_equal(scanned(f, 0), "b1 b2");
    assert_int_equal(row(&e, "events"), 4);
    assert_int_equal(row(&e, "traits"), 2);
    assert_int_equal(row(&e, "decisions"), 2);
    assert_int_equal(row(&e, "joins"), 1);
    assert_int_equal(row(&e, "consents"), 1);
    assert_int_equal(decisions_of(f, "anon-1") + decisions_of(f, "ann@example.com"), 0);
    assert_int_equal(decisions_of(f, "bob"), 1);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM traits"), 1);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM joined_ids"), 0);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM users WHERE erased_us = 0"), 1); // bob
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.events, 2);
    assert_int_equal(counts.decisions, 1);
}

static void what_comes_late_under_any_of_his_ids_is_dropped(void **state)
{
    fixture *f = *state;

    two_persons(f);
    erase(f, &(tdl_erase_request){.user = TDL_STR("anon-1")});
    assert_int_equal(late(f, "l1", "ann@example.com"), 0);
    assert_int_equal(late(f, "l2", "anon-1"), 0);
    assert_int_equal(late(f, "a3", "ann@example.com"), 0); // sent again
    fixture_reopen(f);
    assert_int_equal(late(f, "l3", "ann@example.com"), 0);
    assert_int_equal(late(f, "l4", "bob"), 1);
    assert_int_equal(late(f, "l5", "ann"), 1); // somebody else
}

static void an_unknown_person_gets_a_receipt_of_no_rows_and_stays_out(void **state)
{
    fixture *f = *state;
    tdl_person_id *ids;
    size_t n = 1;

    two_persons(f);
    tdl_erasure e = erase(f, &(tdl_erase_request){.user = TDL_STR("eve")});
    assert_int_equal(row(&e, "events") + row(&e, "traits") + row(&e, "decisions"), 0);
    assert_int_equal(late(f, "l1", "eve"), 0);
    succeed(f, tdl_store_person_ids(f->store, TDL_STR("eve"), f->arena, &ids, &n, &f->why));
    assert_int_equal(n, 0);
    assert_string_equal(scanned(f, 0), "a1 a4 b1 b2 a2 a3");
}

static void an_erasure_and_its_entry_in_the_audit_log_name_each_other(void **state)
{
    fixture *f = *state;
    tdl_audit_row *entry;
    tdl_audit_state log;
    char subject[TDL_AUDIT_SUBJECT_MAX];
    const char *hash = "";
    int64_t seq = 0;
    size_t n = 0;

    two_persons(f);
    tdl_erasure e = erase(f, &(tdl_erase_request){.user = TDL_STR("ann@example.com")});
    succeed(f, tdl_store_audit_rows(f->store, 0, 10, f->arena, &entry, &n, &f->why));
    tdl_audit_subject(f->store, TDL_STR("ann@example.com"), subject);
    tdl_str expected = tdl_arena_printf(
        f->arena,
        "{\"action\":\"person.erase\",\"actor\":\"server\",\"consents\":1,\"decisions\":2,"
        "\"events\":4,"
        "\"joins\":1,\"rejects\":0,\"request\":\"%s\",\"seq\":%d,\"subject\":\"%s\",\"traits\":2,"
        "\"ts\":%lld}",
        e.id, (int)n, subject, (long long)e.created_us);
    assert_str(entry[0].record, expected.at);
    if (tdl_store_vault(f->store))
        assert_str(e.subject, subject);
    json_t *json = receipt_of(&e);
    assert_int_equal(
        json_unpack(json, "{s:{s:{s:s,s:I}}}", "receipt", "audit", "hash", &hash, "seq", &seq), 0);
    assert_int_equal(seq, entry[0].seq);
    assert_string_equal(hash, entry[0].hash);
    json_decref(json);
    succeed(f, tdl_store_audit_check(f->store, NULL, &log, &f->why));
    assert_int_equal(log.first_bad, 0);
}

static void a_receipt_is_verified_and_a_changed_one_is_not(void **state)
{
    fixture *f = *state;
    const char *key = "";

    two_persons(f);
    tdl_erasure e = erase(f, &(tdl_erase_request){.user = TDL_STR("bob")});
    if (!tdl_store_vault(f->store)) {
        refuse(f, tdl_receipt_verify(e.receipt, (tdl_str){0}, &f->why), TDL_E_INVALID,
               "not signed");
        return;
    }
    succeed(f, tdl_receipt_verify(e.receipt, (tdl_str){0}, &f->why));
    json_t *json = receipt_of(&e);
    assert_int_equal(json_unpack(json, "{s:s}", "public_key", &key), 0);
    succeed(f, tdl_receipt_verify(e.receipt, tdl_str_of(key), &f->why));
    json_decref(json);
    refuse(f, tdl_receipt_verify(e.receipt, TDL_STR("00"), &f->why), TDL_E_INVALID,
           "another store");
    tdl_str changed = tdl_arena_str(f->arena, e.receipt);
    for (size_t i = 0; i < changed.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            ((char *)changed.at)[i] ^= (char)(1 << bit);
            if (!tdl_receipt_verify(changed, (tdl_str){0}, NULL))
                fail_msg("byte %zu, bit %d: %.*s", i, bit, TDL_FMT(changed));
            ((char *)changed.at)[i] ^= (char)(1 << bit);
        }
}

static void on_a_broken_audit_log_nobody_is_erased(void **state)
{
    fixture *f = *state;
    tdl_erasure e;

    two_persons(f);
    outside(f, "UPDATE audit SET record = '{}' WHERE seq = 1");
    fixture_reopen(f);
    refuse(f,
           tdl_store_erase(f->store, &(tdl_erase_request){.user = TDL_STR("ann@example.com")},
                           f->arena, &e, &f->why),
           TDL_E_CONFLICT, "audit log is broken");
    assert_string_equal(scanned(f, 0), "a1 a4 b1 b2 a2 a3");
}

static void rejects_that_hold_any_of_his_ids_go(void **state)
{
    static const char *const raw[] = {"{\"user\":\"anon-1\"}", "{\"user\":\"ann@example.com\"}",
                                      "{\"user\":\"bob\"}"};
    fixture *f = *state;
    tdl_reject *left;
    size_t n = 0;

    two_persons(f);
    for (size_t i = 0; i < 3; i++) {
        tdl_reject reject = {.source = TDL_STR("test"), .reason = TDL_STR("no")};
        reject.raw = tdl_str_of(raw[i]);
        succeed(f, tdl_store_log_reject(f->store, &reject, &f->why));
    }
    tdl_store_flush(f->store);
    tdl_erasure e = erase(f, &(tdl_erase_request){.user = TDL_STR("ann@example.com")});
    assert_int_equal(row(&e, "rejects"), 2);
    succeed(f, tdl_store_rejects(f->store, 10, f->arena, &left, &n, &f->why));
    assert_int_equal(n, 1);
    assert_str(left[0].raw, raw[2]);
}

static void erasing_again_removes_nothing_more(void **state)
{
    fixture *f = *state;
    tdl_erasure *all;
    size_t n = 0;

    two_persons(f);
    tdl_erasure first = erase(f, &(tdl_erase_request){.user = TDL_STR("ann@example.com")});
    tdl_erasure again = erase(f, &(tdl_erase_request){.user = TDL_STR("ann@example.com")});
    assert_int_equal(row(&again, "events") + row(&again, "traits") + row(&again, "decisions"), 0);
    assert_true(tdl_str_eq(first.subject, again.subject));
    succeed(f, tdl_store_erasures(f->store, 10, f->arena, &all, &n, &f->why));
    assert_int_equal(n, 2);
    assert_string_equal(all[0].id, again.id);
    assert_int_equal(late(f, "l1", "ann@example.com"), 0);
}

static void models_made_since_his_first_event_are_stale(void **state)
{
    fixture *f = *state;
    int64_t now_us = tdl_time_now(), month_us = (int64_t)30 * 86400 * SECOND;
    tdl_model_row old = {.version = TDL_STR("v1"),
                         .app = TDL_STR("a"),
                         .path = TDL_STR("p1"),
                         .report = TDL_STR("{}"),
                         .created_us = now_us - month_us};
    tdl_model_row young = {.version = TDL_STR("v2"),
                           .app = TDL_STR("a"),
                           .path = TDL_STR("p2"),
                           .report = TDL_STR("{}"),
                           .created_us = now_us,
                           .active = true};
    tdl_model_row *models;
    size_t n = 0;

    succeed(f, tdl_store_put_model(f->store, &old, &f->why));
    succeed(f, tdl_store_put_model(f->store, &young, &f->why));
    append(f, "a1", "ann", "view", "", now_us - SECOND);
    tdl_erasure e = erase(f, &(tdl_erase_request){.user = TDL_STR("ann")});
    json_t *json = receipt_of(&e);
    json_t *stale = json_object_get(json_object_get(json, "receipt"), "models_stale");
    assert_int_equal(json_array_size(stale), 1);
    assert_string_equal(json_string_value(json_array_get(stale, 0)), "v2");
    json_decref(json);
    succeed(f, tdl_store_models(f->store, (tdl_str){0}, f->arena, &models, &n, &f->why));
    assert_int_equal(n, 2);
    assert_true(models[0].stale_us == e.created_us && !models[1].stale_us);
}

static void a_model_that_was_read_before_an_erasure_is_stale_from_the_start(void **state)
{
    fixture *f = *state;
    tdl_model_row row = {.app = TDL_STR("a"), .path = TDL_STR("p"), .report = TDL_STR("{}")};
    tdl_model_row *models;
    size_t n = 0;

    append(f, "a1", "ann", "view", "", SECOND);
    tdl_erasure e = erase(f, &(tdl_erase_request){.user = TDL_STR("ann")});
    row.version = TDL_STR("read before");
    row.created_us = e.created_us + 3;
    row.read_us = e.created_us - 1;
    succeed(f, tdl_store_put_model(f->store, &row, &f->why));
    row.version = TDL_STR("read after");
    row.created_us = e.created_us + 2;
    row.read_us = e.created_us + 1;
    succeed(f, tdl_store_put_model(f->store, &row, &f->why));
    succeed(f, tdl_store_models(f->store, (tdl_str){0}, f->arena, &models, &n, &f->why));
    assert_int_equal(n, 2);
    assert_true(models[0].stale_us == e.created_us && !models[1].stale_us);
}

/* ---- part of a person ---- */

static void a_time_range_takes_what_is_in_it(void **state)
{
    fixture *f = *state;

    two_persons(f);
    tdl_erasure e =
        erase(f, &(tdl_erase_request){
                     .user = TDL_STR("anon-1"), .from_us = 2 * SECOND, .until_us = 3 * SECOND});
    assert_string_equal(scanned(f, 0), "a1 a4 b1 b2 a3");
    assert_int_equal(row(&e, "events"), 1);
    assert_int_equal(row(&e, "decisions"), 1);
    assert_int_equal(row(&e, "traits"), 0);
    assert_int_equal(decisions_of(f, "anon-1"), 1);
    assert_int_equal(late(f, "l1", "ann@example.com"), 1);
    // The event that joined his ids is gone; they are one person all the same.
    assert_int_equal(outside_number(f, "SELECT count(*) FROM users WHERE person IS NOT NULL"), 1);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM joins WHERE event <> 0"), 0);
}

static void kinds_take_only_their_events(void **state)
{
    fixture *f = *state;
    const tdl_str kinds[] = {TDL_STR("buy"), TDL_STR("never seen")};

    two_persons(f);
    tdl_erasure e =
        erase(f, &(tdl_erase_request){.user = TDL_STR("anon-1"), .kinds = kinds, .kinds_n = 2});
    assert_string_equal(scanned(f, 0), "a1 a4 b1 b2 a2");
    assert_int_equal(row(&e, "events"), 1);
    assert_int_equal(row(&e, "decisions") + row(&e, "traits") + row(&e, "consents"), 0);
    assert_int_equal(decisions_of(f, "ann@example.com"), 1);
}

static void what_makes_no_sense_is_refused(void **state)
{
    fixture *f = *state;
    tdl_erase_request empty = {0};
    tdl_erase_request backwards = {.user = TDL_STR("u"), .from_us = 5, .until_us = 5};
    tdl_erasure e;

    refuse(f, tdl_store_erase(f->store, &empty, f->arena, &e, &f->why), TDL_E_INVALID, "user");
    refuse(f, tdl_store_erase(f->store, &backwards, f->arena, &e, &f->why), TDL_E_INVALID,
           "not before its end");
}

/* ---- who else must know ---- */

static void those_erased_since_are_named(void **state)
{
    fixture *f = *state;
    int64_t position = -1;
    tdl_str *names;
    size_t n = 0;

    two_persons(f);
    succeed(f, tdl_store_new_erasures(f->store, &position, f->arena, &names, &n, &f->why));
    erase(f, &(tdl_erase_request){.user = TDL_STR("ann@example.com")});
    erase(f, &(tdl_erase_request){.user = TDL_STR("bob"), .until_us = 1});
    succeed(f, tdl_store_new_erasures(f->store, &position, f->arena, &names, &n, &f->why));
    assert_true(tdl_store_is_named(f->store, TDL_STR("ann@example.com"), names, n));
    assert_true(tdl_store_is_named(f->store, TDL_STR("anon-1"), names, n));
    assert_true(tdl_store_is_named(f->store, TDL_STR("bob"), names, n));
    assert_false(tdl_store_is_named(f->store, TDL_STR("eve"), names, n));
    succeed(f, tdl_store_new_erasures(f->store, &position, f->arena, &names, &n, &f->why));
    assert_int_equal(n, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_person_goes_with_all_his_ids_and_others_stay),
        TEST(what_comes_late_under_any_of_his_ids_is_dropped),
        TEST(an_unknown_person_gets_a_receipt_of_no_rows_and_stays_out),
        TEST(an_erasure_and_its_entry_in_the_audit_log_name_each_other),
        TEST(a_receipt_is_verified_and_a_changed_one_is_not),
        TEST(on_a_broken_audit_log_nobody_is_erased),
        TEST(rejects_that_hold_any_of_his_ids_go),
        TEST(erasing_again_removes_nothing_more),
        TEST(models_made_since_his_first_event_are_stale),
        TEST(a_model_that_was_read_before_an_erasure_is_stale_from_the_start),
        TEST(a_time_range_takes_what_is_in_it),
        TEST(kinds_take_only_their_events),
        TEST(what_makes_no_sense_is_refused),
        TEST(those_erased_since_are_named),
    };
    return run_on_each_backend("store/erase", tests);
}
