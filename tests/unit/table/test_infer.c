/* Types told from all cells of a column. The rules: read.h and spec/predict.md 2.1. */
#include "frame_case.h"

static void numbers_integers_dates_and_truths_are_told_apart(void **state)
{
    tdl_frame f = read_text("n,i,d,t,b,c,y\n"
                            "1.5,1,2001-01-22,2016-07-01 00:00:00,yes,a,T\n"
                            "-3e4,-2,2001-01-23,2016-07-01 01:00,no,b,F\n"
                            ".25,\"30\",2000-02-29,2016-07-01T02:00:00.5+08:00,yes,a,T\n",
                            NULL);

    TDL_UNUSED(state);
    assert_type(&f, "n", "numeric");
    assert_cells(&f, "n", "1.5|-30000|0.25");
    assert_type(&f, "i", "integer");
    assert_cells(&f, "i", "1|-2|30");
    assert_type(&f, "d", "date");
    /* python: datetime(2001,1,22,tzinfo=utc).timestamp(), and so on */
    assert_true(column_of(&f, "d")->number[0] == 980121600);
    assert_true(column_of(&f, "d")->number[2] == 951782400);
    assert_type(&f, "t", "date");
    assert_true(column_of(&f, "t")->number[0] == 1467331200);
    assert_true(column_of(&f, "t")->number[1] == 1467334800);
    assert_true(column_of(&f, "t")->number[2] == 1467309600.5);
    assert_type(&f, "b", "boolean");
    assert_cells(&f, "b", "yes|no|yes");
    assert_true(column_of(&f, "b")->number[0] == 1 && column_of(&f, "b")->number[1] == 0);
    assert_type(&f, "y", "boolean");
    assert_type(&f, "c", "category");
    assert_cells(&f, "c", "a|b|a");
    tdl_frame_release(&f);
}

static void zero_and_one_stay_integers(void **state)
{
    tdl_frame f = read_text("x\n0\n1\n1\n", NULL);

    TDL_UNUSED(state);
    assert_type(&f, "x", "integer");
    tdl_frame_release(&f);
}

static void truths_are_two_spellings_of_one_pair(void **state)
{
    tdl_frame f =
        read_text("a,b,c,d\nyes,yes,TRUE,yes\nno,false,False,YES\nmaybe,yes,TRUE,no\n", NULL);

    TDL_UNUSED(state);
    assert_type(&f, "a", "category");
    assert_type(&f, "b", "category");
    assert_type(&f, "c", "boolean");
    assert_cells(&f, "c", "TRUE|False|TRUE");
    assert_type(&f, "d", "category");
    tdl_frame_release(&f);
}

static void one_odd_cell_makes_text_and_keeps_every_spelling(void **state)
{
    tdl_frame f = read_text("a,b,c\n001,1.50,12345678901234567890\n002,-0.0,1e3\n+3,0.30,inf\n"
                            "4,,.5\nA1,x,y\n",
                            NULL);

    TDL_UNUSED(state);
    assert_type(&f, "a", "category");
    assert_cells(&f, "a", "001|002|+3|4|A1");
    assert_cells(&f, "b", "1.50|-0.0|0.30||x");
    assert_cells(&f, "c", "12345678901234567890|1e3|inf|.5|y");
    tdl_frame_release(&f);
}

static void spellings_of_random_numbers_survive(void **state)
{
    tdl_buf csv = {0}, want = {0};
    uint64_t seed = 88172645463325252u;
    tdl_frame f;

    TDL_UNUSED(state);
    tdl_buf_text(&csv, "x\n");
    for (int i = 0; i < 3000; i++) {
        size_t at = csv.len;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        int decimals = (int)(seed % 12);
        double scale[] = {1, 1e3, 1e6, 1e-3};
        tdl_buf_printf(&csv, "%.*f", decimals,
                       ((double)(seed >> 40) / 1e4 - 800) * scale[(seed >> 8) % 4]);
        tdl_buf_add(&want, csv.at + at, csv.len - at);
        tdl_buf_char(&want, '|');
        tdl_buf_char(&csv, '\n');
    }
    tdl_buf_text(&csv, "end\n");
    tdl_buf_text(&want, "end");
    f = read_text(csv.at, NULL);
    assert_cells(&f, "x", want.at);
    tdl_frame_release(&f);
    tdl_buf_release(&csv);
    tdl_buf_release(&want);
}

