/* An experiment from a table to a verdict. The published one is Cookie Cats (90,189 players;
 * argument 1: the folder of data, skipped without); its figures were worked out by a separate
 * program and, but for the interval, published by others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apps/decide/peeking.h"
#include "apps/decide/unit_rows.h"
#include "table/read.h"

static const char *data;

typedef struct read_experiment {
    tdl_frame frame;
    tdl_arena *arena;
    tdl_experiment experiment;
    tdl_experiment_result result;
} read_experiment;

static void near(double found, double expected, double relative)
{
    if (!(fabs(found - expected) <= relative * fabs(expected)))
        fail_msg("found %.12g, expected %.12g", found, expected);
}

static void read_file(read_experiment *r, const char *path)
{
    tdl_report why = {0};

    if (tdl_frame_read(path, NULL, &r->frame, NULL, &why))
        fail_msg("%s", why.message);
    assert_non_null(r->arena = tdl_arena_new((size_t)1 << 30));
}

static void read_text(read_experiment *r, const char *csv)
{
    char path[] = "/tmp/treadle-experiment-XXXXXX.csv";
    int fd = mkstemps(path, 4);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, csv, strlen(csv)), (ssize_t)strlen(csv));
    close(fd);
    read_file(r, path);
    unlink(path);
}

static void close_experiment(read_experiment *r)
{
    tdl_frame_release(&r->frame);
    tdl_arena_free(r->arena);
}

static tdl_unit_ask ask_for(const char *arm, const char *outcome)
{
    return (tdl_unit_ask){.arm = arm, .outcome = {tdl_str_of(outcome)}, .outcomes_n = 1};
}

static void judge(read_experiment *r, const tdl_unit_ask *ask, const tdl_experiment_plan *plan)
{
    tdl_report why = {0};

    if (tdl_unit_rows_read(&r->frame, ask, r->arena, &r->experiment, &why) ||
        tdl_experiment_judge(&r->experiment, plan, r->arena, &r->result, &why))
        fail_msg("%s", why.message);
}

static void the_published_test_is_flagged_and_runs_on(void **state)
{
    read_experiment r = {0};
    char path[1024];
    tdl_buf text = {0};
    tdl_experiment_plan plan = {.registered = 90000, .age_days = 14};
    tdl_unit_ask ask = ask_for("version", "retention_7");

    (void)state;
    snprintf(path, sizeof path, "%s/cookie-cats.csv.zst", data ? data : "");
    if (!data || access(path, R_OK)) {
        print_message("skipped: no cookie-cats.csv.zst\n");
        skip();
    }
    read_file(&r, path);
    ask.unit = "userid";
    ask.outcome[ask.outcomes_n++] = TDL_STR("sum_gamerounds");
    judge(&r, &ask, &plan);
    const tdl_comparison *c = &r.result.comparison[0], *rounds = &r.result.comparison[1];
    assert_string_equal(r.experiment.arm_name[0], "gate_30");
    near(r.experiment.units, 90189, 0);
    near(r.result.traffic.p, .008607987810836262, 1e-9); // amber
    near(c->absolute.estimate, -.008201298315205913, 1e-9);
    near(tdl_effect_p(c->absolute), .0015563425267872688, 1e-9);
    near(c->always.low, -.0168132, 1e-5);
    near(c->always.high, .0004106, 1e-3); // significant once, but not whenever one looks
    near(rounds->a.mean, 52.45626398210291, 1e-12);
    near(tdl_effect_p(rounds->absolute), .37592438409326223, 1e-9);
    assert_true(r.result.registered_reached);
    assert_int_equal(r.result.verdict[0].word, TDL_VERDICT_KEEP_RUNNING);
    tdl_verdict_say(&r.result.verdict[0], &r.result.facts[0], false, &text);
    assert_non_null(strstr(text.at, "retention_7"));
    assert_non_null(strstr(text.at, "still holds 0"));
    tdl_buf_release(&text);
    close_experiment(&r);

    r = (read_experiment){0};
    read_file(&r, path);
    ask.cap = .999;
    judge(&r, &ask, &plan);
    near(tdl_effect_p(r.result.comparison[1].absolute), .8833711341172519, 1e-9);
    close_experiment(&r);
}

/* 300 units an arm; what each word needs. */
static void each_verdict_where_it_belongs(void **state)
{
    static const struct {
        double won_a, won_b, margin, planned, age;
        tdl_verdict_word word;
    } cases[] = {
        {100, 200, 0, 0, 30, TDL_VERDICT_SHIP},
        {100, 200, 0, 0, 2, TDL_VERDICT_KEEP_RUNNING}, // not for a week yet
        {200, 100, 0, 0, 2, TDL_VERDICT_HARM},         // harm waits for nobody
        {100, 105, 0, 0, 30, TDL_VERDICT_KEEP_RUNNING},
        {100, 105, 0, 600, 30, TDL_VERDICT_CANNOT_DECIDE},
        {150, 151, .9, 0, 30, TDL_VERDICT_EQUIVALENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdl_measured measured[2] = {{.sums = {.n = 300, .y = cases[i].won_a}},
                                    {.sums = {.n = 300, .y = cases[i].won_b}}};
        tdl_experiment e = {.arms_n = 2,
                            .outcomes_n = 1,
                            .arm_name = {"A", "B"},
                            .arm_units = {300, 300},
                            .units = 600,
                            .outcome = {{.name = "won", .margin = cases[i].margin}},
                            .measured = measured};
        tdl_experiment_plan plan = {.planned = cases[i].planned, .age_days = cases[i].age};
        tdl_experiment_result result;
        tdl_arena *arena = tdl_arena_new(1 << 20);
        assert_int_equal(tdl_experiment_judge(&e, &plan, arena, &result, NULL), TDL_OK);
        if (result.verdict[0].word != cases[i].word)
            fail_msg("case %zu: %s", i, tdl_verdict_name[result.verdict[0].word]);
        tdl_arena_free(arena);
    }
}

/* Better, but a guardrail may have got worse; then it has; then the traffic is wrong. */
static void guardrails_and_traffic_have_a_say(void **state)
{
    tdl_measured measured[4] = {{.sums = {.n = 300, .y = 100}},
                                {.sums = {.n = 300, .y = 200}},
                                {.sums = {.n = 300, .y = 30}},
                                {.sums = {.n = 300, .y = 33}}};
    tdl_experiment e = {.arms_n = 2,
                        .outcomes_n = 2,
                        .arm_name = {"A", "B"},
                        .arm_units = {300, 300},
                        .units = 600,
                        .outcome = {{.name = "won"},
                                    {.name = "refunds",
                                     .role = TDL_OUTCOME_GUARDRAIL,
                                     .margin = .1,
                                     .lower_is_better = true}},
                        .measured = measured};
    tdl_experiment_plan plan = {.age_days = -1};
    tdl_experiment_result r;
    tdl_arena *arena = tdl_arena_new(1 << 20);

    (void)state;
    assert_int_equal(tdl_experiment_judge(&e, &plan, arena, &r, NULL), TDL_OK);
    assert_int_equal(r.verdict[0].word, TDL_VERDICT_KEEP_RUNNING);
    assert_int_equal(r.verdict[0].reason, TDL_BECAUSE_GUARDRAIL_OPEN);
    measured[3].sums.y = 150;
    assert_int_equal(tdl_experiment_judge(&e, &plan, arena, &r, NULL), TDL_OK);
    assert_int_equal(r.verdict[0].word, TDL_VERDICT_HARM);
    assert_int_equal(r.verdict[0].reason, TDL_BECAUSE_GUARDRAIL);
    e.arm_units[1] = 450;
    assert_int_equal(tdl_experiment_judge(&e, &plan, arena, &r, NULL), TDL_OK);
    assert_int_equal(r.verdict[0].word, TDL_VERDICT_INVALID);
    e.arm_units[1] = 300;
    e.in_two = 100;
    assert_int_equal(tdl_experiment_judge(&e, &plan, arena, &r, NULL), TDL_OK);
    assert_int_equal(r.verdict[0].reason, TDL_BECAUSE_TWO_ARMS);
    tdl_arena_free(arena);
}

static void rows_of_a_unit_are_added_and_of_two_arms_left_out(void **state)
{
    read_experiment r = {0};
    tdl_unit_ask ask = ask_for("arm", "paid");

    (void)state;
    read_text(&r, "who,arm,paid,clicks,views,before\n"
                  "ann,A,3,1,10,2\n"
                  "ann,A,4,0,5,0\n"
                  "bob,B,2.5,2,4,1\n"
                  "cy,A,1,0,3,\n"
                  "dee,A,9,1,1,4\n"
                  "dee,B,9,1,1,4\n"
                  "eve,B,,3,9,5\n"
                  "fay,,7,1,2,1\n"
                  "gus,B,6,1,2,3\n");
    ask.unit = "who";
    ask.outcome[ask.outcomes_n++] = TDL_STR("clicks/views");
    ask.outcome[ask.outcomes_n++] = TDL_STR("paid~before");
    judge(&r, &ask, &(tdl_experiment_plan){.age_days = -1});
    const tdl_experiment *e = &r.experiment;
    near(e->units, 5, 0); // ann, cy; bob, eve, gus
    near(e->in_two, 1, 0);
    near(e->no_arm, 1, 0);
    assert_int_equal(e->outcome[0].kind, TDL_OUTCOME_MEAN);
    assert_int_equal(e->outcome[1].kind, TDL_OUTCOME_RATIO);
    near(e->missing[0], 1, 0);                           // eve's
    near(r.result.comparison[0].a.mean, 4, 1e-12);       // (3 + 4, 1) / 2
    near(r.result.comparison[0].b.mean, 4.25, 1e-12);    // 2.5, 6
    near(r.result.comparison[1].a.mean, 1. / 18, 1e-12); // clicks 1 + 0, 0 of views 15, 3
    near(r.result.comparison[1].b.mean, 6. / 15, 1e-12);
    assert_true(r.result.comparison[2].kept < 1);
    close_experiment(&r);
}

static void what_is_wrong_with_the_table_is_said(void **state)
{
    static const struct {
        const char *csv, *arm, *outcome, *said;
    } cases[] = {
        {"a,b\n1,2\n1,3\n", "a", "b", "1 different values"},
        {"a,b\nx,2\ny,3\n", "c", "b", "no column c"},
        {"a,b\nx,2\ny,3\n", "a", "c", "no column c"},
        {"a,b\nx,u\ny,v\n", "a", "b", "not a number"},
        {"a,b\nx,2\ny,3\n", "a", "b@1.5", "between 0 and 1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        read_experiment r = {0};
        tdl_report why = {0};
        tdl_unit_ask ask = ask_for(cases[i].arm, cases[i].outcome);
        read_text(&r, cases[i].csv);
        assert_int_equal(tdl_unit_rows_read(&r.frame, &ask, r.arena, &r.experiment, &why),
                         TDL_E_INVALID);
        if (!strstr(why.message, cases[i].said))
            fail_msg("case %zu: %s", i, why.message);
        close_experiment(&r);
    }
}

/* One unit an arm, and all the same: no verdict, no number, a reason. */
static void too_little_is_no_result(void **state)
{
    read_experiment r = {0};
    tdl_unit_ask ask = ask_for("arm", "paid");
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_experiment_plan plan = {.age_days = -1};

    (void)state;
    read_text(&r, "arm,paid\nA,1.5\nB,2.5\n");
    judge(&r, &ask, &plan);
    assert_int_equal(r.result.comparison[0].absolute.gap, TDL_EFFECT_NO_UNITS);
    assert_int_equal(r.result.verdict[0].reason, TDL_BECAUSE_NO_DATA);
    tdl_experiment_write(&w, &r.experiment, &plan, &r.result);
    assert_non_null(strstr(out.at, "\"gap\":\"no_units\""));
    assert_null(strstr(out.at, "nan"));
    tdl_buf_release(&out);
    close_experiment(&r);
}

/* 2,000 runs: shares within four standard errors of what 20,000 of another program gave. */
static void looking_often_deceives_only_the_naive(void **state)
{
    tdl_peeking_options o = {
        .rate = .1, .units_per_arm = 20000, .looks = 100, .runs = 2000, .alpha = .05, .seed = 7};
    tdl_peeking_result none, some;

    (void)state;
    assert_int_equal(tdl_peeking_simulate(&o, &none, NULL), TDL_OK);
    o.lift = .01;
    assert_int_equal(tdl_peeking_simulate(&o, &some, NULL), TDL_OK);
    assert_true(none.called[TDL_PEEK_ANYTIME] <= .05);
    assert_true(none.called[TDL_PEEK_ANYTIME_5000] <= .05);
    assert_true(none.called[TDL_PEEK_MIXTURE] <= .05);
    near(none.called[TDL_PEEK_NAIVE], .3685, .12);
    near(none.called[TDL_PEEK_FIXED], .0488, .4);
    near(some.called[TDL_PEEK_ANYTIME], .6818, .062);
    near(some.stop[TDL_PEEK_ANYTIME], .7045, .04);
    near(some.called[TDL_PEEK_FIXED], .9054, .03);
    o.units_per_arm = 12345;
    assert_int_equal(tdl_peeking_simulate(&o, &some, NULL), TDL_E_INVALID);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_test_is_flagged_and_runs_on),
        cmocka_unit_test(each_verdict_where_it_belongs),
        cmocka_unit_test(guardrails_and_traffic_have_a_say),
        cmocka_unit_test(rows_of_a_unit_are_added_and_of_two_arms_left_out),
        cmocka_unit_test(what_is_wrong_with_the_table_is_said),
        cmocka_unit_test(too_little_is_no_result),
        cmocka_unit_test(looking_often_deceives_only_the_naive),
    };

    data = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests_name("decide/experiment", tests, NULL, NULL);
}
