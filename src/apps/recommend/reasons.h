/* The reasons of a decision: packed as they are stored, and in full as people and the API see them.
 *
 * A decision names some thirty reasons, most of them a few events of the history over and over. The
 * row keeps each of these events once, by item and time, and three bytes a reason. Titles are not
 * stored: they are looked up when the row is read.
 *
 *     u8  1                       the form
 *     u8  n, then n events        i64 time_us, u16 length of the item's id, the id
 *     u8  m, then m chosen items  u8 k, then k reasons of
 *         u8  cause               0 = popularity, else the event, counted from 1
 *         u16 share               ten-thousandths; the highest bit says that shares are exact, the
 *                                 next that popularity answers for want of consent
 *
 * All numbers are little-endian. Rows of older versions hold the full JSON, which begins with '['.
 */
#ifndef TDL_APPS_RECOMMEND_REASONS_H
#define TDL_APPS_RECOMMEND_REASONS_H

#include "apps/recommend/catalogue.h"
#include "base/json.h"
#include "treadle/event.h"

enum { TDL_SHARE_ONE = 10000 };

/* One event of the history that is a reason. */
typedef struct tdl_cause {
    tdl_str item;
    int64_t time_us;
} tdl_cause;

/* One reason: a cause and how much it counted. */
typedef struct tdl_packed_reason {
    uint8_t cause;   /* 0 = popularity, else causes[cause - 1] */
    bool exact;      /* shares of all reasons sum to one */
    bool no_consent; /* of popularity: no personal answer was allowed */
    uint16_t share;  /* of the item's score, in 1 / TDL_SHARE_ONE */
} tdl_packed_reason;

/* [0, 1] to ten-thousandths. */
uint16_t tdl_share_pack(double share);

/* Bytes that the packed form takes. */
size_t tdl_reasons_room(const tdl_cause *causes, size_t causes_n, size_t chosen_n,
                        size_t reasons_n);

/* Writing the packed form piece by piece: causes, then for each chosen item its reasons. Each gives
 * where the next piece goes.
 *   causes    [causes_n <= 255]
 *   chosen_n  <= 255 */
char *tdl_causes_pack(char *at, const tdl_cause *causes, size_t causes_n, size_t chosen_n);
char *tdl_reasons_pack(char *at, const tdl_packed_reason *reasons, size_t reasons_n);

/* A reason as JSON is its head and its share. The head of one cause is the same wherever it stands.
 * item_json: as tdl_catalogue_json gives it. */
void tdl_reason_write_event(tdl_buf *out, tdl_str item_json, int64_t time_us);
void tdl_reason_write_popular(tdl_buf *out, bool no_consent);
void tdl_reason_write_share(tdl_buf *out, uint16_t share, bool exact);

/* The array [{"item": id, "reasons": [...]}, ...] of a stored decision; titles are those of
 * `catalogue` now. The row is checked: TDL_E_CORRUPT, and `out` then holds half an array. */
tdl_status tdl_reasons_write(const tdl_decision *decision, const tdl_catalogue *catalogue,
                             tdl_jw *out, tdl_report *why);

#endif
