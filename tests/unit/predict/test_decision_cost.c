/* What deciding costs, against counting by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>

#include "apps/predict/decision_cost.h"

static json_t *written(const tdl_predict_options *options, const tdl_outcome *outcome)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    json_t *ret = NULL;
    tdl_report why;

    tdl_jw_object(&w);
    assert_int_equal(tdl_decision_cost_write(options, outcome, &w, &why), TDL_OK);
    tdl_jw_end_object(&w);
    assert_int_equal(tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, &ret, &why),
                     TDL_OK);
    tdl_buf_release(&text);
    return ret;
}

static void is_at(const json_t *object, const char *key, double expected)
{
    double got;

    assert_true(tdl_json_get_number(object, key, &got));
    if (!(fabs(got - expected) < 1e-12))
        fail_msg("%s: %.17g instead of %.17g", key, got, expected);
}

/* Threshold 1 / (1 + 3) = .25 (Elkan, 2001). Rows (p, y): .1 0, .2 1, .3 0, .4 1, .6 0, .7 1.
 * At .25: .2 is a wrong no (3), .3 and .6 wrong yeses (1 each): 5 / 6. At .5: .2 and .4 wrong noes,
 * .6 a wrong yes: 7 / 6. All no: 3 wrong: 9 / 6. All yes: 3 wrong: 3 / 6, the cheapest; saved
 * against it: 3/6 - 5/6. */
static void costs_are_what_counting_says(void **state)
{
    const double p[] = {.1, .2, .3, .4, .6, .7}, y[] = {0, 1, 0, 1, 0, 1};
    tdl_predict_options options = {.cost_fp = 1, .cost_fn = 3};
    tdl_outcome outcome = {.task = TDL_TASK_BINARY, .n = 6, .width = 1, .y = y, .output = p};
    tdl_report why;

    (void)state;
    assert_int_equal(tdl_decision_threshold(&options, TDL_TASK_BINARY, &outcome.threshold, &why),
                     TDL_OK);
    json_t *got = written(&options, &outcome);
    const json_t *decision = json_object_get(got, "decision");
    const json_t *cost = json_object_get(decision, "cost"),
                 *saved = json_object_get(decision, "saved");
    is_at(decision, "threshold", .25);
    is_at(cost, "threshold", 5.0 / 6);
    is_at(cost, "half", 7.0 / 6);
    is_at(cost, "no", 9.0 / 6);
    is_at(cost, "yes", 3.0 / 6);
    is_at(saved, "value", -2.0 / 6);
    assert_string_equal(json_string_value(json_object_get(saved, "over")), "yes");
    json_decref(got);
}

static void without_costs_nothing_is_said_and_the_threshold_is_a_half(void **state)
{
    const double p[] = {.1, .9}, y[] = {0, 1};
    tdl_predict_options options = {0};
    tdl_outcome outcome = {.task = TDL_TASK_BINARY, .n = 2, .width = 1, .y = y, .output = p};
    tdl_report why;

    (void)state;
    assert_int_equal(tdl_decision_threshold(&options, TDL_TASK_BINARY, &outcome.threshold, &why),
                     TDL_OK);
    assert_true(outcome.threshold == 0.5);
    json_t *got = written(&options, &outcome);
    assert_int_equal(json_object_size(got), 0);
    json_decref(got);
}

static void costs_of_a_number_are_refused(void **state)
{
    tdl_predict_options options = {.cost_fp = 1, .cost_fn = 3};
    tdl_report why;

    (void)state;
    assert_int_equal(tdl_decision_cost_check(&options, TDL_TASK_REGRESSION, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "not of task regression"));
    assert_int_equal(tdl_decision_cost_check(&options, TDL_TASK_BINARY, &why), TDL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_are_what_counting_says),
        cmocka_unit_test(without_costs_nothing_is_said_and_the_threshold_is_a_half),
        cmocka_unit_test(costs_of_a_number_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
