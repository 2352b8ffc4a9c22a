/* PostHog's flag questions, as its SDKs sent them, and the answers they get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "wire/posthog/flags.h"

static const tdl_body_limits limits = {.inflated_max = 1 << 20};

typedef struct one {
    tdl_arena *arena;
    tdl_buf file, storage;
    tdl_posthog_question q;
} one;

static int set_up(void **state)
{
    one *o = calloc(1, sizeof *o);

    o->arena = tdl_arena_new((size_t)8 << 20);
    o->storage.limit = 4 << 20;
    *state = o;
    return 0;
}

static int tear_down(void **state)
{
    one *o = *state;

    json_decref(o->q.json);
    tdl_buf_release(&o->file);
    tdl_buf_release(&o->storage);
    tdl_arena_free(o->arena);
    free(o);
    return 0;
}

static void load(one *o, const char *name)
{
    char path[4096], bytes[8192];

    snprintf(path, sizeof path, "%s/posthog_flags/%s", CAPTURED, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_in_range(n, 1, sizeof bytes - 1);
    tdl_buf_add(&o->file, bytes, n);
}

static void read_captured(one *o, const char *name)
{
    tdl_report why = {0};
    tdl_str text;

    load(o, name);
    if (tdl_body_decode(tdl_buf_view(&o->file), (tdl_str){0}, &limits, &o->storage, &text, &why) ||
        tdl_body_unwrap(text, &limits, &o->storage, &text, &why) ||
        tdl_posthog_question_read(text, o->arena, &o->q, &why))
        fail_msg("%s: %s", name, why.message);
}

static void assert_text(const json_t *object, const char *key, const char *expected)
{
    assert_string_equal(json_string_value(json_object_get(object, key)), expected);
}

static void a_question_of_posthog_node_names_its_flags(void **state)
{
    one *o = *state;

    read_captured(o, "node.json");
    assert_true(tdl_str_is(o->q.token, "phc_test"));
    assert_true(tdl_str_is(o->q.context.id, "u2"));
    assert_true(tdl_posthog_asks_for(&o->q, TDL_STR("new-ui")));
    assert_false(tdl_posthog_asks_for(&o->q, TDL_STR("off")));
}

static void a_packed_question_of_a_browser_brings_ids_and_properties(void **state)
{
    one *o = *state;

    read_captured(o, "js.gz");
    assert_true(tdl_str_is(o->q.context.id, "u1"));
    assert_true(tdl_str_is(o->q.context.anonymous_id, "01a2091e-79e2-7129-b2da-ad3dff76dfc9"));
    assert_true(tdl_str_is(o->q.context.device_id, "01a2091e-79e2-7129-b2da-ad3dff76dfc9"));
    assert_text(o->q.context.properties, "email", "a@b.c");
    assert_text(o->q.context.groups, "company", "acme");
    assert_true(tdl_posthog_asks_for(&o->q, TDL_STR("anything")));
}

static void a_form_of_an_old_browser_is_unwrapped(void **state)
{
    one *o = *state;

    read_captured(o, "js_1200.form");
    assert_true(tdl_str_is(o->q.context.id, "u1"));
    assert_text(o->q.context.properties, "email", "a@b.c");
}

static void a_question_of_posthog_js_lite_is_read(void **state)
{
    one *o = *state;

    read_captured(o, "lite.json");
    assert_true(tdl_str_is(o->q.context.id, "u1"));
    assert_int_equal(o->q.context.anonymous_id.len, 36);
}

static void bad_questions_are_refused_and_their_token_is_still_known(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"token\":\"t\"}", "distinct_id is missing"},
        {"{\"token\":\"t\",\"distinct_id\":\"\"}", "distinct_id is missing"},
        {"{\"token\":\"t\",\"distinct_id\":{}}", "distinct_id is missing"},
    };
    one *o = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdl_posthog_question q = {0};
        tdl_report why = {0};
        assert_int_equal(tdl_posthog_question_read(tdl_str_of(cases[i].text), o->arena, &q, &why),
                         TDL_E_INVALID);
        assert_string_equal(why.message, cases[i].message);
        assert_true(tdl_str_is(q.token, "t"));
        json_decref(q.json);
    }
}

static void what_is_wrapped_too_often_or_badly_is_left_as_it_is(void **state)
{
    static const char *const cases[] = {"", "data=", "data=%%%", "hello!", "A", "data=data=data="};
    one *o = *state;
    tdl_str text;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdl_posthog_question q = {0};
        tdl_status st = tdl_body_unwrap(tdl_str_of(cases[i]), &limits, &o->storage, &text, NULL);
        if (!st)
            st = tdl_posthog_question_read(text, o->arena, &q, NULL);
        assert_int_equal(st, TDL_E_INVALID);
        json_decref(q.json);
    }
}

/* ---- answers ---- */

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
static const tdl_flag_row rows[] = {
    {.id = 4,
     .key = {"new-ui", 6},
     .family = {"posthog", 7},
     .version = 3,
     .definition = TEXT("{\"filters\":{\"groups\":[{\"variant\":\"test\"}],\"multivariate\":{"
                        "\"variants\":[{\"key\":\"test\",\"rollout_percentage\":100}]},"
                        "\"payloads\":{\"test\":\"{\\\"color\\\":\\\"red\\\"}\"}}}")},
    {.id = 5,
     .key = {"off", 3},
     .family = {"posthog", 7},
     .version = 1,
     .definition = TEXT("{\"filters\":{\"groups\":[{\"properties\":[{\"key\":\"x\",\"operator\":"
                        "\"is_set\"}]}]}}")},
};

