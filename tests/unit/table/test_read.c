/* Files of any kind into frames: delimiters, encodings, bad rows, schemas. */
#include "frame_case.h"

#include <zlib.h>

static void the_delimiter_is_the_one_the_header_has_most_of(void **state)
{
    static const struct {
        const char *text, *name;
        char delimiter;
    } files[] = {
        {"a;b;c\n1,5;2;3\n", "c", ';'},       {"a\tb\n1\t2\n", "b", '\t'}, {"a|b\n1|2\n", "b", '|'},
        {"\"x;y;z\",b\n1,2\n", "x;y;z", ','}, {"only\n1\n", "only", ','},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        tdl_frame f = {0};
        tdl_read_counts counts = {0};
        assert_int_equal(
            try_file(".csv", files[i].text, strlen(files[i].text), NULL, &f, &counts, NULL),
            TDL_OK);
        column_of(&f, files[i].name);
        assert_int_equal(counts.delimiter, files[i].delimiter);
        tdl_frame_release(&f);
    }
}

static const char bad_rows[] = "a,b\n1,2\n3\n4,5,6\n7,x\"y\n8,\xff\n9,10\n";

static void bad_rows_are_refused_with_their_line(void **state)
{
    TDL_UNUSED(state);
    refuse_file(".csv", bad_rows, strlen(bad_rows), NULL, TDL_E_INVALID,
                "line 3: 1 fields where the header has 2");
    refuse_file(".csv", "a,a\n1,2\n", 8, NULL, TDL_E_INVALID,
                "columns 1 and 2 are both called 'a'");
    refuse_file(".csv", "", 0, NULL, TDL_E_INVALID, "the file is empty");
    refuse_file(".csv", "a,b\n1,\"2\n", 9, NULL, TDL_E_INVALID, "line 2");
    refuse_file(".csv",
                "\xff\xfe"
                "a\0",
                4, NULL, TDL_E_INVALID, "UTF-16");
}

static void bad_rows_may_be_left_out_up_to_a_number(void **state)
{
    tdl_read_options o = {.skip_bad = 4, .encoding = "utf-8"};
    tdl_frame f = {0};
    tdl_read_counts counts = {0};

    TDL_UNUSED(state);
    assert_int_equal(try_file(".csv", bad_rows, strlen(bad_rows), &o, &f, &counts, NULL), TDL_OK);
    assert_cells(&f, "a", "1|9");
    assert_int_equal(counts.rows_skipped, 4);
    assert_int_equal(counts.first_skipped, 3);
    tdl_frame_release(&f);
    o.encoding = NULL; /* 0xff is none of GB18030 either */
    assert_int_equal(try_file(".csv", bad_rows, strlen(bad_rows), &o, &f, &counts, NULL), TDL_OK);
    assert_int_equal(counts.rows_skipped, 4);
    assert_false(counts.gb18030);
    tdl_frame_release(&f);
    o.skip_bad = 3;
    refuse_file(".csv", bad_rows, strlen(bad_rows), &o, TDL_E_INVALID, "line 6");
}

/* The bytes are Python's "城市,值\n北京,1\n成都,2\n".encode("gb18030") and, at the end, a character
 * of four bytes there: "㐀". */
static const char chinese[] = "\xb3\xc7\xca\xd0,\xd6\xb5\n\xb1\xb1\xbe\xa9,1\n\xb3\xc9\xb6\xbc,2\n"
                              "\x81\x39\xee\x39,3\n";

static void a_file_that_is_not_utf8_is_read_as_gb18030(void **state)
{
    tdl_frame f = {0};
    tdl_read_counts counts = {0};
    tdl_read_options o = {.encoding = "utf-8"};

    TDL_UNUSED(state);
    assert_int_equal(try_file(".csv", chinese, strlen(chinese), NULL, &f, &counts, NULL), TDL_OK);
    assert_true(counts.gb18030);
    assert_cells(&f, "城市", "北京|成都|㐀");
    assert_cells(&f, "值", "1|2|3");
    tdl_frame_release(&f);
    refuse_file(".csv", chinese, strlen(chinese), &o, TDL_E_INVALID, "is not UTF-8");
    o.encoding = "gb18030";
    assert_int_equal(try_file(".csv", chinese, strlen(chinese), &o, &f, &counts, NULL), TDL_OK);
    tdl_frame_release(&f);
    o.encoding = "klingon";
    refuse_file(".csv", chinese, strlen(chinese), &o, TDL_E_USAGE, "no encoding 'klingon'");
    /* Latin 1: "é," is not GB18030 */
    refuse_file(".csv", "a,b\ncaf\xe9,1\n", 11, NULL, TDL_E_INVALID, "line 2, column 1 (a)");
    o.encoding = "latin1";
    assert_int_equal(try_file(".csv", "a,b\ncaf\xe9,1\n", 11, &o, &f, &counts, NULL), TDL_OK);
    assert_cells(&f, "a", "café");
    tdl_frame_release(&f);
}

