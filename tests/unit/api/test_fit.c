/* Training by the public API.
 *
 * The line through (1..5 -> 0..4) has the exact solution w = 1, b = -1: 5, 6, 7, 8, 9 for 6..10.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/report.h"
#include "treadle/nn.h"

static const float line_x[] = {1, 2, 3, 4, 5}, line_y[] = {0, 1, 2, 3, 4};
static const float xor_x[] = {0, 0, 0, 1, 1, 0, 1, 1};

static void assert_says(const tdl_report *why, const char *said)
{
    if (!strstr(why->message, said) && !strstr(why->hint, said))
        fail_msg("\"%s\" (%s) does not say \"%s\"", why->message, why->hint, said);
}

static tdl_model *new_model(size_t inputs, size_t hidden, size_t outputs)
{
    tdl_model *model = NULL;
    tdl_report why;

    assert_int_equal(tdl_model_new(inputs, &model, &why), TDL_OK);
    if (hidden)
        assert_int_equal(tdl_model_dense(model, hidden, "tanh", &why), TDL_OK);
    assert_int_equal(tdl_model_dense(model, outputs, "none", &why), TDL_OK);
    return model;
}

/* On one thread, unless the options say how many: a second has nothing to do here. */
static void fit(tdl_model *model, const float *x, const float *y, size_t rows,
                const tdl_fit_options *options, tdl_fit_result *ret)
{
    tdl_fit_options one = *options;
    tdl_report why = {0};

    one.threads = options->threads ? options->threads : 1;
    if (tdl_model_fit(model, x, y, rows, &one, ret, &why))
        fail_msg("%s", why.message);
}

static void the_line_predicts_5_to_9(void **state)
{
    const tdl_fit_options options = {
        .optimiser = "sgd", .rate = 0.08, .epochs = 5000, .batch = 5, .stop_loss = 1e-9};
    const float new_x[] = {6, 7, 8, 9, 10};
    tdl_model *model = new_model(1, 0, 1);
    tdl_fit_result result;
    tdl_report why;
    float y[5];

    TDL_UNUSED(state);
    fit(model, line_x, line_y, 5, &options, &result);
    assert_string_equal(result.stopped, "loss_threshold");
    assert_true(result.loss < 1e-9 && isnan(result.validation));
    assert_int_equal(tdl_model_predict(model, new_x, 5, y, &why), TDL_OK);
    for (int i = 0; i < 5; i++)
        assert_true(fabs((double)y[i] - (5 + i)) < 1e-3);
    tdl_model_free(model);
}

static void every_optimiser_finds_the_line(void **state)
{
    static const struct {
        const char *name;
        double rate;
    } optimisers[] = {{"sgd", 0.08},     {"momentum", 0.01}, {"nesterov", 0.01}, {"adagrad", 0.5},
                      {"rmsprop", 0.01}, {"adam", 0.1},      {"adamw", 0.1}};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof optimisers / sizeof *optimisers; i++) {
        const tdl_fit_options options = {
            .optimiser = optimisers[i].name, .rate = optimisers[i].rate, .epochs = 600};
        tdl_model *model = new_model(1, 0, 1);
        tdl_fit_result result;

        fit(model, line_x, line_y, 5, &options, &result);
        if (!(result.loss < 1e-3))
            fail_msg("%s: loss %g", optimisers[i].name, result.loss);
        tdl_model_free(model);
    }
}

static void every_schedule_finds_the_line(void **state)
{
    static const char *const schedules[] = {"constant", "step",   "exponential",
                                            "cosine",   "linear", "plateau"};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
        const tdl_fit_options options = {.schedule = schedules[i], .rate = 0.1, .epochs = 400};
        tdl_model *model = new_model(1, 0, 1);
        tdl_fit_result result;

        fit(model, line_x, line_y, 5, &options, &result);
        if (!(result.loss < 1e-3))
            fail_msg("%s: loss %g", schedules[i], result.loss);
        tdl_model_free(model);
    }
}

/* XOR, which no line separates: after training every answer is on its side. */
static void every_loss_learns_xor(void **state)
{
    static const struct {
        const char *name;
        float y[4];
        size_t outputs;
        float threshold;
    } losses[] = {{"mse", {0, 1, 1, 0}, 1, 0.5F},
                  {"huber", {0, 1, 1, 0}, 1, 0.5F},
                  {"hinge", {-1, 1, 1, -1}, 1, 0},
                  {"binary", {0, 1, 1, 0}, 1, 0},
                  {"classes", {0, 1, 1, 0}, 2, 0}};
    tdl_report why;

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        const tdl_fit_options options = {.loss = losses[i].name, .rate = 0.05, .epochs = 300};
        tdl_model *model = new_model(2, 8, losses[i].outputs);
        tdl_fit_result result;
        float y[8];

        fit(model, xor_x, losses[i].y, 4, &options, &result);
        assert_int_equal(tdl_model_predict(model, xor_x, 4, y, &why), TDL_OK);
        for (int r = 0; r < 4; r++) {
            float score = losses[i].outputs == 2 ? y[2 * r + 1] - y[2 * r] : y[r];
            if ((score > losses[i].threshold) != (r == 1 || r == 2))
                fail_msg("%s: row %d scores %g", losses[i].name, r, (double)score);
        }
        tdl_model_free(model);
    }
}

static void same_seed_same_bits_for_any_threads(void **state)
{
    float w[2][16];

    TDL_UNUSED(state);
    for (unsigned i = 0; i < 2; i++) {
        const tdl_fit_options options = {.seed = 5, .threads = 1 + i, .epochs = 20};
        tdl_model *model = new_model(2, 8, 1);
        tdl_report why;

        fit(model, xor_x, line_y, 4, &options, NULL);
        assert_int_equal(tdl_model_get(model, "dense.0.weight", w[i], 16, &why), TDL_OK);
        tdl_model_free(model);
    }
    assert_memory_equal(w[0], w[1], sizeof w[0]);
}

