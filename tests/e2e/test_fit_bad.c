/* Tables that are not as they should be: each gets a clear message or a sound default, said aloud;
 * never a crash, never a silent NaN. */
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

static void write_text(const desk *d, const char *name, const char *text)
{
    desk_write(d, name, text, strlen(text));
}

/* No "null", "nan" or "inf" stands where an answer should. */
static void answers_are_numbers(desk *d, const char *file)
{
    char command[200];

    snprintf(command, sizeof command, "predict %s --model m.safetensors", file);
    desk_expect(d, 0, NULL, command);
    assert_true(d->out_n > 0);
    assert_null(strstr(d->out, "null"));
    assert_null(strstr(d->out, "nan"));
    assert_null(strstr(d->out, "inf"));
}

static void fits(desk *d, const char *told, const char *options)
{
    char command[300];

    snprintf(command, sizeof command, "fit t.csv --target y --output m.safetensors %s", options);
    desk_expect(d, 0, told, command);
    answers_are_numbers(d, "t.csv");
}

static void refused(desk *d, const char *told, const char *options)
{
    char command[300];

    snprintf(command, sizeof command,
             "fit t.csv --target y --model logistic --output m.safetensors %s", options);
    desk_expect(d, 1, told, command);
    assert_int_equal(d->out_n, 0);
}

/* ---- the target ---- */

static void write_constant(const desk_row *r, char *ret, size_t n)
{
    snprintf(ret, n, "%.4f,%c,yes", r->x, r->c);
}

static void write_five(const desk_row *r, char *ret, size_t n)
{
    snprintf(ret, n, "%.4f,%c,5", r->x, r->c);
}

static void a_constant_target_is_refused_as_a_class_and_told_as_a_number(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "x,c,y", ROWS, write_constant);
    refused(d, "column y is \"yes\" in every row", "");
    desk_table(d, "t.csv", "x,c,y", ROWS, write_five);
    fits(d, "the target is the same in every row", "--model linear,tree");
    assert_non_null(strstr(d->out, "{\"prediction\":5}"));
}

static void write_rare(const desk_row *r, char *ret, size_t n)
{
    snprintf(ret, n, "%.4f,%c,%s", r->x, r->c, r->i == 7 ? "rare" : r->y);
}

static void a_class_of_too_few_rows_is_named(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "x,c,y", ROWS, write_rare);
    refused(d, "column y is \"rare\" in 1 rows: too few for ", "");
    refused(d, "put rare classes together", "");
}

static void write_apart(const desk_row *r, char *ret, size_t n)
{
    snprintf(ret, n, "%.4f,%s,%s", r->x, r->y[0] == 'y' ? "p" : r->i % 2 ? "q" : "r", r->y);
}

static void folds_that_train_on_one_class_are_refused(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "x,f,y", ROWS, write_apart);
    refused(d, "column y is \"no\" in every row it would be trained on", "--fold f");
}

static void write_gaps(const desk_row *r, char *ret, size_t n)
{
    snprintf(ret, n, "%.4f,%c,%s", r->x, r->c, r->i % 10 ? r->y : "");
}

static void write_unknown(const desk_row *r, char *ret, size_t n)
{
    snprintf(ret, n, "%.4f,%c,", r->x, r->c);
}

static void rows_without_a_target_are_counted_and_all_of_them_refused(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "x,c,y", ROWS, write_gaps);
    fits(d, "30 rows have no target and were left out", "--model logistic");
    desk_table(d, "t.csv", "x,c,y", ROWS, write_unknown);
    refused(d, "column y: every cell is missing", "");
}

static void write_huge(const desk_row *r, char *ret, size_t n)
{
    snprintf(ret, n, "%.4f,%s", r->x, r->i == 40 ? "1e39" : "1.5");
}

static void a_target_beyond_float_is_refused_with_its_row(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "x,y", ROWS, write_huge);
    desk_expect(d, 1, "column y: row 41 has 1e+39",
                "fit t.csv --target y --task regression --output m.safetensors");
}

/* ---- columns ---- */

static void write_empty_column(const desk_row *r, char *ret, size_t n)
{
    snprintf(ret, n, "%.4f,,%c,%s", r->x, r->c, r->y);
}

static void write_only_empty(const desk_row *r, char *ret, size_t n)
{
    snprintf(ret, n, ",%s", r->y);
}

static void a_column_without_values_is_left_out_aloud(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "x,m,c,y", ROWS, write_empty_column);
    fits(d, "m: one value or none, left out", "--model logistic");
    desk_table(d, "t.csv", "m,y", ROWS, write_only_empty);
    refused(d, "no column is left to learn from", "");
}

static void write_infinite(const desk_row *r, char *ret, size_t n)
{
    if (r->i % 10 == 0)
        snprintf(ret, n, "%sinf,%.4f,%s", r->i % 20 ? "-" : "", r->z, r->y);
    else
        snprintf(ret, n, "%.4f,%.4f,%s", r->x, r->z, r->y);
}

