#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "attribution_reference.h"
#include "base/rng.h"
#include "learn/tree_shap.h"

static const double SCALE = 1e4; /* of the reference's leaves */

static void reference_forest(tdl_forest *ret)
{
    assert_int_equal(
        tdl_forest_alloc(REFERENCE_FEATURES, 1, REFERENCE_TREES, REFERENCE_NODES, ret, NULL),
        TDL_OK);
    memcpy(ret->first, reference_first, sizeof reference_first);
    for (size_t i = 0; i < REFERENCE_NODES; i++) {
        ret->node[i] = reference_node[i].node;
        ret->cover[i] = reference_node[i].cover;
    }
    assert_int_equal(tdl_forest_check(ret, NULL), TDL_OK);
}

static void path_dependent_values_are_those_of_brute_force(void **state)
{
    tdl_forest f = {0};
    double phi[REFERENCE_FEATURES], base, score;

    TDL_UNUSED(state);
    reference_forest(&f);
    for (size_t i = 0; i < REFERENCE_ROWS; i++) {
        tdl_forest_score_row(&f, reference_row[i].x, &score);
        assert_true(fabs(score / SCALE - reference_row[i].margin) < 1e-9);
        assert_int_equal(tdl_tree_shap(&f, NULL, reference_row[i].x, 1, 0, NULL, phi, &base, NULL),
                         TDL_OK);
        assert_true(fabs(base / SCALE - reference_expected) < 1e-9);
        for (size_t k = 0; k < REFERENCE_FEATURES; k++)
            assert_true(fabs(phi[k] / SCALE - reference_row[i].path_dependent[k]) < 1e-9);
    }
    tdl_forest_release(&f);
}

static void interventional_values_are_those_of_brute_force(void **state)
{
    tdl_forest f = {0};
    double phi[REFERENCE_FEATURES], base;

    TDL_UNUSED(state);
    reference_forest(&f);
    for (size_t i = 0; i < REFERENCE_ROWS; i++) {
        assert_int_equal(tdl_tree_shap_against(&f, reference_row[i].x, 1, reference_background[0],
                                               REFERENCE_BACKGROUND, 0, NULL, phi, &base, NULL),
                         TDL_OK);
        assert_true(fabs(base / SCALE - reference_background_mean) < 1e-9);
        for (size_t k = 0; k < REFERENCE_FEATURES; k++)
            assert_true(fabs(phi[k] / SCALE - reference_row[i].interventional[k]) < 1e-9);
    }
    tdl_forest_release(&f);
}

/* ---- forests of any shape, against the definition ---- */

enum { FEATURES = 7, NODES_MAX = 61 };

/* Splits of random leaves until there are enough nodes; features repeat on the way down. */
static void random_forest(tdl_rng *rng, size_t trees, size_t nodes, tdl_forest *ret)
{
    assert_int_equal(tdl_forest_alloc(FEATURES, 2, trees, trees * nodes, ret, NULL), TDL_OK);
    ret->base[0] = .25;
    ret->base[1] = -1;
    for (size_t t = 0; t < trees; t++) {
        size_t begin = t * nodes, n = 1;

        ret->first[t + 1] = (int32_t)(begin + nodes);
        ret->group[t] = (int32_t)(t % 2);
        ret->cover[begin] = 1000;
        for (size_t i = 0; i < nodes; i++) {
            tdl_forest_node *node = &ret->node[begin + i];

            *node = (tdl_forest_node){(float)tdl_rng_normal(rng), -1, (int32_t)(begin + i), 0};
            if (n + 2 > nodes || (i + 1 < n && tdl_rng_below(rng, 4) == 0))
                continue;
            node->feature = (int32_t)tdl_rng_below(rng, FEATURES);
            node->missing = (int32_t)tdl_rng_below(rng, 2);
            node->left = (int32_t)(begin + n);
            float share = (float)tdl_rng_uniform(rng);
            share = tdl_rng_below(rng, 10) == 0 ? 0 : share;
            ret->cover[begin + n] = ret->cover[begin + i] * share;
            ret->cover[begin + n + 1] = ret->cover[begin + i] * (1 - share);
            n += 2;
        }
    }
    assert_int_equal(tdl_forest_check(ret, NULL), TDL_OK);
}

