/* Signing in: the token by itself, and the routes of a running server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "http/session.h"

#define ID "0123456789abcdef"

/* ---- the token ---- */

static void a_token_is_good_until_it_ends(void **state)
{
    tdl_sessions sessions;
    tdl_session made, read;
    char token[TDL_SESSION_TOKEN_MAX];

    (void)state;
    tdl_sessions_init(&sessions, 8321, false);
    tdl_session_make(&sessions, ID, 1000, &made, token);
    assert_true(tdl_session_read(&sessions, token, 1000, &read));
    assert_string_equal(read.key_id, ID);
    assert_string_equal(read.csrf, made.csrf);
    assert_int_equal(read.ends_s, 1000 + 12 * 3600);
    assert_true(tdl_session_read(&sessions, token, 999 + 12 * 3600, &read));
    assert_false(tdl_session_read(&sessions, token, 1000 + 12 * 3600, &read));
}

static void a_changed_or_foreign_token_is_none(void **state)
{
    static const char *const wrong[] = {"", ".", "a.b.c.d", ID ".99999999999.0011223344556677."};
    tdl_sessions ours, theirs;
    tdl_session session;
    char token[TDL_SESSION_TOKEN_MAX];

    (void)state;
    tdl_sessions_init(&ours, 1, false);
    tdl_sessions_init(&theirs, 1, false);
    tdl_session_make(&ours, ID, 0, &session, token);
    for (size_t i = 0; i < strlen(token); i++) {
        token[i] ^= 1;
        if (tdl_session_read(&ours, token, 0, &session))
            fail_msg("changed at %zu it is still good", i);
        token[i] ^= 1;
    }
    assert_true(tdl_session_read(&ours, token, 0, &session));
    assert_false(tdl_session_read(&theirs, token, 0, &session));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(tdl_session_read(&ours, wrong[i], 0, &session));
    assert_false(tdl_session_csrf_ok(&session, NULL));
    assert_false(tdl_session_csrf_ok(&session, ""));
    assert_false(tdl_session_csrf_ok(&session, token)); // not the token itself
    assert_true(tdl_session_csrf_ok(&session, session.csrf));
}

