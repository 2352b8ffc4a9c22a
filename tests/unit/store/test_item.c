/* Items between the API's form and what is kept; expected texts are written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "store/item.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct desk {
    tdl_arena *arena;
    json_t *json; /* of the last text that was read: items borrow from it */
} desk;

static int set_up(void **state)
{
    desk *d = calloc(1, sizeof *d);

    d->arena = tdl_arena_new(8 << 20);
    *state = d;
    return 0;
}

static int tear_down(void **state)
{
    desk *d = *state;

    json_decref(d->json);
    tdl_arena_free(d->arena);
    free(d);
    return 0;
}

static const json_t *parse(desk *d, const char *text)
{
    json_decref(d->json);
    d->json = json_loads(text, 0, NULL);
    assert_non_null(d->json);
    return d->json;
}

static tdl_item read_item(desk *d, const char *text)
{
    tdl_report why;
    tdl_item item;

    if (tdl_item_read(parse(d, text), d->arena, &item, &why))
        fail_msg("%s: %s", text, why.message);
    item.id = tdl_arena_str(d->arena, item.id);
    item.title = tdl_arena_str(d->arena, item.title);
    return item;
}

static void expect_told(const tdl_item *item, const char *text)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    assert_int_equal(tdl_item_write(item, &w, NULL), TDL_OK);
    tdl_jw_end_object(&w);
    assert_string_equal(out.at, text);
    tdl_buf_release(&out);
}

static void an_item_is_told_as_it_was_put(void **state)
{
    const char *text =
        "{\"id\":\"a\",\"title\":\"Shoe\",\"attributes\":{\"color\":\"red\",\"price\":1},"
        "\"text\":\"Soft\",\"image\":\"a.png\",\"categories\":[\"shoes\"],\"tags\":[\"new\"],"
        "\"price\":39.5,\"currency\":\"EUR\",\"stock\":3,\"available\":true,\"seller\":\"s1\","
        "\"regions\":[\"PT\",\"ES\"],\"published_at\":\"2026-05-03T10:00:00Z\","
        "\"expires_at\":\"2027-01-01T00:00:00Z\",\"url\":\"/a\"}";
    tdl_item item = read_item(*state, text);

    expect_told(&item, text);
}

static void times_are_kept_in_utc(void **state)
{
    tdl_item item =
        read_item(*state, "{\"id\":\"a\",\"published_at\":\"2026-05-03T12:00:00+02:00\"}");

    expect_told(&item, "{\"id\":\"a\",\"title\":null,\"attributes\":null,"
                       "\"published_at\":\"2026-05-03T10:00:00Z\"}");
}

static void a_patch_changes_what_it_names_and_null_takes_away(void **state)
{
    desk *d = *state;
    tdl_item item = read_item(d, "{\"id\":\"a\",\"title\":\"Shoe\",\"price\":5,\"stock\":3,"
                                 "\"attributes\":{\"color\":\"red\",\"size\":4}}");
    tdl_report why;

    assert_int_equal(tdl_item_patch(&item,
                                    parse(d, "{\"id\":\"a\",\"price\":4,\"stock\":null,"
                                             "\"attributes\":{\"color\":null,\"width\":2}}"),
                                    d->arena, &item, &why),
                     TDL_OK);
    expect_told(&item, "{\"id\":\"a\",\"title\":\"Shoe\",\"attributes\":{\"size\":4,\"width\":2},"
                       "\"price\":4}");
    assert_int_equal(tdl_item_patch(&item, parse(d, "{\"title\":null}"), d->arena, &item, &why),
                     TDL_OK);
    assert_int_equal(item.title.len, 0);
    assert_int_equal(tdl_item_patch(&item, parse(d, "{\"id\":\"b\"}"), d->arena, &item, &why),
                     TDL_E_INVALID);
}

static void a_deleted_item_keeps_what_it_was_until_it_is_patched(void **state)
{
    desk *d = *state;
    tdl_item item = read_item(d, "{\"id\":\"a\",\"title\":\"Shoe\",\"price\":5}");
    tdl_report why;

    assert_false(tdl_item_is_deleted(&item));
    assert_int_equal(tdl_item_delete(&item, d->arena, &item, &why), TDL_OK);
    assert_true(tdl_item_is_deleted(&item));
    expect_told(&item, "{\"id\":\"a\",\"title\":\"Shoe\",\"attributes\":null,\"price\":5,"
                       "\"deleted\":true}");
    assert_int_equal(tdl_item_patch(&item, parse(d, "{}"), d->arena, &item, &why), TDL_OK);
    assert_false(tdl_item_is_deleted(&item));
}

static void bad_fields_are_named(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[]", "must be an object"},
        {"{}", "id is missing"},
        {"{\"id\":7}", "id must be a string"},
        {"{\"id\":\"a\",\"price\":-1}", "price must be a number of 0 or more"},
        {"{\"id\":\"a\",\"price\":\"5\"}", "price must be a number"},
        {"{\"id\":\"a\",\"stock\":-2}", "stock must be a number of 0 or more"},
        {"{\"id\":\"a\",\"available\":1}", "available must be true or false"},
        {"{\"id\":\"a\",\"tags\":\"new\"}", "tags must be an array"},
        {"{\"id\":\"a\",\"tags\":[\"new\",3]}", "tags: element 1 must be a string"},
        {"{\"id\":\"a\",\"expires_at\":\"soon\"}", "expires_at"},
        {"{\"id\":\"a\",\"expires_at\":true}", "expires_at"},
        {"{\"id\":\"a\",\"seller\":{}}", "seller must be a string"},
        {"{\"id\":\"a\",\"colour\":\"red\"}", "there is no field \"colour\""},
        {"{\"id\":\"a\",\"attributes\":[]}", "attributes must be an object"},
        {"{\"id\":\"a\",\"attributes\":{\"$x\":1}}", "do not begin with \"$\""},
    };
    desk *d = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        tdl_report why = {0};
        tdl_item item;
        assert_int_equal(tdl_item_read(parse(d, cases[i].text), d->arena, &item, &why),
                         TDL_E_INVALID);
        if (!strstr(why.message, cases[i].message))
            fail_msg("%s: %s", cases[i].text, why.message);
    }
}

/* A row of an older version, or of another program. */
static void what_is_stored_need_not_be_what_was_put(void **state)
{
    const tdl_item older = {.id = TDL_STR("a"), .attributes = TDL_STR("{\"price\": 3}")};
    const tdl_item damaged = {.id = TDL_STR("a"), .attributes = TDL_STR("[1")};

    TDL_UNUSED(state);
    expect_told(&older, "{\"id\":\"a\",\"title\":null,\"attributes\":{\"price\":3}}");
    expect_told(&damaged, "{\"id\":\"a\",\"title\":null,\"attributes\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_is_told_as_it_was_put),
        cmocka_unit_test(times_are_kept_in_utc),
        cmocka_unit_test(a_patch_changes_what_it_names_and_null_takes_away),
        cmocka_unit_test(a_deleted_item_keeps_what_it_was_until_it_is_patched),
        cmocka_unit_test(bad_fields_are_named),
        cmocka_unit_test(what_is_stored_need_not_be_what_was_put),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
