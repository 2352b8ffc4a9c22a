/* What expressions mean; expected truths are worked out by hand from the rules in expression.h. */
#include "cases.h"

#include "apps/recommend/expression.h"

enum { PRICE, BRAND, TAGS, CATEGORIES, SALE, SINCE, ATTRIBUTES };

typedef struct shop {
    tdl_arena *arena;
    tdl_attributes *known;
    tdl_operand shoe[ATTRIBUTES];
} shop;

static const char *const names[ATTRIBUTES] = {"price",      "brand", "tags",
                                              "categories", "sale",  "published_at"};
static const char *const shoe_json =
    "[39.5, \"Acme\", [\"new\", \"red\"], [\"shoes\", \"sport\"], true, \"2026-05-03T00:00:00Z\"]";

static const tdl_operand *attribute_of(const void *item, int32_t attribute)
{
    return &((const tdl_operand *)item)[attribute];
}

static int open_shop(void **state)
{
    shop *s = calloc(1, sizeof *s);
    json_t *values = NULL;
    tdl_report why;

    s->arena = tdl_arena_new(1 << 22);
    s->known = tdl_attributes_new();
    expect_ok(tdl_json_parse(tdl_str_of(shoe_json), TDL_JSON_REFUSE_DUPLICATES, &values, &why),
              &why);
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        assert_true(tdl_operand_read(json_array_get(values, i), s->arena, &s->shoe[i]));
        assert_int_equal(tdl_attributes_add(s->known, tdl_str_of(names[i]), s->shoe[i].kind), i);
    }
    json_decref(values);
    *state = s;
    return 0;
}

static int close_shop(void **state)
{
    shop *s = *state;

    tdl_attributes_free(s->known);
    tdl_arena_free(s->arena);
    free(s);
    return 0;
}

static bool holds(shop *s, const char *text, const char *context, const char *user)
{
    json_t *parsed[2] = {json_loads(context, 0, NULL), json_loads(user, 0, NULL)};
    tdl_expression *e;
    tdl_bound bound;
    tdl_report why = {0};

    if (tdl_expression_compile(tdl_str_of(text), s->known, s->arena, &e, &why))
        fail_msg("%s: %s", text, why.message);
    assert_true(tdl_expression_bind(e, s->known, parsed[0], parsed[1], s->arena, &bound));
    bool truth = tdl_expression_holds(&bound, s->shoe, attribute_of);
    json_decref(parsed[0]);
    json_decref(parsed[1]);
    return truth;
}

static void attributes_are_compared_with_values(void **state)
{
    static const struct {
        const char *text;
        bool truth;
    } cases[] = {
        {"price == 39.5", true},
        {"price != 39.5", false},
        {"price < 40", true},
        {"price >= 39.50", true},
        {"price > 39.5", false},
        {"price <= -1", false},
        {"brand == \"Acme\"", true},
        {"brand == 'acme'", false},
        {"brand < 'B'", true},
        {"brand in ['Acme', 'Other']", true},
        {"brand not in ['Acme']", false},
        {"'shoes' in categories", true},
        {"'hats' in categories", false},
        {"'hats' not in categories", true},
        {"categories == ['shoes', 'sport']", true},
        {"tag('new')", true},
        {"tag(\"old\")", false},
        {"sale", true},
        {"not sale", false},
        {"sale == true", true},
        {"published_at >= '2026-05'", true},
        {"published_at < '2026-05-03'", false},
        {"brand == 'A\\'cme' or brand == \"Ac\\me\"", true},
        {"true", true},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        if (holds(*state, cases[i].text, "{}", "{}") != cases[i].truth)
            fail_msg("%s is not %d", cases[i].text, cases[i].truth);
}

static void and_binds_stronger_than_or_and_not_stronger_than_both(void **state)
{
    assert_true(holds(*state, "true or true and false", "{}", "{}"));
    assert_false(holds(*state, "(true or true) and false", "{}", "{}"));
    assert_true(holds(*state, "not false or true", "{}", "{}"));
    assert_false(holds(*state, "not (false or true)", "{}", "{}"));
    assert_true(holds(*state, "not price < 10", "{}", "{}"));
    assert_true(holds(*state, "sale and price < 40 and not tag('old')", "{}", "{}"));
}

static void the_request_and_the_person_are_asked_too(void **state)
{
    const char *context = "{\"budget\": 50, \"device\": {\"kind\": \"phone\"}, \"a.b\": 1}";
    const char *user = "{\"country\": \"PT\", \"likes\": [\"Acme\"]}";

    assert_true(holds(*state, "price < ctx.budget", context, user));
    assert_true(holds(*state, "ctx.device.kind == 'phone' and ctx.a.b == 1", context, user));
    assert_true(holds(*state, "user.country == 'PT' and brand in user.likes", context, user));
    assert_false(holds(*state, "price < ctx.budget", "{\"budget\": \"50\"}", user));
    assert_false(holds(*state, "price < ctx.budget", "null", "null"));
}

static void what_is_not_said_equals_nothing(void **state)
{
    assert_false(holds(*state, "ctx.none == 1", "{}", "{}"));
    assert_true(holds(*state, "ctx.none != 1", "{}", "{}"));
    assert_false(holds(*state, "ctx.none < 1", "{}", "{}"));
    assert_false(holds(*state, "ctx.none", "{}", "{}"));
    assert_false(holds(*state, "ctx.none == user.none", "{}", "{}"));
    assert_false(holds(*state, "brand in ctx.none", "{}", "{}"));
    assert_true(holds(*state, "brand not in ctx.none", "{}", "{}"));
}

static void mistakes_are_told_with_their_position(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "ends too early at position 1"},
        {"price <", "ends too early at position 8"},
        {"prise < 3", "attribute \"prise\", at position 1 (nearest: price)"},
        {"price = 3", "\"=\" in place of \"==\" at position 7"},
        {"price < 3 & sale", "a character without meaning at position 11"},
        {"price < 'cheap'", "a number is compared with a text at position 7"},
        {"price", "a number is no condition, at position 1"},
        {"not price", "a number is no condition, at position 5"},
        {"sale and 3", "a number is no condition, at position 10"},
        {"sale < true", "only numbers and texts have an order, which is asked for at position 6"},
        {"price in 3", "\"in\" wants a list behind it, at position 10"},
        {"(sale", "expected \")\" at position 6"},
        {"sale)", "something is left over, which begins at position 5"},
        {"brand == 'x", "a text without its closing quote at position 10"},
        {"price == 1.2.3", "a number that cannot be read at position 10"},
        {"price in [1, ]", "expected a text, a number, true or false in the list at position 14"},
        {"price in [1 2]", "expected \",\" or \"]\" at position 13"},
        {"tag(new)", "expected a text, as in tag(\"new\"), at position 5"},
        {"price not 3", "expected \"in\" behind \"not\" at position 11"},
        {"sale and or sale", "expected a value at position 10"},
        {"\xff", "not UTF-8"},
    };
    shop *s = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        tdl_expression *e;
        tdl_report why = {0};
        assert_int_equal(
            tdl_expression_compile(tdl_str_of(cases[i].text), s->known, s->arena, &e, &why),
            TDL_E_INVALID);
        if (!strstr(why.message, cases[i].message))
            fail_msg("%s: %s", cases[i].text, why.message);
    }
}

