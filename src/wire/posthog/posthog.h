/* PostHog: what its SDKs capture, as events. Pure functions over text.
 *
 * A body is one event, a bare array of them, or {"batch": [...]}. An event that is not valid is
 * counted and left out, the rest of its batch goes in: SDKs drop a whole batch that is refused.
 *
 *   user      distinct_id, else properties.distinct_id, properties.$distinct_id
 *   kind      event
 *   alias     $anon_distinct_id of an $identify, alias of a $create_alias
 *   traits    $set and $set_once, among the properties or beside them
 *   group     $group_type, $group_key and $group_set of a $groupidentify (wire/fields.h)
 *   time      timestamp, corrected by the sender's clock (wire/clock.h); else `offset`
 *             milliseconds before receipt
 *   message   uuid, else properties.$insert_id; any string
 *   item, value   wire/fields.h
 *
 * With $process_person_profile false an event touches no person: no alias, no traits.
 */
#ifndef TDL_WIRE_POSTHOG_POSTHOG_H
#define TDL_WIRE_POSTHOG_POSTHOG_H

#include "wire/batch.h"

/* What is known of a request besides its body. */
typedef struct tdl_posthog_call {
    int64_t now_us;       /* of receipt */
    int64_t sent_us;      /* by the sender's clock, told outside of the body; -1 = not told there */
    tdl_str library;      /* "posthog-node/5.70.0", told outside of the body; empty = not told */
    bool key_known;       /* it came outside of the body: tokens of events are no keys */
    tdl_buf *ret_results; /* what became of each uuid, {"<uuid>": {"result": "ok"}, ...}, one JSON
                             object appended; NULL = not wanted */
} tdl_posthog_call;

/* Decode one body.
 *   ret       to be released by the caller in any case; events_n <= received_n
 *   ret_key   api_key or token of the body or of its events; empty when none. Set even when an
 *             error is given, as far as the body could be read
 *   returns   TDL_OK | TDL_E_INVALID (nothing in it could be read) | TDL_E_UNAUTHORIZED (it shows
 *             two different keys) | TDL_E_TOO_LARGE | TDL_E_NO_MEMORY */
tdl_status tdl_posthog_decode(tdl_str text, const tdl_posthog_call *call, tdl_arena *arena,
                              tdl_batch *ret, tdl_str *ret_key, tdl_report *why);

/* Only the key, of a body that nobody keeps. */
tdl_status tdl_posthog_key(tdl_str text, tdl_batch *ret, tdl_str *ret_key, tdl_report *why);

/* ---- lines of an export (export.c) ---- */

/* Is the object an event as PostHog's batch exports hold it? */
bool tdl_posthog_is_export(const json_t *line);
/* The event it tells of, named by its uuid as it was when it was captured. The person's properties
 * are traits. `line` may gain and lose members; ret borrows from it and from `arena`. */
tdl_status tdl_posthog_export(json_t *line, int64_t now_us, tdl_arena *arena, tdl_event *ret,
                              tdl_report *why);

/* ---- between the files of this folder ---- */

/* What all events of one request share. */
typedef struct tdl_posthog_request {
    const tdl_posthog_call *call;
    int64_t sent_us; /* -1 = not told, or not to be corrected by */
    tdl_str key;
    tdl_arena *arena;
    json_t *results; /* object; NULL = not wanted */
} tdl_posthog_request;

/* One event. `object` and its properties may gain and lose members. */
tdl_status tdl_posthog_event(json_t *object, const tdl_posthog_request *request, tdl_event *ret,
                             tdl_report *why);

#endif
