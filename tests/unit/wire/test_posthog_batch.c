/* Whole bodies, among them requests captured from the real SDKs (posthog-node 5.70.0 and 4.2.0,
 * posthog-js-lite 4.12.1, posthog-js 1.449.2 and 1.200.0); what each must yield is read off the
 * SDK's own script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/timestamp.h"
#include "wire/body.h"
#include "wire/posthog/posthog.h"

typedef struct fixture {
    tdl_arena *arena;
    tdl_buf raw, storage, results;
    tdl_batch batch;
    tdl_posthog_call call;
    tdl_str key;
    tdl_report why;
} fixture;

static int64_t at(const char *text)
{
    int64_t us = 0;
    assert_int_equal(tdl_time_parse(tdl_str_of(text), &us, NULL), TDL_OK);
    return us;
}

/* Received a few minutes after the captures were made. */
static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->arena = tdl_arena_new((size_t)32 << 20);
    f->call = (tdl_posthog_call){.now_us = at("2026-11-23T16:00:00Z"), .sent_us = -1};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    tdl_batch_release(&f->batch);
    tdl_buf_release(&f->raw);
    tdl_buf_release(&f->storage);
    tdl_buf_release(&f->results);
    tdl_arena_free(f->arena);
    free(f);
    return 0;
}

static tdl_status decode(fixture *f, const char *text)
{
    tdl_batch_release(&f->batch);
    tdl_buf_clear(&f->results);
    f->why = (tdl_report){0};
    return tdl_posthog_decode(tdl_str_of(text), &f->call, f->arena, &f->batch, &f->key, &f->why);
}

/* The body of a captured request, as it was sent: most are gzip and say nothing of it. */
static void decode_captured(fixture *f, const char *name, int number)
{
    static const tdl_body_limits no_limits;
    char path[1024];
    tdl_str text;

    tdl_batch_release(&f->batch);
    tdl_buf_clear(&f->raw);
    tdl_buf_clear(&f->storage);
    tdl_buf_clear(&f->results);
    snprintf(path, sizeof path, "%s/posthog/%s-%d", CAPTURED, name, number);
    assert_int_equal(tdl_file_read(path, 1 << 20, &f->raw, NULL), TDL_OK);
    assert_int_equal(
        tdl_body_decode(tdl_buf_view(&f->raw), (tdl_str){0}, &no_limits, &f->storage, &text, NULL),
        TDL_OK);
    assert_int_equal(tdl_body_unwrap(text, &no_limits, &f->storage, &text, NULL), TDL_OK);
    assert_int_equal(tdl_posthog_decode(text, &f->call, f->arena, &f->batch, &f->key, &f->why),
                     TDL_OK);
}

static void assert_event(const tdl_event *event, const char *kind, const char *user,
                         const char *alias)
{
    if (!tdl_str_is(event->kind, kind) || !tdl_str_is(event->user, user) ||
        !tdl_str_is(event->alias, alias))
        fail_msg("%.*s by %.*s (%.*s) is not %s by %s (%s)", TDL_FMT(event->kind),
                 TDL_FMT(event->user), TDL_FMT(event->alias), kind, user, alias);
}

/* Section 4 of the protocols' sheet: distinct events of each capture. */
static void each_capture_yields_its_events(void **state)
{
    static const struct {
        const char *name;
        int requests;
        size_t events;
    } captures[] = {
        {"node_capture", 1, 5}, {"node_flags", 1, 2},   {"node_local", 1, 8},
        {"node_v1", 3, 3},      {"node4_decide", 1, 2}, {"node4_local", 1, 1},
        {"lite", 2, 4},         {"js", 4, 6},           {"js_1200", 4, 5},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof captures / sizeof captures[0]; i++) {
        json_t *seen = json_object();
        for (int number = 1; number <= captures[i].requests; number++) {
            decode_captured(f, captures[i].name, number);
            assert_int_equal(f->batch.events_n, f->batch.received_n);
            for (size_t k = 0; k < f->batch.events_n; k++) {
                tdl_str id = tdl_arena_str(f->arena, f->batch.events[k].message_id);
                json_object_set_new(seen, id.at, json_true());
            }
        }
        assert_int_equal(json_object_size(seen), captures[i].events);
        json_decref(seen);
    }
}

