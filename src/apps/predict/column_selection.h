/* Which columns a learner needs, asked in two ways.
 *
 * Permutation importance (Breiman, "Random forests", 2001): those whose shuffling makes the learner
 * worse on rows it has not learnt from. The rows are parted into folds; the learner is fitted
 * without each, and that fold is asked again with the cells of one column shuffled, some times
 * over. Whole columns are shuffled, before the pipeline: all that is made of a column goes with it.
 * What two columns both tell is told by either, so each by itself may seem to be needed little.
 *
 * The path of the lasso (Tibshirani, 1996): those that have a weight in the smallest
 * lasso that, over five folds of the rows, is within one standard error of the best. Of two columns
 * that tell the same it keeps one. It asks about lines only, whatever the learner.
 *
 * Leakage      looks at the rows given, and no others
 * Replay       same rows, same seed: same columns, for any number of threads
 */
#ifndef TDL_PREDICT_COLUMN_SELECTION_H
#define TDL_PREDICT_COLUMN_SELECTION_H

#include "learn/learner.h"

enum { TDL_PERMUTATION_FOLDS = 5, TDL_PERMUTATION_REPEATS = 2 };

typedef struct tdl_column_selection {
    const tdl_frame *frame;
    const bool *left_out; /* [columns_n] no features */
    const uint32_t *row;  /* [rows_n] of the frame */
    size_t rows_n;
    const tdl_target *target;
    const tdl_prepare_options *options;
    const tdl_learner_ops *ops; /* by its first setting */
    const tdl_problem *problem; /* task, quantiles, pool; its rows are not looked at. No ranking */
    uint64_t seed;
} tdl_column_selection;

/* How much worse the task's first metric (stats/metric.h) becomes: the mean over folds and its
 * standard error, [columns_n] each; 0 of columns that are no features.
 *   returns  TDL_OK | TDL_E_INVALID (too few rows, or of one class only) | what fitting returns */
tdl_status tdl_permutation_importance(const tdl_column_selection *permutation, double *ret_worse,
                                      double *ret_error, tdl_report *why);
/* ret_left_out [columns_n]: what is left out already, and columns that do not make it worse by more
 * than one standard error (of columns that tell nothing one in five does, by chance; asking for two
 * drops columns that help); of the others all but the `columns_max` best (0 = none of them). One
 * column stays in any case, and that named `always`. */
tdl_status tdl_permutation_select(const tdl_column_selection *permutation, size_t columns_max,
                                  tdl_str always, bool *ret_left_out, tdl_report *why);

/* The same of columns whose features all have the weight 0 in the lasso; pictures stay. When all
 * have, nothing is left out.
 *   returns  TDL_OK | TDL_E_INVALID (the task is neither of two classes nor a number) | what
 *            fitting returns */
tdl_status tdl_lasso_select(const tdl_column_selection *selection, tdl_str always,
                            bool *ret_left_out, tdl_report *why);

#endif
