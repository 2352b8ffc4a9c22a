/* Decayed sums. Reference: the project's r0_popularity.json, computed independently in double
 * precision from P_i(t) = sum_e w_e 2^(-(t - t_e)/h). */
#include "cases.h"

#include "apps/recommend/decay.h"
#include "apps/recommend/decayed.h"

enum { EVENTS = 6, ITEMS = 4 };
static const int64_t second_us = 1000000;

static const struct event {
    int64_t time_s;
    size_t item;
    double weight;
} events[EVENTS] = {{0, 0, 1},     {3600, 1, 1},   {86400, 0, 1},
                    {90000, 2, 3}, {172800, 1, 1}, {259200, 3, 1}};

static const struct reference {
    double half_life_s;
    int64_t at_s;
    double score[ITEMS];
} references[] = {
    {3600, 259200, {3.55271389056e-15, 5.96046447754e-08, 2.13162820728e-14, 1.0}},
    {3600, 345600, {2.11758249435e-22, 3.5527136788e-15, 1.27054942088e-21, 5.96046447754e-08}},
    {86400, 259200, {0.375, 0.62866277958, 0.771976677483, 1.0}},
    {86400, 345600, {0.1875, 0.31433138979, 0.385988338741, 0.5}},
    {2592000, 259200, {1.88787459545, 1.91109162746, 2.86728383027, 1.0}},
    {2592000, 345600, {1.8447554801, 1.86744223436, 2.80179497708, 0.977159968434}},
};

static void check(const struct reference *r, const size_t order[EVENTS])
{
    tdl_decay d;
    tdl_report why = {0};

    expect_ok(tdl_decay_init(&d, ITEMS, r->half_life_s * 1e6, &why), &why);
    for (size_t i = 0; i < EVENTS; i++) {
        const struct event *e = &events[order[i]];
        tdl_decay_add(&d, e->item, e->time_s * second_us, e->weight);
    }
    for (size_t i = 0; i < ITEMS; i++)
        expect_near(tdl_decay_at(&d, i, r->at_s * second_us), r->score[i], 1e-11 * r->score[i]);
    tdl_decay_release(&d);
}

static void sums_are_those_of_the_reference_in_any_order_of_arrival(void **state)
{
    static const size_t orders[][EVENTS] = {
        {0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {3, 0, 5, 1, 4, 2}};

    TDL_UNUSED(state);
    for (size_t k = 0; k < COUNT(references); k++)
        for (size_t o = 0; o < COUNT(orders); o++)
            check(&references[k], orders[o]);
}

/* 100,000 half-lives of a microsecond: without a landmark that moves this would be infinite. */
static void the_landmark_moves_before_anything_overflows(void **state)
{
    tdl_decay d;
    tdl_report why = {0};

    TDL_UNUSED(state);
    expect_ok(tdl_decay_init(&d, 1, 1, &why), &why);
    for (int64_t t = 0; t <= 100000; t++)
        tdl_decay_add(&d, 0, t, 1);
    expect_near(tdl_decay_at(&d, 0, 100000), 2, 1e-12); // 1 + 1/2 + 1/4 + ...
    tdl_decay_release(&d);
}

/* Ann took 0 twice and 1 once, Ben 2 three times; all at once but for the order. */
static void own_history_counts_groups_and_lets_the_crowd_part_equals(void **state)
{
    static const size_t offsets[] = {0, 3, 6};
    static const int32_t item[] = {0, 1, 0, 2, 2, 2};
    static const int64_t time_us[] = {1, 2, 3, 1, 2, 3};
    const tdl_interactions two = {2, 4, offsets, item, time_us};
    void *model = fit_all(&tdl_rung_own, &two);
    float scores[4];

    TDL_UNUSED(state);
    score(&tdl_rung_own, model, item, 3, scores);
    assert_true(scores[0] >= 2 && scores[0] < 3 && scores[1] >= 1 && scores[1] < 2);
    assert_true(scores[2] > scores[3] && scores[2] < 1 && scores[3] == 0);
    assert_true(scores[2] > scores[0] - 2); // taken more often by all
    tdl_rung_own.free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_the_reference_in_any_order_of_arrival),
        cmocka_unit_test(the_landmark_moves_before_anything_overflows),
        cmocka_unit_test(own_history_counts_groups_and_lets_the_crowd_part_equals),
    };
    return cmocka_run_group_tests_name("recommend/decay", tests, NULL, NULL);
}
