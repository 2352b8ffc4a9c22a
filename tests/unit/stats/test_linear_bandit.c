/* Linear bandits. Expected values: bandits.json ("linear", "neural_linear_head") of the project's
 * references, computed in double precision by a separate program; written out here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "stats/best_arm.h"
#include "stats/linear_bandit.h"

enum { ROUNDS = 6, D = 3 };
static const double context[ROUNDS][D] = {{1, 0, 1}, {1, 1, 0}, {1, .5, .5},
                                          {1, 0, 0}, {1, 1, 1}, {1, .2, .8}};
static const double reward[ROUNDS] = {1, 0, 1, 0, 1, 1};
static const double query[D] = {1, .3, .6};

static void near(double found, double expected, double relative)
{
    if (!(fabs(found - expected) <= relative * fabs(expected)))
        fail_msg("found %.17g, expected %.17g", found, expected);
}

static void three_arms_by_hand(void **state)
{
    static const size_t arm_of[ROUNDS] = {0, 1, 2, 0, 1, 2};
    static const double mean_of[] = {.44, .3875, .730561797752809};
    static const double width_of[] = {.6826419266350404, .6973162840490676, .5973349050273598};
    static const double thompson[] = {.0903801006288028, .05620948399222321, .8534104153789741};
    tdl_linear_arm arms[3];
    double mean[3], width[3], best[3];

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(tdl_linear_arm_init(&arms[i], D, 1, NULL), TDL_OK);
    for (size_t i = 0; i < ROUNDS; i++)
        assert_int_equal(tdl_linear_arm_learn(&arms[arm_of[i]], context[i], reward[i], NULL),
                         TDL_OK);
    tdl_linear_values(arms, 3, query, mean, width);
    for (size_t i = 0; i < 3; i++) {
        near(mean[i], mean_of[i], 1e-12);
        near(width[i], width_of[i], 1e-12);
        width[i] *= .25;
    }
    assert_int_equal(tdl_best_of_normal(mean, width, 3, best, NULL, NULL), TDL_OK);
    for (size_t i = 0; i < 3; i++)
        near(best[i], thompson[i], 1e-7);
    near(arms[2].theta[0], .4898876404494383, 1e-12);
    for (size_t i = 0; i < 3; i++)
        tdl_linear_arm_release(&arms[i]);
}

static void the_head_of_a_network_infers_its_noise(void **state)
{
    tdl_linear_arm arm;
    double mean, width;

    (void)state;
    assert_int_equal(tdl_linear_arm_init(&arm, D, 1, NULL), TDL_OK);
    for (size_t i = 0; i < ROUNDS; i++)
        assert_int_equal(tdl_linear_arm_learn(&arm, context[i], reward[i], NULL), TDL_OK);
    tdl_linear_values(&arm, 1, query, &mean, &width);
    near(mean, .6462441955749794, 1e-12);
    near(tdl_linear_noise(&arm, 6, 6), .8034348538650643, 1e-12);
    near(sqrt(tdl_linear_noise(&arm, 6, 6)) * width, .3515472117954593, 1e-12);
    tdl_linear_arm_release(&arm);
}

/* The running inverse against one that was never factored anew, over 2,500 rewards; and a
 * discounted arm against one that saw the same rewards with smaller weight. */
static void rounding_does_not_add_up(void **state)
{
    tdl_linear_arm arm, scaled;
    tdl_rng rng = tdl_rng_make(3, 0);
    double x[8], mean, width, other, other_width, r = 0;

    (void)state;
    assert_int_equal(tdl_linear_arm_init(&arm, 8, .5, NULL), TDL_OK);
    assert_int_equal(tdl_linear_arm_init(&scaled, 8, .5, NULL), TDL_OK);
    for (int i = 0; i < 2500; i++) {
        for (int j = 0; j < 8; j++)
            x[j] = tdl_rng_normal(&rng);
        r = x[0] - .5 * x[3] + .1 * tdl_rng_normal(&rng);
        assert_int_equal(tdl_linear_arm_learn(&arm, x, r, NULL), TDL_OK);
        for (int j = 0; j < 8; j++) // x and r times sqrt(.81)
            x[j] *= .9;
        assert_int_equal(tdl_linear_arm_learn(&scaled, x, .9 * r, NULL), TDL_OK);
    }
    near(arm.theta[0], 1, .01);
    near(arm.theta[3], -.5, .02);
    // A A^-1 = 1
    for (int i = 0; i < 8; i++) {
        double sum = 0;
        for (int j = 0; j < 8; j++)
            sum += arm.inverse[i * 8 + j] * (i >= j ? arm.a[i * 8 + j] : arm.a[j * 8 + i]);
        near(sum, 1, 1e-10);
    }
    assert_int_equal(tdl_linear_arm_discount(&arm, .81, NULL), TDL_OK);
    tdl_linear_values(&arm, 1, x, &mean, &width);
    tdl_linear_values(&scaled, 1, x, &other, &other_width);
    near(mean, other, 1e-9);
    near(width, other_width, 1e-9);
    tdl_linear_arm_release(&arm);
    tdl_linear_arm_release(&scaled);
}

static void what_is_no_number_changes_nothing(void **state)
{
    tdl_linear_arm arm;
    double x[D] = {1, NAN, 0};

    (void)state;
    assert_int_equal(tdl_linear_arm_init(&arm, 0, 1, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_linear_arm_init(&arm, D, 0, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_linear_arm_init(&arm, D, 1, NULL), TDL_OK);
    assert_int_equal(tdl_linear_arm_learn(&arm, x, 1, NULL), TDL_E_INVALID);
    x[1] = 0;
    assert_int_equal(tdl_linear_arm_learn(&arm, x, INFINITY, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_linear_arm_discount(&arm, 0, NULL), TDL_E_INVALID);
    assert_true(arm.n == 0 && arm.theta[0] == 0);
    tdl_linear_arm_release(&arm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_arms_by_hand),
        cmocka_unit_test(the_head_of_a_network_infers_its_noise),
        cmocka_unit_test(rounding_does_not_add_up),
        cmocka_unit_test(what_is_no_number_changes_nothing),
    };

    return cmocka_run_group_tests_name("stats/linear_bandit", tests, NULL, NULL);
}
