/* What learns with every event. References: the project's r0_popularity.json and r1_directed.json,
 * computed independently in double precision; and fits of the same events as a batch. */
#include "cases.h"

#include "apps/recommend/live_state_parts.h"
#include "base/rng.h"

static const int64_t SECOND_US = 1000000, HOUR_US = INT64_C(3600000000),
                     DAY_US = INT64_C(86400000000);
static const tdl_directed_params WEIGHED = {3, .8, .3, 1, 5, 0, 10, .7, .65, 0, 0, 0};

static void take(tdl_live_state *s, int32_t person, int32_t item, int64_t time_us)
{
    tdl_taking t = {.person = person, .item = item, .time_us = time_us, .now_us = time_us};

    assert_true(tdl_live_state_take(s, &t));
}

static void take_order(tdl_live_state *s, int32_t person, int32_t item, int64_t time_us,
                       uint32_t order)
{
    tdl_taking t = {
        .person = person, .item = item, .time_us = time_us, .order = order, .now_us = time_us};

    assert_true(tdl_live_state_take(s, &t));
}

static tdl_live_state *new_state(const tdl_directed_params *params)
{
    tdl_live_state *s = tdl_live_state_new();

    assert_non_null(s);
    if (params && tdl_live_state_want(s, TDL_LIVE_STREAM, params))
        while (tdl_live_state_build(s))
            ;
    return s;
}

/* The same counts, to the last bit. */
static void expect_same_counts(const tdl_live_state *a, const tdl_live_state *b, int32_t items)
{
    for (int32_t i = 0; i < items; i++) {
        const tdl_live *one = a->matrix[TDL_LIVE_STREAM], *other = b->matrix[TDL_LIVE_STREAM];
        assert_true(tdl_live_sum(one, i) == tdl_live_sum(other, i));
        for (int32_t j = 0; j < items; j++)
            if (tdl_live_count(one, i, j) != tdl_live_count(other, i, j))
                fail_msg("%d -> %d: %.12g and %.12g", i, j, tdl_live_count(one, i, j),
                         tdl_live_count(other, i, j));
    }
}

static void expect_same_popularity(const tdl_live_state *a, const tdl_live_state *b, int32_t items,
                                   int64_t now_us, double tolerance)
{
    for (int32_t i = 0; i < items; i++)
        for (size_t h = 0; h < TDL_HALF_LIVES_N; h++) {
            double x = tdl_live_popular_at(a, (tdl_half_life)h, -1, now_us, i);
            double y = tdl_live_popular_at(b, (tdl_half_life)h, -1, now_us, i);
            expect_near(x, y, tolerance * (1 + x));
        }
}

/* ---- R0 ---- */

enum { R0_EVENTS = 6, R0_ITEMS = 4 };
static const int64_t r0_seconds[R0_EVENTS] = {0, 3600, 86400, 90000, 172800, 259200};
static const int32_t r0_item[R0_EVENTS] = {0, 1, 0, 2, 1, 3};
static const uint8_t r0_weight[R0_EVENTS] = {1, 1, 1, 3, 1, 1};
static const double r0_hour[R0_ITEMS] = {2.11758249435e-22, 3.5527136788e-15, 1.27054942088e-21,
                                         5.96046447754e-08};
static const double r0_day[R0_ITEMS] = {0.1875, 0.31433138979, 0.385988338741, 0.5};

/* Person = event: nobody takes anything twice at one time. */
static tdl_live_state *learn_r0(const int *order, bool weigh_first)
{
    tdl_live_state *s = new_state(NULL);

    if (weigh_first)
        assert_true(tdl_live_state_weigh(s, TDL_STR("purchase"), 3, 1));
    for (int k = 0; k < R0_EVENTS; k++) {
        int i = order[k];
        tdl_taking t = {.person = i % 2,
                        .item = r0_item[i],
                        .time_us = r0_seconds[i] * SECOND_US,
                        .kind = r0_weight[i] == 3 ? TDL_STR("purchase") : TDL_STR("view"),
                        .now_us = r0_seconds[i] * SECOND_US};
        assert_true(tdl_live_state_take(s, &t));
    }
    if (!weigh_first)
        assert_true(tdl_live_state_weigh(s, TDL_STR("purchase"), 3, 1));
    assert_false(tdl_live_state_weigh(s, TDL_STR("purchase"), 3, 1)); // they do already
    return s;
}

