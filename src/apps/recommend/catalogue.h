/* The items there are, as serving sees them: numbers, titles, and how many users have each.
 *
 * Ownership   ids never move nor go away before the catalogue; the JSON does when the title changes
 * Threads     not its own: recommend.c holds one lock over catalogue and histories
 */
#ifndef TDL_APPS_RECOMMEND_CATALOGUE_H
#define TDL_APPS_RECOMMEND_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "apps/recommend/content.h"
#include "apps/recommend/record.h"

typedef struct tdl_catalogue tdl_catalogue;

tdl_catalogue *tdl_catalogue_new(void);            /* NULL: no memory */
void tdl_catalogue_free(tdl_catalogue *catalogue); /* accepts NULL */

size_t tdl_catalogue_count(const tdl_catalogue *catalogue);
/* Number of an item, or -1. */
int32_t tdl_catalogue_find(const tdl_catalogue *catalogue, tdl_str id);
/* The same, added when new. -1: no memory. */
int32_t tdl_catalogue_add(tdl_catalogue *catalogue, tdl_str id);
/* `title`: UTF-8. Without memory for it the former one stays. */
void tdl_catalogue_set_title(tdl_catalogue *catalogue, int32_t item, tdl_str title);

tdl_str tdl_catalogue_id(const tdl_catalogue *catalogue, int32_t item);
/* `"id","title":"its title"`: what answers say of an item, escaped once and copied from here. The
 * title is "" when there is none. */
tdl_str tdl_catalogue_json(const tdl_catalogue *catalogue, int32_t item);
/* The same of an item that the catalogue lacks. */
void tdl_catalogue_write(tdl_buf *out, tdl_str id, tdl_str title);

/* One more user has this item. */
void tdl_catalogue_take(tdl_catalogue *catalogue, int32_t item);
/* One user fewer: two of them were one person. */
void tdl_catalogue_give_back(tdl_catalogue *catalogue, int32_t item);
/* What is kept of the item (store/item.h). Without memory the former word stands. */
void tdl_catalogue_describe(tdl_catalogue *catalogue, int32_t item, tdl_str kept);
const tdl_record *tdl_catalogue_record(const tdl_catalogue *catalogue, int32_t item); /* or NULL */
const tdl_attributes *tdl_catalogue_attributes(const tdl_catalogue *catalogue);
/* How often items were described: what was worked out from records is stale when it has grown. */
uint64_t tdl_catalogue_described(const tdl_catalogue *catalogue);
/* The item that was described as the `at`th, from 0; of the last TDL_DESCRIBED_KEPT. */
enum { TDL_DESCRIBED_KEPT = 4096 };
int32_t tdl_catalogue_described_at(const tdl_catalogue *catalogue, uint64_t at);

/* What its items say of themselves: put there with the description. */
tdl_content *tdl_catalogue_content(const tdl_catalogue *catalogue);

/* It was shown once more; any reader may say so. How often since the catalogue was opened. */
void tdl_catalogue_show(const tdl_catalogue *catalogue, int32_t item);
size_t tdl_catalogue_impressions(const tdl_catalogue *catalogue, int32_t item);

/* How many users have each item: [count], ready to be ranked like any score. */
const float *tdl_catalogue_users(const tdl_catalogue *catalogue);

#endif
