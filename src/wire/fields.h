/* Fields: what the events of every foreign family say in the same words.
 *
 *   item      properties.item, else item_id, product_id, sku
 *   value     the first number among properties.value, rating, price, revenue
 *   decision  properties.decision_id
 *
 * Texts are borrowed from the JSON or lie in `arena`. A failure is TDL_E_NO_MEMORY.
 */
#ifndef TDL_WIRE_FIELDS_H
#define TDL_WIRE_FIELDS_H

#include "base/arena.h"
#include "base/json.h"
#include "treadle/event.h"

/* An id: a string, or a number written out. Absent and empty ones leave ret alone. */
tdl_status tdl_fields_id(const json_t *object, const char *key, tdl_arena *arena, tdl_str *ret,
                         tdl_report *why);

/* The first of `keys`, NULL-terminated, that is there. */
tdl_status tdl_fields_first_id(const json_t *object, const char *const *keys, tdl_arena *arena,
                               tdl_str *ret, tdl_report *why);

/* Item, value and decision. `properties` may be NULL. */
tdl_status tdl_fields_what(const json_t *properties, tdl_arena *arena, tdl_event *event,
                           tdl_report *why);

/* Who tells of a group: a group that nobody, or its own name "$<type>_<group>" (posthog-node),
 * tells of is no person. */
tdl_status tdl_fields_group_user(tdl_arena *arena, tdl_event *event, tdl_report *why);

/* The id that makes a repetition a duplicate. Any string will do: one that the store would refuse
 * is kept as its hash (BLAKE2b-128, hexadecimal). An empty one becomes a new UUID. */
tdl_status tdl_fields_message_id(tdl_str sent, tdl_arena *arena, tdl_str *ret, tdl_report *why);

#endif