static void popularity_is_that_of_the_reference_in_any_order_of_arrival(void **state)
{
    int orders[][R0_EVENTS] = {{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {3, 0, 5, 1, 4, 2}};
    const int64_t now_us = 345600 * SECOND_US;
    float scores[R0_ITEMS + 2];

    TDL_UNUSED(state);
    for (size_t k = 0; k < COUNT(orders); k++) {
        tdl_live_state *s = learn_r0(orders[k], k != 1);
        for (int32_t i = 0; i < R0_ITEMS; i++) {
            double hour = tdl_live_popular_at(s, TDL_HALF_LIFE_HOUR, -1, now_us, i);
            expect_near(hour, r0_hour[i], 1e-9 * r0_hour[i]);
            expect_near(tdl_live_popular_at(s, TDL_HALF_LIFE_DAY, -1, now_us, i), r0_day[i], 1e-11);
        }
        tdl_live_popular(s, TDL_HALF_LIFE_DAY, -1, now_us, scores, COUNT(scores), NULL);
        for (size_t i = 0; i < COUNT(scores); i++)
            expect_near((double)scores[i], i < R0_ITEMS ? r0_day[i] : 0, 1e-7);
        tdl_live_state_free(s);
    }
}

/* An event an hour ahead weighs as much as one of now, not twice. */
static void an_event_of_a_time_to_come_weighs_as_one_of_now(void **state)
{
    tdl_live_state *s = new_state(NULL);
    tdl_taking t = {.item = 0, .time_us = 10 * DAY_US + HOUR_US, .now_us = 10 * DAY_US};

    TDL_UNUSED(state);
    assert_true(tdl_live_state_take(s, &t));
    expect_near(tdl_live_popular_at(s, TDL_HALF_LIFE_HOUR, -1, 10 * DAY_US, 0), 1, 1e-12);
    assert_int_equal(tdl_live_state_figures(s).early_n, 1);
    tdl_live_state_forget(s, 0);
    assert_true(tdl_live_popular_at(s, TDL_HALF_LIFE_HOUR, -1, 10 * DAY_US, 0) == 0);
    tdl_live_state_free(s);
}

/* ---- R1 ---- */

enum { R1_USERS = 4, R1_ITEMS = 6, R1_EVENTS = 15 };
static const int32_t r1_person[R1_EVENTS] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 3, 3, 3, 3};
static const int32_t r1_item[R1_EVENTS] = {0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 0, 2, 5, 1, 1};
static const int64_t r1_time[R1_EVENTS] = {0, 0, 1, 2, 2, 2, 0, 1, 1, 0, 0, 0, 0, 1, 2};
static const double r1_counts[R1_ITEMS][R1_ITEMS] = {
    {0.0, 1.25, 0.825, 0.133333333333, 0.133333333333, 0.458333333333},
    {0.83, 1.3, 1.18, 0.633333333333, 0.133333333333, 0.313333333333},
    {0.475, 0.9, 0.0, 0.983333333333, 0.333333333333, 0.658333333333},
    {0.04, 0.19, 0.75, 0.0, 0.325, 0.325},
    {0.04, 0.04, 0.1, 0.325, 0.0, 0.325},
    {0.365, 0.64, 0.425, 0.325, 0.325, 0.0}};
static const double r1_score_user0[R1_ITEMS] = {0.147580311645, 0.347727029071, 0.303706147107,
                                                0.225510636844, 0.138201499276, 0.205098832021};

static void shuffle(size_t *at, size_t n, uint64_t seed)
{
    tdl_rng rng = tdl_rng_make(seed, 7);

    for (size_t i = 0; i < n; i++)
        at[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)tdl_rng_below(&rng, i), swap = at[i - 1];
        at[i - 1] = at[k];
        at[k] = swap;
    }
}

