/* Every report on events whose answer is known by counting them by hand, and funnels against the
 * definition itself. */
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/timestamp.h"
#include "fixture.h"
#include "insight/insight.h"

static const int64_t HOUR_US = 3600 * INT64_C(1000000), DAY_US = 24 * 3600 * INT64_C(1000000);
static int next_message;

static void did(fixture *f, const char *user, const char *kind, int64_t time_us,
                const char *properties)
{
    char message[24];

    snprintf(message, sizeof message, "m%d", next_message++);
    tdl_event e = event_of(message);
    e.user = tdl_str_of(user);
    e.kind = tdl_str_of(kind);
    e.time_us = time_us;
    e.properties = tdl_str_of(properties);
    assert_int_equal(append_one(f, &e), 1);
}

static int64_t at(const char *time)
{
    int64_t us = 0;

    assert_int_equal(tdl_time_parse(tdl_str_of(time), &us, NULL), TDL_OK);
    return us;
}

static tdl_status ask(fixture *f, const char *query, tdl_table *ret)
{
    json_t *json = json_loads(query, 0, NULL);

    assert_non_null(json);
    tdl_status st = tdl_insight(f->store, json, at("2026-03-01T00:00:00Z"), f->arena, ret, &f->why);
    json_decref(json);
    return st;
}

static void expect(fixture *f, const char *query, const char *csv)
{
    tdl_table table;
    tdl_buf out = {0};

    succeed(f, ask(f, query, &table));
    tdl_table_csv(&table, &out);
    assert_str(tdl_buf_view(&out), csv);
    tdl_buf_release(&out);
}

static void trends_count_events_and_persons_by_day_and_kind(void **state)
{
    fixture *f = *state;

    did(f, "ann", "view", at("2026-02-02T10:00:00Z"), NULL);
    did(f, "ann", "view", at("2026-02-02T11:00:00Z"), NULL);
    did(f, "bob", "view", at("2026-02-02T23:59:59Z"), NULL);
    did(f, "bob", "order", at("2026-02-03T00:00:00Z"), NULL);
    did(f, "bob", "order", at("2026-02-04T00:00:00Z"), NULL); // past the end
    expect(f,
           "{\"report\":\"trend\",\"from\":\"2026-02-02T00:00:00Z\",\"until\":\"2026-02-04T00:00:"
           "00Z\"}",
           "period,kind,events,persons\r\n"
           "2026-02-02T00:00:00Z,\"view\",3,2\r\n2026-02-02T00:00:00Z,\"order\",0,0\r\n"
           "2026-02-03T00:00:00Z,\"view\",0,0\r\n2026-02-03T00:00:00Z,\"order\",1,1\r\n");
    expect(f, // by Shanghai's clock the late view is of the third
           "{\"report\":\"trend\",\"kinds\":[\"view\"],\"zone_minutes\":480,"
           "\"from\":\"2026-02-01T16:00:00Z\",\"until\":\"2026-02-03T16:00:00Z\"}",
           "period,kind,events,persons\r\n"
           "2026-02-01T16:00:00Z,\"view\",2,1\r\n2026-02-02T16:00:00Z,\"view\",1,1\r\n");
    expect(f, // weeks begin on Mondays: 2 February 2026 is one
           "{\"report\":\"trend\",\"kinds\":[\"view\",\"never\"],\"every\":\"week\","
           "\"from\":\"2026-02-02T00:00:00Z\",\"until\":\"2026-02-09T00:00:00Z\"}",
           "period,kind,events,persons\r\n"
           "2026-02-02T00:00:00Z,\"view\",3,2\r\n2026-02-02T00:00:00Z,\"never\",0,0\r\n");
}

