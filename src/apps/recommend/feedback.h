/* Feedback: who took what, and when, laid out for offline evaluation.
 *
 *     tdl_feedback *f = tdl_feedback_new();
 *     tdl_feedback_add(f, &row, &why) ...
 *     tdl_feedback_finish(f, &why)      -> tdl_feedback_all and the rest
 *     tdl_feedback_free(f)
 *
 * A person's events of one time are one tie group, and so are all rows of one order, which happened
 * when its first row did. An item counts once a group, and again in each later group that has it.
 * Groups that came at the same time (two orders) get times a microsecond apart, by first mention:
 * in what comes out, one time is one group.
 *
 * People and items are numbered by the time of their first event. So what was known at any moment
 * is 0 .. n - 1: people and items of later never need to be taken out.
 *
 * An order without a person (a guest's basket) is a person of its own.
 */
#ifndef TDL_APPS_RECOMMEND_FEEDBACK_H
#define TDL_APPS_RECOMMEND_FEEDBACK_H

#include "apps/recommend/rung.h"

typedef struct tdl_feedback tdl_feedback;

typedef struct tdl_feedback_row {
    tdl_str user, item; /* item is not empty; user may be, when there is an order */
    tdl_str order;      /* empty: none */
    int64_t time_us;    /* of any beginning; any number that rises when there are no times */
} tdl_feedback_row;

tdl_feedback *tdl_feedback_new(void); /* NULL: no memory */
void tdl_feedback_free(tdl_feedback *feedback);

/* The texts are copied. TDL_E_INVALID (neither user nor order; no item) | TDL_E_NO_MEMORY. */
tdl_status tdl_feedback_add(tdl_feedback *feedback, const tdl_feedback_row *row, tdl_report *why);

/* The same, of a person who belongs to a segment (a country): that of the earliest row counts, of
 * several at once the first by name. Empty: nothing is said. */
tdl_status tdl_feedback_add_segment(tdl_feedback *feedback, const tdl_feedback_row *row,
                                    tdl_str segment, tdl_report *why);

/* The row that was added last is of this kind; without it, of none. TDL_E_NO_MEMORY. */
tdl_status tdl_feedback_kind_of_last(tdl_feedback *feedback, tdl_str kind, tdl_report *why);

/* After the last row, once. TDL_E_INVALID: no rows. TDL_E_NO_MEMORY. */
tdl_status tdl_feedback_finish(tdl_feedback *feedback, tdl_report *why);

/* ---- after finish; everything lives as long as the feedback ---- */

const tdl_interactions *tdl_feedback_all(const tdl_feedback *feedback); /* with repeats */
size_t tdl_feedback_rows(const tdl_feedback *feedback);                 /* as they were added */
tdl_str tdl_feedback_user(const tdl_feedback *feedback, int32_t user);  /* a guest: its order */
tdl_str tdl_feedback_item(const tdl_feedback *feedback, int32_t item);
bool tdl_feedback_is_guest(const tdl_feedback *feedback, int32_t user);
tdl_str tdl_feedback_order(const tdl_feedback *feedback, size_t event); /* empty: none */

/* Segments are numbered by first mention; -1: nothing was said of this person. */
size_t tdl_feedback_segments(const tdl_feedback *feedback);
int32_t tdl_feedback_segment_of(const tdl_feedback *feedback, int32_t user);
tdl_str tdl_feedback_segment(const tdl_feedback *feedback, int32_t segment);

/* Kinds of events are numbered by first mention; from TDL_FEEDBACK_KINDS - 1 on all are one. An
 * event is of several where a group has its item by several. */
enum { TDL_FEEDBACK_KINDS = 32 };
size_t tdl_feedback_kinds(const tdl_feedback *feedback);
tdl_str tdl_feedback_kind(const tdl_feedback *feedback, size_t kind);
uint32_t tdl_feedback_kinds_of(const tdl_feedback *feedback, size_t event); /* bits 1 << kind */
uint32_t tdl_feedback_kind_bit(const tdl_feedback *feedback, tdl_str kind); /* 0: there is none */
/* From now on events of these kinds (bits) count `weight` times, the
 * others `other` times; kinds 0, or 1 and 1: each counts once. TDL_E_NO_MEMORY. */
tdl_status tdl_feedback_weigh(tdl_feedback *feedback, uint32_t kinds, uint8_t weight, uint8_t other,
                              tdl_report *why);

const uint8_t *tdl_feedback_weights(const tdl_feedback *feedback); /* [events]; NULL: all once */

/* How many people and items were known before `time_us`. */
size_t tdl_feedback_users_before(const tdl_feedback *feedback, int64_t time_us);
size_t tdl_feedback_items_before(const tdl_feedback *feedback, int64_t time_us);

/* Times of the first and the last event. */
void tdl_feedback_span(const tdl_feedback *feedback, int64_t *ret_first_us, int64_t *ret_last_us);

#endif
