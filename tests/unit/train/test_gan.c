/* The example of a generative adversarial network, in a short version: argument 1 is its program.
 * Expected: at least 7 of 8 modes. Seeds 1 to 4 give 8, 8, 7 and 8; a generator that collapses, the
 * usual failure, covers 1 to 4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char *program;

static void run_example(const char *arguments, int *ret_covered, double *ret_good)
{
    char command[1024];
    int modes;

    snprintf(command, sizeof command, "'%s' %s", program, arguments);
    FILE *said = popen(command, "r");
    assert_non_null(said);
    assert_int_equal(fscanf(said, "modes covered: %d of %d ", ret_covered, &modes), 2);
    assert_int_equal(modes, 8);
    assert_int_equal(fscanf(said, "points within three deviations of a mode: %lf", ret_good), 1);
    assert_int_equal(pclose(said), 0);
}

static void the_generator_covers_the_mixture(void **state)
{
    int covered;
    double good;

    (void)state;
    run_example("2500 1", &covered, &good);
    assert_true(covered >= 7);
    assert_true(good >= 60);
}

/* What it shows is learned: without training there is next to nothing. */
static void an_untrained_generator_covers_none(void **state)
{
    int covered;
    double good;

    (void)state;
    run_example("0 1", &covered, &good);
    assert_true(covered <= 1);
    assert_true(good < 20);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_covers_the_mixture),
        cmocka_unit_test(an_untrained_generator_covers_none),
    };

    program = count > 1 ? argument[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
