/* Answers whose window is open: what happens now may be due to them.
 *
 * An event is due to the answer whose decision it names, else to the last one that showed its item
 * to its person, no longer ago than the surface's window. Both are told of the slot.
 *
 * Life cycle   tdl_shown_answers_new -> add / find / close ... -> tdl_shown_answers_free
 * Memory       some 50 bytes a slot; past the limit the oldest answers are closed before their time
 * Threads      none of its own
 */
#ifndef TDL_APPS_RECOMMEND_SHOWN_ANSWERS_H
#define TDL_APPS_RECOMMEND_SHOWN_ANSWERS_H

#include "apps/recommend/effects.h"

enum {
    TDL_SHOWN_KINDS = 16, /* kinds of events told apart; the last stands for all others */
    TDL_SHOWN_GROUPS = 32 /* values of a trait told apart */
};

typedef struct tdl_shown_answer tdl_shown_answer;

typedef struct tdl_shown_slot {
    tdl_shown_answer *answer;
    struct tdl_shown_slot *older; /* of the same bucket */
    int32_t item;                 /* catalogue number; -1: the catalogue does not know it */
    uint16_t kinds;               /* bits of kinds of events that were due to it */
    bool seen;                    /* an event said that it came into view */
    bool explored, forced;
    tdl_source source;
} tdl_shown_slot;

struct tdl_shown_answer {
    tdl_shown_answer *next;    /* by the order in which they were added */
    int64_t time_us, until_us; /* what happens in [time, until) may be due to it */
    int32_t person;            /* number of a history; -1: nobody who did anything */
    uint64_t cluster;          /* answers to one person have the same */
    size_t surface;            /* number of its tally */
    uint8_t segment, group;    /* group: of a trait, TDL_SHOWN_GROUPS = none */
    uint16_t kinds;            /* as of slots, those that named no item included */
    bool any_seen;             /* it was said what came into view */
    size_t slots_n;
    tdl_shown_slot slot[]; /* [slots_n] */
};

/* Zeroed but for slots_n and the slots' answer. NULL: no memory. Freed by the table it is added to,
 * or with free. */
tdl_shown_answer *tdl_shown_answer_new(size_t slots_n);

typedef struct tdl_shown_answers tdl_shown_answers;

typedef void tdl_shown_close(void *context, const tdl_shown_answer *answer);
/* slots_max: kept open at most. closed: told of each answer when its window has passed; it is freed
 * then. NULL: no memory. */
tdl_shown_answers *tdl_shown_answers_new(size_t slots_max, tdl_shown_close *closed, void *context);
void tdl_shown_answers_free(tdl_shown_answers *answers); /* closes nothing; accepts NULL */

/* Takes the answer. False: no memory; the answer is still the caller's. */
bool tdl_shown_answers_add(tdl_shown_answers *answers, tdl_shown_answer *take_answer);
/* The slot to which an event is due that named no decision; NULL: none. */
tdl_shown_slot *tdl_shown_answers_find(const tdl_shown_answers *answers, int32_t person,
                                       int32_t item, int64_t time_us);
/* Close those whose window has passed at a time; INT64_MAX: all. */
void tdl_shown_answers_close(tdl_shown_answers *answers, int64_t time_us);
/* How many were closed for want of room. */
int64_t tdl_shown_answers_early(const tdl_shown_answers *answers);

#endif
