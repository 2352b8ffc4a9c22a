/* IDX files: what is read, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "table/idx.h"

static const uint8_t SQUARES[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};

static int file_of(const void *bytes, size_t n)
{
    int fd = memfd_create("idx", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static tdl_status read_bytes(const void *bytes, size_t n, size_t limit, tdl_idx *idx,
                             tdl_report *why)
{
    int fd = file_of(bytes, n);
    tdl_status st = tdl_idx_read_fd(fd, "x", limit, idx, why);

    close(fd);
    return st;
}

static void check_squares(const void *bytes, size_t n)
{
    tdl_idx idx;

    assert_int_equal(read_bytes(bytes, n, 100, &idx, NULL), TDL_OK);
    assert_int_equal(idx.rank, 3);
    assert_int_equal(idx.size[0], 2);
    assert_int_equal(idx.size[1], 1);
    assert_int_equal(idx.size[2], 3);
    assert_int_equal(idx.n, 6);
    assert_memory_equal(idx.data, SQUARES + 16, 6);
    tdl_idx_release(&idx);
}

/* gzip of `bytes`, in out; its length. */
static size_t compress_to(const void *bytes, size_t n, uint8_t *out, size_t room)
{
    z_stream z = {
        .next_in = (Bytef *)bytes, .avail_in = (uInt)n, .next_out = out, .avail_out = (uInt)room};

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static void an_array_is_read_plain_and_compressed(void **state)
{
    uint8_t packed[256];

    TDL_UNUSED(state);
    check_squares(SQUARES, sizeof SQUARES);
    check_squares(packed, compress_to(SQUARES, sizeof SQUARES, packed, sizeof packed));
}

static void expect_refusal(const void *bytes, size_t n, size_t limit, tdl_status status,
                           const char *said)
{
    tdl_report why = {0};
    tdl_idx idx;

    assert_int_equal(read_bytes(bytes, n, limit, &idx, &why), status);
    assert_string_equal(why.message, said);
}

static void hostile_headers_are_refused(void **state)
{
    static const uint8_t floats[] = {0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0};
    static const uint8_t flat[] = {0, 0, 8, 0}, deep[] = {0, 0, 8, 5};
    static const uint8_t huge[] = {0, 0, 8, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};

    TDL_UNUSED(state);
    expect_refusal("", 0, 9, TDL_E_CORRUPT, "x: the file ends too early");
    expect_refusal(floats, sizeof floats, 9, TDL_E_CORRUPT,
                   "x: begins with 00 00 0d, not with 00 00 08");
    expect_refusal(flat, sizeof flat, 9, TDL_E_CORRUPT, "x: an array of rank 0, not of 1 to 4");
    expect_refusal(deep, sizeof deep, 9, TDL_E_CORRUPT, "x: an array of rank 5, not of 1 to 4");
    expect_refusal(huge, sizeof huge, SIZE_MAX, TDL_E_CORRUPT, "x: the file ends too early");
    expect_refusal(SQUARES, sizeof SQUARES, 5, TDL_E_TOO_LARGE,
                   "x: its header claims more than 5 bytes");
}

static void too_few_bytes_too_many_and_damaged_ones_are_refused(void **state)
{
    uint8_t longer[sizeof SQUARES + 1] = {0}, packed[256];
    size_t n = compress_to(SQUARES, sizeof SQUARES, packed, sizeof packed);

    TDL_UNUSED(state);
    memcpy(longer, SQUARES, sizeof SQUARES);
    expect_refusal(SQUARES, sizeof SQUARES - 1, 9, TDL_E_CORRUPT, "x: the file ends too early");
    expect_refusal(longer, sizeof longer, 9, TDL_E_CORRUPT, "x: bytes follow the array");
    expect_refusal(packed, n - 5, 9, TDL_E_CORRUPT, "x: the file ends too early");
    packed[n - 8] ^= 1; // the sum
    tdl_idx idx;
    assert_int_equal(read_bytes(packed, n, 9, &idx, NULL), TDL_E_CORRUPT);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    tdl_report why = {0};
    tdl_idx idx;

    TDL_UNUSED(state);
    assert_int_equal(tdl_idx_read("/nowhere/x", 9, &idx, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.message, "/nowhere/x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_is_read_plain_and_compressed),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(too_few_bytes_too_many_and_damaged_ones_are_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
    };

    return cmocka_run_group_tests_name("table/idx", tests, NULL, NULL);
}
