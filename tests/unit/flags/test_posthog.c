/* PostHog's flags as a whole: order of evaluation, hashes, probabilities, dependencies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "flags/posthog.h"

enum { FLAGS_MAX = 80 };

/* Flags of one test; the first is asked. */
typedef struct bench {
    tdl_flag_row rows[FLAGS_MAX];
    size_t n;
    tdl_flag_set *set;
    tdl_arena *arena;
    json_t *properties, *groups, *group_properties;
    tdl_flag_context context;
    tdl_flag_answer answer;
} bench;

static int set_up(void **state)
{
    static bench b;

    b = (bench){.arena = tdl_arena_new((size_t)8 << 20)};
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    bench *b = *state;

    tdl_flag_set_free(b->set);
    tdl_arena_free(b->arena);
    json_decref(b->properties);
    json_decref(b->groups);
    json_decref(b->group_properties);
    return 0;
}

static void add(bench *b, const char *key, const char *definition)
{
    b->rows[b->n++] = (tdl_flag_row){.id = (int64_t)b->n,
                                     .key = tdl_str_of(key),
                                     .family = TDL_STR("posthog"),
                                     .definition = tdl_str_of(definition),
                                     .version = 1};
}

static json_t *read(const char *text)
{
    json_t *json = NULL;

    if (text)
        assert_int_equal(tdl_json_parse(tdl_str_of(text), TDL_JSON_LAST_WINS, &json, NULL), TDL_OK);
    return json;
}

static void person(bench *b, const char *properties, const char *groups)
{
    json_decref(b->properties);
    json_decref(b->groups);
    b->context.properties = b->properties = read(properties);
    b->context.groups = b->groups = read(groups);
}

/* The value, as JSON. */
static const char *ask(bench *b, const char *id)
{
    static char text[200];
    tdl_report why = {0};

    if (!b->set)
        assert_int_equal(tdl_flag_set_new(b->rows, b->n, &b->set, &why, NULL), TDL_OK);
    assert_string_equal(why.message, "");
    b->context.id = tdl_str_of(id);
    assert_int_equal(tdl_flag_evaluate(b->set, tdl_flag_set_at(b->set, 0), &b->context, b->arena,
                                       &b->answer, NULL),
                     TDL_OK);
    snprintf(text, sizeof text, "%.*s", TDL_FMT(b->answer.value));
    return text;
}

static double odds_of(const bench *b, const char *arm)
{
    for (size_t i = 0; i < b->answer.arms_n; i++)
        if (tdl_str_is(b->answer.arms[i].key, arm))
            return b->answer.arms[i].probability;
    return 0;
}

static void assert_odds(const bench *b, const char *arm, double expected)
{
    if (odds_of(b, arm) < expected - 1e-12 || odds_of(b, arm) > expected + 1e-12)
        fail_msg("%s has probability %.17g, not %.17g", arm, odds_of(b, arm), expected);
}

/* Half of everybody, half of them each variant. */
static const char local_flag[] =
    "{\"filters\":{\"groups\":[{\"rollout_percentage\":50}],\"multivariate\":{\"variants\":["
    "{\"key\":\"control\",\"rollout_percentage\":50},{\"key\":\"test\",\"rollout_percentage\":50}]}"
    ","
    "\"payloads\":{\"test\":\"{\\\"a\\\":1}\"}}}";

/* Values of the protocol sheet, each checked against the SDK (hashes.json). */
static void hashes_are_those_of_the_sheet(void **state)
{
    static const struct {
        const char *key, *separator, *id, *salt;
        double value;
    } cases[] = {
        {"local-flag", ".", "a", "", 0.09272304971615836},
        {"local-flag", ".", "a", "variant", 0.9103281593553858},
        {"local-flag", ".", "b", "", 0.6371707609242604},
        {"local-flag", ".", "\xc3\xa9", "", 0.4934562308},
        {"holdout", "-", "a", "", 0.7550295988},
        {"holdout", "-", "u1", "", 0.5110294319},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value = tdl_posthog_hash(tdl_str_of(cases[i].key), cases[i].separator,
                                        tdl_str_of(cases[i].id), cases[i].salt);
        if (fabs(value - cases[i].value) > 1e-10)
            fail_msg("%s.%s: %.17g", cases[i].key, cases[i].id, value);
    }
}

