#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/str.h"
#include "table/input.h"

enum { PLAIN_N = 300000 };
static char plain[PLAIN_N];

/* Text that packs, but not to nothing. */
static int make_plain(void **state)
{
    uint32_t x = 1;

    TDL_UNUSED(state);
    for (size_t i = 0; i < PLAIN_N; i++) {
        x = x * 1664525 + 1013904223;
        plain[i] = (char)('a' + (x >> 28));
    }
    return 0;
}

static int file_of(const void *bytes, size_t n)
{
    int fd = memfd_create("input", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static tdl_status read_all(const void *bytes, size_t n, size_t step, tdl_buf *ret, tdl_report *why)
{
    int fd = file_of(bytes, n);
    tdl_input *input = NULL;
    char some[5000];
    size_t got = 1;
    tdl_status st = tdl_input_open_fd(fd, &input, why);

    while (!st && got) {
        st = tdl_input_read(input, some, step, &got, why);
        if (!st)
            tdl_buf_add(ret, some, got);
    }
    if (!st) {
        assert_int_equal(tdl_input_taken(input), n);
        assert_int_equal(tdl_input_total(input), n);
    }
    tdl_input_close(input);
    close(fd);
    return st;
}

static void expect(const void *bytes, size_t n, const void *text, size_t text_n)
{
    static const size_t steps[] = {1, 7, 5000};

    for (size_t i = n > 100000 ? 2 : 0; i < 3; i++) {
        tdl_buf got = {0};
        tdl_report why = {0};
        if (read_all(bytes, n, steps[i], &got, &why))
            fail_msg("%s", why.message);
        assert_int_equal(got.len, text_n);
        if (text_n)
            assert_memory_equal(got.at, text, text_n);
        tdl_buf_release(&got);
    }
}

static void refuse(const void *bytes, size_t n, const char *part)
{
    tdl_buf got = {0};
    tdl_report why = {0};

    assert_int_equal(read_all(bytes, n, 5000, &got, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, part));
    tdl_buf_release(&got);
}

static size_t gzip(const void *bytes, size_t n, unsigned char *ret, size_t room)
{
    z_stream z = {.next_in = (unsigned char *)bytes,
                  .avail_in = (unsigned)n,
                  .next_out = ret,
                  .avail_out = (unsigned)room};

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static void plain_bytes_pass_as_they_are(void **state)
{
    TDL_UNUSED(state);
    expect("", 0, "", 0);
    expect("a", 1, "a", 1);
    expect("\x1f", 1, "\x1f", 1);
    expect(plain, PLAIN_N, plain, PLAIN_N);
}

static void gzip_is_unpacked_member_by_member(void **state)
{
    unsigned char *packed = malloc(2 * PLAIN_N);
    size_t n = gzip(plain, PLAIN_N / 2, packed, 2 * PLAIN_N);

    TDL_UNUSED(state);
    n += gzip(plain + PLAIN_N / 2, PLAIN_N / 2, packed + n, 2 * PLAIN_N - n);
    expect(packed, n, plain, PLAIN_N);
    n = gzip("", 0, packed, 2 * PLAIN_N);
    expect(packed, n, "", 0);
    free(packed);
}

static void zstd_is_unpacked_frame_by_frame(void **state)
{
    size_t room = 2 * ZSTD_compressBound(PLAIN_N);
    char *packed = malloc(room);
    size_t n = ZSTD_compress(packed, room, plain, 1000, 3);

    TDL_UNUSED(state);
    n += ZSTD_compress(packed + n, room - n, plain + 1000, PLAIN_N - 1000, 3);
    expect(packed, n, plain, PLAIN_N);
    free(packed);
}

static void truncated_and_damaged_data_are_refused(void **state)
{
    unsigned char *packed = malloc(2 * PLAIN_N);
    size_t n = gzip(plain, PLAIN_N, packed, 2 * PLAIN_N);

    TDL_UNUSED(state);
    refuse(packed, n - 1, "end in the middle");
    refuse(packed, 5, "end in the middle");
    packed[n / 2] ^= 0xff;
    refuse(packed, n, "damaged");
    n = ZSTD_compress(packed, 2 * PLAIN_N, plain, PLAIN_N, 3);
    refuse(packed, n - 1, "end in the middle");
    packed[n / 2] ^= 0xff;
    refuse(packed, 100, "end in the middle");
    packed[4] = 0xff;
    refuse(packed, n, "zstd data are damaged");
    free(packed);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    tdl_input *input;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_input_open("/no/such/file", &input, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.message, "/no/such/file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_bytes_pass_as_they_are),
        cmocka_unit_test(gzip_is_unpacked_member_by_member),
        cmocka_unit_test(zstd_is_unpacked_frame_by_frame),
        cmocka_unit_test(truncated_and_damaged_data_are_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests_name("table/input", tests, make_plain, NULL);
}
