#include "learn/forest.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void tdl_forest_release(tdl_forest *forest)
{
    free(forest->base);
    free(forest->first);
    free(forest->group);
    free(forest->depth);
    free(forest->node);
    free(forest->cover);
    *forest = (tdl_forest){0};
}

tdl_status tdl_forest_alloc(size_t features_n, size_t groups_n, size_t trees_n, size_t nodes_n,
                            tdl_forest *ret, tdl_report *why)
{
    tdl_forest f = {
        .features_n = features_n, .groups_n = groups_n, .trees_n = trees_n, .nodes_n = nodes_n};

    if (!features_n || features_n > INT32_MAX || !groups_n || groups_n > TDL_FOREST_GROUPS_MAX ||
        trees_n > TDL_FOREST_TREES_MAX || nodes_n > TDL_FOREST_NODES_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE,
                        "a forest of %zu features, %zu scores, %zu trees and %zu nodes", features_n,
                        groups_n, trees_n, nodes_n);
    f.base = calloc(groups_n, sizeof *f.base);
    f.first = calloc(trees_n + 1, sizeof *f.first);
    f.group = calloc(trees_n + 1, sizeof *f.group);
    f.depth = calloc(trees_n + 1, sizeof *f.depth);
    f.node = calloc(nodes_n + 1, sizeof *f.node);
    f.cover = calloc(nodes_n + 1, sizeof *f.cover);
    if (!f.base || !f.first || !f.group || !f.depth || !f.node || !f.cover) {
        tdl_forest_release(&f);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a forest of %zu nodes", nodes_n);
    }
    *ret = f;
    return TDL_OK;
}

/* ---- check ---- */

/* `is_child` says which nodes have been claimed by a split; `depth` of each node of the tree. */
static tdl_status check_node(const tdl_forest *f, size_t tree, int32_t at, uint8_t *depth,
                             tdl_report *why)
{
    const tdl_forest_node *node = &f->node[at];
    int32_t end = f->first[tree + 1], begin = f->first[tree];

    if (!isfinite(node->value))
        return TDL_FAIL(why, TDL_E_CORRUPT, "tree %zu, node %d: a value of %g", tree, at - begin,
                        (double)node->value);
    if (!(f->cover[at] >= 0 && isfinite(f->cover[at])))
        return TDL_FAIL(why, TDL_E_CORRUPT, "tree %zu, node %d: a cover of %g", tree, at - begin,
                        (double)f->cover[at]);
    if (at > begin && !depth[at - begin])
        return TDL_FAIL(why, TDL_E_CORRUPT, "tree %zu, node %d: no split leads there", tree,
                        at - begin);
    if (node->feature == -1) {
        if (node->left == at && !node->missing)
            return TDL_OK;
        return TDL_FAIL(why, TDL_E_CORRUPT, "tree %zu, node %d: a leaf with children", tree,
                        at - begin);
    }
    if (node->feature < 0 || (size_t)node->feature >= f->features_n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "tree %zu, node %d: feature %d of %zu", tree,
                        at - begin, node->feature, f->features_n);
    if (node->missing != 0 && node->missing != 1)
        return TDL_FAIL(why, TDL_E_CORRUPT, "tree %zu, node %d: a direction of %d", tree,
                        at - begin, node->missing);
    if (node->left <= at || node->left >= end - 1)
        return TDL_FAIL(why, TDL_E_CORRUPT, "tree %zu, node %d: a child %d of %d nodes", tree,
                        at - begin, node->left - begin, end - begin);
    if (depth[node->left - begin] || depth[node->left + 1 - begin])
        return TDL_FAIL(why, TDL_E_CORRUPT, "tree %zu, node %d: a child that has a parent", tree,
                        at - begin);
    if (depth[at - begin] >= TDL_FOREST_DEPTH_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "tree %zu: deeper than %d", tree, TDL_FOREST_DEPTH_MAX);
    depth[node->left - begin] = depth[node->left + 1 - begin] =
        (uint8_t)(depth[at - begin] + 1); /* the root's is 0 */
    return TDL_OK;
}

static tdl_status check_tree(tdl_forest *f, size_t tree, uint8_t *depth, tdl_report *why)
{
    int32_t begin = f->first[tree], end = f->first[tree + 1], deepest = 0;
    tdl_status st = TDL_OK;

    if (f->group[tree] < 0 || (size_t)f->group[tree] >= f->groups_n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "tree %zu: score %d of %zu", tree, f->group[tree],
                        f->groups_n);
    memset(depth, 0, (size_t)(end - begin));
    for (int32_t at = begin; !st && at < end; at++) {
        st = check_node(f, tree, at, depth, why);
        deepest = depth[at - begin] > deepest ? depth[at - begin] : deepest;
    }
    f->depth[tree] = deepest;
    return st;
}

