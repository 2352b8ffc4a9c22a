/* How likely each answer was. Expected: counted by hand over the hash's buckets, and, last, over
 * many ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "feature_set.h"

typedef struct expected {
    const char *key;
    double probability;
} expected;

static const tdl_flag_arm *find_arm(const tdl_flag_answer *answer, const char *key)
{
    for (size_t i = 0; i < answer->arms_n; i++)
        if (tdl_str_is(answer->arms[i].key, key))
            return &answer->arms[i];
    return NULL;
}

static void expect_arms(const char *definitions, const char *attributes, const expected *want,
                        size_t n)
{
    features *f = features_new(definitions);
    tdl_flag_answer answer = features_ask(f, "f", attributes);
    double total = 0;

    assert_int_equal(answer.arms_n, n);
    for (size_t i = 0; i < n; i++) {
        const tdl_flag_arm *arm = find_arm(&answer, want[i].key);
        if (!arm)
            fail_msg("there is no arm %s", want[i].key);
        if (fabs(arm->probability - want[i].probability) > 1e-12)
            fail_msg("%s: %.15g, not %.15g", want[i].key, arm->probability, want[i].probability);
        total += arm->probability;
    }
    if (n)
        assert_true(fabs(total - 1) < 1e-12);
    features_free(f);
}
#define EXPECT_ARMS(definitions, attributes, ...)                                                  \
    expect_arms(definitions, attributes, (const expected[]){__VA_ARGS__},                          \
                sizeof((const expected[]){__VA_ARGS__}) / sizeof(expected))

#define RULES(rules) "{\"f\":{\"defaultValue\":0,\"rules\":[" rules "]}}"
#define THREE        "\"variations\":[1,2,3],\"hashVersion\":2,\"weights\":[0.34,0.33,0.33]"
#define U1           "{\"id\":\"u1\",\"device\":\"d1\"}"

static void weights_and_coverage_are_the_arms(void **state)
{
    (void)state;
    EXPECT_ARMS(RULES("{" THREE "}"), U1, {"0", 0.34}, {"1", 0.33}, {"2", 0.33});
    // 0.67 + 0.165 is a little more than 0.835, and so bucket 8,350 is in
    EXPECT_ARMS(RULES("{" THREE ",\"coverage\":0.5}"), U1, {"0", 0.17}, {"1", 0.165}, {"2", 0.1651},
                {"false", 0.4999});
    EXPECT_ARMS(RULES("{\"variations\":[1,2],\"hashVersion\":2,\"ranges\":[[0,0.1],[0.05,0.25]],"
                      "\"meta\":[{\"key\":\"a\"},{\"key\":\"b\"}]}"),
                U1, {"a", 0.1}, {"b", 0.15}, {"false", 0.75});
}

/* n <= 0.5 holds for 5,001 of 10,000 buckets, and 501 of 1,000. */
static void a_rollout_has_one_bucket_more(void **state)
{
    (void)state;
    EXPECT_ARMS(RULES("{\"force\":1,\"coverage\":0.5,\"hashVersion\":2}"), U1, {"true", 0.5001},
                {"false", 0.4999});
    EXPECT_ARMS(RULES("{\"force\":1,\"coverage\":0.5}"), U1, {"true", 0.501}, {"false", 0.499});
}

/* The same seed and id: who is out of the first 2,001 buckets has 3,000 of 7,999 left in the
 * second. */
static void rules_that_share_a_hash_are_not_independent(void **state)
{
    (void)state;
    EXPECT_ARMS(RULES("{\"force\":1,\"coverage\":0.2,\"hashVersion\":2,\"seed\":\"s\"},"
                      "{\"force\":2,\"coverage\":0.5,\"hashVersion\":2,\"seed\":\"s\"}"),
                U1, {"true", 0.2001}, {"1/true", 0.3}, {"false", 0.4999});
    EXPECT_ARMS(RULES("{\"force\":1,\"coverage\":0.2,\"hashVersion\":2,\"seed\":\"s\"},"
                      "{\"force\":2,\"coverage\":0.5,\"hashVersion\":2,\"seed\":\"t\"}"),
                U1, {"true", 0.2001}, {"1/true", 0.7999 * 0.5001}, {"false", 0.7999 * 0.4999});
}

