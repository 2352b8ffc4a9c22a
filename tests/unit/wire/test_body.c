#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "wire/body.h"

enum { GZIP = 15 + 16, ZLIB = 15, RAW = -15 };

/* Packed by zlib itself, the reference for RFC 1950, 1951 and 1952. */
static tdl_str pack(tdl_str text, int window_bits, unsigned char *room, size_t room_n)
{
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (z_const Bytef *)text.at;
    z.avail_in = (uInt)text.len;
    z.next_out = room;
    z.avail_out = (uInt)room_n;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = z.total_out;
    deflateEnd(&z);
    return (tdl_str){(const char *)room, n};
}

static const tdl_body_limits no_limits;

static tdl_status decode(tdl_str raw, const char *encoding, const tdl_body_limits *limits,
                         char *ret, size_t ret_n, tdl_report *why)
{
    tdl_buf storage = {0};
    tdl_str text = {0};
    tdl_status st = tdl_body_decode(raw, tdl_str_of(encoding), limits, &storage, &text, why);

    if (!st) {
        assert_true(text.len < ret_n);
        if (text.len)
            memcpy(ret, text.at, text.len);
        ret[text.len] = '\0';
    }
    tdl_buf_release(&storage);
    return st;
}

static void plain_text_passes_as_it_is(void **state)
{
    tdl_str raw = TDL_STR("{\"a\":1}"), text;
    tdl_buf storage = {0};

    (void)state;
    assert_int_equal(tdl_body_decode(raw, (tdl_str){0}, &no_limits, &storage, &text, NULL), 0);
    assert_ptr_equal(text.at, raw.at);
    assert_int_equal(text.len, raw.len);
    assert_null(storage.at);
}

static void every_packing_is_undone(void **state)
{
    static const struct {
        int window_bits;
        const char *encoding;
    } cases[] = {{GZIP, "gzip"},    {GZIP, ""},       {GZIP, "GZip"},     {GZIP, "x-gzip"},
                 {ZLIB, "deflate"}, {RAW, "deflate"}, {GZIP, "identity"}, {GZIP, "deflate"}};
    unsigned char room[200];
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdl_str packed =
            pack(TDL_STR("{\"kind\":\"view\"}"), cases[i].window_bits, room, sizeof room);
        assert_int_equal(decode(packed, cases[i].encoding, &no_limits, text, sizeof text, NULL), 0);
        assert_string_equal(text, "{\"kind\":\"view\"}");
    }
}

static void json_labelled_gzip_is_still_json(void **state)
{
    char text[20];

    (void)state; // a proxy that unpacks and leaves the label
    assert_int_equal(decode(TDL_STR(" [1]"), "gzip", &no_limits, text, sizeof text, NULL), 0);
    assert_string_equal(text, " [1]");
}

static void an_unknown_encoding_is_refused_by_name(void **state)
{
    tdl_report why = {0};
    char text[20];

    (void)state;
    assert_int_equal(decode(TDL_STR("{}"), "br", &no_limits, text, sizeof text, &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.message, "\"br\""));
}

static void truncated_damaged_and_trailing_bytes_are_refused(void **state)
{
    unsigned char room[400];
    char text[400];
    tdl_str packed = pack(TDL_STR("{\"a\":\"bcdefghijklmnop\"}"), GZIP, room, sizeof room - 1);
    tdl_report why = {0};

    (void)state;
    for (size_t n = 2; n < packed.len; n++) {
        tdl_str cut = {packed.at, n};
        assert_int_equal(decode(cut, "gzip", &no_limits, text, sizeof text, &why), TDL_E_INVALID);
        assert_non_null(strstr(why.message, "too early"));
    }
    tdl_str longer = {packed.at, packed.len + 1};
    assert_int_equal(decode(longer, "gzip", &no_limits, text, sizeof text, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "follow"));
    room[packed.len - 5] ^= 1; // the checksum
    assert_int_equal(decode(packed, "gzip", &no_limits, text, sizeof text, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "damaged"));
}

