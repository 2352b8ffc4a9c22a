/* Features by the rules of GrowthBook's SDKs. Buckets are those of refs/sdk/hashes.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "feature_set.h"

#define SPLIT "\"variations\":[\"blue\",\"red\",\"green\"],\"hashVersion\":2,\"seed\":\"btn-exp\""

static void expect_one(const char *definitions, const char *key, const char *attributes,
                       const char *value)
{
    features *f = features_new(definitions);

    features_expect(f, key, attributes, value);
    features_free(f);
}

/* The printouts that refs/sdk/README.md expects of the SDK. */
static void an_experiment_gives_the_sdks_variations(void **state)
{
    static const char *const cases[][2] = {
        {"u1", "\"blue\""}, {"u2", "\"red\""},  {"u3", "\"blue\""},    {"u4", "\"blue\""},
        {"u5", "\"red\""},  {"u6", "\"blue\""}, {"用户1", "\"blue\""}, {"é", "\"blue\""}};
    features *f = features_new("{\"button\":{\"defaultValue\":\"blue\",\"rules\":[{" SPLIT
                               ",\"key\":\"btn-exp\",\"weights\":[0.34,0.33,0.33]}]}}");
    char attributes[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(attributes, sizeof attributes, "{\"id\":\"%s\"}", cases[i][0]);
        features_expect(f, "button", attributes, cases[i][1]);
    }
    tdl_flag_answer answer = features_ask(f, "button", "{\"id\":\"u2\"}");
    assert_int_equal(answer.reason, TDL_FLAG_SPLIT);
    assert_true(tdl_str_is(answer.variant, "1") && tdl_str_is(answer.experiment, "btn-exp"));
    assert_int_equal(answer.rule, 0);
    features_free(f);
}

static void a_forced_value_needs_its_condition(void **state)
{
    features *f = features_new("{\"dark\":{\"defaultValue\":false,\"rules\":[{\"condition\":{"
                               "\"country\":\"US\"},\"force\":true}]}}");

    (void)state;
    features_expect(f, "dark", "{\"country\":\"US\"}", "true");
    features_expect(f, "dark", "{\"country\":\"DE\"}", "false");
    assert_int_equal(features_ask(f, "dark", "{}").reason, TDL_FLAG_NO_MATCH);
    assert_int_equal(features_ask(f, "dark", "{\"country\":\"US\"}").reason, TDL_FLAG_MATCH);
    features_free(f);
}

/* u5 is in bucket 4329 of 10,000: a roll-out of exactly that share has it, the range up to there
 * has not. */
static void a_rollout_has_its_end_and_a_range_has_not(void **state)
{
#define ROLLOUT(what)                                                                              \
    "{\"f\":{\"defaultValue\":0,\"rules\":[{\"force\":1,\"seed\":\"btn-exp\",\"hashVersion\":2,"   \
    "\"hashAttribute\":\"user\"," what "}]}}"
    (void)state;
    expect_one(ROLLOUT("\"coverage\":0.4329"), "f", "{\"user\":\"u5\"}", "1");
    expect_one(ROLLOUT("\"coverage\":0.4328"), "f", "{\"user\":\"u5\"}", "0");
    expect_one(ROLLOUT("\"range\":[0,0.4329]"), "f", "{\"user\":\"u5\"}", "0");
    expect_one(ROLLOUT("\"range\":[0.4329,0.5]"), "f", "{\"user\":\"u5\"}", "1");
    expect_one(ROLLOUT("\"coverage\":1"), "f", "{}", "0");
    expect_one(ROLLOUT("\"coverage\":0"), "f", "{\"user\":\"u5\"}", "0");
}

/* Weights 0.34, 0.33, 0.33 of half of all are [0, .17), [.34, .505), [.67, .835): u3 at 0.2935
 * falls between the first two, u5 at 0.4329 into the second. */
static void coverage_cuts_each_variation(void **state)
{
    features *f = features_new("{\"f\":{\"defaultValue\":\"none\",\"rules\":[{" SPLIT
                               ",\"weights\":[0.34,0.33,0.33],\"coverage\":0.5}]}}");

    (void)state;
    features_expect(f, "f", "{\"id\":\"u1\"}", "\"blue\"");
    features_expect(f, "f", "{\"id\":\"u3\"}", "\"none\"");
    features_expect(f, "f", "{\"id\":\"u5\"}", "\"red\"");
    assert_int_equal(features_ask(f, "f", "{\"id\":\"u3\"}").reason, TDL_FLAG_OUT_OF_ROLLOUT);
    features_free(f);
}