static void characters_across_the_border_of_a_buffer_are_converted(void **state)
{
    tdl_buf text = {0};
    tdl_frame f = {0};
    tdl_read_counts counts;

    TDL_UNUSED(state);
    tdl_buf_text(&text, "x,y\n1,");
    while (text.len < 200000)
        tdl_buf_text(&text, "\x81\x39\xee\x39\xd6\xb5"
                            "a");
    tdl_buf_text(&text, "\n");
    assert_int_equal(try_file(".csv", text.at, text.len, NULL, &f, &counts, NULL), TDL_OK);
    assert_int_equal(column_of(&f, "y")->levels[0].len, (text.len - 7) / 7 * 7);
    assert_true(tdl_str_utf8(column_of(&f, "y")->levels[0], NULL));
    tdl_frame_release(&f);
    tdl_buf_release(&text);
}

static bool stop_at_once(void *context, uint64_t bytes, uint64_t total)
{
    *(uint64_t *)context = bytes;
    return total == 0;
}

static void reading_can_be_stopped_and_cut_short(void **state)
{
    tdl_buf text = {0};
    uint64_t seen = 0;
    tdl_read_options o = {.progress = stop_at_once, .progress_context = &seen};
    tdl_read_options few = {.rows_max = 7};
    tdl_frame f;

    TDL_UNUSED(state);
    tdl_buf_text(&text, "x\n");
    for (int i = 0; i < 10000; i++)
        tdl_buf_text(&text, "1\n");
    refuse_file(".csv", text.at, text.len, &o, TDL_E_STOPPED, "stopped");
    assert_true(seen > 0);
    f = read_text(text.at, &few);
    assert_int_equal(f.rows, 7);
    tdl_frame_release(&f);
    tdl_buf_release(&text);
}

static void a_source_that_is_not_there_is_named(void **state)
{
    tdl_frame f = {0};
    tdl_report why = {0};
    tdl_read_options o = {.query = "select 1"};

    TDL_UNUSED(state);
    assert_int_equal(tdl_frame_read("/nowhere/x.csv", NULL, &f, NULL, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.message, "/nowhere/x.csv"));
    assert_int_equal(tdl_frame_read("/nowhere/x.csv", &o, &f, NULL, &why), TDL_E_USAGE);
}

/* ---- schemas ---- */

static json_t *json_of(const char *text)
{
    json_t *value = NULL;
    tdl_report why = {0};

    if (tdl_json_parse(tdl_str_of(text), TDL_JSON_REFUSE_DUPLICATES, &value, &why))
        fail_msg("%s", why.message);
    return value;
}

static const char people[] = "age,city,since,member,id,score\n"
                             "31,Oslo,2020-01-02,Yes,a1,1.5\n"
                             "44,Rome,2021-03-04,No,a2,\n"
                             "29,Oslo,2019-05-06,Yes,a3,2.5\n";

static void a_saved_schema_reads_another_file_alike(void **state)
{
    tdl_frame f = read_text(people, NULL), again;
    json_t *schema = tdl_schema_save(&f);
    tdl_read_options o = {0};
    tdl_column_wish *wish = NULL;
    char *text = json_dumps(schema, JSON_COMPACT);

    TDL_UNUSED(state);
    assert_string_equal(
        text, "{\"columns\":[{\"name\":\"age\",\"type\":\"integer\"},"
              "{\"name\":\"city\",\"type\":\"category\",\"levels\":[\"Oslo\",\"Rome\"]},"
              "{\"name\":\"since\",\"type\":\"date\"},"
              "{\"name\":\"member\",\"type\":\"boolean\",\"levels\":[\"No\",\"Yes\"]},"
              "{\"name\":\"id\",\"type\":\"id\"},{\"name\":\"score\",\"type\":\"numeric\"}]}");
    free(text);
    assert_int_equal(tdl_schema_wishes(schema, &wish, &o.wishes_n, NULL), TDL_OK);
    o.wish = wish;
    again = read_text("id,age,city,member\n7,3.5,12,yes\n", &o);
    assert_type(&again, "id", "id");
    assert_type(&again, "age", "integer");
    assert_cells(&again, "age", "3.5");
    assert_type(&again, "city", "category");
    assert_type(&again, "member", "boolean");
    assert_true(column_of(&again, "member")->number[0] == 1);
    free(wish);
    json_decref(schema);
    tdl_frame_release(&f);
    tdl_frame_release(&again);
}

