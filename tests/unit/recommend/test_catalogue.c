#include "cases.h"

#include "apps/recommend/catalogue.h"

static void an_item_has_a_number_an_id_and_at_first_no_title(void **state)
{
    tdl_catalogue *c = tdl_catalogue_new();

    TDL_UNUSED(state);
    assert_int_equal(tdl_catalogue_find(c, TDL_STR("31")), -1);
    assert_int_equal(tdl_catalogue_add(c, TDL_STR("31")), 0);
    assert_int_equal(tdl_catalogue_add(c, TDL_STR("31")), 0);
    assert_int_equal(tdl_catalogue_find(c, TDL_STR("31")), 0);
    assert_int_equal(tdl_catalogue_count(c), 1);
    assert_true(tdl_str_is(tdl_catalogue_id(c, 0), "31"));
    assert_true(tdl_str_is(tdl_catalogue_json(c, 0), "\"31\",\"title\":\"\""));
    tdl_catalogue_free(c);
}

static void a_title_may_be_set_changed_and_taken_away(void **state)
{
    tdl_catalogue *c = tdl_catalogue_new();

    TDL_UNUSED(state);
    tdl_catalogue_add(c, TDL_STR("31"));
    tdl_catalogue_set_title(c, 0, TDL_STR("Dangerous Minds"));
    assert_true(tdl_str_is(tdl_catalogue_json(c, 0), "\"31\",\"title\":\"Dangerous Minds\""));
    tdl_catalogue_set_title(c, 0, TDL_STR("危险游戏"));
    assert_true(tdl_str_is(tdl_catalogue_json(c, 0), "\"31\",\"title\":\"危险游戏\""));
    tdl_catalogue_set_title(c, 0, (tdl_str){0});
    assert_true(tdl_str_is(tdl_catalogue_json(c, 0), "\"31\",\"title\":\"\""));
    tdl_catalogue_free(c);
}

static void what_json_would_not_bear_is_escaped(void **state)
{
    tdl_catalogue *c = tdl_catalogue_new();

    TDL_UNUSED(state);
    tdl_catalogue_add(c, TDL_STR("a\"b"));
    tdl_catalogue_set_title(c, 0, TDL_STR("back\\slash\n"));
    assert_true(tdl_str_is(tdl_catalogue_json(c, 0), "\"a\\\"b\",\"title\":\"back\\\\slash\\n\""));
    tdl_catalogue_free(c);
}

static void users_are_counted_per_item(void **state)
{
    tdl_catalogue *c = tdl_catalogue_new();

    TDL_UNUSED(state);
    tdl_catalogue_add(c, TDL_STR("a"));
    tdl_catalogue_add(c, TDL_STR("b"));
    tdl_catalogue_take(c, 1);
    tdl_catalogue_take(c, 1);
    assert_true(tdl_catalogue_users(c)[0] == 0);
    assert_true(tdl_catalogue_users(c)[1] == 2);
    tdl_catalogue_free(c);
}

static void growing_keeps_what_was_there(void **state)
{
    enum { N = 5000 };
    tdl_catalogue *c = tdl_catalogue_new();
    char id[16], json[48];

    TDL_UNUSED(state);
    for (int32_t i = 0; i < N; i++) {
        snprintf(id, sizeof id, "%d", i);
        assert_int_equal(tdl_catalogue_add(c, tdl_str_of(id)), i);
        tdl_catalogue_set_title(c, i, tdl_str_of(id));
        tdl_catalogue_take(c, i);
    }
    for (int32_t i = 0; i < N; i++) {
        snprintf(id, sizeof id, "%d", i);
        assert_true(tdl_str_is(tdl_catalogue_id(c, i), id));
        snprintf(json, sizeof json, "\"%d\",\"title\":\"%d\"", i, i);
        assert_true(tdl_str_is(tdl_catalogue_json(c, i), json));
        assert_true(tdl_catalogue_users(c)[i] == 1);
    }
    tdl_catalogue_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_has_a_number_an_id_and_at_first_no_title),
        cmocka_unit_test(a_title_may_be_set_changed_and_taken_away),
        cmocka_unit_test(what_json_would_not_bear_is_escaped),
        cmocka_unit_test(users_are_counted_per_item),
        cmocka_unit_test(growing_keeps_what_was_there),
    };
    return cmocka_run_group_tests_name("recommend/catalogue", tests, NULL, NULL);
}
