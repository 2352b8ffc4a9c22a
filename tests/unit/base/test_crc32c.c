/* CRC-32C against RFC 3720, appendix B.4, and the masked form that TensorFlow's records use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"

static uint32_t of_text(const char *text)
{
    return tdl_crc32c(0, text, strlen(text));
}

static void known_texts_have_their_checksums(void **state)
{
    (void)state;
    assert_int_equal(of_text(""), 0);
    assert_int_equal(of_text("a"), 0xc1d04330);
    assert_int_equal(of_text("123456789"), 0xe3069283); // the check value of the polynomial
}

static void the_vectors_of_rfc_3720_agree(void **state)
{
    uint8_t bytes[32] = {0};

    (void)state;
    assert_int_equal(tdl_crc32c(0, bytes, sizeof bytes), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(tdl_crc32c(0, bytes, sizeof bytes), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    assert_int_equal(tdl_crc32c(0, bytes, sizeof bytes), 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    assert_int_equal(tdl_crc32c(0, bytes, sizeof bytes), 0x113fdb5c);
}

static void masking_rotates_and_adds(void **state)
{
    (void)state;
    assert_int_equal(tdl_crc32c_masked(of_text("")), 0xa282ead8);
    assert_int_equal(tdl_crc32c_masked(of_text("a")), 0x28e46e78);
    assert_int_equal(tdl_crc32c_masked(of_text("123456789")), 0xc78ab0e5);
}

/* One bit at a time, straight from the definition. */
static uint32_t by_bits(const uint8_t *bytes, size_t n)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

static void every_length_and_alignment_agrees_with_the_definition(void **state)
{
    uint8_t bytes[96];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 151 + 7);
    for (size_t from = 0; from < 8; from++)
        for (size_t n = 0; n <= 80; n++) {
            uint32_t expected = by_bits(bytes + from, n);
            assert_int_equal(tdl_crc32c(0, bytes + from, n), expected);
            assert_int_equal(tdl_crc32c_plain(0, bytes + from, n), expected);
        }
}

static void a_checksum_goes_on_where_it_stopped(void **state)
{
    static const char text[] = "123456789";

    (void)state;
    for (size_t cut = 0; cut <= 9; cut++)
        assert_int_equal(tdl_crc32c(tdl_crc32c(0, text, cut), text + cut, 9 - cut), 0xe3069283);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_their_checksums),
        cmocka_unit_test(the_vectors_of_rfc_3720_agree),
        cmocka_unit_test(masking_rotates_and_adds),
        cmocka_unit_test(every_length_and_alignment_agrees_with_the_definition),
        cmocka_unit_test(a_checksum_goes_on_where_it_stopped),
    };
    return cmocka_run_group_tests_name("base/crc32c", tests, NULL, NULL);
}