static void joined_ids_are_one_person(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("join");

    did(f, "anon", "view", at("2026-02-02T10:00:00Z"), NULL);
    did(f, "ann", "view", at("2026-02-02T11:00:00Z"), NULL);
    e.user = TDL_STR("ann");
    e.alias = TDL_STR("anon");
    assert_int_equal(append_one(f, &e), 1);
    expect(f,
           "{\"report\":\"trend\",\"kinds\":[\"view\"],\"from\":\"2026-02-02T00:00:00Z\","
           "\"until\":\"2026-02-03T00:00:00Z\"}",
           "period,kind,events,persons\r\n2026-02-02T00:00:00Z,\"view\",2,1\r\n");
}

static void funnels_go_in_order_and_within_their_window(void **state)
{
    const int64_t t = at("2026-02-02T00:00:00Z");
    fixture *f = *state;

    did(f, "all", "view", t, NULL);
    did(f, "all", "cart", t + HOUR_US, NULL);
    did(f, "all", "order", t + 2 * HOUR_US, NULL);
    did(f, "backwards", "order", t, NULL);
    did(f, "backwards", "cart", t + 1, NULL);
    did(f, "backwards", "view", t + 2, NULL);
    did(f, "slow", "view", t, NULL);
    did(f, "slow", "cart", t + 2 * HOUR_US, NULL);
    did(f, "slow", "order", t + 30 * HOUR_US, NULL); // 30 hours after the first step
    did(f, "again", "view", t, NULL);
    did(f, "again", "view", t + 20 * HOUR_US, NULL);
    did(f, "again", "cart", t + 25 * HOUR_US, NULL); // of the second view
    did(f, "again", "order", t + 44 * HOUR_US, NULL);
    expect(f,
           "{\"report\":\"funnel\",\"steps\":[\"view\",\"cart\",\"order\"],\"within\":\"1d\","
           "\"from\":\"2026-02-01T00:00:00Z\"}",
           "step,kind,persons,share_of_first,share_of_former,median_seconds\r\n"
           "1,\"view\",4,1,,\r\n2,\"cart\",3,0.75,0.75,\r\n3,\"order\",2,0.5,"
           "0.666667,46800\r\n");
    expect(
        f,
        "{\"report\":\"funnel\",\"steps\":[\"view\",\"view\"],\"from\":\"2026-02-01T00:00:00Z\"}",
        "step,kind,persons,share_of_first,share_of_former,median_seconds\r\n"
        "1,\"view\",4,1,,\r\n2,\"view\",1,0.25,0.25,72000\r\n");
}

/* By the definition: is there a chain of events, each after the one before, from any beginning? */
static size_t reached(const int *kind, const int64_t *time, size_t n, size_t steps, int64_t within)
{
    size_t best = 0;

    for (size_t begin = 0; begin < n; begin++) {
        size_t step = kind[begin] == 0;
        for (size_t i = begin + 1; step && step < steps && i < n; i++)
            step += kind[i] == (int)step && time[i] - time[begin] <= within;
        best = step > best ? step : best;
    }
    return best;
}

static void funnels_agree_with_their_definition(void **state)
{
    enum { PERSONS = 60, EACH = 12, STEPS = 3 };
    static const char *const names[] = {"s0", "s1", "s2"};
    const int64_t t = at("2026-02-02T00:00:00Z");
    fixture *f = *state;
    tdl_rng rng = tdl_rng_make(7, 0);
    size_t count[STEPS + 1] = {0};
    tdl_table table;

    for (int p = 0; p < PERSONS; p++) {
        int kind[EACH];
        int64_t time[EACH];
        char user[16];
        snprintf(user, sizeof user, "p%d", p);
        for (int i = 0; i < EACH; i++) {
            kind[i] = (int)tdl_rng_below(&rng, STEPS);
            time[i] = (i ? time[i - 1] : t) + 1 + (int64_t)tdl_rng_below(&rng, 5) * HOUR_US;
            did(f, user, names[kind[i]], time[i], NULL);
        }
        for (size_t k = reached(kind, time, EACH, STEPS, 6 * HOUR_US); k; k--)
            count[k]++;
    }
    succeed(f, ask(f,
                   "{\"report\":\"funnel\",\"steps\":[\"s0\",\"s1\",\"s2\"],\"within\":\"6h\","
                   "\"from\":\"2026-02-01T00:00:00Z\"}",
                   &table));
    for (size_t k = 0; k < STEPS; k++)
        assert_true(table.cells[k * table.columns_n + 2].number == (double)count[k + 1]);
    assert_true(count[2] > count[3] && count[3] > 0); // the case says something
}

