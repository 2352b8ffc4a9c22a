/* What a part of a mix would have earned by itself: on simulated answers whose truth is known,
 * since who pays for what is made here. */
#include "cases.h"

#include "apps/recommend/figures.h"
#include "apps/recommend/what_if.h"
#include "base/rng.h"

enum { ITEMS = 4, SLOTS = 2, ANSWERS = 4000, PARTS = 2, EFFECTS_BYTES = 4096 };

/* What an item earns in a slot, and what each part thinks of it: "good" knows, "bad" has it the
 * wrong way round. */
static const double pays[SLOTS][ITEMS] = {{.6, .4, .2, .1}, {.3, .2, .1, .05}};
static const float thinks[PARTS][ITEMS] = {{4, 3, 2, 1}, {1, 2, 3, 4}};

static size_t best_left(size_t part, const bool *taken)
{
    size_t best = ITEMS;

    for (size_t i = 0; i < ITEMS; i++)
        if (!taken[i] && (best == ITEMS || thinks[part][i] > thinks[part][best]))
            best = i;
    return best;
}

/* Answers of a policy that draws: in each slot the first that is left with .4 more than its even
 * share of .6. ret_truth [PARTS]: mean over the slots that were drawn of what each part's choice
 * pays, those above as they were. */
static tdl_what_if *simulate(uint64_t seed, double eps, double ret_truth[PARTS])
{
    tdl_what_if *w = tdl_what_if_new(TDL_WHAT_IF_SLOTS_MAX);
    tdl_rng rng = tdl_rng_make(seed, 1);
    tdl_effects effects = {.surface = TDL_STR("home"), .parts_n = PARTS, .slots_n = SLOTS};
    tdl_report why = {0};

    effects.part[0] = (tdl_part_told){TDL_STR("good"), 1, 1};
    effects.part[1] = (tdl_part_told){TDL_STR("bad"), 1, 1};
    ret_truth[0] = ret_truth[1] = 0;
    for (uint32_t answer = 0; answer < ANSWERS; answer++) {
        bool taken[ITEMS] = {0}, rewarded[SLOTS];
        double chance[SLOTS];
        for (size_t s = 0; s < SLOTS; s++) {
            size_t left = ITEMS - s, greedy = 0, item;
            while (taken[greedy])
                greedy++;
            double u = tdl_rng_uniform(&rng);
            if (u < 1 - eps)
                item = greedy;
            else {
                size_t skip = (size_t)tdl_rng_below(&rng, left);
                for (item = 0; taken[item] || skip-- > 0; item++)
                    ;
            }
            chance[s] = eps / (double)left + (item == greedy ? 1 - eps : 0);
            rewarded[s] = tdl_rng_uniform(&rng) < pays[s][item];
            effects.slot[s].firsts = 0;
            for (size_t p = 0; p < PARTS; p++) {
                size_t best = best_left(p, taken);
                ret_truth[p] += pays[s][best] / (ANSWERS * SLOTS);
                effects.slot[s].firsts |= (uint8_t)((best == item) << p);
            }
            taken[item] = true;
        }
        expect_ok(tdl_what_if_add(w, &effects, chance, rewarded, answer, &why), &why);
    }
    return w;
}

static tdl_off_policy estimate(const tdl_what_if *w, const char *part)
{
    tdl_off_policy ret;
    tdl_report why = {0};

    expect_ok(tdl_what_if_estimate(w, tdl_str_of(part), &ret, &why), &why);
    return ret;
}

static void intervals_hold_what_each_part_would_have_earned(void **state)
{
    size_t held = 0;

    TDL_UNUSED(state);
    for (uint64_t seed = 0; seed < 100; seed++) {
        double truth[PARTS];
        tdl_what_if *w = simulate(seed, .6, truth);
        tdl_off_policy good = estimate(w, "good"), bad = estimate(w, "bad");
        held += good.estimate[TDL_DR].low <= truth[0] && truth[0] <= good.estimate[TDL_DR].high;
        held += bad.estimate[TDL_DR].low <= truth[1] && truth[1] <= bad.estimate[TDL_DR].high;
        tdl_what_if_free(w);
    }
    // of 200 at .95: 190, with an error of 3.1
    assert_in_range(held, 178, 200);
}

/* A contender that looks better offline founders on the log, and one that the log cannot judge, or
 * on which it has too little, does not. */
