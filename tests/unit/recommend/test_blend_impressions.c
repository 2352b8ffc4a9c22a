/* Weights of a blend from what was shown, against a shop that is made here: the chance of a reward
 * is known, and so is the chance with which each item came to its place. */
#include "cases.h"

#include "apps/recommend/blend_feature.h"
#include "apps/recommend/blend_impressions.h"
#include "base/rng.h"

enum { PEOPLE = 300, WEEKS = 10, EACH_WEEK = 300, CANDIDATES = 12, PLACES = 5 };
#define WEEK_US INT64_C(604800000000)

static const double EPS = .3, SCALE = .5;

/* log-odds of a reward: place[j] + w . x */
typedef struct truth {
    double w[2], place[PLACES];
} truth;

typedef struct shelf {
    double score[CANDIDATES][2], x[CANDIDATES][2];
    bool gone[CANDIDATES];
} shelf;

static void fill(shelf *s, tdl_rng *rng)
{
    for (size_t i = 0; i < CANDIDATES; i++)
        for (size_t r = 0; r < 2; r++) {
            s->score[i][r] = (double)(float)tdl_rng_uniform(rng);
            s->x[i][r] = tdl_blend_feature(s->score[i][r], SCALE);
            s->gone[i] = false;
        }
}

static size_t best_left(const shelf *s, const double *w)
{
    size_t best = CANDIDATES;

    for (size_t i = 0; i < CANDIDATES; i++)
        if (!s->gone[i] && (best == CANDIDATES || w[0] * s->x[i][0] + w[1] * s->x[i][1] >
                                                      w[0] * s->x[best][0] + w[1] * s->x[best][1]))
            best = i;
    return best;
}

static double chance_of_reward(const truth *t, const double *x, size_t place)
{
    return 1 / (1 + exp(-(t->place[place] + t->w[0] * x[0] + t->w[1] * x[1])));
}

/* One slot by epsilon: the chance is exact. */
static size_t draw(const shelf *s, const double *w, size_t left, tdl_rng *rng, double *ret_chance)
{
    size_t best = best_left(s, w), item = best;

    if (tdl_rng_uniform(rng) < EPS) {
        size_t nth = (size_t)tdl_rng_below(rng, left);
        for (item = 0; s->gone[item] || nth; item++)
            nth -= !s->gone[item];
    }
    *ret_chance = EPS / (double)left + (item == best ? 1 - EPS : 0);
    return item;
}

static tdl_effects *new_answer(void)
{
    tdl_effects *e = calloc(1, sizeof *e);

    assert_non_null(e);
    e->parts_n = 2;
    e->part[0] = (tdl_part_told){TDL_STR("directed"), 1, SCALE};
    e->part[1] = (tdl_part_told){TDL_STR("ease"), .1, SCALE};
    e->slots_n = PLACES;
    return e;
}

static tdl_blend_log *simulate(const truth *t, const double *former, size_t each_week)
{
    const tdl_str name[] = {TDL_STR("directed"), TDL_STR("ease")};
    tdl_blend_log *log = tdl_blend_log_new(name, 2);
    tdl_effects *e = new_answer();
    tdl_rng rng = tdl_rng_make(11, 0);
    tdl_report why = {0};

    for (size_t week = 0; week < WEEKS; week++)
        for (size_t k = 0; k < each_week; k++) {
            shelf s;
            double chance[PLACES];
            bool rewarded[PLACES];
            fill(&s, &rng);
            for (size_t j = 0; j < PLACES; j++) {
                size_t item = draw(&s, former, CANDIDATES - j, &rng, &chance[j]);
                s.gone[item] = true;
                e->slot[j].score[0] = (float)s.score[item][0];
                e->slot[j].score[1] = (float)s.score[item][1];
                rewarded[j] = tdl_rng_uniform(&rng) < chance_of_reward(t, s.x[item], j);
            }
            int64_t time_us = (int64_t)week * WEEK_US + (int64_t)k * 1000000;
            expect_ok(
                tdl_blend_log_add(log, e, chance, rewarded, (uint32_t)(k % PEOPLE), time_us, &why),
                &why);
        }
    free(e);
    return log;
}

/* Mean rewards of an answer that stands by these weights. */
static double worth(const truth *t, const double *w)
{
    tdl_rng rng = tdl_rng_make(12, 0);
    double sum = 0;

    for (size_t k = 0; k < 2000; k++) {
        shelf s;
        fill(&s, &rng);
        for (size_t j = 0; j < PLACES; j++) {
            size_t item = best_left(&s, w);
            s.gone[item] = true;
            sum += chance_of_reward(t, s.x[item], j);
        }
    }
    return sum / 2000;
}

/* People took what "directed" named as long as nothing else was on the shelf, so history speaks for
 * it; what they want is what "ease" names. Only answers with chance in them can tell. */
