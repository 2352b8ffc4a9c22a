/* A forecaster: for each series of a set the blend that a selection chose, what it was wrong by
 * lately, and the history; kept in a file, asked at any time.
 *
 * Life cycle   tdl_forecaster_fit | tdl_forecaster_load -> _predict ... -> _free
 * Intervals    conformal, per horizon: the residuals of forecasts from rolling origins, each over
 *              the series' own scale. A series has its own where its origins are enough for the
 *              level, else those of all series are pooled; where those are too few as well, the
 *              interval is infinite, never silently the largest residual
 * Threads      fitting uses the pool, a series at a time; predicting from any number of threads
 * Replay       same set, options and seed: same bits for any number of threads
 */
#ifndef TDL_FORECAST_FORECASTER_H
#define TDL_FORECAST_FORECASTER_H

#include <stdatomic.h>

#include "base/pool.h"
#include "forecast/select.h"
#include "forecast/series.h"

enum { TDL_FORECAST_HORIZON_MAX = 4096, TDL_LEVELS_MAX = 8 };

typedef bool tdl_forecast_tell(void *context, double done, const char *detail); /* false = stop */

typedef struct tdl_forecast_options {
    size_t horizon;
    tdl_select_options select; /* `pooled` is filled in */
    bool no_pooled;            /* no model over all series */
    double transformer;        /* seconds to train a patch transformer for; 0 = none. It stays only
                                * when its validation error is below the pooled ridge's; where the
                                * time ended its training, the bits depend on the machine */
    uint64_t seed;             /* of the transformer */
    size_t calibration; /* origins for intervals; 0 = 40 for few series, else the selection's */
    tdl_pool *pool;     /* may be NULL */
    tdl_forecast_tell *tell; /* may be NULL */
    void *tell_context;
} tdl_forecast_options;

typedef struct tdl_forecaster tdl_forecaster;

/* TDL_E_INVALID: a horizon of 0 or too long, no series, or what select says; TDL_E_STOPPED */
tdl_status tdl_forecaster_fit(const tdl_series_set *set, const tdl_forecast_options *options,
                              tdl_forecaster **ret, tdl_report *why);
void tdl_forecaster_free(tdl_forecaster *forecaster); /* accepts NULL */

/* A forecast, arrays the caller's: mean [horizon], low and high [levels_n][horizon]. */
typedef struct tdl_forecast {
    double *mean, *low, *high;
    bool floor; /* the history was too short for what was chosen: the seasonal naive */
} tdl_forecast;

/* From the history that the series was fitted on, or from another one of the same kind.
 *   series   which; SIZE_MAX = a new one: forecast as the series it is most like in shape
 *   history  [n], finite; NULL = the series' own
 *   horizon  at most that of the fit
 *   level    [levels_n] shares in (0, 1)
 *   returns  TDL_OK | TDL_E_INVALID | TDL_E_NO_MEMORY */
tdl_status tdl_forecaster_predict(const tdl_forecaster *forecaster, size_t series,
                                  const double *history, size_t n, size_t horizon,
                                  const double *level, size_t levels_n, tdl_forecast *ret,
                                  tdl_report *why);

/* ---- what is in it ---- */

size_t tdl_forecaster_horizon(const tdl_forecaster *forecaster);
size_t tdl_forecaster_series(const tdl_forecaster *forecaster);
const tdl_series *tdl_forecaster_at(const tdl_forecaster *forecaster, size_t series);
const tdl_selection *tdl_forecaster_chosen(const tdl_forecaster *forecaster, size_t series);
tdl_time_step tdl_forecaster_step(const tdl_forecaster *forecaster);
bool tdl_forecaster_find(const tdl_forecaster *forecaster, tdl_str name, size_t *ret);
/* Signed residuals, truth less forecast, of the series' calibration origins: [ret_n][horizon],
 * borrowed. */
const double *tdl_forecaster_residuals(const tdl_forecaster *forecaster, size_t series,
                                       size_t *ret_n);

/* The scores |residual| / scale that an interval of `level` rests upon at step `h`, ascending: the
 * series' own where they are enough, else those of all series.
 *   ret      [tdl_forecaster_scores_max]
 *   returns  how many */
size_t tdl_forecaster_scores(const tdl_forecaster *forecaster, size_t series, size_t h,
                             double level, double *ret, bool *ret_own);
size_t tdl_forecaster_scores_max(const tdl_forecaster *forecaster, size_t series);
/* Half the widths of its intervals, ret [horizon of the fit], of a history of that scale. */
tdl_status tdl_forecaster_widths(const tdl_forecaster *forecaster, size_t series, double level,
                                 double scale, double *ret, tdl_report *why);

/* ---- a file: safetensors, with what is said of series as JSON in its metadata ---- */

tdl_status tdl_forecaster_save(const tdl_forecaster *forecaster, const char *path, tdl_report *why);
/* The file is hostile until checked. TDL_E_CORRUPT names what cannot be. */
tdl_status tdl_forecaster_load(const char *path, tdl_forecaster **ret, tdl_report *why);
/* The same from bytes, for tests and fuzzing. */
tdl_status tdl_forecaster_parse(tdl_str bytes, tdl_forecaster **ret, tdl_report *why);

#endif
