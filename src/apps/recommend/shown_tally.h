/* What one surface showed, and what came of it, as numbers.
 *
 * A rate is of answers (with at least one event due to them) or of slots. Its interval is Wilson's
 * at 95 %, for as many independent answers as there were in effect: what one person is shown ten
 * times is not ten opinions. n in effect = n / max(1, sum_p (c_p - r a_p)^2 / (n r (1 - r))) over
 * persons p with a_p answers, of which c_p succeeded; r the rate, n all answers (Kish, 1965).
 */
#ifndef TDL_APPS_RECOMMEND_SHOWN_TALLY_H
#define TDL_APPS_RECOMMEND_SHOWN_TALLY_H

#include "apps/recommend/shown_answers.h"
#include "apps/recommend/what_if.h"

/* How much was known of the person when the answer was given: X(name, text) */
#define TDL_SHOWN_SEGMENT_MAP(X)                                                                   \
    X(NOBODY, "no_person")                                                                         \
    X(STRANGER, "0")                                                                               \
    X(FEW, "1-4")                                                                                  \
    X(SOME, "5-19")                                                                                \
    X(MANY, "20+")

typedef enum tdl_shown_segment {
#define TDL_SHOWN_SEGMENT_ENUM(name, text) TDL_SHOWN_##name,
    TDL_SHOWN_SEGMENT_MAP(TDL_SHOWN_SEGMENT_ENUM)
#undef TDL_SHOWN_SEGMENT_ENUM
        TDL_SHOWN_SEGMENTS
} tdl_shown_segment;
const char *tdl_shown_segment_text(tdl_shown_segment segment);
/* Of so many; never NOBODY. Items are classed by how many have them, in the same way. */
tdl_shown_segment tdl_shown_segment_of(size_t n);

typedef struct tdl_shown_count {
    int64_t n, taken;
} tdl_shown_count;

typedef struct tdl_shown_position {
    tdl_shown_count all, explored; /* slots */
} tdl_shown_position;

typedef struct tdl_shown_part {
    tdl_shown_count answers;
    int64_t slots;
    uint64_t *items; /* bits of the items shown; NULL: none yet */
} tdl_shown_part;

typedef struct tdl_shown_people tdl_shown_people;

typedef struct tdl_shown_tally {
    char surface[256]; /* empty: answers to plain questions, which name none */
    int64_t window_us;
    size_t catalogue_n, days_n;
    int64_t first_day; /* days since 1970 */
    tdl_shown_count answers;
    int64_t empty_n, slots_n, with_views_n; /* with_views: it was said what came into view */
    int64_t source[TDL_SOURCES_N];
    tdl_shown_count forced, explored;
    int64_t kind_answers[TDL_SHOWN_KINDS], kind_slots[TDL_SHOWN_KINDS];
    int64_t kind_events[TDL_SHOWN_KINDS];
    double kind_value[TDL_SHOWN_KINDS];
    tdl_shown_position position[TDL_EFFECTS_SLOTS];
    tdl_shown_part part[TDL_SHOWN_SEGMENTS];
    tdl_shown_part
        group[TDL_SHOWN_GROUPS + 1]; /* by a trait; the last: not said, and all further */
    tdl_what_if *what_if;            /* of the parts that answered */
    uint32_t *shown, *taken;         /* [catalogue_n] slots */
    tdl_shown_count *day;            /* [days_n] answers */
    tdl_shown_people *people;
} tdl_shown_tally;

/* Items that came after the catalogue was counted are left out of what is told of items. */
tdl_shown_tally *tdl_shown_tally_new(tdl_str surface, int64_t window_us, size_t catalogue_n,
                                     int64_t first_day, size_t days_n); /* NULL: no memory */
void tdl_shown_tally_free(tdl_shown_tally *tally);                      /* accepts NULL */

/* An answer of which nothing more is to come. False: no memory. */
bool tdl_shown_tally_add(tdl_shown_tally *tally, const tdl_shown_answer *answer);

/* By how much answers to the same persons are alike: n over n in effect, at least 1. kind < 0: of
 * success by any kind. */
double tdl_shown_design_effect(const tdl_shown_tally *tally, int kind);
size_t tdl_shown_people_count(const tdl_shown_tally *tally);

#endif
