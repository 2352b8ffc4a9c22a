/* One decision tree (Breiman, Friedman, Olshen and Stone, 1984), small enough to read.
 *
 *     x_f < threshold ? left : right,     a missing number goes where `missing_left` says
 *
 * A leaf's scores are those of its training rows as a whole (summary.h), for classes with one more
 * row of the overall shares. Children stand after their parent, so that no file can hold a loop.
 */
#ifndef TDL_LEARN_TREE_H
#define TDL_LEARN_TREE_H

#include "learn/learner.h"

enum { TDL_TREE_DEPTH = 8, TDL_TREE_NODES = 511 };

typedef struct tdl_tree {
    tdl_learner learner;
    size_t nodes_n;        /* node 0 is the root */
    int32_t *feature;      /* [nodes_n] -1 = a leaf */
    double *threshold;     /* [nodes_n] */
    int32_t *left, *right; /* [nodes_n] both above their parent; 0 in a leaf */
    int32_t *missing_left; /* [nodes_n] 0 or 1 */
    double *score;         /* [nodes_n][scores_n] of inner nodes too */
    double *rows;          /* [nodes_n] weight of training rows there */
} tdl_tree;

/* The tree as text, a question or a leaf's scores a line, indented; names from `feature`, or x0,
 * x1, ... when it is NULL. False: not a tree. */
bool tdl_tree_print(const tdl_learner *learner, const tdl_feature *feature, tdl_buf *out);

#endif
