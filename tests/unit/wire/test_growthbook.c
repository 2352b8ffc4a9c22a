/* What GrowthBook's SDK asks and sends; the captured bodies are those of
 * @growthbook/growthbook 1.8.0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "wire/growthbook/growthbook.h"

/* 2026-11-24T10:00:00Z, by `date -u +%s`. */
static const int64_t NOW_US = INT64_C(1795514400000000);

typedef struct fixture {
    tdl_arena *arena;
    tdl_buf text;
    tdl_batch batch;
    tdl_growthbook_question question;
    tdl_flag_set *set;
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
    tdl_growthbook_question_release(&f->question);
    tdl_flag_set_free(f->set);
    tdl_buf_release(&f->text);
    tdl_arena_free(f->arena);
    free(f);
    return 0;
}

static const char *captured(fixture *f, const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "%s/growthbook_%s.json", CAPTURED, name);
    tdl_buf_clear(&f->text);
    if (tdl_file_read(path, 1 << 20, &f->text, &f->why))
        fail_msg("%s", f->why.message);
    return f->text.at;
}

static tdl_status decode(fixture *f, const char *text)
{
    tdl_batch_release(&f->batch);
    f->why = (tdl_report){0};
    return tdl_growthbook_decode(tdl_str_of(text), NOW_US, f->arena, &f->batch, &f->why);
}

static tdl_status ask(fixture *f, const char *text)
{
    tdl_growthbook_question_release(&f->question);
    f->question = (tdl_growthbook_question){0};
    f->why = (tdl_report){0};
    return tdl_growthbook_read_question(tdl_str_of(text), NOW_US, f->arena, &f->question, &f->why);
}

/* ---- track ---- */

static void the_captured_batch_is_four_events_one_of_them_an_exposure(void **state)
{
    fixture *f = *state;

    assert_int_equal(decode(f, captured(f, "track")), TDL_OK);
    assert_int_equal(f->batch.events_n, 4);
    for (size_t i = 0; i < 4; i++) {
        const tdl_event *event = &f->batch.events[i];
        assert_true(tdl_str_is(event->user, "u1") && tdl_str_is(event->source, "growthbook"));
        assert_int_equal(event->time_us, NOW_US);
        assert_int_equal(event->message_id.len, 36);
    }
    assert_true(tdl_str_is(f->batch.events[1].kind, "Experiment Viewed"));
    assert_true(tdl_str_is(
        f->batch.events[1].properties,
        "{\"context\":{\"country\":\"US\"},\"experimentId\":\"btn-exp\",\"hashAttribute\":\"id\","
        "\"hashValue\":\"u1\",\"page_title\":\"Cart\",\"sdk_language\":\"js\",\"sdk_version\":"
        "\"1.8.0\",\"session_id\":\"s1\",\"url\":\"https://shop.example/cart\",\"utm_source\":"
        "\"news\",\"variationId\":\"0\"}"));
    assert_true(tdl_str_is(f->batch.events[3].kind, "Button Clicked"));
}

static void every_event_has_an_id_of_its_own(void **state)
{
    fixture *f = *state;

    assert_int_equal(decode(f, captured(f, "track")), TDL_OK);
    for (size_t i = 1; i < 4; i++)
        assert_false(tdl_str_eq(f->batch.events[0].message_id, f->batch.events[i].message_id));
}

static void a_person_is_the_user_else_the_device_else_what_was_hashed(void **state)
{
    fixture *f = *state;

    assert_int_equal(decode(f, "[{\"event_name\":\"a\",\"user_id\":\"u\",\"device_id\":\"d\"},"
                               "{\"event_name\":\"a\",\"user_id\":null,\"device_id\":\"d\"},"
                               "{\"event_name\":\"a\",\"properties_json\":{\"hashValue\":\"h\"}}]"),
                     TDL_OK);
    assert_int_equal(f->batch.events_n, 3);
    assert_true(tdl_str_is(f->batch.events[0].user, "u"));
    assert_true(tdl_str_is(f->batch.events[1].user, "d"));
    assert_true(tdl_str_is(f->batch.events[2].user, "h"));
}