static void filters_namespaces_and_parents_multiply(void **state)
{
    (void)state;
    EXPECT_ARMS(RULES("{\"variations\":[1,2],\"hashVersion\":2,\"filters\":[{\"seed\":\"x\","
                      "\"attribute\":\"device\",\"ranges\":[[0,0.2],[0.5,0.6]]}]}"),
                U1, {"0", 0.15}, {"1", 0.15}, {"false", 0.7});
    EXPECT_ARMS(RULES("{\"variations\":[1,2],\"hashVersion\":2,\"namespace\":[\"n\",0.25,0.75]}"),
                U1, {"0", 0.25}, {"1", 0.25}, {"false", 0.5});
    EXPECT_ARMS("{\"p\":{\"defaultValue\":0,\"rules\":[{\"variations\":[0,1],\"hashVersion\":2,"
                "\"weights\":[0.9,0.1]}]},\"f\":{\"defaultValue\":0,\"rules\":[{"
                "\"parentConditions\":[{\"id\":\"p\",\"condition\":{\"value\":0},\"gate\":true}],"
                "\"variations\":[1,2],\"hashVersion\":2}]}}",
                U1, {"0", 0.45}, {"1", 0.45}, {"null", 0.1});
}

/* The leaf of the bandit that the person is in; of nobody's leaf the rule's own weights. */
static void a_bandit_has_the_weights_of_its_leaf(void **state)
{
    static const char definitions[] =
        "{\"f\":{\"defaultValue\":0,\"rules\":[{\"contextualVariations\":[1,2],\"hashVersion\":2,"
        "\"contextualBanditRef\":\"cb\",\"weights\":[0.5,0.5]}],\"contextualBandits\":{\"cb\":{"
        "\"banditVersion\":7,\"contexts\":[{\"leafId\":1,\"condition\":{\"c\":1},\"weights\":[0.9,"
        "0.1]},"
        "{\"leafId\":2,\"condition\":{\"c\":2},\"weights\":[0.2,0.8]}]}}}}";
    features *f = features_new(definitions);

    (void)state;
    EXPECT_ARMS(definitions, "{\"id\":\"u1\",\"c\":1}", {"0", 0.9}, {"1", 0.1});
    EXPECT_ARMS(definitions, "{\"id\":\"u1\",\"c\":2}", {"0", 0.2}, {"1", 0.8});
    EXPECT_ARMS(definitions, "{\"id\":\"u1\"}", {"0", 0.5}, {"1", 0.5});
    tdl_flag_answer answer = features_ask(f, "f", "{\"id\":\"u1\",\"c\":2}");
    json_t *exposures = NULL;
    assert_int_equal(tdl_json_parse(answer.exposures, TDL_JSON_LAST_WINS, &exposures, NULL), 0);
    const json_t *result = json_object_get(json_array_get(exposures, 0), "result");
    assert_int_equal(json_integer_value(json_object_get(result, "leafId")), 2);
    assert_int_equal(json_integer_value(json_object_get(result, "banditVersion")), 7);
    assert_true(json_number_value(json_array_get(json_object_get(result, "variationWeights"), 1)) ==
                0.8);
    json_decref(exposures);
    features_free(f);
}

static void without_chance_there_are_no_arms(void **state)
{
    (void)state;
    expect_arms(RULES("{\"force\":1,\"condition\":{\"x\":1}}"), U1, NULL, 0);
    expect_arms(RULES("{" THREE "}"), "{}", NULL, 0); // nothing to hash
    expect_arms(RULES("{\"force\":1,\"coverage\":1}"), U1, NULL, 0);
    expect_arms(RULES("{\"variations\":[1,2],\"weights\":[1,0]}"), U1, NULL, 0);
    expect_arms(RULES("{\"variations\":[1,2],\"meta\":[{\"passthrough\":true},{\"passthrough\":"
                      "true}]}"),
                U1, NULL, 0);
}

