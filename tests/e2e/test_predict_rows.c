/* `treadle predict` and `explain` over rows of which some are wrong, or not as those of training:
 * what is answered, what is refused, and what is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk.h"

enum { ROWS = 300 };

static const char header[] = "x,z,c,y";

static json_t *at(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (!value)
        fail_msg("no \"%s\"", key);
    return value;
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(at(object, key));

    return text ? text : "(no text)";
}

static void write_text(const desk *d, const char *name, const char *text)
{
    desk_write(d, name, text, strlen(text));
}

static void a_wrong_cell_refuses_its_row_and_no_other(void **state)
{
    desk *d = *state;

    desk_table(d, "rows.csv", header, ROWS, NULL);
    desk_expect(d, 0, NULL, "fit rows.csv --target y --model logistic --output m.safetensors");
    write_text(d, "some.csv", "x,z,c\n1,1,a\n1,much,b\n-1,0,c\n");
    write_text(d, "alone.csv", "x,z,c\n1,1,a\n-1,0,c\n");

    desk_expect(d, 0, NULL, "predict alone.csv --model m.safetensors --json");
    json_t *alone = desk_json(d);
    desk_expect(d, 0, "1 of 3 rows refused; the first, row 2: column 'z': 'much' is not a number",
                "predict some.csv --model m.safetensors --json");
    json_t *some = desk_json(d);
    const json_t *rows = at(some, "rows"), *refused = json_array_get(rows, 1);

    assert_int_equal(json_array_size(rows), 3);
    assert_true(json_equal(json_array_get(rows, 0), json_array_get(at(alone, "rows"), 0)));
    assert_true(json_equal(json_array_get(rows, 2), json_array_get(at(alone, "rows"), 1)));
    assert_int_equal(json_integer_value(at(refused, "row")), 2);
    assert_non_null(strstr(text_at(refused, "error"), "'much' is not a number; correct"));
    assert_int_equal(json_integer_value(at(some, "refused")), 1);
    assert_null(json_object_get(some, "quality")); // no truth is known
    json_decref(some);
    json_decref(alone);

    desk_expect(d, 0, NULL, "predict some.csv --model m.safetensors");
    assert_non_null(strstr(d->out, "{\"row\":2,\"error\":\"column 'z'"));
    desk_expect(d, 0, NULL, "explain some.csv --model m.safetensors --row 3");
    desk_expect(d, 1, "row 2: column 'z': 'much' is not a number",
                "explain some.csv --model m.safetensors --row 2");

    write_text(d, "none.csv", "x,z,c\n1,much,a\n1,little,b\n");
    desk_expect(d, 1, "none of 2 rows can be answered; row 1: column 'z'",
                "predict none.csv --model m.safetensors");
    assert_non_null(strstr(d->out, "\"row\":2"));
}

static void columns_that_differ_from_training_are_told_and_counted(void **state)
{
    desk *d = *state;

    desk_table(d, "rows.csv", header, ROWS, NULL);
    desk_expect(d, 0, NULL, "fit rows.csv --target y --model logistic --output m.safetensors");
    write_text(d, "odd.csv", "x,c,planet,moon,y\n1,a,1,2,yes\n9,q,1,2,no\n");
    desk_expect(d, 0, "2 columns that training had not, ignored: planet, moon",
                "predict odd.csv --model m.safetensors --json");
    assert_non_null(strstr(d->err, "z: no such column, taken as missing"));
    assert_non_null(strstr(d->err, "c: 1 values that training had not"));
    json_t *all = desk_json(d);
    const json_t *warning = at(all, "warnings");

    assert_int_equal(json_array_size(at(all, "unknown_columns")), 2);
    assert_int_equal(json_array_size(warning), 3);
    assert_string_equal(text_at(json_array_get(warning, 0), "column"), "x");
    assert_int_equal(json_integer_value(at(json_array_get(warning, 0), "out_of_range")), 1);
    assert_true(json_is_true(at(json_array_get(warning, 1), "absent")));
    assert_int_equal(json_integer_value(at(json_array_get(warning, 2), "unseen")), 1);
    json_decref(all);
}

/* 20 of 300 rows have no x, spelt -99: read as a number it would be the least of all. */
static void row_with_gap(const desk_row *row, char *ret, size_t n)
{
    char x[32];

    snprintf(x, sizeof x, "%.5f", row->x);
    snprintf(ret, n, "%s,%.5f,%c,%s", row->i % 15 ? x : "-99", row->z, row->c, row->y);
}

static void a_model_reads_missing_values_as_its_table_was_read(void **state)
{
    desk *d = *state;

    desk_table(d, "rows.csv", header, ROWS, row_with_gap);
    desk_expect(d, 0, NULL,
                "fit rows.csv --target y --model logistic --missing -99 --output m.safetensors");
    desk_expect(d, 0, NULL, "predict rows.csv --model m.safetensors --quiet");
    char *plain = strdup(d->out);
    assert_null(strstr(d->err, "beyond"));
    desk_expect(d, 0, NULL, "predict rows.csv --model m.safetensors --missing -99 --quiet");
    assert_string_equal(d->out, plain);
    // the other reading, asked for: another answer
    desk_expect(d, 0, "x: 20 numbers beyond those of training",
                "predict rows.csv --model m.safetensors --missing none");
    assert_string_not_equal(d->out, plain);
    free(plain);
}

