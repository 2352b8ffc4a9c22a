#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "base/uuid.h"
#include "wire/posthog/posthog.h"

/* 2026-11-24T10:00:00Z, by `date -u +%s`. */
static const int64_t NOW_US = INT64_C(1795514400000000);

typedef struct one {
    tdl_arena *arena;
    json_t *json;
    tdl_posthog_call call;
    int64_t sent_us;
    tdl_event event;
    tdl_report why;
} one;

static int set_up(void **state)
{
    one *o = calloc(1, sizeof *o);
    o->arena = tdl_arena_new((size_t)8 << 20);
    o->call = (tdl_posthog_call){.now_us = NOW_US, .sent_us = -1};
    o->sent_us = -1;
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

static tdl_status decode(one *o, const char *text)
{
    tdl_posthog_request request = {
        .call = &o->call, .sent_us = o->sent_us, .key = TDL_STR("phc"), .arena = o->arena};

    json_decref(o->json);
    o->json = NULL;
    o->event = (tdl_event){0};
    o->why = (tdl_report){0};
    assert_int_equal(tdl_json_parse(tdl_str_of(text), TDL_JSON_LAST_WINS, &o->json, NULL), TDL_OK);
    return tdl_posthog_event(o->json, &request, &o->event, &o->why);
}

static void expect(one *o, const char *text)
{
    if (decode(o, text))
        fail_msg("%s: %s", text, o->why.message);
}

static void assert_text(tdl_str text, const char *want)
{
    char copy[500];
    snprintf(copy, sizeof copy, "%.*s", TDL_FMT(text));
    assert_string_equal(copy, want);
}

static void a_capture_becomes_an_event(void **state)
{
    one *o = *state;

    expect(o, "{\"event\":\"purchase\",\"distinct_id\":\"u1\",\"uuid\":\"m1\","
              "\"timestamp\":\"2020-01-02T03:04:05Z\",\"api_key\":\"phc\","
              "\"properties\":{\"sku\":\"s1\",\"revenue\":12.5,\"decision_id\":\"d1\","
              "\"$groups\":{\"company\":\"acme\"},\"token\":\"phc\",\"$lib\":\"web\"}}");
    assert_text(o->event.user, "u1");
    assert_text(o->event.kind, "purchase");
    assert_text(o->event.item, "s1");
    assert_true(o->event.has_value && o->event.value == 12.5);
    assert_text(o->event.decision_id, "d1");
    assert_text(o->event.message_id, "m1");
    assert_text(o->event.source, "posthog");
    assert_text(o->event.properties, "{\"$groups\":{\"company\":\"acme\"},\"$lib\":\"web\","
                                     "\"decision_id\":\"d1\",\"revenue\":12.5,\"sku\":\"s1\"}");
    assert_int_equal(o->event.time_us, INT64_C(1577934245000000));
    assert_int_equal(o->event.alias.len + o->event.traits.len + o->event.traits_once.len, 0);
}

static void the_user_is_found_in_three_places(void **state)
{
    one *o = *state;

    expect(o, "{\"event\":\"e\",\"distinct_id\":\"a\",\"properties\":{\"distinct_id\":\"b\"}}");
    assert_text(o->event.user, "a");
    expect(o, "{\"event\":\"e\",\"properties\":{\"distinct_id\":\"b\",\"$distinct_id\":\"c\"}}");
    assert_text(o->event.user, "b");
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"\",\"properties\":{\"$distinct_id\":\"c\"}}");
    assert_text(o->event.user, "c");
    expect(o, "{\"event\":\"e\",\"distinct_id\":42}");
    assert_text(o->event.user, "42");
}

static void an_identify_joins_the_anonymous_id(void **state)
{
    one *o = *state;

    expect(o, "{\"event\":\"$identify\",\"distinct_id\":\"u1\",\"properties\":{"
              "\"$anon_distinct_id\":\"a1\",\"$device_id\":\"a1\",\"distinct_id\":\"u1\","
              "\"$set\":{\"email\":\"x\"}}}");
    assert_text(o->event.alias, "a1");
    assert_text(o->event.traits, "{\"email\":\"x\"}");
    assert_text(o->event.properties, ""); // ids are no properties
    expect(o, "{\"event\":\"$identify\",\"distinct_id\":\"u1\",\"properties\":{"
              "\"$anon_distinct_id\":\"u1\"}}");
    assert_int_equal(o->event.alias.len, 0); // nobody is their own alias
    expect(o, "{\"event\":\"view\",\"distinct_id\":\"u1\",\"properties\":{"
              "\"$anon_distinct_id\":\"a1\"}}");
    assert_int_equal(o->event.alias.len, 0);
}

