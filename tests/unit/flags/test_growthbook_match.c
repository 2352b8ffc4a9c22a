/* Conditions. Every row was also asked of evalCondition of @growthbook/growthbook 1.8.0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flags/growthbook.h"

typedef struct row {
    const char *condition, *attributes;
    bool holds;
} row;

static bool holds(const char *condition, const char *attributes)
{
    tdl_gb_compiler c = {.arena = tdl_arena_new(1 << 20)};
    json_t *json = NULL, *value = NULL;
    tdl_flag_set *set = NULL;
    tdl_gb_condition compiled;
    tdl_report why = {0};

    assert_int_equal(tdl_flag_set_new(NULL, 0, &set, NULL, NULL), TDL_OK);
    tdl_gb_matcher m = {.set = set};
    assert_int_equal(tdl_json_parse(tdl_str_of(condition), TDL_JSON_LAST_WINS, &json, &why), 0);
    assert_int_equal(tdl_json_parse(tdl_str_of(attributes), TDL_JSON_LAST_WINS, &value, &why), 0);
    if (tdl_gb_condition_compile(&c, json, &compiled, &why))
        fail_msg("%s: %s", condition, why.message);
    bool is = tdl_gb_matches(&m, &compiled, value);
    assert_false(m.scratch.failed || m.other.failed);
    tdl_gb_matcher_release(&m);
    for (tdl_gb_regexes *r = c.regexes; r; r = r->next)
        tdl_js_regex_free(r->regex);
    tdl_flag_set_free(set);
    tdl_arena_free(c.arena);
    json_decref(json);
    json_decref(value);
    return is;
}

static void check(const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (holds(rows[i].condition, rows[i].attributes) != rows[i].holds)
            fail_msg("%s of %s is not %d", rows[i].condition, rows[i].attributes, rows[i].holds);
}
#define CHECK(rows) check(rows, sizeof(rows) / sizeof(rows)[0])

static void plain_values_compare_by_the_type_of_the_condition(void **state)
{
    static const row rows[] = {
        {"{\"a\":\"5\"}", "{\"a\":5}", true},
        {"{\"a\":\"null\"}", "{}", true},
        {"{\"a\":\"x,1\"}", "{\"a\":[\"x\",1]}", true},
        {"{\"a\":\"[object Object]\"}", "{\"a\":{}}", true},
        {"{\"a\":5}", "{\"a\":\" 5 \"}", true},
        {"{\"a\":0}", "{}", true},
        {"{\"a\":16}", "{\"a\":\"0x10\"}", true},
        {"{\"a\":5}", "{\"a\":\"5x\"}", false},
        {"{\"a\":1}", "{\"a\":[1]}", true},
        {"{\"a\":true}", "{\"a\":\"x\"}", true},
        {"{\"a\":false}", "{\"a\":0}", true},
        {"{\"a\":false}", "{\"a\":null}", false},
        {"{\"a\":null}", "{}", true},
        {"{\"a\":null}", "{\"a\":0}", false},
        {"{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"x\":1,\"y\":2}}", true},
        {"{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"y\":2,\"x\":1}}", false},
        {"{\"a\":{\"x\":1,\"2\":2}}", "{\"a\":{\"2\":2,\"x\":1}}", true},
        {"{\"a\":[1.0,\"é\"]}", "{\"a\":[1,\"\\u00e9\"]}", true},
        {"{}", "{}", true},
    };

    (void)state;
    CHECK(rows);
}

static void paths_are_dotted(void **state)
{
    static const row rows[] = {
        {"{\"a.b\":1}", "{\"a\":{\"b\":1}}", true},
        {"{\"a.b\":1}", "{\"a.b\":1}", false},
        {"{\"a.1\":\"y\"}", "{\"a\":[\"x\",\"y\"]}", true},
        {"{\"a.length\":2}", "{\"a\":[\"x\",\"y\"]}", true},
        {"{\"a.01\":null}", "{\"a\":[\"x\",\"y\"]}", true},
        {"{\"a.b\":null}", "{\"a\":\"text\"}", true},
    };

    (void)state;
    CHECK(rows);
}

static void order_is_that_of_javascript(void **state)
{
    static const row rows[] = {
        {"{\"a\":{\"$lt\":\"9\"}}", "{\"a\":\"10\"}", true},  // text with text
        {"{\"a\":{\"$lt\":9}}", "{\"a\":\"10\"}", false},     // else numbers
        {"{\"a\":{\"$gt\":\"x\"}}", "{\"a\":10}", false},     // NaN
        {"{\"a\":{\"$lte\":\"x\"}}", "{\"a\":10}", false},    // NaN
        {"{\"a\":{\"$gte\":0}}", "{}", true},                 // null is 0
        {"{\"a\":{\"$lt\":true}}", "{\"a\":0.5}", true},      // true is 1
        {"{\"a\":{\"$gt\":\"b\"}}", "{\"a\":[\"c\"]}", true}, // an array is its text
        // UTF-16: 😀 is D83D DE00, below U+FF21
        {"{\"a\":{\"$lt\":\"\\uff21\"}}", "{\"a\":\"😀\"}", true},
    };

    (void)state;
    CHECK(rows);
}

static void eq_and_in_are_strict(void **state)
{
    static const row rows[] = {
        {"{\"a\":{\"$eq\":5}}", "{\"a\":\"5\"}", false},
        {"{\"a\":{\"$eq\":5}}", "{\"a\":5.0}", true},
        {"{\"a\":{\"$eq\":null}}", "{}", true},
        {"{\"a\":{\"$eq\":[1]}}", "{\"a\":[1]}", false},
        {"{\"a\":{\"$ne\":[1]}}", "{\"a\":[1]}", true},
        {"{\"a\":{\"$in\":[\"x\",5]}}", "{\"a\":5}", true},
        {"{\"a\":{\"$in\":[\"x\",5]}}", "{\"a\":\"5\"}", false},
        {"{\"a\":{\"$in\":[\"x\",5]}}", "{\"a\":[1,\"x\"]}", true},
        {"{\"a\":{\"$nin\":[\"x\",5]}}", "{\"a\":[1,\"x\"]}", false},
        {"{\"a\":{\"$in\":[null]}}", "{}", true},
        {"{\"a\":{\"$in\":\"x\"}}", "{\"a\":\"x\"}", false},
        {"{\"a\":{\"$nin\":\"x\"}}", "{\"a\":\"y\"}", false},
        {"{\"a\":{\"$ini\":[\"É\"]}}", "{\"a\":\"é\"}", true},
        {"{\"a\":{\"$in\":[\"É\"]}}", "{\"a\":\"é\"}", false},
        {"{\"a\":{\"$nini\":[\"X\"]}}", "{\"a\":[\"x\"]}", false},
    };

    (void)state;
    CHECK(rows);
}

static void arrays_are_looked_into(void **state)
{
    static const row rows[] = {
        {"{\"a\":{\"$all\":[\"x\",\"y\"]}}", "{\"a\":[\"y\",\"z\",\"x\"]}", true},
        {"{\"a\":{\"$all\":[\"X\"]}}", "{\"a\":[\"x\"]}", false},
        {"{\"a\":{\"$alli\":[\"X\"]}}", "{\"a\":[\"x\"]}", true},
        {"{\"a\":{\"$all\":[]}}", "{\"a\":\"x\"}", false},
        {"{\"a\":{\"$size\":2}}", "{\"a\":[1,2]}", true},
        {"{\"a\":{\"$size\":{\"$gt\":2}}}", "{\"a\":[1,2]}", false},
        {"{\"a\":{\"$elemMatch\":{\"$gt\":2}}}", "{\"a\":[1,3]}", true},
        {"{\"a\":{\"$elemMatch\":{\"b\":2}}}", "{\"a\":[null,{\"b\":2}]}", true},
        {"{\"a\":{\"$elemMatch\":{\"$exists\":false}}}", "{\"a\":[null]}", false},
        {"{\"a\":{\"$elemMatch\":{\"b\":2}}}", "{\"a\":{\"b\":2}}", false},
    };

    (void)state;
    CHECK(rows);
}

static void operators_on_versions_types_and_text(void **state)
{
    static const row rows[] = {
        {"{\"a\":{\"$vgt\":\"1.9.0\"}}", "{\"a\":\"v1.10.0+build\"}", true},
        {"{\"a\":{\"$vlt\":\"1.0.0\"}}", "{\"a\":\"1.0.0-rc.1\"}", true},
        {"{\"a\":{\"$veq\":\"1.2\"}}", "{\"a\":1.2}", true},
        {"{\"a\":{\"$veq\":\"0\"}}", "{}", true},
        {"{\"a\":{\"$vne\":\"1\"}}", "{\"a\":\"2\"}", true},
        {"{\"a\":{\"$type\":\"null\"}}", "{}", true},
        {"{\"a\":{\"$type\":\"array\"}}", "{\"a\":[]}", true},
        {"{\"a\":{\"$type\":\"object\"}}", "{\"a\":[]}", false},
        {"{\"a\":{\"$exists\":true}}", "{\"a\":false}", true},
        {"{\"a\":{\"$exists\":0}}", "{\"a\":null}", true},
        {"{\"a\":{\"$regex\":\"^ab?/c\"}}", "{\"a\":\"a/c\"}", true},
        {"{\"a\":{\"$regex\":\"null\"}}", "{}", true},
        {"{\"a\":{\"$regex\":\"(\"}}", "{\"a\":\"(\"}", false},
        {"{\"a\":{\"$not\":{\"$regex\":\"(\"}}}", "{\"a\":\"(\"}", true},
        {"{\"a\":{\"$regexi\":\"É\"}}", "{\"a\":\"é\"}", true},
        {"{\"a\":{\"$unheard\":1}}", "{\"a\":1}", false},
        {"{\"a\":{\"$gt\":1,\"$lt\":3}}", "{\"a\":2}", true},
        {"{\"a\":{\"$gt\":1,\"lt\":3}}", "{\"a\":2}", false}, // no operator object: compared whole
    };

    (void)state;
    CHECK(rows);
}

static void conditions_are_joined(void **state)
{
    static const row rows[] = {
        {"{\"$or\":[]}", "{}", true},
        {"{\"$nor\":[]}", "{}", false},
        {"{\"$and\":[]}", "{}", true},
        {"{\"$or\":[{\"a\":1},{\"a\":2}]}", "{\"a\":2}", true},
        {"{\"$nor\":[{\"a\":1},{\"a\":2}]}", "{\"a\":2}", false},
        {"{\"$not\":{\"a\":1},\"b\":1}", "{\"a\":2,\"b\":1}", true},
        {"{\"$savedGroup\":{\"id\":\"none\"}}", "{}", false},
        {"{\"a\":{\"$inGroup\":\"none\"}}", "{\"a\":1}", false},
        {"{\"a\":{\"$notInGroup\":\"none\"}}", "{\"a\":1}", true},
    };

    (void)state;
    CHECK(rows);
}

static void nonsense_is_refused_with_its_place(void **state)
{
    static const char *const bad[][2] = {
        {"[]", "a condition must be an object, not of type array"},
        {"{\"$or\":5}", "$or: must be an array of conditions"},
        {"{\"$and\":[{},5]}", "$and: 1: a condition must be an object, not of type number"},
        {"{\"a\":{\"$elemMatch\":5}}", "a: $elemMatch: must be an object"},
        {"{\"a\":{\"$not\":{\"$inGroup\":5}}}",
         "a: $not: $inGroup: must be the id of a saved group"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tdl_gb_compiler c = {.arena = tdl_arena_new(1 << 20)};
        tdl_gb_condition compiled;
        tdl_report why = {0};
        json_t *json = NULL;
        tdl_json_parse(tdl_str_of(bad[i][0]), TDL_JSON_LAST_WINS, &json, NULL);
        assert_int_equal(tdl_gb_condition_compile(&c, json, &compiled, &why), TDL_E_INVALID);
        assert_string_equal(why.message, bad[i][1]);
        tdl_arena_free(c.arena);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values_compare_by_the_type_of_the_condition),
        cmocka_unit_test(paths_are_dotted),
        cmocka_unit_test(order_is_that_of_javascript),
        cmocka_unit_test(eq_and_in_are_strict),
        cmocka_unit_test(arrays_are_looked_into),
        cmocka_unit_test(operators_on_versions_types_and_text),
        cmocka_unit_test(conditions_are_joined),
        cmocka_unit_test(nonsense_is_refused_with_its_place),
    };

    return cmocka_run_group_tests_name("growthbook_match", tests, NULL, NULL);
}
