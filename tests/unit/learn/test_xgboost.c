/* The library, its worker and its models. Skips, loudly, where libxgboost is not installed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "learn/tree_shap.h"
#include "learn/xgboost.h"
#include "learn/xgboost_model.h"
#include "learn/xgboost_worker.h"

enum { ROWS = 600, COLS = 6 };

static float x[ROWS * COLS], binary[ROWS], class_of[ROWS], value[ROWS], count[ROWS];

static void make_data(void)
{
    tdl_rng rng = tdl_rng_make(1, 0);

    for (size_t i = 0; i < ROWS; i++) {
        float *row = x + i * COLS;

        for (size_t j = 0; j < COLS; j++)
            row[j] = tdl_rng_below(&rng, 9) == 0 ? NAN : (float)floor(8 * tdl_rng_normal(&rng)) / 4;
        float a = isnan(row[0]) ? 1 : row[0], b = isnan(row[1]) ? -1 : row[1];
        float eta = a * b + (isnan(row[2]) ? 2 : row[2]) + (float)tdl_rng_normal(&rng);
        binary[i] = eta > 0;
        class_of[i] = eta > 2 ? 2 : eta > -1;
        value[i] = 300 + 20 * eta;
        count[i] = floorf(expf(eta / 4));
    }
}

static const struct {
    const char *parameters;
    size_t parameters_n;
    const float *y;
    tdl_xgboost_loss loss;
    size_t groups_n;
} kinds[] = {
#define PARAMETERS(text) text, sizeof(text) - 1
    {PARAMETERS("objective\0binary:logistic\0nthread\0001\0max_depth\0005\0tree_method\0hist\0"
                "gamma\0000.5\0subsample\0.8\0verbosity\0000\0"),
     binary, TDL_XGBOOST_LOGISTIC, 1},
    {PARAMETERS("objective\0multi:softprob\0num_class\0003\0nthread\0001\0tree_method\0hist\0"
                "verbosity\0000\0"),
     class_of, TDL_XGBOOST_SOFTMAX, 3},
    {PARAMETERS(
         "objective\0reg:squarederror\0nthread\0001\0tree_method\0hist\0base_score\000301.5\0"
         "verbosity\0000\0"),
     value, TDL_XGBOOST_SQUARED, 1},
    {PARAMETERS("objective\0reg:absoluteerror\0nthread\0001\0tree_method\0hist\0verbosity\0000\0"),
     value, TDL_XGBOOST_ABSOLUTE, 1},
    {PARAMETERS("objective\0count:poisson\0nthread\0001\0tree_method\0hist\0base_score\0001.25\0"
                "verbosity\0000\0"),
     count, TDL_XGBOOST_POISSON, 1},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static tdl_xgboost_plan plan_of(size_t kind, uint32_t rounds)
{
    return (tdl_xgboost_plan){.parameters = {kinds[kind].parameters, kinds[kind].parameters_n},
                              .loss = kinds[kind].loss,
                              .groups_n = kinds[kind].groups_n,
                              .rounds = rounds,
                              .patience = 20};
}

static tdl_xgboost_data data_of(size_t kind)
{
    return (tdl_xgboost_data){.rows = ROWS, .cols = COLS, .x = x, .y = kinds[kind].y};
}

static void need_library(void)
{
    tdl_report why = {0};

    if (tdl_xgboost_available(&why) == TDL_OK)
        return;
    printf("skipped: %s (%s)\n", why.message, why.hint);
    skip();
}

static void train(size_t kind, uint32_t rounds, tdl_buf *ret)
{
    tdl_xgboost_data data = data_of(kind);
    tdl_xgboost_plan plan = plan_of(kind, rounds);
    tdl_xgboost_worker *w = NULL;
    tdl_report why = {0};
    uint32_t taken = 0;

    if (tdl_xgboost_worker_start(&data, &w, &why) ||
        tdl_xgboost_worker_train(w, &plan, ret, &taken, &why))
        fail_msg("%s", why.message);
    assert_int_equal(taken, rounds);
    tdl_xgboost_worker_end(w);
}

/* ---- the library ---- */

static void an_absent_library_names_the_package(void **state)
{
    const char *names[] = {"libxgboost-of-nobody.so", NULL};
    tdl_xgboost library;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_xgboost_open(names, &library, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.hint, "libxgboost0"));
}

