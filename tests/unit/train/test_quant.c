/* Trials, and quantisation after training, on a network that a test can train. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clusters.h"
#include "nn/layers.h"
#include "train/quant.h"
#include "train/quant_file.h"

/* ---- trials ---- */

static tdl_trial trial_of(tdl_real *scores, size_t rows, size_t cols)
{
    return (tdl_trial){.scores = scores, .rows = rows, .cols = cols};
}

static double agreement(const tdl_trial *a, const tdl_trial *b, size_t k)
{
    double ret = -1;

    assert_int_equal(tdl_trial_agreement(a, b, k, &ret, NULL), TDL_OK);
    return ret;
}

static void agreement_is_the_share_of_the_highest_columns_in_common(void **state)
{
    tdl_real a[] = {4, 3, 2, 1, /**/ 1, 1, 1, 1}, b[] = {3, 4, 1, 2, /**/ 1, 2, 3, 4};
    const tdl_trial x = trial_of(a, 2, 4), y = trial_of(b, 2, 4);

    TDL_UNUSED(state);
    assert_true(agreement(&x, &x, 3) == 1);
    assert_true(agreement(&x, &y, 1) == 0);       // {0} {1}, and, of equal ones the first, {0} {3}
    assert_true(agreement(&x, &y, 2) == 0.5);     // {0 1} both, {0 1} against {2 3}
    assert_true(agreement(&x, &y, 3) == 4.0 / 6); // {0 1 2} {0 1 3}, {0 1 2} {1 2 3}
    assert_true(agreement(&x, &y, 9) == 1);
}

static void accuracy_counts_rows_whose_class_alone_is_highest(void **state)
{
    tdl_real scores[] = {1, 2, 3, /**/ 5, 5, 1, /**/ 9, 0, 0, /**/ 0, 1, 0};
    int32_t class[] = {2, 0, 0, 2};

    TDL_UNUSED(state);
    assert_true(tdl_trial_accuracy(class, scores, 4, 3) == 0.5);
}

static void a_trial_of_no_rows_or_of_a_value_that_cannot_be_read_is_refused(void **state)
{
    static clusters c;
    tdl_trial trial = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    clusters_open(&c, 8, 0);
    c.batch.rows = 0;
    assert_int_equal(tdl_trial_run(&c.model.net, &c.data, &trial, &why), TDL_E_INVALID);
    c.batch.rows = CLUSTERS_POINTS;
    c.data.scores = 0; // the input has no place of its own
    assert_int_equal(tdl_trial_run(&c.model.net, &c.data, &trial, &why), TDL_E_INVALID);
    c.data.scores = 99;
    assert_int_equal(tdl_trial_run(&c.model.net, &c.data, &trial, &why), TDL_E_INVALID);
    c.data.scores = c.model.scores;
    c.batch.rows++;
    assert_int_equal(tdl_trial_run(&c.model.net, &c.data, &trial, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "batch 0"));
    assert_null(trial.scores);
    clusters_close(&c);
}

/* ---- quantisation ---- */

static void a_trained_net_loses_bytes_but_no_tenth_of_its_accuracy(void **state)
{
    static clusters c;
    tdl_quant_report report;
    size_t last = SIZE_MAX;

    TDL_UNUSED(state);
    clusters_open(&c, 64, 0);
    clusters_train(&c);
    double accuracy = clusters_accuracy(&c);
    assert_true(accuracy > 0.9);
    for (int p = TDL_PRECISION_F32; p <= TDL_PRECISION_INT4; p++) {
        const tdl_quant_options options = {.precision = (tdl_precision)p, .max_metric_loss = 0.1};

        assert_int_equal(tdl_quantise(&c.model.net, &c.data, &options, &report, NULL), TDL_OK);
        assert_true(report.metric_before == accuracy);
        assert_true(report.metric_after == clusters_accuracy(&c)); // it stays as it was judged
        assert_true(fabs(report.metric_loss - (accuracy - report.metric_after) / accuracy) < 1e-15);
        assert_true(report.agreement > 0.9 && report.agreement <= 1);
        assert_true(p > TDL_PRECISION_F32 || (report.agreement == 1 && report.metric_loss == 0));
        assert_true(report.bytes_after < last);
        assert_true(report.seconds_before > 0 && report.seconds_after > 0);
        last = report.bytes_after;
    }
    clusters_close(&c);
}