static void a_bomb_stops_at_its_caps(void **state)
{
    size_t n = (size_t)8 << 20;
    char *zeros = calloc(n, 1);
    unsigned char *room = malloc(n / 100);
    tdl_str packed = pack((tdl_str){zeros, n}, GZIP, room, n / 100);
    tdl_body_limits small = {.inflated_max = 1 << 20};
    tdl_report why = {0};
    tdl_buf storage = {0};
    tdl_str text;

    (void)state;
    assert_int_equal(tdl_body_decode(packed, (tdl_str){0}, &small, &storage, &text, &why),
                     TDL_E_TOO_LARGE);
    assert_int_equal(storage.len, 0);
    assert_true(storage.cap <= (size_t)4 << 20);
    // 8 MiB of zeros pack about 1,000 to 1: the ratio stops them below 64 MiB
    assert_int_equal(tdl_body_decode(packed, (tdl_str){0}, &no_limits, &storage, &text, &why),
                     TDL_E_TOO_LARGE);
    assert_non_null(strstr(why.message, "200 times"));
    tdl_buf_release(&storage);
    free(room);
    free(zeros);
}

static void too_many_values_are_refused_before_they_are_built(void **state)
{
    size_t n = (size_t)300 << 10;
    char *text = malloc(n);
    tdl_body_limits limits = {.values_max = 1000};
    tdl_report why = {0};
    tdl_buf storage = {0};
    tdl_str ret;

    (void)state;
    memset(text, ',', n);
    text[0] = '[';
    assert_int_equal(
        tdl_body_decode((tdl_str){text, n}, (tdl_str){0}, &limits, &storage, &ret, &why),
        TDL_E_TOO_LARGE);
    text[1] = '"'; // the same commas inside one string are one value
    assert_int_equal(
        tdl_body_decode((tdl_str){text, n}, (tdl_str){0}, &limits, &storage, &ret, &why), TDL_OK);
    free(text);
}

static void an_empty_body_stays_empty(void **state)
{
    tdl_buf storage = {0};
    tdl_str text = {"x", 1};

    (void)state;
    assert_int_equal(tdl_body_decode((tdl_str){0}, (tdl_str){0}, &no_limits, &storage, &text, NULL),
                     TDL_OK);
    assert_int_equal(text.len, 0);
}

static tdl_status unwrap(tdl_str raw, char *ret, size_t ret_n, tdl_report *why)
{
    tdl_buf storage = {0};
    tdl_str text = {0};
    tdl_status st = tdl_body_decode(raw, (tdl_str){0}, &no_limits, &storage, &text, why);

    if (!st)
        st = tdl_body_unwrap(text, &no_limits, &storage, &text, why);
    if (!st) {
        assert_true(text.len < ret_n);
        if (text.len)
            memcpy(ret, text.at, text.len);
        ret[text.len] = '\0';
    }
    tdl_buf_release(&storage);
    return st;
}

/* Base64 by `base64` and `basenc --base64url` of coreutils, which follow RFC 4648. The JSON is
 * {"a":"?>~ü"}, chosen for its "/" and "+". */
static void every_wrapping_is_undone(void **state)
{
    static const char *const wrapped[] = {
        "{\"a\":\"?>~\xc3\xbc\"}",
        "eyJhIjoiPz5+w7wifQ==",
        "eyJhIjoiPz5+w7wifQ",
        "eyJhIjoiPz5-w7wifQ==",
        "eyJhIjoiPz5-w7wifQ",
        "eyJhIjoi\r\nPz5+w7wifQ==\n",
        "data=eyJhIjoiPz5%2Bw7wifQ%3D%3D",
        "data=eyJhIjoiPz5+w7wifQ==",
        "data=eyJhIjoiPz5-w7wifQ&compression=base64",
        "data=%7B%22a%22%3A%22%3F%3E%7E%C3%BC%22%7D",
        "ZXlKaElqb2lQejUrdzd3aWZRPT0K",                // base64 of base64
        "data=ZXlKaElqb2lQejUrdzd3aWZRPT0K&ip=1",      // the same in a form
        "ZGF0YT1leUpoSWpvaVB6NSUyQnc3d2lmUSUzRCUzRAo=" // base64 of a form
    };
    char text[100];

    (void)state;
    for (size_t i = 0; i < sizeof wrapped / sizeof wrapped[0]; i++) {
        assert_int_equal(unwrap(tdl_str_of(wrapped[i]), text, sizeof text, NULL), TDL_OK);
        assert_string_equal(text, wrapped[0]);
    }
}

