/* Predictors: answers, and the file that holds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "made_table.h"

enum { ROWS = 300 };

static void temporary(char *ret)
{
    strcpy(ret, "/tmp/treadle-predictor-XXXXXX");
    int fd = mkstemp(ret);

    assert_true(fd >= 0);
    close(fd);
}

static tdl_str bytes_of(const tdl_predictor *p, tdl_buf *ret)
{
    char path[40];
    tdl_report why;

    temporary(path);
    if (tdl_predictor_save(p, path, &why) || tdl_file_read(path, (size_t)1 << 26, ret, &why))
        fail_msg("%s", why.message);
    unlink(path);
    return tdl_buf_view(ret);
}

static tdl_status read_bytes(tdl_str bytes, tdl_predictor **ret, tdl_report *why)
{
    tdl_st_file *file = NULL;
    tdl_status st = tdl_st_parse(bytes, &file, why);

    if (!st)
        st = tdl_predictor_read(file, ret, why);
    tdl_st_free(file);
    return st;
}

static void same_after_loading(const char *columns, const char *target, const char *models,
                               const char *task)
{
    tdl_frame frame = made_frame(ROWS, columns);
    const tdl_predict_options options = {.folds = 3, .target.task = task};
    tdl_predictor *p = made_predictor(&frame, target, models, &options), *again = NULL;
    tdl_buf bytes = {0}, twice = {0};
    tdl_report why;

    if (read_bytes(bytes_of(p, &bytes), &again, &why))
        fail_msg("%s", why.message);
    double *a = made_answers(p, &frame, NULL), *b = made_answers(again, &frame, NULL);
    assert_int_equal(p->scores_n, again->scores_n);
    assert_memory_equal(a, b, ROWS * p->scores_n * sizeof *a);
    for (size_t i = 0; i < ROWS * p->scores_n; i++)
        assert_true(isfinite(a[i]));
    assert_string_equal(p->name, again->name);
    assert_true(json_equal(p->card, again->card) && json_equal(p->schema, again->schema));
    assert_true(p->threshold == again->threshold && p->residuals_n == again->residuals_n);
    bytes_of(again, &twice);
    assert_int_equal(bytes.len, twice.len);
    assert_memory_equal(bytes.at, twice.at, bytes.len);
    free(a);
    free(b);
    tdl_buf_release(&bytes);
    tdl_buf_release(&twice);
    tdl_predictor_free(p);
    tdl_predictor_free(again);
    tdl_frame_release(&frame);
}

static void a_saved_predictor_answers_with_the_same_bits(void **state)
{
    (void)state;
    same_after_loading("xzcy", "y", "logistic", NULL);
    same_after_loading("xzcy", "y", "logistic,tree,nearest,naive_bayes,additive", NULL);
    same_after_loading("xzcv", "v", "linear,tree,lasso,nearest", NULL);
    same_after_loading("xzck", "k", "logistic,tree,naive_bayes", NULL);
    same_after_loading("xzck", "k", "tree,naive_bayes", "ordinal");
    same_after_loading("xzgv", "v", "trees", NULL);
    same_after_loading("xzcv", "v", "linear,spline", "quantile");
}

static void answers_depend_on_no_batch_and_no_thread(void **state)
{
    tdl_frame frame = made_frame(ROWS * 5, "xzcy"), one;
    tdl_predictor *p = made_predictor(&frame, "y", "logistic,tree,nearest", NULL);
    tdl_pool *pool = tdl_pool_new(2);
    double *all = made_answers(p, &frame, NULL), *two = made_answers(p, &frame, pool), *single;

    (void)state;
    assert_memory_equal(all, two, frame.rows * sizeof *all);
    for (uint32_t r = 0; r < frame.rows; r += 37) {
        assert_int_equal(tdl_frame_take(&frame, &r, 1, &one, NULL), TDL_OK);
        single = made_answers(p, &one, NULL);
        assert_true(single[0] == all[r]);
        free(single);
        tdl_frame_release(&one);
    }
    free(all);
    free(two);
    tdl_pool_free(pool);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

static void columns_are_found_by_name_and_their_absence_is_a_gap(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzcy"), other = made_frame(ROWS, "czyx");
    tdl_frame fewer = made_frame(ROWS, "xc"), none = {0};
    tdl_predictor *p = made_predictor(&frame, "y", "logistic", NULL);
    double *a = made_answers(p, &frame, NULL), *b = made_answers(p, &other, NULL), c[ROWS];
    tdl_prepare_warning warning[8] = {0};
    size_t missing = 0;

    (void)state;
    assert_memory_equal(a, b, ROWS * sizeof *a);
    assert_int_equal(tdl_predictor_predict(p, &fewer, NULL, c, warning, NULL), TDL_OK);
    for (size_t i = 0; i < p->columns_n; i++)
        if (!strcmp(p->column[i], "z"))
            missing = warning[i].missing;
    assert_int_equal(missing, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        assert_true(c[i] >= 0 && c[i] <= 1);
    assert_int_equal(tdl_predictor_predict(p, &none, NULL, c, NULL, NULL), TDL_OK);
    free(a);
    free(b);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
    tdl_frame_release(&other);
    tdl_frame_release(&fewer);
}

/* ---- hostile files ---- */