static tdl_live_state *learn_r1(const size_t *order)
{
    tdl_live_state *s = new_state(&WEIGHED);

    for (size_t k = 0; k < R1_EVENTS; k++) {
        size_t i = order ? order[k] : k;
        take(s, r1_person[i], r1_item[i], r1_time[i] * SECOND_US);
    }
    return s;
}

static void counts_are_those_of_the_reference_event_by_event(void **state)
{
    tdl_live_state *s = learn_r1(NULL);
    tdl_arena *scratch = tdl_arena_new(1 << 16);
    tdl_history history;
    float scores[R1_ITEMS];

    TDL_UNUSED(state);
    for (int32_t i = 0; i < R1_ITEMS; i++)
        for (int32_t j = 0; j < R1_ITEMS; j++)
            expect_near(tdl_live_count(s->matrix[TDL_LIVE_STREAM], i, j), r1_counts[i][j], 1e-9);
    assert_int_equal(tdl_live_history(s, 0, scratch, &history), TDL_OK);
    assert_int_equal(history.n, 6);
    assert_int_equal(
        tdl_live_directed(s, TDL_LIVE_STREAM, &history, scratch, scores, R1_ITEMS, NULL), TDL_OK);
    for (size_t j = 0; j < R1_ITEMS; j++)
        expect_near((double)scores[j], r1_score_user0[j], 1e-7);
    tdl_arena_free(scratch);
    tdl_live_state_free(s);
}

static void late_events_end_in_the_same_counts(void **state)
{
    tdl_live_state *in_order = learn_r1(NULL);
    size_t order[R1_EVENTS];

    TDL_UNUSED(state);
    for (uint64_t seed = 0; seed < 50; seed++) {
        shuffle(order, R1_EVENTS, seed);
        tdl_live_state *s = learn_r1(order);
        expect_same_counts(in_order, s, R1_ITEMS);
        tdl_live_state_free(s);
    }
    tdl_live_state_free(in_order);
}

/* ---- many random events, against a fit of all of them as a batch ---- */

enum { PEOPLE = 12, ITEMS = 15, EVENTS = 400 };

typedef struct log_row {
    int32_t person, item;
    int64_t time_us;
} log_row;

/* Few times, so that groups and repeats are many. */
static size_t random_log(uint64_t seed, log_row *ret)
{
    static bool had[PEOPLE][ITEMS][40];
    tdl_rng rng = tdl_rng_make(seed, 1);
    size_t n = 0;

    memset(had, 0, sizeof had);
    for (size_t i = 0; i < EVENTS; i++) {
        int32_t person = (int32_t)tdl_rng_below(&rng, PEOPLE);
        int32_t item = (int32_t)tdl_rng_below(&rng, ITEMS);
        uint32_t time = (uint32_t)tdl_rng_below(&rng, 40);
        if (had[person][item][time])
            continue;
        had[person][item][time] = true;
        ret[n++] = (log_row){person, item, time * SECOND_US};
    }
    return n;
}

static int by_person_time(const void *left, const void *right)
{
    const log_row *a = left, *b = right;

    if (a->person != b->person)
        return a->person < b->person ? -1 : 1;
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    return a->item < b->item ? -1 : a->item > b->item;
}

/* The matrix of directed.c: counts over (sum + shrinkage), in float. */
static void expect_fit_of(const tdl_live_state *s, log_row *rows, size_t n,
                          const tdl_directed_params *p)
{
    size_t offsets[PEOPLE + 1] = {0};
    int32_t item[EVENTS];
    int64_t time_us[EVENTS];
    tdl_interactions all = {PEOPLE, ITEMS, offsets, item, time_us};
    tdl_fit_data data = {&all, offsets + 1};
    tdl_fit_options options = {.seed = 1};
    tdl_report why = {0};
    tdl_sparse m;

    qsort(rows, n, sizeof *rows, by_person_time);
    for (size_t i = 0; i < n; i++) {
        item[i] = rows[i].item;
        time_us[i] = rows[i].time_us;
        offsets[rows[i].person + 1] = i + 1;
    }
    for (size_t u = 0; u < PEOPLE; u++)
        offsets[u + 1] = offsets[u + 1] ? offsets[u + 1] : offsets[u];
    expect_ok(tdl_directed_fit(p, &data, &options, &m, &why), &why);
    for (int32_t i = 0; i < ITEMS; i++)
        for (int32_t j = 0; j < ITEMS; j++) {
            double live = tdl_live_count(s->matrix[TDL_LIVE_STREAM], i, j) /
                          (tdl_live_sum(s->matrix[TDL_LIVE_STREAM], i) + p->shrinkage);
            expect_near(live, (double)tdl_sparse_at(&m, i, j), 1e-6);
        }
    tdl_sparse_release(&m);
}

