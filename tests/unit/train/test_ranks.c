/* Many ranks under mpirun, all on this machine: what they train is what one rank trains.
 *
 * usage: test_ranks WORKER MPIRUN. One machine shows that it is right, not that it is fast.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/report.h"
#include "base/timestamp.h"
#include "ranks.h"

enum { STEPS = 20, PATH_SIZE = 256, COMMAND_SIZE = 1024, BOUND_S = 60 };
static const double CLOSE = 1e-6;

static const char *WORKER, *MPIRUN;
static char FOLDER[PATH_SIZE]; /* of one test */

/* ---- running ---- */

static int set_up(void **state)
{
    TDL_UNUSED(state);
    snprintf(FOLDER, sizeof FOLDER, "/tmp/treadle-ranks-XXXXXX");
    return mkdtemp(FOLDER) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[COMMAND_SIZE];

    TDL_UNUSED(state);
    snprintf(command, sizeof command, "rm -r '%s'", FOLDER);
    return system(command);
}

/* Run `ranks` of them, or one without MPI (0). Returns the exit code; what they said is in
 * FOLDER/log. */
static int run(unsigned ranks, const char *settings)
{
    char command[COMMAND_SIZE], start[PATH_SIZE] = "";

    if (ranks)
        snprintf(start, sizeof start, "'%s' -n %u --oversubscribe", MPIRUN, ranks);
    snprintf(command, sizeof command,
             "timeout -k 5 %d %s '%s' alone=%d out=%s/result %s >%s/log 2>&1", BOUND_S, start,
             WORKER, ranks == 0, FOLDER, settings, FOLDER);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void print_log(void)
{
    char line[512], path[PATH_SIZE + 8];

    snprintf(path, sizeof path, "%s/log", FOLDER);
    FILE *log = fopen(path, "r");
    while (log && fgets(line, sizeof line, log))
        print_error("%s", line);
    if (log)
        fclose(log);
}

static bool log_has(const char *text)
{
    char all[8192], path[PATH_SIZE + 8];
    size_t n = 0;

    snprintf(path, sizeof path, "%s/log", FOLDER);
    FILE *log = fopen(path, "r");
    if (log) {
        n = fread(all, 1, sizeof all - 1, log);
        fclose(log);
    }
    all[n] = '\0';
    return strstr(all, text) != NULL;
}

static ranks_result *result_of(unsigned ranks, const char *settings)
{
    char path[PATH_SIZE + 8];
    ranks_result *ret = calloc(1, sizeof *ret);

    assert_non_null(ret);
    if (run(ranks, settings)) {
        print_log();
        fail_msg("%u ranks, %s: failed", ranks, settings);
    }
    snprintf(path, sizeof path, "%s/result", FOLDER);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(ret, sizeof *ret, 1, file), 1);
    fclose(file);
    assert_int_equal(unlink(path), 0);
    return ret;
}

/* Losses from step `from` on, and parameters. */
static void assert_close(const ranks_result *a, const ranks_result *b, uint64_t from)
{
    assert_int_equal(a->steps, b->steps);
    assert_int_equal(a->params_n, b->params_n);
    for (uint64_t i = from; i < a->steps; i++)
        if (!(fabs(a->loss[i] - b->loss[i]) <= CLOSE * fabs(b->loss[i])))
            fail_msg("step %d: loss %.9g against %.9g", (int)i, a->loss[i], b->loss[i]);
    for (uint64_t i = 0; i < a->params_n; i++)
        if (!(fabs((double)a->value[i] - (double)b->value[i]) <= CLOSE))
            fail_msg("parameter %d: %.9g against %.9g", (int)i, (double)a->value[i],
                     (double)b->value[i]);
}

static void assert_same_bits(const ranks_result *a, const ranks_result *b)
{
    assert_int_equal(a->params_n, b->params_n);
    assert_memory_equal(a->value, b->value, a->params_n * sizeof *a->value);
}

/* ---- tests ---- */

static void assert_many_are_one(unsigned ranks, const char *settings)
{
    ranks_result *one = result_of(0, settings), *many = result_of(ranks, settings);

    assert_int_equal(one->steps, STEPS);
    assert_true(one->validation[1] < one->validation[0]); // they do learn
    assert_close(many, one, 0);
    assert_int_equal(many->differing, 0);
    assert_true(fabs(many->validation[1] - one->validation[1]) <= CLOSE * one->validation[1]);
    free(one);
    free(many);
}

static void two_ranks_train_a_network_as_one_does(void **state)
{
    TDL_UNUSED(state);
    assert_many_are_one(2, "model=rows");
}

