/* Growing one decision tree, and pruning it to the size that rows held out want. */
#ifndef TDL_LEARN_TREE_FIT_H
#define TDL_LEARN_TREE_FIT_H

#include "learn/tree.h"

typedef struct tdl_tree_options {
    size_t depth;      /* at most TDL_TREE_DEPTH */
    size_t rows_least; /* of a leaf */
    double prune;      /* cost of a leaf, of the root's impurity; < 0: found by five folds */
} tdl_tree_options;

tdl_tree *tdl_tree_new(size_t cols, size_t scores_n); /* NULL: no memory */
void tdl_tree_free(tdl_learner *tree);                /* accepts NULL */

/* *ret_prune: the cost used */
tdl_status tdl_tree_fit(const tdl_problem *problem, const tdl_tree_options *options, tdl_tree *tree,
                        double *ret_prune, tdl_report *why);

#endif
