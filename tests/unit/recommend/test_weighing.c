/* Kinds of events: what answers are measured by, and how much each counts. Expected numbers are
 * worked out by hand from the formulas of directed.h and decay.h. */
#include "cases.h"

#include "apps/recommend/directed.h"
#include "apps/recommend/lineup_fit.h"
#include "apps/recommend/live_state.h"
#include "apps/recommend/sparse.h"

#define DAY_US INT64_C(86400000000)

static void add(tdl_feedback *f, const char *user, const char *item, const char *kind, int64_t t)
{
    tdl_feedback_row row = {.user = tdl_str_of(user), .item = tdl_str_of(item), .time_us = t};
    tdl_report why = {0};

    expect_ok(tdl_feedback_add(f, &row, &why), &why);
    expect_ok(tdl_feedback_kind_of_last(f, tdl_str_of(kind), &why), &why);
}

static void finish(tdl_feedback *f)
{
    tdl_report why = {0};

    expect_ok(tdl_feedback_finish(f, &why), &why);
}

static void the_usual_target_is_purchase_from_a_thousand_a_month_on(void **state)
{
    TDL_UNUSED(state);
    for (int n = 999; n <= 1000; n++) {
        tdl_feedback *f = tdl_feedback_new();
        for (int i = 0; i < n; i++) {
            char user[16];
            snprintf(user, sizeof user, "u%d", i);
            add(f, user, "i", "purchase", 40 * DAY_US + i);
        }
        add(f, "u", "i", "purchase", 0); // older than 30 days
        add(f, "u", "i", "view", 41 * DAY_US);
        add(f, "v", "i", "view", 41 * DAY_US);
        add(f, "u", "j", "click", 41 * DAY_US);
        finish(f);
        assert_true(tdl_str_is(tdl_target_of(f, TDL_STR("")), n < 1000 ? "view" : "purchase"));
        assert_true(tdl_str_is(tdl_target_of(f, TDL_STR("click")), "click"));
        assert_true(tdl_str_is(tdl_target_of(f, TDL_STR("gone")), n < 1000 ? "view" : "purchase"));
        tdl_feedback_free(f);
    }
    tdl_feedback *f = tdl_feedback_new();
    add(f, "u", "i", "rating", 1);
    finish(f);
    assert_int_equal(tdl_target_of(f, TDL_STR("")).len, 0);
    tdl_feedback_free(f);
}

/* a item that was seen and bought in one group is of both kinds, whatever came first. */
static void a_question_is_about_the_first_group_of_the_kind_and_its_items_of_it(void **state)
{
    tdl_feedback *f = tdl_feedback_new();
    tdl_holdout split;
    tdl_cut_facts facts;
    tdl_report why = {0};

    TDL_UNUSED(state);
    add(f, "u", "a", "view", 10);
    add(f, "u", "b", "view", 110); // after the cut, but nothing was bought
    add(f, "u", "c", "view", 120);
    add(f, "u", "c", "purchase", 120);
    add(f, "u", "d", "view", 120);
    add(f, "v", "b", "view", 5);
    add(f, "v", "c", "view", 6);
    add(f, "v", "d", "view", 7);
    add(f, "v", "a", "view", 130); // bought nothing at all
    finish(f);
    const tdl_cut cut = {
        .cut_us = 100, .end_us = 200, .kinds = tdl_feedback_kind_bit(f, TDL_STR("purchase"))};
    expect_ok(tdl_cut_split(f, TDL_RECOMMEND_DISCOVERY, cut, &split, &facts, &why), &why);
    assert_int_equal(split.questions_n, 1);
    const tdl_question *q = &split.question[0];
    assert_int_equal(q->target_n, 1);
    assert_true(tdl_str_is(tdl_feedback_item(f, q->target[0]), "c"));
    assert_int_equal(q->history.n, 1); // what was known at the cut, and no more
    tdl_holdout_release(&split);
    tdl_feedback_free(f);
}

/* u: view a, purchase b, view c. Forward counts 1, g .8; backward .3. Followers weigh:
 * M[a][b] = w(b), M[a][c] = .8 w(c), M[b][c] = w(c), M[b][a] = .3 w(a), M[c][b] = .3 w(b). */
