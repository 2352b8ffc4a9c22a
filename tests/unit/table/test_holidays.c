/* Holidays as a list of days: reading, looking up, and what a pipeline makes of a date. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "frames.h"
#include "table/holidays.h"
#include "table/prepare.h"

static tdl_status read_text(const char *text, tdl_holiday_table *ret, tdl_report *why)
{
    char path[] = "/tmp/tdl-holidays-XXXXXX.csv";
    int fd = mkstemps(path, 4);
    tdl_status st;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    st = tdl_holiday_table_read(path, ret, why);
    unlink(path);
    return st;
}

/* Days since 1970 as `date -d ... +%s` / 86400 gives them: 2024-12-25 is 20082, 2025-01-01 20089.
 */
static void a_csv_of_dates_and_names_is_read(void **state)
{
    tdl_holiday_table t = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    if (read_text("name,date\nNew Year,2025-01-01\nChristmas,2024-12-25\nFair,2024-12-25\n"
                  "Christmas,2024-12-25\n",
                  &t, &why))
        fail_msg("%s", why.message);
    assert_int_equal(t.n, 3); // the one that is there twice is there once
    assert_int_equal(t.names_n, 3);
    assert_true(tdl_holiday_table_has(&t, 20082));
    assert_true(tdl_holiday_table_is(&t, 20082, 1) && tdl_holiday_table_is(&t, 20082, 2));
    assert_false(tdl_holiday_table_is(&t, 20082, 0));
    assert_false(tdl_holiday_table_has(&t, 20083));
    static const int nearest[] = {4, 3, 2, 1, 0, -1, -2, -3, 3, 2, 1, 0, -1, -2, -3, 4};
    for (int i = 0; i < 16; i++)
        assert_int_equal(tdl_holiday_table_nearest(&t, 20078 + i), nearest[i]);
    tdl_holiday_table_release(&t);
    assert_int_equal(read_text("when\n20241225\n20250101\n", &t, &why), TDL_OK); // no names
    assert_int_equal(t.names_n, 1);
    assert_true(tdl_holiday_table_has(&t, 20082) && tdl_holiday_table_has(&t, 20089));
    tdl_holiday_table_release(&t);
}

