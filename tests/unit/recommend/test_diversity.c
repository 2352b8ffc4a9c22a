/* Expected orders and objectives: refs/recommend/diversity.json, computed in double precision by an
 * independent program and each checked a second way. */
#include "cases.h"

#include "apps/recommend/diversity.h"

enum { N = 5, SLOTS = 4 };

static const double relevance[N] = {.9, .85, .8, .4, .3};
static const double vectors[N][3] = {
    {1, 0, 0}, {.97999951, .1989999005, 0}, {.89995680311, .435979073507, 0}, {0, 1, 0}, {0, 0, 1}};

static void cosine(const void *context, size_t i, const size_t *other, size_t n, double *ret)
{
    TDL_UNUSED(context);
    for (size_t at = 0; at < n; at++) {
        ret[at] = 0;
        for (size_t k = 0; k < 3; k++)
            ret[at] += vectors[i][k] * vectors[other[at]][k];
    }
}

/* The greedy order: always the largest objective, of equals the first. */
static void check(tdl_diversity_options options, const size_t order[SLOTS],
                  const double objective[SLOTS])
{
    tdl_arena *arena = tdl_arena_new(1 << 20);
    bool gone[N] = {false};
    tdl_diversity d;

    assert_true(tdl_diversity_start(&d, &options, relevance, N, SLOTS, cosine, NULL, arena));
    for (size_t slot = 0; slot < SLOTS; slot++) {
        size_t best = N;
        for (size_t i = 0; i < N; i++)
            if (!gone[i] && (best == N || tdl_diversity_at(&d, i) > tdl_diversity_at(&d, best)))
                best = i;
        assert_int_equal(best, order[slot]);
        expect_near(tdl_diversity_at(&d, best), objective[slot], 1e-8);
        gone[best] = true;
        tdl_diversity_take(&d, best);
    }
    tdl_arena_free(arena);
}

static void mmr_of_lambda_one_is_the_order_of_relevance(void **state)
{
    TDL_UNUSED(state);
    check((tdl_diversity_options){.kind = TDL_DIVERSITY_MMR, .lambda = 1}, (size_t[]){0, 1, 2, 3},
          (double[]){1, .916666666667, .833333333333, .166666666667});
}

static void mmr_trades_relevance_for_difference_as_the_reference_does(void **state)
{
    TDL_UNUSED(state);
    check((tdl_diversity_options){.kind = TDL_DIVERSITY_MMR, .lambda = .7}, (size_t[]){0, 1, 2, 4},
          (double[]){.7, .347666813667, .292718227838, 0});
    check((tdl_diversity_options){.kind = TDL_DIVERSITY_MMR, .lambda = .4}, (size_t[]){0, 3, 4, 2},
          (double[]){.4, .0666666666667, 0, -.206640748533});
}

static void greedy_dpp_follows_the_reference(void **state)
{
    TDL_UNUSED(state);
    check((tdl_diversity_options){.kind = TDL_DIVERSITY_DPP, .theta = .5}, (size_t[]){0, 3, 4, 2},
          (double[]){.900406487033, .400670095482, .30074054395, -6.20667819447});
    check((tdl_diversity_options){.kind = TDL_DIVERSITY_DPP, .theta = 1}, (size_t[]){0, 3, 4, 2},
          (double[]){1.80016528523, .800449228046, .600548661094, -6.1725862716});
    check((tdl_diversity_options){.kind = TDL_DIVERSITY_DPP, .theta = 3}, (size_t[]){0, 2, 4, 3},
          (double[]){5.40000451657, 3.13974047321, 1.80016528523, -6.38340168664});
}

static void nonsense(const void *context, size_t i, const size_t *other, size_t n, double *ret)
{
    TDL_UNUSED(context);
    for (size_t at = 0; at < n; at++)
        ret[at] = i == 1 || other[at] == 1 ? NAN : i == 2 ? -5 : 7;
}