static void local_flag_answers_as_the_sheet_says(void **state)
{
    static const char *const expected[][2] = {
        {"a", "\"test\""},
        {"b", "false"},
        {"c", "\"control\""},
        {"d", "\"control\""},
        {"e", "\"test\""},
        {"f", "false"},
        {"\xe7\x94\xa8\xe6\x88\xb7"
         "1",
         "false"},
        {"\xc3\xa9", "\"test\""},
    };
    bench *b = *state;

    add(b, "local-flag", local_flag);
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(ask(b, expected[i][0]), expected[i][1]);
    ask(b, "a");
    assert_true(tdl_str_is(b->answer.payload, "{\"a\":1}"));
    assert_true(tdl_str_is(b->answer.variant, "test"));
    assert_int_equal(b->answer.reason, TDL_FLAG_SPLIT);
    ask(b, "b");
    assert_int_equal(b->answer.reason, TDL_FLAG_OUT_OF_ROLLOUT);
    assert_true(tdl_str_is(b->answer.arms[b->answer.chosen].key, "false"));
    assert_odds(b, "control", 0.25);
    assert_odds(b, "test", 0.25);
    assert_odds(b, "false", 0.5);
}

static void a_flag_that_is_the_same_for_everybody_has_no_arms(void **state)
{
    bench *b = *state;

    add(b, "all", "{\"filters\":{\"groups\":[{\"properties\":[],\"rollout_percentage\":100}]}}");
    assert_string_equal(ask(b, "u"), "true");
    assert_int_equal(b->answer.reason, TDL_FLAG_STATIC);
    assert_int_equal(b->answer.arms_n, 0);
}

static void a_flag_that_is_switched_off_says_no_before_all_else(void **state)
{
    bench *b = *state;

    add(b, "off",
        "{\"active\":false,\"filters\":{\"groups\":[{}],"
        "\"holdout\":{\"id\":1,\"exclusion_percentage\":100}}}");
    assert_string_equal(ask(b, "u"), "false");
    assert_int_equal(b->answer.reason, TDL_FLAG_DISABLED);
}

/* Of the sheet: holdout of "u1" hashes to 0.5110. */
static void the_holdout_comes_before_the_conditions(void **state)
{
    bench *b = *state;

    add(b, "held",
        "{\"filters\":{\"groups\":[{}],\"holdout\":{\"id\":7,\"exclusion_percentage\":60}}}");
    assert_string_equal(ask(b, "u1"), "\"holdout-7\"");
    assert_int_equal(b->answer.reason, TDL_FLAG_HOLDOUT);
    assert_string_equal(ask(b, "a"), "true"); // 0.7550
    assert_odds(b, "holdout-7", 0.6);
    assert_odds(b, "true", 0.4);
}

static void the_first_condition_that_is_hit_decides(void **state)
{
    bench *b = *state;

    add(b, "ordered",
        "{\"filters\":{\"multivariate\":{\"variants\":[{\"key\":\"x\",\"rollout_percentage\":100},"
        "{\"key\":\"y\",\"rollout_percentage\":0}]},\"groups\":["
        "{\"properties\":[{\"key\":\"plan\",\"value\":\"pro\"}],\"variant\":\"y\"},"
        "{\"properties\":[{\"key\":\"plan\",\"operator\":\"is_set\"}],\"variant\":\"nobody\"}]}}");
    person(b, "{\"plan\":\"PRO\"}", NULL);
    assert_string_equal(ask(b, "u"), "\"y\"");
    assert_int_equal(b->answer.rule, 0);
    person(b, "{\"plan\":\"free\"}", NULL);
    assert_string_equal(ask(b, "u"), "\"x\""); // a variant that does not exist names none
    assert_int_equal(b->answer.rule, 1);
    person(b, "{}", NULL);
    assert_string_equal(ask(b, "u"), "false");
    assert_int_equal(b->answer.reason, TDL_FLAG_NO_MATCH);
}

/* The conditions share one hash: 30 % and 50 % are not independent. */
static void odds_of_nested_shares_are_exact(void **state)
{
    bench *b = *state;

    add(b, "nested",
        "{\"filters\":{\"multivariate\":{\"variants\":[{\"key\":\"x\",\"rollout_percentage\":40},"
        "{\"key\":\"y\",\"rollout_percentage\":50}]},\"groups\":["
        "{\"rollout_percentage\":30,\"variant\":\"y\"},{\"rollout_percentage\":50},"
        "{\"rollout_percentage\":20}]}}");
    ask(b, "u");
    assert_odds(b, "y", 0.3 + 0.2 * 0.5);
    assert_odds(b, "x", 0.2 * 0.4);
    assert_odds(b, "true", 0.2 * 0.1);
    assert_odds(b, "false", 0.5);
}

/* The share of each answer among 20,000 people, within five standard deviations of its odds. */
static void answers_come_as_often_as_their_odds_say(void **state)
{
    enum { N = 20000 };
    bench *b = *state;
    int test = 0;
    char id[16];

    add(b, "counted",
        "{\"filters\":{\"multivariate\":{\"variants\":[{\"key\":\"control\","
        "\"rollout_percentage\":70},{\"key\":\"test\",\"rollout_percentage\":30}]},"
        "\"groups\":[{\"rollout_percentage\":60}],"
        "\"holdout\":{\"id\":1,\"exclusion_percentage\":10}}}");
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof id, "user-%d", i);
        test += !strcmp(ask(b, id), "\"test\"");
        tdl_arena_reset(b->arena);
    }
    double expected = 0.9 * 0.6 * 0.3 * N; // sd about 52
    assert_in_range(test, (int)expected - 260, (int)expected + 260);
}