static void rows_of_json_become_a_frame_of_the_schema(void **state)
{
    tdl_frame f = read_text(people, NULL), rows = {0};
    json_t *schema = tdl_schema_save(&f);
    json_t *json = json_of("[{\"age\": 40, \"city\": \"Rome\", \"since\": \"2022-01-01T00:00:00Z\","
                           "\"member\": true, \"score\": \"2.5\", \"x\": 1, \"y\": null},"
                           "{\"age\": null, \"city\": 7, \"member\": \"no\", \"score\": 0.1},"
                           "{\"city\": \"Bern\", \"member\": 0, \"id\": \"a9\"}]");
    size_t unknown = 0;
    tdl_report why = {0};

    TDL_UNUSED(state);
    if (tdl_frame_of_json(schema, json, &rows, &unknown, NULL, NULL, &why))
        fail_msg("%s", why.message);
    assert_int_equal(rows.rows, 3);
    assert_int_equal(rows.columns_n, 6);
    assert_int_equal(unknown, 2);
    assert_cells(&rows, "age", "40||");
    assert_cells(&rows, "city", "Rome|7|Bern");
    assert_cells(&rows, "since", "2022-01-01T00:00:00Z||");
    assert_cells(&rows, "member", "Yes|No|No");
    assert_cells(&rows, "score", "2.5|0.1|");
    assert_cells(&rows, "id", "||a9");
    assert_int_equal(column_of(&rows, "age")->missing, 2);
    json_decref(schema);
    json_decref(json);
    tdl_frame_release(&f);
    tdl_frame_release(&rows);
}

static void a_wrong_type_is_the_fault_of_its_row_only(void **state)
{
    tdl_frame f = read_text(people, NULL), rows = {0};
    json_t *schema = tdl_schema_save(&f);
    json_t *json =
        json_of("[{\"age\": 1}, {\"age\": \"old\"}, 5, {\"member\": [1]}, {\"since\": 3}]");
    tdl_row_fault *fault = NULL;
    size_t n = 0;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_frame_of_json(schema, json, &rows, NULL, &fault, &n, NULL), TDL_OK);
    assert_int_equal(n, 4);
    assert_int_equal(fault[0].row, 1);
    assert_int_equal(fault[0].column, 0);
    assert_string_equal(fault[0].why.message, "age: 'old' is not a number");
    assert_string_equal(fault[1].why.message, "a row is an object, not number");
    assert_int_equal(fault[2].row, 3);
    assert_int_equal(fault[3].column, 2);
    assert_cells(&rows, "age", "1||||");
    free(fault);
    tdl_frame_release(&rows);
    assert_int_equal(tdl_frame_of_json(schema, json, &rows, NULL, NULL, NULL, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "row 2: age: 'old' is not a number");
    json_decref(schema);
    json_decref(json);
    tdl_frame_release(&f);
}