static void what_was_chosen_is_among_the_arms(void **state)
{
    features *f = features_new(RULES("{" THREE ",\"coverage\":0.5,\"seed\":\"btn-exp\"}"));
    tdl_flag_answer answer = features_ask(f, "f", "{\"id\":\"u5\"}");

    (void)state;
    assert_true(tdl_str_is(answer.arms[answer.chosen].key, "1")); // 0.4329
    answer = features_ask(f, "f", "{\"id\":\"u3\"}");             // 0.2935: out
    assert_true(tdl_str_is(answer.arms[answer.chosen].key, "false"));
    features_free(f);
}

/* 2^12 ways and more, and no end of them: it is not answered rather than not logged. */
static void what_has_too_many_ways_is_not_decided(void **state)
{
    tdl_buf text = {0};

    (void)state;
    tdl_buf_text(&text, "{\"f\":{\"defaultValue\":9,\"rules\":[");
    for (int i = 0; i < 20; i++)
        tdl_buf_printf(&text,
                       "%s{\"variations\":[1,2],\"hashVersion\":2,\"key\":\"e%d\",\"meta\":[{"
                       "\"passthrough\":true},{\"passthrough\":true}]}",
                       i ? "," : "", i);
    tdl_buf_text(&text, "]}}");
    features *f = features_new(text.at);
    tdl_flag_answer answer = features_ask(f, "f", U1);
    assert_int_equal(answer.reason, TDL_FLAG_UNDECIDED);
    assert_true(tdl_str_is(answer.value, "9"));
    assert_int_equal(answer.arms_n, 0);
    features_free(f);
    tdl_buf_release(&text);
}

/* Over 20,000 ids each arm comes up as often as it says, within four standard deviations. */
static void probabilities_are_frequencies(void **state)
{
    enum { IDS = 20000, ARMS_MAX = 8 };
    features *f = features_new(
        "{\"p\":{\"defaultValue\":0,\"rules\":[{\"variations\":[0,1],\"hashVersion\":2,"
        "\"weights\":[0.7,0.3]}]},\"f\":{\"defaultValue\":0,\"rules\":[{\"parentConditions\":["
        "{\"id\":\"p\",\"condition\":{\"value\":1}}],\"force\":5,\"coverage\":0.4,\"hashVersion\":"
        "2},"
        "{\"filters\":[{\"seed\":\"x\",\"ranges\":[[0.1,0.9]]}],\"variations\":[1,2,3],"
        "\"hashVersion\":2,\"coverage\":0.6},{\"force\":6,\"coverage\":0.5,\"hashVersion\":2}]}}");
    size_t counts[ARMS_MAX] = {0};
    double share[ARMS_MAX] = {0};
    char attributes[32];
    size_t arms_n = 0;

    (void)state;
    for (int i = 0; i < IDS; i++) {
        tdl_arena_reset(f->arena);
        snprintf(attributes, sizeof attributes, "{\"id\":\"user-%d\"}", i);
        tdl_flag_answer answer = features_ask(f, "f", attributes);
        assert_in_range(answer.arms_n, 2, ARMS_MAX);
        arms_n = answer.arms_n;
        for (size_t k = 0; k < arms_n; k++)
            share[k] = answer.arms[k].probability;
        counts[answer.chosen]++;
    }
    assert_int_equal(arms_n, 6);
    for (size_t k = 0; k < arms_n; k++) {
        double deviation = sqrt(IDS * share[k] * (1 - share[k]));
        if (fabs((double)counts[k] - IDS * share[k]) > 4 * deviation)
            fail_msg("arm %zu: %zu of %d, expected %g", k, counts[k], IDS, IDS * share[k]);
    }
    features_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_and_coverage_are_the_arms),
        cmocka_unit_test(a_rollout_has_one_bucket_more),
        cmocka_unit_test(rules_that_share_a_hash_are_not_independent),
        cmocka_unit_test(filters_namespaces_and_parents_multiply),
        cmocka_unit_test(a_bandit_has_the_weights_of_its_leaf),
        cmocka_unit_test(without_chance_there_are_no_arms),
        cmocka_unit_test(what_was_chosen_is_among_the_arms),
        cmocka_unit_test(what_has_too_many_ways_is_not_decided),
        cmocka_unit_test(probabilities_are_frequencies),
    };

    return cmocka_run_group_tests_name("growthbook_arms", tests, NULL, NULL);
}
