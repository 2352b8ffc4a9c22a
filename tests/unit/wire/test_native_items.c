#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "wire/native/native.h"

static tdl_status decode(const char *text, tdl_arena *arena, tdl_item **items, size_t *n,
                         json_t **json, tdl_report *why)
{
    *json = NULL;
    *n = 0;
    return tdl_native_items(tdl_str_of(text), arena, items, n, json, why);
}

static void items_arrive_in_order(void **state)
{
    tdl_arena *arena = tdl_arena_new((size_t)1 << 20);
    tdl_item *items;
    size_t n;
    json_t *json;

    (void)state;
    assert_int_equal(
        decode("[{\"id\":\"1\",\"title\":\"Toy Story\",\"attributes\":{\"year\":1995}},"
               "{\"id\":\"2\"},{\"id\":\"3\",\"title\":null,\"attributes\":{}}]",
               arena, &items, &n, &json, NULL),
        TDL_OK);
    assert_int_equal(n, 3);
    assert_true(tdl_str_is(items[0].id, "1"));
    assert_true(tdl_str_is(items[0].title, "Toy Story"));
    assert_true(tdl_str_is(items[0].attributes, "{\"year\":1995}"));
    for (size_t i = 1; i < 3; i++)
        assert_int_equal(items[i].title.len + items[i].attributes.len, 0);
    json_decref(json);
    tdl_arena_free(arena);
}

static void a_bad_item_is_named_by_index_and_field(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"{\"id\":\"1\"}", "the body must be an array of items, not a object"},
        {"[{\"id\":\"1\"},2]", "item 1: must be an object, not a number"},
        {"[{\"title\":\"t\"}]", "item 0: id is missing"},
        {"[{\"id\":\"\"}]", "item 0: id is missing"},
        {"[{\"id\":1}]", "item 0: id must be a string, not a number"},
        {"[{\"id\":\"a\\tb\"}]", "item 0: id holds a control character at byte 1"},
        {"[{\"id\":\"1\",\"title\":5}]", "item 0: title must be a string, not a number"},
        {"[{\"id\":\"1\",\"attributes\":\"x\"}]",
         "item 0: attributes must be an object, not a string"},
        {"[{\"id\":\"1\",\"name\":\"x\"}]", "item 0: there is no field \"name\""},
        {"[{\"id\":\"1\"", "line 1, column 10 (byte 10): '}' expected near end of file"},
    };
    tdl_arena *arena = tdl_arena_new((size_t)1 << 20);
    tdl_item *items;
    size_t n;
    json_t *json;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdl_report why = {0};
        assert_int_equal(decode(cases[i].text, arena, &items, &n, &json, &why), TDL_E_INVALID);
        assert_string_equal(why.message, cases[i].want);
        assert_null(json);
    }
    tdl_arena_free(arena);
}

static void ids_and_titles_have_limits(void **state)
{
    tdl_arena *arena = tdl_arena_new((size_t)1 << 20);
    tdl_item *items;
    size_t n;
    json_t *json;
    char text[TDL_TITLE_MAX + 100] = "[{\"id\":\"";
    tdl_report why = {0};

    (void)state;
    memset(text + 8, 'x', TDL_ID_MAX + 1);
    strcpy(text + 8 + TDL_ID_MAX + 1, "\"}]");
    assert_int_equal(decode(text, arena, &items, &n, &json, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "item 0: id is 401 bytes long, 400 are allowed");
    strcpy(text, "[{\"id\":\"i\",\"title\":\"");
    memset(text + 20, 'x', TDL_TITLE_MAX + 1);
    strcpy(text + 20 + TDL_TITLE_MAX + 1, "\"}]");
    assert_int_equal(decode(text, arena, &items, &n, &json, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "item 0: title is 4097 bytes long, 4096 are allowed");
    tdl_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_arrive_in_order),
        cmocka_unit_test(a_bad_item_is_named_by_index_and_field),
        cmocka_unit_test(ids_and_titles_have_limits),
    };
    return cmocka_run_group_tests_name("wire/native_items", tests, NULL, NULL);
}