tdl_status tdl_forest_check(tdl_forest *f, tdl_report *why)
{
    uint8_t *depth = NULL;
    tdl_status st = TDL_OK;
    size_t largest = 0;

    for (size_t g = 0; g < f->groups_n; g++)
        if (!isfinite(f->base[g]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "score %zu starts from %g", g, f->base[g]);
    if (f->first[0] != 0 || (size_t)f->first[f->trees_n] != f->nodes_n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "trees from node %d to %d, of %zu", f->first[0],
                        f->first[f->trees_n], f->nodes_n);
    for (size_t t = 0; t < f->trees_n; t++) {
        if (f->first[t + 1] <= f->first[t])
            return TDL_FAIL(why, TDL_E_CORRUPT, "tree %zu has no nodes", t);
        size_t n = (size_t)f->first[t + 1] - (size_t)f->first[t];
        largest = n > largest ? n : largest;
    }
    depth = malloc(largest + 1);
    if (!depth)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to check a forest");
    for (size_t t = 0; !st && t < f->trees_n; t++)
        st = check_tree(f, t, depth, why);
    free(depth);
    return st;
}

/* ---- several as one ---- */

/* Leaves count `share`; score g of `from` is score first_group + g. */
static void append(const tdl_forest *from, float share, size_t first_group, tdl_forest *to)
{
    int32_t nodes = (int32_t)to->nodes_n;

    for (size_t t = 0; t < from->trees_n; t++) {
        to->first[to->trees_n + t] = from->first[t] + nodes;
        to->group[to->trees_n + t] = from->group[t] + (int32_t)first_group;
        to->depth[to->trees_n + t] = from->depth[t];
    }
    for (size_t i = 0; i < from->nodes_n; i++) {
        tdl_forest_node node = from->node[i];

        node.left += nodes;
        if (node.feature < 0)
            node.value *= share;
        to->node[to->nodes_n + i] = node;
        to->cover[to->nodes_n + i] = from->cover[i];
    }
    to->trees_n += from->trees_n;
    to->nodes_n += from->nodes_n;
    to->first[to->trees_n] = (int32_t)to->nodes_n;
}

/* Room for all of them, empty. */
static tdl_status make_room(const tdl_forest *forests, size_t n, size_t groups_n, tdl_forest *ret,
                            tdl_report *why)
{
    size_t trees_n = 0, nodes_n = 0;
    tdl_status st;

    if (!n)
        return TDL_FAIL(why, TDL_E_INVALID, "the mean of no forest");
    for (size_t i = 0; i < n; i++) {
        if (forests[i].features_n != forests[0].features_n ||
            forests[i].groups_n != forests[0].groups_n)
            return TDL_FAIL(why, TDL_E_INVALID, "forests of different features or scores");
        trees_n += forests[i].trees_n;
        nodes_n += forests[i].nodes_n;
    }
    if ((st = tdl_forest_alloc(forests[0].features_n, groups_n, trees_n, nodes_n, ret, why)))
        return st;
    ret->trees_n = ret->nodes_n = 0; /* grow again as forests come */
    return TDL_OK;
}

tdl_status tdl_forest_mean(const tdl_forest *forests, size_t n, tdl_forest *ret, tdl_report *why)
{
    tdl_forest mean = {0};
    tdl_status st = make_room(forests, n, n ? forests[0].groups_n : 0, &mean, why);

    if (st)
        return st;
    for (size_t i = 0; i < n; i++) {
        append(&forests[i], 1.0f / (float)n, 0, &mean);
        for (size_t g = 0; g < mean.groups_n; g++)
            mean.base[g] += forests[i].base[g] / (double)n;
    }
    *ret = mean;
    return TDL_OK;
}

tdl_status tdl_forest_beside(const tdl_forest *forests, size_t n, tdl_forest *ret, tdl_report *why)
{
    tdl_forest all = {0};
    tdl_status st = n && forests[0].groups_n != 1
                        ? TDL_FAIL(why, TDL_E_INVALID, "a forest of %zu scores is none of one",
                                   forests[0].groups_n)
                        : make_room(forests, n, n, &all, why);

    if (st)
        return st;
    for (size_t i = 0; i < n; i++) {
        append(&forests[i], 1, i, &all);
        all.base[i] = forests[i].base[0];
    }
    *ret = all;
    return TDL_OK;
}

/* ---- score ---- */

/* Written so that it is false for NaN too. */
static bool is_missing(float x)
{
    return !(fabsf(x) <= 3.402823466e38f);
}

static const tdl_forest_node *find_leaf(const tdl_forest_node *all, int32_t root, const float *x)
{
    const tdl_forest_node *node = &all[root];

    while (node->feature >= 0) {
        float value = x[node->feature];
        int32_t right = is_missing(value) ? node->missing : !(value < node->value);

        node = &all[node->left + right];
    }
    return node;
}

static float leaf_of(const tdl_forest_node *all, int32_t root, const float *x)
{
    return find_leaf(all, root, x)->value;
}

int32_t tdl_forest_leaf(const tdl_forest *f, size_t tree, const float *x)
{
    return (int32_t)(find_leaf(f->node, f->first[tree], x) - f->node);
}

void tdl_forest_score_row(const tdl_forest *f, const float *x, double *ret)
{
    float sum = (float)f->base[0];

    if (f->groups_n == 1) {
        for (size_t t = 0; t < f->trees_n; t++)
            sum += leaf_of(f->node, f->first[t], x);
        ret[0] = (double)sum;
        return;
    }
    for (size_t g = 0; g < f->groups_n; g++)
        ret[g] = (double)(float)f->base[g];
    for (size_t t = 0; t < f->trees_n; t++) {
        sum = (float)ret[f->group[t]] + leaf_of(f->node, f->first[t], x);
        ret[f->group[t]] = (double)sum;
    }
}

/* Rows that walk a tree side by side, so that the processor waits for memory only once for all. */
enum { LANES = 16 };

typedef struct job {
    const tdl_forest *forest;
    const float *x;
    size_t rows;
    double *ret;
    atomic_bool failed;
} job;

/* `x` is [LANES][features], with missing values as NaN. A leaf leads to itself. */
static void add_tree(const tdl_forest *f, size_t tree, const float *x, float *sum, size_t stride)
{
    int32_t at[LANES];

    for (size_t i = 0; i < LANES; i++)
        at[i] = f->first[tree];
    for (int32_t step = 0; step < f->depth[tree]; step++)
        for (size_t i = 0; i < LANES; i++) {
            const tdl_forest_node *node = &f->node[at[i]];
            int32_t split = node->feature >= 0;
            float value = x[i * f->features_n + (size_t)(split ? node->feature : 0)];
            int32_t right = value != value ? node->missing : !(value < node->value);

            at[i] = node->left + (right & -split);
        }
    for (size_t i = 0; i < LANES; i++)
        sum[i * stride] += f->node[at[i]].value;
}

static void score_lanes(const tdl_forest *f, const float *x, size_t rows, float *copy, float *sum,
                        double *ret)
{
    size_t n = f->groups_n;

    for (size_t i = 0; i < LANES; i++)
        for (size_t j = 0; j < f->features_n; j++) {
            float value = x[(i < rows ? i : 0) * f->features_n + j];
            copy[i * f->features_n + j] = is_missing(value) ? NAN : value;
        }
    for (size_t i = 0; i < LANES * n; i++)
        sum[i] = (float)f->base[i % n];
    for (size_t t = 0; t < f->trees_n; t++)
        add_tree(f, t, copy, sum + f->group[t], n);
    for (size_t i = 0; i < rows * n; i++)
        ret[i] = (double)sum[i];
}

static void score_share(void *context, size_t begin, size_t end, unsigned part)
{
    job *j = context;
    const tdl_forest *f = j->forest;
    float *copy = malloc(LANES * (f->features_n + f->groups_n) * sizeof *copy);

    TDL_UNUSED(part);
    if (!copy) {
        atomic_store(&j->failed, true);
        return;
    }
    for (size_t row = begin; row < end; row += LANES)
        score_lanes(f, j->x + row * f->features_n, end - row < LANES ? end - row : LANES, copy,
                    copy + LANES * f->features_n, j->ret + row * f->groups_n);
    free(copy);
}

tdl_status tdl_forest_score(const tdl_forest *forest, const float *x, size_t rows, tdl_pool *pool,
                            double *ret, tdl_report *why)
{
    job j = {.forest = forest, .x = x, .rows = rows, .ret = ret};

    if (rows < LANES / 4) {
        for (size_t i = 0; i < rows; i++)
            tdl_forest_score_row(forest, x + i * forest->features_n, ret + i * forest->groups_n);
        return TDL_OK;
    }
    tdl_pool_run(pool, rows, LANES, score_share, &j);
    return atomic_load(&j.failed)
               ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to score %zu rows", rows)
               : TDL_OK;
}