static void a_file_that_was_cut_is_refused(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzcy");
    tdl_predictor *p = made_predictor(&frame, "y", "logistic,tree", NULL), *again = NULL;
    tdl_buf bytes = {0};
    tdl_str all = bytes_of(p, &bytes);

    (void)state;
    for (size_t n = 0; n < all.len; n += n < 64 ? 1 : 211) {
        tdl_report why = {0};
        char *copy = malloc(n + 1); // of its own size, so that a read behind it is seen

        memcpy(copy, all.at, n);
        assert_true(read_bytes((tdl_str){copy, n}, &again, &why) != TDL_OK);
        assert_true(why.message[0]);
        free(copy);
    }
    tdl_buf_release(&bytes);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

static void a_flipped_bit_is_refused_or_does_no_harm(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzcy");
    tdl_predictor *p = made_predictor(&frame, "y", "logistic,tree,nearest", NULL);
    tdl_buf bytes = {0};
    tdl_str all = bytes_of(p, &bytes);
    double answer[ROWS];
    size_t refused = 0;

    (void)state;
    for (size_t i = 0; i < 1500; i++) {
        tdl_predictor *again = NULL;
        tdl_report why = {0};
        size_t at = (size_t)(made_u(20, i) * (double)all.len);
        char was = bytes.at[at];

        bytes.at[at] ^= (char)(1 << (i % 8));
        if (read_bytes(all, &again, &why)) {
            assert_true(why.message[0]);
            refused++;
        } else if (tdl_predictor_predict(again, &frame, NULL, answer, NULL, &why)) {
            assert_true(why.message[0]);
        }
        tdl_predictor_free(again);
        bytes.at[at] = was;
    }
    assert_true(refused > 0);
    tdl_buf_release(&bytes);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

/* Same length, so that offsets stay right; the JSON stands in the metadata as escaped text. */
static void what_the_file_says_of_itself_is_checked(void **state)
{
    static const struct {
        const char *was, *is;
    } cases[] = {
        {"\\\"format\\\":1", "\\\"format\\\":9"},
        {"\\\"task\\\":\\\"binary\\\"", "\\\"task\\\":\\\"ranked\\\""},
        {"\\\"classes\\\":[\\\"no\\\",\\\"yes\\\"]", "\\\"classes\\\":[\\\"no\\\",1234567]"},
        {"\\\"classes\\\":[\\\"no\\\",\\\"yes\\\"]", "\\\"classes\\\":[\\\"no\\\"        ]"},
        {"\\\"scores\\\":1", "\\\"scores\\\":0"},
        {"\\\"scores\\\":1", "\\\"scores\\\":7"},
        {"\\\"members\\\":[", "\\\"mombers\\\":["},
        {"\\\"target\\\":{", "\\\"torget\\\":{"},
        {"\\\"calibration\\\":{", "\\\"calibrotion\\\":{"},
        {"\\\"schema\\\":{", "\\\"schoma\\\":{"},
        {"\\\"card\\\":{", "\\\"cord\\\":{"},
        {"\\\"prepare\\\":{", "\\\"propare\\\":{"},
        {"\\\"learner\\\":\\\"logistic\\\"", "\\\"learner\\\":\\\"loqistic\\\""},
        {"\\\"weight\\\":", "\\\"woight\\\":"},
        {"treadle.predictor", "treadle.predictar"},
    };
    tdl_frame frame = made_frame(ROWS, "xzcy");
    tdl_predictor *p =
        made_predictor(&frame, "y", "logistic", &(tdl_predict_options){.no_blend = true});
    tdl_buf bytes = {0};
    tdl_str all = bytes_of(p, &bytes);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdl_predictor *again = NULL;
        tdl_report why = {0};
        size_t n = strlen(cases[i].was), found = 0;
        char *copy = malloc(all.len);

        memcpy(copy, all.at, all.len);
        assert_int_equal(n, strlen(cases[i].is));
        for (size_t at = 0; at + n <= all.len; at++)
            if (!memcmp(copy + at, cases[i].was, n)) {
                memcpy(copy + at, cases[i].is, n);
                found++;
            }
        if (!found)
            fail_msg("no %s in the file", cases[i].was);
        if (read_bytes((tdl_str){copy, all.len}, &again, &why) != TDL_E_CORRUPT)
            fail_msg("%s was taken", cases[i].is);
        assert_true(why.message[0]);
        free(copy);
    }
    tdl_buf_release(&bytes);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

static void a_file_that_is_no_model_names_itself_once(void **state)
{
    char path[40];
    tdl_predictor *p = NULL;
    tdl_report why = {0};

    (void)state;
    temporary(path);
    assert_int_equal(tdl_file_write(path, TDL_STR("no model at all, only text"), NULL), TDL_OK);
    assert_true(tdl_predictor_load(path, &p, &why) != TDL_OK);
    assert_int_equal(strncmp(why.message, path, strlen(path)), 0);
    assert_null(strstr(why.message + 1, path));
    unlink(path);
    assert_true(tdl_predictor_load(path, &p, &why) != TDL_OK);
}

/* ---- intervals ---- */

/* Sheet predict.md 3.5: the ceil((n + 1) level)-th smallest; beyond n the interval is infinite. */
static void half_widths_are_those_of_split_conformal(void **state)
{
    double residual[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const tdl_predictor p = {.residual = residual, .residuals_n = 9}, none = {0};

    (void)state;
    assert_true(tdl_predictor_half_width(&p, 0.9) == 9);
    assert_true(tdl_predictor_half_width(&p, 0.5) == 5);
    assert_true(tdl_predictor_half_width(&p, 0.51) == 6);
    assert_true(isinf(tdl_predictor_half_width(&p, 0.95)));
    assert_true(isinf(tdl_predictor_half_width(&none, 0.5)));
}

static void class_sets_hold_the_likeliest_first(void **state)
{
    const tdl_predictor three = {.target = {.task = TDL_TASK_CLASSES, .classes_n = 3},
                                 .scores_n = 3};
    const tdl_predictor two = {
        .target = {.task = TDL_TASK_BINARY, .classes_n = 2}, .scores_n = 1, .threshold = 0.3};
    const double p[] = {0.2, 0.5, 0.3}, yes[] = {0.4};
    size_t set[3];

    (void)state;
    assert_int_equal(tdl_predictor_class_set(&three, p, 0.5, set), 1);
    assert_int_equal(tdl_predictor_class_set(&three, p, 0.7, set), 2);
    assert_true(set[0] == 1 && set[1] == 2);
    assert_int_equal(tdl_predictor_class_set(&three, p, 0.99, set), 3);
    assert_int_equal(tdl_predictor_class(&three, p), 1);
    assert_int_equal(tdl_predictor_class_set(&two, yes, 0.5, set), 1);
    assert_int_equal(set[0], 0);
    assert_int_equal(tdl_predictor_class_set(&two, yes, 0.9, set), 2);
    assert_int_equal(tdl_predictor_class(&two, yes), 1); // by the threshold, not by the half
}

/* Exchangeable rows: about as many truths lie inside as were asked for. 1,000 rows unseen, level
 * .9: standard error .0095, and as much again of the residuals. */
static void intervals_hold_what_they_promise(void **state)
{
    tdl_frame all = made_frame(2000, "xzcv"), train, test;
    uint32_t *row = made_rows(2000);
    size_t held = 0;

    (void)state;
    assert_int_equal(tdl_frame_take(&all, row, 1000, &train, NULL), TDL_OK);
    assert_int_equal(tdl_frame_take(&all, row + 1000, 1000, &test, NULL), TDL_OK);
    tdl_predictor *p = made_predictor(&train, "v", "linear", NULL);
    double *answer = made_answers(p, &test, NULL), half = tdl_predictor_half_width(p, 0.9);
    for (size_t i = 0; i < 1000; i++)
        held += fabs(test.column[3].number[i] - answer[i]) <= half;
    assert_in_range(held, 860, 940);
    free(answer);
    free(row);
    tdl_predictor_free(p);
    tdl_frame_release(&all);
    tdl_frame_release(&train);
    tdl_frame_release(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_predictor_answers_with_the_same_bits),
        cmocka_unit_test(answers_depend_on_no_batch_and_no_thread),
        cmocka_unit_test(columns_are_found_by_name_and_their_absence_is_a_gap),
        cmocka_unit_test(a_file_that_was_cut_is_refused),
        cmocka_unit_test(a_flipped_bit_is_refused_or_does_no_harm),
        cmocka_unit_test(what_the_file_says_of_itself_is_checked),
        cmocka_unit_test(a_file_that_is_no_model_names_itself_once),
        cmocka_unit_test(half_widths_are_those_of_split_conformal),
        cmocka_unit_test(class_sets_hold_the_likeliest_first),
        cmocka_unit_test(intervals_hold_what_they_promise),
    };
    return cmocka_run_group_tests_name("predict/predictor", tests, NULL, NULL);
}