static void the_node_sdk_says_who_is_whom(void **state)
{
    fixture *f = *state;

    decode_captured(f, "node_capture", 1);
    const tdl_event *e = f->batch.events;
    assert_event(&e[0], "purchase", "u1", "");
    assert_event(&e[1], "$identify", "u1", "");
    assert_event(&e[2], "$create_alias", "u1", "anon1");
    assert_event(&e[3], "$groupidentify", "$company_acme", "");
    assert_event(&e[4], "$exception", "u1", "");
    assert_true(tdl_str_is(e[0].traits, "{\"plan\":\"pro\"}"));
    assert_true(tdl_str_is(e[0].traits_once, "{\"first\":\"x\"}"));
    assert_true(e[0].has_value && e[0].value == 12.5);
    assert_true(tdl_str_is(e[1].traits, "{\"email\":\"a@b.c\"}"));
    assert_true(tdl_str_is(e[3].group_type, "company") && tdl_str_is(e[3].group, "acme"));
    assert_true(tdl_str_is(e[3].group_traits, "{\"seats\":5}") && e[3].no_person);
    assert_true(tdl_str_is(f->key, "phc_test"));
}

static void the_browser_sdks_say_who_is_whom(void **state)
{
    fixture *f = *state;

    decode_captured(f, "js", 2);
    assert_event(&f->batch.events[0], "$identify", "u1", "01a2091e-79e2-7129-b2da-ad3dff76dfc9");
    decode_captured(f, "js", 3); // what was done before the login arrives after it
    assert_event(&f->batch.events[0], "purchase", "01a2091e-79e2-7129-b2da-ad3dff76dfc9", "");
    assert_event(&f->batch.events[1], "$groupidentify", "u1", "");
    assert_true(tdl_str_is(f->batch.events[1].group, "acme") && !f->batch.events[1].no_person);
    assert_event(&f->batch.events[2], "$autocapture", "u1", "");
    assert_true(tdl_str_is(f->key, "phc_test"));
    decode_captured(f, "js_1200", 2);
    assert_event(&f->batch.events[0], "$identify", "u1", "01a2091f-5629-7b44-b55b-d71104ea3901");
    assert_true(tdl_str_is(f->batch.events[0].traits, "{\"email\":\"a@b.c\"}"));
    assert_true(f->batch.events[0].traits_once.len);
    assert_true(tdl_str_is(f->key, "phc_test")); // only among the properties
}

static void a_batch_may_count_back_from_its_receipt(void **state)
{
    fixture *f = *state;

    decode_captured(f, "js_1200", 3); // offsets 2079 and 2063, no timestamps
    assert_int_equal(f->batch.events[0].time_us, f->call.now_us - 2079000);
    assert_int_equal(f->batch.events[1].time_us, f->call.now_us - 2063000);
}

/* The worked clock case of the sheet: ts 10:00:00, sent 10:00:05. */
static void a_wrong_clock_is_corrected(void **state)
{
    static const struct {
        const char *received, *want, *more;
    } cases[] = {
        {"2026-11-24T12:00:05Z", "2026-11-24T12:00:00Z", ""},
        {"2026-11-24T10:00:09Z", "2026-11-24T10:00:00Z", ""},
        {"2026-11-24T12:00:05Z", "2026-11-24T10:00:00Z", ",\"historical_migration\":true"},
    };
    fixture *f = *state;
    char text[300];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f->call.now_us = at(cases[i].received);
        snprintf(text, sizeof text,
                 "{\"sent_at\":\"2026-11-24T10:00:05Z\"%s,\"batch\":[{\"event\":\"e\","
                 "\"distinct_id\":\"u\",\"timestamp\":\"2026-11-24T10:00:00Z\"}]}",
                 cases[i].more);
        assert_int_equal(decode(f, text), TDL_OK);
        assert_int_equal(f->batch.events[0].time_us, at(cases[i].want));
    }
    f->call.now_us = at("2026-11-24T12:00:05Z");
    f->call.sent_us = at("2026-11-24T10:00:05Z"); // told outside of the body
    assert_int_equal(decode(f, "{\"event\":\"e\",\"distinct_id\":\"u\","
                               "\"timestamp\":\"2026-11-24T10:00:00Z\"}"),
                     TDL_OK);
    assert_int_equal(f->batch.events[0].time_us, at("2026-11-24T12:00:00Z"));
}