static void an_alias_joins_two_ids(void **state)
{
    one *o = *state;

    expect(o, "{\"event\":\"$create_alias\",\"distinct_id\":\"u1\",\"properties\":{"
              "\"distinct_id\":\"u1\",\"alias\":\"anon1\"}}");
    assert_text(o->event.user, "u1");
    assert_text(o->event.alias, "anon1");
}

/* posthog-node puts them among the properties, posthog-js 1.200 beside them. */
static void traits_stand_among_the_properties_or_beside_them(void **state)
{
    one *o = *state;

    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\",\"$set\":{\"a\":1,\"b\":1},"
              "\"$set_once\":{\"c\":1},\"properties\":{\"$set\":{\"b\":2}}}");
    assert_text(o->event.traits, "{\"a\":1,\"b\":2}");
    assert_text(o->event.traits_once, "{\"c\":1}");
    assert_int_equal(o->event.properties.len, 0);
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\",\"$set\":7,"
              "\"properties\":{\"$set\":\"x\",\"$set_once\":{}}}");
    assert_int_equal(o->event.traits.len + o->event.traits_once.len, 0);
}

static void a_group_never_makes_a_person(void **state)
{
    one *o = *state;

    expect(o, "{\"event\":\"$groupidentify\",\"distinct_id\":\"u1\",\"properties\":{"
              "\"$group_type\":\"company\",\"$group_key\":7,\"$group_set\":{\"seats\":5},"
              "\"$set\":{\"own\":1}}}");
    assert_text(o->event.user, "u1");
    assert_text(o->event.group_type, "company");
    assert_text(o->event.group, "7");
    assert_text(o->event.group_traits, "{\"seats\":5}");
    assert_int_equal(o->event.alias.len + o->event.traits.len, 0);
    assert_false(o->event.no_person);
    assert_text(o->event.properties,
                "{\"$group_key\":7,\"$group_set\":{\"seats\":5},\"$group_type\":\"company\","
                "\"$set\":{\"own\":1}}");
    expect(o, "{\"event\":\"$groupidentify\",\"distinct_id\":\"$company_7\",\"properties\":{"
              "\"$group_type\":\"company\",\"$group_key\":\"7\"}}");
    assert_true(o->event.no_person);
    expect(o, "{\"event\":\"$groupidentify\",\"properties\":{"
              "\"$group_type\":\"company\",\"$group_key\":\"7\"}}");
    assert_text(o->event.user, "$company_7");
    assert_true(o->event.no_person);
    assert_int_equal(decode(o, "{\"event\":\"$groupidentify\",\"distinct_id\":\"u1\","
                               "\"properties\":{\"$group_type\":\"company\"}}"),
                     TDL_E_INVALID);
    assert_string_equal(o->why.message, "$group_key is missing");
}

static void an_event_without_a_person_profile_touches_no_person(void **state)
{
    one *o = *state;

    expect(o, "{\"event\":\"$identify\",\"distinct_id\":\"u1\",\"$set_once\":{\"a\":1},"
              "\"properties\":{\"$process_person_profile\":false,\"$anon_distinct_id\":\"a1\","
              "\"$set\":{\"b\":1}}}");
    assert_int_equal(o->event.alias.len + o->event.traits.len + o->event.traits_once.len, 0);
    assert_text(o->event.properties, // what was to be set is not lost
                "{\"$process_person_profile\":false,\"$set\":{\"b\":1},\"$set_once\":{\"a\":1}}");
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u1\",\"options\":{"
              "\"process_person_profile\":false},\"properties\":{\"$set\":{\"b\":1}}}");
    assert_int_equal(o->event.traits.len, 0);
    assert_text(o->event.properties, "{\"$process_person_profile\":false,\"$set\":{\"b\":1}}");
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u1\",\"properties\":{"
              "\"$process_person_profile\":true,\"$set\":{\"b\":1}}}");
    assert_text(o->event.traits, "{\"b\":1}");
}