/* Against strtod, the C library's correctly rounded reading. */
static void plain_decimals_are_read_to_the_nearest_double(void **state)
{
    static const char *const text[] = {"0.1",
                                       "123456789012345",
                                       "0.000000000000012",
                                       "2.675",
                                       "-1.005",
                                       "999999999999.999",
                                       "1e-300",
                                       "4.35",
                                       "0.30000000000000004"};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        char csv[64];
        snprintf(csv, sizeof csv, "x\n%s\n", text[i]);
        tdl_frame f = read_text(csv, NULL);
        assert_true(f.column[0].number[0] == strtod(text[i], NULL));
        tdl_frame_release(&f);
    }
}

static void missing_and_infinite_cells_are_counted(void **state)
{
    tdl_frame f =
        read_text("x,y,z\n1,,NA\ninf, ,a\n-Infinity,null,?\n1e999,NaN,None\n2,n/a,b\n", NULL);
    const tdl_column *x = column_of(&f, "x"), *y = column_of(&f, "y"), *z = column_of(&f, "z");

    TDL_UNUSED(state);
    assert_type(&f, "x", "numeric");
    assert_int_equal(x->infinite, 3);
    assert_int_equal(x->missing, 3);
    assert_false(tdl_column_has(x, 1));
    assert_int_equal(y->missing, 5);
    assert_type(&f, "y", "numeric");
    assert_int_equal(z->missing, 3);
    assert_int_equal(z->levels_n, 2);
    tdl_frame_release(&f);
}

static void missing_spellings_may_be_named(void **state)
{
    tdl_read_options o = {.missing = "-99, keine"};
    tdl_frame f = read_text("x,y\n1,NA\n-99,keine\n3,b\n", &o);

    TDL_UNUSED(state);
    assert_cells(&f, "x", "1||3");
    assert_cells(&f, "y", "NA||b");
    tdl_frame_release(&f);
}

/* 25 rows: five columns that name rows, and five that do not. */
static void ids_are_found_and_features_left_alone(void **state)
{
    tdl_buf csv = {0};
    tdl_frame f;

    TDL_UNUSED(state);
    tdl_buf_text(&csv, "customerID,order_id,row,code,Id,price,year,day,paid,grid\n");
    for (int i = 0; i < 25; i++)
        tdl_buf_printf(&csv, "C%d,%d,%d,x%d,%d,%d.5,%d,%d,%d,%d\n", i * 7 % 31, 900 - i * 3, i + 1,
                       i, 1000 + (i == 7 ? 6 : i), 20 + i, 1990 + i, i, i * 5, i % 4);
    f = read_text(csv.at, NULL);
    assert_type(&f, "customerID", "id");
    assert_type(&f, "order_id", "id");
    assert_type(&f, "row", "id");
    assert_type(&f, "code", "id");
    assert_type(&f, "Id", "id"); /* one id is there twice, as some are in BreastCancer */
    assert_type(&f, "price", "numeric");
    assert_type(&f, "year", "integer");
    assert_type(&f, "day", "integer");
    assert_type(&f, "paid", "integer");
    assert_type(&f, "grid", "integer");
    tdl_frame_release(&f);
    tdl_buf_release(&csv);
}

static void ids_of_more_digits_than_a_double_holds_stay_apart(void **state)
{
    tdl_frame f = read_text("user_id,x\n9007199254740993,1\n9007199254740992,2\n", NULL);

    TDL_UNUSED(state);
    assert_type(&f, "user_id", "id");
    assert_int_equal(column_of(&f, "user_id")->levels_n, 2);
    tdl_frame_release(&f);
}

static void text_is_told_from_categories(void **state)
{
    tdl_frame f = read_text("review,评论,city\n"
                            "the food was cold and late,菜很咸而且等了一个小时,New York\n"
                            "would come here again,服务员很热情下次再来,New York\n"
                            "not bad for the price,味道不错就是有点贵,San Jose\n"
                            "the waiter was very kind,环境安静适合聊天,San Jose\n",
                            NULL);

    TDL_UNUSED(state);
    assert_type(&f, "review", "text");
    assert_type(&f, "评论", "text");
    assert_type(&f, "city", "category");
    tdl_frame_release(&f);
}

