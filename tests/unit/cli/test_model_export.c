/* Models for other programs. What the ONNX files compute is tested by tests/e2e/onnx. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "../predict/loans.h"
#include "base/file.h"
#include "cli/model_export.h"

#define FILE_NAME "cli-model-export-test.onnx"
#define BESIDE    FILE_NAME ".features.json"

static tdl_predictor *make(const char *models)
{
    tdl_predict_options options = loans_options(models);
    tdl_frame frame;

    options.no_blend = true;
    loans_make(1500, 1, &frame);
    tdl_predictor *p = loans_fit(&frame, &options);
    tdl_frame_release(&frame);
    return p;
}

static void the_list_beside_the_file_names_its_inputs_in_order(void **state)
{
    tdl_predictor *p = make("logistic");
    tdl_buf text = {0};
    tdl_report why = {0};
    json_t *about = NULL;

    TDL_UNUSED(state);
    if (tdl_model_export_onnx(p, NULL, FILE_NAME, &why))
        fail_msg("%s", why.message);
    assert_int_equal(tdl_file_read(BESIDE, 1 << 20, &text, NULL), TDL_OK);
    assert_int_equal(
        tdl_json_parse(tdl_str_trim(tdl_buf_view(&text)), TDL_JSON_REFUSE_DUPLICATES, &about, NULL),
        TDL_OK);
    const json_t *x = json_object_get(about, "x");
    const tdl_matrix *row = &p->member[0].median;
    assert_int_equal(json_array_size(x), row->cols);
    for (size_t i = 0; i < row->cols; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(x, i), "name")),
                            row->feature[i].name);
    assert_string_equal(json_string_value(json_object_get(json_array_get(x, 0), "column")),
                        "income");
    assert_string_equal(json_string_value(json_object_get(about, "learner")), "logistic");
    assert_int_equal(json_array_size(json_object_get(about, "classes")), 2);
    assert_true(json_is_object(json_object_get(about, "calibration")));
    assert_true(json_is_number(json_object_get(about, "scale")));
    json_decref(about);
    tdl_buf_release(&text);
    tdl_predictor_free(p);
    assert_int_equal(unlink(FILE_NAME) | unlink(BESIDE), 0);
}

static void a_kind_without_such_a_file_and_an_unknown_member_are_refused_by_name(void **state)
{
    tdl_predictor *p = make("naive_bayes");
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_model_export_onnx(p, NULL, FILE_NAME, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "naive_bayes has no ONNX file"));
    assert_int_equal(tdl_model_export_onnx(p, "mlp", FILE_NAME, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "is made of naive_bayes"));
    assert_int_not_equal(access(FILE_NAME, F_OK), 0);
    tdl_predictor_free(p);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    tdl_predictor *p = make("logistic");

    TDL_UNUSED(state);
    assert_int_not_equal(tdl_model_export_onnx(p, NULL, "no-such-folder/" FILE_NAME, NULL), TDL_OK);
    tdl_predictor_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_beside_the_file_names_its_inputs_in_order),
        cmocka_unit_test(a_kind_without_such_a_file_and_an_unknown_member_are_refused_by_name),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
    };

    return cmocka_run_group_tests_name("cli/model_export", tests, NULL, NULL);
}
