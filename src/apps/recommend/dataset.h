/* What models are fitted on: every item that events say was taken (taken.h), as dense numbers.
 *
 * Items are numbered in the order the catalogue knows them, users as the scan meets them. Every
 * item of the catalogue counts, also one nobody has touched. A user's items stand in (time,
 * arrival) order; an item that comes back keeps its first place. Robots are left out: robots.h.
 */
#ifndef TDL_APPS_RECOMMEND_DATASET_H
#define TDL_APPS_RECOMMEND_DATASET_H

#include "apps/recommend/names.h"
#include "apps/recommend/rung.h"

typedef struct tdl_dataset {
    tdl_interactions interactions;
    tdl_names *items; /* item numbers and back */
    size_t robots_n;  /* users that were left out */
    size_t robot_events_n;
} tdl_dataset;

/* TDL_E_NO_MEMORY, or what the store reports. */
tdl_status tdl_dataset_load(tdl_store *store, tdl_dataset *ret, tdl_report *why);
void tdl_dataset_release(tdl_dataset *dataset); /* accepts a zeroed one */

#endif