static void any_order_of_arrival_gives_the_counts_of_a_batch_fit(void **state)
{
    static const tdl_directed_params of[] = {{10, .8, .3, 0, 5, 0, 10, .7, .65, 0, 0, 0},
                                             {3, .7, .3, 1, 60, 0, 3, .7, .65, 0, 0, 0},
                                             {1, 1, 0, .5, 1, 0, 10, .9, 0, 0, 0, 0}};
    log_row rows[EVENTS];
    size_t order[EVENTS];

    TDL_UNUSED(state);
    for (uint64_t seed = 0; seed < 6; seed++) {
        tdl_live_state *s = new_state(&of[seed % COUNT(of)]);
        size_t n = random_log(seed, rows);
        shuffle(order, n, seed);
        for (size_t i = 0; i < n; i++)
            take(s, rows[order[i]].person, rows[order[i]].item, rows[order[i]].time_us);
        expect_fit_of(s, rows, n, &of[seed % COUNT(of)]);
        tdl_live_state_free(s);
    }
}

static void a_person_who_is_forgotten_leaves_nothing(void **state)
{
    log_row rows[EVENTS];
    tdl_live_state *all = new_state(&WEIGHED), *without = new_state(&WEIGHED);
    size_t n = random_log(99, rows);

    TDL_UNUSED(state);
    for (size_t i = 0; i < n; i++) {
        take(all, rows[i].person, rows[i].item, rows[i].time_us);
        if (rows[i].person != 3 && rows[i].person != 8)
            take(without, rows[i].person, rows[i].item, rows[i].time_us);
    }
    take(all, 3, ITEMS, SECOND_US); // an item of his own
    tdl_live_state_forget(all, 3);
    tdl_live_state_forget(all, 8);
    tdl_live_state_forget(all, 1000); // nobody
    expect_same_counts(all, without, ITEMS + 1);
    expect_same_popularity(all, without, ITEMS, 100 * SECOND_US, 1e-12);
    for (size_t h = 0; h < TDL_HALF_LIVES_N; h++)
        assert_true(tdl_live_popular_at(all, (tdl_half_life)h, -1, 0, ITEMS) == 0);
    assert_int_equal(tdl_live_state_figures(all).entries_n,
                     tdl_live_state_figures(without).entries_n);
    tdl_live_state_free(all);
    tdl_live_state_free(without);
}

/* Two ids of one person: as if all had come under one. */
static void joined_histories_are_one_by_time(void **state)
{
    log_row rows[EVENTS];
    tdl_live_state *two = new_state(&WEIGHED), *one = new_state(&WEIGHED);
    size_t n = random_log(5, rows);

    TDL_UNUSED(state);
    for (size_t i = 0; i < n; i++) {
        int32_t person = rows[i].person == 1 ? 0 : rows[i].person;
        tdl_taking t = {.person = person,
                        .item = rows[i].item,
                        .time_us = rows[i].time_us,
                        .now_us = rows[i].time_us};
        take(two, rows[i].person, rows[i].item, rows[i].time_us);
        tdl_live_state_take(one, &t); // false where both took it at one time
    }
    tdl_live_state_join(two, 0, 1);
    tdl_live_state_join(two, 0, 0);
    expect_same_counts(two, one, ITEMS);
    expect_same_popularity(two, one, ITEMS, 100 * SECOND_US, 1e-12);
    assert_int_equal(tdl_live_state_figures(two).persons_n, PEOPLE - 1);
    tdl_live_state_free(two);
    tdl_live_state_free(one);
}

