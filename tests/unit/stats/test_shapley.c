#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/shapley.h"

enum { MANY = 20 };

typedef struct model {
    size_t n;
    double (*score)(const double *x);
    const double *row, *background; /* [n] */
    size_t asked;
} model;

static tdl_status value_of(void *context, const bool *take, size_t coalitions_n, double *ret,
                           tdl_report *why)
{
    model *m = context;
    double x[MANY];

    TDL_UNUSED(why);
    for (size_t c = 0; c < coalitions_n; c++) {
        for (size_t i = 0; i < m->n; i++)
            x[i] = take[c * m->n + i] ? m->row[i] : m->background[i];
        ret[c] = m->score(x);
    }
    m->asked += coalitions_n;
    return TDL_OK;
}

static tdl_game game_of(model *m)
{
    return (tdl_game){.groups_n = m->n, .context = m, .value = value_of};
}

static void near(double got, double expected, double by)
{
    if (!(fabs(got - expected) <= by))
        fail_msg("%.17g instead of %.17g", got, expected);
}

static double relu(double x)
{
    return x > 0 ? x : 0;
}

/* Three inputs to four rectified units, weights 1, biases -10 1 1 1; first output, bias -1. */
static double captum_net(const double *x)
{
    double sum = x[0] + x[1] + x[2];

    return relu(sum - 10) + 3 * relu(sum + 1) - 1;
}

/* pytorch/captum's test of its Shapley values: 76.6667 196.6667 116.6667, and 40 120 80. */
static void the_net_of_captums_tests_gives_its_values(void **state)
{
    static const double row[] = {20, 50, 30}, none[] = {0, 0, 0}, some[] = {10, 20, 10};
    model m = {3, captum_net, row, none, 0};
    tdl_game game = game_of(&m);
    tdl_shapley s;
    double value[3];

    TDL_UNUSED(state);
    assert_int_equal(tdl_shapley_exact(&game, value, &s, NULL), TDL_OK);
    near(value[0], 76.0 + 2.0 / 3, 1e-10);
    near(value[1], 196.0 + 2.0 / 3, 1e-10);
    near(value[2], 116.0 + 2.0 / 3, 1e-10);
    near(s.full - s.base, 390, 1e-10);
    near(s.completeness_error, 0, 1e-10);
    assert_int_equal(s.coalitions_n, 8);
    m.background = some;
    assert_int_equal(tdl_shapley_exact(&game, value, &s, NULL), TDL_OK);
    near(value[0], 40, 1e-10);
    near(value[1], 120, 1e-10);
    near(value[2], 80, 1e-10);
}

static double nested(const double *x)
{
    return relu(relu(x[0]) - 1 - relu(x[1]));
}

/* The project's sheet: relu(relu(x1) - 1 - relu(x2)) at (3, 1) gives 1.5 and -.5. */
static void nested_kinks_are_shared_by_the_formula(void **state)
{
    static const double row[] = {3, 1}, none[] = {0, 0};
    model m = {2, nested, row, none, 0};
    tdl_game game = game_of(&m);
    tdl_shapley s;
    double value[2];

    TDL_UNUSED(state);
    assert_int_equal(tdl_shapley_exact(&game, value, &s, NULL), TDL_OK);
    near(value[0], 1.5, 1e-10);
    near(value[1], -0.5, 1e-10);
}

/* sum i x_i + x_0 x_1 x_2: of a product of three each gets a third. */
static double additive_and_a_product(const double *x)
{
    double sum = x[0] * x[1] * x[2];

    for (size_t i = 0; i < 12; i++)
        sum += (double)i * x[i];
    return sum;
}

static void twelve_groups_are_still_exact(void **state)
{
    double row[12], none[12] = {0}, value[12];
    model m = {12, additive_and_a_product, row, none, 0};
    tdl_game game = game_of(&m);
    tdl_shapley s;

    TDL_UNUSED(state);
    for (size_t i = 0; i < 12; i++)
        row[i] = 1;
    assert_int_equal(tdl_shapley_exact(&game, value, &s, NULL), TDL_OK);
    for (size_t i = 0; i < 12; i++)
        near(value[i], (double)i + (i < 3 ? 1.0 / 3 : 0), 1e-10);
    assert_int_equal(m.asked, 4096);
    game.groups_n = 13;
    assert_int_equal(tdl_shapley_exact(&game, value, &s, NULL), TDL_E_INVALID);
    game.groups_n = 0;
    assert_int_equal(tdl_shapley_exact(&game, value, &s, NULL), TDL_E_INVALID);
}

