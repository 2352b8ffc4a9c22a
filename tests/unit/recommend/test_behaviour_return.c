/* When people come back, on people made here whose habits are known; the chances inside a bucket
 * are worked out by hand. */
#include "cases.h"

#include "apps/recommend/behaviour_net.h"
#include "apps/recommend/behaviour_return.h"
#include "base/rng.h"

#define HOUR INT64_C(3600000000)
#define DAY  (24 * HOUR)

enum { PEOPLE = 300, EACH_MAX = 30, ITEMS = 12 };

static const tdl_behaviour_params SMALL = {
    .d = 16, .blocks = 1, .heads = 2, .hidden = 16, .window = 40, .batch = 32, .epochs = 2};

typedef struct people {
    size_t offsets[PEOPLE + 1];
    int32_t item[PEOPLE * EACH_MAX];
    int64_t time_us[PEOPLE * EACH_MAX];
    tdl_interactions all;
} people;

static void add_event(people *p, size_t user, int64_t time_us)
{
    size_t at = p->offsets[user + 1]++;

    p->item[at] = (int32_t)((user + at) % ITEMS);
    p->time_us[at] = time_us;
}

static tdl_behaviour *fit(people *p, int64_t now_us, bool serves)
{
    const tdl_fit_data data = {&p->all, p->offsets + 1};
    tdl_fit_options options = {
        .seed = 3, .params = &SMALL, .epochs = 2, .now_us = now_us, .serves = serves};
    tdl_behaviour *model = NULL;
    tdl_report why = {0};

    p->all = (tdl_interactions){PEOPLE, ITEMS, p->offsets, p->item, p->time_us};
    expect_ok(tdl_behaviour_fit(&data, &options, &model, &why), &why);
    return model;
}

/* An hour, a day, an hour, a day ... all seen to the end. */
static people *make_turns(int64_t *ret_now_us)
{
    people *p = calloc(1, sizeof *p);

    for (size_t u = 0; u < PEOPLE; u++) {
        int64_t at_us = 0;
        p->offsets[u + 1] = p->offsets[u];
        for (size_t i = 0; i < 9; i++) {
            add_event(p, u, at_us);
            at_us += (u + i) % 2 ? HOUR : DAY;
        }
    }
    *ret_now_us = 6 * DAY;
    return p;
}

static void gaps_of(const tdl_behaviour *m, int64_t before_us, double ret[TDL_BEHAVIOUR_GAPS])
{
    const int32_t item[] = {0, 1, 2};
    const int64_t time_us[] = {0, DAY, DAY + before_us};
    const tdl_history h = {item, time_us, 3};

    assert_int_equal(tdl_behaviour_gaps(m, &h, ret), TDL_OK);
}

static void the_gap_before_may_say_the_next(void **state)
{
    int64_t now_us;
    people *p = make_turns(&now_us);
    tdl_behaviour *m = fit(p, now_us, true);
    double after_hour[TDL_BEHAVIOUR_GAPS], after_day[TDL_BEHAVIOUR_GAPS], sum = 0;

    TDL_UNUSED(state);
    assert_true(tdl_behaviour_returns(m));
    gaps_of(m, HOUR, after_hour);
    gaps_of(m, DAY, after_day);
    assert_true(after_hour[tdl_behaviour_gap(DAY)] > .8);
    assert_true(after_day[tdl_behaviour_gap(HOUR)] > .8);
    for (size_t b = 0; b < TDL_BEHAVIOUR_GAPS; b++)
        sum += after_hour[b];
    expect_near(sum, 1, 1e-12);
    tdl_behaviour_free(m);
    free(p);
}

/* Whoever is here comes back the next day with a chance of .7, or never. Of those who did come all
 * came within a day: only the censored say that three in ten do not. */
static void those_who_never_came_back_count(void **state)
{
    people *p = calloc(1, sizeof *p);
    tdl_rng rng = tdl_rng_make(5, 1);
    double gaps[TDL_BEHAVIOUR_GAPS];

    TDL_UNUSED(state);
    for (size_t u = 0; u < PEOPLE; u++) {
        size_t n = 0;
        p->offsets[u + 1] = p->offsets[u];
        do {
            add_event(p, u, (int64_t)n * DAY);
        } while (++n < EACH_MAX && tdl_rng_uniform(&rng) < .7);
    }
    tdl_behaviour *m = fit(p, 3000 * DAY, true);
    gaps_of(m, DAY, gaps);
    double within = tdl_behaviour_within(gaps, 0, 30 * DAY);
    assert_true(within > .6 && within < .8); // .7, with a standard error of .015 of the sample
    assert_true(tdl_behaviour_within(gaps, 60 * DAY, 30 * DAY) < .1);
    tdl_behaviour_free(m);
    free(p);
}