static void what_is_no_table_of_holidays_is_refused_with_its_row(void **state)
{
    tdl_holiday_table t = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(read_text("date,name\n2024-12-25,a\nsoon,b\n", &t, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 2: 'soon' is no date such as"));
    assert_int_equal(read_text("date,name\n2024-12-25,a\n,b\n", &t, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 2: '' is no date"));
    assert_int_equal(read_text("date,name\n", &t, &why), TDL_E_INVALID);
    assert_int_equal(tdl_holiday_table_add(&t, INT64_MAX, TDL_STR("x"), &why), TDL_E_INVALID);
    assert_int_equal(t.n, 0);
}

static void a_saved_table_comes_back_and_a_damaged_one_does_not(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"days\":[],\"of\":[],\"names\":[]}",
        "{\"days\":[1],\"of\":[0],\"names\":[]}",
        "{\"days\":[1],\"of\":[1],\"names\":[\"a\"]}",
        "{\"days\":[1],\"of\":[-1],\"names\":[\"a\"]}",
        "{\"days\":[1.5],\"of\":[0],\"names\":[\"a\"]}",
        "{\"days\":[9000000000],\"of\":[0],\"names\":[\"a\"]}",
        "{\"days\":[2,1],\"of\":[0,0],\"names\":[\"a\"]}",
        "{\"days\":[1,1],\"of\":[0,0],\"names\":[\"a\"]}",
        "{\"days\":[1,2],\"of\":[0],\"names\":[\"a\"]}",
        "{\"days\":[1,2],\"of\":[0,1],\"names\":[\"a\",\"a\"]}",
        "{\"days\":[1],\"of\":[0],\"names\":[7]}",
        "{\"days\":[1],\"of\":[0],\"names\":[\"a\",\"b\"]}",
    };
    tdl_holiday_table t = {0}, again = {0}, copy = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (int64_t day = 0; day < 200; day++)
        assert_int_equal(tdl_holiday_table_add(&t, day * 37 % 200 - 100,
                                               day % 3 ? TDL_STR("a") : TDL_STR("b"), &why),
                         TDL_OK);
    json_t *saved = tdl_holiday_table_save(&t);
    assert_int_equal(tdl_holiday_table_load(saved, &again, &why), TDL_OK);
    assert_int_equal(tdl_holiday_table_copy(&t, &copy, &why), TDL_OK);
    assert_int_equal(again.n, 200);
    assert_memory_equal(again.at, t.at, t.n * sizeof *t.at);
    assert_memory_equal(copy.at, t.at, t.n * sizeof *t.at);
    assert_string_equal(again.name[1], t.name[1]);
    json_decref(saved);
    tdl_holiday_table_release(&t);
    tdl_holiday_table_release(&again);
    tdl_holiday_table_release(&copy);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *damaged = NULL;

        assert_int_equal(
            tdl_json_parse(tdl_str_of(bad[i]), TDL_JSON_REFUSE_DUPLICATES, &damaged, &why), TDL_OK);
        if (tdl_holiday_table_load(damaged, &again, &why) != TDL_E_CORRUPT)
            fail_msg("accepted: %s", bad[i]);
        json_decref(damaged);
    }
}

/* A week around Christmas 2024: by hand. */
static void a_date_tells_its_holidays_and_goes_on_telling_when_saved(void **state)
{
    static const char csv[] = "date,y\n2024-12-23,1\n2024-12-24,2\n2024-12-25,3\n"
                              "2024-12-26,4\n2024-12-31,5\n2025-01-01,6\n";
    static const float by_hand[][6] = {
        // a holiday, the day before, the day after, days to one, Christmas, New Year
        {0, 0, 0, 2, 0, 0},  {0, 1, 0, 1, 0, 0}, {1, 0, 0, 0, 1, 0},
        {0, 0, 1, -1, 0, 0}, {0, 1, 0, 1, 0, 0}, {1, 0, 0, 0, 0, 1},
    };
    static const char *const names[] = {"date: a holiday",
                                        "date: the day before a holiday",
                                        "date: the day after a holiday",
                                        "date: days to a holiday",
                                        "date: Christmas",
                                        "date: New Year"};
    const uint32_t row[] = {0, 1, 2, 3, 4, 5};
    const bool left_out[] = {false, true};
    tdl_holiday_table t = {0};
    tdl_prepare_options options = {.dates = true, .holidays = &t};
    tdl_prepare *prepare = NULL, *again = NULL;
    tdl_matrix m = {0}, served = {0};
    tdl_report why = {0};
    tdl_frame frame = test_frame(csv);

    TDL_UNUSED(state);
    assert_int_equal(read_text("date,name\n2024-12-25,Christmas\n2025-01-01,New Year\n", &t, &why),
                     TDL_OK);
    if (tdl_prepare_fit(&frame, left_out, row, 6, NULL, &options, 0, &prepare, &m, &why))
        fail_msg("%s", why.message);
    tdl_holiday_table_release(&t); // the pipeline has its own
    assert_true(m.cols > 6);
    size_t first = m.cols - 6;
    for (size_t k = 0; k < 6; k++) {
        assert_string_equal(m.feature[first + k].name, names[k]);
        for (size_t i = 0; i < 6; i++)
            assert_float_equal(m.x[i * m.cols + first + k], by_hand[i][k], 0);
    }
    json_t *saved = tdl_prepare_save(prepare);
    if (tdl_prepare_load(saved, &again, &why) ||
        tdl_prepare_apply(again, &frame, NULL, 6, &served, NULL, &why))
        fail_msg("%s", why.message);
    assert_memory_equal(served.x, m.x, 6 * m.cols * sizeof *m.x);
    tdl_prepare_free(again);
    // a number that asks for holidays where there are none, or for a name that there is not
    json_t *holidays = json_incref(json_object_get(saved, "holidays"));
    json_object_del(saved, "holidays");
    assert_int_equal(tdl_prepare_load(saved, &again, &why), TDL_E_CORRUPT);
    json_object_set_new(saved, "holidays", holidays);
    json_t *parts = json_object_get(saved, "parts");
    json_t *last = json_array_get(parts, json_array_size(parts) - 1);
    static const double parameters[] = {3, -1, 0.5, 1e300};
    for (size_t i = 0; i < 4; i++) {
        json_object_set_new(last, "parameter", json_real(parameters[i]));
        assert_int_equal(tdl_prepare_load(saved, &again, &why), TDL_E_CORRUPT);
    }
    json_decref(saved);
    tdl_matrix_release(&m);
    tdl_matrix_release(&served);
    tdl_prepare_free(prepare);
    tdl_frame_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_csv_of_dates_and_names_is_read),
        cmocka_unit_test(what_is_no_table_of_holidays_is_refused_with_its_row),
        cmocka_unit_test(a_saved_table_comes_back_and_a_damaged_one_does_not),
        cmocka_unit_test(a_date_tells_its_holidays_and_goes_on_telling_when_saved),
    };

    return cmocka_run_group_tests_name("table/holidays", tests, NULL, NULL);
}
