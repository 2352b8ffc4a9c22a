/* --hierarchy: forecasts of parts and of their sums that agree. */
#ifndef TDL_CLI_FORECAST_HIERARCHY_H
#define TDL_CLI_FORECAST_HIERARCHY_H

#include "cli/forecast_print.h"

/* Can it be had beside the other options? --reconcile is "ols" or "bottom-up". */
tdl_status tdl_forecast_check_hierarchy(const tdl_forecast_values *v, tdl_report *why);
/* job->set and ->parent, a series a node. */
tdl_status tdl_forecast_read_hierarchy(tdl_forecast_job *job, const tdl_forecast_values *v,
                                       const tdl_series_options *reading, tdl_report *why);
/* job->agreed, from the forecasts of job->forecaster. */
tdl_status tdl_forecast_agree(tdl_forecast_job *job, const tdl_forecast_values *v, tdl_report *why);

#endif