/* Falls with every score that is not the one of the f32 net. */
static double likeness(void *context, const tdl_real *scores, size_t rows, size_t cols)
{
    const tdl_real *expected = context;
    double error = 0;

    for (size_t i = 0; i < rows * cols; i++)
        error += fabs((double)scores[i] - (double)expected[i]);
    return 100 - error;
}

static void a_net_that_loses_too_much_is_refused_and_stays_in_f32(void **state)
{
    static clusters c;
    const tdl_quant_options options = {.precision = TDL_PRECISION_INT4, .max_metric_loss = 1e-6};
    tdl_trial before, after;
    tdl_quant_report report = {.agreement = -1};
    tdl_report why = {0};

    TDL_UNUSED(state);
    clusters_open(&c, 32, 0);
    assert_int_equal(tdl_trial_run(&c.model.net, &c.data, &before, NULL), TDL_OK);
    c.data.metric = likeness;
    c.data.context = before.scores;
    assert_int_equal(tdl_quantise(&c.model.net, &c.data, &options, &report, &why), TDL_E_BAR);
    assert_non_null(strstr(why.message, "int4 takes the metric from 100 to "));
    assert_true(report.agreement == -1);
    assert_int_equal(tdl_trial_run(&c.model.net, &c.data, &after, NULL), TDL_OK);
    assert_true(after.metric == 100);
    tdl_trial_release(&before);
    tdl_trial_release(&after);
    clusters_close(&c);
}

static double no_number(void *context, const tdl_real *scores, size_t rows, size_t cols)
{
    TDL_UNUSED(context);
    TDL_UNUSED(scores);
    TDL_UNUSED(rows);
    TDL_UNUSED(cols);
    return NAN;
}

static void a_metric_that_is_no_number_and_a_bound_below_zero_are_refused(void **state)
{
    static clusters c;
    tdl_quant_options options = {.precision = TDL_PRECISION_INT8, .max_metric_loss = -0.1};
    tdl_quant_report report;

    TDL_UNUSED(state);
    clusters_open(&c, 8, 0);
    assert_int_equal(tdl_quantise(&c.model.net, &c.data, &options, &report, NULL), TDL_E_INVALID);
    options.max_metric_loss = INFINITY;
    c.data.metric = no_number;
    assert_int_equal(tdl_quantise(&c.model.net, &c.data, &options, &report, NULL), TDL_E_BAR);
    clusters_close(&c);
}

/* ---- files ---- */

enum { IN = 70, HIDDEN = 37, SCORES = 9, ROWS = 3 };

/* A linear, and scores of a table that is stored the other way round. */
typedef struct scorer {
    tdl_params params;
    tdl_net net;
    int scores;
} scorer;

static void open_scorer(scorer *s, uint64_t seed)
{
    const tdl_plan_options plan = {.rows = ROWS};

    *s = (scorer){.net = {.params = &s->params}};
    int w = tdl_params_add(&s->params, "w", IN, HIDDEN, true);
    int b = tdl_params_add(&s->params, "b", 1, HIDDEN, false);
    int table = tdl_params_add(&s->params, "table", SCORES, HIDDEN, true);
    int h = tdl_net_linear(&s->net, tdl_net_input(&s->net, IN), w, b, TDL_ACT_TANH);
    s->scores = tdl_net_dot_score(&s->net, h, table, TDL_NONE);
    assert_int_equal(tdl_params_seal(&s->params, NULL), TDL_OK);
    for (int k = 0; k < s->params.slices_n; k++)
        tdl_init_slice(&s->params, k, TDL_INIT_GAUSSIAN, 0.3, seed);
    assert_int_equal(tdl_net_plan(&s->net, &plan, NULL), TDL_OK);
}

static void close_scorer(scorer *s)
{
    tdl_net_release(&s->net);
    tdl_params_release(&s->params);
}

static void ask(scorer *s, tdl_precision precision, float ret[ROWS * SCORES])
{
    const tdl_run run = {0};
    float x[ROWS * IN];
    const tdl_nn_batch batch = {.rows = ROWS, .x = x};

    for (size_t i = 0; i < ROWS * IN; i++)
        x[i] = (float)cos((double)i);
    assert_int_equal(tdl_net_pack_as(&s->net, precision, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&s->net, &batch, &run, NULL), TDL_OK);
    memcpy(ret, tdl_net_value(&s->net, s->scores), ROWS * SCORES * sizeof *ret);
}

