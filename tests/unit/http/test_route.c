#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "http/route.h"

static const tdl_route table[] = {
    {.method = "GET", .pattern = "/"},
    {.method = "GET", .pattern = "/things"},
    {.method = "POST", .pattern = "/things"},
    {.method = "GET", .pattern = "/things/{id}"},
    {.method = "GET", .pattern = "/things/{id}/similar"},
    {.method = "POST", .pattern = "/sdk", .sdk = TDL_SDK_SEGMENT},
    {.method = "POST", .pattern = "/sdk/{key...}", .sdk = TDL_SDK_OPENFEATURE},
    {.method = "GET", .pattern = "/pairs/{left}/{right}"},
};

static tdl_route_match find(const char *method, const char *path)
{
    return tdl_route_find(table, sizeof table / sizeof table[0], tdl_str_of(method),
                          tdl_str_of(path));
}

static void a_path_and_a_method_find_their_row(void **state)
{
    (void)state;
    assert_ptr_equal(find("GET", "/").route, &table[0]);
    assert_ptr_equal(find("GET", "/things").route, &table[1]);
    assert_ptr_equal(find("POST", "/things").route, &table[2]);
    assert_ptr_equal(find("GET", "/things/7").route, &table[3]);
    assert_ptr_equal(find("GET", "/things/7/similar").route, &table[4]);
}

static void the_parameter_is_given_as_sent(void **state)
{
    (void)state;
    assert_true(tdl_str_is(find("GET", "/things/a%2Fb").parameter, "a%2Fb"));
    assert_true(tdl_str_is(find("GET", "/things/a%2Fb/similar").parameter, "a%2Fb"));
    assert_true(tdl_str_is(find("GET", "/pairs/a%2Fb/c").parameter, "a%2Fb"));
    assert_true(tdl_str_is(find("GET", "/pairs/a%2Fb/c").second, "c"));
}

static void head_is_answered_by_get(void **state)
{
    (void)state;
    assert_ptr_equal(find("HEAD", "/things/7").route, &table[3]);
    assert_null(find("HEAD", "/sdk").route);
}

static void a_wrong_method_gets_the_methods_there_are(void **state)
{
    tdl_route_match match = find("DELETE", "/things");

    (void)state;
    assert_null(match.route);
    assert_ptr_equal(match.path_only, &table[1]);
    assert_string_equal(match.allow, "GET, HEAD, POST");
    assert_null(find("get", "/things").route); // methods are case-sensitive (RFC 9110, 9.1)
}

static void what_is_not_in_the_table_is_not_found(void **state)
{
    static const char *const paths[] = {
        "",   "things",      "/thing",  "/things/",           "/things/7/", "/things//similar",
        "//", "/things/7/x", "/Things", "/things/7/similar/x"};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (find("GET", paths[i]).path_only)
            fail_msg("\"%s\" was found", paths[i]);
}

static void an_sdk_may_add_a_slash(void **state)
{
    (void)state;
    assert_ptr_equal(find("POST", "/sdk/").route, &table[5]);
    assert_null(find("POST", "/sdk//").route);
}

static void a_parameter_with_dots_takes_the_rest(void **state)
{
    (void)state;
    assert_ptr_equal(find("POST", "/sdk/a").route, &table[6]);
    assert_true(tdl_str_is(find("POST", "/sdk/a/b%2Fc/d").parameter, "a/b%2Fc/d"));
    assert_true(tdl_str_is(find("POST", "/sdk//a").parameter, "/a"));
    assert_true(tdl_str_is(find("POST", "/sdk/a/").parameter, "a"));
    assert_null(find("GET", "/sdk/a/b").route);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_and_a_method_find_their_row),
        cmocka_unit_test(the_parameter_is_given_as_sent),
        cmocka_unit_test(head_is_answered_by_get),
        cmocka_unit_test(a_wrong_method_gets_the_methods_there_are),
        cmocka_unit_test(what_is_not_in_the_table_is_not_found),
        cmocka_unit_test(an_sdk_may_add_a_slash),
        cmocka_unit_test(a_parameter_with_dots_takes_the_rest),
    };
    return cmocka_run_group_tests_name("http/route", tests, NULL, NULL);
}
