/* The card of a forecaster: what series it was fitted on, by what it forecasts each, how good that
 * was, and how its table is read, so that a newer one is read alike.
 *
 *     {"task": "forecast", "name", "created", "source", "target": {"column"}, "series", "points",
 *      "filled", "horizon", "step", "period", "metric": "mase", "chosen": {"model", "value"},
 *      "members": [{"name", "series"}], "reading": {"time", "value", "series", "layout",
 *      "aggregate", "period"}, "backtest"?: {...}}
 *
 * "value" is the mean over series of the best member's score in selection, a little too good; with
 * a back-test it is the forecaster's own MASE in it.
 */
#ifndef TDL_PREDICT_FORECAST_CARD_H
#define TDL_PREDICT_FORECAST_CARD_H

#include "base/json.h"
#include "forecast/backtest.h"

typedef struct tdl_forecast_about {
    const char *name, *source; /* source may be NULL */
    const tdl_series_options *reading;
    const tdl_backtest *backtest; /* NULL = none */
} tdl_forecast_about;

/* TDL_E_NO_MEMORY; *ret is the caller's. */
tdl_status tdl_forecast_card(const tdl_forecaster *forecaster, const tdl_forecast_about *about,
                             json_t **ret, tdl_report *why);

/* How the table of a card is read; borrows from it. TDL_E_CORRUPT: the card says nothing of it. */
tdl_status tdl_forecast_card_reading(const json_t *card, tdl_series_options *ret, tdl_report *why);

/* As Markdown, appended: see tdl_card_markdown, which calls it for a forecaster's card. */
void tdl_forecast_card_markdown(const json_t *card, const char *language, const char *hash,
                                tdl_buf *out);

#endif