static void a_wrong_cell_of_a_file_refuses_its_row_only(void **state)
{
    const tdl_column_wish wish[] = {{TDL_STR("age"), TDL_COLUMN_INTEGER},
                                    {TDL_STR("since"), TDL_COLUMN_DATE}};
    tdl_refused_rows refused = {0};
    tdl_read_options options = {.wish = wish, .wishes_n = 2, .refused = &refused};
    tdl_frame f = read_text("age,city,since\n1,Rome,2022-01-01\nold,Bern,soon\n3,Paris,2022\n"
                            "4,Oslo,never\n",
                            &options);
    tdl_report why = {0};
    size_t at = 9;

    TDL_UNUSED(state);
    assert_int_equal(refused.n, 2);
    assert_int_equal(refused.row[0].row, 1);
    assert_int_equal(refused.row[1].row, 3);
    assert_non_null(strstr(tdl_refused_said(&refused, 0), "column 'age': 'old' is not a number; "));
    assert_non_null(strstr(tdl_refused_said(&refused, 1), "column 'since': 'never' is not a date"));
    assert_cells(&f, "age", "1||3|4");
    assert_int_equal(tdl_refused_take_out(&refused, &f, &why), TDL_OK);
    assert_cells(&f, "city", "Rome|Paris");
    assert_int_equal(tdl_refused_find(&refused, 2, &at, &why), TDL_OK);
    assert_int_equal(at, 1);
    assert_int_equal(tdl_refused_find(&refused, 3, &at, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 4: column 'since'"));
    tdl_refused_release(&refused);
    tdl_frame_release(&f);
}

static void what_was_missing_in_training_is_missing_in_json(void **state)
{
    const tdl_read_options options = {.missing = "-9,unknown"};
    tdl_frame f = read_text("age,city\n1,Rome\n-9,unknown\n3,NA\n", &options), rows = {0};
    json_t *schema = tdl_schema_save(&f);
    json_t *json = json_of("[{\"age\": -9, \"city\": \"NA\"}, {\"age\": \"-9\", \"city\": "
                           "\"unknown\"}, {\"age\": -9.5}]");
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_schema_set_missing(schema, options.missing, &why), TDL_OK);
    assert_string_equal(tdl_schema_missing(schema), "-9,unknown");
    assert_int_equal(tdl_frame_of_json(schema, json, &rows, NULL, NULL, NULL, &why), TDL_OK);
    assert_cells(&rows, "age", "||-9.5");
    assert_cells(&rows, "city", "NA||");
    assert_int_equal(tdl_schema_set_missing(schema, "\xff", &why), TDL_E_INVALID);
    json_decref(schema);
    json_decref(json);
    tdl_frame_release(&f);
    tdl_frame_release(&rows);
}

static void an_image_of_json_has_the_schemas_shape(void **state)
{
    json_t *schema =
        json_of("{\"columns\": [{\"name\": \"i\", \"type\": \"image\", \"shape\": [1, 2, 2]}]}");
    json_t *json =
        json_of("[{\"i\": [1, 2, 3, 255]}, {\"i\": [[[1, 2], [3, 4]]]}, {\"i\": [1, 2, 3]},"
                "{\"i\": [1, 2, 3, 4, 5]}, {\"i\": [1, 2, 3, 256]}, {}]");
    tdl_frame rows = {0};
    tdl_row_fault *fault = NULL;
    size_t n = 0;

    TDL_UNUSED(state);
    assert_int_equal(tdl_frame_of_json(schema, json, &rows, NULL, &fault, &n, NULL), TDL_OK);
    assert_int_equal(n, 4);
    assert_int_equal(fault[0].row, 2);
    assert_memory_equal(rows.column[0].pixel, "\1\2\3\xff\1\2\3\4\0\0\0\0", 12);
    free(fault);
    tdl_frame_release(&rows);
    json_decref(schema);
    json_decref(json);
}

static void hostile_schemas_are_refused(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"columns\": 3}",
        "{\"columns\": [1]}",
        "{\"columns\": [{\"name\": \"a\"}]}",
        "{\"columns\": [{\"name\": \"\", \"type\": \"text\"}]}",
        "{\"columns\": [{\"name\": \"a\", \"type\": \"tensor\"}]}",
        "{\"columns\": [{\"name\": \"a\", \"type\": \"id\"}, {\"name\": \"a\", \"type\": \"id\"}]}",
        "{\"columns\": [{\"name\": \"a\", \"type\": \"category\", \"levels\": [1]}]}",
        "{\"columns\": [{\"name\": \"a\", \"type\": \"image\"}]}",
        "{\"columns\": [{\"name\": \"a\", \"type\": \"image\", \"shape\": [1, 0, 2]}]}",
        "{\"columns\": [{\"name\": \"a\", \"type\": \"image\", \"shape\": [32768, 32768, 32768]}]}",
    };
    json_t *rows = json_of("[{}]");

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *schema = json_of(bad[i]);
        tdl_frame f = {0};
        tdl_report why = {0};
        if (!tdl_frame_of_json(schema, rows, &f, NULL, NULL, NULL, &why) || !why.message[0])
            fail_msg("accepted: %s", bad[i]);
        json_decref(schema);
    }
    json_decref(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_delimiter_is_the_one_the_header_has_most_of),
        cmocka_unit_test(bad_rows_are_refused_with_their_line),
        cmocka_unit_test(bad_rows_may_be_left_out_up_to_a_number),
        cmocka_unit_test(a_file_that_is_not_utf8_is_read_as_gb18030),
        cmocka_unit_test(characters_across_the_border_of_a_buffer_are_converted),
        cmocka_unit_test(reading_can_be_stopped_and_cut_short),
        cmocka_unit_test(a_source_that_is_not_there_is_named),
        cmocka_unit_test(a_saved_schema_reads_another_file_alike),
        cmocka_unit_test(rows_of_json_become_a_frame_of_the_schema),
        cmocka_unit_test(a_wrong_type_is_the_fault_of_its_row_only),
        cmocka_unit_test(a_wrong_cell_of_a_file_refuses_its_row_only),
        cmocka_unit_test(what_was_missing_in_training_is_missing_in_json),
        cmocka_unit_test(an_image_of_json_has_the_schemas_shape),
        cmocka_unit_test(hostile_schemas_are_refused),
    };

    return cmocka_run_group_tests_name("table/read", tests, NULL, NULL);
}
