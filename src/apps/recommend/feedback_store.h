/* The events of a store as feedback: those that may be learnt from, with the items and orders that
 * they say (taken.h), and without robots (robots.h).
 */
#ifndef TDL_APPS_RECOMMEND_FEEDBACK_STORE_H
#define TDL_APPS_RECOMMEND_FEEDBACK_STORE_H

#include "apps/recommend/feedback.h"
#include "store/store.h"

/* Adds the events with an item, of `kind` alone if that is not empty, to a feedback that is not
 * finished. `segment` names the property that says where a person belongs; "" = none.
 * TDL_E_NO_MEMORY, or what the store says. */
tdl_status tdl_feedback_add_store(tdl_feedback *feedback, tdl_store *store, tdl_str kind,
                                  const char *segment, tdl_report *why);

#endif