static void infinite_values_are_missing_and_counted(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "x,z,y", ROWS, write_infinite);
    fits(d, "x: 30 infinite values, taken as missing", "--model logistic,tree");
}

static void write_mixed(const desk_row *r, char *ret, size_t n)
{
    if (r->i % 10 == 3)
        snprintf(ret, n, "n/k,%.4f,%s", r->z, r->y);
    else
        snprintf(ret, n, "%.1f,%.4f,%s", r->x, r->z, r->y);
}

static void numbers_among_text_are_told_with_the_first_row_that_is_none(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "x,z,y", ROWS, write_mixed);
    fits(d, "x: taken as a category, though 270 of 300 values are numbers; row 4 has \"n/k\"",
         "--model logistic");
    desk_expect(d, 0, NULL,
                "fit t.csv --target y --model logistic --missing n/k --output "
                "m.safetensors");
    assert_null(strstr(d->err, "taken as a category"));
    desk_expect(d, 0, "quality, on 300 rows", "predict t.csv --model m.safetensors"); // it knows
    desk_expect(d, 0, "30 of 300 rows refused; the first, row 4: column 'x': 'n/k' is not a number",
                "predict t.csv --missing NA --model m.safetensors");
    refused(d, "line 5: column 'x': 'n/k' is not a number", "--types x=numeric");
}

static void write_id(const desk_row *r, char *ret, size_t n)
{
    snprintf(ret, n, "customer-%05zu,%.4f,1,%.4f,%s", r->i, r->x, r->x, r->y);
}

static void ids_constants_and_copies_are_left_out_aloud(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "id,x,one,x2,y", ROWS, write_id);
    fits(d, "id: another value in each row, left out as an id", "--model logistic");
    desk_expect(d, 0, "one: one value or none, left out",
                "fit t.csv --target y --model logistic --output m.safetensors");
    assert_non_null(strstr(d->err, "x2: the same as another column, left out"));
}

static void write_leak(const desk_row *r, char *ret, size_t n)
{
    snprintf(ret, n, "%.4f,%s,%s", r->x, r->y[0] == 'y' ? "1.5" : "0.5", r->y);
}

static void a_column_that_tells_the_target_stops_the_fit_by_name(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "x,paid,y", ROWS, write_leak);
    refused(d, "column paid alone tells the target (1.0000 of 1)", "");
    refused(d, "leave it out with --drop, or say --allow-leak to go on", "");
    refused(d, "column paid alone tells the target", "--nested");
    fits(d, NULL, "--model logistic --allow-leak paid");
    desk_expect(d, 0, NULL,
                "fit t.csv --target y --model logistic --drop paid --nested --json --min-auc .5");
    json_t *report = desk_json(d);
    assert_true(json_number_value(json_object_get(report, "value")) < 0.99);
    json_decref(report);
}

static void write_level(const desk_row *r, char *ret, size_t n)
{
    snprintf(ret, n, "user%zu,%.4f,%s", r->i % 10000, r->x, r->y);
}

static void ten_thousand_categories_are_no_obstacle(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "user,x,y", 12000, write_level);
    fits(d, NULL, "--model logistic");
}

static void columns_that_are_not_there_are_named_before_the_contest(void **state)
{
    desk *d = *state;
    static const char *const options[] = {"--drop", "--time",   "--group",
                                          "--fold", "--weight", "--fairness"};
    char option[60];

    desk_table(d, "t.csv", "x,z,c,y", ROWS, NULL);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        snprintf(option, sizeof option, "%s nope", options[i]);
        refused(d, "there is no column \"nope\"", option);
    }
    refused(d, "there is no metric \"best\" for task binary", "--metric best");
    refused(d, "there is no task \"guess\"", "--task guess");
    refused(d, "the target is \"no\" or \"yes\", never \"maybe\"", "--positive maybe");
    refused(d, "column c: weights must be numbers", "--weight c");
    refused(d, "column z: row ", "--weight z");
    refused(d, "2 to 20 make folds", "--fold x");
    desk_expect(d, 1, "there is no model \"oracle\"",
                "fit t.csv --target y --model oracle --output m.safetensors");
    desk_expect(d, 1, "fairness is audited of yes-or-no targets",
                "fit t.csv --target c --fairness y --output m.safetensors");
}

/* ---- time ---- */

static void write_time(const desk_row *r, char *ret, size_t n)
{
    if (r->i == 17)
        snprintf(ret, n, ",soon,%.4f,%s", r->x, r->y);
    else
        snprintf(ret, n, "2026-01-%02zu,2026-01-%02zu,%.4f,%s", r->i % 28 + 1, r->i % 28 + 1, r->x,
                 r->y);
}

