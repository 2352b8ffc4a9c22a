/* What is refused at the door. The limits are those of treadle/event.h and store/store.h. */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/check.h"

static const int64_t NOW = 1700000000000000, DAY = 86400000000;

static void check(tdl_event e, tdl_status expected, const char *part)
{
    fixture f = {0};
    tdl_status st = tdl_event_check(&e, NOW, &f.why);

    if (expected)
        refuse(&f, st, expected, part);
    else
        succeed(&f, st);
}

static tdl_str repeat(char *at, size_t n)
{
    memset(at, 'x', n);
    return (tdl_str){at, n};
}

static void an_event_with_all_it_needs_is_accepted(void **state)
{
    TDL_UNUSED(state);
    check(event_of("m"), TDL_OK, "");
}

static void each_required_field_is_named_when_missing(void **state)
{
    TDL_UNUSED(state);
    tdl_event e = event_of("m");
    tdl_str *fields[] = {&e.user, &e.kind, &e.source, &e.message_id};
    static const char *const names[] = {"user is missing", "kind is missing", "source is missing",
                                        "message_id is missing"};

    for (size_t i = 0; i < 4; i++) {
        tdl_str kept = *fields[i];
        *fields[i] = (tdl_str){0};
        check(e, TDL_E_INVALID, names[i]);
        *fields[i] = kept;
    }
}

static void ids_may_be_as_long_as_the_limit_and_no_longer(void **state)
{
    TDL_UNUSED(state);
    char text[TDL_KIND_MAX + 1];
    tdl_event e = event_of("m");
    tdl_str *ids[] = {&e.user, &e.item, &e.source, &e.message_id, &e.decision_id};

    for (size_t i = 0; i < 5; i++) {
        tdl_str kept = *ids[i];
        *ids[i] = repeat(text, TDL_ID_MAX);
        check(e, TDL_OK, "");
        *ids[i] = repeat(text, TDL_ID_MAX + 1);
        check(e, TDL_E_INVALID, "401 bytes long, 400 are allowed");
        *ids[i] = kept;
    }
    e.kind = repeat(text, TDL_KIND_MAX);
    check(e, TDL_OK, "");
    e.kind = repeat(text, TDL_KIND_MAX + 1);
    check(e, TDL_E_INVALID, "kind is 513 bytes long, 512 are allowed");
}

static void text_that_is_not_utf8_is_refused_with_its_place(void **state)
{
    TDL_UNUSED(state);
    static const char *const bad[] = {"ab\xff", "ab\xc3", "ab\xed\xa0\x80", "ab\xc0\xaf"};

    for (size_t i = 0; i < 4; i++) {
        tdl_event e = event_of("m");
        e.item = tdl_str_of(bad[i]);
        check(e, TDL_E_INVALID, "item is not valid UTF-8 at byte 2");
    }
}

static void control_characters_are_refused(void **state)
{
    TDL_UNUSED(state);
    // NUL, line feed, unit separator, DEL, and the first and last of C1
    static const tdl_str bad[] = {{"a\0b", 3},  {"a\nb", 3},      {"a\x1f", 2},
                                  {"a\x7f", 2}, {"a\xc2\x80", 3}, {"a\xc2\x9f", 3}};

    for (size_t i = 0; i < 6; i++) {
        tdl_event e = event_of("m");
        e.user = bad[i];
        check(e, TDL_E_INVALID, "user holds a control character at byte 1");
    }
}

static void text_next_to_control_characters_is_accepted(void **state)
{
    TDL_UNUSED(state);
    // blank, tilde, U+00A0, U+00DF (C3 9F), emoji with joiner
    static const char *const good[] = {" ", "~", "\xc2\xa0", "ß", "👩‍🚀"};

    for (size_t i = 0; i < 5; i++) {
        tdl_event e = event_of("m");
        e.user = tdl_str_of(good[i]);
        check(e, TDL_OK, "");
    }
}