static void two_ranks_train_a_transformer_on_ragged_sequences_as_one_does(void **state)
{
    TDL_UNUSED(state);
    assert_many_are_one(2, "model=tokens");
}

static void four_ranks_train_as_one_does(void **state)
{
    TDL_UNUSED(state);
    assert_many_are_one(4, "model=tokens bucket=4096");
}

static void four_ranks_whose_sums_have_a_thread_train_as_one_does(void **state)
{
    TDL_UNUSED(state);
    assert_many_are_one(4, "model=tokens bucket=4096 own_thread=1");
}

static void micro_batches_of_every_rank_are_added(void **state)
{
    TDL_UNUSED(state);
    assert_many_are_one(2, "model=tokens micro=2 bucket=4096");
}

/* Batches of three for four, and one of a single example at the end of the epoch. */
static void a_rank_without_examples_takes_part(void **state)
{
    TDL_UNUSED(state);
    assert_many_are_one(4, "model=rows batch=3");
}

static void neither_buckets_nor_overlap_nor_a_thread_change_a_bit_of_two_ranks(void **state)
{
    static const char *const others[] = {"bucket=67108864", "bucket=5000", "bucket=1024 wait=1",
                                         "bucket=67108864 own_thread=1",
                                         "bucket=1024 own_thread=1"};
    ranks_result *first = result_of(2, "model=tokens bucket=1024");

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char settings[PATH_SIZE];
        snprintf(settings, sizeof settings, "model=tokens %s", others[i]);
        ranks_result *other = result_of(2, settings);
        assert_same_bits(first, other);
        free(other);
    }
    free(first);
}

/* Largest difference of two runs' parameters, relative to the largest parameter. */
static double gap(const ranks_result *a, const ranks_result *b)
{
    double most = 0, largest = 0;

    for (uint64_t i = 0; i < a->params_n; i++) {
        most = fmax(most, fabs((double)a->value[i] - (double)b->value[i]));
        largest = fmax(largest, fabs((double)b->value[i]));
    }
    return most / largest;
}

/* After 20 steps; bf16 keeps 8 digits of two, so one sum is off by up to 2^-9 of itself. */
static void assert_rounding_is_small(unsigned ranks, const char *settings)
{
    ranks_result *one = result_of(0, "model=tokens"), *many = result_of(ranks, settings);

    assert_int_equal(many->differing, 0); // every rank has the same sums
    print_message("%u ranks, %s: parameters within %.2g\n", ranks, settings, gap(many, one));
    assert_true(gap(many, one) > 1e-6 && gap(many, one) < 0x1p-9);
    assert_true(fabs(many->validation[1] - one->validation[1]) < 1e-3 * one->validation[1]);
    free(one);
    free(many);
}

static void gradients_as_bf16_on_the_wire_train_nearly_the_same(void **state)
{
    TDL_UNUSED(state);
    assert_rounding_is_small(2, "model=tokens bf16=1");
    assert_rounding_is_small(2, "model=tokens bf16=1 own_thread=1 bucket=4096");
    assert_rounding_is_small(4, "model=tokens bf16=1 bucket=4096");
}

static double seconds_since(int64_t started_us)
{
    return 1e-6 * (double)(tdl_time_monotonic() - started_us);
}

static void a_killed_rank_ends_the_job_and_the_run_resumes_to_the_same_bits(void **state)
{
    char settings[PATH_SIZE + 64];
    ranks_result *whole = result_of(2, "model=tokens");

    TDL_UNUSED(state);
    snprintf(settings, sizeof settings, "model=tokens folder=%s/run kill=1 at=11", FOLDER);
    int64_t started_us = tdl_time_monotonic();
    assert_int_not_equal(run(2, settings), 0);
    assert_true(seconds_since(started_us) < BOUND_S / 2.0);
    snprintf(settings, sizeof settings, "model=tokens folder=%s/run", FOLDER);
    ranks_result *resumed = result_of(2, settings);
    assert_true(resumed->loss[10] == 0 && resumed->loss[11] > 0);
    assert_same_bits(resumed, whole);
    free(whole);
    free(resumed);
}

static void assert_resumes_on(unsigned before, unsigned after)
{
    char settings[PATH_SIZE + 64];
    ranks_result *whole = result_of(0, "model=tokens");

    snprintf(settings, sizeof settings, "model=tokens folder=%s/run steps=9", FOLDER);
    free(result_of(before, settings));
    snprintf(settings, sizeof settings, "model=tokens folder=%s/run", FOLDER);
    ranks_result *resumed = result_of(after, settings);
    assert_true(resumed->loss[8] == 0 && resumed->loss[9] > 0);
    assert_close(resumed, whole, 9);
    free(whole);
    free(resumed);
}