/* What a coalition is worth, by the definition. background NULL: path dependent */
static double worth(const tdl_forest *f, int32_t at, const float *x, const float *background,
                    unsigned coalition)
{
    const tdl_forest_node *node = &f->node[at];

    if (node->feature < 0)
        return (double)node->value;
    const float *from = coalition >> node->feature & 1 ? x : background;
    if (from) {
        float value = from[node->feature];
        int32_t right = isnan(value) ? node->missing : !(value < node->value);
        return worth(f, node->left + right, x, background, coalition);
    }
    double l = (double)f->cover[node->left], r = (double)f->cover[node->left + 1];
    double share = l + r > 0 ? l / (l + r) : .5;
    return share * worth(f, node->left, x, NULL, coalition) +
           (1 - share) * worth(f, node->left + 1, x, NULL, coalition);
}

static double brute_force(const tdl_forest *f, size_t group, const float *x,
                          const float *background, size_t feature)
{
    double value[1 << FEATURES] = {0}, sum = 0;

    for (unsigned s = 0; s < 1 << FEATURES; s++)
        for (size_t t = 0; t < f->trees_n; t++)
            if ((size_t)f->group[t] == group)
                value[s] += worth(f, f->first[t], x, background, s);
    for (unsigned s = 0; s < 1 << FEATURES; s++) {
        int n = __builtin_popcount(s);

        if (!(s >> feature & 1))
            sum += (value[s | 1U << feature] - value[s]) *
                   exp(lgamma(n + 1) + lgamma(FEATURES - n) - lgamma(FEATURES + 1));
    }
    return sum;
}

static void random_rows(tdl_rng *rng, size_t rows, float *x)
{
    for (size_t i = 0; i < rows * FEATURES; i++)
        x[i] = tdl_rng_below(rng, 8) == 0 ? NAN : (float)tdl_rng_normal(rng);
}

static void forests_of_any_shape_agree_with_the_definition(void **state)
{
    tdl_rng rng = tdl_rng_make(5, 0);
    float x[FEATURES], background[FEATURES];
    double phi[FEATURES], base;

    TDL_UNUSED(state);
    for (size_t round = 0; round < 30; round++) {
        tdl_forest f = {0};
        size_t group = round % 2;

        random_forest(&rng, 4, 1 + 2 * tdl_rng_below(&rng, NODES_MAX / 2), &f);
        random_rows(&rng, 1, x);
        random_rows(&rng, 1, background);
        assert_int_equal(tdl_tree_shap(&f, NULL, x, 1, group, NULL, phi, &base, NULL), TDL_OK);
        for (size_t k = 0; k < FEATURES; k++)
            assert_true(fabs(phi[k] - brute_force(&f, group, x, NULL, k)) < 1e-9);
        assert_int_equal(
            tdl_tree_shap_against(&f, x, 1, background, 1, group, NULL, phi, &base, NULL), TDL_OK);
        for (size_t k = 0; k < FEATURES; k++)
            assert_true(fabs(phi[k] - brute_force(&f, group, x, background, k)) < 1e-9);
        tdl_forest_release(&f);
    }
}

static void no_row_depends_on_its_neighbours_threads_or_the_plan(void **state)
{
    enum { ROWS = 150 };
    static float x[ROWS * FEATURES];
    static double many[ROWS * FEATURES], base[ROWS], one[FEATURES], one_base;
    tdl_rng rng = tdl_rng_make(6, 0);
    tdl_pool *pool = tdl_pool_new(3);
    tdl_forest f = {0};
    tdl_shap_plan *plan = NULL;

    TDL_UNUSED(state);
    random_forest(&rng, 10, 31, &f);
    assert_int_equal(tdl_shap_plan_new(&f, 1000, &plan, NULL), TDL_OK);
    assert_null(plan); /* over the budget */
    assert_int_equal(tdl_shap_plan_new(&f, 1 << 20, &plan, NULL), TDL_OK);
    random_rows(&rng, ROWS, x);
    assert_int_equal(tdl_tree_shap(&f, NULL, x, ROWS, 1, pool, many, base, NULL), TDL_OK);
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(
            tdl_tree_shap(&f, plan, x + i * FEATURES, 1, 1, NULL, one, &one_base, NULL), TDL_OK);
        assert_memory_equal(one, many + i * FEATURES, sizeof one);
        assert_memory_equal(&one_base, &base[i], sizeof one_base);
    }
    assert_int_equal(tdl_tree_shap(&f, NULL, x, 1, 2, NULL, one, &one_base, NULL), TDL_E_INVALID);
    tdl_shap_plan_free(plan);
    tdl_forest_release(&f);
    tdl_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_dependent_values_are_those_of_brute_force),
        cmocka_unit_test(interventional_values_are_those_of_brute_force),
        cmocka_unit_test(forests_of_any_shape_agree_with_the_definition),
        cmocka_unit_test(no_row_depends_on_its_neighbours_threads_or_the_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
