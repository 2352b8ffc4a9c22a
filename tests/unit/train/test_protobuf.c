/* The wire format of Protocol Buffers. Expected bytes: the examples of its encoding guide
 * (protobuf.dev/programming-guides/encoding); where it has none, its rules applied by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "train/protobuf.h"

static void assert_written(tdl_buf *out, const char *bytes, size_t n)
{
    assert_false(out->failed);
    assert_int_equal(out->len, n);
    assert_memory_equal(out->at, bytes, n);
    tdl_buf_release(out);
}
#define ASSERT_WRITTEN(out, literal) assert_written(out, literal, sizeof(literal) - 1)

/* Test1 {a: 150} of the guide. */
static void an_integer_is_seven_bits_a_byte_lowest_first(void **state)
{
    tdl_buf out = {0};

    TDL_UNUSED(state);
    tdl_pb_uint(&out, 1, 150);
    ASSERT_WRITTEN(&out, "\x08\x96\x01");
    tdl_pb_uint(&out, 1, 0);
    tdl_pb_uint(&out, 1, 127);
    tdl_pb_uint(&out, 1, 128);
    ASSERT_WRITTEN(&out, "\x08\x00\x08\x7f\x08\x80\x01");
    tdl_pb_uint(&out, 1, UINT64_MAX);
    ASSERT_WRITTEN(&out, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

/* -2 takes ten bytes in the guide. */
static void a_negative_integer_takes_ten_bytes(void **state)
{
    tdl_buf out = {0};

    TDL_UNUSED(state);
    tdl_pb_int(&out, 1, -2);
    ASSERT_WRITTEN(&out, "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

static void a_field_above_fifteen_has_a_key_of_two_bytes(void **state)
{
    tdl_buf out = {0};

    TDL_UNUSED(state);
    tdl_pb_uint(&out, 16, 1);
    tdl_pb_uint(&out, 536870911, 1); // the highest field number
    ASSERT_WRITTEN(&out, "\x80\x01\x01\xf8\xff\xff\xff\x0f\x01");
}

static void floats_and_fixed_integers_are_little_endian(void **state)
{
    tdl_buf out = {0};

    TDL_UNUSED(state);
    tdl_pb_float(&out, 2, 0.25F);
    tdl_pb_double(&out, 1, 1700000000.0);
    ASSERT_WRITTEN(&out, "\x15\x00\x00\x80\x3e\x09\x00\x00\x00\x40\xfc\x54\xd9\x41");
    tdl_pb_fixed32(&out, 3, 0x01020304);
    tdl_pb_fixed64(&out, 4, 0x0102030405060708);
    ASSERT_WRITTEN(&out, "\x1d\x04\x03\x02\x01\x21\x08\x07\x06\x05\x04\x03\x02\x01");
}

/* Test2 {b: "testing"} of the guide. */
static void text_and_packed_numbers_follow_their_length(void **state)
{
    tdl_buf out = {0};

    TDL_UNUSED(state);
    tdl_pb_text(&out, 2, "testing");
    ASSERT_WRITTEN(&out, "\x12\x07"
                         "testing");
    tdl_pb_str(&out, 2, (tdl_str){0});
    ASSERT_WRITTEN(&out, "\x12\x00");
    tdl_pb_doubles(&out, 7, (const double[]){-1, 2}, 2);
    ASSERT_WRITTEN(&out,
                   "\x3a\x10\x00\x00\x00\x00\x00\x00\xf0\xbf\x00\x00\x00\x00\x00\x00\x00\x40");
}

/* Test3 {c {a: 150}} of the guide, and one message deeper. */
static void messages_nest(void **state)
{
    tdl_buf out = {0};

    TDL_UNUSED(state);
    size_t outer = tdl_pb_begin(&out, 3);
    tdl_pb_uint(&out, 1, 150);
    tdl_pb_end(&out, outer);
    ASSERT_WRITTEN(&out, "\x1a\x03\x08\x96\x01");
    outer = tdl_pb_begin(&out, 1);
    size_t inner = tdl_pb_begin(&out, 2);
    tdl_pb_end(&out, inner);
    tdl_pb_uint(&out, 3, 1);
    tdl_pb_end(&out, outer);
    ASSERT_WRITTEN(&out, "\x0a\x04\x12\x00\x18\x01");
}

/* The length of a message of 127 bytes is one byte, of 128 two, of 16384 three. */
static void a_message_of_any_length_is_announced_rightly(void **state)
{
    static const size_t lengths[] = {127, 128, 16383, 16384, 2097151, 2097152};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        tdl_buf nested = {0}, headed = {0};
        size_t n = lengths[i];
        size_t mark = tdl_pb_begin(&nested, 5);

        tdl_pb_head(&headed, 5, n);
        assert_int_equal(headed.len, tdl_pb_head_size(5, n));
        for (size_t k = 0; k < n; k++) {
            tdl_buf_char(&nested, (char)(k % 251));
            tdl_buf_char(&headed, (char)(k % 251));
        }
        tdl_pb_end(&nested, mark);
        assert_int_equal(nested.len, headed.len);
        assert_memory_equal(nested.at, headed.at, nested.len);
        tdl_buf_release(&nested);
        tdl_buf_release(&headed);
    }
}

static void a_full_buffer_stays_failed_and_whole(void **state)
{
    tdl_buf out = {.limit = 140};

    TDL_UNUSED(state);
    size_t mark = tdl_pb_begin(&out, 1);
    for (size_t i = 0; i < 138; i++)
        tdl_buf_char(&out, 'x');
    tdl_pb_end(&out, mark); // its length needs a byte more than there is
    assert_true(out.failed);
    tdl_pb_end(&out, mark);
    tdl_pb_text(&out, 2, "more");
    assert_true(out.failed);
    assert_int_equal(out.len, 140);
    tdl_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_integer_is_seven_bits_a_byte_lowest_first),
        cmocka_unit_test(a_negative_integer_takes_ten_bytes),
        cmocka_unit_test(a_field_above_fifteen_has_a_key_of_two_bytes),
        cmocka_unit_test(floats_and_fixed_integers_are_little_endian),
        cmocka_unit_test(text_and_packed_numbers_follow_their_length),
        cmocka_unit_test(messages_nest),
        cmocka_unit_test(a_message_of_any_length_is_announced_rightly),
        cmocka_unit_test(a_full_buffer_stays_failed_and_whole),
    };

    return cmocka_run_group_tests_name("train/protobuf", tests, NULL, NULL);
}
