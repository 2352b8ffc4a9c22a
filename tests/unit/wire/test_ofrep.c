/* OFREP questions, among them requests captured from the real SDKs (@openfeature/ofrep-provider
 * 0.1.3 and ofrep-web-provider 0.4.3), answers, and tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "treadle/event.h"
#include "wire/openfeature/openfeature.h"

typedef struct fixture {
    tdl_ofrep_ask ask;
    tdl_ofrep_fault fault;
    tdl_report why;
    tdl_buf text;
} fixture;

static int set_up(void **state)
{
    *state = calloc(1, sizeof(fixture));
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    tdl_ofrep_release(&f->ask);
    tdl_buf_release(&f->text);
    free(f);
    return 0;
}

static tdl_status decode(fixture *f, tdl_str body)
{
    tdl_ofrep_release(&f->ask);
    f->why = (tdl_report){0};
    return tdl_ofrep_decode(body, &f->ask, &f->fault, &f->why);
}

static void decode_captured(fixture *f, const char *name)
{
    char path[400];

    snprintf(path, sizeof path, CAPTURED "/%s", name);
    tdl_buf_clear(&f->text);
    assert_int_equal(tdl_file_read(path, 1 << 20, &f->text, &f->why), TDL_OK);
    assert_int_equal(decode(f, tdl_buf_view(&f->text)), TDL_OK);
}

static void the_server_sdks_question_is_read(void **state)
{
    fixture *f = *state;
    tdl_str when;

    decode_captured(f, "ofrep_server.json");
    assert_true(tdl_str_is(f->ask.targeting_key, "u1"));
    assert_int_equal(json_object_size(f->ask.properties), 3); // without the key
    assert_true(tdl_json_get_str(f->ask.properties, "when", &when));
    assert_true(tdl_str_is(when, "1970-01-01T00:00:00.000Z"));
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(f->ask.properties, "nested"), "a")), 2);
}

static void the_web_sdks_question_is_read(void **state)
{
    fixture *f = *state;

    decode_captured(f, "ofrep_bulk.json");
    assert_true(tdl_str_is(f->ask.targeting_key, "u1"));
    assert_int_equal(json_object_size(f->ask.properties), 1);
}

static void a_key_in_any_language_is_kept(void **state)
{
    fixture *f = *state;

    assert_int_equal(decode(f, TDL_STR("{\"context\":{\"targetingKey\":\"\\u7528\\u62371\"}}")),
                     TDL_OK);
    assert_true(tdl_str_is(f->ask.targeting_key, "\xe7\x94\xa8\xe6\x88\xb7"
                                                 "1"));
    assert_int_equal(json_object_size(f->ask.properties), 0);
}

static void a_fault_is_told_by_its_kind(void **state)
{
    static const struct {
        const char *body;
        tdl_ofrep_fault fault;
    } bad[] = {
        {"", TDL_OFREP_PARSE_ERROR},
        {"{\"context\":{\"targetingKey\":\"u\"}", TDL_OFREP_PARSE_ERROR},
        {"{\"context\":{\"targetingKey\":\"\xff\"}}", TDL_OFREP_PARSE_ERROR},
        {"7", TDL_OFREP_PARSE_ERROR},
        {"null", TDL_OFREP_PARSE_ERROR},
        {"{}", TDL_OFREP_TARGETING_KEY_MISSING},
        {"{\"context\":null}", TDL_OFREP_TARGETING_KEY_MISSING},
        {"{\"context\":{\"targetingKey\":null}}", TDL_OFREP_TARGETING_KEY_MISSING},
        {"{\"targetingKey\":\"u1\"}", TDL_OFREP_TARGETING_KEY_MISSING},
        {"{\"context\":[]}", TDL_OFREP_INVALID_CONTEXT},
        {"{\"context\":{\"targetingKey\":{}}}", TDL_OFREP_INVALID_CONTEXT},
        {"{\"context\":{\"targetingKey\":true}}", TDL_OFREP_INVALID_CONTEXT},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(decode(f, tdl_str_of(bad[i].body)), TDL_E_INVALID);
        assert_int_equal(f->fault, bad[i].fault);
        assert_true(f->why.message[0]);
    }
}

static void a_key_has_a_longest_length(void **state)
{
    fixture *f = *state;
    tdl_buf body = {0};

    for (int over = 0; over < 2; over++) {
        tdl_buf_clear(&body);
        tdl_buf_printf(&body, "{\"context\":{\"targetingKey\":\"%0*d\"}}", TDL_ID_MAX + over, 7);
        assert_int_equal(decode(f, tdl_buf_view(&body)), over ? TDL_E_INVALID : TDL_OK);
    }
    assert_int_equal(f->fault, TDL_OFREP_INVALID_CONTEXT);
    tdl_buf_release(&body);
}

static const char *written(fixture *f, const tdl_flag_answer *answer, const char *decision_id)
{
    const tdl_flag flag = {.row = {.key = TDL_STR("btn \"1\""), .version = 3}};
    tdl_jw w = {.out = &f->text};

    tdl_buf_clear(&f->text);
    tdl_ofrep_write_flag(&w, &flag, answer, decision_id);
    return f->text.at;
}

static void an_answer_says_all_there_is_to_know(void **state)
{
    fixture *f = *state;
    const tdl_flag_arm arms[] = {{TDL_STR("red"), 0.75}, {TDL_STR("blue"), 0.25}};
    const tdl_flag_answer answer = {.value = TDL_STR("\"blue\""),
                                    .enabled = true,
                                    .variant = TDL_STR("blue"),
                                    .reason = TDL_FLAG_SPLIT,
                                    .experiment = TDL_STR("btn-exp"),
                                    .arms = arms,
                                    .arms_n = 2,
                                    .chosen = 1};

    assert_string_equal(written(f, &answer, "d1"),
                        "{\"key\":\"btn \\\"1\\\"\",\"reason\":\"SPLIT\",\"variant\":\"blue\","
                        "\"value\":\"blue\",\"metadata\":{\"flagVersion\":3,"
                        "\"experiment\":\"btn-exp\",\"propensity\":0.25,\"decisionId\":\"d1\"}}");
    assert_null(strstr(written(f, &answer, NULL), "decisionId"));
}

static void the_value_is_the_payload_where_there_is_one(void **state)
{
    fixture *f = *state;
    tdl_flag_answer answer = {.value = TDL_STR("true"), .reason = TDL_FLAG_STATIC};

    assert_non_null(strstr(written(f, &answer, ""), "\"value\":true,"));
    answer.payload = TDL_STR("3.0");
    assert_non_null(strstr(written(f, &answer, ""), "\"value\":3.0,"));
}

/* The reasons of OpenFeature's specification, 2.2.5. */
static void every_reason_has_its_word(void **state)
{
    static const char *const words[] = {
        [TDL_FLAG_DISABLED] = "DISABLED",     [TDL_FLAG_STATIC] = "STATIC",
        [TDL_FLAG_MATCH] = "TARGETING_MATCH", [TDL_FLAG_NO_MATCH] = "DEFAULT",
        [TDL_FLAG_OUT_OF_ROLLOUT] = "SPLIT",  [TDL_FLAG_SPLIT] = "SPLIT",
        [TDL_FLAG_HOLDOUT] = "SPLIT",         [TDL_FLAG_NO_GROUP] = "DEFAULT",
        [TDL_FLAG_DEPENDENCY] = "DEFAULT",    [TDL_FLAG_UNDECIDED] = "DEFAULT",
    };

    (void)state;
    for (int i = 0; i <= TDL_FLAG_UNDECIDED; i++)
        assert_string_equal(tdl_ofrep_reason((tdl_flag_reason)i), words[i]);
}

