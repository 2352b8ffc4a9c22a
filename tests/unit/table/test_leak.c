/* Leaks, ids, duplicates; and how much features tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "frames.h"
#include "table/leak.h"
#include "table/select.h"

enum { ROWS = 400 };

typedef struct table {
    tdl_buf csv;
    tdl_frame frame;
    float y[ROWS];
    bool left_out[16];
} table;

/* 400 rows of two classes. `after` is the class with a little noise, `late` is filled in only where
 * the class is 1, `code` tells the class by its levels, `id` differs in every row, `serial` rises,
 * `honest` tells something. */
static void make_table(table *t)
{
    tdl_rng rng = tdl_rng_make(3, 0);
    size_t at;

    *t = (table){0};
    tdl_buf_text(&t->csv, "y,after,late,code,id,serial,honest,again,same,empty\n");
    for (size_t i = 0; i < ROWS; i++) {
        int y = (int)tdl_rng_below(&rng, 2);
        double honest = y + 2 * tdl_rng_normal(&rng);

        tdl_buf_printf(&t->csv, "%d,%.6f,%s,%s,u%zu,%zu,%.6f,%.6f,7,\n", y,
                       y + 0.2 * tdl_rng_normal(&rng), y ? "5" : "NA",
                       y ? (i % 2 ? "a" : "b") : (i % 2 ? "c" : "d"), i * 7919 % 1000, i + 10,
                       honest, honest);
    }
    t->frame = test_frame(t->csv.at);
    for (size_t i = 0; i < ROWS; i++)
        t->y[i] = (float)t->frame.column[0].number[i];
    t->left_out[0] = true;
    assert_true(tdl_frame_find(&t->frame, TDL_STR("serial"), &at));
    t->frame.column[at].type = TDL_COLUMN_INTEGER;
}

static void release(table *t)
{
    tdl_buf_release(&t->csv);
    tdl_frame_release(&t->frame);
}

static const tdl_leak *find(const table *t, const tdl_leak *leak, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(t->frame.column[leak[i].column].name, name) == 0)
            return &leak[i];
    return NULL;
}

static void columns_that_know_too_much_are_named(void **state)
{
    tdl_leak_options options = {.target_time = SIZE_MAX};
    static const struct {
        const char *name;
        tdl_leak_kind kind;
    } expected[] = {{"after", TDL_LEAK_TARGET},  {"late", TDL_LEAK_TARGET},
                    {"code", TDL_LEAK_TARGET},   {"id", TDL_LEAK_ID},
                    {"serial", TDL_LEAK_ID},     {"again", TDL_LEAK_DUPLICATE},
                    {"same", TDL_LEAK_CONSTANT}, {"empty", TDL_LEAK_CONSTANT}};
    table t;
    tdl_target target;
    tdl_leak *leak;
    size_t n;

    TDL_UNUSED(state);
    make_table(&t);
    options.left_out = t.left_out;
    target = (tdl_target){.y = t.y, .classes_n = 2};
    assert_int_equal(tdl_leak_find(&t.frame, &target, &options, &leak, &n, NULL), TDL_OK);
    assert_int_equal(n, 8);
    for (size_t i = 0; i < 8; i++) {
        const tdl_leak *l = find(&t, leak, n, expected[i].name);
        assert_non_null(l);
        assert_int_equal(l->kind, expected[i].kind);
    }
    assert_null(find(&t, leak, n, "honest"));
    assert_int_equal(find(&t, leak, n, "again")->other, 6);
    assert_true(find(&t, leak, n, "late")->score == 1);
    assert_string_equal(tdl_leak_kind_name(TDL_LEAK_DUPLICATE), "duplicate_of");
    free(leak);
    release(&t);
}

/* The AUC reported is that of the ROC curve: expected from scores 1 2 3 ... 20 with two classes
 * that overlap in one pair of 100. */
static void the_score_is_the_area_under_the_curve(void **state)
{
    tdl_leak_options options = {.target_time = SIZE_MAX, .auc = 0.9};
    tdl_frame frame = test_frame("s\n1\n2\n3\n4\n5\n6\n7\n8\n9\n11\n10\n12\n13\n14\n15\n16\n17\n"
                                 "18\n19\n20\n");
    float y[20];
    const tdl_target target = {.y = y, .classes_n = 2};
    tdl_leak *leak;
    size_t n;

    TDL_UNUSED(state);
    for (size_t i = 0; i < 20; i++)
        y[i] = i >= 10;
    assert_int_equal(tdl_leak_find(&frame, &target, &options, &leak, &n, NULL), TDL_OK);
    assert_int_equal(n, 1);
    assert_true(fabs(leak[0].score - 0.99) < 1e-12);
    free(leak);
    tdl_frame_release(&frame);
}

