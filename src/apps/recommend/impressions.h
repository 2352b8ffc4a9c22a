/* How often each item was shown, after a restart: counted from the decision log, so that the
 * impressions a new item is guaranteed are not given to it once more.
 *
 * Answers of surfaces of the last 30 days count, at most 200,000 of them, the oldest first; and
 * only if some item is still new, because of no other is it asked. What other processes showed
 * since this one began is not known here.
 */
#ifndef TDL_APPS_RECOMMEND_IMPRESSIONS_H
#define TDL_APPS_RECOMMEND_IMPRESSIONS_H

#include "apps/recommend/serving.h"

/* Once, when the app opens: nobody else has it yet. What the store says, or TDL_E_NO_MEMORY. */
tdl_status tdl_impressions_count(tdl_app *app, tdl_report *why);

#endif
