/* Cost-complexity pruning, weakest link first (Breiman and others, 1984, chapter 3). */
#ifndef TDL_LEARN_TREE_PRUNE_H
#define TDL_LEARN_TREE_PRUNE_H

#include "learn/tree.h"

enum { TDL_TREE_COSTS = TDL_TREE_NODES + 1 };

/* A tree that is being grown. Impurity of a node, in total, not by row: Gini's index for classes,
 * squares about the mean for numbers. */
typedef struct tdl_tree_grown {
    size_t nodes_n;
    int32_t feature[TDL_TREE_NODES], left[TDL_TREE_NODES], right[TDL_TREE_NODES];
    int32_t missing_left[TDL_TREE_NODES];
    double threshold[TDL_TREE_NODES], impurity[TDL_TREE_NODES];
    size_t begin[TDL_TREE_NODES], end[TDL_TREE_NODES]; /* of `row` */
    double link[TDL_TREE_NODES]; /* the cost of a leaf from which on the node is one */
} tdl_tree_grown;

/* link[at] = the cost of a leaf, as a share of the root's impurity, from which on `at` is one. */
void tdl_tree_links(tdl_tree_grown *g);
/* Costs worth trying, falling: middles of the whole tree's links (3.4.2). Returns how many. */
size_t tdl_tree_costs(const tdl_tree_grown *g, double cost[TDL_TREE_COSTS]);

#endif
