/* Whole bodies, among them requests captured from the real SDKs (@segment/analytics-node 3.1.0 and
 * analytics-next 1.84.3); what each must yield is read off the SDK's own script. */
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
#include "wire/segment/segment.h"

typedef struct fixture {
    tdl_arena *arena;
    tdl_buf text;
    tdl_batch batch;
    tdl_str key;
    tdl_report why;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->arena = tdl_arena_new((size_t)32 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    tdl_batch_release(&f->batch);
    tdl_buf_release(&f->text);
    tdl_arena_free(f->arena);
    free(f);
    return 0;
}

/* Received half a second after the captures were made. */
static int64_t received(void)
{
    int64_t us = 0;
    assert_int_equal(tdl_time_parse(TDL_STR("2026-11-23T15:56:00Z"), &us, NULL), TDL_OK);
    return us;
}

static tdl_status decode(fixture *f, tdl_segment_call call, const char *text)
{
    tdl_batch_release(&f->batch);
    f->why = (tdl_report){0};
    return tdl_segment_decode(tdl_str_of(text), call, received(), f->arena, &f->batch, &f->key,
                              &f->why);
}

static void decode_captured(fixture *f, tdl_segment_call call, const char *name)
{
    char path[1024];

    tdl_buf_clear(&f->text);
    snprintf(path, sizeof path, "%s/%s.json", CAPTURED, name);
    assert_int_equal(tdl_file_read(path, 1 << 20, &f->text, NULL), TDL_OK);
    assert_int_equal(decode(f, call, f->text.at), TDL_OK);
}

static void assert_event(const tdl_event *event, const char *kind, const char *user)
{
    if (!tdl_str_is(event->kind, kind) || !tdl_str_is(event->user, user))
        fail_msg("%.*s by %.*s is not %s by %s", TDL_FMT(event->kind), TDL_FMT(event->user), kind,
                 user);
}

static void the_node_sdk_batch_yields_its_eight_events(void **state)
{
    fixture *f = *state;
    static const char *const kinds[] = {"$identify",    "Order Completed", "Experiment Viewed",
                                        "$page",        "$screen",         "$groupidentify",
                                        "$create_alias"};

    decode_captured(f, TDL_SEGMENT_BATCH, "node_batch");
    assert_int_equal(f->batch.received_n, 8);
    assert_int_equal(f->batch.events_n, 8);
    for (size_t i = 0; i < 7; i++)
        assert_event(&f->batch.events[i], kinds[i], "u1");
    assert_event(&f->batch.events[7], "Signed Up", "anon2");
    assert_true(f->batch.events[1].has_value && f->batch.events[1].value == 12.5);
    assert_true(tdl_str_is(f->batch.events[7].message_id, "mid-1"));
    assert_true(tdl_str_is(f->key, "wk_test"));
}

static void an_imported_time_stays_and_a_wrong_clock_is_corrected(void **state)
{
    fixture *f = *state;
    int64_t imported, sent;

    decode_captured(f, TDL_SEGMENT_BATCH, "node_batch");
    // sentAt is 15:52:52.391, received 15:56:00: the clock is off by 187.609 s
    assert_int_equal(tdl_time_parse(TDL_STR("2020-01-02T03:04:05Z"), &imported, NULL), TDL_OK);
    assert_int_equal(tdl_time_parse(TDL_STR("2026-11-23T15:52:52.374Z"), &sent, NULL), TDL_OK);
    assert_int_equal(f->batch.events[0].time_us, sent + 187609000);
    assert_int_equal(f->batch.events[7].time_us, imported + 187609000);
}

static void the_browser_sdk_batch_yields_its_three_events(void **state)
{
    fixture *f = *state;

    decode_captured(f, TDL_SEGMENT_BATCH, "browser_batch");
    assert_int_equal(f->batch.events_n, 3);
    assert_event(&f->batch.events[0], "A", "65ca32e8-4f26-46dd-965a-bba4d78046b9");
    assert_event(&f->batch.events[2], "C", "65ca32e8-4f26-46dd-965a-bba4d78046b9");
    assert_true(tdl_str_is(f->batch.events[1].properties, "{\"i\":2}"));
    assert_true(tdl_str_is(f->key, "wk"));
}

static void each_single_browser_call_yields_one_event(void **state)
{
    static const struct {
        tdl_segment_call call;
        const char *name, *kind, *user;
    } cases[] = {
        {TDL_SEGMENT_TRACK, "browser_track", "Order Completed",
         "bf2f368d-b003-495d-a86b-7c5dd74b52cc"},
        {TDL_SEGMENT_IDENTIFY, "browser_identify", "$identify", "u1"},
        {TDL_SEGMENT_PAGE, "browser_page", "$page", "u1"},
        {TDL_SEGMENT_GROUP, "browser_group", "$groupidentify", "u1"},
        {TDL_SEGMENT_ALIAS, "browser_alias", "$create_alias", "u1"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        decode_captured(f, cases[i].call, cases[i].name);
        assert_int_equal(f->batch.events_n, 1);
        assert_event(&f->batch.events[0], cases[i].kind, cases[i].user);
        assert_true(tdl_str_is(f->key, "wk"));
    }
}

static void a_bad_event_is_left_out_and_counted(void **state)
{
    fixture *f = *state;

    assert_int_equal(decode(f, TDL_SEGMENT_BATCH,
                            "{\"batch\":[{\"type\":\"track\",\"event\":\"a\",\"userId\":\"u\"},"
                            "{\"type\":\"track\",\"userId\":\"u\"},7,"
                            "{\"type\":\"track\",\"event\":\"b\",\"userId\":\"u\"}]}"),
                     TDL_OK);
    assert_int_equal(f->batch.received_n, 4);
    assert_int_equal(f->batch.events_n, 2);
    assert_event(&f->batch.events[1], "b", "u");
    assert_string_equal(f->batch.rejected.message, "event 1: kind is missing");
}

static void an_empty_batch_is_fine(void **state)
{
    fixture *f = *state;

    assert_int_equal(decode(f, TDL_SEGMENT_BATCH, "{\"batch\":[],\"sentAt\":null}"), TDL_OK);
    assert_int_equal(f->batch.events_n, 0);
    assert_int_equal(f->key.len, 0);
}

static void the_key_of_a_browser_batch_may_stand_in_its_events(void **state)
{
    fixture *f = *state;

    assert_int_equal(
        decode(f, TDL_SEGMENT_BATCH,
               "{\"batch\":[{\"type\":\"page\",\"userId\":\"u\",\"writeKey\":\"k\"}]}"),
        TDL_OK);
    assert_true(tdl_str_is(f->key, "k"));
}

static void foreign_json_is_read_with_good_will(void **state)
{
    fixture *f = *state;

    assert_int_equal(decode(f, TDL_SEGMENT_TRACK,
                            "{\"event\":\"a\",\"event\":\"b\\ud83d\",\"userId\":\"x\\u0000y\","
                            "\"properties\":{\"product_id\":12345678901234567890}}"),
                     TDL_OK);
    assert_event(&f->batch.events[0], "b\xef\xbf\xbd", "xy");
    assert_true(tdl_str_is(f->batch.events[0].item, "12345678901234567890"));
}

static void what_is_no_batch_at_all_is_refused(void **state)
{
    static const char *const texts[] = {
        "", "[]", "7", "{}", "{\"batch\":{}}", "{\"batch\":[", "{\"batch\":[\"\xff\"]}"};
    fixture *f = *state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(decode(f, TDL_SEGMENT_BATCH, texts[i]), TDL_E_INVALID);
        assert_true(f->why.message[0]);
    }
}

static void ten_thousand_events_pass_and_one_more_does_not(void **state)
{
    fixture *f = *state;

    tdl_buf_text(&f->text, "{\"batch\":[0");
    for (int i = 1; i < TDL_BATCH_MAX; i++)
        tdl_buf_text(&f->text, ",0");
    size_t n = f->text.len;
    tdl_buf_text(&f->text, "]}");
    assert_int_equal(decode(f, TDL_SEGMENT_BATCH, f->text.at), TDL_OK);
    assert_int_equal(f->batch.received_n, TDL_BATCH_MAX);
    f->text.len = n;
    tdl_buf_text(&f->text, ",0]}");
    assert_int_equal(decode(f, TDL_SEGMENT_BATCH, f->text.at), TDL_E_TOO_LARGE);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_node_sdk_batch_yields_its_eight_events),
        EACH(an_imported_time_stays_and_a_wrong_clock_is_corrected),
        EACH(the_browser_sdk_batch_yields_its_three_events),
        EACH(each_single_browser_call_yields_one_event),
        EACH(a_bad_event_is_left_out_and_counted),
        EACH(an_empty_batch_is_fine),
        EACH(the_key_of_a_browser_batch_may_stand_in_its_events),
        EACH(foreign_json_is_read_with_good_will),
        EACH(what_is_no_batch_at_all_is_refused),
        EACH(ten_thousand_events_pass_and_one_more_does_not),
    };
    return cmocka_run_group_tests_name("wire/segment_batch", tests, NULL, NULL);
}