static void retention_is_by_the_period_of_the_beginning(void **state)
{
    const int64_t t = at("2026-02-02T12:00:00Z");
    fixture *f = *state;

    did(f, "ann", "signup", t, NULL);
    did(f, "ann", "view", t + 1, NULL);
    did(f, "ann", "view", t + 2 * DAY_US, NULL);
    did(f, "bob", "view", t, NULL); // before he signed up: does not count
    did(f, "bob", "signup", t + DAY_US, NULL);
    did(f, "bob", "view", t + 2 * DAY_US, NULL);
    did(f, "cat", "signup", t, NULL);
    expect(f,
           "{\"report\":\"retention\",\"start\":\"signup\",\"return\":\"view\","
           "\"from\":\"2026-02-02T00:00:00Z\",\"until\":\"2026-02-05T00:00:00Z\"}",
           "cohort,after,persons,share\r\n"
           "2026-02-02T00:00:00Z,0,1,0.5\r\n2026-02-02T00:00:00Z,1,0,0\r\n"
           "2026-02-02T00:00:00Z,2,1,0.5\r\n"
           "2026-02-03T00:00:00Z,0,0,0\r\n2026-02-03T00:00:00Z,1,1,1\r\n");
}

static void a_pause_ends_a_session(void **state)
{
    const int64_t t = at("2026-02-02T23:50:00Z"), minute = 60 * INT64_C(1000000);
    fixture *f = *state;

    did(f, "ann", "a", t, NULL);
    did(f, "ann", "b", t + 30 * minute, NULL); // past midnight: still of the second
    did(f, "ann", "c", t + 61 * minute, NULL);
    did(f, "bob", "a", t + 61 * minute, NULL);
    expect(f,
           "{\"report\":\"sessions\",\"from\":\"2026-02-02T00:00:00Z\","
           "\"until\":\"2026-02-04T00:00:00Z\"}",
           "period,sessions,median_seconds,events_per_session\r\n"
           "2026-02-02T00:00:00Z,1,1800,2\r\n2026-02-03T00:00:00Z,2,0,1\r\n");
}

static void values_of_a_property_are_counted(void **state)
{
    const int64_t t = at("2026-02-02T00:00:00Z");
    fixture *f = *state;

    did(f, "ann", "view", t, "{\"plan\":\"=pro\"}");
    did(f, "ann", "view", t, "{\"plan\":\"=pro\"}");
    did(f, "bob", "view", t, "{\"plan\":\"=pro\"}");
    did(f, "bob", "view", t, "{\"plan\":3}");
    did(f, "bob", "view", t, "{}");
    did(f, "bob", "order", t, "{\"plan\":\"x\"}");
    expect(f,
           "{\"report\":\"breakdown\",\"kinds\":[\"view\"],\"property\":\"plan\","
           "\"from\":\"2026-02-01T00:00:00Z\"}",
           "value,events,persons\r\n\"'=pro\",3,2\r\n\"3\",1,1\r\n,1,1\r\n");
}

