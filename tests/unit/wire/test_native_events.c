#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "wire/native/native.h"

/* 2026-11-24T10:00:00Z, by `date -u +%s`. */
static const int64_t NOW_US = INT64_C(1795514400000000);

typedef struct decoded {
    tdl_arena *arena;
    tdl_batch batch;
    tdl_report why;
} decoded;

static int set_up(void **state)
{
    decoded *d = calloc(1, sizeof *d);
    d->arena = tdl_arena_new((size_t)32 << 20);
    *state = d;
    return 0;
}

static int tear_down(void **state)
{
    decoded *d = *state;
    tdl_batch_release(&d->batch);
    tdl_arena_free(d->arena);
    free(d);
    return 0;
}

static tdl_status decode(decoded *d, const char *text)
{
    tdl_batch_release(&d->batch);
    d->why = (tdl_report){0};
    return tdl_native_events(tdl_str_of(text), NOW_US, d->arena, &d->batch, &d->why);
}

static void assert_text(tdl_str text, const char *want)
{
    char copy[200];
    snprintf(copy, sizeof copy, "%.*s", TDL_FMT(text));
    assert_string_equal(copy, want);
}

static void every_field_arrives(void **state)
{
    decoded *d = *state;

    assert_int_equal(decode(d, "{\"user\":\"u1\",\"kind\":\"rating\",\"item\":\"i9\",\"value\":3.5,"
                               "\"time\":\"2020-01-02T03:04:05.25+01:00\","
                               "\"properties\":{\"b\":[1,2],\"a\":\"\\u4e2d\"},"
                               "\"message_id\":\"m1\",\"decision_id\":\"d1\",\"alias\":\"u0\","
                               "\"traits\":{\"plan\":\"pro\"},\"traits_once\":{\"first\":1}}"),
                     TDL_OK);
    const tdl_event *e = d->batch.events;
    assert_int_equal(d->batch.events_n, 1);
    assert_text(e->user, "u1");
    assert_text(e->kind, "rating");
    assert_text(e->item, "i9");
    assert_true(e->has_value && e->value == 3.5);
    assert_int_equal(e->time_us, INT64_C(1577930645250000)); // date -u -d 2020-01-02T02:04:05Z +%s
    assert_text(e->properties, "{\"a\":\"\xe4\xb8\xad\",\"b\":[1,2]}");
    assert_text(e->source, "native");
    assert_text(e->message_id, "m1");
    assert_text(e->decision_id, "d1");
    assert_text(e->alias, "u0");
    assert_text(e->traits, "{\"plan\":\"pro\"}");
    assert_text(e->traits_once, "{\"first\":1}");
}

static void what_is_left_out_has_a_default(void **state)
{
    decoded *d = *state;

    assert_int_equal(decode(d, "[{\"user\":\"u\",\"kind\":\"view\"},"
                               "{\"user\":\"u\",\"kind\":\"view\",\"item\":null,\"value\":null,"
                               "\"time\":null,\"properties\":{},\"message_id\":null}]"),
                     TDL_OK);
    assert_int_equal(d->batch.events_n, 2);
    for (size_t i = 0; i < 2; i++) {
        const tdl_event *e = &d->batch.events[i];
        assert_int_equal(e->time_us, NOW_US);
        assert_false(e->has_value);
        assert_int_equal(e->item.len + e->properties.len + e->decision_id.len, 0);
        assert_true(tdl_uuid_valid(e->message_id));
    }
    assert_false(tdl_str_eq(d->batch.events[0].message_id, d->batch.events[1].message_id));
}

static void time_may_be_microseconds(void **state)
{
    decoded *d = *state;

    assert_int_equal(decode(d, "{\"user\":\"u\",\"kind\":\"v\",\"time\":1577930645000001}"),
                     TDL_OK);
    assert_int_equal(d->batch.events[0].time_us, INT64_C(1577930645000001));
    assert_int_equal(decode(d, "{\"user\":\"u\",\"kind\":\"v\",\"time\":0}"), TDL_OK);
    assert_int_equal(d->batch.events[0].time_us, 0);
}

static void an_empty_array_is_no_event(void **state)
{
    decoded *d = *state;

    assert_int_equal(decode(d, "[]"), TDL_OK);
    assert_int_equal(d->batch.events_n, 0);
}