static void three_rows_and_none_make_a_frame(void **state)
{
    tdl_frame f = read_text("a,b\nx,1\ny,2\nz,3\n", NULL), none = read_text("a,b\n", NULL);

    TDL_UNUSED(state);
    assert_int_equal(f.rows, 3);
    assert_type(&f, "a", "category");
    assert_type(&f, "b", "integer");
    assert_int_equal(none.rows, 0);
    assert_int_equal(none.columns_n, 2);
    tdl_frame_release(&f);
    tdl_frame_release(&none);
}

static void ten_thousand_categories_are_kept_in_order(void **state)
{
    tdl_buf csv = {0};
    tdl_frame f;

    TDL_UNUSED(state);
    tdl_buf_text(&csv, "c\n");
    for (int i = 0; i < 20000; i++)
        tdl_buf_printf(&csv, "k%05d\n", i * 7919 % 10000);
    f = read_text(csv.at, NULL);
    assert_type(&f, "c", "category");
    assert_int_equal(f.column[0].levels_n, 10000);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(f.column[0].level[i], i * 7919 % 10000);
    tdl_frame_release(&f);
    tdl_buf_release(&csv);
}

static void wishes_rule(void **state)
{
    tdl_column_wish wish[] = {{TDL_STR("zip"), TDL_COLUMN_CATEGORY},
                              {TDL_STR("when"), TDL_COLUMN_DATE},
                              {TDL_STR("is"), TDL_COLUMN_BOOLEAN},
                              {TDL_STR("x"), TDL_COLUMN_NUMERIC},
                              {TDL_STR("absent"), TDL_COLUMN_TEXT}};
    tdl_read_options o = {.wish = wish, .wishes_n = 5};
    tdl_frame f = read_text("zip,when,is,x\n01,20010122,Yes,1\n2,2001-01,Yes,2\n01,,NA,\n", &o);

    TDL_UNUSED(state);
    assert_type(&f, "zip", "category");
    assert_cells(&f, "zip", "01|2|01");
    assert_type(&f, "when", "date");
    assert_true(column_of(&f, "when")->number[0] == 980121600);
    assert_type(&f, "is", "boolean");
    assert_cells(&f, "is", "Yes|Yes|");
    assert_int_equal(column_of(&f, "is")->levels_n, 2);
    assert_true(tdl_str_is(column_of(&f, "is")->levels[0], "No"));
    assert_type(&f, "x", "numeric");
    tdl_frame_release(&f);
}

static void a_cell_that_is_not_as_wished_is_refused_with_its_line(void **state)
{
    tdl_column_wish wish[] = {{TDL_STR("x"), TDL_COLUMN_INTEGER}};
    tdl_read_options o = {.wish = wish, .wishes_n = 1};

    TDL_UNUSED(state);
    refuse_file(".csv", "a,x\n1,2\n1,two\n", 14, &o, TDL_E_INVALID,
                "line 3: column 'x': 'two' is not a number");
    wish[0].type = TDL_COLUMN_DATE;
    refuse_file(".csv", "a,x\n1,2001-02-29\n", 17, &o, TDL_E_INVALID, "is not a date");
    wish[0].type = TDL_COLUMN_BOOLEAN;
    refuse_file(".csv", "a,x\n1,2\n", 8, &o, TDL_E_INVALID, "'2' is not true or false");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_integers_dates_and_truths_are_told_apart),
        cmocka_unit_test(zero_and_one_stay_integers),
        cmocka_unit_test(truths_are_two_spellings_of_one_pair),
        cmocka_unit_test(one_odd_cell_makes_text_and_keeps_every_spelling),
        cmocka_unit_test(spellings_of_random_numbers_survive),
        cmocka_unit_test(plain_decimals_are_read_to_the_nearest_double),
        cmocka_unit_test(missing_and_infinite_cells_are_counted),
        cmocka_unit_test(missing_spellings_may_be_named),
        cmocka_unit_test(ids_are_found_and_features_left_alone),
        cmocka_unit_test(ids_of_more_digits_than_a_double_holds_stay_apart),
        cmocka_unit_test(text_is_told_from_categories),
        cmocka_unit_test(three_rows_and_none_make_a_frame),
        cmocka_unit_test(ten_thousand_categories_are_kept_in_order),
        cmocka_unit_test(wishes_rule),
        cmocka_unit_test(a_cell_that_is_not_as_wished_is_refused_with_its_line),
    };

    return cmocka_run_group_tests_name("table/infer", tests, NULL, NULL);
}
