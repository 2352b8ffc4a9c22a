/* Which rows train, and how much each counts, when classes are of unequal size. */
#ifndef TDL_TABLE_SAMPLE_H
#define TDL_TABLE_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

/* Weights under which all classes that there are weigh the same, and the mean weight is 1:
 * rows / (classes x rows of the class), scikit-learn's "balanced". They shift probabilities.
 *   y    [rows] class numbers below classes_n
 *   ret  [rows] */
tdl_status tdl_class_weights(const float *y, size_t rows, size_t classes_n, float *ret,
                             tdl_report *why);

/* Keep every row of the smallest class, and of each other one at most `ratio` >= 1 times as many,
 * drawn at random.
 *   y         of the frame; row [rows_n] those to draw from
 *   ret_row   [rows_n] those kept, *ret_n of them, in the order of `row`
 *   ret_kept  [classes_n] share of each class that was kept; 1 for a class that is not there */
tdl_status tdl_down_sample(const float *y, const uint32_t *row, size_t rows_n, size_t classes_n,
                           double ratio, uint64_t seed, uint32_t *ret_row, size_t *ret_n,
                           double *ret_kept, tdl_report *why);

/* What a model trained on such rows says of a row, made good for those left out: probabilities are
 * divided by the share kept, and again sum to 1 (Elkan, 2001).
 *   probability [classes_n], in place */
void tdl_prior_correct(const double *kept, size_t classes_n, double *probability);

#endif
