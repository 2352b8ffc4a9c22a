/* Predictors and forecasters in the store: each fit is a version of the model of its name, of which
 * one serves.
 *
 * A version's row has the app "predict/NAME", its card as the report, and its file below the data
 * folder. A forecaster's card says "task": "forecast". Both kinds share the names.
 */
#ifndef TDL_PREDICT_REGISTRY_H
#define TDL_PREDICT_REGISTRY_H

#include "apps/predict/predictor.h"
#include "forecast/forecaster.h"
#include "store/store.h"

enum { TDL_PREDICT_NAME_MAX = 48 };

/* Letters, digits, '-', '_' and '.', at most 48, not beginning with '.', and not "fit" or
 * "outcome": it becomes part of paths and addresses. TDL_E_INVALID says so. */
tdl_status tdl_predict_check_name(tdl_str name, tdl_report *why);

/* Write the file, then its row.
 *   ret_version  [80] "predict-NAME-0192..." */
tdl_status tdl_predict_publish(tdl_store *store, const char *data_dir,
                               const tdl_predictor *predictor, bool activate, char *ret_version,
                               tdl_report *why);

/* The same of a forecaster. `card` becomes the row's report (forecast_card.h). */
tdl_status tdl_forecaster_publish(tdl_store *store, const char *data_dir, const char *name,
                                  const tdl_forecaster *forecaster, const json_t *card,
                                  bool activate, char *ret_version, tdl_report *why);

/* Is a version a forecaster? By its card. */
bool tdl_model_row_forecasts(const tdl_model_row *row);

/* The row of the version that serves under a name. TDL_E_NOT_FOUND names those there are. */
tdl_status tdl_predict_active(tdl_store *store, tdl_str name, tdl_arena *arena, tdl_model_row *ret,
                              tdl_report *why);

/* Load it, its file checked against the hash of the row. TDL_E_INVALID: it is of the other kind. */
tdl_status tdl_predict_load_row(tdl_store *store, const char *data_dir, const tdl_model_row *row,
                                tdl_predictor **ret, tdl_report *why);
tdl_status tdl_forecaster_load_row(tdl_store *store, const char *data_dir, const tdl_model_row *row,
                                   tdl_forecaster **ret, tdl_report *why);

#endif
