/* Persons, groups, and flags that ask what is stored of them, over a real connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fixture.h"

static void expect(fixture *f, int status, const char *method, const char *target, const char *key,
                   const char *body)
{
    int got = fixture_call(f, method, target, key, body);

    if (got != status)
        fail_msg("%s %s: %d: %s", method, target, got, f->answer.body);
}

static void expect_part(const fixture *f, const char *part)
{
    if (!strstr(f->answer.body, part))
        fail_msg("%s is not in %s", part, f->answer.body);
}

static void a_person_is_shown_and_parted(void **state)
{
    fixture *f = *state;

    expect(
        f, 200, "POST", "/v1/events", f->write_key,
        "[{\"user\":\"anon\",\"kind\":\"view\",\"item\":\"i1\",\"traits\":{\"plan\":\"pro\"}},"
        "{\"user\":\"ann\",\"kind\":\"$identify\",\"alias\":\"anon\",\"message_id\":\"login\"}]");
    expect(f, 200, "GET", "/v1/users/anon", f->decide_key, NULL);
    expect_part(f, "{\"id\":\"ann\",\"ids\":[{\"id\":\"ann\",\"joined\":null},{\"id\":\"anon\","
                   "\"joined\":{\"time\":");
    expect_part(f, "\"kind\":\"$identify\",\"source\":\"native\",\"message_id\":\"login\"}}],"
                   "\"traits\":{\"plan\":\"pro\"}}");
    expect(f, 403, "POST", "/v1/users/anon/split", f->decide_key, "");
    expect(f, 409, "POST", "/v1/users/ann/split", f->admin_key, "");
    expect(f, 404, "POST", "/v1/users/nobody/split", f->admin_key, "");
    expect(f, 200, "POST", "/v1/users/anon/split", f->admin_key, "");
    expect_part(f, "{\"id\":\"anon\",\"ids\":[{\"id\":\"anon\",\"joined\":null}],"
                   "\"traits\":{\"plan\":\"pro\"}}");
    expect(f, 200, "GET", "/v1/events?user=ann", f->decide_key, NULL);
    assert_null(strstr(f->answer.body, "\"item\":\"i1\""));
    expect(f, 404, "GET", "/v1/users/nobody", f->decide_key, NULL);
}

/* What is recommended leaves out what the person has seen: that follows who the person is. */
static void serving_forgets_a_join_that_was_undone(void **state)
{
    fixture *f = *state;

    expect(f, 200, "POST", "/v1/events", f->write_key,
           "[{\"user\":\"u1\",\"kind\":\"view\",\"item\":\"i1\"},"
           "{\"user\":\"u2\",\"kind\":\"view\",\"item\":\"i2\"},"
           "{\"user\":\"anon\",\"kind\":\"view\",\"item\":\"i2\"},"
           "{\"user\":\"ann\",\"kind\":\"$identify\",\"alias\":\"anon\"}]");
    expect(f, 200, "GET", "/v1/recommend?user=ann", f->decide_key, NULL);
    assert_null(strstr(f->answer.body, "\"id\":\"i2\""));
    expect(f, 200, "POST", "/v1/users/anon/split", f->admin_key, "");
    expect(f, 200, "GET", "/v1/recommend?user=ann", f->decide_key, NULL);
    expect_part(f, "\"id\":\"i2\"");
    expect(f, 200, "GET", "/v1/recommend?user=anon", f->decide_key, NULL);
    assert_null(strstr(f->answer.body, "\"id\":\"i2\""));
    expect_part(f, "\"id\":\"i1\"");
    expect(f, 200, "POST", "/v1/events", f->write_key,
           "{\"user\":\"anon\",\"kind\":\"view\",\"item\":\"i1\"}"); // and learns on, for each
    expect(f, 200, "GET", "/v1/recommend?user=ann", f->decide_key, NULL);
    expect_part(f, "\"id\":\"i1\"");
}

static void groups_are_listed_and_shown(void **state)
{
    fixture *f = *state;

    expect(f, 200, "POST", "/v1/events", f->write_key,
           "[{\"user\":\"u1\",\"kind\":\"$groupidentify\",\"group_type\":\"company\","
           "\"group\":\"a/b\",\"group_traits\":{\"seats\":5},\"time\":1000000},"
           "{\"kind\":\"$groupidentify\",\"group_type\":\"team\",\"group\":\"t\"}]");
    expect(f, 200, "GET", "/v1/groups", f->decide_key, NULL);
    assert_string_equal(f->answer.body, "{\"groups\":[{\"type\":\"company\",\"name\":\"a/b\","
                                        "\"updated\":\"1970-01-01T00:00:01Z\"},"
                                        "{\"type\":\"team\",\"name\":\"t\",\"updated\":null}]}");
    expect(f, 200, "GET", "/v1/groups?type=team&limit=1", f->decide_key, NULL);
    assert_null(strstr(f->answer.body, "company"));
    expect(f, 200, "GET", "/v1/groups/company/a%2Fb", f->decide_key, NULL);
    expect_part(f, "\"traits\":{\"seats\":5}}");
    expect(f, 404, "GET", "/v1/groups/company/zzz", f->decide_key, NULL);
    expect(f, 200, "GET", "/v1/users", f->decide_key, NULL);
    assert_null(strstr(f->answer.body, "$team_t"));
}

