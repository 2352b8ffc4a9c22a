/* Which rows train and which test.
 *
 * The key of row i is output number i + 1 of splitmix64 from state `seed`; within each class rows
 * are sorted by key, and fold = rank mod k: the same folds in any language.
 */
#ifndef TDL_TABLE_SPLIT_H
#define TDL_TABLE_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

uint64_t tdl_split_key(uint64_t seed, uint64_t row);

/* ret_fold[rows] in [0, k). class_of: [rows] for stratified folds, NULL for plain ones. A class of
 * fewer than k rows: TDL_E_INVALID names it.
 *   row_key  [rows] numbers of the rows in the file; NULL = 0, 1, 2, ... */
tdl_status tdl_split_folds(size_t rows, const int32_t *class_of, const uint64_t *row_key,
                           uint64_t seed, size_t k, uint32_t *ret_fold, tdl_report *why);
/* All rows of a group in one fold, folds of about equal size: the largest groups first, each to the
 * smallest fold. */
tdl_status tdl_split_groups(size_t rows, const int32_t *group, uint64_t seed, size_t k,
                            uint32_t *ret_fold, tdl_report *why);
/* By time: fold f tests the (f + 1)-th of k + 1 equal blocks of rows in order of time, and trains
 * on what is before it. ret_fold is the block, 0 .. k; block 0 is never tested. Rows of one time
 * are never parted. */
tdl_status tdl_split_time(size_t rows, const double *time, size_t k, uint32_t *ret_fold,
                          tdl_report *why);

#endif