static void move_through_a_file(const scorer *from, scorer *to, tdl_precision precision)
{
    tdl_precision found = TDL_PRECISION_F32;
    tdl_st_file *file = NULL;
    tdl_buf bytes = {0};
    tdl_report why = {0};

    assert_int_equal(tdl_quant_encode(&from->net, precision, &bytes, NULL), TDL_OK);
    assert_true(bytes.len < (precision == TDL_PRECISION_INT8 ? 5000 : 3800));
    assert_int_equal(tdl_st_parse(tdl_buf_view(&bytes), &file, NULL), TDL_OK);
    if (tdl_quant_decode(file, &to->net, &found, &why))
        fail_msg("%s", why.message);
    assert_int_equal(found, precision);
    tdl_st_free(file);
    tdl_buf_release(&bytes);
}

static void a_model_that_was_saved_answers_with_the_bits_of_the_one_packed_here(void **state)
{
    float here[ROWS * SCORES], there[ROWS * SCORES];

    TDL_UNUSED(state);
    for (uint64_t seed = 1; seed <= 20; seed++)
        for (int p = TDL_PRECISION_INT8; p <= TDL_PRECISION_INT4; p++) {
            scorer saved, loaded;

            open_scorer(&saved, seed);
            open_scorer(&loaded, seed + 100);
            move_through_a_file(&saved, &loaded, (tdl_precision)p);
            ask(&saved, (tdl_precision)p, here);
            ask(&loaded, (tdl_precision)p, there);
            assert_memory_equal(here, there, sizeof here);
            close_scorer(&saved);
            close_scorer(&loaded);
        }
}

static void only_finite_weights_in_int8_or_int4_are_saved(void **state)
{
    tdl_buf bytes = {0};
    tdl_report why = {0};
    scorer s;

    TDL_UNUSED(state);
    open_scorer(&s, 1);
    assert_int_equal(tdl_quant_encode(&s.net, TDL_PRECISION_BF16, &bytes, &why), TDL_E_INVALID);
    tdl_params_value(&s.params, 2)[4] = NAN;
    assert_int_equal(tdl_quant_encode(&s.net, TDL_PRECISION_INT4, &bytes, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "table: value 4 is nan, expected a finite number");
    assert_int_equal(bytes.len, 0);
    close_scorer(&s);
}

static void a_file_of_other_shapes_is_refused_by_tensor(void **state)
{
    tdl_precision precision;
    tdl_st_file *file = NULL;
    tdl_buf bytes = {0};
    tdl_report why = {0};
    static clusters other;
    scorer s;

    TDL_UNUSED(state);
    open_scorer(&s, 1);
    clusters_open(&other, 8, 0);
    assert_int_equal(tdl_quant_encode(&s.net, TDL_PRECISION_INT8, &bytes, NULL), TDL_OK);
    assert_int_equal(tdl_st_parse(tdl_buf_view(&bytes), &file, NULL), TDL_OK);
    assert_int_equal(tdl_quant_decode(file, &other.model.net, &precision, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "w1"));
    tdl_st_free(file);
    tdl_buf_release(&bytes);
    clusters_close(&other);
    close_scorer(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agreement_is_the_share_of_the_highest_columns_in_common),
        cmocka_unit_test(accuracy_counts_rows_whose_class_alone_is_highest),
        cmocka_unit_test(a_trial_of_no_rows_or_of_a_value_that_cannot_be_read_is_refused),
        cmocka_unit_test(a_trained_net_loses_bytes_but_no_tenth_of_its_accuracy),
        cmocka_unit_test(a_net_that_loses_too_much_is_refused_and_stays_in_f32),
        cmocka_unit_test(a_metric_that_is_no_number_and_a_bound_below_zero_are_refused),
        cmocka_unit_test(a_model_that_was_saved_answers_with_the_bits_of_the_one_packed_here),
        cmocka_unit_test(only_finite_weights_in_int8_or_int4_are_saved),
        cmocka_unit_test(a_file_of_other_shapes_is_refused_by_tensor),
    };

    return cmocka_run_group_tests_name("train/quant", tests, NULL, NULL);
}
