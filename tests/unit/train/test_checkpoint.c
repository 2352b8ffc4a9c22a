/* Checkpoints: a run that was stopped or killed and resumed is the uninterrupted one, bit for bit;
 * damaged and foreign files are refused.
 *
 * With two arguments the program is the child that is killed: it trains in the folder given.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "line.h"
#include "train/ckpt_folder.h"
#include "train/ckpt_safetensors.h"

enum { EPOCHS = 12, STEPS = 3 * EPOCHS, PATH_SIZE = 512 };

static char FOLDER[PATH_SIZE];

/* ---- a folder for each test ---- */

static void empty_folder(void)
{
    char path[PATH_SIZE + 260];
    const struct dirent *entry;
    DIR *dir = opendir(FOLDER);

    while (dir && (entry = readdir(dir))) {
        snprintf(path, sizeof path, "%s/%s", FOLDER, entry->d_name);
        unlink(path);
    }
    if (dir)
        closedir(dir);
}

static int set_up(void **state)
{
    TDL_UNUSED(state);
    snprintf(FOLDER, sizeof FOLDER, "/tmp/treadle-checkpoint-XXXXXX");
    return mkdtemp(FOLDER) ? 0 : -1;
}

static int tear_down(void **state)
{
    TDL_UNUSED(state);
    empty_folder();
    return rmdir(FOLDER);
}

static bool exists(const char *name)
{
    char path[PATH_SIZE + 64];

    snprintf(path, sizeof path, "%s/%s", FOLDER, name);
    return access(path, F_OK) == 0;
}

/* ---- a run with everything in it that has a state: moments, average, plateau, guard, a best ----
 */

static const tdl_loop_fact MODEL = {"model", "line"};

static tdl_loop_options options_in(const char *folder)
{
    tdl_loop_options options = {
        .seed = 5,
        .epochs = EPOCHS,
        .batch = 2,
        .eval_every = 2,
        .patience = 1000,
        .clip = 5,
        .sched = {.name = "plateau", .warmup = 4, .factor = 0.7, .window = 8},
        .guard = {.outlier = TDL_GUARD_SKIP},
        .checkpoint = {.folder = folder, .every = 1, .resume = true, .fact = &MODEL, .facts_n = 1}};

    tdl_optim_defaults("adamw", &options.optim, NULL);
    options.optim.lr = 0.1;
    options.optim.l2 = 1e-3;
    options.optim.ema = 0.9;
    return options;
}

typedef struct outcome {
    tdl_loop_result result;
    float w, b;
    double loss[STEPS];
    tdl_buf last; /* bytes of the last checkpoint: parameters, moments, average, best, state */
} outcome;

static void read_last(const char *folder, tdl_buf *ret)
{
    char *path = NULL;

    assert_int_equal(tdl_ckpt_folder_latest(folder, &path, NULL), TDL_OK);
    assert_non_null(path);
    assert_int_equal(tdl_file_read(path, 1 << 20, ret, NULL), TDL_OK);
    free(path);
}

static void collect(const line *l, outcome *ret)
{
    ret->w = tdl_params_value(&l->params, 0)[0];
    ret->b = tdl_params_value(&l->params, 1)[0];
    memcpy(ret->loss, l->loss, sizeof ret->loss);
}

static void run(line *l, const tdl_trainee *trainee, const tdl_loop_options *options, outcome *ret)
{
    tdl_report why = {0};

    if (tdl_loop_run(trainee, options, &ret->result, &why))
        fail_msg("%s", why.message);
    collect(l, ret);
    tdl_buf_release(&ret->last);
    read_last(options->checkpoint.folder, &ret->last);
}

static void run_through(outcome *ret)
{
    tdl_loop_options options = options_in(FOLDER);
    line l;
    tdl_trainee trainee = line_open(&l);

    *ret = (outcome){0};
    run(&l, &trainee, &options, ret);
    tdl_params_release(&l.params);
    empty_folder();
}

/* The run that is compared has used every part of the state. */
static void assert_has_shrunk(const outcome *o)
{
    assert_null(memmem(o->last.at, o->last.len, "\"plateau.shrunk\":\"1\"", 20));
    assert_true(o->result.steps_best < o->result.steps);
}

static void same(const outcome *a, const outcome *b)
{
    assert_memory_equal(&a->w, &b->w, sizeof a->w);
    assert_memory_equal(&a->b, &b->b, sizeof a->b);
    assert_memory_equal(a->loss, b->loss, sizeof a->loss);
    assert_int_equal(a->result.steps_best, b->result.steps_best);
    assert_memory_equal(&a->result.best, &b->result.best, sizeof a->result.best); // NaN too
    assert_int_equal(a->last.len, b->last.len);
    assert_memory_equal(a->last.at, b->last.at, a->last.len);
}

