/* The project's reference values of prediction and trust, read from the folder given. Without it
 * every test is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/classify.h"
#include "stats/regress.h"

static const char *folder;

/* The caller's; skips the test when the file is not there. */
static json_t *reference(const char *name)
{
    char path[4096];
    json_t *ret = NULL;

    if (folder) {
        snprintf(path, sizeof path, "%s/%s", folder, name);
        ret = json_load_file(path, JSON_DECODE_INT_AS_REAL, NULL); // keys pass 2^63
    }
    if (!ret) {
        print_message("SKIP: %s is not there\n", name);
        skip();
    }
    return ret;
}

static size_t numbers(const json_t *array, double *ret, size_t max)
{
    size_t n = json_array_size(array);

    assert_true(n <= max);
    for (size_t i = 0; i < n; i++)
        ret[i] = json_number_value(json_array_get(array, i));
    return n;
}

static void near(double got, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    assert_true(json_is_number(value));
    if (!(fabs(got - json_number_value(value)) < 1e-9))
        fail_msg("%s: %.12g instead of %.12g", key, got, json_number_value(value));
}

static void twenty_rows_of_two_classes(void **state)
{
    json_t *all = reference("predict/vectors.json");
    const json_t *own = json_object_get(all, "binary");
    double y[64], p[64];
    uint32_t order[64];
    size_t n;

    TDL_UNUSED(state);
    n = numbers(json_object_get(own, "y"), y, 64);
    assert_int_equal(numbers(json_object_get(own, "score"), p, 64), n);
    assert_int_equal(tdl_order_rows(p, 1, n, order, NULL), TDL_OK);
    near(tdl_auc(y, p, NULL, order, n), own, "auc");
    near(tdl_average_precision(y, p, NULL, order, n), own, "average_precision");
    near(tdl_log_loss(y, p, NULL, n), own, "logloss");
    near(tdl_brier(y, p, NULL, n), own, "brier");
    near(tdl_ece(y, p, NULL, n), own, "ece10");
    json_decref(all);
}

static void five_values(void **state)
{
    json_t *all = reference("predict/vectors.json");
    const json_t *own = json_object_get(all, "regression");
    double y[64], f[64];
    size_t n;

    TDL_UNUSED(state);
    n = numbers(json_object_get(own, "y"), y, 64);
    assert_int_equal(numbers(json_object_get(own, "pred"), f, 64), n);
    near(tdl_rmse(y, f, NULL, n), own, "rmse");
    near(tdl_mae(y, f, NULL, n), own, "mae");
    near(tdl_r2(y, f, NULL, n), own, "r2");
    near(tdl_pinball(y, f, 1, NULL, n, 0.1), own, "pinball_0_1");
    near(tdl_pinball(y, f, 1, NULL, n, 0.9), own, "pinball_0_9");
    json_decref(all);
}

static void a_series_of_twelve_and_its_forecast(void **state)
{
    json_t *all = reference("predict/vectors.json");
    const json_t *own = json_object_get(all, "forecast");
    double past[64], y[64], f[64], error;
    size_t past_n, n;

    TDL_UNUSED(state);
    past_n = numbers(json_object_get(own, "insample"), past, 64);
    n = numbers(json_object_get(own, "actual"), y, 64);
    assert_int_equal(numbers(json_object_get(own, "forecast"), f, 64), n);
    error =
        tdl_seasonal_error(past, past_n, (size_t)json_number_value(json_object_get(own, "season")));
    near(tdl_smape(y, f, n), own, "smape");
    near(tdl_mase(y, f, n, error), own, "mase");
    near(tdl_wape(y, f, n), own, "wape");
    json_decref(all);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_rows_of_two_classes),
        cmocka_unit_test(five_values),
        cmocka_unit_test(a_series_of_twelve_and_its_forecast),
    };

    folder = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests_name("stats/reference", tests, NULL, NULL);
}
