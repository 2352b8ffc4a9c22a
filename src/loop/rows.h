/* Rows of tables, and series: asked about, explained, learnt from. What app.h calls answer_rows and
 * its kin, behind the loop's invariant: no answer leaves before its decisions are in the store's
 * queue.
 */
#ifndef TDL_LOOP_ROWS_H
#define TDL_LOOP_ROWS_H

#include "loop/loop.h"

/* Answers as one JSON object into `out`. ask->id is set here, if `log`: then each row that was
 * answered is a decision of the log. After a failure `out` holds half a value.
 * TDL_E_NOT_FOUND: there is no such model. TDL_E_FULL: not logged, so not answered */
tdl_status tdl_loop_predict(tdl_loop *loop, const char *app, const tdl_rows_ask *ask, bool log,
                            tdl_arena *arena, tdl_jw *out, tdl_report *why);

/* See tdl_app_ops.explain_rows and .tell. */
tdl_status tdl_loop_explain_rows(tdl_loop *loop, const char *app, const tdl_rows_ask *ask,
                                 tdl_jw *out, tdl_report *why);
tdl_status tdl_loop_tell(tdl_loop *loop, const char *app, tdl_about about, tdl_str model,
                         size_t limit, tdl_arena *arena, tdl_jw *out, tdl_report *why);

/* The same of series: tdl_app_ops.forecast. */
tdl_status tdl_loop_forecast(tdl_loop *loop, const char *app, const tdl_series_ask *ask, bool log,
                             tdl_arena *arena, tdl_jw *out, tdl_report *why);
/* Values of series that became known, as events: [{"series", "time", "truth"}] of one model. All or
 * nothing; ret_stored: without those told before. */
tdl_status tdl_loop_series_truths(tdl_loop *loop, const char *app, tdl_str model,
                                  const json_t *outcomes, tdl_arena *arena, size_t *ret_stored,
                                  tdl_report *why);
tdl_status tdl_loop_tell_series(tdl_loop *loop, const char *app, tdl_str model, tdl_str series,
                                tdl_jw *out, tdl_report *why);

/* Learn from a table on the trainer's thread, and let the model serve.
 *   text      CSV
 *   settings  an object of texts
 *   returns   TDL_OK: it runs | TDL_E_CONFLICT: the trainer is busy | TDL_E_INVALID: it cannot be
 *             learnt so, as far as can be told before all of it is read */
tdl_status tdl_loop_fit_start(tdl_loop *loop, const char *app, tdl_str text, const json_t *settings,
                              tdl_report *why);

#endif
