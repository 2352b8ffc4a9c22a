/* What rules see of an item; expected values are written by hand. */
#include "cases.h"

#include "apps/recommend/record.h"

static tdl_attributes *attributes;

static int set_up(void **state)
{
    TDL_UNUSED(state);
    attributes = tdl_attributes_new();
    return attributes && tdl_record_begin(attributes) ? 0 : -1;
}

static int tear_down(void **state)
{
    TDL_UNUSED(state);
    tdl_attributes_free(attributes);
    return 0;
}

static tdl_record *record_of(const char *kept)
{
    tdl_record *record;

    assert_true(tdl_record_new(tdl_str_of(kept), attributes, &record));
    return record;
}

static const tdl_operand *at(const tdl_record *record, const char *name)
{
    return tdl_record_at(record, tdl_attributes_find(attributes, tdl_str_of(name)));
}

static void fields_and_own_attributes_are_found_by_name(void **state)
{
    tdl_record *r =
        record_of("{\"$price\": 39.5, \"$tags\": [\"new\", \"red\"], \"$seller\": \"s\","
                  "\"color\": \"blue\", \"size\": 42, \"deep\": {\"a\": 1}}");

    TDL_UNUSED(state);
    assert_true(at(r, "price")->number == 39.5);
    assert_int_equal(at(r, "tags")->items_n, 2);
    assert_true(tdl_str_is(at(r, "tags")->item[1].text, "red"));
    assert_true(tdl_str_is(at(r, "seller")->text, "s"));
    assert_true(tdl_str_is(at(r, "color")->text, "blue"));
    assert_true(at(r, "size")->number == 42);
    assert_null(at(r, "stock"));
    assert_int_equal(tdl_attributes_find(attributes, TDL_STR("deep")), -1);
    assert_int_equal(
        tdl_attributes_kinds(attributes, tdl_attributes_find(attributes, TDL_STR("size"))),
        TDL_OPERAND_NUMBER);
    tdl_record_free(r);
}

static void what_an_answer_must_respect_is_read_from_the_fields(void **state)
{
    tdl_record *r = record_of("{\"$available\": false, \"$stock\": 0, \"$deleted\": true,"
                              "\"$published_at\": \"1970-01-01T00:00:01Z\","
                              "\"$expires_at\": \"1970-01-01T00:00:02Z\"}");
    tdl_record *silent = record_of("{\"stock\": 0, \"available\": false}"); // the shop's own

    TDL_UNUSED(state);
    assert_true(r->deleted && !r->available && r->stock == 0);
    assert_int_equal(r->published_us, 1000000);
    assert_int_equal(r->expires_us, 2000000);
    assert_true(!silent->deleted && silent->available && silent->stock < 0);
    assert_true(silent->published_us == INT64_MIN && silent->expires_us == INT64_MAX);
    assert_true(at(silent, "stock")->number == 0); // rules see it all the same
    tdl_record_free(r);
    tdl_record_free(silent);
}

/* |A and B| / sqrt(|A| |B|): 1 of 2 and 2; by hand. */
static void similarity_is_the_cosine_of_shared_features(void **state)
{
    tdl_record *a = record_of("{\"$categories\": [\"shoes\"], \"brand\": \"Acme\"}");
    tdl_record *b = record_of("{\"$categories\": [\"hats\", \"hats\"], \"brand\": \"Acme\"}");
    tdl_record *c = record_of("{\"$tags\": [\"shoes\"]}"); // a tag is no category
    tdl_record *none = record_of("{\"$price\": 3}");

    TDL_UNUSED(state);
    expect_near(tdl_record_similarity(a, a), 1, 1e-15);
    expect_near(tdl_record_similarity(a, b), .5, 1e-15);
    expect_near(tdl_record_similarity(b, a), .5, 1e-15);
    assert_true(tdl_record_similarity(a, c) == 0);
    assert_true(tdl_record_similarity(a, none) == 0);
    assert_true(tdl_record_similarity(NULL, a) == 0);
    tdl_record_free(a);
    tdl_record_free(b);
    tdl_record_free(c);
    tdl_record_free(none);
}

static void values_of_other_kinds_are_left_out(void **state)
{
    tdl_record *r = record_of("{\"$price\": \"cheap\", \"$tags\": 3, \"$stock\": [],"
                              "\"$published_at\": \"soon\", \"price\": [1], \"id\": \"x\"}");

    TDL_UNUSED(state);
    assert_int_equal(r->attributes_n, 1); // published_at, a text, which is no time
    assert_true(r->stock < 0 && r->published_us == INT64_MIN);
    assert_null(record_of(""));
    assert_null(record_of("{}"));
    assert_null(record_of("[1]"));
    assert_null(record_of("{\"a"));
    tdl_record_free(r);
}

static void more_names_than_rules_can_know_are_left_out(void **state)
{
    tdl_buf text = {0};

    TDL_UNUSED(state);
    for (int record = 0; record < 8; record++) {
        tdl_buf_clear(&text);
        tdl_buf_char(&text, '{');
        for (int i = 0; i < 300; i++)
            tdl_buf_printf(&text, "%s\"a%d\":%d", i ? "," : "", record * 300 + i, i);
        tdl_buf_char(&text, '}');
        tdl_record *r = record_of(text.at);
        assert_true(r->attributes_n <= 300);
        tdl_record_free(r);
    }
    tdl_buf_release(&text);
    assert_int_equal(tdl_attributes_add(attributes, TDL_STR("another"), 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_and_own_attributes_are_found_by_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_an_answer_must_respect_is_read_from_the_fields, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(similarity_is_the_cosine_of_shared_features, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(values_of_other_kinds_are_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_names_than_rules_can_know_are_left_out, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