/* One wrong event refuses all; the report names its index and the field. */
static void a_bad_event_is_named_by_index_and_field(void **state)
{
    static const struct {
        const char *members, *named;
    } cases[] = {
        {"\"kind\":\"v\"", "user"},
        {"\"user\":\"\",\"kind\":\"v\"", "user"},
        {"\"user\":7,\"kind\":\"v\"", "user must be a string, not a number"},
        {"\"user\":\"u\"", "kind"},
        {"\"user\":\"u\",\"kind\":[]", "kind must be a string, not a array"},
        {"\"user\":\"u\",\"kind\":\"v\",\"item\":{}", "item"},
        {"\"user\":\"u\",\"kind\":\"v\",\"value\":\"3\"", "value must be a number, not a string"},
        {"\"user\":\"u\",\"kind\":\"v\",\"value\":true", "value"},
        {"\"user\":\"u\",\"kind\":\"v\",\"time\":1.5", "time"},
        {"\"user\":\"u\",\"kind\":\"v\",\"time\":\"yesterday\"", "time"},
        {"\"user\":\"u\",\"kind\":\"v\",\"time\":\"2020-01-02T03:04:05\"", "time"},
        {"\"user\":\"u\",\"kind\":\"v\",\"time\":-1", "time is before 1970"},
        {"\"user\":\"u\",\"kind\":\"v\",\"time\":\"1969-12-31T23:59:59Z\"", "time is before 1970"},
        {"\"user\":\"u\",\"kind\":\"v\",\"time\":\"2026-11-25T10:00:01Z\"",
         "time is more than a day"},
        {"\"user\":\"u\",\"kind\":\"v\",\"properties\":[1]", "properties must be an object"},
        {"\"user\":\"u\",\"kind\":\"v\",\"message_id\":1", "message_id"},
        {"\"user\":\"u\",\"kind\":\"v\",\"decision_id\":1", "decision_id"},
        {"\"user\":\"u\",\"kind\":\"v\",\"alias\":1", "alias"},
        {"\"user\":\"u\",\"kind\":\"v\",\"traits\":[]", "traits"},
        {"\"user\":\"u\",\"kind\":\"v\",\"itme\":\"i\"", "no field \"itme\""},
        {"\"user\":\"a\\nb\",\"kind\":\"v\"", "user holds a control character"},
    };
    decoded *d = *state;
    char text[400];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "[{\"user\":\"u\",\"kind\":\"v\"},{%s}]", cases[i].members);
        assert_int_equal(decode(d, text), TDL_E_INVALID);
        assert_int_equal(d->batch.events_n, 0);
        assert_memory_equal(d->why.message, "event 1: ", 9);
        if (!strstr(d->why.message, cases[i].named))
            fail_msg("\"%s\" does not tell of %s", d->why.message, cases[i].named);
    }
}

static void an_event_that_is_no_object_is_named(void **state)
{
    decoded *d = *state;

    assert_int_equal(decode(d, "[{\"user\":\"u\",\"kind\":\"v\"},[]]"), TDL_E_INVALID);
    assert_string_equal(d->why.message, "event 1: must be an object, not a array");
    assert_int_equal(decode(d, "3"), TDL_E_INVALID);
    assert_memory_equal(d->why.message, "event 0: ", 9);
}

static void malformed_json_gives_its_position(void **state)
{
    static const char *const texts[] = {"",
                                        "{\"user\":\"u\",}",
                                        "[{\"user\":\"u\",\"kind\":\"v\",\"value\":NaN}]",
                                        "{\"user\":\"\xff\"}",
                                        "{\"user\":\"u\",\"user\":\"v\",\"kind\":\"k\"}",
                                        "{\"user\":\"u\",\"kind\":\"v\"",
                                        "{} {}"};
    decoded *d = *state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(decode(d, texts[i]), TDL_E_INVALID);
        assert_memory_equal(d->why.message, "line 1, column ", 15);
    }
}

static void a_thousand_events_pass_and_one_more_does_not(void **state)
{
    decoded *d = *state;
    tdl_buf text = {0};

    for (int i = 0; i < 1001; i++)
        tdl_buf_printf(&text, "%c{\"user\":\"u%d\",\"kind\":\"v\"}", i ? ',' : '[', i);
    tdl_buf_char(&text, ']');
    assert_int_equal(decode(d, text.at), TDL_E_INVALID);
    assert_non_null(strstr(d->why.message, "1001 events"));
    tdl_buf_clear(&text);
    for (int i = 0; i < 1000; i++)
        tdl_buf_printf(&text, "%c{\"user\":\"u%d\",\"kind\":\"v\"}", i ? ',' : '[', i);
    tdl_buf_char(&text, ']');
    assert_int_equal(decode(d, text.at), TDL_OK);
    assert_text(d->batch.events[999].user, "u999");
    tdl_buf_release(&text);
}

static void ids_and_properties_have_limits(void **state)
{
    decoded *d = *state;
    tdl_buf text = {0};

    tdl_buf_text(&text, "{\"user\":\"");
    for (int i = 0; i < TDL_ID_MAX + 1; i++)
        tdl_buf_char(&text, 'x');
    tdl_buf_text(&text, "\",\"kind\":\"v\"}");
    assert_int_equal(decode(d, text.at), TDL_E_INVALID);
    assert_non_null(strstr(d->why.message, "user is 401 bytes long"));
    tdl_buf_clear(&text);
    tdl_buf_text(&text, "{\"user\":\"u\",\"kind\":\"v\",\"properties\":{\"a\":\"");
    for (int i = 0; i < TDL_PROPERTIES_MAX; i++)
        tdl_buf_char(&text, 'x');
    tdl_buf_text(&text, "\"}}");
    assert_int_equal(decode(d, text.at), TDL_E_INVALID);
    assert_non_null(strstr(d->why.message, "properties"));
    tdl_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_arrives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_left_out_has_a_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(time_may_be_microseconds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_array_is_no_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_event_is_named_by_index_and_field, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_that_is_no_object_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(malformed_json_gives_its_position, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_thousand_events_pass_and_one_more_does_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ids_and_properties_have_limits, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("wire/native_events", tests, NULL, NULL);
}