static void a_run_of_two_ranks_resumes_on_one(void **state)
{
    TDL_UNUSED(state);
    assert_resumes_on(2, 0);
}

static void a_run_of_one_rank_resumes_on_two(void **state)
{
    TDL_UNUSED(state);
    assert_resumes_on(0, 2);
}

/* Three in a row: every rank goes back to the file that rank 0 has, at half the rate. */
static void a_loss_of_one_rank_that_is_not_a_number_rolls_all_of_them_back(void **state)
{
    char settings[2][PATH_SIZE + 64];

    TDL_UNUSED(state);
    for (int i = 0; i < 2; i++)
        snprintf(settings[i], sizeof settings[i], "model=tokens folder=%s/%d nan=%d at=5", FOLDER,
                 i, i);
    ranks_result *one = result_of(0, settings[0]), *many = result_of(2, settings[1]);
    assert_close(many, one, 0);
    assert_int_equal(many->differing, 0);
    free(one);
    free(many);
}

static void a_run_that_diverges_ends_on_all_ranks_in_good_order(void **state)
{
    char settings[PATH_SIZE + 64];

    TDL_UNUSED(state);
    snprintf(settings, sizeof settings, "model=tokens folder=%s/run always_nan=1 at=5", FOLDER);
    assert_int_equal(run(2, settings), 1);
    assert_true(log_has("diverged at step 7"));
    assert_false(log_has("MPI_ABORT"));
}

static void ranks_of_other_options_are_refused(void **state)
{
    TDL_UNUSED(state);
    assert_int_equal(run(2, "model=rows own_batch=1"), 1);
    assert_true(log_has("another configuration: batch (12 there, 13 here)"));
    assert_false(log_has("MPI_ABORT"));
}

static void a_batch_that_one_rank_refuses_stops_all_in_good_order(void **state)
{
    TDL_UNUSED(state);
    assert_int_equal(run(2, "model=tokens refuse=1 at=3"), 1);
    assert_true(log_has("a batch that nobody likes"));
    assert_true(log_has("rank 0 stopped with rank 1, which says why"));
    assert_false(log_has("MPI_ABORT"));
}

static void a_rank_that_falls_silent_is_waited_for_no_longer_than_the_limit(void **state)
{
    static const char *const settings[] = {"model=rows silent=1 at=3 timeout=1",
                                           "model=rows silent=1 at=3 timeout=1 own_thread=1"};

    TDL_UNUSED(state);
    for (int i = 0; i < 2; i++) {
        int64_t started_us = tdl_time_monotonic();

        assert_int_not_equal(run(2, settings[i]), 0);
        assert_true(seconds_since(started_us) < BOUND_S / 2.0);
        assert_true(log_has("another rank has not answered for 1 s"));
    }
}

static void a_rank_that_is_told_to_stop_stops_all_after_the_same_step(void **state)
{
    TDL_UNUSED(state);
    ranks_result *stopped = result_of(2, "model=rows stop=1 at=6");
    assert_int_equal(stopped->steps, 7);
    assert_int_equal(stopped->differing, 0);
    free(stopped);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_ranks_train_a_network_as_one_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            two_ranks_train_a_transformer_on_ragged_sequences_as_one_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(four_ranks_train_as_one_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(four_ranks_whose_sums_have_a_thread_train_as_one_does,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(micro_batches_of_every_rank_are_added, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rank_without_examples_takes_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            neither_buckets_nor_overlap_nor_a_thread_change_a_bit_of_two_ranks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gradients_as_bf16_on_the_wire_train_nearly_the_same, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_killed_rank_ends_the_job_and_the_run_resumes_to_the_same_bits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_of_two_ranks_resumes_on_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_of_one_rank_resumes_on_two, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_loss_of_one_rank_that_is_not_a_number_rolls_all_of_them_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_diverges_ends_on_all_ranks_in_good_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ranks_of_other_options_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_that_one_rank_refuses_stops_all_in_good_order,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_rank_that_falls_silent_is_waited_for_no_longer_than_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rank_that_is_told_to_stop_stops_all_after_the_same_step,
                                        set_up, tear_down),
    };

#ifdef __SANITIZE_THREAD__
    printf("skipped: many ranks: Open MPI is not built for the thread sanitizer\n");
    return 77;
#endif
    if (argc != 3 || access(argv[1], X_OK) || access(argv[2], X_OK)) {
        printf("skipped: many ranks: needs a build with MPI, and mpirun\n");
        return 77;
    }
    WORKER = argv[1];
    MPIRUN = argv[2];
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); // Open MPI leaves some behind
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
