/* p-values of several questions asked at once. A p that is NaN was not asked, and stays NaN. */
#ifndef TDL_STATS_MULTIPLICITY_H
#define TDL_STATS_MULTIPLICITY_H

#include "base/report.h"

#include <stddef.h>

/* Holm, 1979: the chance of a single false alarm among them. In place, [n]. */
tdl_status tdl_holm(double *p, size_t n, tdl_report *why);

/* Benjamini and Hochberg, 1995: the share of false alarms among the alarms. In place, [n]. */
tdl_status tdl_benjamini_hochberg(double *p, size_t n, tdl_report *why);

#endif
