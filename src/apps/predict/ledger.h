/* What a forecaster that serves said, and what came of it: truths that were told since it was
 * fitted, the forecasts that wait for theirs, and the levels of intervals that move as they come.
 *
 *     truths      continue the history of their series: the next forecast begins behind them. Steps
 *                 between that were not told are filled as in fitting (forecast/series.h)
 *     forecasts   one by each origin counts: asked again before the next truth it is the same
 *     intervals   delayed adaptive conformal (stats/adaptive.h), per series, level and horizon:
 *                 seeded with the residuals of the fit, which newer errors replace, and moved by
 *                 the truth of the step h ahead when it comes
 *     late        a truth that comes after a later one moves nothing, and is part of the history
 *
 * Places    steps of a series are counted from its first fitted value; `n` fitted ones are 0 .. n-1
 * Threads   any; one lock
 * Replay    same calls in the same order, same bits
 */
#ifndef TDL_PREDICT_LEDGER_H
#define TDL_PREDICT_LEDGER_H

#include "base/json.h"
#include "forecast/forecaster.h"

typedef struct tdl_ledger tdl_ledger;

/* The forecaster is borrowed for the ledger's life. TDL_E_NO_MEMORY */
tdl_status tdl_ledger_new(const tdl_forecaster *forecaster, tdl_ledger **ret, tdl_report *why);
void tdl_ledger_free(tdl_ledger *ledger); /* accepts NULL */

/* Which step of a series a time is.
 *   returns  TDL_OK | TDL_E_INVALID: between steps, before the series, or farther ahead than
 *            anybody asked for */
tdl_status tdl_ledger_place(tdl_ledger *ledger, size_t series, double time, size_t *ret,
                            tdl_report *why);
/* The value of a step became known; of one that was fitted it changes nothing. A later word of the
 * same step replaces the former. TDL_E_NO_MEMORY */
tdl_status tdl_ledger_truth(tdl_ledger *ledger, size_t series, size_t place, double value,
                            tdl_report *why);

/* The history by now: *ret [*ret_n], the caller's to free; ret_told of them were told since the
 * fit, ret_filled of those were filled. */
tdl_status tdl_ledger_history(tdl_ledger *ledger, size_t series, double **ret, size_t *ret_n,
                              size_t *ret_told, size_t *ret_filled, tdl_report *why);

/* A forecast from `origin` known points. */
typedef struct tdl_ledger_forecast {
    size_t origin;
    double scale;       /* of the history (tdl_forecast_scale) */
    const double *mean; /* [horizon of the forecaster] */
    int64_t time_us;    /* when it was made */
} tdl_ledger_forecast;

/* Half the widths of its intervals, INFINITY where too little is known.
 *   keep      it was answered for good: it now waits for its truths, unless one by that origin
 *             does already, or truths came in between
 *   level     [levels_n]
 *   ret_half  [levels_n][horizon of the forecaster] */
tdl_status tdl_ledger_widths(tdl_ledger *ledger, size_t series, const tdl_ledger_forecast *forecast,
                             bool keep, const double *level, size_t levels_n, double *ret_half,
                             tdl_report *why);

/* Members of an object that is open: "forecasts", "truths", "scored", "quality", "intervals",
 * "worst". */
void tdl_ledger_write_quality(tdl_ledger *ledger, tdl_jw *out);
/* Members of an object that is open, of one series: "known", "forecasts". */
void tdl_ledger_write_series(tdl_ledger *ledger, size_t series, tdl_jw *out);
/* A time of a forecaster: RFC 3339, or a number where steps are only counted. */
void tdl_ledger_write_time(const tdl_forecaster *forecaster, double time, tdl_jw *out);

#endif
