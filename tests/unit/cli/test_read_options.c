/* The options of reading a table, from words to what the readers take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "cli/read_options.h"

static void refuse(const tdl_read_values *values, const char *message)
{
    tdl_read_options o = {0};
    tdl_report why = {0};

    assert_int_equal(tdl_read_values_options(values, &o, &why), TDL_E_USAGE);
    if (!strstr(why.message, message))
        fail_msg("got: %s", why.message);
}

static void nothing_given_is_nothing_asked(void **state)
{
    tdl_read_values v = {.query = "", .delimiter = "", .encoding = "", .missing = "", .types = ""};
    tdl_read_options o = {.delimiter = 'x'};

    TDL_UNUSED(state);
    assert_int_equal(tdl_read_values_options(&v, &o, NULL), TDL_OK);
    assert_true(!o.query && !o.encoding && !o.missing && !o.delimiter && !o.wishes_n);
    v = (tdl_read_values){0};
    assert_int_equal(tdl_read_values_options(&v, &o, NULL), TDL_OK);
}

static void types_are_split_at_commas_and_the_last_equals_sign(void **state)
{
    tdl_read_values v = {.types = "zip=category,a=b=date,城市=text"};
    tdl_read_options o;

    TDL_UNUSED(state);
    assert_int_equal(tdl_read_values_options(&v, &o, NULL), TDL_OK);
    assert_int_equal(o.wishes_n, 3);
    assert_true(tdl_str_is(o.wish[0].name, "zip") && o.wish[0].type == TDL_COLUMN_CATEGORY);
    assert_true(tdl_str_is(o.wish[1].name, "a=b") && o.wish[1].type == TDL_COLUMN_DATE);
    assert_true(tdl_str_is(o.wish[2].name, "城市") && o.wish[2].type == TDL_COLUMN_TEXT);
    tdl_read_free_wishes(&o);
    refuse(&(tdl_read_values){.types = "zip"}, "'zip' is not COLUMN=TYPE");
    refuse(&(tdl_read_values){.types = "=date"}, "is not COLUMN=TYPE");
    refuse(&(tdl_read_values){.types = "zip=date,"}, "'' is not COLUMN=TYPE");
    refuse(&(tdl_read_values){.types = "zip=number"}, "no type 'number'");
    refuse(&(tdl_read_values){.types = "zip=image"}, "no type 'image'");
}

static void a_delimiter_is_a_character_or_its_name(void **state)
{
    static const struct {
        const char *given;
        char is;
    } delimiters[] = {{"tab", '\t'}, {"\\t", '\t'}, {";", ';'}, {"pipe", '|'}, {"\t", '\t'}};
    tdl_read_options o;

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof delimiters / sizeof delimiters[0]; i++) {
        tdl_read_values v = {.delimiter = delimiters[i].given};
        assert_int_equal(tdl_read_values_options(&v, &o, NULL), TDL_OK);
        assert_int_equal(o.delimiter, delimiters[i].is);
    }
    refuse(&(tdl_read_values){.delimiter = "::"}, "one character");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_is_nothing_asked),
        cmocka_unit_test(types_are_split_at_commas_and_the_last_equals_sign),
        cmocka_unit_test(a_delimiter_is_a_character_or_its_name),
    };

    return cmocka_run_group_tests_name("cli/read_options", tests, NULL, NULL);
}
