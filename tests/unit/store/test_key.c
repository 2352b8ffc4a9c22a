#include "fixture.h"

#include <string.h>

#include "store/key.h"

/* BLAKE2b-256 of "abc", computed with Python 3.11: hashlib.blake2b(b"abc", digest_size=32). */
static void a_key_is_hashed_with_blake2b_256(void **state)
{
    static const uint8_t expected[32] = {0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72,
                                         0x31, 0x71, 0xef, 0x3f, 0xee, 0x98, 0x57, 0x9b,
                                         0x94, 0x96, 0x4e, 0x3b, 0xb1, 0xcb, 0x3e, 0x42,
                                         0x72, 0x62, 0xc8, 0xc0, 0x68, 0xd5, 0x23, 0x19};
    uint8_t hash[32];

    TDL_UNUSED(state);
    tdl_key_hash(TDL_STR("abc"), hash);
    assert_memory_equal(hash, expected, 32);
}

static void a_key_says_its_right_and_256_bits(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const char letters[] = {'w', 'd', 'a'};
    tdl_key_row row;
    char text[TDL_KEY_TEXT_MAX];

    TDL_UNUSED(state);
    for (int i = 0; i < 3; i++) {
        tdl_key_make((tdl_right)(TDL_RIGHT_WRITE + i), 5, &row, text);
        assert_memory_equal(text, "tdl_", 4);
        assert_int_equal(text[4], letters[i]);
        assert_int_equal(text[5], '_');
        assert_int_equal(strlen(text + 6), 43); // ceil(256 / 6)
        assert_int_equal(strspn(text + 6, alphabet), 43);
        assert_int_equal(row.created_us, 5);
        assert_int_equal(row.revoked_us, 0);
    }
}

static void a_keys_id_is_the_start_of_its_hash(void **state)
{
    static const char hex[] = "0123456789abcdef";
    tdl_key_row row;
    char text[TDL_KEY_TEXT_MAX];
    uint8_t hash[32];

    TDL_UNUSED(state);
    tdl_key_make(TDL_RIGHT_ADMIN, 0, &row, text);
    tdl_key_hash(tdl_str_of(text), hash);
    assert_memory_equal(row.hash, hash, 32);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(row.id[2 * i], hex[hash[i] >> 4]);
        assert_int_equal(row.id[2 * i + 1], hex[hash[i] & 15]);
    }
    assert_int_equal(row.id[16], 0);
}

static void two_keys_differ(void **state)
{
    tdl_key_row row;
    char a[TDL_KEY_TEXT_MAX], b[TDL_KEY_TEXT_MAX];

    TDL_UNUSED(state);
    tdl_key_make(TDL_RIGHT_WRITE, 0, &row, a);
    tdl_key_make(TDL_RIGHT_WRITE, 0, &row, b);
    assert_string_not_equal(a, b);
}

static void rights_have_names(void **state)
{
    tdl_right right;

    TDL_UNUSED(state);
    for (int i = TDL_RIGHT_WRITE; i <= TDL_RIGHT_ADMIN; i++) {
        assert_true(tdl_right_parse(tdl_str_of(tdl_right_name((tdl_right)i)), &right));
        assert_int_equal(right, i);
    }
    assert_string_equal(tdl_right_name(TDL_RIGHT_DECIDE), "decide");
    assert_false(tdl_right_parse(TDL_STR("Admin"), &right));
    assert_false(tdl_right_parse((tdl_str){0}, &right));
    assert_string_equal(tdl_right_name((tdl_right)0), "none");
    assert_string_equal(tdl_right_name((tdl_right)99), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_hashed_with_blake2b_256),
        cmocka_unit_test(a_key_says_its_right_and_256_bits),
        cmocka_unit_test(a_keys_id_is_the_start_of_its_hash),
        cmocka_unit_test(two_keys_differ),
        cmocka_unit_test(rights_have_names),
    };
    return cmocka_run_group_tests_name("store/key", tests, NULL, NULL);
}
