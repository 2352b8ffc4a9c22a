/* The map from contents into the space of a trained rung: what training adds for items that are
 * described after it. */
#ifndef TDL_APPS_RECOMMEND_CONTENT_FIT_H
#define TDL_APPS_RECOMMEND_CONTENT_FIT_H

#include "apps/recommend/content_map.h"
#include "apps/recommend/dataset.h"
#include "apps/recommend/feedback.h"
#include "apps/recommend/serving.h"

/* Of the vectors that `rung` has of the data set's items, and of what the catalogue says of them.
 *   ret      NULL where too few items say anything, or the rung has no vectors: no failure
 *   returns  TDL_OK | TDL_E_NO_MEMORY */
tdl_status tdl_content_fit(tdl_app *app, const tdl_dataset *dataset, const tdl_rung_ops *rung,
                           const void *model, tdl_content_map **ret, tdl_report *why);

/* What the items of a log say, by the log's numbers: *ret [items of the log], to be freed; NULL
 * where fewer than TDL_CONTENT_ITEMS_LEAST say anything. TDL_E_NO_MEMORY. */
tdl_status tdl_content_of_log(tdl_app *app, const tdl_feedback *feedback, tdl_content_code **ret,
                              tdl_report *why);

#endif
