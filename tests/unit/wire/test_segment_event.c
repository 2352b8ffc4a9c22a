#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "store/store.h"
#include "wire/segment/segment.h"

/* 2026-11-24T10:00:00Z, by `date -u +%s`. */
static const int64_t NOW_US = INT64_C(1795514400000000);

typedef struct one {
    tdl_arena *arena;
    json_t *json;
    tdl_event event;
    tdl_report why;
} one;

static int set_up(void **state)
{
    one *o = calloc(1, sizeof *o);
    o->arena = tdl_arena_new((size_t)8 << 20);
    *state = o;
    return 0;
}

static int tear_down(void **state)
{
    one *o = *state;
    json_decref(o->json);
    tdl_arena_free(o->arena);
    free(o);
    return 0;
}

static tdl_status decode(one *o, tdl_segment_call call, const char *text)
{
    json_decref(o->json);
    o->json = NULL;
    o->event = (tdl_event){0};
    o->why = (tdl_report){0};
    assert_int_equal(tdl_json_parse(tdl_str_of(text), TDL_JSON_LAST_WINS, &o->json, NULL), TDL_OK);
    return tdl_segment_event(o->json, call, -1, NOW_US, o->arena, &o->event, &o->why);
}

static void assert_text(tdl_str text, const char *want)
{
    char copy[300];
    snprintf(copy, sizeof copy, "%.*s", TDL_FMT(text));
    assert_string_equal(copy, want);
}

static void a_track_call_becomes_an_event(void **state)
{
    one *o = *state;

    assert_int_equal(decode(o, TDL_SEGMENT_BATCH,
                            "{\"type\":\"track\",\"event\":\"rating\",\"userId\":\"u1\","
                            "\"anonymousId\":\"a1\",\"messageId\":\"m1\","
                            "\"timestamp\":\"2020-01-02T03:04:05Z\",\"context\":{\"ip\":\"::1\"},"
                            "\"properties\":{\"item\":\"i1\",\"value\":4,\"decision_id\":\"d1\"}}"),
                     TDL_OK);
    assert_text(o->event.user, "u1");
    assert_text(o->event.kind, "rating");
    assert_text(o->event.item, "i1");
    assert_true(o->event.has_value && o->event.value == 4);
    assert_text(o->event.decision_id, "d1");
    assert_text(o->event.message_id, "m1");
    assert_text(o->event.source, "segment");
    assert_text(o->event.properties, "{\"decision_id\":\"d1\",\"item\":\"i1\",\"value\":4}");
    assert_int_equal(o->event.time_us, INT64_C(1577934245000000));
}

static void each_type_has_its_kind(void **state)
{
    static const struct {
        const char *type, *kind;
    } cases[] = {{"page", "$page"},
                 {"screen", "$screen"},
                 {"identify", "$identify"},
                 {"group", "$groupidentify"},
                 {"alias", "$create_alias"}};
    one *o = *state;
    char text[100];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "{\"type\":\"%s\",\"userId\":\"u\"}", cases[i].type);
        assert_int_equal(decode(o, TDL_SEGMENT_BATCH, text), TDL_OK);
        assert_text(o->event.kind, cases[i].kind);
    }
}

static void a_group_call_tells_of_its_group(void **state)
{
    one *o = *state;

    assert_int_equal(decode(o, TDL_SEGMENT_GROUP,
                            "{\"userId\":\"u\",\"groupId\":17,\"traits\":{\"plan\":\"pro\"}}"),
                     TDL_OK);
    assert_text(o->event.user, "u");
    assert_text(o->event.group_type, "group");
    assert_text(o->event.group, "17");
    assert_text(o->event.group_traits, "{\"plan\":\"pro\"}");
    assert_int_equal(o->event.traits.len, 0);
    assert_int_equal(decode(o, TDL_SEGMENT_GROUP, "{\"groupId\":\"g\"}"), TDL_OK);
    assert_text(o->event.user, "$group_g");
    assert_true(o->event.no_person);
}

static void a_single_route_tells_the_type(void **state)
{
    one *o = *state;

    assert_int_equal(decode(o, TDL_SEGMENT_PAGE, "{\"userId\":\"u\"}"), TDL_OK);
    assert_text(o->event.kind, "$page");
}