static double pairs_and_one_triple(const double *x)
{
    double sum = 3 * x[0] * x[1] * x[2];

    for (size_t i = 0; i < MANY; i++)
        sum += (double)i * x[i];
    for (size_t i = 0; i + 1 < MANY; i += 2)
        sum += x[i] * x[i + 1];
    return sum;
}

/* Of interactions of two, forwards and backwards together are exact; the triple leaves an error,
 * which must be about as large as it says. */
static void antithetic_walks_are_exact_up_to_pairs(void **state)
{
    double row[MANY], none[MANY] = {0}, value[MANY], error[MANY];
    model m = {MANY, pairs_and_one_triple, row, none, 0};
    tdl_game game = game_of(&m);
    tdl_shapley_options options = {.pairs = 200};
    tdl_rng rng = tdl_rng_make(3, 0), again = rng;
    double value_again[MANY], error_again[MANY];
    tdl_shapley s;

    TDL_UNUSED(state);
    for (size_t i = 0; i < MANY; i++)
        row[i] = 1;
    assert_int_equal(tdl_shapley_values(&game, &options, &rng, value, error, &s, NULL), TDL_OK);
    for (size_t i = 0; i < MANY; i++) {
        double expected = (double)i + 0.5 + (i < 3 ? 1 : 0);

        assert_true(fabs(value[i] - expected) <= (i < 3 ? 4 * error[i] : 1e-10));
        assert_true(i < 3 ? error[i] > 0.01 && error[i] < 0.1 : error[i] < 1e-10);
    }
    near(s.completeness_error, 0, 1e-9);
    assert_int_equal(s.pairs_n, 200);
    assert_int_equal(
        tdl_shapley_values(&game, &options, &again, value_again, error_again, &s, NULL), TDL_OK);
    assert_memory_equal(value, value_again, sizeof value);
}

static void sampling_stops_at_the_error_asked(void **state)
{
    double row[MANY], none[MANY] = {0}, value[MANY], error[MANY];
    model m = {MANY, pairs_and_one_triple, row, none, 0};
    tdl_game game = game_of(&m);
    tdl_shapley_options options = {.pairs = 100000, .error = 0.0005};
    tdl_rng rng = tdl_rng_make(3, 0);
    tdl_shapley s;

    TDL_UNUSED(state);
    for (size_t i = 0; i < MANY; i++)
        row[i] = 1;
    assert_int_equal(tdl_shapley_sample(&game, &options, &rng, value, error, &s, NULL), TDL_OK);
    assert_true(s.pairs_n < 1000);
    for (size_t i = 0; i < MANY; i++)
        assert_true(error[i] <= 0.0005 * (s.full - s.base));
}

static double first_only(const double *x)
{
    return relu(x[0]);
}

static void one_group_gets_all(void **state)
{
    static const double row[] = {7}, none[] = {-2};
    model m = {1, first_only, row, none, 0};
    tdl_game game = game_of(&m);
    tdl_rng rng = tdl_rng_make(3, 0);
    double value, error;
    tdl_shapley s;

    TDL_UNUSED(state);
    assert_int_equal(tdl_shapley_sample(&game, NULL, &rng, &value, &error, &s, NULL), TDL_OK);
    near(value, 7, 1e-12);
}

static double broken(const double *x)
{
    return x[0] > 0 ? NAN : 1;
}

static void a_score_that_is_not_finite_ends_the_call(void **state)
{
    static const double row[] = {1, 1}, none[] = {0, 0};
    model m = {2, broken, row, none, 0};
    tdl_game game = game_of(&m);
    tdl_rng rng = tdl_rng_make(3, 0);
    double value[2] = {5, 5}, error[2];
    tdl_report why = {0};
    tdl_shapley s;

    TDL_UNUSED(state);
    assert_int_equal(tdl_shapley_exact(&game, value, &s, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "coalition 1"));
    assert_int_equal(tdl_shapley_sample(&game, NULL, &rng, value, error, &s, &why), TDL_E_INVALID);
    assert_true(value[0] == 5); /* nothing partial is given out */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_net_of_captums_tests_gives_its_values),
        cmocka_unit_test(nested_kinks_are_shared_by_the_formula),
        cmocka_unit_test(twelve_groups_are_still_exact),
        cmocka_unit_test(antithetic_walks_are_exact_up_to_pairs),
        cmocka_unit_test(sampling_stops_at_the_error_asked),
        cmocka_unit_test(one_group_gets_all),
        cmocka_unit_test(a_score_that_is_not_finite_ends_the_call),
    };

    return cmocka_run_group_tests_name("stats/shapley", tests, NULL, NULL);
}