static void users_are_counted_once_a_period_whatever_they_did(void **state)
{
    fixture *f = *state;

    did(f, "ann", "view", at("2026-02-02T10:00:00Z"), NULL);
    did(f, "ann", "order", at("2026-02-02T11:00:00Z"), NULL);
    did(f, "bob", "view", at("2026-02-02T12:00:00Z"), NULL);
    did(f, "ann", "order", at("2026-02-04T12:00:00Z"), NULL);
    did(f, "cat", "view", at("2026-02-04T13:00:00Z"), NULL);
    expect(f,
           "{\"report\":\"users\",\"from\":\"2026-02-02T00:00:00Z\",\"until\":"
           "\"2026-02-05T00:00:00Z\"}",
           "period,persons,new_persons\r\n2026-02-02T00:00:00Z,2,2\r\n"
           "2026-02-03T00:00:00Z,0,0\r\n2026-02-04T00:00:00Z,2,1\r\n");
    expect(f, // ann's first order is on the second
           "{\"report\":\"users\",\"kinds\":[\"order\"],\"every\":\"week\",\"from\":"
           "\"2026-02-02T00:00:00Z\",\"until\":\"2026-02-09T00:00:00Z\"}",
           "period,persons,new_persons\r\n2026-02-02T00:00:00Z,1,1\r\n");
}

/* Thousands of persons, against a count by hand: each day i has i + 1 of them. */
static void many_users_are_counted_exactly(void **state)
{
    enum { DAYS = 60 };
    fixture *f = *state;
    tdl_table table;
    char user[16];

    for (int day = 0; day < DAYS; day++)
        for (int i = 0; i <= day; i++) {
            snprintf(user, sizeof user, "u%d", day * (day + 1) / 2 + i);
            did(f, user, "view", at("2026-01-01T00:00:00Z") + day * DAY_US + i, NULL);
        }
    succeed(f, ask(f, "{\"report\":\"users\",\"last\":\"59d\"}", &table)); // from 1 January on
    assert_int_equal(table.rows_n, 59);
    for (size_t day = 0; day < 59; day++) {
        assert_int_equal(table.cells[day * 3 + 1].number, day + 1);
        assert_int_equal(table.cells[day * 3 + 2].number, day + 1);
    }
}

static void last_is_a_span_before_until(void **state)
{
    fixture *f = *state;

    did(f, "ann", "view", at("2026-02-27T00:00:00Z"), NULL);
    did(f, "bob", "view", at("2026-02-26T23:59:59Z"), NULL); // a second too early
    expect(f, "{\"report\":\"users\",\"last\":\"2d\"}",
           "period,persons,new_persons\r\n2026-02-27T00:00:00Z,1,1\r\n"
           "2026-02-28T00:00:00Z,0,0\r\n");
}

static tdl_status save(fixture *f, const char *id, const char *name, const char *query,
                       char ret_id[37])
{
    json_t *json = json_loads(query, 0, NULL);
    tdl_status st =
        tdl_insight_save(f->store, tdl_str_of(id), tdl_str_of(name), json, ret_id, &f->why);

    json_decref(json);
    return st;
}

static void a_saved_query_is_asked_again(void **state)
{
    fixture *f = *state;
    char id[37], same[37], nobody[37];
    tdl_saved_report report;

    did(f, "ann", "view", at("2026-02-27T00:00:00Z"), NULL);
    succeed(f, save(f, "", "views", "{\"report\":\"users\",\"last\":\"1w\"}", id));
    succeed(f, save(f, id, "users", "{\"report\":\"users\",\"last\":\"2d\"}", same));
    assert_string_equal(id, same);
    succeed(f, tdl_store_get_report(f->store, tdl_str_of(id), f->arena, &report, &f->why));
    assert_str(report.name, "users");
    expect(f, tdl_arena_str(f->arena, report.query).at,
           "period,persons,new_persons\r\n2026-02-27T00:00:00Z,1,1\r\n"
           "2026-02-28T00:00:00Z,0,0\r\n");
    refuse(f, save(f, "nobody", "x", "{\"report\":\"users\"}", nobody), TDL_E_NOT_FOUND, "nobody");
    refuse(f, save(f, "", "x", "{\"report\":\"trend\",\"every\":1}", nobody), TDL_E_INVALID,
           "query: every");
    refuse(f, save(f, "", "", "{\"report\":\"trend\"}", nobody), TDL_E_INVALID, "name");
}