static void the_user_is_the_user_id_or_else_the_anonymous_id(void **state)
{
    one *o = *state;

    assert_int_equal(
        decode(o, TDL_SEGMENT_TRACK, "{\"event\":\"e\",\"userId\":null,\"anonymousId\":\"a1\"}"),
        TDL_OK);
    assert_text(o->event.user, "a1");
    assert_int_equal(
        decode(o, TDL_SEGMENT_TRACK, "{\"event\":\"e\",\"userId\":\"\",\"anonymousId\":\"a1\"}"),
        TDL_OK);
    assert_text(o->event.user, "a1");
    assert_int_equal(decode(o, TDL_SEGMENT_TRACK, "{\"event\":\"e\",\"userId\":42}"), TDL_OK);
    assert_text(o->event.user, "42");
}

static void the_item_is_the_first_of_four_names(void **state)
{
    static const struct {
        const char *properties, *item;
    } cases[] = {
        {"\"sku\":\"s\"", "s"},
        {"\"sku\":\"s\",\"product_id\":\"p\"", "p"},
        {"\"sku\":\"s\",\"product_id\":\"p\",\"item_id\":\"d\"", "d"},
        {"\"sku\":\"s\",\"product_id\":\"p\",\"item_id\":\"d\",\"item\":\"i\"", "i"},
        {"\"item\":17", "17"},
        {"\"item\":2.5", "2.5"},
        {"\"item\":\"\",\"sku\":\"s\"", "s"},
        {"\"item\":{},\"sku\":\"s\"", "s"},
        {"\"name\":\"n\"", ""},
    };
    one *o = *state;
    char text[200];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "{\"event\":\"e\",\"userId\":\"u\",\"properties\":{%s}}",
                 cases[i].properties);
        assert_int_equal(decode(o, TDL_SEGMENT_TRACK, text), TDL_OK);
        assert_text(o->event.item, cases[i].item);
    }
}

static void the_value_is_the_first_number_of_four_names(void **state)
{
    static const struct {
        const char *properties;
        double value; /* -1 = none */
    } cases[] = {
        {"\"revenue\":1", 1},
        {"\"revenue\":1,\"price\":2", 2},
        {"\"revenue\":1,\"price\":2,\"rating\":3", 3},
        {"\"revenue\":1,\"price\":2,\"rating\":3,\"value\":4", 4},
        {"\"value\":\"4\",\"price\":2.5", 2.5},
        {"\"value\":\"4\"", -1},
        {"\"value\":null", -1},
    };
    one *o = *state;
    char text[200];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "{\"event\":\"e\",\"userId\":\"u\",\"properties\":{%s}}",
                 cases[i].properties);
        assert_int_equal(decode(o, TDL_SEGMENT_TRACK, text), TDL_OK);
        assert_int_equal(o->event.has_value, cases[i].value >= 0);
        if (o->event.has_value)
            assert_true(o->event.value == cases[i].value);
    }
}

static void what_a_call_says_beside_its_properties_is_kept(void **state)
{
    one *o = *state;

    assert_int_equal(decode(o, TDL_SEGMENT_GROUP,
                            "{\"userId\":\"u\",\"groupId\":\"g1\",\"traits\":{\"name\":\"Acme\"}}"),
                     TDL_OK);
    assert_text(o->event.properties, "{\"groupId\":\"g1\",\"name\":\"Acme\"}");
    assert_int_equal(decode(o, TDL_SEGMENT_ALIAS, "{\"userId\":\"u\",\"previousId\":\"a1\"}"),
                     TDL_OK);
    assert_text(o->event.properties, ""); // ids are no properties
    assert_int_equal(
        decode(o, TDL_SEGMENT_PAGE,
               "{\"userId\":\"u\",\"name\":\"Home\",\"properties\":{\"name\":\"own\"}}"),
        TDL_OK);
    assert_text(o->event.properties, "{\"name\":\"own\"}");
    assert_int_equal(
        decode(o, TDL_SEGMENT_IDENTIFY, "{\"userId\":\"u\",\"traits\":{\"plan\":\"pro\"}}"),
        TDL_OK);
    assert_text(o->event.properties, ""); // and neither are traits
    assert_text(o->event.traits, "{\"plan\":\"pro\"}");
}

