/* The short form of a flag. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flags/flags.h"
#include "flags/short.h"

static tdl_status expand(const char *form, json_t **ret, tdl_report *why)
{
    json_t *json = NULL;

    assert_int_equal(tdl_json_parse(tdl_str_of(form), TDL_JSON_LAST_WINS, &json, NULL), TDL_OK);
    tdl_status st = tdl_flag_short(json, ret, why);
    json_decref(json);
    return st;
}

static void the_short_form_becomes_a_definition(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "{\"active\":true,\"filters\":{\"groups\":[{\"properties\":[],\"rollout_"
               "percentage\":100}],"
               "\"multivariate\":{\"variants\":[]},\"payloads\":{}}}"},
        {"{\"on\":false,\"percent\":12.5,\"variants\":{\"b\":33.333333,\"a\":66.666667},"
         "\"payloads\":{\"a\":{\"x\":[1]}}}",
         "{\"active\":false,\"filters\":{\"groups\":[{\"properties\":[],\"rollout_percentage\":12."
         "5}"
         "],\"multivariate\":{\"variants\":[{\"key\":\"b\",\"rollout_percentage\":33.333333},"
         "{\"key\":\"a\",\"rollout_percentage\":66.666667}]},"
         "\"payloads\":{\"a\":\"{\\\"x\\\":[1]}\"}}}"},
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        json_t *definition = NULL;
        tdl_buf text = {0};
        assert_int_equal(expand(cases[i][0], &definition, NULL), TDL_OK);
        tdl_json_dump(&text, definition);
        assert_string_equal(text.at, cases[i][1]);
        assert_int_equal(tdl_flag_check(TDL_STR("posthog"), tdl_buf_view(&text), NULL), TDL_OK);
        tdl_buf_release(&text);
        json_decref(definition);
    }
}

static void what_is_wrong_is_named(void **state)
{
    static const char *const cases[][2] = {
        {"{\"on\":1}", "on must be true or false, not of type number"},
        {"{\"percent\":-1}", "percent must be a number from 0 to 100"},
        {"{\"variants\":{\"a\":60}}", "variants must make 100 percent, not 60"},
        {"{\"variants\":{\"a\":\"x\"}}", "variants.a must be a number from 0 to 100"},
        {"{\"payloads\":{\"a\":1}}", "payloads.a: there is no such variant"},
        {"{\"rollout\":1}", "rollout is not known"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *definition = NULL;
        tdl_report why = {0};
        assert_int_equal(expand(cases[i][0], &definition, &why), TDL_E_INVALID);
        assert_string_equal(why.message, cases[i][1]);
        assert_null(definition);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_short_form_becomes_a_definition),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
