/* PostHog's operators, one by one: expected values are what posthog-node 5.70's matcher says (the
 * oracle test runs it), or the server's own rule where the SDK leaves the matter to the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "flags/posthog_match.h"

/* 2024-03-31T12:00:00Z, by `date -u +%s`. */
static const int64_t NOW_MS = INT64_C(1711886400000);

typedef struct match_case {
    const char *operator, * value, *person; /* JSON; person NULL: not known */
    tdl_tri expected;
} match_case;

static json_t *read(const char *text)
{
    json_t *json = NULL;

    assert_int_equal(tdl_json_parse(tdl_str_of(text), TDL_JSON_LAST_WINS, &json, NULL), TDL_OK);
    return json;
}

static tdl_tri match(const match_case *c)
{
    tdl_arena *arena = tdl_arena_new((size_t)4 << 20);
    json_t *list = json_array(),
           *one = json_pack("{s:s, s:s}", "key", "p", "operator", c->operator);
    json_t *person = json_object();
    tdl_posthog_build build = {.arena = arena};
    tdl_posthog_property *properties;
    tdl_report why = {0};
    size_t n;

    json_object_set_new(one, "value", read(c->value));
    json_array_append_new(list, one);
    if (c->person)
        json_object_set_new(person, "p", read(c->person));
    if (tdl_posthog_build_properties(&build, "properties", list, &properties, &n, &why))
        fail_msg("%s", why.message);
    tdl_posthog_subject s = {.properties = person, .now_ms = NOW_MS, .arena = arena, .steps = 1000};
    tdl_tri holds = tdl_posthog_match_all(&s, properties, n);
    tdl_posthog_patterns_free(build.patterns);
    json_decref(list);
    json_decref(person);
    tdl_arena_free(arena);
    return holds;
}

static void check(const match_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (match(&cases[i]) != cases[i].expected)
            fail_msg("%s %s of %s is not %d", cases[i].operator, cases[i].value,
                     cases[i].person ? cases[i].person : "nothing", cases[i].expected);
}
#define CHECK(cases) check(cases, sizeof(cases) / sizeof(cases)[0])

static void exact_compares_text_in_any_case_and_truths_as_such(void **state)
{
    static const match_case cases[] = {
        {"exact", "\"US\"", "\"us\"", TDL_YES},
        {"exact", "\"\xc3\x89\"", "\"\xc3\xa9\"", TDL_YES}, // É, é
        {"exact", "[\"a\",\"b\"]", "\"B\"", TDL_YES},
        {"exact", "[\"a\",\"b\"]", "\"c\"", TDL_NO},
        {"exact", "\"2.5\"", "2.5", TDL_YES},
        {"exact", "\"3\"", "3", TDL_YES},
        {"exact", "\"null\"", "null", TDL_YES},
        {"exact", "\"true\"", "true", TDL_YES},
        {"exact", "[\"TRUE\"]", "\"True\"", TDL_YES},
        {"exact", "\"false\"", "\"anything\"", TDL_YES}, // both are no truth
        {"exact", "[]", "[]", TDL_YES},
        {"exact", "[]", "\"x\"", TDL_NO},
        {"is_not", "\"US\"", "\"us\"", TDL_NO},
        {"exact", "\"US\"", NULL, TDL_NO},
        {"is_not", "\"US\"", NULL, TDL_YES},
    };

    (void)state;
    CHECK(cases);
}

static void parts_fold_ascii_only(void **state)
{
    static const match_case cases[] = {
        {"icontains", "\"AB\"", "\"xaby\"", TDL_YES},
        {"icontains", "\"\xc3\x89\"", "\"\xc3\xa9\"", TDL_NO},
        {"icontains", "\"\"", "\"\"", TDL_YES},
        {"icontains", "\"1,a\"", "[1,\"A\"]", TDL_YES},
        {"not_icontains", "\"b\"", "\"a\"", TDL_YES},
        {"not_icontains", "\"b\"", NULL, TDL_YES},
        {"starts_with", "\"AB\"", "\"abc\"", TDL_YES},
        {"starts_with", "\"abcd\"", "\"abc\"", TDL_NO},
        {"not_starts_with", "\"b\"", "\"abc\"", TDL_YES},
        {"ends_with", "\"BC\"", "\"abc\"", TDL_YES},
        {"not_ends_with", "\"bc\"", "\"abc\"", TDL_NO},
        {"icontains", "\"ul\"", "null", TDL_YES},
    };

    (void)state;
    CHECK(cases);
}

static void order_is_numeric_when_both_are_numbers_and_else_by_text(void **state)
{
    static const match_case cases[] = {
        {"gt", "\"9\"", "\"10\"", TDL_YES},
        {"gt", "9", "\"9.5abc\"", TDL_YES},
        {"gte", "2", "2", TDL_YES},
        {"lt", "\"b\"", "\"a\"", TDL_YES},
        {"gt", "\"abc\"", "10", TDL_NO},                              // "10" before "abc"
        {"lte", "\"\xee\x80\x80\"", "\"\xf0\x9f\x98\x80\"", TDL_YES}, // UTF-16: D83D before E000
        {"gt", "1", "null", TDL_NO},
        {"lte", "1", NULL, TDL_NO},
    };

    (void)state;
    CHECK(cases);
}