/* Of "ns1" u1 has 0.049 and u2 0.018. */
static void a_namespace_lets_a_range_in(void **state)
{
    features *f = features_new("{\"f\":{\"defaultValue\":\"out\",\"rules\":[{" SPLIT
                               ",\"namespace\":[\"ns1\",0.02,0.05]}]}}");

    (void)state;
    features_expect(f, "f", "{\"id\":\"u1\"}", "\"blue\"");
    features_expect(f, "f", "{\"id\":\"u2\"}", "\"out\"");
    features_free(f);
}

static void ranges_and_filters_take_the_place_of_weights_and_namespace(void **state)
{
    (void)state;
    expect_one("{\"f\":{\"defaultValue\":0,\"rules\":[{" SPLIT
               ",\"ranges\":[[0,0.01],[0.01,0.02]],\"weights\":[1,0,0]}]}}",
               "f", "{\"id\":\"u1\"}", "\"red\"");
    expect_one("{\"f\":{\"defaultValue\":0,\"rules\":[{" SPLIT
               ",\"filters\":[],\"namespace\":[\"ns1\",0.9,1]}]}}",
               "f", "{\"id\":\"u1\"}", "\"blue\"");
    expect_one("{\"f\":{\"defaultValue\":0,\"rules\":[{" SPLIT
               ",\"filters\":[{\"seed\":\"btn-exp\",\"ranges\":[[0.5,1]]}]}]}}",
               "f", "{\"id\":\"u1\"}", "0");
}

static void version_1_is_the_default(void **state)
{
    // u2: 0.992 by version 1, 0.4484 by version 2
    expect_one(
        "{\"f\":{\"defaultValue\":0,\"rules\":[{\"variations\":[1,2],\"key\":\"btn-exp\"}]}}", "f",
        "{\"id\":\"u2\"}", "2");
    (void)state;
}

static void prerequisites_skip_or_block(void **state)
{
    features *f = features_new(
        "{\"parent\":{\"defaultValue\":false,\"rules\":[{\"condition\":{\"p\":1},\"force\":true}]},"
        "\"skips\":{\"defaultValue\":\"d\",\"rules\":[{\"parentConditions\":[{\"id\":\"parent\","
        "\"condition\":{\"value\":true}}],\"force\":\"yes\"}]},"
        "\"gated\":{\"defaultValue\":\"d\",\"rules\":[{\"parentConditions\":[{\"id\":\"parent\","
        "\"condition\":{\"value\":true},\"gate\":true}],\"force\":\"yes\"}]},"
        "\"a\":{\"defaultValue\":1,\"rules\":[{\"parentConditions\":[{\"id\":\"b\",\"condition\":{}"
        "}],"
        "\"force\":2}]},"
        "\"b\":{\"defaultValue\":1,\"rules\":[{\"parentConditions\":[{\"id\":\"a\",\"condition\":{}"
        "}],"
        "\"force\":2}]}}");

    (void)state;
    features_expect(f, "skips", "{\"p\":1}", "\"yes\"");
    features_expect(f, "skips", "{}", "\"d\"");
    features_expect(f, "gated", "{\"p\":1}", "\"yes\"");
    features_expect(f, "gated", "{}", "null");
    assert_int_equal(features_ask(f, "gated", "{}").reason, TDL_FLAG_DEPENDENCY);
    features_expect(f, "a", "{}", "null"); // a circle
    features_free(f);
}

