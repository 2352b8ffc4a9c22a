/* Expected propensities: refs/recommend/exploration.json, computed in double precision by an
 * independent program. */
#include "cases.h"

#include "apps/recommend/explore.h"

enum { N = 5 };

static const double scores[N] = {2, 1, .5, 0, -1};

/* Conditional propensities of a slate; what is chosen is gone from the slots below. */
static void check(const tdl_explore_options *options, const size_t slate[3],
                  const double conditional[3], double joint)
{
    double left[N], chance[N], product = 1;
    size_t index[N], n = N;

    for (size_t i = 0; i < N; i++)
        index[i] = i;
    for (size_t slot = 0; slot < 3; slot++) {
        size_t at = 0;
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            left[i] = scores[index[i]];
        tdl_explore_chances(options, left, n, NULL, chance);
        while (index[at] != slate[slot])
            at++;
        for (size_t i = 0; i < n; i++)
            sum += chance[i];
        expect_near(sum, 1, 1e-12);
        expect_near(chance[at], conditional[slot], 1e-11);
        product *= chance[at];
        n--;
        for (size_t i = at; i < n; i++)
            index[i] = index[i + 1];
    }
    expect_near(product, joint, 1e-12);
}

static void plackett_luce_gives_the_propensities_of_the_reference(void **state)
{
    const tdl_explore_options o = {.kind = TDL_EXPLORE_PLACKETT_LUCE, .temperature = 1};

    TDL_UNUSED(state);
    check(&o, (size_t[]){1, 0, 4}, (double[]){.207123936127, .710099922886, .12195165231},
          .0179364893958);
}

static void an_epsilon_slate_gives_the_propensities_of_the_reference(void **state)
{
    const tdl_explore_options o = {.kind = TDL_EXPLORE_EPSILON, .epsilon = .1};

    TDL_UNUSED(state);
    check(&o, (size_t[]){0, 3, 1}, (double[]){.92, .025, .933333333333}, .0214666666667);
}

static void squarecb_gives_the_propensities_of_the_reference(void **state)
{
    const double costs[N] = {.2, .25, .4, .5, .9};
    const double expected[N] = {.578681552366, .166666666667, .111111111111, .0909090909091,
                                .0526315789474};
    double chance[N];

    TDL_UNUSED(state);
    tdl_explore_squarecb(costs, N, 20, chance);
    for (size_t i = 0; i < N; i++)
        expect_near(chance[i], expected[i], 1e-12);
}

/* The list of chances is what the short way stands for: the same bits, and the same one drawn. */
static void the_best_is_drawn_without_a_list_as_with_one(void **state)
{
    const tdl_explore_kind kinds[] = {TDL_EXPLORE_OFF, TDL_EXPLORE_EPSILON};
    const bool is_new[2][N] = {{false}, {false, true, false, true, true}};
    double chance[N], one;

    TDL_UNUSED(state);
    for (size_t at = 0; at < COUNT(kinds) * 2 * 1000; at++) {
        const bool *new_ones = is_new[at / 1000 % 2];
        const tdl_explore_options o = {
            .kind = kinds[at / 2000], .epsilon = .3, .share = .1, .impressions = 1};
        double u = ((double)(at % 1000) + .5) / 1000;
        tdl_explore_chances(&o, scores, N, NULL, chance);
        tdl_explore_mix_new(o.share, new_ones, N, chance);
        size_t drawn = tdl_explore_draw(chance, N, u);
        assert_int_equal(tdl_explore_draw_best(&o, 0, new_ones, N, true, u, &one), drawn);
        assert_true(one == chance[drawn]);
    }
}

/* By many draws of u: exploration.json, marginal_item_by_slot_first2. */
static void drawn_slates_have_the_marginal_shares_of_the_reference(void **state)
{
    enum { DRAWS = 200000 };
    static const double marginal[N][2] = {{.563021231814, .290647823058},
                                          {.207123936127, .319683042171},
                                          {.125627017622, .208665584051},
                                          {.0761966378758, .131224946286},
                                          {.0280311765609, .049778604434}};
    const tdl_explore_options o = {.kind = TDL_EXPLORE_PLACKETT_LUCE, .temperature = 1};
    tdl_rng rng = tdl_rng_make(7, 0);
    double seen[N][2] = {{0}};

    TDL_UNUSED(state);
    for (size_t draw = 0; draw < DRAWS; draw++) {
        double left[N], chance[N];
        tdl_explore_chances(&o, scores, N, NULL, chance);
        size_t first = tdl_explore_draw(chance, N, tdl_rng_uniform(&rng)), n = 0;
        size_t index[N];
        for (size_t i = 0; i < N; i++)
            if (i != first) {
                index[n] = i;
                left[n++] = scores[i];
            }
        tdl_explore_chances(&o, left, n, NULL, chance);
        seen[first][0]++;
        seen[index[tdl_explore_draw(chance, n, tdl_rng_uniform(&rng))]][1]++;
    }
    for (size_t i = 0; i < N; i++)
        for (size_t slot = 0; slot < 2; slot++) { // five standard errors
            double p = marginal[i][slot];
            assert_true(fabs(seen[i][slot] / DRAWS - p) < 5 * sqrt(p * (1 - p) / DRAWS));
        }
}