static void early_exit_stops_at_the_first_condition_that_holds(void **state)
{
    bench *b = *state;

    add(b, "early",
        "{\"filters\":{\"early_exit\":true,\"groups\":[{\"rollout_percentage\":0},{}]}}");
    assert_string_equal(ask(b, "u"), "false");
    assert_int_equal(b->answer.reason, TDL_FLAG_OUT_OF_ROLLOUT);
}

static void a_flag_about_groups_hashes_and_matches_the_group(void **state)
{
    bench *b = *state;

    add(b, "local-flag",
        "{\"group_type_mapping\":{\"0\":\"company\"},\"filters\":{"
        "\"aggregation_group_type_index\":0,\"groups\":[{\"rollout_percentage\":50,\"properties\":["
        "{\"key\":\"$group_key\",\"operator\":\"is_not\",\"value\":\"b\"}]}]}}");
    person(b, NULL, NULL);
    assert_string_equal(ask(b, "a"), "false");
    assert_int_equal(b->answer.reason, TDL_FLAG_NO_GROUP);
    person(b, NULL, "{\"company\":\"a\"}"); // 0.0927
    assert_string_equal(ask(b, "f"), "true");
    person(b, NULL, "{\"company\":\"f\"}"); // 0.7308
    assert_string_equal(ask(b, "a"), "false");
}

static void sticky_flags_go_by_the_id_from_before_the_login(void **state)
{
    bench *b = *state;

    add(b, "local-flag",
        "{\"ensure_experience_continuity\":true,\"filters\":{\"groups\":"
        "[{\"rollout_percentage\":50}]}}");
    assert_string_equal(ask(b, "f"), "false");
    b->context.anonymous_id = TDL_STR("a");
    assert_string_equal(ask(b, "f"), "true");
}

static void a_flag_by_device_hashes_the_device(void **state)
{
    bench *b = *state;

    add(b, "local-flag",
        "{\"bucketing_identifier\":\"device_id\",\"filters\":{\"groups\":"
        "[{\"rollout_percentage\":50}]}}");
    assert_string_equal(ask(b, "f"), "false");
    b->context.device_id = TDL_STR("a");
    assert_string_equal(ask(b, "f"), "true");
    person(b, "{\"$device_id\":\"b\"}", NULL);
    assert_string_equal(ask(b, "a"), "false");
}

#define DEPENDS_ON(key, value)                                                                     \
    "{\"filters\":{\"groups\":[{\"properties\":[{\"type\":\"flag\",\"key\":\"" key                 \
    "\",\"operator\":\"flag_evaluates_to\",\"value\":" value "}]}]}}"

static void a_flag_may_depend_on_the_variant_of_another(void **state)
{
    bench *b = *state;

    add(b, "top", DEPENDS_ON("local-flag", "\"test\""));
    add(b, "local-flag", local_flag);
    assert_string_equal(ask(b, "a"), "true");
    assert_string_equal(ask(b, "c"), "false"); // control
    assert_string_equal(ask(b, "b"), "false"); // out
}

static void flags_that_depend_on_each_other_say_no(void **state)
{
    bench *b = *state;

    add(b, "one", DEPENDS_ON("two", "true"));
    add(b, "two", DEPENDS_ON("one", "true"));
    assert_string_equal(ask(b, "u"), "false");
    assert_int_equal(b->answer.reason, TDL_FLAG_DEPENDENCY);
    assert_false(tdl_posthog_is_acyclic(b->set, tdl_flag_set_at(b->set, 0)));
}

static void a_flag_that_depends_on_nothing_there_says_so(void **state)
{
    bench *b = *state;

    add(b, "one", DEPENDS_ON("gone", "false"));
    assert_string_equal(ask(b, "u"), "false");
    assert_int_equal(b->answer.reason, TDL_FLAG_DEPENDENCY);
}

/* Each asks the next one twice: 2^60 ways, if none were remembered. */
static void dependencies_are_asked_once(void **state)
{
    static char keys[FLAGS_MAX][8], definitions[FLAGS_MAX][400];
    bench *b = *state;

    for (int i = 0; i < 60; i++) {
        snprintf(keys[i], sizeof keys[i], "f%d", i);
        snprintf(definitions[i], sizeof definitions[i],
                 "{\"filters\":{\"groups\":[{\"properties\":["
                 "{\"type\":\"flag\",\"key\":\"f%d\",\"value\":true},"
                 "{\"type\":\"flag\",\"key\":\"f%d\",\"value\":true}]}]}}",
                 i + 1, i + 1);
        add(b, keys[i], definitions[i]);
    }
    add(b, "f60", "{\"filters\":{\"groups\":[{}]}}");
    ask(b, "u"); // it returns; so deep a chain is cut
    assert_int_equal(b->answer.reason, TDL_FLAG_DEPENDENCY);
}