/* Each feature asks for the next: deeper than any team goes, and than a stack should. */
static void an_endless_chain_of_prerequisites_is_not_decided(void **state)
{
    tdl_buf text = {0};

    (void)state;
    tdl_flag_row rows[200];
    char keys[200][8];
    tdl_str definitions[200];
    tdl_arena *arena = tdl_arena_new(1 << 20);
    tdl_flag_set *set = NULL;
    for (int i = 0; i < 200; i++) {
        snprintf(keys[i], sizeof keys[i], "f%d", i);
        definitions[i] = tdl_arena_printf(arena,
                                          "{\"defaultValue\":7,\"rules\":[{\"parentConditions\":[{"
                                          "\"id\":\"f%d\"}],\"force\":8}]}",
                                          i + 1);
        rows[i] = (tdl_flag_row){.key = tdl_str_of(keys[i]),
                                 .family = TDL_STR("growthbook"),
                                 .definition = definitions[i]};
    }
    assert_int_equal(tdl_flag_set_new(rows, 200, &set, NULL, NULL), TDL_OK);
    tdl_flag_context context = {0};
    tdl_flag_answer answer;
    assert_int_equal(
        tdl_flag_evaluate(set, tdl_flag_set_at(set, 0), &context, arena, &answer, NULL), TDL_OK);
    assert_int_equal(answer.reason, TDL_FLAG_UNDECIDED);
    assert_true(tdl_str_is(answer.value, "7"));
    tdl_flag_set_free(set);
    tdl_arena_free(arena);
    tdl_buf_release(&text);
}

static void saved_groups_are_shared_and_the_first_counts(void **state)
{
    features *f = features_new(
        "{\"a\":{\"savedGroups\":{\"g\":[\"u1\"],\"l\":{\"type\":\"list\",\"attributeKey\":"
        "\"mail\","
        "\"values\":[\"m\"]},\"c\":{\"type\":\"condition\",\"condition\":{\"$savedGroup\":{\"id\":"
        "\"l\"}}},\"loop\":{\"type\":\"condition\",\"condition\":{\"$savedGroup\":{\"id\":\"loop\"}"
        "}}}},"
        "\"b\":{\"savedGroups\":{\"g\":[\"u2\"]},\"defaultValue\":0,\"rules\":["
        "{\"condition\":{\"id\":{\"$inGroup\":\"g\"}},\"force\":1},"
        "{\"condition\":{\"$savedGroup\":{\"id\":\"c\"}},\"force\":2},"
        "{\"condition\":{\"$savedGroup\":{\"id\":\"l\",\"attributeKey\":\"other\"}},\"force\":3},"
        "{\"condition\":{\"$savedGroup\":{\"id\":\"loop\"}},\"force\":4}]}}");

    (void)state;
    features_expect(f, "b", "{\"id\":\"u1\"}", "1");
    features_expect(f, "b", "{\"id\":\"u2\"}", "0");
    features_expect(f, "b", "{\"mail\":\"m\"}", "2");
    features_expect(f, "b", "{\"other\":\"m\"}", "3");
    features_free(f);
}

static void a_page_can_ask_for_a_variation(void **state)
{
    features *f = features_new("{\"f\":{\"defaultValue\":\"none\",\"rules\":[{" SPLIT
                               ",\"key\":\"exp\",\"coverage\":0}]}}");

    (void)state;
    f->url = "https://shop.example/?a=1&exp=2&exp=1#exp=0";
    features_expect(f, "f", "{\"id\":\"u1\"}", "\"green\"");
    assert_int_equal(features_ask(f, "f", "{\"id\":\"u1\"}").reason, TDL_FLAG_MATCH);
    f->url = "https://shop.example/?exp=3";
    features_expect(f, "f", "{\"id\":\"u1\"}", "\"none\"");
    f->url = "https://shop.example/#?exp=";
    features_expect(f, "f", "{\"id\":\"u1\"}", "\"none\"");
    features_free(f);
}

static void who_asks_can_force_values_and_variations(void **state)
{
    features *f = features_new("{\"f\":{\"defaultValue\":\"none\",\"rules\":[{" SPLIT
                               ",\"key\":\"exp\"}]},\"g\":{\"defaultValue\":1}}");
    tdl_flag_answer answer;
    json_t *forced = json_pack("{s:i}", "exp", 2), *values = json_pack("{s:[i]}", "g", 5);
    tdl_flag_context context = {.id = TDL_STR("u1"), .forced = forced, .forced_values = values};

    (void)state;
    tdl_flag_evaluate(f->set, tdl_flag_set_at(f->set, 0), &context, f->arena, &answer, NULL);
    assert_true(tdl_str_is(answer.value, "\"green\""));
    assert_int_equal(answer.arms_n, 0);
    assert_int_equal(answer.exposures.len, 0);
    tdl_flag_evaluate(f->set, tdl_flag_set_at(f->set, 1), &context, f->arena, &answer, NULL);
    assert_true(tdl_str_is(answer.value, "[5]"));
    json_decref(forced);
    json_decref(values);
    features_free(f);
}