static void a_bad_event_is_left_out_and_counted(void **state)
{
    fixture *f = *state;

    assert_int_equal(decode(f, "[{\"event\":\"a\",\"distinct_id\":\"u\",\"uuid\":\"no uuid\"},"
                               "{\"event\":\"a\"},7,{\"event\":\"b\",\"distinct_id\":\"u\"}]"),
                     TDL_OK);
    assert_int_equal(f->batch.received_n, 4);
    assert_int_equal(f->batch.events_n, 2);
    assert_event(&f->batch.events[1], "b", "u", "");
    assert_string_equal(f->batch.rejected.message, "event 1: user is missing");
}

static void each_uuid_gets_its_result(void **state)
{
    fixture *f = *state;

    f->call.ret_results = &f->results;
    decode_captured(f, "node_v1", 1);
    assert_string_equal(f->results.at,
                        "{\"01a2091d-0ead-72fe-8b83-c853f6054a0f\":{\"result\":\"ok\"},"
                        "\"01a2091d-0ead-72fe-8b83-c854cfa9a324\":{\"result\":\"ok\"}}");
    assert_int_equal(decode(f, "{\"batch\":[{\"uuid\":\"1\",\"event\":\"a\",\"distinct_id\":\"u\"},"
                               "{\"uuid\":\"2\"},{\"uuid\":\"1\",\"event\":\"a\"},{},7]}"),
                     TDL_OK);
    assert_string_equal(f->results.at, "{\"1\":{\"result\":\"ok\"},\"2\":{\"details\":"
                                       "\"user is missing\",\"result\":\"drop\"}}");
    assert_int_equal(decode(f, "{\"batch\":[]}"), TDL_OK);
    assert_string_equal(f->results.at, "{}");
}

static void the_key_is_found_in_every_place(void **state)
{
    static const char *const texts[] = {
        "{\"api_key\":\"k\",\"batch\":[]}",
        "{\"token\":\"k\",\"batch\":[{\"properties\":{\"token\":\"of the product\"}}]}",
        "{\"api_key\":\"k\",\"event\":\"e\",\"distinct_id\":\"u\"}",
        "{\"event\":\"e\",\"distinct_id\":\"u\",\"properties\":{\"token\":\"k\"}}",
        "[{\"event\":\"e\"},{\"event\":\"e\",\"properties\":{\"token\":\"k\"}}]",
        "[{\"event\":\"e\",\"token\":\"k\"},{\"event\":\"e\",\"api_key\":\"k\"}]",
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(decode(f, texts[i]), TDL_OK);
        assert_true(tdl_str_is(f->key, "k"));
    }
    assert_int_equal(decode(f, "[{\"event\":\"e\"}]"), TDL_OK);
    assert_int_equal(f->key.len, 0);
}

static void two_different_keys_are_refused(void **state)
{
    static const char *const texts[] = {
        "[{\"event\":\"e\",\"token\":\"a\"},{\"event\":\"e\",\"properties\":{\"token\":\"b\"}}]",
        "{\"api_key\":\"a\",\"batch\":[{\"event\":\"e\"},{\"event\":\"e\",\"api_key\":\"b\"}]}",
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(decode(f, texts[i]), TDL_E_UNAUTHORIZED);
        assert_string_equal(f->why.message, "the batch shows two different keys");
        assert_int_equal(f->batch.events_n, 0);
    }
}

static void tokens_of_events_are_their_own_once_the_key_is_known(void **state)
{
    fixture *f = *state;

    f->call.key_known = true;
    assert_int_equal(decode(f, "[{\"event\":\"e\",\"distinct_id\":\"u\",\"properties\":{"
                               "\"token\":\"a\"}},{\"event\":\"e\",\"distinct_id\":\"u\","
                               "\"properties\":{\"token\":\"b\"}}]"),
                     TDL_OK);
    assert_true(tdl_str_is(f->batch.events[0].properties, "{\"token\":\"a\"}"));
    assert_true(tdl_str_is(f->batch.events[1].properties, "{\"token\":\"b\"}"));
}