static void what_is_said_twice_counts_once(void **state)
{
    tdl_live_state *s = learn_r1(NULL), *once = learn_r1(NULL);

    TDL_UNUSED(state);
    for (size_t i = 0; i < R1_EVENTS; i++) {
        tdl_taking t = {
            .person = r1_person[i], .item = r1_item[i], .time_us = r1_time[i] * SECOND_US};
        assert_false(tdl_live_state_take(s, &t));
    }
    expect_same_counts(s, once, R1_ITEMS);
    expect_same_popularity(s, once, R1_ITEMS, DAY_US, 0);
    tdl_live_state_free(s);
    tdl_live_state_free(once);
}

/* An order's rows that came at 10, 12 and 7 are one group at 7; another order at 7 is another. */
static void an_order_is_one_group_at_the_time_of_its_first_row(void **state)
{
    const uint32_t a = tdl_order_digest(TDL_STR("A")), b = tdl_order_digest(TDL_STR("B"));
    tdl_live_state *s = new_state(&WEIGHED), *same = new_state(&WEIGHED);
    tdl_arena *arena = tdl_arena_new(1 << 16);
    tdl_history h;

    TDL_UNUSED(state);
    assert_true(a && b && a != b);
    assert_int_equal(tdl_order_digest((tdl_str){0}), 0);
    take(s, 0, 5, 8);
    take(s, 0, 4, 20);
    take_order(s, 0, 1, 10, a);
    take_order(s, 0, 2, 12, a);
    take_order(s, 0, 3, 7, a);
    take_order(s, 0, 0, 7, b);
    take_order(same, 0, 0, 7, b);
    take_order(same, 0, 3, 7, a);
    take_order(same, 0, 1, 7, a);
    take_order(same, 0, 2, 7, a);
    take(same, 0, 5, 8);
    take(same, 0, 4, 20);
    expect_same_counts(s, same, 6);
    expect_same_popularity(s, same, 6, DAY_US, 1e-12);
    assert_int_equal(tdl_live_history(s, 0, arena, &h), TDL_OK);
    assert_int_equal(h.n, 6);
    for (size_t i = 1; i < h.n; i++) { // one time is one group, and they never fall
        bool together =
            h.item[i] <= 3 && h.item[i] >= 1 && h.item[i - 1] <= 3 && h.item[i - 1] >= 1;
        assert_true(together ? h.time_us[i] == h.time_us[i - 1] : h.time_us[i] > h.time_us[i - 1]);
    }
    tdl_arena_free(arena);
    tdl_live_state_free(s);
    tdl_live_state_free(same);
}

/* Of 2,300 groups the newest 2,000 are kept: R1 is what those say, R0 what all did. */
static void a_full_ring_keeps_the_newest_groups_and_every_count(void **state)
{
    enum { GROUPS = TDL_RING_GROUPS + 300 };
    tdl_live_state *s = new_state(&WEIGHED), *newest = new_state(&WEIGHED);

    TDL_UNUSED(state);
    for (int32_t i = 0; i < GROUPS; i++) {
        take(s, 0, i % 7, i * HOUR_US);
        if (i >= 300)
            take(newest, 0, i % 7, i * HOUR_US);
    }
    expect_same_counts(s, newest, 7);
    take(s, 0, 6, 1); // too old for the ring
    expect_same_counts(s, newest, 7);
    expect_near(tdl_live_popular_at(s, TDL_HALF_LIFE_NONE, -1, 0, 6), GROUPS / 7 + 1, 0);
    assert_int_equal(tdl_live_state_figures(s).entries_n, TDL_RING_GROUPS);
    float own[7];
    tdl_live_own(s, 0, &(tdl_own_params){0, 0}, GROUPS * HOUR_US, own, 7);
    assert_in_range((unsigned)own[6], GROUPS / 7 + 1, GROUPS / 7 + 2);
    tdl_live_state_forget(s, 0);
    for (int32_t i = 0; i < 7; i++)
        for (size_t h = 0; h < TDL_HALF_LIVES_N; h++)
            assert_true(tdl_live_popular_at(s, (tdl_half_life)h, -1, GROUPS * HOUR_US, i) == 0);
    tdl_live_state_free(s);
    tdl_live_state_free(newest);
}

