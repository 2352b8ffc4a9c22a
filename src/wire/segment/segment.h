/* Segment: what its SDKs send, as events. Pure functions over text.
 *
 * A body is one call or a batch of them. An event that is not valid is counted and left out, the
 * rest of its batch goes in: SDKs drop a whole batch that is refused.
 *
 *   user      userId, else anonymousId
 *   kind      `event` of a track call, else $page, $screen, $identify, $groupidentify,
 *             $create_alias
 *   group     groupId and traits of a group call, of the type "group"
 *   item, value   wire/fields.h
 *   time      timestamp, corrected by the sender's clock (wire/clock.h)
 *   consent   context.consent.categoryPreferences: Analytics, Advertising (sharing), Functional and
 *             Personalization (personalisation). With Analytics false the event is not stored. Of
 * an identify, or a track of "Segment Consent Preference Updated", the person's words are
 */
#ifndef TDL_WIRE_SEGMENT_SEGMENT_H
#define TDL_WIRE_SEGMENT_SEGMENT_H

#include "wire/batch.h"

typedef enum tdl_segment_call {
    TDL_SEGMENT_BATCH, /* {"batch": [...]}, each with its own `type` */
    TDL_SEGMENT_TRACK,
    TDL_SEGMENT_IDENTIFY,
    TDL_SEGMENT_PAGE,
    TDL_SEGMENT_SCREEN,
    TDL_SEGMENT_GROUP,
    TDL_SEGMENT_ALIAS
} tdl_segment_call;

/* Decode one body.
 *   call      what the route says it is
 *   now_us    of receipt
 *   ret       to be released by the caller in any case; events_n <= received_n
 *   ret_key   writeKey of the body, of its first event in a batch without; empty when none
 *   returns   TDL_OK | TDL_E_INVALID (no batch at all) | TDL_E_TOO_LARGE | TDL_E_NO_MEMORY */
tdl_status tdl_segment_decode(tdl_str text, tdl_segment_call call, int64_t now_us, tdl_arena *arena,
                              tdl_batch *ret, tdl_str *ret_key, tdl_report *why);

/* ---- between the files of this folder ---- */

/* One call. `object` may gain members. */
tdl_status tdl_segment_event(json_t *object, tdl_segment_call call, int64_t sent_us,
                             int64_t received_us, tdl_arena *arena, tdl_event *ret,
                             tdl_report *why);

#endif