static void what_the_second_protocol_says_beside_them_joins_the_properties(void **state)
{
    one *o = *state;

    o->call.library = TDL_STR("posthog-node/5.70.0");
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\",\"session_id\":\"s1\",\"window_id\":\"w1\","
              "\"options\":{\"cookieless_mode\":true},\"properties\":{\"$window_id\":\"own\"}}");
    assert_text(o->event.properties,
                "{\"$cookieless_mode\":true,\"$lib\":\"posthog-node\",\"$lib_version\":\"5.70.0\","
                "\"$session_id\":\"s1\",\"$window_id\":\"own\"}");
    o->call.library = TDL_STR("\xff/1");
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\"}");
    assert_int_equal(o->event.properties.len, 0);
}

static void any_string_makes_a_repetition_known(void **state)
{
    one *o = *state;
    char text[1000], name[600];

    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\",\"uuid\":\"not a uuid\","
              "\"properties\":{\"$insert_id\":\"i\"}}");
    assert_text(o->event.message_id, "not a uuid");
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\",\"properties\":{\"$insert_id\":\"i\"}}");
    assert_text(o->event.message_id, "i");
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\",\"uuid\":null}");
    assert_true(tdl_uuid_valid(o->event.message_id));
    memset(name, 'x', TDL_ID_MAX + 1);
    name[TDL_ID_MAX + 1] = '\0';
    snprintf(text, sizeof text, "{\"event\":\"e\",\"distinct_id\":\"u\",\"uuid\":\"%s\"}", name);
    expect(o, text);
    // `printf x%.0s $(seq 401) | b2sum -l 128`
    assert_text(o->event.message_id, "4c2182ca002da97768da31284673faf0");
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\",\"uuid\":\"a\\nb\"}");
    assert_text(o->event.message_id,
                "0c84cf75ee142f818515ab54bd107d86"); // `printf 'a\nb' | b2sum -l 128`
}

static void times_are_corrected_or_counted_back(void **state)
{
    static const int64_t SECOND_US = 1000000;
    one *o = *state;

    o->sent_us = NOW_US - 7200 * SECOND_US;
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\",\"timestamp\":\"2026-11-24T07:59:55Z\"}");
    assert_int_equal(o->event.time_us, NOW_US - 5 * SECOND_US);
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\",\"offset\":2079}");
    assert_int_equal(o->event.time_us, NOW_US - 2079000);
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\",\"offset\":-5}");
    assert_int_equal(o->event.time_us, NOW_US);
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\",\"offset\":1e300}");
    assert_int_equal(o->event.time_us, NOW_US);
    expect(o, "{\"event\":\"e\",\"distinct_id\":\"u\",\"timestamp\":\"soon\"}");
    assert_int_equal(o->event.time_us, NOW_US);
}

static void an_event_without_who_or_what_is_refused(void **state)
{
    static const struct {
        const char *text, *named;
    } cases[] = {
        {"{\"event\":\"e\"}", "user is missing"},
        {"{\"event\":\"e\",\"distinct_id\":{}}", "user is missing"},
        {"{\"distinct_id\":\"u\"}", "kind is missing"},
        {"{\"event\":7,\"distinct_id\":\"u\"}", "kind is missing"},
        {"[]", "must be an object"},
        {"{\"event\":\"e\",\"distinct_id\":\"u\",\"timestamp\":\"1960-01-01T00:00:00Z\"}",
         "before 1970"},
        {"{\"event\":\"e\\n\",\"distinct_id\":\"u\"}", "kind holds a control character"},
    };
    one *o = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(decode(o, cases[i].text), TDL_E_INVALID);
        assert_non_null(strstr(o->why.message, cases[i].named));
    }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_capture_becomes_an_event),
        EACH(the_user_is_found_in_three_places),
        EACH(an_identify_joins_the_anonymous_id),
        EACH(an_alias_joins_two_ids),
        EACH(traits_stand_among_the_properties_or_beside_them),
        EACH(a_group_never_makes_a_person),
        EACH(an_event_without_a_person_profile_touches_no_person),
        EACH(what_the_second_protocol_says_beside_them_joins_the_properties),
        EACH(any_string_makes_a_repetition_known),
        EACH(times_are_corrected_or_counted_back),
        EACH(an_event_without_who_or_what_is_refused),
    };
    return cmocka_run_group_tests_name("wire/posthog_event", tests, NULL, NULL);
}