static void what_is_said_of_items_has_the_same_bits_with_the_head(void **state)
{
    int64_t now_us;
    people *p = make_turns(&now_us);
    tdl_behaviour *with = fit(p, now_us, true), *without = fit(p, now_us, false);
    const tdl_history h = {p->item, p->time_us, 5};
    float a[ITEMS], b[ITEMS], vector[16];

    TDL_UNUSED(state);
    assert_false(tdl_behaviour_returns(without));
    assert_int_equal(tdl_behaviour_vector(with, &h, vector), TDL_OK);
    tdl_behaviour_scores(with, vector, a);
    assert_int_equal(tdl_behaviour_vector(without, &h, vector), TDL_OK);
    tdl_behaviour_scores(without, vector, b);
    assert_memory_equal(a, b, sizeof a);
    tdl_behaviour_free(with);
    tdl_behaviour_free(without);
    free(p);
}

/* All gaps of 7 to 15 seconds: 1 + s from 8 to 16, log2 from 3 to 4. */
static void inside_a_bucket_each_logarithm_is_as_likely(void **state)
{
    double gaps[TDL_BEHAVIOUR_GAPS] = {[3] = 1};
    const int64_t middle_us = 10313708; // 2^3.5 - 1 seconds

    TDL_UNUSED(state);
    expect_near(tdl_behaviour_within(gaps, 0, 7000000), 0, 1e-6);
    expect_near(tdl_behaviour_within(gaps, 0, middle_us), .5, 1e-6);
    expect_near(tdl_behaviour_within(gaps, 0, 15000000), 1, 1e-6);
    // half of it has passed: of 8 to 16, 2^3.5 to 2^3.75 is half of what is left
    expect_near(tdl_behaviour_within(gaps, middle_us, 12454342 - middle_us), .5, 1e-6);
    expect_near(tdl_behaviour_within(gaps, DAY, DAY), 0, 0); // it should have been over
    gaps[3] = gaps[31] = .5;
    expect_near(tdl_behaviour_within(gaps, INT64_MAX, INT64_MAX), 0, 0);
    expect_near(tdl_behaviour_within(gaps, 0, 30 * DAY), .5, 1e-9);
}

/* ---- files ---- */

static tdl_status read_back(const tdl_behaviour *m, tdl_behaviour **ret)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_buf bytes = {0};
    tdl_st_file *file = NULL;
    tdl_report why = {0};

    *ret = NULL;
    tdl_behaviour_save(m, writer);
    expect_ok(tdl_st_encode(writer, &bytes, &why), &why);
    tdl_st_writer_free(writer);
    expect_ok(tdl_st_parse(tdl_buf_view(&bytes), &file, &why), &why);
    tdl_status st = tdl_behaviour_load(file, ITEMS, ret, &why);
    tdl_st_free(file);
    tdl_buf_release(&bytes);
    return st;
}

static void a_file_keeps_the_head_or_is_refused(void **state)
{
    int64_t now_us;
    people *p = make_turns(&now_us);
    tdl_behaviour *m = fit(p, now_us, true), *old = fit(p, now_us, false), *again;
    double before[TDL_BEHAVIOUR_GAPS], after[TDL_BEHAVIOUR_GAPS], scale = m->returns_scale;

    TDL_UNUSED(state);
    assert_int_equal(read_back(m, &again), TDL_OK);
    gaps_of(m, HOUR, before);
    gaps_of(again, HOUR, after);
    assert_memory_equal(before, after, sizeof before);
    tdl_behaviour_free(again);
    assert_int_equal(read_back(old, &again), TDL_OK); // written before there were heads
    assert_false(tdl_behaviour_returns(again));
    tdl_behaviour_free(again);
    const double bad_scale[] = {0, -1, NAN, INFINITY};
    for (size_t k = 0; k < 4; k++) {
        m->returns_scale = bad_scale[k];
        assert_int_equal(read_back(m, &again), TDL_E_CORRUPT);
    }
    m->returns_scale = scale;
    const float bad[] = {NAN, INFINITY, 1e30F};
    for (size_t k = 0; k < 3; k++) {
        float kept = m->returns[7];
        m->returns[7] = bad[k];
        assert_int_equal(read_back(m, &again), TDL_E_CORRUPT);
        m->returns[7] = kept;
    }
    tdl_behaviour_free(m);
    tdl_behaviour_free(old);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gap_before_may_say_the_next),
        cmocka_unit_test(those_who_never_came_back_count),
        cmocka_unit_test(what_is_said_of_items_has_the_same_bits_with_the_head),
        cmocka_unit_test(inside_a_bucket_each_logarithm_is_as_likely),
        cmocka_unit_test(a_file_keeps_the_head_or_is_refused),
    };
    return cmocka_run_group_tests_name("behaviour_return", tests, NULL, NULL);
}
