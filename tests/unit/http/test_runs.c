/* Training runs over HTTP: whose key may read them, what is not there, what is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "fixture.h"
#include "train/run.h"

static tdl_run_folder *open_run(const fixture *f, const char *id)
{
    tdl_run_options options = {
        .data_dir = f->dir, .app = "recommend", .id = id, .seed = 4, .isa = "avx2", .threads = 1};
    tdl_run_folder *run = NULL;
    tdl_report why = {0};

    if (tdl_run_open(&options, &run, &why))
        fail_msg("%s", why.message);
    return run;
}

static void tell(tdl_run_folder *run, uint64_t step, double value)
{
    const tdl_train_log *log = tdl_run_log(run);

    log->scalar(log->context, "loss", step, value);
}

static void close_run(tdl_run_folder *run)
{
    assert_int_equal(tdl_run_close(run, &(tdl_run_end){.stop_reason = "completed"}, NULL), TDL_OK);
}

/* Answer of a GET that must succeed: json_decref it. */
static json_t *get(fixture *f, const char *target)
{
    json_t *answer = NULL;
    int status = fixture_call(f, "GET", target, f->decide_key, NULL);

    if (status != 200)
        fail_msg("%s: %d", target, status);
    assert_int_equal(
        tdl_json_parse(tdl_str_of(f->answer.body), TDL_JSON_REFUSE_DUPLICATES, &answer, NULL),
        TDL_OK);
    return answer;
}

static const char *status_of(const json_t *run)
{
    return json_string_value(json_object_get(run, "status"));
}

static void runs_are_listed_with_their_state(void **state)
{
    fixture *f = *state;
    json_t *none = get(f, "/v1/runs");

    assert_int_equal(json_array_size(json_object_get(none, "runs")), 0);
    json_decref(none);
    close_run(open_run(f, "a-01890000-0000-7000-8000-000000000001"));
    tdl_run_folder *running = open_run(f, "a-01890000-0000-7000-8000-000000000002");
    json_t *list = get(f, "/v1/runs?limit=200");
    const json_t *runs = json_object_get(list, "runs");
    assert_int_equal(json_array_size(runs), 2);
    assert_string_equal(status_of(json_array_get(runs, 0)), "running");
    assert_string_equal(status_of(json_array_get(runs, 1)), "done");
    json_decref(list);
    close_run(running);
}

static void a_running_run_is_followed_by_its_cursor(void **state)
{
    fixture *f = *state;
    tdl_run_folder *run = open_run(f, "r");
    char target[64];

    tell(run, 1, 0.5);
    json_t *first = get(f, "/v1/runs/r");
    assert_string_equal(status_of(json_object_get(first, "run")), "running");
    snprintf(target, sizeof target, "/v1/runs/r?after=%lld",
             (long long)json_integer_value(json_object_get(first, "next")));
    tell(run, 2, 0.25);
    json_t *second = get(f, target);
    const json_t *series = json_array_get(json_object_get(second, "series"), 0);
    assert_int_equal(json_array_size(json_object_get(series, "steps")), 1);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(series, "steps"), 0)), 2);
    json_decref(first);
    json_decref(second);
    close_run(run);
}

static void a_series_has_at_most_a_thousand_points(void **state)
{
    fixture *f = *state;
    tdl_run_folder *run = open_run(f, "r");

    for (uint64_t i = 0; i < 2500; i++)
        tell(run, i, 1 / (double)(i + 1));
    close_run(run);
    json_t *answer = get(f, "/v1/runs/r");
    const json_t *series = json_array_get(json_object_get(answer, "series"), 0);
    assert_int_equal(json_integer_value(json_object_get(series, "count")), 2500);
    assert_in_range(json_array_size(json_object_get(series, "values")), 500, 1000);
    json_decref(answer);
}

static void only_keys_that_may_ask_see_runs(void **state)
{
    fixture *f = *state;

    assert_int_equal(fixture_call(f, "GET", "/v1/runs", NULL, NULL), 401);
    assert_int_equal(fixture_call(f, "GET", "/v1/runs", f->write_key, NULL), 403);
    assert_int_equal(fixture_call(f, "GET", "/v1/runs/r", f->write_key, NULL), 403);
    assert_int_equal(fixture_call(f, "GET", "/v1/runs", f->admin_key, NULL), 200);
}

static void what_is_no_run_is_not_found(void **state)
{
    fixture *f = *state;

    assert_int_equal(fixture_call(f, "GET", "/v1/runs/none", f->admin_key, NULL), 404);
    assert_int_equal(fixture_call(f, "GET", "/v1/runs/..%2F..%2Fetc", f->admin_key, NULL), 404);
    assert_int_equal(fixture_call(f, "GET", "/v1/runs?limit=0", f->admin_key, NULL), 400);
    assert_int_equal(fixture_call(f, "GET", "/v1/runs/none?after=x", f->admin_key, NULL), 400);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(runs_are_listed_with_their_state),
        TEST(a_running_run_is_followed_by_its_cursor),
        TEST(a_series_has_at_most_a_thousand_points),
        TEST(only_keys_that_may_ask_see_runs),
        TEST(what_is_no_run_is_not_found),
    };
    return cmocka_run_group_tests_name("http/runs", tests, NULL, NULL);
}
