/* Drift by column, by hand, and out of schemas and records that are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/predict/column_drift.h"
#include "base/str.h"
#include "table/read.h"

enum { ROWS = 100 };

static json_t *schema;
static tdl_column_drift drift;

static void near(double a, double b, double error)
{
    if (a != b && !(fabs(a - b) <= error))
        fail_msg("%.17g is not %.17g", a, b);
}

/* A hundred rows: x is 0 to 99, side is left and right by turns. */
static int set_up(void **state)
{
    char path[] = "drift-XXXXXX.csv";
    int fd = mkstemps(path, 4);
    uint32_t row[ROWS];
    tdl_buf text = {0};
    tdl_frame frame = {0};

    (void)state;
    tdl_buf_text(&text, "x,side,day\n");
    for (uint32_t i = 0; i < ROWS; i++) {
        row[i] = i;
        tdl_buf_printf(&text, "%u.5,%s,2026-01-%02u\n", i, i % 2 ? "right" : "left", 1 + i % 28);
    }
    assert_true(write(fd, text.at, text.len) == (ssize_t)text.len);
    close(fd);
    tdl_buf_release(&text);
    assert_int_equal(tdl_frame_read(path, NULL, &frame, NULL, NULL), TDL_OK);
    unlink(path);
    assert_non_null(schema = tdl_schema_save(&frame));
    assert_int_equal(tdl_schema_add_drift(schema, &frame, row, ROWS, NULL), TDL_OK);
    assert_int_equal(tdl_column_drift_load(schema, &drift, NULL), TDL_OK);
    tdl_frame_release(&frame);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tdl_column_drift_release(&drift);
    json_decref(schema);
    return 0;
}

static json_t *parse(const char *text)
{
    json_t *ret = NULL;

    assert_int_equal(tdl_json_parse(tdl_str_of(text), TDL_JSON_REFUSE_DUPLICATES, &ret, NULL),
                     TDL_OK);
    return ret;
}

/* The parts of rows sent as JSON, counted. */
static void count(const char *rows, double *now)
{
    json_t *sent = parse(rows), *record = NULL;
    tdl_frame frame = {0};

    assert_int_equal(tdl_frame_of_json(schema, sent, &frame, NULL, NULL, NULL, NULL), TDL_OK);
    for (size_t r = 0; r < frame.rows; r++) {
        tdl_buf text = {0};
        tdl_jw w = {.out = &text};

        tdl_jw_object(&w);
        tdl_column_drift_write_parts(&drift, &frame, r, &w);
        tdl_jw_end_object(&w);
        record = parse(text.at);
        assert_true(tdl_column_drift_count(&drift, json_object_get(record, "parts"), now));
        json_decref(record);
        tdl_buf_release(&text);
    }
    tdl_frame_release(&frame);
    json_decref(sent);
}

static json_t *told(const double *now, size_t rows)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    json_t *ret;

    tdl_jw_object(&w);
    tdl_column_drift_write(&drift, now, rows, &w);
    tdl_jw_end_object(&w);
    ret = parse(text.at);
    tdl_buf_release(&text);
    return ret;
}

static void dates_are_not_followed(void **state)
{
    (void)state;
    assert_int_equal(drift.n, 3);
    assert_int_equal(drift.followed, 2);
}

/* Of a hundred rows eighty are left: (.8 - .5) ln(.8/.5) + (.2 - .5) ln(.2/.5) = .415888; by chance
 * (1/100 + 1/100) 3.84, chi-squared of one degree at .95. x stands still at one of ten parts:
 * .9 ln(1/.1) + 9 (.1 - .005) ln(.1/.005). */
static void the_index_is_that_of_the_shares(void **state)
{
    double now[2 * TDL_DRIFT_PARTS_MAX] = {0};
    tdl_buf rows = {0};
    json_t *all, *x, *side;

    (void)state;
    tdl_buf_char(&rows, '[');
    for (int i = 0; i < 100; i++)
        tdl_buf_printf(&rows, "%s{\"x\":55.5,\"side\":\"%s\"}", i ? "," : "",
                       i < 80 ? "left" : "right");
    tdl_buf_char(&rows, ']');
    count(rows.at, now);
    all = told(now, 100);
    x = json_array_get(json_object_get(all, "columns"), 0);
    side = json_array_get(json_object_get(all, "columns"), 1);
    assert_string_equal(json_string_value(json_object_get(x, "column")), "x");
    near(json_number_value(json_object_get(x, "stability_index")),
         .9 * log(10) + 9 * .095 * log(20), 1e-9);
    near(json_number_value(json_object_get(side, "stability_index")), .415888, 1e-6);
    near(json_number_value(json_object_get(side, "by_chance")), .0768, .003);
    assert_string_equal(json_string_value(json_object_get(side, "state")), "alarm");
    assert_int_equal(json_integer_value(json_object_get(all, "alarms")), 2);
    json_decref(all);
    tdl_buf_release(&rows);
}