static void a_blank_in_a_form_of_json_stays_a_blank(void **state)
{
    char text[100];

    (void)state;
    assert_int_equal(unwrap(TDL_STR("data={\"a\":\"x+y%2Bz\"}"), text, sizeof text, NULL), TDL_OK);
    assert_string_equal(text, "{\"a\":\"x y+z\"}");
}

static void a_third_wrapping_is_left_alone(void **state)
{
    char text[100];

    (void)state; // base64, three times over, of {"a":1}
    assert_int_equal(unwrap(TDL_STR("WlhsS2FFbHFiM2htVVQwOQ=="), text, sizeof text, NULL), TDL_OK);
    assert_string_equal(text, "eyJhIjoxfQ==");
}

static void packing_inside_of_base64_is_undone(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char room[100];
    char base64[200], text[100];
    tdl_str packed = pack(TDL_STR("[{\"a\":1}]"), GZIP, room, sizeof room - 3);
    size_t n = 0;

    (void)state;
    memset(room + packed.len, 0, 3);
    for (size_t i = 0; i < packed.len; i += 3) {
        uint32_t bits = (uint32_t)room[i] << 16 | (uint32_t)room[i + 1] << 8 | room[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            base64[n++] = digits[bits >> shift & 63];
    }
    tdl_str whole = {base64, (packed.len * 4 + 2) / 3};
    assert_int_equal(unwrap(whole, text, sizeof text, NULL), TDL_OK);
    assert_string_equal(text, "[{\"a\":1}]");
    whole.len -= 8; // cut off
    assert_int_equal(unwrap(whole, text, sizeof text, NULL), TDL_E_INVALID);
}

static void what_is_not_wrapped_comes_out_as_it_is(void **state)
{
    static const char *const texts[] = {"", "?", "a", "<xml/>", "%%%", "===="};
    char text[100];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(unwrap(tdl_str_of(texts[i]), text, sizeof text, NULL), TDL_OK);
        assert_string_equal(text, texts[i]);
    }
    assert_int_equal(unwrap(TDL_STR("data="), text, sizeof text, NULL), TDL_OK);
    assert_string_equal(text, "");
}

static void broken_percent_encoding_is_named(void **state)
{
    tdl_report why = {0};
    char text[100];

    (void)state;
    assert_int_equal(unwrap(TDL_STR("data=ab%4"), text, sizeof text, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "byte 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_passes_as_it_is),
        cmocka_unit_test(every_packing_is_undone),
        cmocka_unit_test(json_labelled_gzip_is_still_json),
        cmocka_unit_test(an_unknown_encoding_is_refused_by_name),
        cmocka_unit_test(truncated_damaged_and_trailing_bytes_are_refused),
        cmocka_unit_test(a_bomb_stops_at_its_caps),
        cmocka_unit_test(too_many_values_are_refused_before_they_are_built),
        cmocka_unit_test(an_empty_body_stays_empty),
        cmocka_unit_test(every_wrapping_is_undone),
        cmocka_unit_test(a_blank_in_a_form_of_json_stays_a_blank),
        cmocka_unit_test(a_third_wrapping_is_left_alone),
        cmocka_unit_test(packing_inside_of_base64_is_undone),
        cmocka_unit_test(what_is_not_wrapped_comes_out_as_it_is),
        cmocka_unit_test(broken_percent_encoding_is_named),
    };
    return cmocka_run_group_tests_name("wire/body", tests, NULL, NULL);
}
