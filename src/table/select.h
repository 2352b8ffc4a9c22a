/* Which features to keep. How much a feature tells of the target: mutual information in nats, of
 * the feature cut at its quantiles with the class, or with the target cut likewise. And how much of
 * it others tell too: correlation. */
#ifndef TDL_TABLE_SELECT_H
#define TDL_TABLE_SELECT_H

#include "base/report.h"
#include "table/matrix.h"

enum { TDL_SELECT_BINS = 20, TDL_CORRELATION_ROWS = 4096 };

/* Of each feature of `matrix`. Bins are of equal size but for ties, which are never parted; missing
 * values are a bin of their own. Chance makes a feature that tells nothing look as if it told about
 * (bins - 1) (classes - 1) / (2 rows); that much is subtracted (Miller and Madow, 1955).
 *   y          [matrix->rows]; NaN: the row is left out
 *   classes_n  0 = a number
 *   ret        [matrix->cols], >= 0
 *   returns    TDL_OK | TDL_E_NO_MEMORY */
tdl_status tdl_mutual_information(const tdl_matrix *matrix, const float *y, size_t classes_n,
                                  double *ret, tdl_report *why);

/* Clusters of features: the first of `order` leads one, and so does each that is correlated
 * (Pearson, either way) less than `limit` with every leader before it; so each other feature is as
 * near as that to a leader. A missing value stands at the mean. Of many rows TDL_CORRELATION_ROWS
 * are looked at, evenly taken. order    [matrix->cols] every feature once ret_leads[matrix->cols]
 * does it lead? returns  TDL_OK | TDL_E_NO_MEMORY */
tdl_status tdl_correlation_leaders(const tdl_matrix *matrix, const size_t *order, double limit,
                                   bool *ret_leads, tdl_report *why);

#endif
