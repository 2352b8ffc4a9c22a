/* Counts that learn with every group. Reference: the project's r1_directed.json ("tie_groups", p
 * 1), computed independently in double precision from the formula of directed.h. */
#include "cases.h"

#include "apps/recommend/live.h"

enum { USERS = 4, ITEMS = 6 };
static const size_t offsets[] = {0, 6, 9, 10, 15};
static const int32_t item[] = {0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 0, 2, 5, 1, 1};
static const int64_t time_us[] = {0, 0, 1, 2, 2, 2, 0, 1, 1, 0, 0, 0, 0, 1, 2};
static const double counts[ITEMS][ITEMS] = {
    {0.0, 1.25, 0.825, 0.133333333333, 0.133333333333, 0.458333333333},
    {0.83, 1.3, 1.18, 0.633333333333, 0.133333333333, 0.313333333333},
    {0.475, 0.9, 0.0, 0.983333333333, 0.333333333333, 0.658333333333},
    {0.04, 0.19, 0.75, 0.0, 0.325, 0.325},
    {0.04, 0.04, 0.1, 0.325, 0.0, 0.325},
    {0.365, 0.64, 0.425, 0.325, 0.325, 0.0}};
static const double row_sum[ITEMS] = {2.8, 4.39, 3.35, 1.63, 0.83, 2.08};
static const double damped_half[ITEMS] = {0.056803688437,  0.113901775481,  0.105545182183,
                                          0.0828993588226, 0.0552805997106, 0.0770808612182};

static tdl_directed_params params(double damping, size_t row_max)
{
    tdl_directed_params p = tdl_directed_defaults;

    p.window = 3;
    p.size_power = 1;
    p.damping = damping;
    p.row_max = row_max;
    return p;
}

/* Person by person: each in order of time. */
static tdl_live *learn_all(const tdl_directed_params *p)
{
    tdl_live *live = tdl_live_new(p, ITEMS);

    assert_non_null(live);
    for (size_t u = 0; u < USERS; u++)
        for (size_t at = offsets[u], end; at < offsets[u + 1]; at = end) {
            for (end = at + 1; end < offsets[u + 1] && time_us[end] == time_us[at];)
                end++;
            tdl_history before = {item + offsets[u], time_us + offsets[u], at - offsets[u]};
            assert_int_equal(tdl_live_learn(live, &before, item + at, end - at), TDL_OK);
        }
    return live;
}

static void counts_are_those_of_the_reference(void **state)
{
    tdl_directed_params p = params(0, 0);
    tdl_live *live = learn_all(&p);

    TDL_UNUSED(state);
    for (int32_t i = 0; i < ITEMS; i++) {
        expect_near(tdl_live_sum(live, i), row_sum[i], 1e-9);
        for (int32_t j = 0; j < ITEMS; j++)
            expect_near(tdl_live_count(live, i, j), counts[i][j], 1e-6);
    }
    tdl_live_free(live);
}

/* Both ways to the damped score of user 0. */
static void damped_scores_are_those_of_the_reference_live_and_fitted(void **state)
{
    tdl_directed_params p = params(.5, 0);
    tdl_live *live = learn_all(&p);
    tdl_arena *scratch = tdl_arena_new(1 << 16);
    tdl_history user0 = {item, time_us, offsets[1]};
    tdl_interactions all = {USERS, ITEMS, offsets, item, time_us};
    tdl_fit_data data = {&all, offsets + 1};
    tdl_fit_options options = {.params = &p};
    float found[ITEMS], fitted[ITEMS];
    void *model = NULL;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_live_score(live, &user0, scratch, found, ITEMS, NULL), TDL_OK);
    expect_ok(tdl_rung_directed.fit(&data, &options, &model, &why), &why);
    assert_int_equal(tdl_rung_directed.score(model, &user0, scratch, fitted), TDL_OK);
    for (size_t j = 0; j < ITEMS; j++) {
        expect_near((double)found[j], damped_half[j], 1e-7);
        expect_near((double)fitted[j], damped_half[j], 1e-7);
    }
    tdl_rung_directed.free(model);
    tdl_arena_free(scratch);
    tdl_live_free(live);
}

/* Of row 1 the largest two are 1.3 (item 1) and 1.18 (item 2). */
static void a_full_row_gives_up_its_smallest_and_keeps_its_sum(void **state)
{
    tdl_directed_params p = params(0, 2);
    tdl_live *live = learn_all(&p);
    size_t kept = 0;

    TDL_UNUSED(state);
    for (int32_t j = 0; j < ITEMS; j++)
        kept += tdl_live_count(live, 1, j) > 0;
    assert_int_equal(kept, 2);
    expect_near(tdl_live_sum(live, 1), row_sum[1], 1e-9);
    tdl_live_free(live);
}

/* With a half-life of one day each count is halved once a day between the pair's later event and
 * the fit: 0 then 1 on day 1, fitted on day 3, is 1/4, and back .3 of it. */
static void counts_halve_with_the_age_of_the_later_event(void **state)
{
    static const size_t one_offsets[] = {0, 2};
    static const int32_t two[] = {0, 1};
    static const int64_t days[] = {0, INT64_C(86400000000)};
    const tdl_interactions one = {1, 2, one_offsets, two, days};
    tdl_fit_data data = {&one, one_offsets + 1};
    tdl_fit_options options = {.now_us = 3 * INT64_C(86400000000)};
    tdl_directed_params p = tdl_directed_defaults;
    tdl_sparse m;
    tdl_report why = {0};

    TDL_UNUSED(state);
    p.half_life_days = 1;
    expect_ok(tdl_directed_fit(&p, &data, &options, &m, &why), &why);
    expect_near((double)tdl_sparse_at(&m, 0, 1), .25 / 5.25, 1e-7);
    expect_near((double)tdl_sparse_at(&m, 1, 0), .3 * .25 / (.3 * .25 + 5), 1e-7);
    tdl_sparse_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_the_reference),
        cmocka_unit_test(damped_scores_are_those_of_the_reference_live_and_fitted),
        cmocka_unit_test(a_full_row_gives_up_its_smallest_and_keeps_its_sum),
        cmocka_unit_test(counts_halve_with_the_age_of_the_later_event),
    };
    return cmocka_run_group_tests_name("recommend/live", tests, NULL, NULL);
}
