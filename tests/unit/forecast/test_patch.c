/* The patch transformer. PatchTST/64 has .370 on ETTh1-96 (Nie et al. 2023, their repository); a
 * run of minutes is measured by hand, see docs/design/forecast.md: here it learns what must be
 * learnable in seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/patch.h"

enum { POINTS = 400, KNOWN = 320, WINDOW = 32, HORIZON = 8 };

static const tdl_patch_options small = {.window = WINDOW,
                                        .horizon = HORIZON,
                                        .d_model = 16,
                                        .layers = 1,
                                        .heads = 2,
                                        .d_ff = 32,
                                        .alone = true,
                                        .epochs = 12,
                                        .rate = 3e-3,
                                        .seed = 1};

static void wave(double *y)
{
    for (size_t t = 0; t < POINTS; t++)
        y[t] = 100 + 10 * sin(2 * 3.141592653589793 * (double)t / 16);
}

static tdl_patch *fitted(const double *y, const tdl_patch_options *options, double *ret_error)
{
    const double *series[] = {y};
    const size_t known[] = {KNOWN}, n[] = {POINTS};
    tdl_patch *m = NULL;
    tdl_report why = {0};

    if (tdl_patch_fit(series, known, n, 1, options, &m, ret_error, NULL, &why))
        fail_msg("%s", why.message);
    return m;
}

static void a_wave_is_learnt(void **state)
{
    double y[POINTS], f[HORIZON], error;
    tdl_patch *m;

    (void)state;
    wave(y);
    m = fitted(y, &small, &error);
    assert_true(error < .02); /* of a variance of 1 */
    assert_int_equal(tdl_patch_forecast(m, y + KNOWN - WINDOW, f, NULL), TDL_OK);
    for (size_t h = 0; h < HORIZON; h++)
        assert_true(fabs(f[h] - y[KNOWN + h]) < 4);
    tdl_patch_free(m);
}

static void with_no_training_to_speak_of_it_is_the_ridge(void **state)
{
    tdl_patch_options o = small;
    double y[POINTS], f[HORIZON], error;
    tdl_patch *m;

    (void)state;
    wave(y);
    o.alone = false;
    o.epochs = 1;
    o.rate = 1e-9;
    m = fitted(y, &o, &error);
    assert_true(error < 1e-3); /* a wave is linear in its past */
    assert_int_equal(tdl_patch_forecast(m, y + KNOWN - WINDOW, f, NULL), TDL_OK);
    for (size_t h = 0; h < HORIZON; h++)
        assert_true(fabs(f[h] - y[KNOWN + h]) < .5);
    tdl_patch_free(m);
}

static void the_same_bits_for_any_number_of_threads(void **state)
{
    tdl_patch_options o = small;
    double y[POINTS], one[HORIZON], two[HORIZON], error;
    tdl_patch *m;

    (void)state;
    wave(y);
    o.epochs = 1;
    m = fitted(y, &o, &error);
    assert_int_equal(tdl_patch_forecast(m, y, one, NULL), TDL_OK);
    tdl_patch_free(m);
    o.pool = tdl_pool_new(2);
    m = fitted(y, &o, &error);
    assert_int_equal(tdl_patch_forecast(m, y, two, NULL), TDL_OK);
    assert_memory_equal(one, two, sizeof one);
    tdl_patch_free(m);
    tdl_pool_free(o.pool);
}

/* Writes a model, changes a size, reads it: the status. */
static tdl_status read_back(const tdl_patch *m, const char *key, json_int_t value, tdl_patch **ret)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_buf about = {0}, bytes = {0};
    tdl_jw w = {.out = &about};
    tdl_st_file *file = NULL;
    json_t *sizes = NULL;
    tdl_status st;

    tdl_patch_save(m, writer, &w);
    assert_int_equal(tdl_st_encode(writer, &bytes, NULL), TDL_OK);
    assert_int_equal(tdl_st_parse(tdl_buf_view(&bytes), &file, NULL), TDL_OK);
    assert_int_equal(tdl_json_parse(tdl_buf_view(&about), TDL_JSON_REFUSE_DUPLICATES, &sizes, NULL),
                     TDL_OK);
    if (key)
        json_object_set_new(sizes, key, json_integer(value));
    st = tdl_patch_load(sizes, file, ret, NULL);
    json_decref(sizes);
    tdl_st_free(file);
    tdl_st_writer_free(writer);
    tdl_buf_release(&about);
    tdl_buf_release(&bytes);
    return st;
}

static void a_file_gives_back_the_same_bits(void **state)
{
    static const struct {
        const char *key;
        json_int_t value;
    } wrong[] = {{"window", 40},  {"window", 33}, {"heads", 3},   {"heads", 0},
                 {"d_model", 18}, {"layers", 31}, {"d_ff", 4096}, {"horizon", 4096},
                 {"horizon", -1}, {"layers", 2}};
    tdl_patch_options o = small;
    double y[POINTS], one[HORIZON], two[HORIZON], error;
    tdl_patch *m, *again = NULL;

    (void)state;
    wave(y);
    o.epochs = 1;
    o.alone = false;
    m = fitted(y, &o, &error);
    assert_int_equal(read_back(m, NULL, 0, &again), TDL_OK);
    assert_int_equal(tdl_patch_forecast(m, y, one, NULL), TDL_OK);
    assert_int_equal(tdl_patch_forecast(again, y, two, NULL), TDL_OK);
    assert_memory_equal(one, two, sizeof one);
    tdl_patch_free(again);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(read_back(m, wrong[i].key, wrong[i].value, &again), TDL_E_CORRUPT);
    tdl_patch_free(m);
}

static void series_without_room_for_a_window_are_refused(void **state)
{
    double y[POINTS] = {0}, error;
    const double *series[] = {y};
    const size_t known[] = {WINDOW + HORIZON - 1}, n[] = {WINDOW + HORIZON - 1};
    tdl_patch_options o = small;
    tdl_patch *m = NULL;

    (void)state;
    assert_int_equal(tdl_patch_fit(series, known, n, 1, &o, &m, &error, NULL, NULL), TDL_E_INVALID);
    o.window = 33;
    assert_int_equal(tdl_patch_fit(series, known, n, 1, &o, &m, &error, NULL, NULL), TDL_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wave_is_learnt),
        cmocka_unit_test(with_no_training_to_speak_of_it_is_the_ridge),
        cmocka_unit_test(the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(a_file_gives_back_the_same_bits),
        cmocka_unit_test(series_without_room_for_a_window_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