/* 501 groups within an hour of the clock are no person's; 500 may be. */
static void a_robot_counts_for_nobody_but_itself(void **state)
{
    tdl_live_state *s = new_state(&WEIGHED), *people = new_state(&WEIGHED);
    float own[3];

    TDL_UNUSED(state);
    for (int32_t i = 0; i < TDL_ROBOT_GROUPS; i++) {
        take(s, 1, i % 3, i);
        take(people, 1, i % 3, i);
    }
    for (int32_t i = 0; i < TDL_ROBOT_GROUPS + 1; i++)
        take(s, 2, i % 3, i);
    expect_same_counts(s, people, 3);
    expect_same_popularity(s, people, 3, 0, 1e-12);
    assert_int_equal(tdl_live_state_figures(s).robots_n, 1);
    tdl_live_own(s, 2, &(tdl_own_params){0, 14}, DAY_US, own, 3);
    assert_true(own[0] >= TDL_ROBOT_GROUPS / 3);
    tdl_live_state_leave_out(s, 2);
    tdl_live_state_forget(s, 2);
    expect_same_counts(s, people, 3);
    assert_int_equal(tdl_live_state_figures(s).robots_n, 0);
    tdl_live_state_free(s);
    tdl_live_state_free(people);
}

/* A matrix with other settings is counted in stretches, while events come and persons go. */
static void a_matrix_counted_anew_is_what_it_would_have_been(void **state)
{
    const tdl_directed_params other = {2, .5, .1, .5, 7, 0, 4, .9, .2, 0, .5, 0};
    tdl_live_state *s = new_state(&WEIGHED), *straight = new_state(&other);
    bool more = true;

    TDL_UNUSED(state);
    for (int32_t person = 0; person < 300; person++)
        for (int32_t i = 0; i < 200; i++) {
            take(s, person, (i * 7 + person) % 50, i * SECOND_US);
            if (person != 250)
                take(straight, person, (i * 7 + person) % 50, i * SECOND_US);
        }
    assert_true(tdl_live_serves(s, TDL_LIVE_STREAM, &WEIGHED));
    assert_true(tdl_live_state_want(s, TDL_LIVE_STREAM, &other));
    for (int32_t i = 0; more; i++) {
        take(s, 0, 3, DAY_US + i);
        take(s, 299, 4, DAY_US + i);
        take(straight, 0, 3, DAY_US + i);
        take(straight, 299, 4, DAY_US + i);
        if (i == 1)
            tdl_live_state_forget(s, 250);
        assert_true(tdl_live_serves(s, TDL_LIVE_STREAM, &WEIGHED));
        more = tdl_live_state_build(s);
    }
    assert_true(tdl_live_serves(s, TDL_LIVE_STREAM, &other));
    expect_same_counts(s, straight, 50);
    assert_false(tdl_live_state_want(s, TDL_LIVE_STREAM, &other));
    tdl_directed_params fading = other;
    fading.half_life_days = 60;
    assert_false(tdl_live_state_want(s, TDL_LIVE_STREAM, &fading));
    assert_false(tdl_live_serves(s, TDL_LIVE_STREAM, &fading));
    assert_false(tdl_live_serves(s, TDL_LIVE_STREAM, &other));
    tdl_live_state_free(s);
    tdl_live_state_free(straight);
}