static void over_tls_the_cookie_is_bound_to_it(void **state)
{
    tdl_sessions sessions;
    char cookie[TDL_SESSION_COOKIE_MAX];

    (void)state;
    tdl_sessions_init(&sessions, 8321, true);
    tdl_session_cookie(&sessions, "abc", false, cookie);
    assert_string_equal(cookie, "__Host-treadle_8321=abc; Path=/; Max-Age=43200; HttpOnly; "
                                "SameSite=Strict; Secure");
    sessions.secure = false;
    tdl_session_cookie(&sessions, "abc", false, cookie);
    assert_string_equal(cookie,
                        "treadle_8321=abc; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
    tdl_session_cookie(&sessions, NULL, true, cookie);
    assert_string_equal(cookie,
                        "treadle_8321=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure");
}

/* ---- the routes ---- */

typedef struct signed_in {
    char cookie[200], csrf[TDL_SESSION_CSRF_MAX];
} signed_in;

static signed_in sign_in(fixture *f, const char *key)
{
    signed_in in = {{0}, {0}};

    assert_int_equal(fixture_call(f, "POST", "/v1/session", key, ""), 200);
    const char *cookie = strstr(f->answer.head, "\r\nSet-Cookie: ");
    const char *csrf = strstr(f->answer.body, "\"csrf\":\"");
    assert_non_null(cookie);
    assert_non_null(csrf);
    assert_int_equal(sscanf(cookie, "\r\nSet-Cookie: %199[^;]", in.cookie), 1);
    assert_int_equal(sscanf(csrf, "\"csrf\":\"%64[0-9a-f]", in.csrf), 1);
    assert_null(strstr(f->answer.head, key));
    return in;
}

/* With the cookie; csrf may be NULL. */
static int call_as(fixture *f, const signed_in *in, const char *method, const char *target,
                   const char *csrf, const char *body)
{
    char request[1500];

    snprintf(
        request, sizeof request,
        "%s %s HTTP/1.1\r\nHost: t\r\nCookie: other=1; %s\r\n%s%s%sContent-Length: %zu\r\n\r\n%s",
        method, target, in->cookie, csrf ? "X-CSRF-Token: " : "", csrf ? csrf : "",
        csrf ? "\r\n" : "", strlen(body), body);
    raw_exchange(f->port, request, &f->answer);
    return f->answer.status;
}

static const char event[] = "{\"user\":\"u\",\"kind\":\"v\"}";

static void a_key_becomes_a_cookie_that_reads(void **state)
{
    fixture *f = *state;
    signed_in in = sign_in(f, f->decide_key);

    assert_non_null(strstr(f->answer.body, "\"signed_in\":true,\"right\":\"decide\""));
    assert_int_equal(call_as(f, &in, "GET", "/v1/stats", NULL, ""), 200);
    assert_int_equal(call_as(f, &in, "GET", "/v1/session", NULL, ""), 200);
    assert_non_null(strstr(f->answer.body, in.csrf)); // a page that was reloaded gets it again
    assert_int_equal(fixture_call(f, "GET", "/v1/session", NULL, NULL), 200);
    assert_string_equal(f->answer.body, "{\"signed_in\":false}");
}

static void what_changes_something_needs_the_csrf_token(void **state)
{
    fixture *f = *state;
    signed_in in = sign_in(f, f->admin_key), other = sign_in(f, f->admin_key);

    assert_int_equal(call_as(f, &in, "POST", "/v1/events", NULL, event), 403);
    assert_non_null(strstr(f->answer.body, "X-CSRF-Token is missing or wrong"));
    assert_int_equal(call_as(f, &in, "POST", "/v1/events", other.csrf, event), 403);
    assert_int_equal(call_as(f, &in, "PUT", "/v1/catalogue/items", NULL, "[]"), 403);
    assert_int_equal(call_as(f, &in, "POST", "/v1/session", NULL, ""), 403);
    assert_int_equal(call_as(f, &in, "DELETE", "/v1/session", NULL, ""), 403);
    assert_int_equal(call_as(f, &in, "POST", "/v1/events", in.csrf, event), 200);
}

static void a_session_may_what_its_key_may_and_no_more(void **state)
{
    fixture *f = *state;
    signed_in in = sign_in(f, f->decide_key);

    assert_int_equal(fixture_call(f, "POST", "/v1/session", f->write_key, ""), 403);
    assert_int_equal(fixture_call(f, "POST", "/v1/session", "wrong", ""), 401);
    assert_int_equal(fixture_call(f, "POST", "/v1/session", NULL, ""), 401);
    assert_int_equal(call_as(f, &in, "POST", "/v1/train", in.csrf, "{\"app\":\"recommend\"}"), 403);
    assert_non_null(strstr(f->answer.body, "this session is of a decide key"));
}

/* They answer to every origin, so a cookie must not open them. */
static void a_cookie_is_no_key_for_the_routes_of_sdks(void **state)
{
    fixture *f = *state;
    signed_in in = sign_in(f, f->admin_key);

    assert_int_equal(call_as(f, &in, "POST", "/v1/track", in.csrf,
                             "{\"userId\":\"u\",\"event\":\"e\",\"messageId\":\"m\"}"),
                     401);
}

static void a_wrong_key_beside_a_good_cookie_is_wrong(void **state)
{
    fixture *f = *state;
    signed_in in = sign_in(f, f->admin_key);
    char request[600];

    snprintf(request, sizeof request,
             "GET /v1/stats HTTP/1.1\r\nHost: t\r\nCookie: %s\r\nAuthorization: Bearer no\r\n\r\n",
             in.cookie);
    raw_exchange(f->port, request, &f->answer);
    assert_int_equal(f->answer.status, 401);
}

static void revoking_the_key_ends_its_sessions(void **state)
{
    fixture *f = *state;
    signed_in in = sign_in(f, f->admin_key);
    const char *id = strstr(f->answer.body, "\"key\":\"");

    assert_non_null(id);
    assert_int_equal(tdl_store_revoke_key(tdl_loop_store(f->loop), (tdl_str){id + 7, 16}, NULL),
                     TDL_OK);
    for (int i = 0; i < 100 && call_as(f, &in, "GET", "/v1/stats", NULL, "") != 401; i++)
        usleep(20000);
    assert_int_equal(f->answer.status, 401);
    assert_int_equal(call_as(f, &in, "GET", "/v1/session", NULL, ""), 200);
    assert_string_equal(f->answer.body, "{\"signed_in\":false}");
}

static void signing_out_takes_the_cookie_away(void **state)
{
    fixture *f = *state;
    signed_in in = sign_in(f, f->admin_key);

    assert_int_equal(call_as(f, &in, "DELETE", "/v1/session", in.csrf, ""), 200);
    assert_non_null(strstr(f->answer.head, "=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict\r\n"));
}

static void a_restart_ends_every_session(void **state)
{
    fixture *f = *state;
    signed_in in = sign_in(f, f->admin_key);

    fixture_restart(f, (tdl_server_options){.port = f->port, .threads = 1});
    assert_int_equal(call_as(f, &in, "GET", "/v1/stats", NULL, ""), 401);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_good_until_it_ends),
        cmocka_unit_test(a_changed_or_foreign_token_is_none),
        cmocka_unit_test(over_tls_the_cookie_is_bound_to_it),
        EACH(a_key_becomes_a_cookie_that_reads),
        EACH(what_changes_something_needs_the_csrf_token),
        EACH(a_session_may_what_its_key_may_and_no_more),
        EACH(a_cookie_is_no_key_for_the_routes_of_sdks),
        EACH(a_wrong_key_beside_a_good_cookie_is_wrong),
        EACH(revoking_the_key_ends_its_sessions),
        EACH(signing_out_takes_the_cookie_away),
        EACH(a_restart_ends_every_session),
    };
    return cmocka_run_group_tests_name("http/session", tests, NULL, NULL);
}
