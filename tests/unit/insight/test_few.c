/* Reports that hide what is about few persons. Every number is counted by hand from the crowds. */
#include <stdio.h>

#include "base/timestamp.h"
#include "fixture.h"
#include "insight/insight.h"

static const int64_t DAY_US = 24 * 3600 * INT64_C(1000000);

static int64_t at(const char *time)
{
    int64_t us = 0;

    assert_int_equal(tdl_time_parse(tdl_str_of(time), &us, NULL), TDL_OK);
    return us;
}

/* Persons first ... first + n - 1 each did so once. */
static void did(fixture *f, int first, int n, const char *kind, int64_t time_us,
                const char *properties)
{
    static int message;
    static char ids[100][24], users[100][16];
    tdl_event events[100];
    size_t new_n;

    assert_true(n <= 100);
    for (int i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "m%d", message++);
        snprintf(users[i], sizeof users[i], "u%d", first + i);
        events[i] = event_of(ids[i]);
        events[i].user = tdl_str_of(users[i]);
        events[i].kind = tdl_str_of(kind);
        events[i].time_us = time_us;
        events[i].properties = tdl_str_of(properties);
    }
    succeed(f, tdl_store_append(f->store, events, (size_t)n, &new_n, &f->why));
    assert_int_equal(new_n, n);
}

static void ask(fixture *f, const char *query, tdl_table *ret)
{
    json_t *json = json_loads(query, 0, NULL);

    assert_non_null(json);
    succeed(f, tdl_insight(f->store, json, at("2026-03-01T00:00:00Z"), f->arena, ret, &f->why));
    json_decref(json);
}

static void expect(fixture *f, const char *query, const char *csv)
{
    tdl_table table;
    tdl_buf out = {0};

    ask(f, query, &table);
    tdl_table_csv(&table, &out);
    assert_str(tdl_buf_view(&out), csv);
    tdl_buf_release(&out);
}

#define RANGE "\"from\":\"2026-02-02T00:00:00Z\",\"until\":\"2026-02-05T00:00:00Z\""

/* The second day has 3 persons; with it goes the smallest other, or the week would tell of them. */
static void trends_hide_small_cells_and_what_tells_of_them(void **state)
{
    const int64_t t = at("2026-02-02T10:00:00Z");
    fixture *f = *state;

    did(f, 0, 12, "view", t, NULL);
    did(f, 0, 3, "view", t + DAY_US, NULL);
    did(f, 0, 3, "view", t + DAY_US, NULL);
    did(f, 0, 15, "view", t + 2 * DAY_US, NULL);
    expect(f, "{\"report\":\"trend\",\"k\":10," RANGE "}",
           "period,kind,events,persons\r\n2026-02-02T00:00:00Z,\"view\",,\r\n"
           "2026-02-03T00:00:00Z,\"view\",,\r\n2026-02-04T00:00:00Z,\"view\",15,15\r\n");
    expect(f, "{\"report\":\"trend\",\"k\":3," RANGE "}",
           "period,kind,events,persons\r\n2026-02-02T00:00:00Z,\"view\",12,12\r\n"
           "2026-02-03T00:00:00Z,\"view\",6,3\r\n2026-02-04T00:00:00Z,\"view\",15,15\r\n");
}

static void json_lists_what_is_hidden(void **state)
{
    fixture *f = *state;
    tdl_table table;
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    did(f, 0, 2, "view", at("2026-02-02T10:00:00Z"), NULL);
    ask(f,
        "{\"report\":\"trend\",\"k\":10,\"from\":\"2026-02-02T00:00:00Z\",\"until\":\"2026-02-03T"
        "00:00:00Z\"}",
        &table);
    tdl_table_json(&table, &w);
    assert_str(
        tdl_buf_view(&out),
        "{\"columns\":[\"period\",\"kind\",\"events\",\"persons\"],\"rows\":[[\"2026-02-02T00:"
        "00:00Z\",\"view\",null,null]],\"k\":10,\"suppressed\":[[0,2],[0,3]]}");
    tdl_buf_release(&out);
}

/* 40, 36, 20, 20, 5 persons: 4 were lost before the second step, 15 before the last. */
static void funnels_hide_small_steps_and_small_losses(void **state)
{
    static const char *const kinds[] = {"a", "b", "c", "d", "e"};
    static const int persons[] = {40, 36, 20, 20, 5};
    const int64_t t = at("2026-02-02T10:00:00Z");
    fixture *f = *state;

    for (int i = 0; i < 5; i++)
        did(f, 0, persons[i], kinds[i], t + i, NULL);
    expect(f,
           "{\"report\":\"funnel\",\"steps\":[\"a\",\"b\",\"c\",\"d\",\"e\"],\"k\":10," RANGE "}",
           "step,kind,persons,share_of_first,share_of_former,median_seconds\r\n"
           "1,\"a\",40,1,,\r\n2,\"b\",,,,\r\n3,\"c\",20,0.5,,\r\n4,\"d\",20,0.5,1,\r\n"
           "5,\"e\",,,,\r\n");
}

/* Of the first day's 20 came back 12 and 4, of the second day's 30 came back 30: nobody of the
 * third. */