static void a_number_that_follows_from_the_target_is_a_leak(void **state)
{
    const tdl_leak_options options = {.target_time = SIZE_MAX};
    tdl_buf csv = {0};
    tdl_rng rng = tdl_rng_make(4, 0);
    tdl_frame frame;
    float y[ROWS];
    const tdl_target target = {.y = y};
    tdl_leak *leak;
    size_t n;

    TDL_UNUSED(state);
    tdl_buf_text(&csv, "cents,bowl,honest\n");
    for (size_t i = 0; i < ROWS; i++) {
        double x = tdl_rng_uniform(&rng) - 0.5;

        y[i] = (float)(x * x);
        // a monotone function of the target, one it is a function of, and a noisy one
        tdl_buf_printf(&csv, "%.9f,%.9f,%.9f\n", exp((double)y[i]), x,
                       x * x + 0.02 * tdl_rng_normal(&rng));
    }
    frame = test_frame(csv.at);
    assert_int_equal(tdl_leak_find(&frame, &target, &options, &leak, &n, NULL), TDL_OK);
    assert_true(n == 2 || (n == 1 && leak[0].column == 0));
    assert_int_equal(leak[0].column, 0);
    assert_true(leak[0].score > 0.999);
    free(leak);
    tdl_frame_release(&frame);
    tdl_buf_release(&csv);
}

static void dates_after_the_target_are_from_the_future(void **state)
{
    const tdl_leak_options options = {.target_time = 0};
    tdl_buf csv = {0};
    tdl_frame frame;
    float y[20];
    const tdl_target target = {.y = y, .classes_n = 2};
    tdl_leak *leak;
    size_t n;

    TDL_UNUSED(state);
    tdl_buf_text(&csv, "date,date_before,date_after\n");
    for (int i = 0; i < 20; i++) {
        y[i] = (float)(i / 3 % 2);
        tdl_buf_printf(&csv, "2024-02-%02d,2024-01-%02d,2024-%02d-11\n", 1 + i % 7, 1 + i % 5,
                       i % 2 ? 3 : 1);
    }
    frame = test_frame(csv.at);
    assert_int_equal(tdl_leak_find(&frame, &target, &options, &leak, &n, NULL), TDL_OK);
    assert_int_equal(n, 1);
    assert_true(leak[0].column == 2 && leak[0].kind == TDL_LEAK_FUTURE && leak[0].score == 0.5);
    free(leak);
    tdl_frame_release(&frame);
    tdl_buf_release(&csv);
}

/* The sheet: BreastCancer's Id passes for a feature, though 645 of 699 differ. */
static void the_id_of_breast_cancer_is_found(void **state)
{
    tdl_leak_options options = {.target_time = SIZE_MAX};
    bool left_out[64] = {false};
    char path[512];
    tdl_frame frame;
    size_t y, id, n;
    float *value;
    tdl_leak *leak;

    TDL_UNUSED(state);
    test_data_path("TREADLE_TEST_DATA", "BreastCancer.csv", path, sizeof path);
    frame = test_frame_file(path);
    assert_true(tdl_frame_find(&frame, TDL_STR("Class"), &y));
    assert_true(tdl_frame_find(&frame, TDL_STR("Id"), &id));
    frame.column[id].type = TDL_COLUMN_INTEGER;
    value = calloc(frame.rows, sizeof *value);
    assert_non_null(value);
    for (size_t i = 0; i < frame.rows; i++)
        value[i] = (float)frame.column[y].level[i];
    left_out[y] = true;
    options.left_out = left_out;
    assert_int_equal(
        tdl_leak_find(&frame, &(tdl_target){.y = value, .classes_n = 2}, &options, &leak, &n, NULL),
        TDL_OK);
    assert_int_equal(n, 1);
    assert_true(leak[0].column == id && leak[0].kind == TDL_LEAK_ID);
    assert_true(fabs(leak[0].score - 645.0 / 699) < 1e-12);
    free(leak);
    free(value);
    tdl_frame_release(&frame);
}