static void the_key_alone_is_read_of_any_shape(void **state)
{
    fixture *f = *state;

    assert_int_equal(
        tdl_posthog_key(TDL_STR("{\"$token\":\"k\",\"$set\":{}}"), &f->batch, &f->key, &f->why),
        TDL_OK);
    assert_true(tdl_str_is(f->key, "k"));
    tdl_batch_release(&f->batch);
    assert_int_equal(tdl_posthog_key(TDL_STR("nothing"), &f->batch, &f->key, &f->why),
                     TDL_E_INVALID);
}

static void foreign_json_is_read_with_good_will(void **state)
{
    fixture *f = *state;

    assert_int_equal(decode(f, "{\"event\":\"a\",\"event\":\"b\\ud83d\",\"distinct_id\":"
                               "\"x\\u0000y\",\"properties\":{\"item\":12345678901234567890}}"),
                     TDL_OK);
    assert_event(&f->batch.events[0], "b\xef\xbf\xbd", "xy", "");
    assert_true(tdl_str_is(f->batch.events[0].item, "12345678901234567890"));
}

static void what_is_no_batch_at_all_is_refused(void **state)
{
    static const char *const texts[] = {
        "", "7", "{}", "{\"batch\":{}}", "{\"batch\":[", "{\"batch\":[\"\xff\"]}", "\"e\""};
    fixture *f = *state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(decode(f, texts[i]), TDL_E_INVALID);
        assert_true(f->why.message[0]);
    }
}

static void ten_thousand_events_pass_and_one_more_does_not(void **state)
{
    fixture *f = *state;

    tdl_buf_text(&f->raw, "[0");
    for (int i = 1; i < TDL_BATCH_MAX; i++)
        tdl_buf_text(&f->raw, ",0");
    size_t n = f->raw.len;
    tdl_buf_text(&f->raw, "]");
    assert_int_equal(decode(f, f->raw.at), TDL_OK);
    assert_int_equal(f->batch.received_n, TDL_BATCH_MAX);
    f->raw.len = n;
    tdl_buf_text(&f->raw, ",0]");
    assert_int_equal(decode(f, f->raw.at), TDL_E_TOO_LARGE);
}

/* A megabyte of properties: that event is left out, the one beside it is not. */
static void an_event_too_large_is_left_out_alone(void **state)
{
    fixture *f = *state;

    tdl_buf_text(&f->raw, "[{\"event\":\"a\",\"distinct_id\":\"u\",\"properties\":{\"x\":\"");
    for (int i = 0; i < TDL_PROPERTIES_MAX; i++)
        tdl_buf_char(&f->raw, 'x');
    tdl_buf_text(&f->raw, "\"}},{\"event\":\"b\",\"distinct_id\":\"u\"}]");
    assert_int_equal(decode(f, f->raw.at), TDL_OK);
    assert_int_equal(f->batch.events_n, 1);
    assert_event(&f->batch.events[0], "b", "u", "");
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(each_capture_yields_its_events),
        EACH(the_node_sdk_says_who_is_whom),
        EACH(the_browser_sdks_say_who_is_whom),
        EACH(a_batch_may_count_back_from_its_receipt),
        EACH(a_wrong_clock_is_corrected),
        EACH(a_bad_event_is_left_out_and_counted),
        EACH(each_uuid_gets_its_result),
        EACH(the_key_is_found_in_every_place),
        EACH(two_different_keys_are_refused),
        EACH(tokens_of_events_are_their_own_once_the_key_is_known),
        EACH(the_key_alone_is_read_of_any_shape),
        EACH(foreign_json_is_read_with_good_will),
        EACH(what_is_no_batch_at_all_is_refused),
        EACH(ten_thousand_events_pass_and_one_more_does_not),
        EACH(an_event_too_large_is_left_out_alone),
    };
    return cmocka_run_group_tests_name("wire/posthog_batch", tests, NULL, NULL);
}