static void a_definition_wants_what_was_not_sent(void **state)
{
    bench *b = *state;
    json_t *sent = read("{\"plan\":1,\"x\":2}");

    add(b, "wanting",
        "{\"cohorts\":{\"1\":{\"type\":\"OR\",\"values\":[{\"key\":\"plan\",\"value\":\"a\"}]}},"
        "\"filters\":{\"groups\":[{\"properties\":[{\"type\":\"cohort\",\"value\":1}]}]}}");
    add(b, "top", DEPENDS_ON("wanting", "true"));
    ask(b, "u");
    for (size_t i = 0; i < 2; i++) {
        assert_true(tdl_flag_wants(b->set, tdl_flag_set_at(b->set, i), NULL));
        assert_false(tdl_flag_wants(b->set, tdl_flag_set_at(b->set, i), sent));
    }
    json_decref(sent);
}

static void faults_are_told_by_their_place(void **state)
{
    static const char *const cases[][2] = {
        {"{\"active\":1}", "active must be true or false, not of type number"},
        {"{\"filters\":{\"groups\":{}}}", "groups must be a list, not of type object"},
        {"{\"filters\":{\"groups\":[{\"rollout_percentage\":101}]}}",
         "filters.groups[0]: rollout_percentage must be a number from 0 to 100"},
        {"{\"filters\":{\"groups\":[{},{\"properties\":[{\"key\":\"a\",\"operator\":\"semver_eq\","
         "\"value\":\"01.2\"}]}]}}",
         "filters.groups[1]: properties[0]: value: \"01.2\" is no version"},
        {"{\"filters\":{\"groups\":[{\"properties\":[{\"key\":\"a\",\"operator\":"
         "\"is_date_after\",\"value\":\"soon\"}]}]}}",
         "filters.groups[0]: properties[0]: value: \"soon\" is no date"},
        {"{\"filters\":{\"groups\":[{\"properties\":[{\"key\":\"a\"}]}]}}",
         "filters.groups[0]: properties[0]: value is missing"},
        {"{\"filters\":{\"groups\":[{\"properties\":[{\"type\":\"cohort\",\"value\":9}]}]}}",
         "filters.groups[0]: properties[0]: value: there is no cohort \"9\""},
        {"{\"cohorts\":{\"9\":{\"type\":\"AND\",\"values\":[{\"type\":\"cohort\",\"value\":9}]}},"
         "\"filters\":{\"groups\":[{\"properties\":[{\"type\":\"cohort\",\"value\":9}]}]}}",
         "filters.groups[0]: properties[0]: cohorts.9: values[0]: value: cohort \"9\" contains "
         "itself"},
        {"{\"filters\":{\"aggregation_group_type_index\":1}}",
         "filters.aggregation_group_type_index: there is no such group type"},
        {"{\"filters\":{\"multivariate\":{\"variants\":[{\"key\":\"\"}]}}}",
         "filters.multivariate.variants[0]: key must be a text of 1 to 400 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdl_report why = {0};
        assert_int_equal(tdl_flag_check(TDL_STR("posthog"), tdl_str_of(cases[i][0]), &why),
                         TDL_E_INVALID);
        assert_string_equal(why.message, cases[i][1]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hashes_are_those_of_the_sheet),
        TEST(local_flag_answers_as_the_sheet_says),
        TEST(a_flag_that_is_the_same_for_everybody_has_no_arms),
        TEST(a_flag_that_is_switched_off_says_no_before_all_else),
        TEST(the_holdout_comes_before_the_conditions),
        TEST(the_first_condition_that_is_hit_decides),
        TEST(odds_of_nested_shares_are_exact),
        TEST(answers_come_as_often_as_their_odds_say),
        TEST(early_exit_stops_at_the_first_condition_that_holds),
        TEST(a_flag_about_groups_hashes_and_matches_the_group),
        TEST(sticky_flags_go_by_the_id_from_before_the_login),
        TEST(a_flag_by_device_hashes_the_device),
        TEST(a_flag_may_depend_on_the_variant_of_another),
        TEST(flags_that_depend_on_each_other_say_no),
        TEST(a_flag_that_depends_on_nothing_there_says_so),
        TEST(dependencies_are_asked_once),
        TEST(a_definition_wants_what_was_not_sent),
        TEST(faults_are_told_by_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