static void assert_written(tdl_posthog_form form, const char *expected)
{
    tdl_arena *arena = tdl_arena_new(1 << 20);
    tdl_flag_context context = {.id = TDL_STR("u")};
    tdl_posthog_answer at[2];
    tdl_posthog_answers answers = {
        .at = at, .n = 2, .request_id = "an-id", .now_us = INT64_C(1700000000000999)};
    tdl_flag_set *set = NULL;
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};

    assert_int_equal(tdl_flag_set_new(rows, 2, &set, NULL, NULL), TDL_OK);
    for (size_t i = 0; i < 2; i++) {
        at[i].flag = tdl_flag_set_at(set, i);
        assert_int_equal(tdl_flag_evaluate(set, at[i].flag, &context, arena, &at[i].answer, NULL),
                         TDL_OK);
    }
    tdl_posthog_answers_write(&answers, form, &w);
    assert_string_equal(text.at, expected);
    tdl_buf_release(&text);
    tdl_flag_set_free(set);
    tdl_arena_free(arena);
}

static void answers_have_the_shape_of_each_version(void **state)
{
    (void)state;
    assert_written(
        TDL_POSTHOG_FORM_FULL,
        "{\"flags\":{\"new-ui\":{\"key\":\"new-ui\",\"enabled\":true,\"variant\":\"test\","
        "\"reason\":{\"code\":\"condition_match\",\"condition_index\":0,\"description\":"
        "\"Matched condition set 1\"},\"metadata\":{\"id\":4,\"version\":3,\"payload\":"
        "\"{\\\"color\\\":\\\"red\\\"}\",\"description\":null}},\"off\":{\"key\":\"off\","
        "\"enabled\":false,\"variant\":null,\"reason\":{\"code\":\"no_condition_match\","
        "\"condition_index\":null,\"description\":\"No matching condition set\"},\"metadata\":{"
        "\"id\":5,\"version\":1,\"payload\":null,\"description\":null}}},"
        "\"errorsWhileComputingFlags\":false,\"requestId\":\"an-id\","
        "\"evaluatedAt\":1700000000000}");
#define TAIL                                                                                       \
    "\"errorsWhileComputingFlags\":false,\"requestId\":\"an-id\",\"supportedCompression\":["       \
    "\"gzip\",\"gzip-js\"],\"sessionRecording\":false}"
    assert_written(TDL_POSTHOG_FORM_VALUES,
                   "{\"featureFlags\":{\"new-ui\":\"test\",\"off\":false},\"featureFlagPayloads\":{"
                   "\"new-ui\":\"{\\\"color\\\":\\\"red\\\"}\"}," TAIL);
    assert_written(TDL_POSTHOG_FORM_ENABLED,
                   "{\"featureFlags\":{\"new-ui\":\"test\"},\"featureFlagPayloads\":{"
                   "\"new-ui\":\"{\\\"color\\\":\\\"red\\\"}\"}," TAIL);
    assert_written(TDL_POSTHOG_FORM_LIST, "{\"featureFlags\":[\"new-ui\"]," TAIL);
}

