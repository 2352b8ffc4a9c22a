/* A hierarchy of series out of a table: columns from the coarsest to the finest, as region and
 * shop. Its nodes are all of it ("total"), each region, and each shop of each region.
 *
 * A leaf is the rows of one path; the others are sums of the leaves below them, from the first step
 * that all of those have. Every leaf must end at the same step: a sum that some have left would
 * fall for no reason.
 */
#ifndef TDL_FORECAST_HIERARCHY_SERIES_H
#define TDL_FORECAST_HIERARCHY_SERIES_H

#include "forecast/series.h"

enum { TDL_HIERARCHY_COLUMNS_MAX = 8 };

typedef struct tdl_hierarchy {
    tdl_series_set set; /* a series a node, those above before those below; "north/a" */
    int32_t *parent;    /* [set.series_n] as tdl_hierarchy_reconcile takes it */
} tdl_hierarchy;

/* columns: names, comma-separated. options->series and ->layout are not looked at.
 *   returns  TDL_OK | TDL_E_INVALID (leaves that end at different steps, more columns than allowed:
 *            names them; what tdl_series_of says) | TDL_E_NOT_FOUND (a column) | TDL_E_NO_MEMORY */
tdl_status tdl_hierarchy_of(const tdl_frame *frame, tdl_str columns,
                            const tdl_series_options *options, tdl_hierarchy *ret, tdl_report *why);
void tdl_hierarchy_release(tdl_hierarchy *hierarchy); /* accepts a zeroed struct */

#endif