/* Of the batch rung, fitted on the same events at the same moment. */
static void own_history_is_scored_as_the_rung_does(void **state)
{
    static const size_t offsets[] = {0, 4, 6};
    static const int32_t item[] = {0, 1, 0, 2, 1, 3};
    const int64_t time_us[] = {0, DAY_US, 3 * DAY_US, 9 * DAY_US, DAY_US, 10 * DAY_US};
    const tdl_own_params params[] = {{0, 14}, {30, 14}, {0, 0}};
    tdl_interactions all = {2, 5, offsets, item, time_us};
    tdl_fit_data data = {&all, offsets + 1};
    tdl_live_state *s = new_state(NULL);
    tdl_arena *scratch = tdl_arena_new(1 << 16);
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < 6; i++)
        take(s, i < 4 ? 0 : 1, item[i], time_us[i]);
    for (size_t k = 0; k < COUNT(params); k++) {
        tdl_fit_options options = {.params = &params[k], .now_us = 12 * DAY_US};
        tdl_history history = {item, time_us, 4};
        float live[5], fitted[5];
        void *model = NULL;
        expect_ok(tdl_rung_own.fit(&data, &options, &model, &why), &why);
        assert_int_equal(tdl_rung_own.score(model, &history, scratch, fitted), TDL_OK);
        tdl_live_own(s, 0, &params[k], 12 * DAY_US, live, 5);
        for (size_t j = 0; j < 5; j++)
            expect_near((double)live[j], (double)fitted[j], 1e-6);
        tdl_rung_own.free(model);
    }
    tdl_arena_free(scratch);
    tdl_live_state_free(s);
}

/* Terms of the reference's scores (r1_directed.json, tie_groups, damping 0). */
static void reasons_are_the_terms_of_the_score(void **state)
{
    tdl_live_state *s = learn_r1(NULL);
    tdl_arena *scratch = tdl_arena_new(1 << 16);
    const int32_t items[] = {2, 0};
    tdl_reason reason[2 * 8];
    tdl_history history;
    size_t n[2];
    double sum = 0;

    TDL_UNUSED(state);
    assert_int_equal(tdl_live_history(s, 0, scratch, &history), TDL_OK);
    tdl_live_explain_directed(s, TDL_LIVE_STREAM, &history, items, 2, scratch, reason, 8, n);
    assert_int_equal(n[0], 5);
    assert_int_equal(reason[0].at, 3); // item 3: .113122171946
    expect_near(reason[0].share, .113122171946 / .303706147107, 1e-9);
    assert_true(reason[0].exact);
    for (size_t i = 0; i < n[0]; i++)
        sum += reason[i].share;
    expect_near(sum, 1, 1e-9);
    tdl_live_explain_own(&(tdl_own_params){0, 14}, DAY_US, &history, items, 2, scratch, reason, 8,
                         n);
    assert_int_equal(n[0], 1);
    assert_int_equal(reason[0].at, 2);
    tdl_arena_free(scratch);
    tdl_live_state_free(s);
}

static void more_items_than_a_group_keeps_are_counted(void **state)
{
    tdl_live_state *s = new_state(NULL);
    tdl_directed_params none = tdl_directed_defaults;

    TDL_UNUSED(state);
    none.same_group = 0;
    tdl_live_state_want(s, TDL_LIVE_STREAM, &none);
    while (tdl_live_state_build(s))
        ;
    for (int32_t i = 0; i < 2100; i++)
        take(s, 0, i, 5);
    assert_int_equal(tdl_live_state_figures(s).crowded_n, 100);
    expect_near(tdl_live_popular_at(s, TDL_HALF_LIFE_NONE, -1, 5, 2099), 1, 0);
    tdl_live_state_forget(s, 0);
    expect_near(tdl_live_popular_at(s, TDL_HALF_LIFE_NONE, -1, 5, 2099), 0, 0);
    tdl_live_state_free(s);
}

/* 200 people of one country, 199 of another; what a segment took is what its people took, before
 * and after they were placed there. */