static const uint8_t secret[TDL_OFREP_SECRET_BYTES] = {1, 2, 3},
                     other[TDL_OFREP_SECRET_BYTES] = {4};
static const tdl_ofrep_token issued = {.expires_us = INT64_C(1795449172000000),
                                       .etag = "00112233445566778899aabbccddeeff"};

static tdl_status read_token(const char *text, const uint8_t *key, int64_t now_us)
{
    tdl_ofrep_token token;
    tdl_status st = tdl_ofrep_token_read(tdl_str_of(text), key, now_us, &token, NULL);

    if (!st) {
        assert_true(token.expires_us == issued.expires_us);
        assert_string_equal(token.etag, issued.etag);
    }
    return st;
}

static void a_token_opens_until_it_expires(void **state)
{
    char text[TDL_OFREP_TOKEN_MAX];

    (void)state;
    tdl_ofrep_token_write(&issued, secret, text);
    assert_int_equal(read_token(text, secret, 0), TDL_OK);
    assert_int_equal(read_token(text, secret, issued.expires_us - 1), TDL_OK);
    assert_int_equal(read_token(text, secret, issued.expires_us), TDL_E_UNAUTHORIZED);
}

static void a_token_that_was_touched_opens_nothing(void **state)
{
    char text[TDL_OFREP_TOKEN_MAX], longer[TDL_OFREP_TOKEN_MAX + 8];

    (void)state;
    tdl_ofrep_token_write(&issued, secret, text);
    assert_int_equal(read_token(text, other, 0), TDL_E_UNAUTHORIZED);
    for (size_t i = 0; text[i]; i++) {
        char kept = text[i];
        text[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(read_token(text, secret, 0), TDL_E_UNAUTHORIZED);
        text[i] = kept;
    }
    snprintf(longer, sizeof longer, "%sA", text);
    assert_int_equal(read_token(longer, secret, 0), TDL_E_UNAUTHORIZED);
    text[strlen(text) - 1] = '\0';
    assert_int_equal(read_token(text, secret, 0), TDL_E_UNAUTHORIZED);
    assert_int_equal(read_token("", secret, 0), TDL_E_UNAUTHORIZED);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_server_sdks_question_is_read),
        EACH(the_web_sdks_question_is_read),
        EACH(a_key_in_any_language_is_kept),
        EACH(a_fault_is_told_by_its_kind),
        EACH(a_key_has_a_longest_length),
        EACH(an_answer_says_all_there_is_to_know),
        EACH(the_value_is_the_payload_where_there_is_one),
        EACH(every_reason_has_its_word),
        cmocka_unit_test(a_token_opens_until_it_expires),
        cmocka_unit_test(a_token_that_was_touched_opens_nothing),
    };
    return cmocka_run_group_tests_name("wire/ofrep", tests, NULL, NULL);
}
