/* What serves: the active version of every name, behind the app table.
 *
 * Predictors never change. Which of them serve is one list, read by all and swapped as one pointer
 * when a version was published or activated, by this process or another; an answer keeps the
 * predictor it took. A predictor whose version still serves goes from list to list.
 */
#ifndef TDL_PREDICT_SERVING_H
#define TDL_PREDICT_SERVING_H

#include <pthread.h>
#include <stdatomic.h>

#include "apps/app.h"
#include "apps/predict/column_drift.h"
#include "apps/predict/ledger.h"
#include "apps/predict/predictor.h"
#include "base/slot.h"

typedef struct tdl_served {
    atomic_int references;
    char *name, *app, *version; /* "churn", "predict/churn", "predict-churn-0192..." */
    char hash[65];
    int64_t created_us, bytes;
    tdl_predictor *predictor;   /* or */
    tdl_forecaster *forecaster; /* neither: its file is damaged, as `why` says */
    tdl_ledger *ledger;         /* of the forecaster */
    tdl_column_drift drift;     /* of the predictor's columns */
    json_t *card;               /* as it is stored; NULL = none */
    tdl_report why;
} tdl_served;

struct tdl_app {
    tdl_app_context context;
    tdl_slot slot;              /* a tdl_served_list */
    pthread_mutex_t refreshing; /* one at a time */
};

/* All that serve, by name. */
typedef struct tdl_served_list {
    tdl_held held;
    tdl_served **at; /* [n] */
    size_t n;
} tdl_served_list;

/* Never NULL once refreshed, except without memory. */
tdl_served_list *tdl_served_take(tdl_app *app);
void tdl_served_give_back(tdl_served_list *list); /* accepts NULL */

/* The one of that name, in the caller's keeping: tdl_served_drop. TDL_E_NOT_FOUND names those there
 * are; the failure of loading it, when it is damaged. */
tdl_status tdl_served_find(tdl_app *app, tdl_str name, tdl_served **ret, tdl_report *why);
/* The same, and what it must be. TDL_E_INVALID: it is of the other kind. */
tdl_status tdl_served_find_predictor(tdl_app *app, tdl_str name, tdl_served **ret, tdl_report *why);
tdl_status tdl_served_find_forecaster(tdl_app *app, tdl_str name, tdl_served **ret,
                                      tdl_report *why);
void tdl_served_drop(tdl_served *served); /* accepts NULL */

/* tdl_app_ops.refresh. A version that cannot be loaded is reported, and the former one of its name
 * serves on; the others are swapped all the same. */
tdl_status tdl_served_refresh(tdl_app *app, tdl_report *why);

/* tdl_app_ops.answer_rows, in rows.c, and .explain_rows, in rows_explain.c */
tdl_status tdl_predict_answer_rows(tdl_app *app, const tdl_rows_ask *ask, tdl_arena *arena,
                                   tdl_decision **ret, size_t *ret_n, tdl_jw *out, tdl_report *why);
tdl_status tdl_predict_explain_rows(tdl_app *app, const tdl_rows_ask *ask, tdl_jw *out,
                                    tdl_report *why);

/* tdl_app_ops.forecast, in forecast.c; .series_truth, .tell_series and of .learn_one what is said
 * of series, in truths.c */
tdl_status tdl_predict_forecast(tdl_app *app, const tdl_series_ask *ask, tdl_arena *arena,
                                tdl_decision **ret, size_t *ret_n, tdl_jw *out, tdl_report *why);
tdl_status tdl_predict_series_truth(tdl_app *app, tdl_str model, const json_t *outcome,
                                    tdl_arena *arena, tdl_event *ret, tdl_report *why);
tdl_status tdl_predict_tell_series(tdl_app *app, tdl_str model, tdl_str series, tdl_jw *out,
                                   tdl_report *why);
void tdl_predict_learn_truth(tdl_app *app, const tdl_event *event);
/* Under whom the forecasts and truths of a model are kept: nobody. ret [TDL_FORECAST_USER_MAX] */
enum { TDL_FORECAST_USER_MAX = 64 };
void tdl_forecast_user(const char *model, char *ret);
/* What was forecast and told before this process, into the ledger of one that begins to serve. */
tdl_status tdl_forecast_replay(tdl_store *store, tdl_served *served, tdl_report *why);

/* tdl_app_ops.tell, in tell.c; about the outcomes, in live.c */
tdl_status tdl_predict_tell(tdl_app *app, tdl_about about, tdl_str model, size_t limit,
                            tdl_arena *arena, tdl_jw *out, tdl_report *why);
tdl_status tdl_predict_tell_live(tdl_app *app, const tdl_served *served, size_t limit,
                                 tdl_arena *arena, tdl_jw *out, tdl_report *why);

/* tdl_app_ops.admit and .train, in train.c */
tdl_status tdl_predict_admit(tdl_app *app, const tdl_train_table *table, tdl_report *why);
tdl_status tdl_predict_train(tdl_app *app, const tdl_train_options *options, tdl_buf *ret_report,
                             tdl_report *why);

#endif