static void what_is_too_deep_or_too_long_is_refused(void **state)
{
    char text[TDL_EXPRESSION_MAX + 8];
    shop *s = *state;
    tdl_expression *e;
    tdl_report why;

    for (size_t depth = 32; depth <= 33; depth++) {
        memset(text, '(', depth);
        strcpy(text + depth, "sale");
        memset(text + depth + 4, ')', depth);
        text[2 * depth + 4] = '\0';
        assert_int_equal(tdl_expression_compile(tdl_str_of(text), s->known, s->arena, &e, &why),
                         depth == 32 ? TDL_OK : TDL_E_INVALID);
    }
    assert_non_null(strstr(why.message, "more than 32 levels at position 34"));
    memset(text, ' ', sizeof text);
    memcpy(text, "sale", 4);
    assert_int_equal(
        tdl_expression_compile((tdl_str){text, TDL_EXPRESSION_MAX}, s->known, s->arena, &e, &why),
        TDL_OK);
    assert_int_equal(tdl_expression_compile((tdl_str){text, TDL_EXPRESSION_MAX + 1}, s->known,
                                            s->arena, &e, &why),
                     TDL_E_INVALID);
}

static void without_a_catalogue_any_name_will_do(void **state)
{
    shop *s = *state;
    tdl_expression *e;
    tdl_bound bound;
    tdl_report why;

    expect_ok(tdl_expression_compile(TDL_STR("colour == 'red' or ctx.x or user.y"), NULL, s->arena,
                                     &e, &why),
              &why);
    assert_true(tdl_expression_asks_context(e));
    assert_true(tdl_expression_asks_user(e));
    assert_true(tdl_expression_bind(e, s->known, NULL, NULL, s->arena, &bound));
    assert_false(tdl_expression_holds(&bound, s->shoe, attribute_of));
    expect_ok(tdl_expression_compile(TDL_STR("price < 3"), NULL, s->arena, &e, &why), &why);
    assert_false(tdl_expression_asks_context(e));
    assert_false(tdl_expression_asks_user(e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_are_compared_with_values),
        cmocka_unit_test(and_binds_stronger_than_or_and_not_stronger_than_both),
        cmocka_unit_test(the_request_and_the_person_are_asked_too),
        cmocka_unit_test(what_is_not_said_equals_nothing),
        cmocka_unit_test(mistakes_are_told_with_their_position),
        cmocka_unit_test(what_is_too_deep_or_too_long_is_refused),
        cmocka_unit_test(without_a_catalogue_any_name_will_do),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
