/* Slates under rules; expected orders and propensities are worked out by hand. */
#include "cases.h"

#include "apps/recommend/slate.h"
#include "base/uuid.h"

enum { N = 6 };

static const char *const decision = "0192f3a0-0000-7000-8000-000000000001";

typedef struct bench {
    tdl_arena *arena;
    tdl_catalogue *shop;
    tdl_policy *policy;
    tdl_bound bound[TDL_RULES_MAX];
    int32_t cap_attribute[TDL_RULES_MAX];
    tdl_slate_candidate candidate[N];
    tdl_slate_ask ask;
    tdl_slot slot[N];
    size_t slots_n;
} bench;

/* Six items, best first; a, b, c of seller s1, d and e of s2, f of none; e and f are new. */
static int set_up(void **state)
{
    static const char *const id[N] = {"a", "b", "c", "d", "e", "f"};
    static const char *const kept[N] = {
        "{\"$seller\": \"s1\"}",
        "{\"$seller\": \"s1\"}",
        "{\"$seller\": \"s1\"}",
        "{\"$seller\": \"s2\"}",
        "{\"$seller\": \"s2\", \"$tags\": [\"new\"]}",
        "{\"$tags\": [\"new\"]}",
    };
    bench *b = calloc(1, sizeof *b);

    b->arena = tdl_arena_new(1 << 22);
    b->shop = tdl_catalogue_new();
    for (int32_t i = 0; i < N; i++) {
        assert_int_equal(tdl_catalogue_add(b->shop, tdl_str_of(id[i])), i);
        tdl_catalogue_describe(b->shop, i, tdl_str_of(kept[i]));
    }
    for (int32_t i = 0; i < N; i++)
        b->candidate[i] = (tdl_slate_candidate){
            .view = tdl_item_view_of(b->shop, i), .relevance = -i, .is_new = i >= 4};
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    bench *b = *state;

    tdl_policy_free(b->policy);
    tdl_catalogue_free(b->shop);
    tdl_arena_free(b->arena);
    free(b);
    return 0;
}

static void likeness(const void *context, size_t i, const size_t *other, size_t n, double *ret)
{
    const bench *b = context;

    for (size_t k = 0; k < n; k++)
        ret[k] =
            tdl_record_similarity(b->candidate[i].view.record, b->candidate[other[k]].view.record);
}

static void use(bench *b, const char *policy)
{
    const tdl_attributes *known = tdl_catalogue_attributes(b->shop);
    json_t *json = NULL;
    tdl_report why = {0};

    tdl_policy_free(b->policy);
    b->policy = NULL;
    expect_ok(tdl_json_parse(tdl_str_of(policy), TDL_JSON_REFUSE_DUPLICATES, &json, &why), &why);
    expect_ok(tdl_policy_read(json, known, &b->policy, &why), &why);
    json_decref(json);
    for (size_t i = 0; i < b->policy->rules_n; i++) {
        b->cap_attribute[i] = tdl_attributes_find(known, b->policy->rule[i].attribute);
        if (b->policy->rule[i].when)
            assert_true(tdl_expression_bind(b->policy->rule[i].when, known, NULL, NULL, b->arena,
                                            &b->bound[i]));
    }
    b->ask = (tdl_slate_ask){.policy = b->policy,
                             .bound = b->bound,
                             .cap_attribute = b->cap_attribute,
                             .candidate = b->candidate,
                             .n = N,
                             .k = 4,
                             .decision_id = decision,
                             .explore = true,
                             .similarity = likeness,
                             .context = b};
}

static void fill(bench *b)
{
    tdl_arena *arena = tdl_arena_new(1 << 20);
    tdl_report why;

    expect_ok(tdl_slate_fill(&b->ask, arena, b->slot, &b->slots_n, &why), &why);
    tdl_arena_free(arena);
}

static void expect_order(bench *b, const char *order)
{
    char found[N + 1] = "";

    fill(b);
    for (size_t i = 0; i < b->slots_n; i++)
        found[i] = b->candidate[b->slot[i].candidate].view.id.text.at[0];
    assert_string_equal(found, order);
}

static void without_rules_the_best_come_first_with_certainty(void **state)
{
    bench *b = *state;

    use(b, "{}");
    expect_order(b, "abcd");
    for (size_t i = 0; i < 4; i++)
        assert_true(b->slot[i].propensity == 1 && b->slot[i].u == 0 && !b->slot[i].forced);
}

static void a_cap_lets_the_next_ones_up_and_says_so(void **state)
{
    bench *b = *state;

    use(b, "{\"cap\": [{\"name\": \"two\", \"attribute\": \"seller\", \"most\": 2}]}");
    expect_order(b, "abde");
    assert_null(b->slot[1].above);
    assert_true(tdl_str_is(b->slot[2].above->name, "two"));
}

static void a_pin_is_forced_and_counted_by_caps_before_its_slot(void **state)
{
    bench *b = *state;

    use(b, "{\"pin\": [{\"name\": \"p\", \"slot\": 3, \"item\": \"c\"}],"
           "\"cap\": [{\"attribute\": \"seller\", \"most\": 2}]}");
    expect_order(b, "adce");
    assert_true(b->slot[2].forced && b->slot[2].propensity == 1);
    assert_true(tdl_str_is(b->slot[2].by->name, "p"));
}

static void a_pin_holds_from_its_first_to_before_its_last_moment(void **state)
{
    bench *b = *state;

    use(b, "{\"pin\": [{\"slot\": 1, \"item\": \"f\", \"from\": \"1970-01-01T00:00:01Z\","
           "\"to\": \"1970-01-01T00:00:02Z\"}]}");
    expect_order(b, "abcd");
    b->ask.now_us = 1000000;
    expect_order(b, "fabc");
    b->ask.now_us = 2000000;
    expect_order(b, "abcd");
}

