/* `treadle fit` killed in the middle goes on where it was, to the same bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "desk.h"

enum { ROWS = 1200, HEAD = 40, WAIT_MS = 60000 };

static const char header[] = "x,z,c,y";

/* fit rows.csv --target y --output NAME, as a process of its own; killed with SIGKILL once the log
 * of its search holds `bytes`. */
static void fit_and_kill(const desk *d, char *name, off_t bytes)
{
    char log[128];
    char *words[] = {getenv("TREADLE_BIN"),    "fit",      "rows.csv", "--target", "y", "--model",
                     "logistic,tree,additive", "--output", name,       NULL};
    struct stat about = {0};
    int status, waited = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        if (chdir(d->folder) || !freopen("/dev/null", "wb", stdout) ||
            !freopen("/dev/null", "wb", stderr))
            _exit(126);
        execv(words[0], words);
        _exit(127);
    }
    snprintf(log, sizeof log, "%s/%s.search", d->folder, name);
    while ((stat(log, &about) || about.st_size < bytes) && waited < WAIT_MS) {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        waited += 2;
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status)); // else it was done before
    assert_true(about.st_size >= bytes);
}

/* The figures of the card that no clock is in. */
static char *figures_of(desk *d)
{
    static const char *const keys[] = {"leaderboard", "chosen", "gain", "quality", "importance"};
    json_t *card = desk_json(d), *some = json_object(), *entry;
    size_t i;

    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
        json_object_set(some, keys[k], json_object_get(card, keys[k]));
    json_array_foreach(json_object_get(some, "leaderboard"), i, entry)
    {
        json_object_del(entry, "seconds");
    }
    char *text = json_dumps(some, JSON_SORT_KEYS);
    json_decref(some);
    json_decref(card);
    return text;
}

static double resumed_of(desk *d)
{
    json_t *card = desk_json(d);
    double n = json_number_value(json_object_get(json_object_get(card, "search"), "resumed"));

    json_decref(card);
    return n;
}

static void is_gone(const desk *d, const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", d->folder, name);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_killed_fit_goes_on_to_the_same_bits(void **state)
{
    desk *d = *state;
    size_t n;

    desk_table(d, "rows.csv", header, ROWS, NULL);
    desk_expect(
        d, 0, NULL,
        "fit rows.csv --target y --model logistic,tree,additive --output whole.safetensors --json");
    char *whole = figures_of(d);
    assert_true(resumed_of(d) == 0);
    desk_expect(d, 0, NULL, "predict rows.csv --model whole.safetensors --explain 3");
    char *whole_answers = strdup(d->out);

    fit_and_kill(d, "m.safetensors", HEAD + 2000);   // among the first
    fit_and_kill(d, "m.safetensors", HEAD + 120000); // and again further on
    desk_expect(
        d, 0, "went on where an earlier fit was stopped",
        "fit rows.csv --target y --model logistic,tree,additive --output m.safetensors --json");
    char *resumed = figures_of(d);
    assert_true(resumed_of(d) >= 50);
    assert_string_equal(resumed, whole);
    is_gone(d, "m.safetensors.search");
    desk_expect(d, 0, NULL, "predict rows.csv --model m.safetensors --explain 3");
    assert_string_equal(d->out, whole_answers);
    free(desk_read(d, "m.safetensors", &n));
    assert_true(n > 1000);
    free(whole);
    free(whole_answers);
    free(resumed);
}

/* Another seed, another table: nothing of the search is taken over. */
static void another_fit_takes_nothing_over(void **state)
{
    desk *d = *state;

    desk_table(d, "rows.csv", header, ROWS, NULL);
    fit_and_kill(d, "m.safetensors", HEAD + 20000);
    desk_expect(d, 0, NULL,
                "fit rows.csv --target y --model logistic --seed 1 --output m.safetensors --json");
    assert_true(resumed_of(d) == 0);
    fit_and_kill(d, "m.safetensors", HEAD + 20000);
    desk_table(d, "rows.csv", header, ROWS - 1, NULL);
    desk_expect(d, 0, NULL,
                "fit rows.csv --target y --model logistic --output m.safetensors --json");
    assert_true(resumed_of(d) == 0);
}

/* What is in the way of the log, or damaged, costs the results and no more. */
static void a_damaged_log_is_begun_anew(void **state)
{
    desk *d = *state;

    desk_table(d, "rows.csv", header, 300, NULL);
    desk_write(d, "m.safetensors.search", "TDLSRCH1 this is no log of a search, as anybody can see",
               55);
    desk_expect(d, 0, NULL,
                "fit rows.csv --target y --model logistic --output m.safetensors --json");
    assert_true(resumed_of(d) == 0);
    is_gone(d, "m.safetensors.search");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_fit_goes_on_to_the_same_bits, desk_set_up,
                                        desk_tear_down),
        cmocka_unit_test_setup_teardown(another_fit_takes_nothing_over, desk_set_up,
                                        desk_tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_log_is_begun_anew, desk_set_up, desk_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