static void items_and_values_are_read_as_of_other_families(void **state)
{
    fixture *f = *state;

    assert_int_equal(decode(f, "[{\"event_name\":\"buy\",\"device_id\":\"d\",\"properties_json\":{"
                               "\"product_id\":7,\"revenue\":9.5}}]"),
                     TDL_OK);
    assert_true(tdl_str_is(f->batch.events[0].item, "7"));
    assert_true(f->batch.events[0].has_value && f->batch.events[0].value == 9.5);
}

static void a_bad_event_is_left_out_and_the_rest_goes_in(void **state)
{
    fixture *f = *state;

    assert_int_equal(decode(f, "[5,{\"event_name\":\"a\"},{\"device_id\":\"d\"},"
                               "{\"event_name\":\"\\ud800\\u0000\",\"device_id\":\"d\"}]"),
                     TDL_OK);
    assert_int_equal(f->batch.received_n, 4);
    assert_int_equal(f->batch.events_n, 1);
    assert_true(tdl_str_is(f->batch.events[0].kind, "\xEF\xBF\xBD"));
    assert_non_null(strstr(f->batch.rejected.message, "event 0: an event must be an object"));
}

static void what_is_no_batch_is_refused(void **state)
{
    fixture *f = *state;

    assert_int_equal(decode(f, "{}"), TDL_E_INVALID);
    assert_string_equal(f->why.message, "the body must be an array of events, not of type object");
    assert_int_equal(decode(f, ""), TDL_E_INVALID);
    assert_int_equal(decode(f, "[{\"event_name\":"), TDL_E_INVALID);
}

/* ---- questions ---- */

static void the_captured_question_is_about_u1(void **state)
{
    fixture *f = *state;

    assert_int_equal(ask(f, captured(f, "eval")), TDL_OK);
    assert_true(tdl_str_is(f->question.context.id, "u1"));
    assert_string_equal(
        json_string_value(json_object_get(f->question.context.properties, "country")), "US");
    assert_int_equal(json_object_size(f->question.context.forced), 0);
    assert_int_equal(f->question.context.now_us, NOW_US);
}

static void who_is_asked_about_is_who_the_plugin_reports(void **state)
{
    fixture *f = *state;

    assert_int_equal(ask(f, "{\"attributes\":{\"id\":\"i\",\"anonymous_id\":\"a\"}}"), TDL_OK);
    assert_true(tdl_str_is(f->question.context.id, "a"));
    assert_int_equal(
        ask(f, "{\"attributes\":{\"id\":\"i\",\"device_id\":\"d\",\"user_id\":\"u\"}}"), TDL_OK);
    assert_true(tdl_str_is(f->question.context.id, "u"));
    // who is logged is nobody's hash: an attribute that is missing stays so
    assert_int_equal(ask(f, "{\"attributes\":{\"user_id\":\"u\"}}"), TDL_OK);
    assert_true(json_is_null(json_object_get(f->question.context.properties, "id")));
}

static void forced_features_become_an_object(void **state)
{
    fixture *f = *state;

    assert_int_equal(ask(f, "{\"forcedFeatures\":[[\"a\",1],[\"b\"],[\"a\",{\"x\":2}]],"
                            "\"forcedVariations\":{\"e\":1},\"url\":\"https://x/?e=1\"}"),
                     TDL_OK);
    const json_t *values = f->question.context.forced_values;
    assert_int_equal(json_object_size(values), 2);
    assert_true(json_is_object(json_object_get(values, "a")));
    assert_true(json_is_null(json_object_get(values, "b")));
    assert_true(tdl_str_is(f->question.context.url, "https://x/?e=1"));
}

