/* Global time cut: everything before a moment is known, and people are asked about after it.
 *
 * Targets are the first group of each person after the cut, if it comes before `end`; of the first
 * that has the kind that is asked about, its items of that kind. The catalogue
 * is what was known at the cut; items of later stay in the targets as misses. People nobody knew
 * are asked about in a task of their own. Guests' baskets are learnt from, and for carts each group
 * is a row of its own.
 */
#ifndef TDL_APPS_RECOMMEND_CUT_H
#define TDL_APPS_RECOMMEND_CUT_H

#include "apps/recommend/contenders.h"
#include "apps/recommend/feedback.h"
#include "apps/recommend/holdout.h"

typedef struct tdl_cut {
    int64_t cut_us, end_us; /* asked about: [cut, end) */
    uint32_t kinds;         /* that targets are of, bits (feedback.h); 0 = any */
} tdl_cut;

typedef struct tdl_cut_facts {
    size_t known_people; /* before the cut, guests not counted */
    size_t train_events, window_events, window_groups;
    size_t new_events;      /* of the window: from people nobody knew, guests too */
    size_t targets, missed; /* all targets, and those first seen after the cut */
    char crc[9];            /* crc32 of the target set, hexadecimal */
} tdl_cut_facts;

/* The split of one task. ret: the caller's to release. TDL_E_NO_MEMORY | TDL_E_INTERNAL.
 *
 * The crc is of one line a question, sorted, joined by line ends: "PERSON:ITEM,ITEM" with its items
 * sorted, for a cart "ORDER:ITEM". The hidden item of a cart is the one with the smallest crc32 of
 * "ORDER:ITEM", of equal ones the first by name; an order without a name is "PERSON@MICROSECONDS".
 */
tdl_status tdl_cut_split(const tdl_feedback *feedback, tdl_recommend_task task, tdl_cut cut,
                         tdl_holdout *ret, tdl_cut_facts *ret_facts, tdl_report *why);

#endif