/* ---- resume = uninterrupted ---- */

/* Stop after each of five steps drawn by chance, in the middle of epochs too; a new process would
 * know no more than the new trainee does. Threads take turns: 1, 2, 3. */
static void a_run_stopped_at_random_steps_and_resumed_is_the_same_to_the_bit(void **state)
{
    outcome whole, parts = {0};
    uint64_t at[5];
    tdl_rng rng = tdl_rng_make(17, 0);
    line l;

    TDL_UNUSED(state);
    run_through(&whole);
    assert_has_shrunk(&whole);
    for (size_t i = 0; i < 5; i++)
        at[i] = 1 + (STEPS - 2) * i / 5 + tdl_rng_below(&rng, STEPS / 5);
    for (size_t i = 0; i <= 5; i++) {
        tdl_loop_options options = options_in(FOLDER);
        tdl_trainee trainee = line_open(&l);

        options.steps = i < 5 ? at[i] : 0;
        options.pool = tdl_pool_new((unsigned)(1 + i % 3));
        memcpy(l.loss, parts.loss, sizeof parts.loss);
        run(&l, &trainee, &options, &parts);
        tdl_pool_free(options.pool);
        tdl_params_release(&l.params);
    }
    same(&whole, &parts);
    tdl_buf_release(&whole.last);
    tdl_buf_release(&parts.last);
}

static int be_the_child(const char *folder)
{
    tdl_loop_options options = options_in(folder);
    tdl_loop_result result;
    line l;
    tdl_trainee trainee = line_open(&l);

    l.sleep_ms = 2; // so that there is a run to kill
    return tdl_loop_run(&trainee, &options, &result, NULL) != TDL_OK;
}

static void await_step(unsigned step)
{
    char path[PATH_SIZE + 64], *latest = NULL;

    snprintf(path, sizeof path, "%s/step-%012u.safetensors", FOLDER, step);
    for (int i = 0; i < 20000; i++) {
        assert_int_equal(tdl_ckpt_folder_latest(FOLDER, &latest, NULL), TDL_OK);
        bool there = latest && strcmp(latest, path) >= 0;
        free(latest);
        latest = NULL;
        if (there)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    fail_msg("step %u never came", step);
}

static void a_killed_run_resumes_to_the_same_bits(void **state)
{
    outcome whole, resumed = {0};
    line l;
    int status = 0;

    TDL_UNUSED(state);
    run_through(&whole);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl("/proc/self/exe", "child", FOLDER, (char *)NULL);
        _exit(127);
    }
    await_step(11);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    tdl_loop_options options = options_in(FOLDER);
    tdl_trainee trainee = line_open(&l);
    memcpy(l.loss, whole.loss, sizeof whole.loss); // those before the kill were the child's
    run(&l, &trainee, &options, &resumed);
    assert_true(l.calls < STEPS); // it did not start anew
    same(&whole, &resumed);
    tdl_params_release(&l.params);
    tdl_buf_release(&whole.last);
    tdl_buf_release(&resumed.last);
}

/* ---- roll-backs ---- */

/* 0.11 is past the stable rate of 0.0845: w oscillates until it is refused, three times in a row;
 * then half of it is stable. */
static tdl_loop_options unstable(void)
{
    tdl_loop_options options = options_in(FOLDER);

    tdl_optim_defaults("sgd", &options.optim, NULL);
    options.optim.lr = 0.11;
    options.batch = LINE_POINTS;
    options.epochs = STEPS;
    options.clip = 0;
    options.eval_every = options.patience = 0;
    options.sched = (tdl_sched_config){0};
    options.checkpoint.every = 4;
    return options;
}

typedef struct interruption {
    const line *line;
    uint64_t calls; /* give up before that call, without a word: as a kill would */
} interruption;

static bool interrupt(void *context, double done, const char *detail)
{
    const interruption *i = context;

    TDL_UNUSED(done);
    TDL_UNUSED(detail);
    return i->line->calls < i->calls;
}

static void a_run_killed_around_a_roll_back_resumes_to_the_same_bits(void **state)
{
    outcome whole = {0}, parts = {0};
    tdl_loop_options options = unstable();
    line l;
    tdl_trainee trainee = line_open(&l);

    TDL_UNUSED(state);
    l.bad_above = 3;
    run(&l, &trainee, &options, &whole);
    tdl_params_release(&l.params);
    assert_int_equal(whole.result.roll_backs, 1);
    assert_true(fabs((double)whole.w - 1) < 1); // on its way to the line
    empty_folder();
    memcpy(parts.loss, whole.loss, sizeof parts.loss);
    for (uint64_t calls = 3; calls <= 15; calls += 2) {
        interruption i = {&l, calls};

        trainee = line_open(&l);
        l.bad_above = 3;
        options.tell = interrupt;
        options.tell_context = &i;
        assert_int_equal(tdl_loop_run(&trainee, &options, &parts.result, NULL), TDL_E_STOPPED);
        tdl_params_release(&l.params);
    }
    options.tell = NULL;
    trainee = line_open(&l);
    l.bad_above = 3;
    memcpy(l.loss, parts.loss, sizeof parts.loss);
    run(&l, &trainee, &options, &parts);
    tdl_params_release(&l.params);
    same(&whole, &parts);
    tdl_buf_release(&whole.last);
    tdl_buf_release(&parts.last);
}