static bool stop_at_three(void *context, unsigned epoch, double loss)
{
    *(unsigned *)context = epoch;
    return isfinite(loss) && epoch < 3;
}

static void on_epoch_is_told_and_may_stop(void **state)
{
    unsigned told = 0;
    const tdl_fit_options options = {.on_epoch = stop_at_three, .context = &told};
    tdl_model *model = new_model(1, 0, 1);
    tdl_fit_result result;

    TDL_UNUSED(state);
    fit(model, line_x, line_y, 5, &options, &result);
    assert_int_equal(told, 3);
    assert_int_equal(result.epochs, 3);
    assert_string_equal(result.stopped, "stopped");
    tdl_model_free(model);
}

static void validation_is_measured_and_patience_stops(void **state)
{
    tdl_fit_options options = {.validation = 0.4, .epochs = 50, .rate = 0.1};
    tdl_model *model = new_model(1, 0, 1);
    tdl_fit_result result;

    TDL_UNUSED(state);
    fit(model, line_x, line_y, 5, &options, &result);
    assert_string_equal(result.stopped, "epochs");
    assert_true(isfinite(result.validation));
    options = (tdl_fit_options){
        .validation = 0.4, .patience = 50, .epochs = 100000, .rate = 0.1, .keep_weights = true};
    fit(model, line_x, line_y, 5, &options, &result);
    assert_string_equal(result.stopped, "patience");
    assert_true(result.validation < 1e-3);
    tdl_model_free(model);
}

/* ---- what is refused ---- */

static void assert_refused(const tdl_fit_options *options, const float *x, const float *y,
                           const char *said)
{
    tdl_model *model = new_model(1, 0, 1);
    tdl_report why = {0};

    assert_int_equal(tdl_model_fit(model, x, y, 5, options, NULL, &why), TDL_E_INVALID);
    assert_says(&why, said);
    tdl_model_free(model);
}

static void unknown_names_are_refused_with_what_there_is(void **state)
{
    TDL_UNUSED(state);
    assert_refused(&(tdl_fit_options){.loss = "mae"}, line_x, line_y,
                   "there are mse, huber, hinge, binary and classes");
    assert_refused(&(tdl_fit_options){.optimiser = "lion"}, line_x, line_y, "nesterov");
    assert_refused(&(tdl_fit_options){.schedule = "cosinus"}, line_x, line_y, "cosine");
}

static void options_out_of_range_are_refused(void **state)
{
    TDL_UNUSED(state);
    assert_refused(&(tdl_fit_options){.rate = -1}, line_x, line_y, "rate");
    assert_refused(&(tdl_fit_options){.rate = NAN}, line_x, line_y, "rate");
    assert_refused(&(tdl_fit_options){.validation = NAN}, line_x, line_y, "validation");
    assert_refused(&(tdl_fit_options){.validation = -0.5}, line_x, line_y, "validation");
    assert_refused(&(tdl_fit_options){.validation = 1}, line_x, line_y, "validation");
    assert_refused(&(tdl_fit_options){.patience = 2}, line_x, line_y, "validation = 0.1");
    assert_refused(&(tdl_fit_options){.batch = SIZE_MAX}, line_x, line_y, "batches");
    assert_refused(&(tdl_fit_options){.l2 = -1}, line_x, line_y, "l2");
}

static void numbers_that_cannot_be_are_named_by_row_and_column(void **state)
{
    const float bad_x[] = {1, 2, NAN, 4, 5}, bad_y[] = {0, 1, 2, INFINITY, 4};

    TDL_UNUSED(state);
    assert_refused(NULL, bad_x, line_y, "row 2, column 0");
    assert_refused(NULL, line_x, bad_y, "row 3, column 0");
    assert_refused(&(tdl_fit_options){.loss = "hinge"}, line_x, line_y, "row 0, column 0: y 0");
    assert_refused(&(tdl_fit_options){.loss = "binary"}, line_x, line_y, "row 2, column 0: y 2");
    assert_refused(&(tdl_fit_options){.loss = "classes"}, line_x, line_y, "row 1, column 0: y 1");
}

static void a_run_that_diverges_says_so_and_leaves_finite_weights(void **state)
{
    const tdl_fit_options options = {.optimiser = "sgd", .rate = 1e6, .epochs = 200, .batch = 5};
    tdl_model *model = new_model(1, 0, 1);
    tdl_report why = {0};
    float w;

    TDL_UNUSED(state);
    assert_int_equal(tdl_model_fit(model, line_x, line_y, 5, &options, NULL, &why), TDL_E_INVALID);
    assert_says(&why, "smaller learning rate");
    assert_int_equal(tdl_model_get(model, "dense.0.weight", &w, 1, &why), TDL_OK);
    assert_true(isfinite(w));
    tdl_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_predicts_5_to_9),
        cmocka_unit_test(every_optimiser_finds_the_line),
        cmocka_unit_test(every_schedule_finds_the_line),
        cmocka_unit_test(every_loss_learns_xor),
        cmocka_unit_test(same_seed_same_bits_for_any_threads),
        cmocka_unit_test(on_epoch_is_told_and_may_stop),
        cmocka_unit_test(validation_is_measured_and_patience_stops),
        cmocka_unit_test(unknown_names_are_refused_with_what_there_is),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(numbers_that_cannot_be_are_named_by_row_and_column),
        cmocka_unit_test(a_run_that_diverges_says_so_and_leaves_finite_weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