static void an_id_alone_is_the_attribute_id(void **state)
{
    features *f = features_new("{\"f\":{\"defaultValue\":\"none\",\"rules\":[{" SPLIT "}]}}");
    tdl_flag_context context = {.id = TDL_STR("u2")};
    tdl_flag_answer answer;

    (void)state;
    tdl_flag_evaluate(f->set, tdl_flag_set_at(f->set, 0), &context, f->arena, &answer, NULL);
    assert_true(tdl_str_is(answer.value, "\"red\"")); // 0.4484 of equal thirds
    features_free(f);
}

static void values_keep_their_type(void **state)
{
    features *f = features_new("{\"i\":{\"defaultValue\":3},\"r\":{\"defaultValue\":3.0},"
                               "\"o\":{\"defaultValue\":{\"b\":1,\"a\":[0.1]}},\"n\":{}}");

    (void)state;
    features_expect(f, "i", "{}", "3");
    features_expect(f, "r", "{}", "3.0");
    features_expect(f, "o", "{}", "{\"b\":1,\"a\":[0.1]}");
    features_expect(f, "n", "{}", "null");
    assert_false(features_ask(f, "n", "{}").enabled);
    assert_true(features_ask(f, "i", "{}").enabled);
    features_free(f);
}

static void bad_definitions_are_refused_with_their_place(void **state)
{
    static const char *const bad[][2] = {
        {"{\"rules\":5}", "rules must be an array, not of type number"},
        {"{\"rules\":[5]}", "rules 0: must be an object"},
        {"{\"rules\":[{\"force\":1,\"coverage\":\"x\"}]}",
         "rules 0: coverage must be a number, not of type string"},
        {"{\"rules\":[{\"variations\":[1,2],\"weights\":[1,\"x\"]}]}",
         "rules 0: weights must be numbers"},
        {"{\"rules\":[{\"variations\":[1,2],\"meta\":[{}]}]}",
         "rules 0: meta must have an entry for each variation"},
        {"{\"rules\":[{\"variations\":[1,2],\"namespace\":[\"n\",1]}]}",
         "rules 0: namespace: must have two numbers, from and to"},
        {"{\"rules\":[{\"force\":1},{\"filters\":[{\"seed\":\"s\"}]}]}",
         "rules 1: filters 0: ranges are missing"},
        {"{\"rules\":[{\"parentConditions\":[{}]}]}", "rules 0: parentConditions 0: id is missing"},
        {"{\"rules\":[{\"condition\":{\"$or\":1}}]}",
         "rules 0: condition: $or: must be an array of conditions"},
        {"{\"savedGroups\":{\"g\":{\"type\":\"condition\",\"condition\":{\"$and\":0}}}}",
         "savedGroups.g: $and: must be an array of conditions"},
        {"{\"contextualBandits\":{\"cb\":{\"contexts\":[{\"leafId\":1}]}}}",
         "contextualBandits.cb: contexts 0: leafId and weights must be there"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tdl_report why = {0};
        assert_int_equal(tdl_flag_check(TDL_STR("growthbook"), tdl_str_of(bad[i][0]), &why),
                         TDL_E_INVALID);
        assert_string_equal(why.message, bad[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_experiment_gives_the_sdks_variations),
        cmocka_unit_test(a_forced_value_needs_its_condition),
        cmocka_unit_test(a_rollout_has_its_end_and_a_range_has_not),
        cmocka_unit_test(coverage_cuts_each_variation),
        cmocka_unit_test(a_namespace_lets_a_range_in),
        cmocka_unit_test(ranges_and_filters_take_the_place_of_weights_and_namespace),
        cmocka_unit_test(version_1_is_the_default),
        cmocka_unit_test(prerequisites_skip_or_block),
        cmocka_unit_test(an_endless_chain_of_prerequisites_is_not_decided),
        cmocka_unit_test(saved_groups_are_shared_and_the_first_counts),
        cmocka_unit_test(a_page_can_ask_for_a_variation),
        cmocka_unit_test(who_asks_can_force_values_and_variations),
        cmocka_unit_test(an_id_alone_is_the_attribute_id),
        cmocka_unit_test(values_keep_their_type),
        cmocka_unit_test(bad_definitions_are_refused_with_their_place),
    };

    return cmocka_run_group_tests_name("growthbook", tests, NULL, NULL);
}