static void times_are_accepted_from_1970_until_a_day_ahead(void **state)
{
    TDL_UNUSED(state);
    tdl_event e = event_of("m");

    e.time_us = 0;
    check(e, TDL_OK, "");
    e.time_us = -1;
    check(e, TDL_E_INVALID, "before 1970");
    e.time_us = NOW + DAY;
    check(e, TDL_OK, "");
    e.time_us = NOW + DAY + 1;
    check(e, TDL_E_INVALID, "future");
    e.time_us = INT64_MAX;
    check(e, TDL_E_INVALID, "future");
    e.time_us = INT64_MIN;
    check(e, TDL_E_INVALID, "before 1970");
}

static void a_value_must_be_finite(void **state)
{
    TDL_UNUSED(state);
    tdl_event e = event_of("m");

    e.value = NAN;
    check(e, TDL_OK, ""); // there is none
    e.has_value = true;
    check(e, TDL_E_INVALID, "value is not a finite number");
    e.value = -INFINITY;
    check(e, TDL_E_INVALID, "value is not a finite number");
    e.value = -1.5e300;
    check(e, TDL_OK, "");
}

static void properties_must_be_a_json_object(void **state)
{
    TDL_UNUSED(state);
    tdl_event e = event_of("m");

    e.properties = TDL_STR("{}");
    check(e, TDL_OK, "");
    e.properties = TDL_STR("[]");
    check(e, TDL_E_INVALID, "properties: must be a JSON object");
    e.properties = TDL_STR("{\"a\":}");
    check(e, TDL_E_INVALID, "properties: line 1");
    e.properties = TDL_STR("{\"a\":NaN}");
    check(e, TDL_E_INVALID, "properties: ");
}

static void properties_have_a_limit(void **state)
{
    TDL_UNUSED(state);
    tdl_event e = event_of("m");
    char *text = malloc(TDL_PROPERTIES_MAX + 1);

    memset(text, ' ', TDL_PROPERTIES_MAX + 1);
    text[0] = '{';
    text[TDL_PROPERTIES_MAX - 1] = '}';
    e.properties = (tdl_str){text, TDL_PROPERTIES_MAX};
    check(e, TDL_OK, "");
    e.properties.len++;
    check(e, TDL_E_INVALID, "1048577 bytes, 1048576 are allowed");
    free(text);
}

static void an_item_needs_an_id_and_a_sound_title(void **state)
{
    TDL_UNUSED(state);
    fixture f = {0};
    tdl_item item = {.id = TDL_STR("i"), .title = TDL_STR("two\nlines")};

    succeed(&f, tdl_check_item(&item, &f.why));
    item.title = TDL_STR("a\xff");
    refuse(&f, tdl_check_item(&item, &f.why), TDL_E_INVALID, "title is not valid UTF-8 at byte 1");
    item.title = (tdl_str){0};
    item.attributes = TDL_STR("7");
    refuse(&f, tdl_check_item(&item, &f.why), TDL_E_INVALID, "attributes: must be a JSON object");
    item.id = (tdl_str){0};
    refuse(&f, tdl_check_item(&item, &f.why), TDL_E_INVALID, "id is missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_with_all_it_needs_is_accepted),
        cmocka_unit_test(each_required_field_is_named_when_missing),
        cmocka_unit_test(ids_may_be_as_long_as_the_limit_and_no_longer),
        cmocka_unit_test(text_that_is_not_utf8_is_refused_with_its_place),
        cmocka_unit_test(control_characters_are_refused),
        cmocka_unit_test(text_next_to_control_characters_is_accepted),
        cmocka_unit_test(times_are_accepted_from_1970_until_a_day_ahead),
        cmocka_unit_test(a_value_must_be_finite),
        cmocka_unit_test(properties_must_be_a_json_object),
        cmocka_unit_test(properties_have_a_limit),
        cmocka_unit_test(an_item_needs_an_id_and_a_sound_title),
    };
    return cmocka_run_group_tests_name("store/check", tests, NULL, NULL);
}
