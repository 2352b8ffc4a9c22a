/* NumPy arrays into frames. The layout of the files: NEP 1 (numpy/lib/format.py); numpy itself
 * writes the same bytes but for the blanks that fill the header up. */
#include "frame_case.h"

#include <math.h>

static tdl_buf array(int version, const char *header, const void *data, size_t n)
{
    tdl_buf file = {0};
    size_t len = strlen(header);
    unsigned char size[4] = {(unsigned char)len, (unsigned char)(len >> 8), 0, 0};

    tdl_buf_text(&file, "\x93NUMPY");
    tdl_buf_char(&file, (char)version);
    tdl_buf_char(&file, 0);
    tdl_buf_add(&file, size, version == 1 ? 2 : 4);
    tdl_buf_text(&file, header);
    tdl_buf_add(&file, data, n);
    return file;
}

static tdl_frame read_array(int version, const char *header, const void *data, size_t n)
{
    tdl_buf file = array(version, header, data, n);
    tdl_frame frame = {0};
    tdl_report why = {0};

    if (try_file(".npy", file.at, file.len, NULL, &frame, NULL, &why))
        fail_msg("%s (%s)", why.message, why.hint);
    tdl_buf_release(&file);
    return frame;
}

static void refuse(const char *header, const void *data, size_t n, tdl_status expected,
                   const char *message)
{
    tdl_buf file = array(1, header, data, n);

    refuse_file(".npy", file.at, file.len, NULL, expected, message);
    tdl_buf_release(&file);
}

static void tables_of_doubles_are_read_with_gaps(void **state)
{
    const double x[] = {1.5, 2, (double)NAN, -4, (double)INFINITY, 6};
    tdl_frame f = read_array(
        1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }      \n", x, sizeof x);

    TDL_UNUSED(state);
    assert_int_equal(f.rows, 3);
    assert_int_equal(f.columns_n, 2);
    assert_type(&f, "c0", "numeric");
    assert_cells(&f, "c0", "1.5||");
    assert_cells(&f, "c1", "2|-4|6");
    assert_int_equal(f.column[0].missing, 2);
    assert_int_equal(f.column[0].infinite, 1);
    tdl_frame_release(&f);
}

static void every_kind_of_item_is_read(void **state)
{
    static const struct {
        const char *descr, *type, *cells;
        size_t n;
        unsigned char data[16];
    } kinds[] = {
        {"|b1", "boolean", "true|false", 2, {1, 0}},
        {"|i1", "integer", "-1|2", 2, {0xff, 2}},
        {"|u1", "integer", "255|2", 2, {0xff, 2}},
        {"<i2", "integer", "-2|258", 4, {0xfe, 0xff, 2, 1}},
        {"<u2", "integer", "65534|258", 4, {0xfe, 0xff, 2, 1}},
        {"<i4", "integer", "-1|16777216", 8, {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1}},
        {"<u4", "integer", "4294967295|1", 8, {0xff, 0xff, 0xff, 0xff, 1}},
        {"<i8",
         "integer",
         "-1|4294967296",
         16,
         {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1}},
        {"<u8", "integer", "1|4294967296", 16, {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        {"<f4", "numeric", "1|-2.5", 8, {0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0}},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char header[100];
        snprintf(header, sizeof header,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (2,), }\n", kinds[i].descr);
        tdl_frame f = read_array(1 + (int)i % 3, header, kinds[i].data, kinds[i].n);
        assert_type(&f, "c0", kinds[i].type);
        assert_cells(&f, "c0", kinds[i].cells);
        tdl_frame_release(&f);
    }
}

static void fortran_order_is_column_by_column(void **state)
{
    const int16_t x[] = {1, 2, 3, 4, 5, 6};
    tdl_frame f =
        read_array(1, "{'descr': '<i2', 'fortran_order': True, 'shape': (3, 2), }\n", x, sizeof x);

    TDL_UNUSED(state);
    assert_cells(&f, "c0", "1|2|3");
    assert_cells(&f, "c1", "4|5|6");
    tdl_frame_release(&f);
}

static void arrays_of_bytes_with_more_axes_are_images(void **state)
{
    const uint8_t x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    tdl_frame f = read_array(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 2), }\n",
                             x, sizeof x);

    TDL_UNUSED(state);
    assert_int_equal(f.rows, 2);
    assert_type(&f, "image", "image");
    assert_int_equal(f.column[0].height, 3);
    assert_memory_equal(f.column[0].pixel, x, 12);
    tdl_frame_release(&f);
    f = read_array(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 2, 3), }\n", x,
                   sizeof x);
    assert_int_equal(f.column[0].channels, 3);
    assert_memory_equal(f.column[0].pixel, "\1\4\7\12\2\5\10\13\3\6\11\14", 12);
    tdl_frame_release(&f);
    f = read_array(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3, 2, 2), }\n", x,
                   sizeof x);
    assert_int_equal(f.column[0].channels, 3);
    assert_memory_equal(f.column[0].pixel, x, 12);
    tdl_frame_release(&f);
}

static void hostile_headers_are_refused(void **state)
{
    TDL_UNUSED(state);
    refuse_file(".npy", "", 0, NULL, TDL_E_CORRUPT, "ends too early");
    refuse_file(".npy", "PK\3\4aaaaaaaa", 12, NULL, TDL_E_CORRUPT, "no NumPy array");
    refuse_file(".npy", "\x93NUMPY\x02\x00\xff\xff\xff\xff", 12, NULL, TDL_E_TOO_LARGE, "header");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }", "", 0,
           TDL_E_TOO_LARGE, "rows");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (2000000000, 100000), }", "", 0,
           TDL_E_CORRUPT, "ends too early");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (2000000000, 9999, 9999), }", "", 0,
           TDL_E_CORRUPT, "ends too early");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (9, 9999999999999, 9999999999999), }",
           "", 0, TDL_E_TOO_LARGE, "images of");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }", "", 0,
           TDL_E_TOO_LARGE, "18 digits");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (2, -1), }", "", 0, TDL_E_CORRUPT,
           "shape");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (2", "", 0, TDL_E_CORRUPT, "shape");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", "", 0, TDL_E_INVALID,
           "without an axis");
    refuse("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "", 0, TDL_E_INVALID,
           "items of type '|O'");
    refuse("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }", "", 0,
           TDL_E_INVALID, "items of type");
    refuse("{'descr': '<f8', 'shape': (2,), }", "", 0, TDL_E_CORRUPT, "order");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", "abc", 3, TDL_E_CORRUPT,
           "bytes follow the array");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_doubles_are_read_with_gaps),
        cmocka_unit_test(every_kind_of_item_is_read),
        cmocka_unit_test(fortran_order_is_column_by_column),
        cmocka_unit_test(arrays_of_bytes_with_more_axes_are_images),
        cmocka_unit_test(hostile_headers_are_refused),
    };

    return cmocka_run_group_tests_name("table/read_npy", tests, NULL, NULL);
}