/* Two equal scores: each is the best half of the time, whatever the spread; with an epsilon of
 * (count + 1) / (256 + 2). By hand. */
static void thompson_counts_the_best_of_256_draws_and_is_the_same_each_time(void **state)
{
    const tdl_explore_options o = {.kind = TDL_EXPLORE_THOMPSON, .spread = .5};
    const double equal[] = {1, 1}, far[] = {100, 0};
    tdl_rng rng = tdl_explore_rng("0192f3a0-0000-7000-8000-000000000001", 3), same = rng;
    double chance[2], again[2];

    TDL_UNUSED(state);
    tdl_explore_chances(&o, equal, 2, &rng, chance);
    tdl_explore_chances(&o, equal, 2, &same, again);
    assert_memory_equal(chance, again, sizeof chance);
    expect_near(chance[0] + chance[1], 1, 1e-12);
    assert_true(fabs(chance[0] - .5) < 5 * .5 / 16);
    tdl_explore_chances(&o, far, 2, &rng, chance);
    expect_near(chance[0], 257. / 258, 1e-12);
    expect_near(chance[1], 1. / 258, 1e-12);
}

static void new_items_get_their_share_and_its_propensity(void **state)
{
    const bool is_new[] = {false, true, true}, none[] = {false, false, false};
    double chance[] = {1, 0, 0};

    TDL_UNUSED(state);
    tdl_explore_mix_new(.1, none, 3, chance);
    expect_near(chance[0], 1, 0);
    tdl_explore_mix_new(.1, is_new, 3, chance);
    expect_near(chance[0], .9, 1e-15);
    expect_near(chance[1], .05, 1e-15);
    expect_near(chance[2], .05, 1e-15);
}

static void a_draw_never_gives_what_has_no_chance(void **state)
{
    const double chance[] = {0, .25, 0, .75, 0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_explore_draw(chance, 5, 0), 1);
    assert_int_equal(tdl_explore_draw(chance, 5, .2499), 1);
    assert_int_equal(tdl_explore_draw(chance, 5, .25), 3);
    assert_int_equal(tdl_explore_draw(chance, 5, 1), 3); // what rounding may leave over
}

static void every_slot_of_a_decision_has_a_draw_of_its_own(void **state)
{
    const char *id = "0192f3a0-0000-7000-8000-000000000001";
    tdl_rng one = tdl_explore_rng(id, 1), again = tdl_explore_rng(id, 1),
            two = tdl_explore_rng(id, 2),
            other = tdl_explore_rng("0192f3a0-0000-7000-8000-000000000002", 1);
    double u = tdl_rng_uniform(&one);

    TDL_UNUSED(state);
    assert_true(u == tdl_rng_uniform(&again));
    assert_true(u != tdl_rng_uniform(&two));
    assert_true(u != tdl_rng_uniform(&other));
}

static void methods_are_read_by_their_names(void **state)
{
    tdl_explore_kind kind;

    TDL_UNUSED(state);
    for (int i = TDL_EXPLORE_OFF; i <= TDL_EXPLORE_SQUARECB; i++) {
        assert_true(tdl_explore_parse(tdl_str_of(tdl_explore_name((tdl_explore_kind)i)), &kind));
        assert_int_equal(kind, i);
    }
    assert_false(tdl_explore_parse(TDL_STR("ucb"), &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plackett_luce_gives_the_propensities_of_the_reference),
        cmocka_unit_test(an_epsilon_slate_gives_the_propensities_of_the_reference),
        cmocka_unit_test(squarecb_gives_the_propensities_of_the_reference),
        cmocka_unit_test(the_best_is_drawn_without_a_list_as_with_one),
        cmocka_unit_test(drawn_slates_have_the_marginal_shares_of_the_reference),
        cmocka_unit_test(thompson_counts_the_best_of_256_draws_and_is_the_same_each_time),
        cmocka_unit_test(new_items_get_their_share_and_its_propensity),
        cmocka_unit_test(a_draw_never_gives_what_has_no_chance),
        cmocka_unit_test(every_slot_of_a_decision_has_a_draw_of_its_own),
        cmocka_unit_test(methods_are_read_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
