#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "stats/drift.h"

enum { ROWS = 5000 };

static double index_of(const tdl_drift *d, const double *value, size_t n)
{
    double now[TDL_DRIFT_PARTS_MAX] = {0};

    for (size_t i = 0; i < n; i++)
        now[tdl_drift_part_of_number(d, value[i])]++;
    return tdl_drift_index(d, now);
}

/* 0 .. 999 has deciles at 99.9, 199.9, ...: 100 a part. Halves of .25 and .75 of rows by hand:
 * 5 parts of .05 and 5 of .15 against .1 are 5 (.05 log 2 + .05 log 1.5) = .27465307. */
static void the_index_is_what_a_hand_computes(void **state)
{
    double value[1000], now[12] = {0};
    tdl_drift d;

    TDL_UNUSED(state);
    for (size_t i = 0; i < 1000; i++)
        value[i] = (double)i;
    assert_int_equal(tdl_drift_of_numbers(value, 1000, &d, NULL), TDL_OK);
    assert_int_equal(d.parts_n, 11);
    for (size_t k = 0; k < 10; k++) {
        assert_true(d.count[k] == 100);
        now[k] = k < 5 ? 10 : 30;
    }
    assert_true(index_of(&d, value, 1000) == 0);
    assert_true(fabs(tdl_drift_index(&d, now) - 5 * (0.05 * log(2) + 0.05 * log(1.5))) < 1e-12);
    assert_true(isnan(tdl_drift_index(&d, (double[12]){0})));
    tdl_drift_release(&d);
}

/* Of the same normal about (parts - 1) (1 / n + 1 / m) is expected (chi squared); of one shifted by
 * a standard deviation about 1, which is its divergence. */
static void noise_is_calm_and_a_shift_is_an_alarm(void **state)
{
    double *value = calloc(ROWS, sizeof *value);
    tdl_rng rng = tdl_rng_make(3, 0);
    double calm, shifted, gone;
    tdl_drift d;

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++)
        value[i] = tdl_rng_normal(&rng);
    assert_int_equal(tdl_drift_of_numbers(value, ROWS, &d, NULL), TDL_OK);
    for (size_t i = 0; i < ROWS; i++)
        value[i] = tdl_rng_normal(&rng);
    calm = index_of(&d, value, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        value[i] += 1;
    shifted = index_of(&d, value, ROWS);
    for (size_t i = 0; i < ROWS / 2; i++)
        value[i] = NAN;
    gone = index_of(&d, value, ROWS);
    assert_true(calm > 0 && calm < 0.01);
    assert_true(shifted > 0.8 && shifted < 1);
    assert_true(gone > shifted); /* missing is a part of its own */
    tdl_drift_release(&d);
    free(value);
}

static void a_constant_column_and_an_empty_one_have_parts(void **state)
{
    static const double same[] = {2, 2, 2}, none[] = {NAN, NAN}, ends[] = {-INFINITY, 0, INFINITY};
    tdl_drift d;

    TDL_UNUSED(state);
    assert_int_equal(tdl_drift_of_numbers(same, 3, &d, NULL), TDL_OK);
    assert_int_equal(d.parts_n, 2);
    assert_true(index_of(&d, same, 3) == 0);
    tdl_drift_release(&d);
    assert_int_equal(tdl_drift_of_numbers(none, 2, &d, NULL), TDL_OK);
    assert_true(isfinite(index_of(&d, same, 3)) && index_of(&d, same, 3) > 0.2);
    tdl_drift_release(&d);
    assert_int_equal(tdl_drift_of_numbers(ends, 3, &d, NULL), TDL_OK);
    tdl_drift_release(&d);
    assert_int_equal(tdl_drift_of_numbers(NULL, 0, &d, NULL), TDL_E_INVALID);
}

static void levels_that_are_new_have_a_part(void **state)
{
    static const int32_t level[] = {0, 0, 1, 1, -1};
    double now[4] = {0};
    tdl_drift d;

    TDL_UNUSED(state);
    assert_int_equal(tdl_drift_of_levels(level, 5, 2, &d, NULL), TDL_OK);
    assert_int_equal(d.parts_n, 4);
    assert_int_equal(tdl_drift_part_of_level(&d, 7), 2);
    assert_int_equal(tdl_drift_part_of_level(&d, -1), 3);
    now[0] = 2;
    now[1] = 2;
    now[3] = 1;
    assert_true(tdl_drift_index(&d, now) == 0);
    now[2] = 5;
    assert_true(tdl_drift_index(&d, now) > 0.2);
    tdl_drift_release(&d);
    assert_int_equal(tdl_drift_of_levels(level, 5, 5000, &d, NULL), TDL_E_INVALID);
}

static void stored_parts_come_back_and_damaged_ones_do_not(void **state)
{
    static const char *const bad[] = {
        "null",
        "{\"levels\":0,\"edges\":[1,2],\"counts\":[1,2,3]}",
        "{\"levels\":0,\"edges\":[2,1],\"counts\":[1,2,3,4]}",
        "{\"levels\":0,\"edges\":[1,2],\"counts\":[1,2,3,-4]}",
        "{\"levels\":0,\"edges\":[1,\"2\"],\"counts\":[1,2,3,4]}",
        "{\"levels\":2,\"edges\":[1,2],\"counts\":[1,2,3,4]}",
        "{\"levels\":-2,\"edges\":[],\"counts\":[]}",
        "{\"levels\":1000000,\"edges\":[],\"counts\":[]}",
    };
    static const double value[] = {0.1, 0.7, 3, 8, 8, 9.5};
    tdl_drift d, back = {0};
    json_t *saved;

    TDL_UNUSED(state);
    assert_int_equal(tdl_drift_of_numbers(value, 6, &d, NULL), TDL_OK);
    saved = tdl_drift_save(&d);
    assert_int_equal(tdl_drift_load(saved, &back, NULL), TDL_OK);
    assert_int_equal(back.parts_n, d.parts_n);
    assert_memory_equal(back.edge, d.edge, d.edges_n * sizeof *d.edge);
    tdl_drift_release(&back);
    tdl_drift_release(&d);
    json_decref(saved);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(
            tdl_json_parse(tdl_str_of(bad[i]), TDL_JSON_REFUSE_DUPLICATES, &saved, NULL), TDL_OK);
        assert_int_equal(tdl_drift_load(saved, &back, NULL), TDL_E_CORRUPT);
        json_decref(saved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_is_what_a_hand_computes),
        cmocka_unit_test(noise_is_calm_and_a_shift_is_an_alarm),
        cmocka_unit_test(a_constant_column_and_an_empty_one_have_parts),
        cmocka_unit_test(levels_that_are_new_have_a_part),
        cmocka_unit_test(stored_parts_come_back_and_damaged_ones_do_not),
    };

    return cmocka_run_group_tests_name("stats/drift", tests, NULL, NULL);
}