static void numbers_that_are_none_leave_every_objective_finite(void **state)
{
    const double bad[N] = {NAN, INFINITY, -INFINITY, 1, 0};
    const tdl_diversity_kind kinds[] = {TDL_DIVERSITY_OFF, TDL_DIVERSITY_MMR, TDL_DIVERSITY_DPP};

    TDL_UNUSED(state);
    for (size_t k = 0; k < COUNT(kinds); k++) {
        tdl_diversity_options options = {.kind = kinds[k], .lambda = .5, .theta = 1};
        tdl_arena *arena = tdl_arena_new(1 << 20);
        tdl_diversity d;
        assert_true(tdl_diversity_start(&d, &options, bad, N, SLOTS, nonsense, NULL, arena));
        for (size_t slot = 0; slot < SLOTS + 2; slot++) { // too many takes are left out
            tdl_diversity_take(&d, slot % N);
            for (size_t i = 0; i < N; i++)
                assert_true(isfinite(tdl_diversity_at(&d, i)));
        }
        tdl_arena_free(arena);
    }
}

enum { MANY = 300, CHOICES = 20 };

/* Likeness of two of many, made up and smooth. */
static void waves(const void *context, size_t i, const size_t *other, size_t n, double *ret)
{
    size_t *asked = (size_t *)context;

    *asked += n;
    for (size_t at = 0; at < n; at++)
        ret[at] = cos((double)i * .7 - (double)other[at] * .7);
}

/* The choices are those of the definition, which compares everybody with every choice. */
static void the_best_is_found_without_comparing_all(void **state)
{
    tdl_diversity_options options = {.kind = TDL_DIVERSITY_MMR, .lambda = .8};
    tdl_arena *arena = tdl_arena_new(1 << 20);
    double many[MANY], nearest[MANY] = {0}, near = 0;
    size_t asked = 0, unused = 0, left[MANY], left_n = MANY;
    tdl_diversity d;

    TDL_UNUSED(state);
    for (size_t i = 0; i < MANY; i++) {
        many[i] = 1 / (1 + (double)i * .1);
        left[i] = i;
    }
    assert_true(tdl_diversity_start(&d, &options, many, MANY, CHOICES, waves, &asked, arena));
    for (size_t slot = 0; slot < CHOICES; slot++) {
        size_t best = 0, found = tdl_diversity_best(&d, left, left_n);
        double most = -INFINITY, low = many[MANY - 1], high = many[0];
        for (size_t k = 0; k < left_n; k++) {
            double value = .8 * ((many[left[k]] - low) / (high - low)) - .2 * nearest[left[k]];
            if (value > most) {
                most = value;
                best = k;
            }
        }
        assert_int_equal(left[found], left[best]);
        size_t chosen = left[found];
        tdl_diversity_take(&d, chosen);
        memmove(left + found, left + found + 1, (--left_n - found) * sizeof *left);
        for (size_t i = 0; i < MANY; i++) {
            waves(&unused, i, &chosen, 1, &near);
            nearest[i] = fmax(nearest[i], fmin(near, 1));
        }
    }
    assert_true(asked < (size_t)MANY * CHOICES / 4);
    tdl_arena_free(arena);
}

static void without_memory_it_does_not_start(void **state)
{
    tdl_diversity_options options = {.kind = TDL_DIVERSITY_DPP, .theta = 1};
    tdl_arena *arena = tdl_arena_new(1 << 10);
    double many[1000] = {0};
    tdl_diversity d;

    TDL_UNUSED(state);
    assert_false(tdl_diversity_start(&d, &options, many, 1000, 100, cosine, NULL, arena));
    tdl_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mmr_of_lambda_one_is_the_order_of_relevance),
        cmocka_unit_test(mmr_trades_relevance_for_difference_as_the_reference_does),
        cmocka_unit_test(greedy_dpp_follows_the_reference),
        cmocka_unit_test(numbers_that_are_none_leave_every_objective_finite),
        cmocka_unit_test(the_best_is_found_without_comparing_all),
        cmocka_unit_test(without_memory_it_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