static void a_library_without_a_function_names_it(void **state)
{
    const char *names[] = {"libm.so.6", NULL};
    tdl_xgboost library;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_xgboost_open(names, &library, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "XGBoostVersion"));
    assert_string_equal(getenv("OMP_WAIT_POLICY"), "passive");
}

/* ---- models: the library itself is the oracle ---- */

/* Margins (type 1) or contributions (type 2), [rows][groups][1 or COLS + 1]. */
static void library_says(const tdl_buf *model, int type, float *ret, size_t n)
{
    tdl_xgboost lib;
    tdl_xgb_matrix matrix;
    tdl_xgb_booster booster;
    const uint64_t *shape;
    uint64_t rank, total = 1;
    const float *values;
    char config[128];

    assert_int_equal(tdl_xgboost_open(NULL, &lib, NULL), TDL_OK);
    assert_int_equal(lib.matrix_new(x, ROWS, COLS, NAN, &matrix), 0);
    assert_int_equal(lib.booster_new(NULL, 0, &booster), 0);
    assert_int_equal(lib.booster_set(booster, "nthread", "1"), 0);
    assert_int_equal(lib.load(booster, model->at, model->len), 0);
    snprintf(config, sizeof config,
             "{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
             "\"strict_shape\":true}",
             type);
    assert_int_equal(lib.predict(booster, matrix, config, &shape, &rank, &values), 0);
    for (size_t i = 0; i < rank; i++)
        total *= shape[i];
    assert_int_equal(total, n);
    memcpy(ret, values, n * sizeof *ret);
    lib.booster_free(booster);
    lib.matrix_free(matrix);
}

static void margins_are_the_librarys_bit_for_bit(void **state)
{
    TDL_UNUSED(state);
    need_library();
    for (size_t k = 0; k < KINDS; k++) {
        size_t n = ROWS * kinds[k].groups_n;
        float *expected = malloc(n * sizeof *expected);
        double *score = malloc(n * sizeof *score), one[3];
        tdl_buf model = {0};
        tdl_forest f = {0};

        train(k, 60, &model);
        assert_int_equal(tdl_xgboost_model_read(tdl_buf_view(&model), &f, NULL), TDL_OK);
        assert_int_equal(f.groups_n, kinds[k].groups_n);
        library_says(&model, 1, expected, n);
        assert_int_equal(tdl_forest_score(&f, x, ROWS, NULL, score, NULL), TDL_OK);
        for (size_t i = 0; i < n; i++)
            assert_true(score[i] == (double)expected[i]);
        for (size_t i = 0; i < ROWS; i++) {
            tdl_forest_score_row(&f, x + i * COLS, one);
            assert_memory_equal(one, score + i * f.groups_n, f.groups_n * sizeof *one);
        }
        tdl_forest_release(&f);
        tdl_buf_release(&model);
        free(expected);
        free(score);
    }
}

static void attributions_are_the_librarys_and_add_up(void **state)
{
    TDL_UNUSED(state);
    need_library();
    for (size_t k = 0; k < KINDS; k++) {
        size_t groups = kinds[k].groups_n, n = ROWS * groups * (COLS + 1);
        float *expected = malloc(n * sizeof *expected);
        double *phi = malloc(ROWS * COLS * sizeof *phi), *base = malloc(ROWS * sizeof *base);
        double *score = malloc(ROWS * groups * sizeof *score), scale = 1;
        tdl_buf model = {0};
        tdl_forest f = {0};

        train(k, 60, &model);
        assert_int_equal(tdl_xgboost_model_read(tdl_buf_view(&model), &f, NULL), TDL_OK);
        library_says(&model, 2, expected, n);
        assert_int_equal(tdl_forest_score(&f, x, ROWS, NULL, score, NULL), TDL_OK);
        for (size_t i = 0; i < ROWS * groups; i++)
            scale = fmax(scale, fabs(score[i])); /* floats of 300 are exact to 3e-5 only */
        for (size_t g = 0; g < groups; g++) {
            assert_int_equal(tdl_tree_shap(&f, NULL, x, ROWS, g, NULL, phi, base, NULL), TDL_OK);
            for (size_t i = 0; i < ROWS; i++) {
                const float *row = expected + (i * groups + g) * (COLS + 1);
                double sum = base[i];

                for (size_t j = 0; j < COLS; j++) {
                    assert_true(fabs(phi[i * COLS + j] - (double)row[j]) < 1e-4);
                    sum += phi[i * COLS + j];
                }
                assert_true(fabs(base[i] - (double)row[COLS]) < 1e-4 * fmax(1, scale / 100));
                assert_true(fabs(sum - score[i * groups + g]) < 2e-6 * scale);
            }
        }
        tdl_forest_release(&f);
        tdl_buf_release(&model);
        free(expected);
        free(phi);
        free(base);
        free(score);
    }
}

