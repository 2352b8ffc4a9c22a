/* The public API as a stranger uses it: building, parameters, predicting, files.
 *
 * Expected: sigmoid(0.6) = 0.645656306225795 (arithmetic) for each output of the 2-2 sigmoid layer.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/report.h"
#include "treadle/nn.h"

#define PATH "api-model-test.safetensors"

static void assert_says(const tdl_report *why, const char *said)
{
    if (!strstr(why->message, said) && !strstr(why->hint, said))
        fail_msg("\"%s\" (%s) does not say \"%s\"", why->message, why->hint, said);
}

/* 2 -> 3 relu -> dropout -> 2 sigmoid */
static tdl_model *small_model(void)
{
    tdl_model *model = NULL;
    tdl_report why;

    assert_int_equal(tdl_model_new(2, &model, &why), TDL_OK);
    assert_int_equal(tdl_model_dense(model, 3, "relu", &why), TDL_OK);
    assert_int_equal(tdl_model_dropout(model, 0.5, &why), TDL_OK);
    assert_int_equal(tdl_model_dense(model, 2, "sigmoid", &why), TDL_OK);
    return model;
}

static void the_sigmoid_layer_gives_sigmoid_of_0_6_everywhere(void **state)
{
    const float x[] = {1, 0, 0, 1}, w[] = {0.5F, 0.5F, 0.5F, 0.5F}, b[] = {0.1F, 0.1F};
    float y[4];
    tdl_model *model = NULL;
    tdl_report why;

    TDL_UNUSED(state);
    assert_int_equal(tdl_model_new(2, &model, &why), TDL_OK);
    assert_int_equal(tdl_model_dense(model, 2, "sigmoid", &why), TDL_OK);
    assert_int_equal(tdl_model_set(model, "dense.0.weight", w, 4, &why), TDL_OK);
    assert_int_equal(tdl_model_set(model, "dense.0.bias", b, 2, &why), TDL_OK);
    assert_int_equal(tdl_model_predict(model, x, 2, y, &why), TDL_OK);
    for (int i = 0; i < 4; i++)
        assert_true(fabs((double)y[i] - 0.645656306225795) < 1e-7);
    tdl_model_free(model);
}

static void what_was_set_is_what_one_gets(void **state)
{
    const float b[] = {1, -2, 3};
    float got[3], filled[6];
    tdl_model *model = small_model();
    tdl_report why;

    TDL_UNUSED(state);
    assert_int_equal(tdl_model_set(model, "dense.0.bias", b, 3, &why), TDL_OK);
    assert_int_equal(tdl_model_get(model, "dense.0.bias", got, 3, &why), TDL_OK);
    assert_memory_equal(b, got, sizeof b);
    assert_int_equal(tdl_model_fill(model, "dense.1.weight", 0.25F, &why), TDL_OK);
    assert_int_equal(tdl_model_get(model, "dense.1.weight", filled, 6, &why), TDL_OK);
    for (int i = 0; i < 6; i++)
        assert_true(filled[i] == 0.25F); // exact: it was copied
    assert_int_equal(tdl_model_inputs(model), 2);
    assert_int_equal(tdl_model_outputs(model), 2);
    tdl_model_free(model);
}

static void wrong_names_and_counts_are_refused_with_what_there_is(void **state)
{
    float values[6] = {0};
    tdl_model *model = small_model();
    tdl_report why;

    TDL_UNUSED(state);
    assert_int_equal(tdl_model_set(model, "dense.2.weight", values, 6, &why), TDL_E_NOT_FOUND);
    assert_says(&why, "there is no parameter \"dense.2.weight\"");
    assert_says(&why, "dense.0.weight, dense.0.bias, dense.1.weight, dense.1.bias");
    assert_int_equal(tdl_model_set(model, "dense.0.weight", values, 5, &why), TDL_E_INVALID);
    assert_says(&why, "dense.0.weight has 2 x 3 numbers, not 5");
    assert_int_equal(tdl_model_get(model, "dense.0.weight", values, 0, &why), TDL_E_INVALID);
    values[1] = NAN;
    assert_int_equal(tdl_model_set(model, "dense.0.weight", values, 6, &why), TDL_E_INVALID);
    assert_says(&why, "number 1 is not finite");
    tdl_model_free(model);
}