static void what_is_missing_is_made_up(void **state)
{
    one *o = *state;

    assert_int_equal(decode(o, TDL_SEGMENT_TRACK, "{\"event\":\"e\",\"userId\":\"u\"}"), TDL_OK);
    assert_int_equal(o->event.time_us, NOW_US);
    assert_true(tdl_uuid_valid(o->event.message_id));
    assert_int_equal(
        decode(o, TDL_SEGMENT_TRACK, "{\"event\":\"e\",\"userId\":\"u\",\"timestamp\":\"soon\"}"),
        TDL_OK);
    assert_int_equal(o->event.time_us, NOW_US);
}

static void an_event_without_who_or_what_is_refused(void **state)
{
    static const struct {
        const char *text, *named;
    } cases[] = {
        {"{\"type\":\"track\",\"event\":\"e\"}", "user is missing"},
        {"{\"type\":\"track\",\"userId\":\"u\"}", "kind is missing"},
        {"{\"userId\":\"u\",\"event\":\"e\"}", "type is missing"},
        {"{\"type\":\"explode\",\"userId\":\"u\"}", "no call of type \"explode\""},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"1960-01-01T00:00:00Z\"}",
         "before 1970"},
        {"[]", "must be an object"},
        {"{\"type\":\"track\",\"event\":\"e\",\"userId\":\"u\\n\"}",
         "user holds a control character"},
    };
    one *o = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(decode(o, TDL_SEGMENT_BATCH, cases[i].text), TDL_E_INVALID);
        assert_non_null(strstr(o->why.message, cases[i].named));
    }
}

/* The categories are those of https://segment.com/docs/privacy/consent-management. */
static void an_identify_says_what_the_person_consents_to(void **state)
{
    one *o = *state;

    assert_int_equal(
        decode(
            o, TDL_SEGMENT_IDENTIFY,
            "{\"userId\":\"ann\",\"context\":{\"consent\":{\"categoryPreferences\":{\"Analytics\":"
            "true,"
            "\"ADVERTISING\":false,\"functional\":true,\"Personalization\":false,\"Other\":false,"
            "\"analytics \":false}}}}"),
        TDL_OK);
    assert_int_equal(o->event.grants, TDL_PURPOSE_ANALYTICS);
    assert_int_equal(o->event.denies, TDL_PURPOSE_SHARING | TDL_PURPOSE_PERSONALISATION);
    assert_false(o->event.unwanted);
}

static void a_call_without_analytics_is_unwanted_and_says_nothing_for_later(void **state)
{
    one *o = *state;
    char text[300];

    for (int changed = 0; changed < 2; changed++) {
        snprintf(text, sizeof text,
                 "{\"userId\":\"ann\",\"event\":\"%s\",\"context\":{\"consent\":"
                 "{\"categoryPreferences\":{\"Analytics\":false}}}}",
                 changed ? "Segment Consent Preference Updated" : "Order Completed");
        assert_int_equal(decode(o, TDL_SEGMENT_TRACK, text), TDL_OK);
        assert_true(o->event.unwanted);
        assert_int_equal(o->event.denies, changed ? TDL_PURPOSE_ANALYTICS : 0);
    }
}

static void consent_of_another_shape_says_nothing(void **state)
{
    static const char *const shapes[] = {"7", "[true]", "{\"categoryPreferences\":[false]}",
                                         "{\"categoryPreferences\":{\"Analytics\":\"false\"}}"};
    one *o = *state;
    char text[300];

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        snprintf(text, sizeof text, "{\"userId\":\"ann\",\"context\":{\"consent\":%s}}", shapes[i]);
        assert_int_equal(decode(o, TDL_SEGMENT_IDENTIFY, text), TDL_OK);
        assert_int_equal(o->event.grants | o->event.denies, 0);
        assert_false(o->event.unwanted);
    }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(an_identify_says_what_the_person_consents_to),
        EACH(a_call_without_analytics_is_unwanted_and_says_nothing_for_later),
        EACH(consent_of_another_shape_says_nothing),
        EACH(a_track_call_becomes_an_event),
        EACH(each_type_has_its_kind),
        EACH(a_group_call_tells_of_its_group),
        EACH(a_single_route_tells_the_type),
        EACH(the_user_is_the_user_id_or_else_the_anonymous_id),
        EACH(the_item_is_the_first_of_four_names),
        EACH(the_value_is_the_first_number_of_four_names),
        EACH(what_a_call_says_beside_its_properties_is_kept),
        EACH(what_is_missing_is_made_up),
        EACH(an_event_without_who_or_what_is_refused),
    };
    return cmocka_run_group_tests_name("wire/segment_event", tests, NULL, NULL);
}
