#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "table/csv.h"

static int file_of(tdl_str text)
{
    int fd = memfd_create("csv", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.at, text.len), text.len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* Everything the reader makes of `text`, fields in <>, rows ended by newline, or the error. */
static tdl_status read_all(tdl_str text, const tdl_csv_options *options, tdl_buf *ret,
                           tdl_report *why)
{
    int fd = file_of(text);
    tdl_csv *csv = NULL;
    const tdl_str *fields;
    size_t n;
    bool more = true;
    tdl_status st = tdl_csv_open_fd(fd, "t.csv", options, &csv, why);

    while (!st && !(st = tdl_csv_next(csv, &fields, &n, &more, why)) && more) {
        for (size_t i = 0; i < n; i++) {
            tdl_buf_char(ret, '<');
            tdl_buf_str(ret, fields[i]);
            tdl_buf_char(ret, '>');
        }
        tdl_buf_char(ret, '\n');
    }
    tdl_csv_close(csv);
    close(fd);
    return st;
}

static void check(tdl_str text, const tdl_csv_options *options, const char *expected)
{
    tdl_buf got = {0};
    tdl_report why = {0};

    if (read_all(text, options, &got, &why))
        fail_msg("%s (%s)", why.message, why.hint);
    assert_string_equal(got.at ? got.at : "", expected);
    tdl_buf_release(&got);
}

static void refuse(tdl_str text, tdl_status expected, const char *message, const char *hint)
{
    tdl_buf got = {0};
    tdl_report why = {0};

    assert_int_equal(read_all(text, NULL, &got, &why), expected);
    if (!strstr(why.message, message) || !strstr(why.hint, hint))
        fail_msg("got: %s (%s)", why.message, why.hint);
    tdl_buf_release(&got);
}

/* Each rule of RFC 4180, section 2. */
static void rfc_4180_files_are_read(void **state)
{
    TDL_UNUSED(state);
    check(TDL_STR("a,b,c\r\naaa,bbb,ccc\r\nzzz,yyy,xxx\r\n"), NULL,
          "<aaa><bbb><ccc>\n<zzz><yyy><xxx>\n");
    check(TDL_STR("a,b,c\r\nzzz,yyy,xxx"), NULL, "<zzz><yyy><xxx>\n");
    check(TDL_STR("a,b,c\n\"aaa\",\"bbb\",ccc\n"), NULL, "<aaa><bbb><ccc>\n");
    check(TDL_STR("a,b,c\r\n\"aaa\",\"b\r\nbb\",\"c,c\"\r\n"), NULL, "<aaa><b\r\nbb><c,c>\n");
    check(TDL_STR("a,b,c\n\"aaa\",\"b\"\"bb\",\"\"\"\"\n"), NULL, "<aaa><b\"bb><\">\n");
    check(TDL_STR("a,b\n x , y \n"), NULL, "< x >< y >\n"); /* blanks are part of a field */
    check(TDL_STR("a,b\n,\n\"\",\n"), NULL, "<><>\n<><>\n");
}

static void the_last_line_needs_no_end(void **state)
{
    TDL_UNUSED(state);
    check(TDL_STR("a,b\n1,2"), NULL, "<1><2>\n");
    check(TDL_STR("a,b\n1,"), NULL, "<1><>\n");
    check(TDL_STR("a,b\n1,\"2\""), NULL, "<1><2>\n");
    check(TDL_STR("a,b"), NULL, "");
    check(TDL_STR("a,b\r\n"), NULL, "");
}

static void a_byte_order_mark_is_skipped(void **state)
{
    int fd = file_of(TDL_STR("\xEF\xBB\xBFid,b\n1,2\n"));
    tdl_csv *csv = NULL;
    size_t index = 9;

    TDL_UNUSED(state);
    assert_int_equal(tdl_csv_open_fd(fd, "t.csv", NULL, &csv, NULL), TDL_OK);
    assert_true(tdl_csv_column(csv, "id", &index));
    assert_int_equal(index, 0);
    tdl_csv_close(csv);
    close(fd);
}

static void any_delimiter_is_possible(void **state)
{
    const tdl_csv_options tab = {.delimiter = '\t'}, semicolon = {.delimiter = ';'};

    TDL_UNUSED(state);
    check(TDL_STR("a\tb\n1,5\t\"x\ty\"\n"), &tab, "<1,5><x\ty>\n");
    check(TDL_STR("a;b\n1,5;2\n"), &semicolon, "<1,5><2>\n");
}

static void a_delimiter_that_cannot_be_one_is_refused(void **state)
{
    const char bad[] = {'"', '\n', '\r', (char)0xC3};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad; i++) {
        const tdl_csv_options options = {.delimiter = bad[i]};
        tdl_buf got = {0};

        assert_int_equal(read_all(TDL_STR("a,b\n"), &options, &got, NULL), TDL_E_USAGE);
    }
}

