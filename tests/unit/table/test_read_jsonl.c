/* JSON lines into frames. */
#include "frame_case.h"

static tdl_frame read_lines(const char *text, const tdl_read_options *options)
{
    tdl_frame frame = {0};
    tdl_report why = {0};

    if (try_file(".jsonl", text, strlen(text), options, &frame, NULL, &why))
        fail_msg("%s (%s)", why.message, why.hint);
    return frame;
}

static void keys_are_columns_in_order_of_first_appearance(void **state)
{
    tdl_frame f = read_lines("{\"b\": 1, \"a\": \"x\"}\n\n{\"a\": \"y\", \"c\": true}\r\n"
                             "{\"c\": false, \"b\": 2.5, \"d\": {\"k\": [1, \"two\"]}}",
                             NULL);

    TDL_UNUSED(state);
    assert_int_equal(f.rows, 3);
    assert_int_equal(f.columns_n, 4);
    assert_string_equal(f.column[0].name, "b");
    assert_string_equal(f.column[3].name, "d");
    assert_type(&f, "b", "numeric");
    assert_cells(&f, "b", "1||2.5");
    assert_type(&f, "c", "boolean");
    assert_cells(&f, "c", "|true|false");
    assert_cells(&f, "d", "||{\"k\":[1,\"two\"]}");
    tdl_frame_release(&f);
}

static void strings_and_nested_values_of_one_row_keep_apart(void **state)
{
    tdl_frame f = read_lines("{\"a\": [1], \"b\": \"s\", \"c\": [2, 3], \"d\": null, \"e\": {}}\n"
                             "{\"e\": [4], \"c\": \"t\", \"a\": [5]}\n",
                             NULL);

    TDL_UNUSED(state);
    assert_cells(&f, "a", "[1]|[5]");
    assert_cells(&f, "b", "s|");
    assert_cells(&f, "c", "[2,3]|t");
    assert_cells(&f, "d", "|");
    assert_cells(&f, "e", "{}|[4]");
    tdl_frame_release(&f);
}

static void long_lines_and_many_of_them_are_read(void **state)
{
    tdl_buf text = {0};
    tdl_frame f;

    TDL_UNUSED(state);
    for (int i = 0; i < 5000; i++) {
        tdl_buf_printf(&text, "{\"i\": %d, \"s\": \"", i);
        for (int k = 0; k < i % 97; k++)
            tdl_buf_char(&text, 'x');
        tdl_buf_text(&text, "\"}\n");
    }
    f = read_lines(text.at, NULL);
    assert_int_equal(f.rows, 5000);
    for (int i = 0; i < 5000; i++)
        assert_true(column_of(&f, "i")->number[i] == i);
    tdl_frame_release(&f);
    tdl_buf_release(&text);
}

static void what_is_no_object_is_refused_with_its_line(void **state)
{
    static const char bad[] = "{\"a\": 1}\n[1]\n{\"a\": 2}\n{\"a\": }\n{\"a\": 1, \"a\": 2}\n";
    tdl_read_options o = {.skip_bad = 3};
    tdl_read_counts counts;
    tdl_frame f = {0};

    TDL_UNUSED(state);
    refuse_file(".jsonl", bad, strlen(bad), NULL, TDL_E_INVALID, "line 2: array where an object");
    refuse_file(".jsonl", "[\n{}\n]\n", 7, NULL, TDL_E_INVALID, "line 1");
    refuse_file(".jsonl", "", 0, NULL, TDL_E_INVALID, "there is no row");
    refuse_file(".jsonl", "{\"a\":\"\xff\"}", 9, NULL, TDL_E_INVALID, "line 1");
    assert_int_equal(try_file(".jsonl", bad, strlen(bad), &o, &f, &counts, NULL), TDL_OK);
    assert_cells(&f, "a", "1|2");
    assert_int_equal(counts.rows_skipped, 3);
    assert_int_equal(counts.first_skipped, 2);
    tdl_frame_release(&f);
}

static void keys_that_are_values_do_not_fill_the_memory(void **state)
{
    tdl_buf text = {0};

    TDL_UNUSED(state);
    for (int i = 0; i < 5000; i++)
        tdl_buf_printf(&text, "{\"k%d\": 1}\n", i);
    refuse_file(".jsonl", text.at, text.len, NULL, TDL_E_TOO_LARGE, "hardly any cell");
    tdl_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_columns_in_order_of_first_appearance),
        cmocka_unit_test(strings_and_nested_values_of_one_row_keep_apart),
        cmocka_unit_test(long_lines_and_many_of_them_are_read),
        cmocka_unit_test(what_is_no_object_is_refused_with_its_line),
        cmocka_unit_test(keys_that_are_values_do_not_fill_the_memory),
    };

    return cmocka_run_group_tests_name("table/read_jsonl", tests, NULL, NULL);
}