static void retention_hides_by_how_long_after(void **state)
{
    const int64_t t = at("2026-02-02T10:00:00Z");
    fixture *f = *state;

    did(f, 0, 20, "start", t, NULL);
    did(f, 0, 12, "back", t + DAY_US, NULL);
    did(f, 0, 4, "back", t + 2 * DAY_US, NULL);
    did(f, 50, 30, "start", t + DAY_US, NULL);
    did(f, 50, 30, "back", t + 2 * DAY_US, NULL);
    expect(f,
           "{\"report\":\"retention\",\"start\":\"start\",\"return\":\"back\",\"k\":10," RANGE "}",
           "cohort,after,persons,share\r\n2026-02-02T00:00:00Z,0,0,0\r\n"
           "2026-02-02T00:00:00Z,1,12,0.6\r\n2026-02-02T00:00:00Z,2,,\r\n"
           "2026-02-03T00:00:00Z,0,0,0\r\n2026-02-03T00:00:00Z,1,30,1\r\n");
}

/* The cohort of 5 hides the one of 20, whose size no share may tell either. */
static void a_hidden_cohort_is_not_told_by_its_shares(void **state)
{
    const int64_t t = at("2026-02-02T10:00:00Z");
    fixture *f = *state;

    did(f, 0, 20, "view", t, NULL);
    did(f, 0, 12, "view", t + DAY_US, NULL);
    did(f, 50, 5, "view", t + DAY_US, NULL);
    did(f, 60, 30, "view", t + 2 * DAY_US, NULL);
    expect(f, "{\"report\":\"retention\",\"k\":10," RANGE "}",
           "cohort,after,persons,share\r\n2026-02-02T00:00:00Z,0,,\r\n"
           "2026-02-02T00:00:00Z,1,12,\r\n2026-02-02T00:00:00Z,2,0,\r\n"
           "2026-02-03T00:00:00Z,0,,\r\n2026-02-03T00:00:00Z,1,0,\r\n"
           "2026-02-04T00:00:00Z,0,30,1\r\n");
}

/* 20 new ones on the first day; 3 new beside 15 known on the second; 12 known on the third. The 3
 * cannot be shown beside 15, nor 18 beside 15; nor may the days add up to them. */
static void new_persons_are_no_difference_of_shown_ones(void **state)
{
    const int64_t t = at("2026-02-02T10:00:00Z");
    fixture *f = *state;

    did(f, 0, 20, "view", t, NULL);
    did(f, 0, 15, "view", t + DAY_US, NULL);
    did(f, 50, 3, "view", t + DAY_US, NULL);
    did(f, 0, 12, "view", t + 2 * DAY_US, NULL);
    expect(f, "{\"report\":\"users\",\"k\":10," RANGE "}",
           "period,persons,new_persons\r\n2026-02-02T00:00:00Z,,\r\n"
           "2026-02-03T00:00:00Z,,\r\n2026-02-04T00:00:00Z,12,0\r\n");
}

/* Who is one of three in a town of his own is named by the town. */
static void values_of_few_are_one_row_without_a_name(void **state)
{
    const int64_t t = at("2026-02-02T10:00:00Z");
    fixture *f = *state;

    did(f, 0, 50, "view", t, "{\"town\":\"Berlin\"}");
    did(f, 50, 20, "view", t, "{\"town\":\"Bonn\"}");
    did(f, 70, 3, "view", t, "{\"town\":\"Auel\"}");
    did(f, 73, 4, "view", t, "{}");
    expect(f, "{\"report\":\"breakdown\",\"property\":\"town\",\"k\":10," RANGE "}",
           "value,events,persons\r\n\"Berlin\",50,50\r\n,,\r\n"); // 3 + 4 are still few
    expect(f, "{\"report\":\"breakdown\",\"property\":\"town\",\"k\":5," RANGE "}",
           "value,events,persons\r\n\"Berlin\",50,50\r\n\"Bonn\",20,20\r\n,,\r\n");
}

/* One person with twelve sessions is one person. */
static void sessions_of_few_persons_are_hidden(void **state)
{
    const int64_t t = at("2026-02-02T00:00:00Z"), hour = 3600 * INT64_C(1000000);
    fixture *f = *state;

    for (int i = 0; i < 12; i++)
        did(f, 0, 1, "view", t + i * hour, NULL);
    did(f, 0, 20, "view", t + DAY_US, NULL);
    did(f, 0, 30, "view", t + 2 * DAY_US, NULL);
    expect(f, "{\"report\":\"sessions\",\"k\":10," RANGE "}",
           "period,sessions,median_seconds,events_per_session\r\n2026-02-02T00:00:00Z,,,\r\n"
           "2026-02-03T00:00:00Z,,,\r\n2026-02-04T00:00:00Z,30,0,1\r\n");
}

static void k_is_a_number_of_persons(void **state)
{
    static const char *const queries[] = {"{\"report\":\"trend\",\"k\":-1}",
                                          "{\"report\":\"trend\",\"k\":1001}",
                                          "{\"report\":\"trend\",\"k\":\"10\"}"};
    fixture *f = *state;
    tdl_table table;

    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        json_t *json = json_loads(queries[i], 0, NULL);
        refuse(f,
               tdl_insight(f->store, json, at("2026-03-01T00:00:00Z"), f->arena, &table, &f->why),
               TDL_E_INVALID, "k must be from 0 to 1000");
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(trends_hide_small_cells_and_what_tells_of_them),
        STORE_TEST(json_lists_what_is_hidden),
        STORE_TEST(funnels_hide_small_steps_and_small_losses),
        STORE_TEST(retention_hides_by_how_long_after),
        STORE_TEST(a_hidden_cohort_is_not_told_by_its_shares),
        STORE_TEST(new_persons_are_no_difference_of_shown_ones),
        STORE_TEST(values_of_few_are_one_row_without_a_name),
        STORE_TEST(sessions_of_few_persons_are_hidden),
        STORE_TEST(k_is_a_number_of_persons),
    };
    return run_on_each_backend("insight/few", tests);
}