static void blank_lines_are_skipped_unless_there_is_one_column(void **state)
{
    TDL_UNUSED(state);
    check(TDL_STR("a,b\n\n1,2\n\r\n\n3,4\n\n"), NULL, "<1><2>\n<3><4>\n");
    check(TDL_STR("a\n1\n\n2\n"), NULL, "<1>\n<>\n<2>\n");
    refuse(TDL_STR("a,b\n\"\"\n"), TDL_E_INVALID, "1 fields", ""); /* an empty field is no blank */
}

/* The reader's buffer is 64 KiB: fields, quotes, line ends and UTF-8 are laid across its border at
 * every offset. */
static void nothing_depends_on_where_the_buffer_ends(void **state)
{
    const char tail[] = "\"q\"\"q\r\n中\",x\r\ny,\"z\"\r\n";
    static char text[(64 << 10) + 64];

    TDL_UNUSED(state);
    for (size_t shift = 0; shift < sizeof tail; shift++) {
        size_t pad = (64 << 10) - 4 - shift; /* bytes of the first field of the first row */
        tdl_buf got = {0};
        tdl_report why = {0};

        memcpy(text, "a,b\n", 4);
        memset(text + 4, 'p', pad - 3);
        memcpy(text + 4 + pad - 3, ",p\n", 3);
        memcpy(text + 4 + pad, tail, sizeof tail);
        if (read_all((tdl_str){text, 4 + pad + sizeof tail - 1}, NULL, &got, &why))
            fail_msg("%s", why.message);
        assert_int_equal(got.len, pad - 3 + 2 + 4 + strlen("<q\"q\r\n中><x>\n<y><z>\n"));
        assert_string_equal(got.at + pad - 3 + 6, "<q\"q\r\n中><x>\n<y><z>\n");
        tdl_buf_release(&got);
    }
}

static void *write_slowly(void *argument)
{
    const char text[] = "\xEF\xBB\xBFid,b\r\n\"x\"\"y\",中\r\n";

    for (size_t i = 0; i < sizeof text - 1; i++)
        if (write(*(int *)argument, text + i, 1) != 1)
            return NULL;
    close(*(int *)argument);
    return NULL;
}

static void a_pipe_is_read_as_it_comes_and_has_no_known_size(void **state)
{
    int ends[2];
    pthread_t writer;
    tdl_csv *csv = NULL;
    const tdl_str *fields;
    size_t n;
    bool more;

    TDL_UNUSED(state);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_slowly, &ends[1]), 0);
    assert_int_equal(tdl_csv_open_fd(ends[0], "-", NULL, &csv, NULL), TDL_OK);
    assert_int_equal(tdl_csv_bytes_total(csv), 0);
    assert_int_equal(tdl_csv_next(csv, &fields, &n, &more, NULL), TDL_OK);
    assert_true(more && n == 2 && tdl_str_is(fields[0], "x\"y") && tdl_str_is(fields[1], "中"));
    assert_int_equal(tdl_csv_next(csv, &fields, &n, &more, NULL), TDL_OK);
    assert_false(more);
    tdl_csv_close(csv);
    pthread_join(writer, NULL);
    close(ends[0]);
}

static void lines_columns_and_progress_are_told(void **state)
{
    tdl_str text = TDL_STR("id,name\n1,\"two\nlines\"\n\n2,b\n");
    int fd = file_of(text);
    tdl_csv *csv = NULL;
    const tdl_str *fields;
    size_t n, index = 9;
    bool more;

    TDL_UNUSED(state);
    assert_int_equal(tdl_csv_open_fd(fd, "t.csv", NULL, &csv, NULL), TDL_OK);
    assert_true(tdl_str_is(tdl_csv_header(csv, &n)[1], "name"));
    assert_int_equal(n, 2);
    assert_true(tdl_csv_column(csv, "name", &index) && index == 1);
    assert_false(tdl_csv_column(csv, "Name", &index));
    assert_int_equal(tdl_csv_bytes_total(csv), text.len);
    assert_true(tdl_csv_bytes_read(csv) >= 8); /* the header line, and what was read ahead */
    assert_int_equal(tdl_csv_next(csv, &fields, &n, &more, NULL), TDL_OK);
    assert_int_equal(tdl_csv_line(csv), 2);
    assert_int_equal(tdl_csv_next(csv, &fields, &n, &more, NULL), TDL_OK);
    assert_int_equal(tdl_csv_line(csv), 5); /* 3 is inside quotes, 4 is blank */
    assert_int_equal(tdl_csv_next(csv, &fields, &n, &more, NULL), TDL_OK);
    assert_false(more);
    assert_int_equal(tdl_csv_bytes_read(csv), text.len);
    tdl_csv_close(csv);
    close(fd);
}