static void a_segment_of_200_people_has_a_popularity_of_its_own(void **state)
{
    tdl_live_state *s = new_state(NULL);
    const tdl_str fr = TDL_STR("FR"), de = TDL_STR("DE");
    float scores[3];

    TDL_UNUSED(state);
    for (int32_t i = 0; i < 399; i++) {
        if (i % 2)
            tdl_live_state_place(s, i, i < 200 ? fr : de);
        take(s, i, i < 200 ? 0 : 1, DAY_US);
        if (i % 2 == 0)
            tdl_live_state_place(s, i, i < 200 ? fr : de);
    }
    int32_t of_fr = tdl_live_segment(s, 7);
    assert_true(of_fr >= 0);
    assert_int_equal(tdl_live_segment_named(s, fr), of_fr);
    assert_int_equal(tdl_live_segment(s, 300), -1); // too few
    assert_int_equal(tdl_live_segment_named(s, de), -1);
    assert_int_equal(tdl_live_segment_named(s, TDL_STR("IT")), -1);
    tdl_live_popular(s, TDL_HALF_LIFE_NONE, of_fr, DAY_US, scores, 3, NULL);
    assert_true(scores[0] == 200 && scores[1] == 0);
    tdl_live_popular(s, TDL_HALF_LIFE_NONE, tdl_live_segment(s, 300), DAY_US, scores, 3, NULL);
    assert_true(scores[0] == 200 && scores[1] == 199);

    tdl_live_state_place(s, 7, de); // he moves, with all that he took
    assert_int_equal(tdl_live_segment(s, 8), -1);
    of_fr = tdl_live_segment(s, 7); // of 200 now
    tdl_live_popular(s, TDL_HALF_LIFE_NONE, of_fr, DAY_US, scores, 3, NULL);
    assert_true(scores[0] == 1 && scores[1] == 199);
    tdl_live_state_forget(s, 300);
    assert_int_equal(tdl_live_segment(s, 7), -1);
    tdl_live_state_place(s, 7, (tdl_str){0});
    tdl_live_state_join(s, 7, 8); // of whom the segment is known
    tdl_live_state_join(s, 400, 7);
    assert_true(tdl_live_state_is_placed(s, 400));
    tdl_live_state_free(s);
}

/* Half-lives of silence do not end an order: a float holds no 2^-3000. */
static void what_was_popular_stays_so_when_nothing_happens_for_years(void **state)
{
    tdl_live_state *s = new_state(NULL);
    float scores[2];

    TDL_UNUSED(state);
    take(s, 0, 0, DAY_US);
    take(s, 0, 1, DAY_US + HOUR_US);
    tdl_live_popular(s, TDL_HALF_LIFE_HOUR, -1, 3000 * DAY_US, scores, 2, NULL);
    assert_true(scores[0] > 0 && scores[1] > scores[0]);
    expect_near((double)(scores[1] / scores[0]), 2, 1e-6);
    tdl_live_state_free(s);
}

static void half_lives_are_the_nearest_by_ratio(void **state)
{
    TDL_UNUSED(state);
    assert_int_equal(tdl_half_life_near(0), TDL_HALF_LIFE_NONE);
    assert_int_equal(tdl_half_life_near(1.0 / 24), TDL_HALF_LIFE_HOUR);
    assert_int_equal(tdl_half_life_near(7), TDL_HALF_LIFE_FORTNIGHT);
    assert_int_equal(tdl_half_life_near(365), TDL_HALF_LIFE_QUARTER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(popularity_is_that_of_the_reference_in_any_order_of_arrival),
        cmocka_unit_test(an_event_of_a_time_to_come_weighs_as_one_of_now),
        cmocka_unit_test(counts_are_those_of_the_reference_event_by_event),
        cmocka_unit_test(late_events_end_in_the_same_counts),
        cmocka_unit_test(any_order_of_arrival_gives_the_counts_of_a_batch_fit),
        cmocka_unit_test(a_person_who_is_forgotten_leaves_nothing),
        cmocka_unit_test(joined_histories_are_one_by_time),
        cmocka_unit_test(what_is_said_twice_counts_once),
        cmocka_unit_test(an_order_is_one_group_at_the_time_of_its_first_row),
        cmocka_unit_test(a_full_ring_keeps_the_newest_groups_and_every_count),
        cmocka_unit_test(a_robot_counts_for_nobody_but_itself),
        cmocka_unit_test(a_matrix_counted_anew_is_what_it_would_have_been),
        cmocka_unit_test(own_history_is_scored_as_the_rung_does),
        cmocka_unit_test(reasons_are_the_terms_of_the_score),
        cmocka_unit_test(more_items_than_a_group_keeps_are_counted),
        cmocka_unit_test(a_segment_of_200_people_has_a_popularity_of_its_own),
        cmocka_unit_test(what_was_popular_stays_so_when_nothing_happens_for_years),
        cmocka_unit_test(half_lives_are_the_nearest_by_ratio),
    };
    return cmocka_run_group_tests_name("recommend/live_state", tests, NULL, NULL);
}