static void a_pin_by_expression_takes_the_best_that_fits(void **state)
{
    bench *b = *state;

    use(b, "{\"pin\": [{\"slot\": 2, \"when\": \"seller == 's2'\"}]}");
    expect_order(b, "adbc");
    assert_true(b->slot[1].forced);
    use(b, "{\"pin\": [{\"slot\": 2, \"when\": \"seller == 's9'\"}]}");
    expect_order(b, "abcd"); // nobody fits
}

static void a_slot_is_kept_for_those_of_its_rule_if_there_are_any(void **state)
{
    bench *b = *state;

    use(b, "{\"slots\": [{\"name\": \"fresh\", \"slot\": 2, \"when\": \"tag('new')\"},"
           "{\"slot\": 3, \"when\": \"seller == 's9'\"}]}");
    expect_order(b, "aebc");
    assert_true(tdl_str_is(b->slot[1].by->name, "fresh") && !b->slot[1].forced);
    assert_null(b->slot[2].by);
}

static void slots_that_caps_leave_empty_make_the_answer_shorter(void **state)
{
    bench *b = *state;

    use(b, "{\"cap\": [{\"attribute\": \"seller\", \"most\": 1}]}");
    expect_order(b, "adf");
}

/* MMR at .5 with relevance scaled to 1, .8, .6, .4, .2, 0; of one seller: similarity 1, or 1/sqrt 2
 * with e, whose tag is a second feature. a .5; then b .4-.5, d .2: d; then f 0, e .1-.35, b -.1. */
static void variety_sees_what_stands_above(void **state)
{
    bench *b = *state;

    use(b, "{\"diversity\": {\"kind\": \"mmr\", \"lambda\": 0.5}}");
    expect_order(b, "adfb");
}

/* Epsilon .2 from slot 3: four are left there, three in slot 4. */
static void explored_slots_have_the_propensity_of_their_draw(void **state)
{
    bench *b = *state;
    size_t explored = 0;

    use(b, "{\"explore\": {\"kind\": \"epsilon\", \"epsilon\": 0.2, \"from_slot\": 3}}");
    for (size_t i = 0; i < 400; i++) {
        char id[37];
        tdl_uuid7(id);
        b->ask.decision_id = id;
        fill(b);
        assert_true(b->slot[1].propensity == 1);
        for (size_t slot = 2; slot < 4; slot++) {
            double m = slot == 2 ? 4 : 3;
            assert_int_equal(b->slot[slot].pool_n, m);
            expect_near(b->slot[slot].propensity, b->slot[slot].explored ? .2 / m : .8 + .2 / m,
                        1e-12);
            explored += b->slot[slot].explored;
        }
    }
    assert_in_range(explored, 60, 180); // .2 (3/4 + 2/3) 400 = 113, five standard deviations 50
}

static void the_same_decision_gives_the_same_slate(void **state)
{
    bench *b = *state;
    tdl_slot before[N];

    use(b, "{\"explore\": {\"kind\": \"plackett_luce\", \"temperature\": 2, \"from_slot\": 1}}");
    memset(before, 0, sizeof before);
    for (size_t i = 0; i < 20; i++) {
        fill(b);
        for (size_t k = 0; i && k < b->slots_n; k++)
            assert_true(b->slot[k].candidate == before[k].candidate &&
                        b->slot[k].propensity == before[k].propensity &&
                        b->slot[k].u == before[k].u);
        memcpy(before, b->slot, sizeof before);
    }
    b->ask.explore = false;
    expect_order(b, "abcd");
}

/* A tenth of slot 3 goes to e or f, evenly: .05; the best, c, has the rest, .9. */
static void new_items_have_their_share_of_explored_slots(void **state)
{
    bench *b = *state;
    bool seen = false;

    use(b, "{\"explore\": {\"from_slot\": 3, \"new_items\": {\"impressions\": 100,"
           "\"share\": 0.1}}}");
    for (size_t i = 0; i < 200; i++) {
        char id[37];
        tdl_uuid7(id);
        b->ask.decision_id = id;
        fill(b);
        expect_near(b->slot[2].propensity, b->slot[2].fresh ? .05 : .9, 1e-12);
        seen |= b->slot[2].fresh;
    }
    assert_true(seen);
}

static void no_candidates_make_an_empty_answer(void **state)
{
    bench *b = *state;

    use(b, "{\"pin\": [{\"slot\": 1, \"item\": \"a\"}], \"diversity\": {\"kind\": \"dpp\"}}");
    b->ask.n = 0;
    expect_order(b, "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(without_rules_the_best_come_first_with_certainty),
        CASE(a_cap_lets_the_next_ones_up_and_says_so),
        CASE(a_pin_is_forced_and_counted_by_caps_before_its_slot),
        CASE(a_pin_holds_from_its_first_to_before_its_last_moment),
        CASE(a_pin_by_expression_takes_the_best_that_fits),
        CASE(a_slot_is_kept_for_those_of_its_rule_if_there_are_any),
        CASE(slots_that_caps_leave_empty_make_the_answer_shorter),
        CASE(variety_sees_what_stands_above),
        CASE(explored_slots_have_the_propensity_of_their_draw),
        CASE(the_same_decision_gives_the_same_slate),
        CASE(new_items_have_their_share_of_explored_slots),
        CASE(no_candidates_make_an_empty_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
