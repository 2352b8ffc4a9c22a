/* GrowthBook: what its SDKs ask and send. Pure functions over text.
 *
 *   features  every definition of this family, for SDKs that evaluate themselves
 *   eval      one person's answers, each as a rule that forces its value
 *   track     what the SDKs' own tracking plugin reports, as events
 *
 * A person is user_id, else device_id, anonymous_id, id: as the plugin picks it out of the
 * attributes, so that answers and events meet.
 */
#ifndef TDL_WIRE_GROWTHBOOK_GROWTHBOOK_H
#define TDL_WIRE_GROWTHBOOK_GROWTHBOOK_H

#include "flags/flags.h"
#include "wire/batch.h"

/* ---- features ---- */

/* {"status":200,"features":{...},"experiments":[],"dateUpdated":...,"savedGroups":{...},
 * "contextualBandits":{...}}. Flags of other families are left out: these SDKs hash otherwise. */
void tdl_growthbook_write_features(tdl_jw *w, const tdl_flag_set *set);

/* ---- eval ---- */

/* {"attributes": {}, "forcedVariations": {}, "forcedFeatures": [[key, value]], "url": ""}, each of
 * them optional. */
typedef struct tdl_growthbook_question {
    tdl_flag_context context; /* borrows from the two below, and from the arena */
    json_t *body, *forced_values;
} tdl_growthbook_question;

/* ret: to be released in any case. TDL_E_INVALID names the member. */
tdl_status tdl_growthbook_read_question(tdl_str text, int64_t now_us, tdl_arena *arena,
                                        tdl_growthbook_question *ret, tdl_report *why);
void tdl_growthbook_question_release(tdl_growthbook_question *question); /* accepts a zeroed one */

/* The same payload with each flag reduced to its answer: begin, one call for each flag, end. */
void tdl_growthbook_begin_answers(tdl_jw *w);
void tdl_growthbook_write_answer(tdl_jw *w, const tdl_flag *flag, const tdl_flag_answer *answer);
void tdl_growthbook_end_answers(tdl_jw *w, const tdl_flag_set *set);

/* ---- track ---- */

/* A JSON array of events. They carry neither an id nor a time: each gets a new id and `now_us`.
 *
 *   kind        event_name
 *   properties  properties_json; beside them, unless they are named there already, the page
 *               (url, page_title, page_id, session_id, utm_*), sdk_language, sdk_version, and the
 *               person's other attributes as "context"
 *
 *   ret      to be released by the caller in any case; events_n <= received_n
 *   returns  TDL_OK | TDL_E_INVALID (no batch at all) | TDL_E_TOO_LARGE | TDL_E_NO_MEMORY */
tdl_status tdl_growthbook_decode(tdl_str text, int64_t now_us, tdl_arena *arena, tdl_batch *ret,
                                 tdl_report *why);

#endif