/* Accuracy by hand: of the answers that the same call gives. */
static void where_the_truth_is_known_the_quality_is_a_table(void **state)
{
    desk *d = *state;
    size_t right = 0, i;
    const json_t *row;

    desk_table(d, "rows.csv", header, ROWS, NULL);
    desk_expect(d, 0, NULL, "fit rows.csv --target y --model logistic --output m.safetensors");
    desk_expect(d, 0, NULL, "predict rows.csv --model m.safetensors --json --quiet");
    assert_string_equal(d->err, "");
    json_t *all = desk_json(d);
    size_t n;
    char *table = desk_read(d, "rows.csv", &n), *line = strchr(table, '\n') + 1;

    json_array_foreach(at(all, "rows"), i, row)
    {
        char *end = strchr(line, '\n');

        *end = '\0';
        right += !strcmp(strrchr(line, ',') + 1, text_at(row, "prediction"));
        line = end + 1;
    }
    free(table);
    const json_t *metrics = at(at(all, "quality"), "metrics");
    double accuracy = json_number_value(at(at(metrics, "accuracy"), "value"));
    assert_float_equal(accuracy, (double)right / ROWS, 1e-12);
    json_decref(all);

    char told[64];
    snprintf(told, sizeof told, "  accuracy              %10.4g   ", accuracy);
    desk_expect(d, 0,
                "quality, on 300 rows whose y is known:", "predict rows.csv --model m.safetensors");
    assert_non_null(strstr(d->err, told));
    setenv("TREADLE_LANG", "zh", 1);
    desk_expect(d, 0, "质量（300 行，其 y 已知）", "predict rows.csv --model m.safetensors");
    unsetenv("TREADLE_LANG");
    assert_non_null(strstr(d->err, "  准确率                "));
}

static void dated_row(const desk_row *row, char *ret, size_t n)
{
    // every seventh of 300 days is a fair, and half as much again is sold then
    snprintf(ret, n, "2024-%02zu-%02zu,%.3f", row->i / 28 + 1, row->i % 28 + 1,
             20 + row->x / 2 + (row->i % 7 == 3 ? 10 : 0));
}

/* The spread of x / 2 is .577; without the fairs a date tells little of a seventh of 10. */
static void holidays_of_a_file_are_learnt_from_and_kept_in_the_model(void **state)
{
    desk *d = *state;
    char fairs[4096] = "date,name\n";

    for (size_t i = 0; i < ROWS; i++)
        if (i % 7 == 3)
            sprintf(fairs + strlen(fairs), "2024-%02zu-%02zu,fair\n", i / 28 + 1, i % 28 + 1);
    write_text(d, "fairs.csv", fairs);
    desk_table(d, "sales.csv", "day,sold", ROWS, dated_row);
    desk_expect(d, 3, "rmse",
                "fit sales.csv --target sold --model linear --no-blend --max-rmse 1 --output "
                "m.safetensors");
    desk_expect(d, 0, NULL,
                "fit sales.csv --target sold --model linear --no-blend --max-rmse .7 --output "
                "m.safetensors --holidays fairs.csv");
    write_text(d, "fairs.csv", "date,name\n");
    desk_expect(d, 1, "there is no holiday in it",
                "fit sales.csv --target sold --output n.safetensors --holidays fairs.csv");
    desk_expect(d, 1, "neither a country nor a file",
                "fit sales.csv --target sold --output n.safetensors --holidays atlantis");
    write_text(d, "new.csv", "day\n2024-01-04\n2024-01-05\n");
    desk_expect(d, 0, NULL, "predict new.csv --model m.safetensors --json");
    json_t *all = desk_json(d);
    const json_t *rows = at(all, "rows");
    double fair = json_number_value(at(json_array_get(rows, 0), "prediction"));
    double other = json_number_value(at(json_array_get(rows, 1), "prediction"));
    assert_float_equal(fair, 30, 0.5);
    assert_float_equal(other, 20, 0.5);
    json_decref(all);
    desk_table(d, "rows.csv", header, ROWS, NULL);
    desk_expect(d, 1, "no feature is a date",
                "fit rows.csv --target y --output n.safetensors --holidays us");
}

/* Libraries of no bytes stand where the loader looks first. */
static void trees_that_sit_out_for_want_of_their_library_are_told_of(void **state)
{
    desk *d = *state;

    desk_table(d, "rows.csv", header, 120, NULL);
    write_text(d, "libxgboost.so.0", "");
    write_text(d, "libxgboost.so", "");
    setenv("LD_LIBRARY_PATH", d->folder, 1);
    desk_run(d, "fit rows.csv --target y --output m.safetensors --budget 1");
    setenv("TREADLE_LANG", "zh", 1);
    assert_int_equal(d->status, 0);
    assert_non_null(strstr(d->err, "boosted trees sat out: libxgboost is not there"));
    assert_non_null(strstr(d->err, "apt install libxgboost0"));
    desk_expect(d, 0, "提升树没有参加：缺少 libxgboost",
                "fit rows.csv --target y --output m.safetensors --budget 1");
    unsetenv("TREADLE_LANG");
    desk_expect(d, 1, "apt install libxgboost0",
                "fit rows.csv --target y --output m.safetensors --model trees");
    unsetenv("LD_LIBRARY_PATH");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, desk_set_up, desk_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_wrong_cell_refuses_its_row_and_no_other),
        CASE(columns_that_differ_from_training_are_told_and_counted),
        CASE(a_model_reads_missing_values_as_its_table_was_read),
        CASE(trees_that_sit_out_for_want_of_their_library_are_told_of),
        CASE(holidays_of_a_file_are_learnt_from_and_kept_in_the_model),
        CASE(where_the_truth_is_known_the_quality_is_a_table),
    };
    return cmocka_run_group_tests_name("e2e/predict_rows", tests, NULL, NULL);
}
