/* Scales: a number onto the range that a learner likes. Fitted on training values. */
#ifndef TDL_TABLE_NORMALISE_H
#define TDL_TABLE_NORMALISE_H

#include "table/prepare.h"

enum { TDL_SCALE_QUANTILES_MAX = 1000 };

typedef struct tdl_scale {
    tdl_normalise kind;
    double shift, factor; /* (x - shift) * factor; of the logarithm where kind is LOG1P */
    double *quantile;     /* [quantiles_n] kind QUANTILE: at even steps of probability */
    size_t quantiles_n;
} tdl_scale;

/* sorted [n] ascending, finite; n = 0 gives a scale that changes nothing. Values that are all equal
 * come out as 0, or as they are for NONE. Where the middle half of the values is one value, ROBUST
 * divides by the deviation. */
tdl_status tdl_scale_fit(tdl_normalise kind, const double *sorted, size_t n, tdl_scale *ret,
                         tdl_report *why);
void tdl_scale_release(tdl_scale *scale); /* accepts a zeroed struct */

/* NaN stays. QUANTILE: the normal score of the share of training values below x, those equal to x
 * counted half; no further out than one of 2 * quantiles_n equally likely values can be. */
double tdl_scale_apply(const tdl_scale *scale, double x);

/* The value that a standard normal variable is below with probability p in (0, 1). Relative error
 * 1e-15 (Wichura, AS 241, Applied Statistics 37, 1988). */
double tdl_normal_score(double p);

#endif
