/* Every training leaves a run folder: named like its model, with the network's curves and the
 * ladder's figures, and with the truth about how it ended. */
#include "stored.h"

#include "apps/app.h"
#include "train/runs.h"

static const tdl_app_ops *const ops = &tdl_recommend_app;

typedef struct fixture {
    stored s;
    tdl_app *app;
    tdl_arena *arena;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    tdl_report why = {0};

    set_up_store(&f->s);
    f->arena = tdl_arena_new((size_t)8 << 20);
    tdl_app_context context = {.store = f->s.store, .data_dir = f->s.folder};
    expect_ok(ops->open(&context, &f->app, NULL, &why), &why);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    ops->close(f->app);
    tdl_arena_free(f->arena);
    tear_down_store(&f->s);
    free(f);
    return 0;
}

/* Each of 30 users walks through 12 items in order, from a place of their own. */
static void store_walks(fixture *f)
{
    char user[16], item[16];

    for (int u = 0; u < 30; u++)
        for (int k = 0; k < 6; k++) {
            snprintf(user, sizeof user, "u%d", u);
            snprintf(item, sizeof item, "i%d", (u + k) % 12);
            store_event(&f->s, user, item, 1000000 * (int64_t)k + u);
        }
}

static tdl_status train(fixture *f, tdl_progress_fn *progress, tdl_report *why)
{
    tdl_train_options options = {.seed = 5, .activate = true, .progress = progress};
    tdl_buf report = {0};
    tdl_status st = ops->train(f->app, &options, &report, why);

    tdl_buf_release(&report);
    return st;
}

static tdl_run_row only_run(fixture *f)
{
    tdl_run_row *rows;
    tdl_report why = {0};
    size_t n;

    expect_ok(tdl_runs_list(f->s.folder, 10, f->arena, &rows, &n, NULL, &why), &why);
    assert_int_equal(n, 1);
    return rows[0];
}

static const tdl_series *find_series(const tdl_curves *curves, const char *tag)
{
    for (size_t i = 0; i < curves->series_n; i++)
        if (!strcmp(curves->series[i]->tag, tag))
            return curves->series[i];
    fail_msg("no metric %s", tag);
    return NULL;
}

static void a_run_is_named_like_its_model_and_holds_its_figures(void **state)
{
    fixture *f = *state;
    tdl_curves curves;
    tdl_model_row *models;
    tdl_report why = {0};
    size_t n;
    char best[TDL_TAG_MAX], command[512];

    store_walks(f);
    expect_ok(train(f, NULL, &why), &why);
    tdl_run_row run = only_run(f);
    expect_ok(tdl_store_models(f->s.store, TDL_STR("recommend"), f->arena, &models, &n, &why),
              &why);
    assert_true(tdl_str_eq(run.id, models[0].version));
    assert_int_equal(run.status, TDL_RUN_DONE);
    assert_int_equal(run.seed, 5);
    assert_true(tdl_str_is(run.stop_reason, "completed"));
    expect_ok(tdl_runs_curves(f->s.folder, run.id, 0, &curves, &why), &why);
    assert_int_equal(curves.skipped, 0);
    snprintf(best, sizeof best, "%.*s", TDL_FMT(run.best_tag));
    assert_true(find_series(&curves, best)->last.value == run.best_value);
    assert_int_equal(find_series(&curves, "ladder/popularity/test_hr10")->count, 1);
    const tdl_series *loss = find_series(&curves, "network/validation/epoch/loss");
    const tdl_series *held_out = find_series(&curves, "network/validation/validation/loss");
    assert_true(loss->count >= 1 && loss->count == held_out->count);
    find_series(&curves, "behaviour/everything/train/loss");
    snprintf(command, sizeof command, "grep -q softmax_ce '%s'/runs/%.*s/events.out.tfevents.*",
             f->s.folder, TDL_FMT(run.id)); // the network's graph is there
    assert_int_equal(system(command), 0);
    tdl_curves_release(&curves);
}

static void a_training_that_cannot_be_is_a_failed_run(void **state)
{
    fixture *f = *state;
    tdl_report why = {0};

    store_event(&f->s, "u1", "a", 1);
    assert_int_equal(train(f, NULL, &why), TDL_E_INVALID);
    tdl_run_row run = only_run(f);
    assert_int_equal(run.status, TDL_RUN_FAILED);
    assert_true(tdl_str_is(run.stop_reason, "error"));
    assert_true(tdl_str_is(run.message, why.message));
}

static bool stop_at_once(void *context, const char *stage, double done, const char *detail)
{
    TDL_UNUSED(context);
    TDL_UNUSED(stage);
    TDL_UNUSED(done);
    TDL_UNUSED(detail);
    return false;
}

static void a_training_that_was_stopped_says_so(void **state)
{
    fixture *f = *state;

    store_walks(f);
    assert_int_equal(train(f, stop_at_once, NULL), TDL_E_STOPPED);
    assert_true(tdl_str_is(only_run(f).stop_reason, "signal"));
}

static void evaluating_leaves_no_run(void **state)
{
    fixture *f = *state;
    tdl_train_options options = {.seed = 1};
    tdl_buf report = {0};
    tdl_run_row *rows;
    tdl_report why = {0};
    size_t n;

    store_walks(f);
    expect_ok(ops->evaluate(f->app, &options, &report, &why), &why);
    expect_ok(tdl_runs_list(f->s.folder, 10, f->arena, &rows, &n, NULL, &why), &why);
    assert_int_equal(n, 0);
    tdl_buf_release(&report);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_run_is_named_like_its_model_and_holds_its_figures),
        CASE(a_training_that_cannot_be_is_a_failed_run),
        CASE(a_training_that_was_stopped_says_so),
        CASE(evaluating_leaves_no_run),
    };
    return cmocka_run_group_tests_name("recommend/training_run", tests, NULL, NULL);
}
