/* Policies of surfaces: what is refused when one is saved, and how it is told. */
#include "cases.h"

#include "apps/recommend/policy.h"

static tdl_catalogue *shop;

static void put(const char *id, const char *kept)
{
    int32_t item = tdl_catalogue_add(shop, tdl_str_of(id));

    assert_true(item >= 0);
    tdl_catalogue_describe(shop, item, tdl_str_of(kept));
}

static int set_up(void **state)
{
    TDL_UNUSED(state);
    shop = tdl_catalogue_new();
    put("shoe", "{\"$price\": 40, \"$seller\": \"s1\", \"$tags\": [\"new\"], \"cost\": 30}");
    put("boot", "{\"$price\": 60, \"$seller\": \"s1\", \"$categories\": [\"a\", \"b\"]}");
    put("hat", "{\"$price\": 10, \"$seller\": \"s2\", \"$categories\": [\"b\"]}");
    return 0;
}

static int tear_down(void **state)
{
    TDL_UNUSED(state);
    tdl_catalogue_free(shop);
    return 0;
}

static tdl_status read_policy(const char *text, tdl_policy **ret, tdl_report *why)
{
    json_t *json = NULL;
    tdl_status st;

    *ret = NULL;
    expect_ok(tdl_json_parse(tdl_str_of(text), TDL_JSON_REFUSE_DUPLICATES, &json, why), why);
    st = tdl_policy_read(json, tdl_catalogue_attributes(shop), ret, why);
    json_decref(json);
    if (!st)
        st = tdl_policy_check(*ret, shop, why);
    return st;
}

static void a_policy_is_read_whole(void **state)
{
    tdl_report why = {0};
    tdl_policy *p;

    TDL_UNUSED(state);
    expect_ok(
        read_policy(
            "{\"where\": \"price < ctx.budget\","
            "\"boost\": [{\"name\": \"fresh\", \"when\": \"tag('new')\", \"by\": 0.5}],"
            "\"bury\": [{\"when\": \"user.country == 'PT'\", \"by\": 1}],"
            "\"pin\": [{\"slot\": 1, \"item\": \"shoe\", \"from\": \"1970-01-02\"}],"
            "\"cap\": [{\"attribute\": \"seller\", \"most\": 2}],"
            "\"slots\": [{\"slot\": 3, \"when\": \"tag('new')\"}],"
            "\"margin_floor\": 0.1, \"stock_floor\": 2, \"seen\": \"30d\", \"sent\": \"never\","
            "\"window\": \"12h\", \"sends\": {\"most\": 2, \"within\": \"7d\"},"
            "\"diversity\": {\"kind\": \"dpp\", \"theta\": 2},"
            "\"explore\": {\"kind\": \"thompson\", \"spread\": 0.2, \"from_slot\": 2,"
            "\"new_items\": {\"impressions\": 50, \"share\": 0.05}}}",
            &p, &why),
        &why);
    assert_int_equal(p->rules_n, 5);
    assert_true(tdl_str_is(p->rule[0].name, "fresh") && p->rule[0].by == .5);
    assert_true(tdl_str_is(p->rule[1].name, "bury[0]") && p->rule[1].by == -1);
    assert_int_equal(p->rule[2].from_us, INT64_C(86400000000));
    assert_true(p->margin_floor == .1 && p->stock_floor == 2);
    assert_int_equal(p->seen_us, INT64_C(30) * 86400000000);
    assert_true(p->sent_us == TDL_SPAN_ALWAYS);
    assert_int_equal(p->window_us, INT64_C(12) * 3600000000);
    assert_true(p->sends_most == 2 && p->asks_user);
    assert_int_equal(p->diversity.kind, TDL_DIVERSITY_DPP);
    assert_int_equal(p->explore.kind, TDL_EXPLORE_THOMPSON);
    assert_true(p->explore.impressions == 50 && p->explore.share == .05);
    tdl_policy_free(p);
}

