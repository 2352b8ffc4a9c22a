/* Forecasters that are kept: in a file, or under a name beside the other models. */
#ifndef TDL_CLI_FORECAST_SAVED_H
#define TDL_CLI_FORECAST_SAVED_H

#include "cli/forecast_print.h"

/* Does --model name members that may be chosen ("auto", "ridge,ets"), not a forecaster? */
bool tdl_forecast_model_is_members(const char *model);

/* --save: under a name it serves at once. TDL_E_INVALID: no such name can be */
tdl_status tdl_forecast_keep(const tdl_forecast_job *job, const tdl_forecast_values *v,
                             const tdl_series_options *reading, tdl_report *why);

/* --model NAME|FILE: the forecaster, and where job->path is there its newer history, read as the
 * table was that it learnt from; columns that are named hold. TDL_E_INVALID: the steps are others
 */
tdl_status tdl_forecast_fetch(tdl_forecast_job *job, const tdl_forecast_values *v,
                              const tdl_series_options *asked, tdl_report *why);

#endif
