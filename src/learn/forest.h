/* A forest: trees as arrays, and the scores they give.
 *
 *     score[row][g] = base[g] + sum over trees t of group g of the leaf of t that the row falls in
 *
 * At a split a row goes left when x < value, in float; where x is missing (NaN, infinite) it goes
 * where the split says. Leaves are added in float, in the order of the trees, as libxgboost adds
 * them: for its models the scores are its margins, bit for bit.
 *
 * Invariants   tdl_forest_check holds: children stand side by side and after their parent, within
 *              the parent's tree; numbers are finite. Every function here but _check relies on it
 * Ownership    a forest owns its arrays; tdl_forest_release frees them
 * Threads      reading from any number
 */
#ifndef TDL_LEARN_FOREST_H
#define TDL_LEARN_FOREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/report.h"

enum {
    TDL_FOREST_TREES_MAX = 1 << 20,
    TDL_FOREST_NODES_MAX = 1 << 28,
    TDL_FOREST_GROUPS_MAX = 1 << 16,
    TDL_FOREST_DEPTH_MAX = 64 /* splits on the way to a leaf */
};

typedef struct tdl_forest_node {
    float value;     /* split: its threshold; leaf: what it adds */
    int32_t feature; /* >= 0: a split on it; -1: a leaf */
    int32_t left;    /* split: the left child, the right one is the next; leaf: the node itself */
    int32_t missing; /* where a missing value goes: 0 left, 1 right */
} tdl_forest_node;

typedef struct tdl_forest {
    size_t features_n, groups_n; /* groups: scores of a row */
    size_t trees_n, nodes_n;
    double *base;          /* [groups_n] */
    int32_t *first;        /* [trees_n + 1] root of each tree; nodes_n at the end */
    int32_t *group;        /* [trees_n] */
    int32_t *depth;        /* [trees_n] most splits on the way to a leaf */
    tdl_forest_node *node; /* [nodes_n] */
    float *cover;          /* [nodes_n] weight of the training rows there, >= 0 */
} tdl_forest;

void tdl_forest_release(tdl_forest *forest); /* accepts a zeroed struct */

/* Arrays of these sizes, all zero. TDL_E_NO_MEMORY | TDL_E_TOO_LARGE */
tdl_status tdl_forest_alloc(size_t features_n, size_t groups_n, size_t trees_n, size_t nodes_n,
                            tdl_forest *ret, tdl_report *why);
/* Do the invariants hold? Fills in `depth`. TDL_E_CORRUPT names the tree and node. */
tdl_status tdl_forest_check(tdl_forest *forest, tdl_report *why);

/* The mean of forests of the same features and groups, one after the other. */
tdl_status tdl_forest_mean(const tdl_forest *forests, size_t n, tdl_forest *ret, tdl_report *why);

/* Forests of the same features as one: score g is that of forest g, each of which has one. */
tdl_status tdl_forest_beside(const tdl_forest *forests, size_t n, tdl_forest *ret, tdl_report *why);

/* x [rows][features_n] -> ret [rows][groups_n]. TDL_E_NO_MEMORY */
tdl_status tdl_forest_score(const tdl_forest *forest, const float *x, size_t rows, tdl_pool *pool,
                            double *ret, tdl_report *why);
/* The node, a leaf, that the row x [features_n] falls in. */
int32_t tdl_forest_leaf(const tdl_forest *forest, size_t tree, const float *x);
/* One row, with no allocation. x [features_n], ret [groups_n] */
void tdl_forest_score_row(const tdl_forest *forest, const float *x, double *ret);

#endif