static void the_empty_policy_changes_nothing(void **state)
{
    tdl_report why = {0};
    tdl_policy *p;

    TDL_UNUSED(state);
    expect_ok(read_policy("{}", &p, &why), &why);
    assert_true(!p->where && !p->rules_n && !p->seen_us && isnan(p->margin_floor));
    assert_int_equal(p->diversity.kind, TDL_DIVERSITY_OFF);
    assert_int_equal(p->explore.kind, TDL_EXPLORE_OFF);
    tdl_policy_free(p);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[]", "must be an object"},
        {"{\"were\": \"true\"}", "no member \"were\""},
        {"{\"where\": 3}", "where must be a string"},
        {"{\"where\": \"prize < 3\"}", "where: no item has the attribute \"prize\""},
        {"{\"where\": \"price < 'a'\"}", "where: a number is compared with a text at position 7"},
        {"{\"boost\": {}}", "boost must be an array"},
        {"{\"boost\": [{\"when\": \"true\"}]}", "boost[0]: by is missing"},
        {"{\"boost\": [{\"by\": 1}]}", "boost[0]: when is missing"},
        {"{\"bury\": [{\"when\": \"true\", \"by\": -1}]}", "bury[0]: by must be a number from 0"},
        {"{\"pin\": [{\"slot\": 0, \"item\": \"hat\"}]}", "pin[0]: slot must be an integer"},
        {"{\"pin\": [{\"slot\": 1}]}", "pin[0]: one of item and when is wanted"},
        {"{\"pin\": [{\"slot\": 1, \"item\": \"hat\", \"from\": \"soon\"}]}", "pin[0]: from"},
        {"{\"pin\": [{\"slot\": 1, \"item\": \"hat\", \"from\": \"2026-01-02\","
         "\"to\": \"2026-01-02\"}]}",
         "pin[0]: to must be later than from"},
        {"{\"pin\": [{\"slot\": 1, \"item\": \"cap\"}]}", "there is no item \"cap\""},
        {"{\"cap\": [{\"attribute\": \"saler\", \"most\": 1}]}", "nearest: seller"},
        {"{\"cap\": [{\"attribute\": \"seller\"}]}", "cap[0]: most is missing"},
        {"{\"slots\": [{\"slot\": 2}]}", "slots[0]: when is missing"},
        {"{\"seen\": \"a month\"}", "seen: \"a month\" is no span of time"},
        {"{\"stock_floor\": -1}", "stock_floor must be a number from 0"},
        {"{\"diversity\": {\"kind\": \"mmr\", \"lambda\": 2}}", "diversity: lambda must be"},
        {"{\"explore\": {\"kind\": \"ucb\"}}", "explore: kind is one of"},
        {"{\"explore\": {\"new_items\": {\"share\": 0.5}}}",
         "explore: new_items: share must be a number from 0 to 0.1"},
        {"{\"sends\": {\"most\": 2}}", "sends: both most and within"},
        {"{\"slots\": [{\"name\": \"a\", \"slot\": 1, \"when\": \"true\"}],"
         "\"bury\": [{\"name\": \"a\", \"when\": \"true\", \"by\": 1}]}",
         "two rules are called \"a\""},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < COUNT(cases); i++) {
        tdl_report why = {0};
        tdl_policy *p;
        assert_int_equal(read_policy(cases[i].text, &p, &why), TDL_E_INVALID);
        if (!strstr(why.message, cases[i].message))
            fail_msg("%s: %s", cases[i].text, why.message);
        tdl_policy_free(p);
    }
}