static void divergence_is_written_into_the_last_checkpoint(void **state)
{
    tdl_loop_options options = unstable();
    tdl_loop_result result;
    tdl_buf last = {0};
    line l;
    tdl_trainee trainee = line_open(&l);

    TDL_UNUSED(state);
    l.bad_from = 6;
    l.bad_to = 100;
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_E_INVALID);
    read_last(FOLDER, &last);
    assert_non_null(memmem(last.at, last.len, "\"stop_reason\":\"diverged\"", 24));
    assert_non_null(memmem(last.at, last.len, "\"step\":\"4\"", 10));
    tdl_buf_release(&last);
    tdl_params_release(&l.params);
}

/* ---- the folder ---- */

static void the_last_n_and_the_best_are_kept(void **state)
{
    tdl_loop_options options = options_in(FOLDER);
    tdl_loop_result result;
    line l;
    tdl_trainee trainee = line_open(&l);

    TDL_UNUSED(state);
    options.checkpoint.keep = 3;
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_OK);
    assert_true(exists("best.safetensors"));
    assert_true(exists("step-000000000036.safetensors"));
    assert_true(exists("step-000000000034.safetensors"));
    assert_false(exists("step-000000000033.safetensors"));
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_OK); // over already
    assert_int_equal(result.steps, 36);
    assert_int_equal(l.calls, 36);
    tdl_params_release(&l.params);
}

static void what_was_left_half_written_is_removed_at_the_next_start(void **state)
{
    char path[PATH_SIZE + 100];

    TDL_UNUSED(state);
    snprintf(path, sizeof path, "%s/step-000000000007.safetensors.0190-1.tmp", FOLDER);
    assert_int_equal(tdl_file_write(path, TDL_STR("half"), NULL), TDL_OK);
    snprintf(path, sizeof path, "%s/notes.tmp", FOLDER);
    assert_int_equal(tdl_file_write(path, TDL_STR("mine"), NULL), TDL_OK);
    assert_int_equal(tdl_ckpt_folder_open(FOLDER, NULL), TDL_OK);
    assert_false(exists("step-000000000007.safetensors.0190-1.tmp"));
    assert_true(exists("notes.tmp"));
}

/* A limit on file sizes is what a full disk looks like to one process. */
static void a_full_disk_ends_the_run_and_leaves_the_checkpoint_before_intact(void **state)
{
    tdl_buf before = {0}, after = {0};
    tdl_loop_options options = options_in(FOLDER);
    tdl_loop_result result;
    struct rlimit old, small = {.rlim_cur = 100};
    tdl_report why = {0};
    line l;
    tdl_trainee trainee = line_open(&l);

    TDL_UNUSED(state);
    options.steps = 5;
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_OK);
    read_last(FOLDER, &before);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    options.steps = 0;
    tdl_status st = tdl_loop_run(&trainee, &options, &result, &why);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_int_equal(st, TDL_E_IO);
    read_last(FOLDER, &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.at, after.at, before.len);
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_OK);
    tdl_buf_release(&before);
    tdl_buf_release(&after);
    tdl_params_release(&l.params);
}

static void a_fresh_start_in_a_used_folder_is_refused(void **state)
{
    tdl_loop_options options = options_in(FOLDER);
    tdl_loop_result result;
    tdl_report why = {0};
    line l;
    tdl_trainee trainee = line_open(&l);

    TDL_UNUSED(state);
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_OK);
    tdl_params_value(&l.params, 0)[0] = 42;
    options.checkpoint.resume = false;
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, &why), TDL_E_CONFLICT);
    assert_non_null(strstr(why.message, "earlier run"));
    assert_true(tdl_params_value(&l.params, 0)[0] == 42);
    tdl_params_release(&l.params);
}

/* ---- refused files ---- */