/* Of five rows an index of .2 is nothing: chance alone makes it .8 and more in one of twenty. */
static void few_rows_raise_no_alarm(void **state)
{
    double now[2 * TDL_DRIFT_PARTS_MAX] = {0};
    json_t *all, *one;
    size_t i;

    (void)state;
    count("[{\"x\":5.5,\"side\":\"left\"},{\"x\":25.5,\"side\":\"left\"},{\"x\":45.5,\"side\":"
          "\"left\"},{\"x\":65.5,\"side\":\"left\"},{\"x\":85.5,\"side\":\"right\"}]",
          now);
    all = told(now, 5);
    json_array_foreach(json_object_get(all, "columns"), i, one)
    {
        assert_string_equal(json_string_value(json_object_get(one, "state")), "calm");
    }
    assert_int_equal(i, 2);
    assert_int_equal(json_integer_value(json_object_get(all, "alarms")), 0);
    json_decref(all);
}

/* Levels that are new and cells that are missing have parts of their own: the last two. */
static void new_levels_and_missing_cells_are_counted_apart(void **state)
{
    double now[2 * TDL_DRIFT_PARTS_MAX] = {0};
    const double *side = now + TDL_DRIFT_PARTS_MAX;

    (void)state;
    count("[{\"side\":\"above\"},{},{\"side\":\"right\"}]", now);
    assert_true(side[0] == 0 && side[1] == 1 && side[2] == 1 && side[3] == 1);
    assert_true(now[drift.of[0].parts_n - 1] == 3); // x is missing in all
}

static void records_that_are_not_ours_are_not_counted(void **state)
{
    static const char *const bad[] = {"null",   "[]",      "[1]",       "[1,1,1]",    "[-1,0]",
                                      "[0,99]", "[0,1e9]", "{\"a\":1}", "[4000000,0]"};
    double now[2 * TDL_DRIFT_PARTS_MAX] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *wrapped, *parts;
        tdl_buf text = {0};

        tdl_buf_printf(&text, "{\"parts\":%s}", bad[i]);
        wrapped = parse(text.at);
        parts = json_object_get(wrapped, "parts");
        if (tdl_column_drift_count(&drift, parts, now))
            fail_msg("%s was counted", bad[i]);
        json_decref(wrapped);
        tdl_buf_release(&text);
    }
    for (size_t i = 0; i < 2 * TDL_DRIFT_PARTS_MAX; i++)
        assert_true(now[i] == 0);
}

static void a_damaged_schema_is_refused(void **state)
{
    static const char *const bad[] = {
        "{\"columns\":[{\"name\":\"a\",\"drift\":7}]}",
        "{\"columns\":[{\"name\":\"a\",\"drift\":{\"levels\":0,\"edges\":[1],\"counts\":[1,2]}}]}",
        "{\"columns\":[{\"name\":\"a\",\"drift\":{\"levels\":0,\"edges\":[2,1],\"counts\":"
        "[1,2,3,4]}}]}",
        "{\"columns\":[{\"name\":\"a\",\"levels\":[\"x\"],\"drift\":{\"levels\":2,\"edges\":[],"
        "\"counts\":[1,2,3,4]}}]}",
    };
    tdl_column_drift d = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *damaged = parse(bad[i]);

        assert_int_equal(tdl_column_drift_load(damaged, &d, NULL), TDL_E_CORRUPT);
        json_decref(damaged);
    }
    json_t *none = parse("{\"columns\":[{\"name\":\"a\"}]}");
    assert_int_equal(tdl_column_drift_load(none, &d, NULL), TDL_OK);
    assert_int_equal(d.followed, 0);
    tdl_column_drift_release(&d);
    json_decref(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_not_followed),
        cmocka_unit_test(the_index_is_that_of_the_shares),
        cmocka_unit_test(few_rows_raise_no_alarm),
        cmocka_unit_test(new_levels_and_missing_cells_are_counted_apart),
        cmocka_unit_test(records_that_are_not_ours_are_not_counted),
        cmocka_unit_test(a_damaged_schema_is_refused),
    };

    return cmocka_run_group_tests_name("predict/column_drift", tests, set_up, tear_down);
}