/* Conditions on the plan of a person, and on the seats of a company; both for everybody who fits.
 */
static const char about_persons[] =
    "{\"family\":\"posthog\",\"definition\":{\"active\":true,\"filters\":{\"groups\":[{"
    "\"properties\":[{\"key\":\"plan\",\"value\":\"pro\",\"operator\":\"exact\","
    "\"type\":\"person\"}],\"rollout_percentage\":100}]}}}";
static const char about_companies[] =
    "{\"family\":\"posthog\",\"definition\":{\"active\":true,"
    "\"group_type_mapping\":{\"0\":\"company\"},\"filters\":{"
    "\"aggregation_group_type_index\":0,\"groups\":[{\"properties\":[{\"key\":\"seats\","
    "\"value\":5,\"operator\":\"exact\",\"type\":\"group\",\"group_type_index\":0}],"
    "\"rollout_percentage\":100}]}}}";

static void tell_of_ann_and_acme(fixture *f)
{
    expect(f, 200, "PUT", "/v1/flags/pro", f->admin_key, about_persons);
    expect(f, 200, "PUT", "/v1/flags/big", f->admin_key, about_companies);
    expect(f, 200, "POST", "/v1/events", f->write_key,
           "[{\"user\":\"ann\",\"kind\":\"$set\",\"traits\":{\"plan\":\"pro\"}},"
           "{\"user\":\"ann\",\"kind\":\"$groupidentify\",\"group_type\":\"company\","
           "\"group\":\"acme\",\"group_traits\":{\"seats\":5}}]");
}

static void expect_flag(fixture *f, const char *flag, const char *question, bool on)
{
    char target[100];

    snprintf(target, sizeof target, "/v1/flags/%s/evaluate", flag);
    expect(f, 200, "POST", target, f->decide_key, question);
    expect_part(f, on ? "\"value\":true" : "\"value\":false");
}

static void a_flag_asks_what_is_stored_where_the_question_says_nothing(void **state)
{
    fixture *f = *state;

    tell_of_ann_and_acme(f);
    expect_flag(f, "pro", "{\"id\":\"ann\"}", true);
    expect_flag(f, "pro", "{\"id\":\"bob\"}", false);
    expect_flag(f, "pro", "{\"id\":\"ann\",\"properties\":{\"plan\":\"free\"}}", false);
    expect_flag(f, "big", "{\"id\":\"ann\",\"groups\":{\"company\":\"acme\"}}", true);
    expect_flag(f, "big", "{\"id\":\"ann\",\"groups\":{\"company\":\"other\"}}", false);
    expect_flag(f, "big", "{\"id\":\"ann\"}", false);
    expect_flag(f, "big",
                "{\"id\":\"ann\",\"groups\":{\"company\":\"acme\"},"
                "\"group_properties\":{\"company\":{\"seats\":6}}}",
                false);
    expect_flag(f, "big",
                "{\"id\":\"ann\",\"groups\":{\"company\":\"other\"},"
                "\"group_properties\":{\"company\":{\"seats\":5}}}",
                true);
}

static void expect_posthog(fixture *f, const char *more, const char *part)
{
    char body[300];

    snprintf(body, sizeof body, "{\"token\":\"%s\",\"distinct_id\":\"ann\"%s}", f->write_key, more);
    expect(f, 200, "POST", "/flags/?v=1", NULL, body);
    expect_part(f, part);
}

static void posthogs_flags_ask_for_groups_too(void **state)
{
    fixture *f = *state;

    tell_of_ann_and_acme(f);
    expect_posthog(f, ",\"groups\":{\"company\":\"acme\"}",
                   "\"featureFlags\":{\"pro\":true,\"big\":true}");
    expect_posthog(f, "", "\"featureFlags\":{\"pro\":true,\"big\":false}");
    expect_posthog(f,
                   ",\"groups\":{\"company\":\"acme\"},\"group_properties\":{\"company\":{"
                   "\"seats\":1}}",
                   "\"featureFlags\":{\"pro\":true,\"big\":false}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_person_is_shown_and_parted, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(serving_forgets_a_join_that_was_undone, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(groups_are_listed_and_shown, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_flag_asks_what_is_stored_where_the_question_says_nothing,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(posthogs_flags_ask_for_groups_too, fixture_set_up,
                                        fixture_tear_down),
    };
    return cmocka_run_group_tests_name("http/persons", tests, NULL, NULL);
}