static void what_was_shown_tells_what_history_could_not(void **state)
{
    const truth t = {{0, 1.5}, {.8, .2, -.3, -.8, -1.2}};
    const double by_history[] = {1, .1};
    tdl_blend_learnt learnt;
    tdl_report why = {0};

    TDL_UNUSED(state);
    tdl_blend_log *log = simulate(&t, by_history, EACH_WEEK);
    expect_ok(tdl_blend_log_learn(log, by_history, 1, &learnt, &why), &why);
    assert_int_equal(learnt.verdict, TDL_BLEND_BETTER);
    assert_true(learnt.gain.low > 0);
    assert_int_equal(learnt.slots_n, WEEKS * EACH_WEEK * PLACES);
    assert_true(learnt.people_n >= TDL_BLEND_PEOPLE_MIN);
    expect_near(learnt.learnt[0], 0, .15); // the truth of the simulation
    expect_near(learnt.learnt[1], 1.5, .2);
    expect_near(learnt.weight[0] + learnt.weight[1], 1.1, 1e-9);
    assert_true(worth(&t, learnt.weight) > 1.1 * worth(&t, by_history));
    tdl_blend_log_free(log);
}

static void weights_that_are_right_already_stay(void **state)
{
    const truth t = {{1, .1}, {.8, .2, -.3, -.8, -1.2}};
    tdl_blend_learnt learnt;
    tdl_report why = {0};

    TDL_UNUSED(state);
    tdl_blend_log *log = simulate(&t, t.w, EACH_WEEK);
    expect_ok(tdl_blend_log_learn(log, t.w, 1, &learnt, &why), &why);
    assert_int_equal(learnt.verdict, TDL_BLEND_NO_DIFFERENCE);
    assert_true(learnt.gain.low <= 0);
    assert_true(learnt.weight[0] == 1 && learnt.weight[1] == .1);
    expect_near(learnt.learnt[0], 1, .2);
    tdl_blend_log_free(log);
}

/* What stands above is rewarded whatever it is, and "directed" decides what stands there: without
 * what places do it would be praised for it. */
static void a_place_is_not_taken_for_what_stands_there(void **state)
{
    const truth t = {{0, 0}, {1.5, 0, -1, -2, -2.5}};
    const double by_history[] = {1, .1};
    tdl_blend_learnt learnt;
    tdl_report why = {0};

    TDL_UNUSED(state);
    tdl_blend_log *log = simulate(&t, by_history, EACH_WEEK);
    expect_ok(tdl_blend_log_learn(log, by_history, 1, &learnt, &why), &why);
    assert_int_equal(learnt.verdict, TDL_BLEND_NO_DIFFERENCE);
    assert_true(learnt.learnt[0] < .1 && learnt.learnt[1] < .1);
    assert_true(learnt.weight[0] == 1 && learnt.weight[1] == .1);
    tdl_blend_log_free(log);
}

static void few_answers_decide_nothing(void **state)
{
    const truth t = {{0, 1.5}, {.8, .2, -.3, -.8, -1.2}};
    const double by_history[] = {1, .1};
    tdl_blend_learnt learnt;
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t each = 0; each <= 20; each += 20) { // none at all; some 150 rewards
        tdl_blend_log *log = simulate(&t, by_history, each);
        expect_ok(tdl_blend_log_learn(log, by_history, 1, &learnt, &why), &why);
        assert_int_equal(learnt.verdict, TDL_BLEND_TOO_FEW);
        assert_true(learnt.weight[0] == 1 && learnt.weight[1] == .1);
        tdl_blend_log_free(log);
    }
}

static void slots_without_a_known_chance_and_answers_of_others_are_left_out(void **state)
{
    const tdl_str swapped[] = {TDL_STR("ease"), TDL_STR("directed")};
    const tdl_str others[] = {TDL_STR("ease"), TDL_STR("ials")};
    const double chance[PLACES] = {1, .5, 0, (double)NAN, .1}, former[] = {1, 1};
    const bool rewarded[PLACES] = {true};
    tdl_blend_log *log = tdl_blend_log_new(swapped, 2), *other = tdl_blend_log_new(others, 2);
    tdl_effects *e = new_answer();
    tdl_blend_learnt learnt;
    tdl_report why = {0};

    TDL_UNUSED(state);
    e->slot[1].forced = true;
    e->slot[4].score[0] = NAN;
    expect_ok(tdl_blend_log_add(log, e, chance, rewarded, 0, 1, &why), &why);
    expect_ok(tdl_blend_log_add(other, e, chance, rewarded, 0, 1, &why), &why);
    e->slot[0].estimated = true;
    expect_ok(tdl_blend_log_add(log, e, chance, rewarded, 0, 1, &why), &why);
    expect_ok(tdl_blend_log_learn(log, former, 1, &learnt, &why), &why);
    assert_int_equal(learnt.slots_n, 1);
    assert_int_equal(learnt.rewards_n, 1);
    expect_ok(tdl_blend_log_learn(other, former, 1, &learnt, &why), &why);
    assert_int_equal(learnt.slots_n, 0);
    free(e);
    tdl_blend_log_free(log);
    tdl_blend_log_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_shown_tells_what_history_could_not),
        cmocka_unit_test(weights_that_are_right_already_stay),
        cmocka_unit_test(a_place_is_not_taken_for_what_stands_there),
        cmocka_unit_test(few_answers_decide_nothing),
        cmocka_unit_test(slots_without_a_known_chance_and_answers_of_others_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
