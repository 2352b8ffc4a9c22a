/* What forecaster.c and forecaster_file.c share. */
#ifndef TDL_FORECAST_FORECASTER_PARTS_H
#define TDL_FORECAST_FORECASTER_PARTS_H

#include "forecast/forecaster.h"
#include "forecast/patch.h"

typedef struct tdl_fitted_series {
    tdl_series series;
    tdl_selection selection;
    double *residual; /* [residuals_n][horizon] truth less forecast */
    size_t residuals_n;
    double scale; /* of the series when it was fitted */
} tdl_fitted_series;

struct tdl_forecaster {
    size_t horizon;
    tdl_time_step step;
    tdl_fitted_series *fitted; /* [series_n] */
    size_t series_n;
    double *shared; /* [horizon][shared_n] |residual| / scale of all series, ascending */
    size_t shared_n;
    tdl_pooled_ridge ridge; /* window 0: none */
    tdl_patch *patch;       /* NULL: none */
    tdl_pooled pooled[TDL_POOLED_MAX];
    size_t pooled_n;
};

/* Gather `shared` from the residuals. */
tdl_status tdl_forecaster_share(tdl_forecaster *forecaster, tdl_report *why);

#endif