static void layers_that_cannot_be_are_refused(void **state)
{
    tdl_model *model = NULL;
    tdl_report why;
    float y;

    TDL_UNUSED(state);
    assert_int_equal(tdl_model_new(0, &model, &why), TDL_E_INVALID);
    assert_null(model);
    assert_int_equal(tdl_model_new(1, &model, &why), TDL_OK);
    assert_int_equal(tdl_model_predict(model, &(float){1}, 1, &y, &why), TDL_E_INVALID);
    assert_says(&why, "tdl_model_dense");
    assert_int_equal(tdl_model_dense(model, 0, "relu", &why), TDL_E_INVALID);
    assert_int_equal(tdl_model_dense(model, 2, "rleu", &why), TDL_E_INVALID);
    assert_says(&why, "there is no activation \"rleu\"");
    assert_says(&why, "leaky_relu");
    assert_int_equal(tdl_model_dropout(model, 1, &why), TDL_E_INVALID);
    assert_int_equal(tdl_model_dropout(model, NAN, &why), TDL_E_INVALID);
    assert_int_equal(tdl_model_dense(model, 1, "none", &why), TDL_OK);
    assert_int_equal(tdl_model_predict(model, &(float){1}, 1, &y, &why), TDL_OK);
    assert_int_equal(tdl_model_dense(model, 1, "none", &why), TDL_E_INVALID);
    assert_says(&why, "after the model was used");
    tdl_model_free(model);
}

static void a_row_that_is_no_number_is_named_wherever_it_stands(void **state)
{
    enum { ROWS = 1500 };
    static float x[2 * ROWS], y[2 * ROWS];
    tdl_model *model = small_model();
    tdl_report why;

    TDL_UNUSED(state);
    x[2 * 1400 + 1] = NAN;
    assert_int_equal(tdl_model_predict(model, x, ROWS, y, &why), TDL_E_INVALID);
    assert_says(&why, "row 1400, column 1");
    tdl_model_free(model);
}

static void many_rows_give_what_each_gives_alone(void **state)
{
    enum { ROWS = 1030 };
    static float x[2 * ROWS], y[2 * ROWS];
    float alone[2];
    tdl_model *model = small_model();
    tdl_report why;

    TDL_UNUSED(state);
    for (int i = 0; i < 2 * ROWS; i++)
        x[i] = (float)(i % 17) / 8 - 1;
    assert_int_equal(tdl_model_predict(model, x, ROWS, y, &why), TDL_OK);
    for (size_t r = 0; r < ROWS; r += 103) {
        assert_int_equal(tdl_model_predict(model, x + 2 * r, 1, alone, &why), TDL_OK);
        assert_memory_equal(alone, y + 2 * r, sizeof alone);
    }
    tdl_model_free(model);
}

/* ---- files ---- */

static void a_saved_model_comes_back_to_the_bit(void **state)
{
    const float x[] = {0.3F, -0.7F, 2, 1};
    float y[4], again[4];
    tdl_model *model = small_model(), *loaded = NULL;
    tdl_report why;

    TDL_UNUSED(state);
    assert_int_equal(tdl_model_save(model, PATH, &why), TDL_OK);
    assert_int_equal(tdl_model_load(PATH, &loaded, &why), TDL_OK);
    assert_int_equal(tdl_model_predict(model, x, 2, y, &why), TDL_OK);
    assert_int_equal(tdl_model_predict(loaded, x, 2, again, &why), TDL_OK);
    assert_memory_equal(y, again, sizeof y);
    tdl_model_free(model);
    tdl_model_free(loaded);
    unlink(PATH);
}