static void a_damaged_model_is_refused_with_a_reason(void **state)
{
    tdl_buf model = {0};
    tdl_rng rng = tdl_rng_make(3, 0);
    tdl_forest f = {0};

    TDL_UNUSED(state);
    need_library();
    train(0, 3, &model);
    assert_non_null(model.at);
    for (size_t n = 0; n < model.len; n += 7) {
        tdl_report why = {0};
        assert_int_equal(tdl_xgboost_model_read((tdl_str){model.at, n}, &f, &why), TDL_E_CORRUPT);
        assert_true(why.message[0]);
    }
    for (size_t round = 0; round < 3000; round++) {
        size_t at = (size_t)tdl_rng_below(&rng, model.len);
        char before = model.at[at];

        model.at[at] = (char)tdl_rng_below(&rng, 256);
        if (tdl_xgboost_model_read(tdl_buf_view(&model), &f, NULL) == TDL_OK) {
            double score;
            if (f.features_n <= COLS && f.groups_n == 1)
                tdl_forest_score_row(&f, x, &score);
            tdl_forest_release(&f);
        }
        model.at[at] = before;
    }
    tdl_buf_release(&model);
}

/* ---- the worker ---- */

static void same_data_and_parameters_give_the_same_bytes(void **state)
{
    tdl_buf a = {0}, b = {0};

    TDL_UNUSED(state);
    need_library();
    train(1, 10, &a);
    train(1, 10, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.at, b.at, a.len);
    tdl_buf_release(&a);
    tdl_buf_release(&b);
}

static void rounds_stop_where_rows_held_out_lose_least(void **state)
{
    uint8_t fold[ROWS];

    TDL_UNUSED(state);
    need_library();
    for (size_t i = 0; i < ROWS; i++)
        fold[i] = (uint8_t)(i % 4);
    for (size_t k = 0; k < KINDS; k++) {
        tdl_xgboost_data data = data_of(k);
        tdl_xgboost_plan plan = plan_of(k, 400);
        tdl_xgboost_worker *w = NULL;
        tdl_report why = {0};
        uint32_t rounds = 0;
        double loss = NAN, first = NAN;

        data.fold = fold;
        data.folds_n = 4;
        assert_int_equal(tdl_xgboost_worker_start(&data, &w, NULL), TDL_OK);
        if (tdl_xgboost_worker_rounds(w, &plan, &rounds, &loss, &why))
            fail_msg("%s", why.message);
        assert_true(rounds > 2 && rounds < 400);
        plan.rounds = 1;
        assert_int_equal(tdl_xgboost_worker_rounds(w, &plan, &rounds, &first, NULL), TDL_OK);
        assert_true(loss < first);
        tdl_xgboost_worker_end(w);
    }
}

static void what_the_library_refuses_comes_back_in_its_words(void **state)
{
    static const char bad[] = "objective\0no:such\0nthread\0001\0verbosity\0000";
    tdl_xgboost_data data = data_of(0);
    tdl_xgboost_plan plan = plan_of(0, 5);
    tdl_xgboost_worker *w = NULL;
    tdl_buf model = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    need_library();
    plan.parameters = (tdl_str){bad, sizeof bad};
    assert_int_equal(tdl_xgboost_worker_start(&data, &w, NULL), TDL_OK);
    assert_int_equal(tdl_xgboost_worker_train(w, &plan, &model, NULL, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "no:such"));
    assert_int_equal(tdl_xgboost_worker_train(w, &plan, &model, NULL, &why), TDL_E_INTERNAL);
    tdl_xgboost_worker_end(w);
}

/* Sends `signal` to the worker once it trains. */
typedef struct attack {
    pid_t pid;
    int signal;
} attack;

static void *strike(void *argument)
{
    const attack *a = argument;

    usleep(100000);
    kill(a->pid, a->signal);
    return NULL;
}

