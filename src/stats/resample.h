/* Resamples of rows as weights: rows are drawn with replacement, or whole groups of them together
 * (a person's rows, a list), as many as there are; a row's weight is its own times how often it was
 * drawn. Whatever is sorted by row once serves every resample.
 */
#ifndef TDL_STATS_RESAMPLE_H
#define TDL_STATS_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"
#include "base/rng.h"

typedef struct tdl_resample {
    size_t n, units_n;
    uint32_t *unit;     /* [n] or NULL: each row by itself */
    double *count;      /* [units_n] */
    double *weight;     /* [n] of the resample drawn last */
    const double *base; /* [n] weights of rows or NULL; borrowed */
} tdl_resample;

/*   group     [n] rows with the same number are drawn together, or NULL
 *   returns   TDL_OK | TDL_E_INVALID (no rows) | TDL_E_NO_MEMORY */
tdl_status tdl_resample_init(tdl_resample *r, size_t n, const int32_t *group, const double *base,
                             tdl_report *why);
void tdl_resample_draw(tdl_resample *r, tdl_rng *rng);
void tdl_resample_release(tdl_resample *r); /* accepts a zeroed struct */

#endif