static void a_bad_question_names_its_member(void **state)
{
    static const char *const bad[][2] = {
        {"[]", "the body must be an object, not of type array"},
        {"{\"attributes\":5}", "attributes must be an object, not of type number"},
        {"{\"forcedVariations\":[]}", "forcedVariations must be an object, not of type array"},
        {"{\"forcedFeatures\":{}}", "forcedFeatures must be an array, not of type object"},
        {"{\"forcedFeatures\":[[1,2]]}", "forcedFeatures 0 has no key"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(ask(f, bad[i][0]), TDL_E_INVALID);
        assert_string_equal(f->why.message, bad[i][1]);
    }
}

/* ---- payloads ---- */

static void make_set(fixture *f)
{
    const tdl_flag_row rows[] = {
        {.key = TDL_STR("a"),
         .family = TDL_STR("growthbook"),
         .updated_us = NOW_US,
         .definition =
             TDL_STR("{\"defaultValue\":1.0,\"note\":\"ours\",\"savedGroups\":{\"g\":[1]},"
                     "\"rules\":[{\"z\":1,\"force\":{\"b\":1,\"a\":2},\"id\":\"r1\"}]}")},
        {.key = TDL_STR("b"),
         .family = TDL_STR("growthbook"),
         .definition =
             TDL_STR("{\"savedGroups\":{\"g\":[2],\"h\":[3]},\"contextualBandits\":{\"cb\":"
                     "{\"contexts\":[]}}}")},
    };

    assert_int_equal(tdl_flag_set_new(rows, 2, &f->set, NULL, &f->why), TDL_OK);
}

static void features_share_groups_of_which_the_first_counts(void **state)
{
    fixture *f = *state;
    tdl_jw w = {.out = &f->text};

    make_set(f);
    tdl_growthbook_write_features(&w, f->set);
    assert_string_equal(
        f->text.at,
        "{\"status\":200,\"features\":{\"a\":{\"defaultValue\":1.0,\"rules\":[{\"z\":1,\"force\":{"
        "\"b\":1,\"a\":2},\"id\":\"r1\"}]},\"b\":{\"defaultValue\":null}},\"experiments\":[],"
        "\"dateUpdated\":\"2026-11-24T10:00:00Z\",\"savedGroups\":{\"g\":[1],\"h\":[3]},"
        "\"contextualBandits\":{\"cb\":{\"contexts\":[]}}}");
}

static void an_answer_is_a_rule_that_forces_it(void **state)
{
    fixture *f = *state;
    tdl_jw w = {.out = &f->text};
    tdl_flag_answer forced = {.value = TDL_STR("5"),
                              .default_value = TDL_STR("1.0"),
                              .reason = TDL_FLAG_MATCH,
                              .exposures = TDL_STR("[{}]")};
    tdl_flag_answer standard = {
        .value = TDL_STR("null"), .default_value = TDL_STR("null"), .rule = -1};

    make_set(f);
    tdl_growthbook_begin_answers(&w);
    tdl_growthbook_write_answer(&w, tdl_flag_set_at(f->set, 0), &forced);
    tdl_growthbook_write_answer(&w, tdl_flag_set_at(f->set, 1), &standard);
    tdl_growthbook_end_answers(&w, f->set);
    assert_string_equal(
        f->text.at,
        "{\"status\":200,\"features\":{\"a\":{\"defaultValue\":1.0,\"rules\":[{\"id\":\"r1\","
        "\"force\":5,\"tracks\":[{}]}]},\"b\":{\"defaultValue\":null}},\"experiments\":[],"
        "\"dateUpdated\":\"2026-11-24T10:00:00Z\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_captured_batch_is_four_events_one_of_them_an_exposure),
        TEST(every_event_has_an_id_of_its_own),
        TEST(a_person_is_the_user_else_the_device_else_what_was_hashed),
        TEST(items_and_values_are_read_as_of_other_families),
        TEST(a_bad_event_is_left_out_and_the_rest_goes_in),
        TEST(what_is_no_batch_is_refused),
        TEST(the_captured_question_is_about_u1),
        TEST(who_is_asked_about_is_who_the_plugin_reports),
        TEST(forced_features_become_an_object),
        TEST(a_bad_question_names_its_member),
        TEST(features_share_groups_of_which_the_first_counts),
        TEST(an_answer_is_a_rule_that_forces_it),
    };

    return cmocka_run_group_tests_name("growthbook", tests, NULL, NULL);
}