static void followers_count_as_their_kind_weighs_offline_and_live(void **state)
{
    static const uint8_t weights[][2] = {{1, 1}, {1, 0}, {3, 1}}; /* purchase, view */
    static const char *const kind[] = {"view", "purchase", "view"};
    static const size_t offsets[] = {0, 3};
    static const int32_t item[] = {0, 1, 2};
    static const int64_t time_us[] = {10, 20, 30};
    const tdl_interactions all = {
        .users_n = 1, .items_n = 3, .offsets = offsets, .item = item, .time_us = time_us};
    tdl_directed_params params = tdl_directed_defaults;
    tdl_live_state *live = tdl_live_state_new();
    tdl_report why = {0};

    TDL_UNUSED(state);
    params.shrinkage = 1;
    for (size_t i = 0; i < 3; i++)
        tdl_live_state_take(live, &(tdl_taking){.item = item[i],
                                                .time_us = time_us[i],
                                                .now_us = time_us[i],
                                                .kind = tdl_str_of(kind[i])});
    for (size_t k = 0; k < COUNT(weights); k++) {
        double b = weights[k][0], v = weights[k][1];
        const uint8_t weight[] = {weights[k][1], weights[k][0], weights[k][1]};
        const double counts[3][3] = {{0, b, .8 * v}, {.3 * v, 0, v}, {.24 * v, .3 * b, 0}};
        const tdl_fit_data data = {&all, offsets + 1};
        const tdl_fit_options options = {.weight = weight};
        tdl_sparse m;
        expect_ok(tdl_directed_fit(&params, &data, &options, &m, &why), &why);
        tdl_live_state_weigh(live, TDL_STR("purchase"), weights[k][0], weights[k][1]);
        tdl_live_state_want(live, TDL_LIVE_STREAM, &params);
        while (tdl_live_state_build(live))
            ;
        assert_true(tdl_live_serves(live, TDL_LIVE_STREAM, &params));
        for (int32_t i = 0; i < 3; i++) {
            float follow[3];
            double sum = counts[i][0] + counts[i][1] + counts[i][2] + 1;
            tdl_live_similar(live, TDL_LIVE_STREAM, i, follow, 3);
            for (int32_t j = 0; j < 3; j++) {
                expect_near((double)tdl_sparse_at(&m, i, j), counts[i][j] / sum, 1e-6);
                expect_near((double)follow[j], counts[i][j] / sum, 1e-6);
            }
        }
        for (int32_t i = 0; i < 3; i++) // popularity of all time
            expect_near(tdl_live_popular_at(live, TDL_HALF_LIFE_NONE, -1, 40, i), weight[i], 0);
        tdl_sparse_release(&m);
    }
    tdl_live_state_free(live);
}

/* Everybody looks at the same three things and buys of forty others: popularity of purchases is the
 * better guess of what is bought next. Where everything is bought there is nothing to choose. */
static void the_weights_are_those_that_find_more_of_the_target(void **state)
{
    enum { PEOPLE = 120, DAYS = 20 };
    const tdl_cut window = {.cut_us = 15 * DAY_US, .end_us = 20 * DAY_US};

    TDL_UNUSED(state);
    for (int kinds = 1; kinds <= 2; kinds++) {
        tdl_feedback *f = tdl_feedback_new();
        tdl_rng rng = tdl_rng_make(3, 0);
        tdl_weighing_choice choice;
        tdl_report why = {0};
        for (int u = 0; u < PEOPLE; u++)
            for (int d = 0; d < DAYS; d++) {
                char user[16], seen[16], bought[16];
                snprintf(user, sizeof user, "u%d", u);
                snprintf(seen, sizeof seen, "seen%d", (int)tdl_rng_below(&rng, 12));
                int most = 1 + (int)tdl_rng_below(&rng, 40); // the lower, the likelier
                snprintf(bought, sizeof bought, "b%d", (int)tdl_rng_below(&rng, (uint64_t)most));
                add(f, user, seen, kinds == 2 ? "view" : "purchase", d * DAY_US + u);
                if (d % 2)
                    add(f, user, bought, "purchase", d * DAY_US + 1000 + u);
            }
        finish(f);
        expect_ok(tdl_weighing_choose(f, TDL_STR("purchase"), window, NULL, &choice, &why), &why);
        if (kinds == 1) {
            assert_int_equal(choice.chosen, TDL_WEIGH_ALIKE);
            assert_int_equal(choice.questions_n, 0);
            assert_null(tdl_feedback_weights(f));
        } else {
            assert_true(choice.questions_n >= 50);
            assert_true(choice.chosen != TDL_WEIGH_ALIKE);
            assert_true(choice.ndcg10[choice.chosen] > choice.ndcg10[TDL_WEIGH_ALIKE] + .02);
            const uint8_t *weight = tdl_feedback_weights(f);
            assert_non_null(weight);
            uint32_t bit = tdl_feedback_kind_bit(f, TDL_STR("purchase"));
            for (size_t i = 0; i < 50; i++)
                assert_int_equal(weight[i],
                                 tdl_weighing_of(choice.chosen, tdl_feedback_kinds_of(f, i) & bit));
        }
        tdl_feedback_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_target_is_purchase_from_a_thousand_a_month_on),
        cmocka_unit_test(a_question_is_about_the_first_group_of_the_kind_and_its_items_of_it),
        cmocka_unit_test(followers_count_as_their_kind_weighs_offline_and_live),
        cmocka_unit_test(the_weights_are_those_that_find_more_of_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