static void the_gate_refuses_what_the_log_shows_to_earn_less(void **state)
{
    enum { PEOPLE = 300 };
    double truth[PARTS], low[PEOPLE], high[PEOPLE];
    const double *ndcg[] = {low, high};
    const size_t n[] = {PEOPLE};
    tdl_gate_row rows[2];
    size_t serves;
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < PEOPLE; i++) {
        low[i] = .1;
        high[i] = i % 2 ? .1 : .5;
    }
    tdl_what_if *open = simulate(7, .6, truth), *shut = simulate(7, .01, truth);
    tdl_off_policy bad = estimate(open, "bad"), good = estimate(open, "good"),
                   unsure = estimate(shut, "bad");
    const tdl_off_policy *logged[] = {NULL, &bad};
    expect_ok(tdl_gate_cuts(ndcg, 2, n, 1, PEOPLE, logged, 1, rows, &serves, &why), &why);
    assert_int_equal(serves, 0);
    assert_int_equal(rows[1].verdict, TDL_GATE_LOG_WORSE);
    assert_true(bad.difference.high < 0);
    logged[1] = &good;
    expect_ok(tdl_gate_cuts(ndcg, 2, n, 1, PEOPLE, logged, 1, rows, &serves, &why), &why);
    assert_int_equal(serves, 1);
    logged[1] = &unsure; // one draw of a hundred: what it says is no answer
    assert_true(unsure.labels & TDL_OFF_POLICY_UNRELIABLE);
    expect_ok(tdl_gate_cuts(ndcg, 2, n, 1, PEOPLE, logged, 1, rows, &serves, &why), &why);
    assert_int_equal(serves, 1);
    bad.rows_n = TDL_GATE_LOGGED_MIN - 1;
    logged[1] = &bad;
    expect_ok(tdl_gate_cuts(ndcg, 2, n, 1, PEOPLE, logged, 1, rows, &serves, &why), &why);
    assert_int_equal(serves, 1);
    tdl_what_if_free(open);
    tdl_what_if_free(shut);
}

static void slots_without_chance_say_nothing(void **state)
{
    tdl_what_if *w = tdl_what_if_new(TDL_WHAT_IF_SLOTS_MAX);
    tdl_effects effects = {.surface = TDL_STR("home"), .parts_n = 1, .slots_n = 4};
    const double chance[] = {1, .5, .5, .5};
    const bool rewarded[] = {true, true, true, false};
    tdl_off_policy found;
    tdl_report why = {0};

    TDL_UNUSED(state);
    effects.part[0] = (tdl_part_told){TDL_STR("only"), 1, 1};
    effects.slot[1].forced = true;
    effects.slot[2].estimated = true;
    assert_int_equal(tdl_what_if_estimate(w, TDL_STR("only"), &found, &why), TDL_E_NOT_FOUND);
    expect_ok(tdl_what_if_add(w, &effects, chance, rewarded, 1, &why), &why);
    expect_ok(tdl_what_if_estimate(w, TDL_STR("only"), &found, &why), &why);
    assert_int_equal(found.rows_n, 1); // the last
    expect_near(found.estimate[TDL_ON_POLICY].value, 0, 0);
    tdl_what_if_free(w);
}

/* The row keeps it: what was packed is what is read. */
static void a_row_keeps_which_parts_would_have_chosen_alike(void **state)
{
    tdl_effects *e = calloc(1, sizeof *e), *found = calloc(1, sizeof *found);
    char bytes[EFFECTS_BYTES];

    TDL_UNUSED(state);
    e->surface = TDL_STR("home");
    e->version = 3;
    e->parts_n = 2;
    e->part[0] = (tdl_part_told){TDL_STR("directed"), .5, 2};
    e->part[1] = (tdl_part_told){TDL_STR("ease"), 1.5, 3};
    e->slots_n = 2;
    e->slot[0] = (tdl_slot_told){.pool_n = 9, .u = .25, .score = {1, 2}, .firsts = 2};
    e->slot[1] = (tdl_slot_told){.pool_n = 8, .u = .5, .score = {3, 4}, .firsts = 3};
    assert_true(tdl_effects_room(e) <= sizeof bytes);
    size_t n = (size_t)(tdl_effects_pack(bytes, e) - bytes);
    assert_true(n <= tdl_effects_room(e));
    tdl_packed packed = {bytes, n, false};
    assert_true(tdl_effects_unpack(&packed, tdl_packed_number(&packed, 1), found));
    assert_int_equal(packed.left, 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(found->slot[i].firsts, e->slot[i].firsts);
        assert_true(found->slot[i].score[1] == e->slot[i].score[1]);
    }
    free(e);
    free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_hold_what_each_part_would_have_earned),
        cmocka_unit_test(the_gate_refuses_what_the_log_shows_to_earn_less),
        cmocka_unit_test(slots_without_chance_say_nothing),
        cmocka_unit_test(a_row_keeps_which_parts_would_have_chosen_alike),
    };
    return cmocka_run_group_tests_name("recommend/what_if", tests, NULL, NULL);
}
