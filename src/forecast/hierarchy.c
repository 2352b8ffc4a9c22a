#include "forecast/hierarchy.h"

#include <stdlib.h>
#include <string.h>

#include "stats/cholesky.h"

typedef struct tree {
    const int32_t *parent;
    size_t nodes_n, leaves_n;
    size_t *leaf;    /* [leaves_n] nodes */
    bool *is_parent; /* [nodes_n] */
} tree;

static void release(tree *t)
{
    free(t->leaf);
    free(t->is_parent);
}

static tdl_status read_tree(const int32_t *parent, size_t nodes_n, tree *t, tdl_report *why)
{
    *t = (tree){.parent = parent,
                .nodes_n = nodes_n,
                .leaf = calloc(nodes_n ? nodes_n : 1, sizeof *t->leaf),
                .is_parent = calloc(nodes_n ? nodes_n : 1, sizeof *t->is_parent)};
    if (!t->leaf || !t->is_parent)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu nodes", nodes_n);
    for (size_t i = 0; i < nodes_n; i++) {
        size_t up = 0;

        if (parent[i] < -1 || (parent[i] >= 0 && (size_t)parent[i] >= nodes_n))
            return TDL_FAIL(why, TDL_E_INVALID, "node %zu: a parent of %d", i, parent[i]);
        for (int32_t at = parent[i]; at >= 0 && (size_t)at < nodes_n; at = parent[at])
            if (parent[at] < -1 || up++ > nodes_n)
                return TDL_FAIL(why, TDL_E_INVALID, "node %zu: its parents go in a circle", i);
        if (parent[i] >= 0)
            t->is_parent[parent[i]] = true;
    }
    for (size_t i = 0; i < nodes_n; i++)
        if (!t->is_parent[i])
            t->leaf[t->leaves_n++] = i;
    return TDL_OK;
}

/* Every node becomes the sum of the leaves' rows of `leaves` [leaves_n][horizon]. */
static void sum_up(const tree *t, const double *leaves, double *forecast, size_t horizon)
{
    memset(forecast, 0, t->nodes_n * horizon * sizeof *forecast);
    for (size_t k = 0; k < t->leaves_n; k++)
        for (int64_t at = (int64_t)t->leaf[k]; at >= 0; at = t->parent[at])
            for (size_t h = 0; h < horizon; h++)
                forecast[(size_t)at * horizon + h] += leaves[k * horizon + h];
}

/* Nodes that are above (or are) both leaves. */
static size_t common(const tree *t, size_t a, size_t b)
{
    size_t n = 0;

    for (int64_t i = (int64_t)t->leaf[a]; i >= 0; i = t->parent[i])
        for (int64_t j = (int64_t)t->leaf[b]; j >= 0; j = t->parent[j])
            n += i == j;
    return n;
}

/* leaves = (S'S)^-1 S' forecast */
static tdl_status least_squares(const tree *t, const double *forecast, double *leaves,
                                size_t horizon, tdl_report *why)
{
    size_t n = t->leaves_n;
    double *ss = calloc(n * n, sizeof *ss);
    tdl_status st;

    if (!ss)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu leaves", n);
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b <= a; b++)
            ss[a * n + b] = (double)common(t, a, b);
    memset(leaves, 0, n * horizon * sizeof *leaves);
    for (size_t k = 0; k < n; k++)
        for (int64_t at = (int64_t)t->leaf[k]; at >= 0; at = t->parent[at])
            for (size_t h = 0; h < horizon; h++)
                leaves[k * horizon + h] += forecast[(size_t)at * horizon + h];
    if (!(st = tdl_cholesky(ss, n, why)))
        tdl_cholesky_solve(ss, n, leaves, horizon);
    free(ss);
    return st;
}

tdl_status tdl_hierarchy_reconcile(const int32_t *parent, size_t nodes_n, tdl_reconcile how,
                                   double *forecast, size_t horizon, tdl_report *why)
{
    tree t;
    double *leaves = NULL;
    tdl_status st = read_tree(parent, nodes_n, &t, why);

    if (st || !nodes_n)
        goto out;
    if (how == TDL_RECONCILE_OLS && t.leaves_n > TDL_HIERARCHY_LEAVES_MAX) {
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "take bottom up", "%zu leaves: at most %d",
                           t.leaves_n, TDL_HIERARCHY_LEAVES_MAX);
        goto out;
    }
    if (!(leaves = calloc(t.leaves_n * horizon + 1, sizeof *leaves))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu leaves", t.leaves_n);
        goto out;
    }
    if (how == TDL_RECONCILE_OLS) {
        if ((st = least_squares(&t, forecast, leaves, horizon, why)))
            goto out;
    } else {
        for (size_t k = 0; k < t.leaves_n; k++)
            memcpy(leaves + k * horizon, forecast + t.leaf[k] * horizon, horizon * sizeof *leaves);
    }
    sum_up(&t, leaves, forecast, horizon);
out:
    free(leaves);
    release(&t);
    return st;
}