static void is_set_asks_for_the_key_alone(void **state)
{
    static const match_case cases[] = {
        {"is_set", "null", "null", TDL_YES},
        {"is_set", "null", NULL, TDL_NO},
        {"is_not_set", "null", "1", TDL_NO},
        {"is_not_set", "null", NULL, TDL_YES},
    };

    (void)state;
    CHECK(cases);
}

static void patterns_are_javascripts(void **state)
{
    static const match_case cases[] = {
        {"regex", "\"^[a-z]+@x\\\\.org$\"", "\"me@x.org\"", TDL_YES},
        {"regex", "\"b$\"", "\"ab\\n\"", TDL_NO}, // $ is the very end
        {"regex", "\"\"", "\"a\"", TDL_YES},
        {"not_regex", "\"\"", "\"a\"", TDL_NO},
        {"regex", "\"(\"", "\"(\"", TDL_NO}, // what does not compile matches neither way
        {"not_regex", "\"(\"", "\"(\"", TDL_NO},
        {"regex", "\"(*UTF)a\"", "\"a\"", TDL_NO},
        {"regex", "\"\\\\b+\"", "\"a\"", TDL_NO},
        {"not_regex", "\"z\"", NULL, TDL_YES},
        {"regex", "\"1\"", "10", TDL_YES},
    };

    (void)state;
    CHECK(cases);
}

/* By hand it would take 2^40 steps. */
static void a_catastrophic_pattern_is_given_up(void **state)
{
    const match_case c = {"regex", "\"^(a+)+$\"", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"",
                          TDL_UNKNOWN};

    (void)state;
    check(&c, 1);
}

static void dates_may_be_relative(void **state)
{
    static const match_case cases[] = {
        {"is_date_before", "\"-7d\"", "\"2024-03-24T11:59:59Z\"", TDL_YES},
        {"is_date_before", "\"7d\"", "\"2024-03-24T12:00:00Z\"", TDL_NO},
        {"is_date_after", "\"-1m\"", "\"2024-02-29T12:00:01Z\"", TDL_YES}, // no 31 February
        {"is_date_after", "\"-1m\"", "\"2024-02-29T12:00:00Z\"", TDL_NO},
        {"is_date_after", "\"-1y\"", "\"2023-03-31T12:00:01Z\"", TDL_YES},
        {"is_date_after", "\"-2h\"", "1711879200001", TDL_YES},
        {"is_date_before", "\"2024-01-01\"", "\"Dec 31, 2023 23:59 GMT\"", TDL_YES},
        {"is_date_before", "\"2024-01-01\"", "\"never\"", TDL_UNKNOWN},
        {"is_date_before", "\"2024-01-01\"", "true", TDL_UNKNOWN},
        {"is_date_before", "\"2024-01-01\"", "null", TDL_NO},
    };

    (void)state;
    CHECK(cases);
}

static void versions_compare_by_their_numbers(void **state)
{
    static const match_case cases[] = {
        {"semver_gt", "\"1.9.0\"", "\"v1.10.0\"", TDL_YES},
        {"semver_eq", "\"1.2\"", "\"1.2.0-beta+7\"", TDL_YES},
        {"semver_neq", "\"1.2.3\"", "\"1.2.4\"", TDL_YES},
        {"semver_gte", "\"1.2.3\"", "\"1.02.3\"", TDL_UNKNOWN}, // no leading zeros
        {"semver_tilde", "\"1.2.3\"", "\"1.2.99\"", TDL_YES},
        {"semver_tilde", "\"1.2.3\"", "\"1.3.0\"", TDL_NO},
        {"semver_caret", "\"1.2.3\"", "\"1.99.0\"", TDL_YES},
        {"semver_caret", "\"0.2.3\"", "\"0.3.0\"", TDL_NO},
        {"semver_caret", "\"0.0.3\"", "\"0.0.4\"", TDL_NO},
        {"semver_wildcard", "\"1.2.*\"", "\"1.2.7\"", TDL_YES},
        {"semver_wildcard", "\"1.*\"", "\"2.0.0\"", TDL_NO},
    };

    (void)state;
    CHECK(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_compares_text_in_any_case_and_truths_as_such),
        cmocka_unit_test(parts_fold_ascii_only),
        cmocka_unit_test(order_is_numeric_when_both_are_numbers_and_else_by_text),
        cmocka_unit_test(is_set_asks_for_the_key_alone),
        cmocka_unit_test(patterns_are_javascripts),
        cmocka_unit_test(a_catastrophic_pattern_is_given_up),
        cmocka_unit_test(dates_may_be_relative),
        cmocka_unit_test(versions_compare_by_their_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