/* ---- definitions ---- */

static bool is_ours(const char *definition, bool old)
{
    const tdl_flag_row row = {.id = 1,
                              .key = TDL_STR("f"),
                              .family = TDL_STR("posthog"),
                              .definition = tdl_str_of(definition),
                              .version = 1};
    tdl_flag_set *set = NULL;
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    json_t *json = NULL;
    bool ours = false;

    assert_int_equal(tdl_flag_set_new(&row, 1, &set, NULL, NULL), TDL_OK);
    assert_int_equal(tdl_posthog_definitions_write(set, old, &w, NULL), TDL_OK);
    assert_int_equal(tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, &json, NULL),
                     TDL_OK);
    assert_true(tdl_json_get_bool(json_array_get(json_object_get(json, "flags"), 0),
                                  "ensure_experience_continuity", &ours));
    json_decref(json);
    tdl_buf_release(&text);
    tdl_flag_set_free(set);
    return ours;
}

#define CONDITION(property, variant) "{\"properties\":[" property "],\"variant\":" variant "}"
#define VARIANTS                                                                                   \
    "\"multivariate\":{\"variants\":[{\"key\":\"x\",\"rollout_percentage\":100},"                  \
    "{\"key\":\"y\",\"rollout_percentage\":0}]}"

static void only_what_an_sdk_may_decide_otherwise_is_kept_to_the_server(void **state)
{
    static const struct {
        const char *definition;
        bool ours, ours_to_old;
    } cases[] = {
        {"{\"filters\":{\"groups\":[{\"rollout_percentage\":50}]}}", false, false},
        {"{\"ensure_experience_continuity\":true}", true, true},
        {"{\"filters\":{\"groups\":[" CONDITION("{\"key\":\"a\",\"operator\":\"gt\",\"value\":1}",
                                                "null") "]}}",
         false, true},
        // passed by, where the SDK does not know the property, for a condition that says otherwise
        {"{\"filters\":{" VARIANTS ",\"groups\":[" CONDITION(
             "{\"key\":\"a\",\"operator\":\"is_not\",\"value\":\"b\"}", "\"y\"") ",{}]}}",
         true, true},
        {"{\"filters\":{" VARIANTS
         ",\"groups\":[" CONDITION("{\"key\":\"a\",\"value\":\"b\"}", "\"y\"") ",{}]}}",
         false, false},
        {"{\"filters\":{\"groups\":[" CONDITION(
             "{\"type\":\"flag\",\"key\":\"gone\",\"value\":true}", "null") "]}}",
         true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(is_ours(cases[i].definition, false), cases[i].ours);
        assert_int_equal(is_ours(cases[i].definition, true), cases[i].ours_to_old);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_question_of_posthog_node_names_its_flags),
        TEST(a_packed_question_of_a_browser_brings_ids_and_properties),
        TEST(a_form_of_an_old_browser_is_unwrapped),
        TEST(a_question_of_posthog_js_lite_is_read),
        TEST(bad_questions_are_refused_and_their_token_is_still_known),
        TEST(what_is_wrapped_too_often_or_badly_is_left_as_it_is),
        cmocka_unit_test(answers_have_the_shape_of_each_version),
        cmocka_unit_test(only_what_an_sdk_may_decide_otherwise_is_kept_to_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