static void rows_of_another_width_are_refused(void **state)
{
    TDL_UNUSED(state);
    refuse(TDL_STR("a,b\n1,2\n1,2,3\n"), TDL_E_INVALID,
           "t.csv: line 3: 3 fields where the header has 2", "quotes");
    refuse(TDL_STR("a,b,c\n1,2,3\n1,2"), TDL_E_INVALID,
           "t.csv: line 3: 2 fields where the header has 3", "truncated");
}

static void a_file_that_ends_inside_quotes_is_refused(void **state)
{
    TDL_UNUSED(state);
    refuse(TDL_STR("a,b\n1,2\n3,\"begun\nand never\nclosed"), TDL_E_INVALID,
           "t.csv: line 5, column 2 (b): file ends inside a quoted field that began on line 3: the "
           "file may be truncated",
           "");
    refuse(TDL_STR("a,b\n1,\""), TDL_E_INVALID, "began on line 2", "");
    refuse(TDL_STR("a,b\n1,\"x\"\""), TDL_E_INVALID, "began on line 2", "");
}

static void misplaced_quotes_are_refused(void **state)
{
    TDL_UNUSED(state);
    refuse(TDL_STR("a,b\n1,6\" pipe\n"), TDL_E_INVALID,
           "t.csv: line 2, column 2 (b): a quote stands inside a field", "double each quote");
    refuse(TDL_STR("a,b\n\"1\"x,2\n"), TDL_E_INVALID, "line 2", "double each quote");
    refuse(TDL_STR("a,b\n\"1\" ,2\n"), TDL_E_INVALID, "text follows the closing quote", "");
}

static void a_lone_carriage_return_is_refused(void **state)
{
    TDL_UNUSED(state);
    refuse(TDL_STR("a,b\r1,2\r"), TDL_E_INVALID, "line 1", "line ends");
    refuse(TDL_STR("a,b\n1,2\r"), TDL_E_INVALID, "not followed by a line feed", "");
    refuse(TDL_STR("a,b\n1\rx,2\n"), TDL_E_INVALID, "not followed by a line feed", "");
}

static void bytes_that_are_not_utf8_are_refused(void **state)
{
    TDL_UNUSED(state);
    refuse(TDL_STR("a,b\n1,caf\xE9\n"), TDL_E_INVALID,
           "t.csv: line 2, column 2 (b): byte 4 of the field (0xe9) is not UTF-8", "iconv");
    /* halves of one character in two fields are no character */
    refuse(TDL_STR("a,b\n\xC3,\xA9\n"), TDL_E_INVALID, "column 1 (a): byte 1", "");
    refuse(TDL_STR("caf\xE9,b\n"), TDL_E_INVALID, "t.csv: line 1, column 1: byte 4", "");
}

static void nul_bytes_are_refused(void **state)
{
    TDL_UNUSED(state);
    refuse(TDL_STR("a,b\n1,x\0y\n"), TDL_E_INVALID, "line 2, column 2 (b): there is a NUL", "");
    refuse(TDL_STR("a,b\n1,\"x\0y\"\n"), TDL_E_INVALID, "NUL byte", "");
}

static void what_is_no_csv_at_all_is_named(void **state)
{
    TDL_UNUSED(state);
    refuse(TDL_STR("\xFF\xFE"
                   "a\0,\0"),
           TDL_E_INVALID, "UTF-16", "CSV UTF-8");
    refuse(TDL_STR("\xFE\xFF\0a"), TDL_E_INVALID, "UTF-16", "");
    refuse(TDL_STR("\x1F\x8B\x08\0\0"), TDL_E_INVALID, "packed data end in the middle",
           "truncated");
    refuse(TDL_STR("PK\x03\x04xxxx"), TDL_E_INVALID, "spreadsheet", "");
    refuse(TDL_STR(""), TDL_E_INVALID, "t.csv: the file is empty", "first line");
    refuse(TDL_STR("\xEF\xBB\xBF"), TDL_E_INVALID, "empty", "");
}

static void two_columns_of_one_name_are_refused(void **state)
{
    TDL_UNUSED(state);
    refuse(TDL_STR("id,x,y,x\n"), TDL_E_INVALID,
           "t.csv: line 1: columns 2 and 4 are both called 'x'", "a name of its own");
    refuse(TDL_STR("a,,\n"), TDL_E_INVALID, "columns 2 and 3", "");
}