static void a_query_that_makes_no_sense_is_refused(void **state)
{
    static const char *const queries[][2] = {
        {"[]", "must be an object"},
        {"{}", "there is no report"},
        {"{\"report\":\"pie\"}", "there is no report \"pie\""},
        {"{\"report\":\"trend\",\"from\":\"yesterday\"}", "from is not a time"},
        {"{\"report\":\"trend\",\"from\":\"2026-03-02T00:00:00Z\"}", "until is not after from"},
        {"{\"report\":\"trend\",\"every\":\"year\"}", "every must be"},
        {"{\"report\":\"trend\",\"last\":30}", "last is not a span"},
        {"{\"report\":\"trend\",\"last\":\"1d\",\"from\":\"2026-01-01T00:00:00Z\"}", "give one"},
        {"{\"report\":\"trend\",\"every\":\"hour\",\"from\":\"2020-01-01T00:00:00Z\"}", "periods"},
        {"{\"report\":\"trend\",\"kinds\":\"view\"}", "kinds must be a list"},
        {"{\"report\":\"trend\",\"kinds\":[1]}", "kinds.0"},
        {"{\"report\":\"trend\",\"zone_minutes\":9999}", "zone_minutes"},
        {"{\"report\":\"funnel\",\"steps\":[\"a\"]}", "steps"},
        {"{\"report\":\"funnel\",\"steps\":[\"a\",\"b\"],\"within\":\"soon\"}", "within"},
        {"{\"report\":\"sessions\",\"gap\":5}", "gap"},
        {"{\"report\":\"breakdown\"}", "property is missing"},
        {"{\"report\":\"breakdown\",\"property\":\"a\",\"top\":0}", "top"},
    };
    fixture *f = *state;
    tdl_table table;

    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        json_t *query = json_loads(queries[i][0], 0, NULL);
        refuse(f, ask(f, queries[i][0], &table), TDL_E_INVALID, queries[i][1]);
        // and when it is only checked
        refuse(f, tdl_insight(NULL, query, at("2026-03-01T00:00:00Z"), f->arena, &table, &f->why),
               TDL_E_INVALID, queries[i][1]);
        json_decref(query);
    }
}

static void a_store_without_events_gives_empty_tables(void **state)
{
    fixture *f = *state;

    expect(f, "{\"report\":\"trend\"}", "period,kind,events,persons\r\n");
    expect(f, "{\"report\":\"users\"}", "period,persons,new_persons\r\n");
    expect(f, "{\"report\":\"retention\"}", "cohort,after,persons,share\r\n");
    expect(f, "{\"report\":\"funnel\",\"steps\":[\"a\",\"b\"]}",
           "step,kind,persons,share_of_first,share_of_former,median_seconds\r\n"
           "1,\"a\",0,,,\r\n2,\"b\",0,,,\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(trends_count_events_and_persons_by_day_and_kind),
        STORE_TEST(joined_ids_are_one_person),
        STORE_TEST(funnels_go_in_order_and_within_their_window),
        STORE_TEST(funnels_agree_with_their_definition),
        STORE_TEST(retention_is_by_the_period_of_the_beginning),
        STORE_TEST(a_pause_ends_a_session),
        STORE_TEST(values_of_a_property_are_counted),
        STORE_TEST(users_are_counted_once_a_period_whatever_they_did),
        STORE_TEST(many_users_are_counted_exactly),
        STORE_TEST(last_is_a_span_before_until),
        STORE_TEST(a_saved_query_is_asked_again),
        STORE_TEST(a_query_that_makes_no_sense_is_refused),
        STORE_TEST(a_store_without_events_gives_empty_tables),
    };
    return run_on_each_backend("insight", tests);
}
