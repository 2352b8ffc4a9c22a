/* Saved reports over HTTP: whose key may do what, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "fixture.h"

#define FUNNEL "{\"report\":\"funnel\",\"steps\":[\"view\",\"order\"],\"last\":\"7d\"}"

/* Answer of the last call: json_decref it. */
static json_t *answer(fixture *f)
{
    json_t *ret = NULL;

    assert_int_equal(
        tdl_json_parse(tdl_str_of(f->answer.body), TDL_JSON_REFUSE_DUPLICATES, &ret, NULL), TDL_OK);
    return ret;
}

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* Saves one and gives its path. */
static void save(fixture *f, const char *name, char ret[64])
{
    char body[200];

    snprintf(body, sizeof body, "{\"name\":\"%s\",\"query\":" FUNNEL "}", name);
    assert_int_equal(fixture_call(f, "POST", "/v1/reports", f->admin_key, body), 200);
    json_t *saved = answer(f);
    assert_string_equal(member(saved, "name"), name);
    snprintf(ret, 64, "/v1/reports/%s", member(saved, "id"));
    json_decref(saved);
}

static void a_saved_report_is_read_by_whoever_may_ask(void **state)
{
    fixture *f = *state;
    char path[64], other[64];

    save(f, "orders", path);
    save(f, "again", other);
    assert_string_not_equal(path, other);
    assert_int_equal(fixture_call(f, "GET", path, f->decide_key, NULL), 200);
    json_t *one = answer(f);
    json_t *query = json_loads(FUNNEL, 0, NULL);
    assert_true(json_equal(json_object_get(one, "query"), query));
    assert_non_null(member(one, "created"));
    json_decref(query);
    json_decref(one);
    assert_int_equal(fixture_call(f, "GET", "/v1/reports", f->decide_key, NULL), 200);
    json_t *all = answer(f), *list = json_object_get(all, "reports");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(member(json_array_get(list, 0), "name"), "orders");
    json_decref(all);
}

static void changing_what_others_see_takes_an_admin(void **state)
{
    fixture *f = *state;
    char path[64];
    const char *body = "{\"name\":\"x\",\"query\":" FUNNEL "}";

    save(f, "orders", path);
    assert_int_equal(fixture_call(f, "POST", "/v1/reports", f->decide_key, body), 403);
    assert_int_equal(fixture_call(f, "PUT", path, f->decide_key, body), 403);
    assert_int_equal(fixture_call(f, "DELETE", path, f->decide_key, NULL), 403);
    assert_int_equal(fixture_call(f, "GET", path, f->write_key, NULL), 403);
    assert_int_equal(fixture_call(f, "GET", path, NULL, NULL), 401);
}

static void a_report_is_renamed_and_deleted(void **state)
{
    fixture *f = *state;
    char path[64];

    save(f, "orders", path);
    assert_int_equal(fixture_call(f, "PUT", path, f->admin_key,
                                  "{\"name\":\"sessions\",\"query\":{\"report\":\"sessions\"}}"),
                     200);
    json_t *one = answer(f);
    assert_string_equal(member(one, "name"), "sessions");
    assert_string_equal(member(json_object_get(one, "query"), "report"), "sessions");
    assert_string_equal(member(one, "id"), path + strlen("/v1/reports/"));
    json_decref(one);
    assert_int_equal(fixture_call(f, "DELETE", path, f->admin_key, NULL), 200);
    assert_int_equal(fixture_call(f, "GET", path, f->admin_key, NULL), 404);
    assert_int_equal(fixture_call(f, "DELETE", path, f->admin_key, NULL), 404);
    assert_int_equal(fixture_call(f, "PUT", path, f->admin_key,
                                  "{\"name\":\"x\",\"query\":{\"report\":\"sessions\"}}"),
                     404);
}

static void a_report_that_could_not_be_asked_is_not_saved(void **state)
{
    static const char *const bad[][2] = {
        {"[]", "must be an object"},
        {"{\"query\":{\"report\":\"trend\"}}", "name is missing"},
        {"{\"name\":\"x\"}", "query is missing"},
        {"{\"name\":\"\",\"query\":{\"report\":\"trend\"}}", "name is missing"},
        {"{\"name\":\"a\\nb\",\"query\":{\"report\":\"trend\"}}", "on one line"},
        {"{\"name\":\"x\",\"query\":{\"report\":\"pie\"}}", "query: there is no report"},
        {"{\"name\":\"x\",\"query\":{\"report\":\"funnel\",\"steps\":[\"a\"]}}", "steps"},
        {"{\"name\":\"x\",\"query\":{\"report\":\"trend\",\"last\":\"ever\"}}", "last"},
        {"{\"name\":\"x\",\"query\":{\"report\":\"trend\"},\"more\":1}", "more"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(fixture_call(f, "POST", "/v1/reports", f->admin_key, bad[i][0]), 400);
        if (!strstr(f->answer.body, bad[i][1]))
            fail_msg("%s: %s", bad[i][0], f->answer.body);
    }
    assert_int_equal(fixture_call(f, "GET", "/v1/reports", f->admin_key, NULL), 200);
    assert_string_equal(f->answer.body, "{\"reports\":[]}");
    assert_int_equal(fixture_call(f, "GET", "/v1/reports/%27", f->admin_key, NULL), 404);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_saved_report_is_read_by_whoever_may_ask),
        EACH(changing_what_others_see_takes_an_admin),
        EACH(a_report_is_renamed_and_deleted),
        EACH(a_report_that_could_not_be_asked_is_not_saved),
    };
    return cmocka_run_group_tests_name("http/reports", tests, NULL, NULL);
}