static void another_configuration_is_refused_listing_the_keys_that_differ(void **state)
{
    const tdl_loop_fact other = {"model", "curve"};
    tdl_loop_options options = options_in(FOLDER);
    tdl_loop_result result;
    tdl_report why = {0};
    line l;
    tdl_trainee trainee = line_open(&l);

    TDL_UNUSED(state);
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_OK);
    options.optim.lr = 0.25;
    options.batch = 3;
    options.checkpoint.fact = &other;
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, &why), TDL_E_CONFLICT);
    assert_non_null(strstr(why.message, "batch (2 there, 3 here)"));
    assert_non_null(strstr(why.message, "lr (0.10000000000000001 there, 0.25 here)"));
    assert_non_null(strstr(why.message, "model (line there, curve here)"));
    assert_null(strstr(why.message, "seed"));
    tdl_params_release(&l.params);
}

static void overwrite(tdl_buf *bytes, const char *from, const char *to)
{
    char *at = memmem(bytes->at, bytes->len, from, strlen(from));

    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
}

static void check_refused(const tdl_buf *bytes, const char *says)
{
    char path[PATH_SIZE + 64];
    tdl_loop_options options = options_in(FOLDER);
    tdl_loop_result result = {.steps = 99};
    tdl_report why = {0};
    line l;
    tdl_trainee trainee = line_open(&l);

    snprintf(path, sizeof path, "%s/step-000000000999.safetensors", FOLDER);
    assert_int_equal(tdl_file_write(path, tdl_buf_view(bytes), NULL), TDL_OK);
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, &why), TDL_E_CORRUPT);
    if (!strstr(why.message, says))
        fail_msg("\"%s\" does not say %s", why.message, says);
    assert_true(tdl_params_value(&l.params, 0)[0] == 0); // untouched
    assert_int_equal(l.calls, 0);
    assert_int_equal(result.steps, 99);
    tdl_params_release(&l.params);
}

static void forged_files_are_refused_by_what_is_wrong_in_them(void **state)
{
    const struct {
        const char *from, *to, *says;
    } forged[] = {
        {"\"opt/m/w\"", "\"opt/m/x\"", "tensor \"opt/m/w\" is missing"},
        {"\"best/b\":{\"dtype\":\"F32\"", "\"best/b\":{\"dtype\":\"I32\"",
         "tensor \"best/b\" is I32 with 2 axes, expected F32 with 2"},
        {"\"shape\":[1,1]", "\"shape\":[1,2]", "its shape needs 8 bytes"},
        {"treadle-checkpoint/1", "treadle-checkpoint/9", "expected \"treadle-checkpoint/1\""},
        {"\"cursor\":\"0\"", "\"cursor\":\"9\"", "cursor 9; expected at most 5 examples"},
        {"\"epoch\":\"12\"", "\"epoch\":\"-2\"", "\"epoch\" is \"-2\", expected a whole number"},
        {"\"rate_scale\":\"1\"", "\"rate_scale\":\"2\"", "rate_scale 2"},
    };
    tdl_loop_options options = options_in(FOLDER);
    tdl_loop_result result;
    tdl_buf good = {0};
    line l;
    tdl_trainee trainee = line_open(&l);

    TDL_UNUSED(state);
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_OK);
    read_last(FOLDER, &good);
    tdl_params_release(&l.params);
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        tdl_buf bad = {0};

        tdl_buf_add(&bad, good.at, good.len);
        overwrite(&bad, forged[i].from, forged[i].to);
        check_refused(&bad, forged[i].says);
        tdl_buf_release(&bad);
    }
    memcpy(good.at + good.len - 4, "\0\0\300\177", 4); // the last value becomes a NaN
    check_refused(&good, "tensor \"param/w\": value 0 is nan, expected a finite number");
    good.len -= 4;
    check_refused(&good, "data_offsets must be two rising offsets");
    good.len = 100;
    check_refused(&good, "byte 0: the header claims");
    tdl_buf_release(&good);
}

int main(int argc, char **argv)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_run_stopped_at_random_steps_and_resumed_is_the_same_to_the_bit),
        IN_FOLDER(a_killed_run_resumes_to_the_same_bits),
        IN_FOLDER(a_run_killed_around_a_roll_back_resumes_to_the_same_bits),
        IN_FOLDER(divergence_is_written_into_the_last_checkpoint),
        IN_FOLDER(the_last_n_and_the_best_are_kept),
        IN_FOLDER(what_was_left_half_written_is_removed_at_the_next_start),
        IN_FOLDER(a_full_disk_ends_the_run_and_leaves_the_checkpoint_before_intact),
        IN_FOLDER(a_fresh_start_in_a_used_folder_is_refused),
        IN_FOLDER(another_configuration_is_refused_listing_the_keys_that_differ),
        IN_FOLDER(forged_files_are_refused_by_what_is_wrong_in_them),
    };

    if (argc > 1)
        return be_the_child(argv[1]);
    return cmocka_run_group_tests_name("train/checkpoint", tests, NULL, NULL);
}
