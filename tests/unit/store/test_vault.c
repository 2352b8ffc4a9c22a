#include "fixture.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/vault.h"

/* Reference values: libsodium 1.0.18 through Python's ctypes, independent of this code. */

static tdl_str hex(const char *digits, uint8_t *ret, size_t cap)
{
    size_t n = 0;

    assert_int_equal(sodium_hex2bin(ret, cap, digits, strlen(digits), NULL, &n, NULL), 0);
    return (tdl_str){(const char *)ret, n};
}

static void a_pseudonym_is_a_keyed_hash_in_base32(void **state)
{
    uint8_t key[32];
    char pseudonym[TDL_PSEUDONYM_LEN + 1];

    TDL_UNUSED(state);
    for (int i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    tdl_pseudonym(key, "shop", "user", TDL_STR("alice@example.com"), pseudonym);
    assert_string_equal(pseudonym, "t4ubfy2mky4xa4cau5g24h6q7e");
    tdl_pseudonym(key, "shop", "user", TDL_STR("alice@example.con"), pseudonym);
    assert_string_not_equal(pseudonym, "t4ubfy2mky4xa4cau5g24h6q7e");
}

/* The version byte before what the reference holds. */
static const char sealed_hex[] = "01"
                                 "000102030405060708090a0b0c0d0e0f1011121314151617"
                                 "018ee3ececed9748bbc60940f1f188880b114bc1e0d6dede0e38f8df794155fc"
                                 "c9";

static void a_sealed_field_opens_in_its_place_only(void **state)
{
    uint8_t key[32], bytes[128];
    tdl_buf text = {0};
    tdl_str sealed = hex(sealed_hex, bytes, sizeof bytes);

    TDL_UNUSED(state);
    for (int i = 0; i < 32; i++)
        key[i] = (uint8_t)(0x80 + i);
    tdl_str s1 = TDL_STR("s1"), email = TDL_STR("email");
    assert_int_equal(tdl_vault_unseal(key, s1, email, sealed, &text, NULL), TDL_OK);
    assert_true(tdl_str_is(tdl_buf_view(&text), "alice@example.com"));
    assert_int_equal(tdl_vault_unseal(key, TDL_STR("s2"), email, sealed, &text, NULL),
                     TDL_E_CORRUPT);
    assert_int_equal(tdl_vault_unseal(key, s1, TDL_STR("phone"), sealed, &text, NULL),
                     TDL_E_CORRUPT);
    for (size_t i = 0; i < sealed.len; i++) { // any change is found
        bytes[i] ^= 1;
        assert_int_equal(tdl_vault_unseal(key, s1, email, sealed, &text, NULL), TDL_E_CORRUPT);
        bytes[i] ^= 1;
    }
    for (size_t n = 0; n < sealed.len; n++)
        assert_int_equal(tdl_vault_unseal(key, s1, email, (tdl_str){sealed.at, n}, &text, NULL),
                         TDL_E_CORRUPT);
    tdl_buf_release(&text);
}

static void what_was_sealed_opens(void **state)
{
    uint8_t key[32] = {7};
    tdl_buf sealed = {0}, text = {0};

    TDL_UNUSED(state);
    tdl_vault_seal(key, TDL_STR("p"), TDL_STR("trait:plan"), TDL_STR("\"pro\""), &sealed);
    assert_int_equal(sealed.len, TDL_SEAL_BYTES + 5);
    assert_int_equal(tdl_vault_unseal(key, TDL_STR("p"), TDL_STR("trait:plan"),
                                      tdl_buf_view(&sealed), &text, NULL),
                     TDL_OK);
    assert_true(tdl_str_is(tdl_buf_view(&text), "\"pro\""));
    tdl_buf_release(&sealed);
    tdl_buf_release(&text);
}

static tdl_vault *open_new(const uint8_t master[32], tdl_buf *ret_wrapped)
{
    tdl_vault *vault = NULL;

    assert_int_equal(tdl_vault_make(master, ret_wrapped, NULL), TDL_OK);
    assert_int_equal(tdl_vault_open(master, tdl_buf_view(ret_wrapped), &vault, NULL), TDL_OK);
    return vault;
}

static void another_master_key_is_refused_and_a_new_one_wraps_the_same_keys(void **state)
{
    uint8_t first[32] = {1}, second[32] = {2};
    tdl_buf wrapped = {0}, again = {0};
    tdl_vault *vault = open_new(first, &wrapped), *other = NULL;
    char one[TDL_PSEUDONYM_LEN + 1], two[TDL_PSEUDONYM_LEN + 1];

    TDL_UNUSED(state);
    assert_int_equal(tdl_vault_open(second, tdl_buf_view(&wrapped), &other, NULL), TDL_E_FORBIDDEN);
    assert_int_equal(tdl_vault_open(first, TDL_STR("nonsense"), &other, NULL), TDL_E_CORRUPT);
    assert_int_equal(tdl_vault_rewrap(vault, second, &again, NULL), TDL_OK);
    assert_int_equal(tdl_vault_open(second, tdl_buf_view(&again), &other, NULL), TDL_OK);
    tdl_vault_pseudonym(vault, "user", TDL_STR("ann"), one);
    tdl_vault_pseudonym(other, "user", TDL_STR("ann"), two);
    assert_string_equal(one, two);
    tdl_vault_close(other);
    tdl_vault_close(vault);
    tdl_buf_release(&wrapped);
    tdl_buf_release(&again);
}

static void a_persons_key_unwraps_for_that_person_only(void **state)
{
    uint8_t master[32] = {1}, key[32], again[32], wrapped[TDL_WRAPPED_BYTES];
    tdl_buf text = {0};
    tdl_vault *vault = open_new(master, &text);
    tdl_str given = {(const char *)wrapped, sizeof wrapped};

    TDL_UNUSED(state);
    tdl_vault_make_key(vault, TDL_STR("ann"), key, wrapped);
    assert_int_equal(tdl_vault_unwrap(vault, TDL_STR("ann"), given, again, NULL), TDL_OK);
    assert_memory_equal(key, again, sizeof key);
    assert_int_equal(tdl_vault_unwrap(vault, TDL_STR("bob"), given, again, NULL), TDL_E_CORRUPT);
    tdl_vault_close(vault);
    tdl_buf_release(&text);
}

static void a_signature_holds_for_its_message(void **state)
{
    uint8_t master[32] = {1}, public_key[TDL_PUBLIC_KEY_BYTES], signature[TDL_SIGNATURE_BYTES];
    tdl_buf text = {0};
    tdl_vault *vault = open_new(master, &text);

    TDL_UNUSED(state);
    tdl_vault_public_key(vault, public_key);
    tdl_vault_sign(vault, TDL_STR("{\"rows\":12}"), signature);
    assert_true(tdl_vault_verify(public_key, TDL_STR("{\"rows\":12}"), signature));
    assert_false(tdl_vault_verify(public_key, TDL_STR("{\"rows\":13}"), signature));
    tdl_vault_close(vault);
    tdl_buf_release(&text);
}

/* Signed by another program with the same algorithm. */
static void a_reference_signature_verifies(void **state)
{
    uint8_t public_key[64], signature[128];

    TDL_UNUSED(state);
    hex("29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7", public_key, 64);
    hex("b57d7df2cca6752a40cdcdb6c0edc0e958429f9168b3e51100d6f1e776085e50"
        "d5201cb0b9ff219ebc88c1872148c707db8794bd70dbda3c7d096a5c9ed39d0f",
        signature, 128);
    assert_true(tdl_vault_verify(public_key, TDL_STR("{\"erase\":\"s1\",\"rows\":12,\"seq\":3}"),
                                 signature));
}

static void a_master_key_file_is_made_once_for_its_owner_alone(void **state)
{
    const fixture *f = *state;
    uint8_t first[32], again[32];
    char path[512];
    struct stat info;

    snprintf(path, sizeof path, "%s/master.key", f->dir);
    assert_int_equal(tdl_master_key_read(path, false, first, NULL), TDL_E_NOT_FOUND);
    assert_int_equal(tdl_master_key_read(path, true, first, NULL), TDL_OK);
    assert_int_equal(tdl_master_key_read(path, true, again, NULL), TDL_OK);
    assert_memory_equal(first, again, sizeof first);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(tdl_master_key_read(path, false, again, NULL), TDL_E_FORBIDDEN);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 20), 0);
    assert_int_equal(tdl_master_key_read(path, false, again, NULL), TDL_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pseudonym_is_a_keyed_hash_in_base32),
        cmocka_unit_test(a_sealed_field_opens_in_its_place_only),
        cmocka_unit_test(what_was_sealed_opens),
        cmocka_unit_test(another_master_key_is_refused_and_a_new_one_wraps_the_same_keys),
        cmocka_unit_test(a_persons_key_unwraps_for_that_person_only),
        cmocka_unit_test(a_signature_holds_for_its_message),
        cmocka_unit_test(a_reference_signature_verifies),
        CLOSED_TEST(a_master_key_file_is_made_once_for_its_owner_alone),
    };
    return cmocka_run_group_tests_name("store/vault", tests, NULL, NULL);
}
