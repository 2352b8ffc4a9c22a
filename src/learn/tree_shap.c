#include "learn/tree_shap.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "learn/tree_shap_plan.h"

enum { BATCH = 64 /* rows that a tree is walked for while it is in the cache */ };

typedef struct scratch {
    tdl_shap_pair *product; /* [splits][pairs] going down; sums of leaves going up */
    uint8_t *state;         /* [splits] */
    uint8_t *open;          /* [splits] 1: the way in is the row's own, in all of its feature */
} scratch;

static inline __attribute__((always_inline)) double total(tdl_shap_pair pair)
{
    return pair[0] + pair[1];
}

static inline __attribute__((always_inline)) uint8_t state_of(const tdl_shap_split *split,
                                                              const float *x)
{
    float value = x[split->feature];
    int32_t there = value < split->threshold ? TDL_SHAP_LEFT : TDL_SHAP_RIGHT;

    return (uint8_t)(fabsf(value) <= 3.402823466e38f ? there : split->missing);
}

/* `pairs` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void go_down(const tdl_shap_tree *tree, scratch *s,
                                                          const float *x, size_t pairs, double *phi)
{
    for (size_t q = 0; q < pairs; q++)
        s->product[q] = (tdl_shap_pair){1, 1};
    s->open[0] = 1;
    for (size_t i = 0; i < tree->splits_n; i++) {
        const tdl_shap_split *split = &tree->split[i];
        uint8_t state = s->open[split->above] ? state_of(split, x) : TDL_SHAP_OFF;
        tdl_shap_pair *own = s->product + i * pairs;

        s->state[i] = state;
        for (int side = 0; side < 2; side++) {
            int32_t child = split->child[side];
            if (child < 0)
                continue;
            const tdl_shap_pair *factor = tree->factor + tree->split[child].way_in + state * pairs;
            tdl_shap_pair *to = s->product + (size_t)child * pairs;
            for (size_t q = 0; q < pairs; q++)
                to[q] = own[q] * factor[q];
            s->open[child] = state == TDL_SHAP_LEFT + side;
        }
        if (split->leaves < 0) {
            for (size_t q = 0; q < pairs; q++)
                own[q] = (tdl_shap_pair){0, 0};
            continue;
        }
        const tdl_shap_pair *sum = tree->factor + split->leaves + state * pairs;
        const tdl_shap_pair *adds = sum + TDL_SHAP_STATES * pairs;
        tdl_shap_pair part = {0, 0};
        for (size_t q = 0; q < pairs; q++) {
            part += own[q] * adds[q];
            own[q] *= sum[q];
        }
        phi[split->feature] += total(part);
    }
}

static inline __attribute__((always_inline)) void go_up(const tdl_shap_tree *tree, scratch *s,
                                                        size_t pairs, double *phi)
{
    for (size_t i = tree->splits_n - 1; i > 0; i--) {
        size_t parent = (size_t)tree->split[i].parent;
        const tdl_shap_pair *adds =
            tree->factor + tree->split[i].way_in + (TDL_SHAP_STATES + s->state[parent]) * pairs;
        const tdl_shap_pair *own = s->product + i * pairs;
        tdl_shap_pair *to = s->product + parent * pairs, part = {0, 0};

        for (size_t q = 0; q < pairs; q++) {
            part += own[q] * adds[q];
            to[q] += own[q];
        }
        phi[tree->split[parent].feature] += total(part);
    }
}

static inline __attribute__((always_inline)) void walk_rows(const tdl_shap_tree *tree, scratch *s,
                                                            const float *x, size_t rows,
                                                            size_t features, size_t pairs,
                                                            double *phi)
{
    for (size_t i = 0; i < rows; i++) {
        go_down(tree, s, x + i * features, pairs, phi + i * features);
        go_up(tree, s, pairs, phi + i * features);
    }
}

/* Depths of 4, 8 and 12 as code of their own; deeper ones share one. */
static void walk_tree(const tdl_shap_tree *tree, scratch *s, const float *x, size_t rows,
                      size_t features, double *phi)
{
    if (!tree->splits_n)
        return;
    if (tree->pairs == 1)
        walk_rows(tree, s, x, rows, features, 1, phi);
    else if (tree->pairs == 2)
        walk_rows(tree, s, x, rows, features, 2, phi);
    else if (tree->pairs == 3)
        walk_rows(tree, s, x, rows, features, 3, phi);
    else
        walk_rows(tree, s, x, rows, features, tree->pairs, phi);
}

/* ---- all trees, shares of rows ---- */

typedef struct job {
    const tdl_forest *forest;
    const tdl_shap_plan *plan;
    const float *x;
    size_t group;
    double *ret, *base;
    atomic_bool failed;
} job;

static void shap_batch(const job *j, tdl_shap_maker *maker, scratch *s, size_t row, size_t rows)
{
    const tdl_forest *f = j->forest;
    size_t features = f->features_n;
    double *phi = j->ret + row * features, mean = f->base[j->group];

    memset(phi, 0, rows * features * sizeof *phi);
    for (size_t t = 0; t < f->trees_n; t++) {
        tdl_shap_tree made;
        const tdl_shap_tree *tree = &made;

        if ((size_t)f->group[t] != j->group)
            continue;
        if (j->plan)
            tree = tdl_shap_plan_tree(j->plan, t);
        else
            tdl_shap_make(maker, t, &made);
        mean += tree->mean;
        walk_tree(tree, s, j->x + row * features, rows, features, phi);
    }
    for (size_t i = 0; i < rows; i++)
        j->base[row + i] = mean;
}

static void shap_share(void *context, size_t begin, size_t end, unsigned part)
{
    job *j = context;
    size_t splits = tdl_shap_splits_max(j->forest), pairs = tdl_shap_pairs_max(j->forest);
    scratch s = {.product = malloc(splits * pairs * sizeof *s.product),
                 .state = malloc(splits),
                 .open = malloc(splits)};
    tdl_shap_maker *maker = j->plan ? NULL : tdl_shap_maker_new(j->forest);

    TDL_UNUSED(part);
    if (s.product && s.state && s.open && (j->plan || maker))
        for (size_t row = begin; row < end; row += BATCH)
            shap_batch(j, maker, &s, row, end - row < BATCH ? end - row : BATCH);
    else
        atomic_store(&j->failed, true);
    tdl_shap_maker_free(maker);
    free(s.product);
    free(s.state);
    free(s.open);
}

tdl_status tdl_tree_shap(const tdl_forest *forest, const tdl_shap_plan *plan, const float *x,
                         size_t rows, size_t group, tdl_pool *pool, double *ret, double *base,
                         tdl_report *why)
{
    job j = {.forest = forest, .plan = plan, .x = x, .group = group, .ret = ret, .base = base};

    if (group >= forest->groups_n)
        return TDL_FAIL(why, TDL_E_INVALID, "score %zu of %zu", group, forest->groups_n);
    tdl_pool_run(pool, rows, BATCH, shap_share, &j);
    if (atomic_load(&j.failed))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain %zu rows", rows);
    return TDL_OK;
}
