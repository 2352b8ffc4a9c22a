#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "http/auth.h"

static void check_credential(const char *authorization, const char *x_api_key, const char *want)
{
    char key[TDL_CREDENTIAL_MAX];
    size_t len = 99;
    bool sent = tdl_auth_credential(authorization, x_api_key, key, &len);

    assert_int_equal(sent, want != NULL);
    if (want && (len != strlen(want) || memcmp(key, want, len) != 0))
        fail_msg("%s gave \"%.*s\"", authorization ? authorization : x_api_key, (int)len, key);
}

/* Basic values by `printf KEY: | base64`. */
static void a_key_is_found_in_any_of_three_headers(void **state)
{
    (void)state;
    check_credential("Bearer k1", NULL, "k1");
    check_credential("bearer  k1", NULL, "k1");
    check_credential("Basic d2tfdGVzdDo=", NULL, "wk_test");
    check_credential("basic d2s6cGFzc3dvcmQ=", NULL, "wk"); // wk:password
    check_credential("Basic d2s=", NULL, "wk");             // no colon
    check_credential(NULL, "k2", "k2");
    check_credential("Bearer k1", "k2", "k1");
    check_credential(NULL, NULL, NULL);
}

static void what_makes_no_sense_is_a_wrong_key_not_a_missing_one(void **state)
{
    char longest[TDL_CREDENTIAL_MAX + 20] = "Bearer ";

    (void)state;
    check_credential("Digest abc", NULL, "");
    check_credential("Basic ???", NULL, "");
    check_credential("Basic", NULL, "");
    check_credential("", NULL, "");
    check_credential(NULL, "", "");
    memset(longest + 7, 'x', TDL_CREDENTIAL_MAX);
    check_credential(longest, NULL, "");
}

static tdl_status check_key(tdl_auth *auth, const char *key, tdl_right needed, tdl_report *why)
{
    return tdl_auth_check(auth, tdl_str_of(key), needed, why);
}

static void a_right_includes_those_below(void **state)
{
    fixture *f = *state;
    const char *const keys[] = {f->write_key, f->decide_key, f->admin_key};
    tdl_auth *auth;
    tdl_report why = {0};

    assert_int_equal(tdl_auth_new(tdl_loop_store(f->loop), &auth, &why), TDL_OK);
    for (unsigned have = 0; have < 3; have++)
        for (unsigned needed = TDL_RIGHT_WRITE; needed <= TDL_RIGHT_ADMIN; needed++)
            assert_int_equal(check_key(auth, keys[have], (tdl_right)needed, &why),
                             have + 1 >= needed ? TDL_OK : TDL_E_FORBIDDEN);
    tdl_auth_free(auth);
}

static void a_missing_and_a_wrong_key_are_told_in_the_same_words(void **state)
{
    fixture *f = *state;
    tdl_auth *auth;
    tdl_report missing = {0}, wrong = {0};

    assert_int_equal(tdl_auth_new(tdl_loop_store(f->loop), &auth, NULL), TDL_OK);
    assert_int_equal(check_key(auth, "", TDL_RIGHT_WRITE, &missing), TDL_E_UNAUTHORIZED);
    assert_int_equal(check_key(auth, "tdl_a_nonsense", TDL_RIGHT_WRITE, &wrong),
                     TDL_E_UNAUTHORIZED);
    assert_memory_equal(&missing, &wrong, sizeof missing);
    tdl_auth_free(auth);
}

/* A second store on the same file stands for another process. */
static void keys_made_and_revoked_elsewhere_are_noticed(void **state)
{
    fixture *f = *state;
    char path[128], key[TDL_KEY_TEXT_MAX], id[17];
    tdl_store *other;
    tdl_auth *auth;
    tdl_status st = TDL_OK;
    uint8_t hash[32];

    snprintf(path, sizeof path, "%s/treadle.db", f->dir);
    assert_int_equal(tdl_store_open(path, NULL, &other, NULL), TDL_OK);
    assert_int_equal(tdl_auth_new(tdl_loop_store(f->loop), &auth, NULL), TDL_OK);
    for (int i = 0; i < 3; i++) { // each one at once, however soon after the last
        assert_int_equal(tdl_store_create_key(other, TDL_RIGHT_DECIDE, TDL_STR("x"), key, NULL),
                         TDL_OK);
        assert_int_equal(check_key(auth, key, TDL_RIGHT_DECIDE, NULL), TDL_OK);
    }
    tdl_key_hash(tdl_str_of(key), hash);
    for (size_t i = 0; i < 8; i++)
        snprintf(id + 2 * i, 3, "%02x", hash[i]);
    assert_int_equal(tdl_store_revoke_key(other, tdl_str_of(id), NULL), TDL_OK);
    for (int i = 0; i < 500 && !(st = check_key(auth, key, TDL_RIGHT_DECIDE, NULL)); i++)
        usleep(10000);
    assert_int_equal(st, TDL_E_UNAUTHORIZED);
    tdl_auth_free(auth);
    tdl_store_close(other);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_in_any_of_three_headers),
        cmocka_unit_test(what_makes_no_sense_is_a_wrong_key_not_a_missing_one),
        WITH_LOOP(a_right_includes_those_below),
        WITH_LOOP(a_missing_and_a_wrong_key_are_told_in_the_same_words),
        WITH_LOOP(keys_made_and_revoked_elsewhere_are_noticed),
    };
    return cmocka_run_group_tests_name("http/auth", tests, NULL, NULL);
}