static tdl_status struck(int signal, double silence, tdl_report *why)
{
    tdl_xgboost_data data = data_of(0);
    tdl_xgboost_plan plan = plan_of(0, 10000000); /* more than anybody waits for */
    tdl_xgboost_worker *w = NULL;
    tdl_buf model = {0};
    pthread_t thread;
    tdl_status st;

    data.silence = silence;
    assert_int_equal(tdl_xgboost_worker_start(&data, &w, NULL), TDL_OK);
    attack a = {tdl_xgboost_worker_pid(w), signal};
    assert_int_equal(pthread_create(&thread, NULL, strike, &a), 0);
    st = tdl_xgboost_worker_train(w, &plan, &model, NULL, why);
    pthread_join(thread, NULL);
    assert_int_equal(tdl_xgboost_worker_pid(w), 0);
    assert_int_equal(kill(a.pid, 0), -1); /* no process is left */
    tdl_xgboost_worker_end(w);
    return st;
}

static void a_crash_in_the_library_is_an_error_of_the_training_only(void **state)
{
    tdl_report why = {0};

    TDL_UNUSED(state);
    need_library();
    assert_int_equal(struck(SIGABRT, 0, &why), TDL_E_INTERNAL);
    assert_non_null(strstr(why.message, "signal 6"));
}

static void a_worker_that_says_nothing_is_given_up(void **state)
{
    tdl_report why = {0};

    TDL_UNUSED(state);
    need_library();
    assert_int_equal(struck(SIGSTOP, .5, &why), TDL_E_INTERNAL);
    assert_non_null(strstr(why.message, "said nothing"));
}

static void *raise_stop(void *argument)
{
    usleep(100000);
    atomic_store((atomic_bool *)argument, true);
    return NULL;
}

static void training_stops_on_request(void **state)
{
    static atomic_bool stop;
    tdl_xgboost_data data = data_of(0);
    tdl_xgboost_plan plan = plan_of(0, 10000000);
    tdl_xgboost_worker *w = NULL;
    tdl_buf model = {0};
    pthread_t thread;

    TDL_UNUSED(state);
    need_library();
    data.stop = &stop;
    assert_int_equal(tdl_xgboost_worker_start(&data, &w, NULL), TDL_OK);
    assert_int_equal(pthread_create(&thread, NULL, raise_stop, &stop), 0);
    assert_int_equal(tdl_xgboost_worker_train(w, &plan, &model, NULL, NULL), TDL_E_STOPPED);
    pthread_join(thread, NULL);
    tdl_xgboost_worker_end(w);
}

static void out_of_time_gives_what_there_is(void **state)
{
    tdl_xgboost_data data = data_of(0);
    tdl_xgboost_plan plan = plan_of(0, 10000000);
    tdl_xgboost_worker *w = NULL;
    tdl_buf model = {0};
    tdl_forest f = {0};
    uint32_t rounds = 0;

    TDL_UNUSED(state);
    need_library();
    plan.seconds = .2;
    assert_int_equal(tdl_xgboost_worker_start(&data, &w, NULL), TDL_OK);
    assert_int_equal(tdl_xgboost_worker_train(w, &plan, &model, &rounds, NULL), TDL_OK);
    assert_true(rounds >= 1 && rounds < plan.rounds);
    assert_int_equal(tdl_xgboost_model_read(tdl_buf_view(&model), &f, NULL), TDL_OK);
    assert_int_equal(f.trees_n, rounds);
    tdl_forest_release(&f);
    tdl_buf_release(&model);
    tdl_xgboost_worker_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absent_library_names_the_package),
        cmocka_unit_test(a_library_without_a_function_names_it),
        cmocka_unit_test(margins_are_the_librarys_bit_for_bit),
        cmocka_unit_test(attributions_are_the_librarys_and_add_up),
        cmocka_unit_test(a_damaged_model_is_refused_with_a_reason),
        cmocka_unit_test(same_data_and_parameters_give_the_same_bytes),
        cmocka_unit_test(rounds_stop_where_rows_held_out_lose_least),
        cmocka_unit_test(what_the_library_refuses_comes_back_in_its_words),
        cmocka_unit_test(a_crash_in_the_library_is_an_error_of_the_training_only),
        cmocka_unit_test(a_worker_that_says_nothing_is_given_up),
        cmocka_unit_test(training_stops_on_request),
        cmocka_unit_test(out_of_time_gives_what_there_is),
    };

    make_data();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