static void too_few_targets_are_refused(void **state)
{
    tdl_frame frame = test_frame("x\n1\n2\n3\n");
    const float y[] = {0, 1, NAN};
    tdl_leak *leak = NULL;
    size_t n;

    TDL_UNUSED(state);
    assert_int_equal(
        tdl_leak_find(&frame, &(tdl_target){.y = y, .classes_n = 2}, NULL, &leak, &n, NULL),
        TDL_E_INVALID);
    assert_null(leak);
    tdl_frame_release(&frame);
}

static void rows_that_are_there_twice_are_listed(void **state)
{
    tdl_frame frame = test_frame("a,b\n1,x\n2,y\n1,x\nNA,x\n2,NA\nNA,x\n1,x\n-0,y\n0,y\n");
    const uint32_t later[] = {2, 5, 6, 8}, first[] = {0, 3, 0, 7};
    uint32_t *row, *of;
    size_t n;

    TDL_UNUSED(state);
    assert_int_equal(tdl_frame_duplicates(&frame, &row, &of, &n, NULL), TDL_OK);
    assert_int_equal(n, 4);
    assert_memory_equal(row, later, sizeof later);
    assert_memory_equal(of, first, sizeof first);
    free(row);
    free(of);
    tdl_frame_release(&frame);
}

/* Expected: pandas 1.5, read_csv(...).duplicated().sum(). */
static void real_sets_have_the_duplicates_that_pandas_finds(void **state)
{
    static const struct {
        const char *file;
        size_t duplicates;
    } sets[] = {{"wa_churn.csv", 22}, {"mlc_churn.csv", 0}, {"credit_data.csv", 2}};

    TDL_UNUSED(state);
    for (size_t s = 0; s < sizeof sets / sizeof sets[0]; s++) {
        char path[512];
        tdl_frame frame;
        uint32_t *row;
        size_t n;

        test_data_path("TREADLE_TEST_DATA", sets[s].file, path, sizeof path);
        frame = test_frame_file(path);
        assert_int_equal(tdl_frame_duplicates(&frame, &row, NULL, &n, NULL), TDL_OK);
        assert_int_equal(n, sets[s].duplicates);
        free(row);
        tdl_frame_release(&frame);
    }
}

/* ---- mutual information ---- */

/* Two values of probability 1/2 that are the class: log 2, less 1 / (2 n). One that is independent
 * of it: 0. Of 64 bins of a number that is the target itself: log 20, less 19^2 / (2 n). */
static void information_of_simple_features(void **state)
{
    enum { N = 4000 };
    static float x[N * 3], y[N];
    tdl_matrix m = {.rows = N, .cols = 3, .x = x};
    double got[3];

    TDL_UNUSED(state);
    for (size_t i = 0; i < N; i++) {
        y[i] = (float)(i % 2);
        x[3 * i] = 5 - y[i];
        x[3 * i + 1] = (float)(i / 2 % 2);
        x[3 * i + 2] = i % 4 ? NAN : y[i]; // only class 0 has a value, half of it
    }
    assert_int_equal(tdl_mutual_information(&m, y, 2, got, NULL), TDL_OK);
    assert_true(fabs(got[0] - (log(2) - 1.0 / (2 * N))) < 1e-12);
    assert_true(got[1] == 0);
    // H(y) - H(y | missing): log 2 - 3/4 (1/3 log 3 + 2/3 log 3/2)
    assert_true(fabs(got[2] - (log(2) - 0.75 * (log(3) / 3 + 2 * log(1.5) / 3) - 0.5 / N)) < 1e-12);
    for (size_t i = 0; i < N; i++) {
        y[i] = (float)(i * 37 % N);
        x[3 * i] = -y[i];
    }
    assert_int_equal(tdl_mutual_information(&m, y, 0, got, NULL), TDL_OK);
    assert_true(fabs(got[0] - (log(20) - 361.0 / (2 * N))) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_that_know_too_much_are_named),
        cmocka_unit_test(the_score_is_the_area_under_the_curve),
        cmocka_unit_test(a_number_that_follows_from_the_target_is_a_leak),
        cmocka_unit_test(dates_after_the_target_are_from_the_future),
        cmocka_unit_test(the_id_of_breast_cancer_is_found),
        cmocka_unit_test(too_few_targets_are_refused),
        cmocka_unit_test(rows_that_are_there_twice_are_listed),
        cmocka_unit_test(real_sets_have_the_duplicates_that_pandas_finds),
        cmocka_unit_test(information_of_simple_features),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