static void rules_that_contradict_each_other_are_both_named(void **state)
{
    static const struct {
        const char *text, *one, *other;
    } cases[] = {
        {"{\"pin\": [{\"name\": \"p\", \"slot\": 1, \"item\": \"hat\", \"to\": \"2026-06-01\"},"
         "{\"name\": \"q\", \"slot\": 1, \"item\": \"boot\", \"from\": \"2026-05-01\"}]}",
         "\"p\"", "\"q\""},
        {"{\"where\": \"price < 50\", \"pin\": [{\"name\": \"p\", \"slot\": 1,"
         "\"item\": \"boot\"}]}",
         "\"p\"", "\"where\""},
        {"{\"cap\": [{\"attribute\": \"seller\", \"most\": 1}], \"pin\": ["
         "{\"slot\": 1, \"item\": \"shoe\"}, {\"slot\": 2, \"item\": \"boot\"}]}",
         "\"cap[0]\"", "\"pin[0]\""},
        {"{\"cap\": [{\"attribute\": \"categories\", \"most\": 1}], \"pin\": ["
         "{\"slot\": 1, \"item\": \"hat\"}, {\"slot\": 2, \"item\": \"boot\"}]}",
         "\"cap[0]\"", "\"pin[0]\""},
        {"{\"slots\": [{\"slot\": 1, \"when\": \"tag('new')\"}], \"pin\": ["
         "{\"slot\": 1, \"item\": \"hat\"}]}",
         "\"pin[0]\"", "\"slots[0]\""},
        {"{\"slots\": [{\"slot\": 1, \"when\": \"tag('new')\"},"
         "{\"slot\": 1, \"when\": \"tag('old')\"}]}",
         "\"slots[0]\"", "\"slots[1]\""},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < COUNT(cases); i++) {
        tdl_report why = {0};
        tdl_policy *p;
        assert_int_equal(read_policy(cases[i].text, &p, &why), TDL_E_INVALID);
        if (!strstr(why.message, cases[i].one) || !strstr(why.message, cases[i].other))
            fail_msg("%s: %s", cases[i].text, why.message);
        tdl_policy_free(p);
    }
}

static void rules_that_only_may_meet_are_taken(void **state)
{
    static const char *const cases[] = {
        "{\"pin\": [{\"slot\": 1, \"item\": \"hat\", \"to\": \"2026-05-01\"},"
        "{\"slot\": 1, \"item\": \"boot\", \"from\": \"2026-05-01\"}]}",
        "{\"where\": \"price < ctx.budget\", \"pin\": [{\"slot\": 1, \"item\": \"boot\"}]}",
        "{\"cap\": [{\"attribute\": \"seller\", \"most\": 1}], \"pin\": ["
        "{\"slot\": 1, \"item\": \"shoe\"}, {\"slot\": 2, \"item\": \"hat\"}]}",
        "{\"slots\": [{\"slot\": 1, \"when\": \"tag('new')\"}], \"pin\": ["
        "{\"slot\": 1, \"item\": \"shoe\"}]}",
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < COUNT(cases); i++) {
        tdl_report why = {0};
        tdl_policy *p;
        expect_ok(read_policy(cases[i], &p, &why), &why);
        tdl_policy_free(p);
    }
}

static void spans_of_time_are_read(void **state)
{
    int64_t us;

    TDL_UNUSED(state);
    assert_true(tdl_span_parse(TDL_STR("0d"), &us) && us == 0);
    assert_true(tdl_span_parse(TDL_STR("36h"), &us) && us == INT64_C(36) * 3600000000);
    assert_true(tdl_span_parse(TDL_STR("never"), &us) && us == TDL_SPAN_ALWAYS);
    assert_false(tdl_span_parse(TDL_STR("d"), &us));
    assert_false(tdl_span_parse(TDL_STR("-1d"), &us));
    assert_false(tdl_span_parse(TDL_STR("99999d"), &us));
    assert_false(tdl_span_parse(TDL_STR("3m"), &us));
    assert_false(tdl_span_parse(TDL_STR(""), &us));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_is_read_whole),
        cmocka_unit_test(the_empty_policy_changes_nothing),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(rules_that_contradict_each_other_are_both_named),
        cmocka_unit_test(rules_that_only_may_meet_are_taken),
        cmocka_unit_test(spans_of_time_are_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
