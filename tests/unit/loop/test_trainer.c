#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "loop/trainer.h"

/* Work whose course the test steers. */
typedef struct course {
    atomic_bool let_go;
    bool fail;
    bool was_stopped;
    int niceness;
    uint64_t seed;
} course;

static tdl_status work(void *context, const char *app, const tdl_train_options *options,
                       tdl_report *why)
{
    course *c = context;

    assert_string_equal(app, "recommend");
    c->seed = options->seed;
    c->niceness = getpriority(PRIO_PROCESS, 0);
    while (!c->let_go) {
        if (!options->progress(options->progress_context, "fit", 0.5, "epoch 1")) {
            c->was_stopped = true;
            return TDL_FAIL(why, TDL_E_STOPPED, "stopped");
        }
        usleep(1000);
    }
    return c->fail ? TDL_FAIL(why, TDL_E_INVALID, "no events to learn from") : TDL_OK;
}

static tdl_training wait_until_not(tdl_trainer *trainer, tdl_training_state state)
{
    tdl_training now;

    do {
        usleep(1000);
        tdl_trainer_read(trainer, &now);
    } while (now.state == state);
    return now;
}

static void training_runs_beside_the_caller_at_low_priority(void **state)
{
    course c = {0};
    tdl_trainer *trainer = tdl_trainer_new(1, work, &c);
    tdl_training now;

    (void)state;
    tdl_trainer_read(trainer, &now);
    assert_int_equal(now.state, TDL_TRAINING_IDLE);
    assert_int_equal(tdl_trainer_start(trainer, "recommend", 7, NULL), TDL_OK);
    do
        tdl_trainer_read(trainer, &now);
    while (now.done != 0.5);
    assert_int_equal(now.state, TDL_TRAINING_RUNNING);
    assert_string_equal(now.stage, "fit");
    assert_string_equal(now.detail, "epoch 1");
    c.let_go = true;
    now = wait_until_not(trainer, TDL_TRAINING_RUNNING);
    assert_int_equal(now.state, TDL_TRAINING_DONE);
    assert_true(now.done == 1 && now.finished_us >= now.started_us && now.started_us > 0);
    assert_int_equal(c.seed, 7);
    assert_true(c.niceness > getpriority(PRIO_PROCESS, 0));
    tdl_trainer_free(trainer);
}

static void a_second_start_is_refused_while_one_runs(void **state)
{
    course c = {0};
    tdl_trainer *trainer = tdl_trainer_new(1, work, &c);
    tdl_report why = {0};

    (void)state;
    assert_int_equal(tdl_trainer_start(trainer, "recommend", 1, NULL), TDL_OK);
    assert_int_equal(tdl_trainer_start(trainer, "recommend", 1, &why), TDL_E_CONFLICT);
    assert_non_null(strstr(why.message, "recommend"));
    c.let_go = true;
    wait_until_not(trainer, TDL_TRAINING_RUNNING);
    assert_int_equal(tdl_trainer_start(trainer, "recommend", 1, NULL), TDL_OK);
    tdl_trainer_free(trainer);
}

static void a_failure_is_kept_with_its_reason(void **state)
{
    course c = {.let_go = true, .fail = true};
    tdl_trainer *trainer = tdl_trainer_new(1, work, &c);

    (void)state;
    assert_int_equal(tdl_trainer_start(trainer, "recommend", 1, NULL), TDL_OK);
    tdl_training now = wait_until_not(trainer, TDL_TRAINING_RUNNING);
    assert_int_equal(now.state, TDL_TRAINING_FAILED);
    assert_string_equal(now.why.message, "no events to learn from");
    tdl_trainer_free(trainer);
}

static void freeing_stops_running_work(void **state)
{
    course c = {0};
    tdl_trainer *trainer = tdl_trainer_new(1, work, &c);
    tdl_training now;

    (void)state;
    assert_int_equal(tdl_trainer_start(trainer, "recommend", 1, NULL), TDL_OK);
    do
        tdl_trainer_read(trainer, &now);
    while (now.done != 0.5);
    tdl_trainer_free(trainer);
    assert_true(c.was_stopped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_runs_beside_the_caller_at_low_priority),
        cmocka_unit_test(a_second_start_is_refused_while_one_runs),
        cmocka_unit_test(a_failure_is_kept_with_its_reason),
        cmocka_unit_test(freeing_stops_running_work),
    };
    return cmocka_run_group_tests_name("loop/trainer", tests, NULL, NULL);
}
