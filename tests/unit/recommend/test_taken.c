/* What events say was taken. Names of robots are those of Googlebot, AhrefsBot, a CUBOT telephone
 * and Chrome, as their makers print them. */
#include "cases.h"

#include "apps/recommend/taken.h"

static tdl_taken read(const char *item, const char *properties)
{
    tdl_event event = {.item = tdl_str_of(item), .properties = tdl_str_of(properties)};
    tdl_taken taken;

    tdl_taken_read(&event, &taken);
    return taken;
}

static void expect_items(tdl_taken *taken, const char *const *item, size_t n)
{
    assert_int_equal(taken->items_n, n);
    for (size_t i = 0; i < n; i++)
        assert_true(tdl_str_is(tdl_taken_item(taken, i), item[i]));
    tdl_taken_release(taken);
}

static void an_event_takes_its_item(void **state)
{
    const char *const one[] = {"a"};
    tdl_taken taken = read("a", "{\"price\":3}");

    TDL_UNUSED(state);
    assert_null(taken.properties); // nothing had to be read
    expect_items(&taken, one, 1);
    taken = read("", "");
    expect_items(&taken, NULL, 0);
}

static void an_order_takes_its_list(void **state)
{
    const char *const three[] = {"a", "b", "c"};
    const char *const two[] = {"b", "c"};
    tdl_taken taken = read("a", "{\"order_id\":\"o1\",\"items\":[\"b\",{\"item_id\":\"c\"}]}");

    TDL_UNUSED(state);
    assert_true(tdl_str_is(taken.order, "o1"));
    expect_items(&taken, three, 3);
    taken =
        read("", "{\"products\":[{\"product_id\":\"b\"},{\"sku\":\"c\"},{\"price\":1},7,null]}");
    expect_items(&taken, two, 2);
}

static void a_robot_says_so_or_is_known_by_its_program(void **state)
{
    static const struct {
        const char *properties;
        bool robot;
    } cases[] = {
        {"{\"bot\":true}", true},
        {"{\"bot\":false}", false},
        {"{\"is_bot\":true}", true},
        {"{\"user_agent\":\"Mozilla/5.0 (compatible; Googlebot/2.1; "
         "+http://www.google.com/bot.html)\"}",
         true},
        {"{\"$raw_user_agent\":\"Mozilla/5.0 (compatible; AhrefsBot/7.0; "
         "+http://ahrefs.com/robot/)\"}",
         true},
        {"{\"userAgent\":\"Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120.0\"}", true},
        {"{\"user_agent\":\"Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) Chrome/120.0\"}", false},
        {"{\"user_agent\":\"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0\"}", false},
        {"{\"user_agent\":17}", false},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < COUNT(cases); i++) {
        tdl_taken taken = read("a", cases[i].properties);
        if (taken.robot != cases[i].robot)
            fail_msg("%s", cases[i].properties);
        tdl_taken_release(&taken);
    }
}

static void what_cannot_be_read_says_nothing(void **state)
{
    const char *const one[] = {"a"};
    static const char *const broken[] = {"{\"items\":", "[\"items\"]", "{\"items\":{\"a\":1}}",
                                         "{\"order_id\":4,\"items\":3}", "\"bot\""};
    char *list = malloc(2000);

    TDL_UNUSED(state);
    for (size_t i = 0; i < COUNT(broken); i++) {
        tdl_taken taken = read("a", broken[i]);
        assert_int_equal(taken.order.len, 0);
        expect_items(&taken, one, 1);
    }
    int n = snprintf(list, 2000, "{\"items\":[\"%0*d\"]}", TDL_ID_MAX + 1, 0); // too long an id
    assert_in_range(n, TDL_ID_MAX, 1999);
    tdl_taken taken = read("a", list);
    expect_items(&taken, one, 1);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_takes_its_item),
        cmocka_unit_test(an_order_takes_its_list),
        cmocka_unit_test(a_robot_says_so_or_is_known_by_its_program),
        cmocka_unit_test(what_cannot_be_read_says_nothing),
    };
    return cmocka_run_group_tests_name("recommend/taken", tests, NULL, NULL);
}