static void a_time_that_cannot_be_read_is_refused_with_its_row(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "gap,word,x,y", ROWS, write_time);
    refused(d, "column gap: row 18 has no time", "--time gap");
    refused(d, "column word is no time: row 18 has \"soon\"", "--time word");
    refused(d, "dates like 2026-11-28", "--time word");
}

/* ---- files ---- */

static void files_that_cannot_be_read_name_line_and_column(void **state)
{
    desk *d = *state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"", "t.csv: the file is empty"},
        {"x,y\n", "there are no rows to learn from"},
        {"x,x,y\n1,2,a\n", "columns 1 and 2 are both called 'x'"},
        {"x,y\n1,a\n2\n3,b\n", "line 3: 1 fields where the header has 2"},
        {"x,y\n1,a\n\"2,b\n", "line 3"},
        {"x,y\n1,caf\xe9\n", "line 2, column 2 (y)"},
        {"x,y\n1,a\n2,b\n3,a\n", "3 rows have a target"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_text(d, "t.csv", cases[i].text);
        refused(d, cases[i].told, "");
    }
}

static void bad_rows_may_be_skipped_up_to_a_number(void **state)
{
    desk *d = *state;
    size_t n;
    char *text = desk_text("x,z,c,y", ROWS, NULL, &n), *longer = malloc(n + 20);

    memcpy(longer, text, n);
    memcpy(longer + n, "1,2\n1,2,3,4,5\n", 14);
    desk_write(d, "t.csv", longer, n + 14);
    refused(d, "line 302: 2 fields where the header has 4", "");
    refused(d, "line 303", "--skip-bad 1");
    desk_expect(d, 0, "2 ",
                "fit t.csv --target y --model logistic --skip-bad 2 --output m.safetensors");
    free(longer);
    free(text);
}

/* ---- small and odd ---- */

static void few_rows_are_answered_with_a_warning(void **state)
{
    desk *d = *state;

    desk_table(d, "t.csv", "x,z,c,y", 30, NULL);
    fits(d, "fewer than 50 rows: every figure is a guess", "--model logistic,tree");
}

static void write_wide(const desk_row *r, char *ret, size_t n)
{
    size_t at = 0;

    for (size_t j = 0; j < 60; j++)
        at += (size_t)snprintf(ret + at, n - at, "%.1f,", r->x * (double)(j % 7) - r->z);
    snprintf(ret + at, n - at, "%s", r->y);
}

static void more_columns_than_rows_are_learnt_from(void **state)
{
    desk *d = *state;
    char header[400] = "";

    for (int j = 0; j < 60; j++)
        snprintf(header + strlen(header), sizeof header - strlen(header), "v%d,", j);
    strcat(header, "y");
    desk_table(d, "t.csv", header, 40, write_wide);
    fits(d, NULL, "--model logistic,tree --folds 3");
}

static void asking_for_what_cannot_be_is_refused_with_the_way_out(void **state)
{
    desk *d = *state;

    desk_table(d, "n.csv", "x,z,c,y", 60, NULL);
    desk_expect(d, 2, "fit without --nested: the audit is in the card",
                "fit n.csv --target y --nested --fairness c --model tree");
    desk_expect(d, 1, "not of task regression",
                "fit n.csv --target x --cost 1:5 --model linear --output m.safetensors");
    desk_expect(d, 1, "not of task regression",
                "fit n.csv --target x --cost 1:5 --model linear --nested");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, desk_set_up, desk_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(asking_for_what_cannot_be_is_refused_with_the_way_out),
        TEST(a_constant_target_is_refused_as_a_class_and_told_as_a_number),
        TEST(a_class_of_too_few_rows_is_named),
        TEST(folds_that_train_on_one_class_are_refused),
        TEST(rows_without_a_target_are_counted_and_all_of_them_refused),
        TEST(a_target_beyond_float_is_refused_with_its_row),
        TEST(a_column_without_values_is_left_out_aloud),
        TEST(infinite_values_are_missing_and_counted),
        TEST(numbers_among_text_are_told_with_the_first_row_that_is_none),
        TEST(ids_constants_and_copies_are_left_out_aloud),
        TEST(a_column_that_tells_the_target_stops_the_fit_by_name),
        TEST(ten_thousand_categories_are_no_obstacle),
        TEST(columns_that_are_not_there_are_named_before_the_contest),
        TEST(a_time_that_cannot_be_read_is_refused_with_its_row),
        TEST(files_that_cannot_be_read_name_line_and_column),
        TEST(bad_rows_may_be_skipped_up_to_a_number),
        TEST(few_rows_are_answered_with_a_warning),
        TEST(more_columns_than_rows_are_learnt_from),
    };
    return cmocka_run_group_tests_name("e2e/fit_bad", tests, NULL, NULL);
}