/* The saved file with `from` replaced by `to`, which is as long. */
static void forge(const char *from, const char *to)
{
    tdl_buf bytes = {0};
    tdl_report why;
    char *at;

    assert_int_equal(strlen(from), strlen(to));
    assert_int_equal(tdl_file_read(PATH, 1 << 20, &bytes, &why), TDL_OK);
    at = memmem(bytes.at, bytes.len, from, strlen(from));
    assert_non_null(at);
    memcpy(at, to, strlen(to));
    assert_int_equal(tdl_file_write(PATH, tdl_buf_view(&bytes), &why), TDL_OK);
    tdl_buf_release(&bytes);
}

static void forged_and_damaged_files_are_refused(void **state)
{
    static const struct {
        const char *from, *to;
    } forgeries[] = {
        {"treadle-model-1", "treadle-model-9"},   {"\\\"outputs\\\":3", "\\\"outputs\\\":9"},
        {"\\\"inputs\\\":2", "\\\"inputs\\\":0"}, {"\\\"inputs\\\":2", "\\\"inputs\\\":["},
        {"\\\"relu\\\"", "\\\"rulu\\\""},         {"\\\"dropout\\\":0.5", "\\\"dropout\\\":5.0"},
        {"\"dense.1.bias\"", "\"dense.1.bios\""},
    };
    tdl_report why;

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
        tdl_model *model = small_model(), *loaded = NULL;

        assert_int_equal(tdl_model_save(model, PATH, &why), TDL_OK);
        forge(forgeries[i].from, forgeries[i].to);
        assert_int_not_equal(tdl_model_load(PATH, &loaded, &why), TDL_OK);
        assert_null(loaded);
        assert_says(&why, PATH);
        tdl_model_free(model);
    }
    assert_int_equal(truncate(PATH, 100), 0);
    tdl_model *loaded = NULL;
    assert_int_not_equal(tdl_model_load(PATH, &loaded, &why), TDL_OK);
    unlink(PATH);
    assert_int_equal(tdl_model_load(PATH, &loaded, &why), TDL_E_NOT_FOUND);
    assert_null(loaded);
}

/* That other programs read the file is tested by tests/e2e/onnx. */
static void a_model_goes_out_as_onnx(void **state)
{
    tdl_model *model = small_model(), *empty = NULL;
    tdl_buf bytes = {0};
    tdl_report why;

    TDL_UNUSED(state);
    assert_int_equal(tdl_model_export_onnx(model, PATH, &why), TDL_OK);
    assert_int_equal(tdl_file_read(PATH, 1 << 20, &bytes, &why), TDL_OK);
    assert_non_null(memmem(bytes.at, bytes.len, "Sigmoid", 7));
    assert_null(memmem(bytes.at, bytes.len, "Dropout", 7));
    tdl_buf_release(&bytes);
    unlink(PATH);
    assert_int_equal(tdl_model_export_onnx(model, "no/such/folder/m.onnx", &why), TDL_E_NOT_FOUND);
    assert_int_equal(tdl_model_new(2, &empty, &why), TDL_OK);
    assert_int_equal(tdl_model_export_onnx(empty, PATH, &why), TDL_E_INVALID);
    tdl_model_free(empty);
    tdl_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sigmoid_layer_gives_sigmoid_of_0_6_everywhere),
        cmocka_unit_test(what_was_set_is_what_one_gets),
        cmocka_unit_test(wrong_names_and_counts_are_refused_with_what_there_is),
        cmocka_unit_test(layers_that_cannot_be_are_refused),
        cmocka_unit_test(a_row_that_is_no_number_is_named_wherever_it_stands),
        cmocka_unit_test(many_rows_give_what_each_gives_alone),
        cmocka_unit_test(a_saved_model_comes_back_to_the_bit),
        cmocka_unit_test(forged_and_damaged_files_are_refused),
        cmocka_unit_test(a_model_goes_out_as_onnx),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
