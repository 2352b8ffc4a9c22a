/* What an event says was taken: its item, or the list of an order, and by what.
 *
 *   items   the event's own, then those of properties.items and properties.products: ids, or
 * objects with item, item_id, product_id, sku or id order   properties.order_id: all events of it
 * are one group (ring.h) robot   properties.bot or is_bot is true, or user_agent, userAgent,
 * $user_agent or $raw_user_agent names a robot
 *
 * Life cycle   tdl_taken_read -> tdl_taken_item ... -> tdl_taken_release
 * Ownership    everything is borrowed from the event and the taken
 */
#ifndef TDL_APPS_RECOMMEND_TAKEN_H
#define TDL_APPS_RECOMMEND_TAKEN_H

#include "base/json.h"
#include "treadle/event.h"

typedef struct tdl_taken {
    size_t items_n;
    tdl_str one;   /* the first */
    tdl_str *list; /* [items_n]; NULL when there is at most one */
    tdl_str order; /* empty: none */
    bool robot;
    json_t *properties; /* what the rest points into; NULL when nothing had to be read */
} tdl_taken;

/* Never fails: properties that cannot be read say nothing, and without memory the first item is
 * all.
 */
void tdl_taken_read(const tdl_event *event, tdl_taken *ret);
void tdl_taken_release(tdl_taken *taken); /* accepts a zeroed one */

static inline tdl_str tdl_taken_item(const tdl_taken *taken, size_t at)
{
    return taken->list ? taken->list[at] : taken->one;
}

/* Does the name of a program say that it is a robot? */
bool tdl_is_robot_agent(tdl_str agent);

#endif