static void a_field_over_its_limit_is_refused(void **state)
{
    const tdl_csv_options limited = {.field_limit = 5};
    static char text[(1 << 20) + 64];
    tdl_report why = {0};
    tdl_buf got = {0};

    TDL_UNUSED(state);
    check(TDL_STR("a,b\n12345,\"1\"\"345\"\n"), &limited, "<12345><1\"345>\n");
    assert_int_equal(read_all(TDL_STR("a,b\n1,123456\n"), &limited, &got, &why), TDL_E_TOO_LARGE);
    assert_non_null(strstr(why.message, "line 2, column 2 (b): a field is longer than 5 bytes"));
    assert_int_equal(read_all(TDL_STR("a,b\n1,\"12345\"\"\"\n"), &limited, &got, NULL),
                     TDL_E_TOO_LARGE);
    /* the default: 1 MiB fits, one byte more does not */
    memset(text, 'x', sizeof text);
    memcpy(text, "a\n", 2);
    assert_int_equal(read_all((tdl_str){text, 2 + (1 << 20)}, NULL, &got, NULL), TDL_OK);
    refuse((tdl_str){text, 3 + (1 << 20)}, TDL_E_TOO_LARGE, "longer than 1048576 bytes",
           "delimiter");
    text[2] = '"';
    refuse((tdl_str){text, sizeof text}, TDL_E_TOO_LARGE, "1048576", "never be closed");
    tdl_buf_release(&got);
}

static void a_row_of_too_many_fields_is_refused(void **state)
{
    static char text[200000];

    TDL_UNUSED(state);
    memset(text, ',', sizeof text);
    memcpy(text, "a,b\n", 4);
    refuse((tdl_str){text, sizeof text}, TDL_E_TOO_LARGE, "more than 100000 fields", "");
}

/* 40 fields of just under 1 MiB in one row. */
static void a_row_over_its_limit_is_refused(void **state)
{
    const size_t field = (1 << 20) - 1;
    char *text = malloc(4 + 40 * (field + 1));

    TDL_UNUSED(state);
    memcpy(text, "a,b\n", 4);
    memset(text + 4, 'x', 40 * (field + 1));
    for (size_t i = 1; i <= 40; i++)
        text[3 + i * (field + 1)] = ',';
    refuse((tdl_str){text, 4 + 40 * (field + 1)}, TDL_E_TOO_LARGE, "a row is longer", "");
    free(text);
}

static void nothing_is_read_after_an_error(void **state)
{
    int fd = file_of(TDL_STR("a,b\n1\n2,3\n"));
    tdl_csv *csv = NULL;
    const tdl_str *fields = NULL;
    size_t n;
    bool more;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_csv_open_fd(fd, "t.csv", NULL, &csv, NULL), TDL_OK);
    assert_int_equal(tdl_csv_next(csv, &fields, &n, &more, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_csv_next(csv, &fields, &n, &more, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "reading stopped"));
    assert_null(fields);
    tdl_csv_close(csv);
    close(fd);
}

static void files_are_opened_by_path_and_named_when_missing(void **state)
{
    tdl_csv *csv = NULL;
    tdl_report why = {0};
    char path[64];
    int fd = file_of(TDL_STR("a,b\n1,2\n"));

    TDL_UNUSED(state);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_int_equal(tdl_csv_open(path, NULL, &csv, &why), TDL_OK);
    tdl_csv_close(csv);
    csv = NULL;
    assert_int_equal(tdl_csv_open("/nonexistent/t.csv", NULL, &csv, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.message, "/nonexistent/t.csv"));
    assert_int_equal(tdl_csv_open("/", NULL, &csv, &why), TDL_E_IO);
    assert_non_null(strstr(why.message, "directory"));
    assert_null(csv);
    tdl_csv_close(NULL);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_4180_files_are_read),
        cmocka_unit_test(the_last_line_needs_no_end),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(any_delimiter_is_possible),
        cmocka_unit_test(a_delimiter_that_cannot_be_one_is_refused),
        cmocka_unit_test(blank_lines_are_skipped_unless_there_is_one_column),
        cmocka_unit_test(nothing_depends_on_where_the_buffer_ends),
        cmocka_unit_test(a_pipe_is_read_as_it_comes_and_has_no_known_size),
        cmocka_unit_test(lines_columns_and_progress_are_told),
        cmocka_unit_test(rows_of_another_width_are_refused),
        cmocka_unit_test(a_file_that_ends_inside_quotes_is_refused),
        cmocka_unit_test(misplaced_quotes_are_refused),
        cmocka_unit_test(a_lone_carriage_return_is_refused),
        cmocka_unit_test(bytes_that_are_not_utf8_are_refused),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(what_is_no_csv_at_all_is_named),
        cmocka_unit_test(two_columns_of_one_name_are_refused),
        cmocka_unit_test(a_field_over_its_limit_is_refused),
        cmocka_unit_test(a_row_of_too_many_fields_is_refused),
        cmocka_unit_test(a_row_over_its_limit_is_refused),
        cmocka_unit_test(nothing_is_read_after_an_error),
        cmocka_unit_test(files_are_opened_by_path_and_named_when_missing),
    };

    return cmocka_run_group_tests_name("table/csv", tests, NULL, NULL);
}
