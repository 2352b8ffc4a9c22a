/* What was shown, and what came of it: a stretch of the decision log joined with the events that
 * followed, per surface. Two streams in order of time, read once; memory is bounded by the limits
 * below, the size of the catalogue, and 2^18 persons a surface.
 *
 * An event of kind "impression" that names a decision says which of its items came into view.
 * Without one, all of an answer is taken to have been seen.
 */
#ifndef TDL_APPS_RECOMMEND_SHOWN_H
#define TDL_APPS_RECOMMEND_SHOWN_H

#include "apps/recommend/names.h"
#include "apps/recommend/serving.h"
#include "apps/recommend/shown_tally.h"

enum {
    TDL_SHOWN_DECISIONS_MAX = 1000000, /* read; the stretch ends there */
    TDL_SHOWN_SLOTS_MAX = 1000000,     /* open at once */
    TDL_SHOWN_DAYS_MAX = 366,
    TDL_SHOWN_TALLIES_MAX = 101 /* every surface there may be, and plain questions */
};
#define TDL_SHOWN_VIEW TDL_STR("impression")

typedef struct tdl_shown {
    tdl_app *app;
    const tdl_shown_ask *ask;
    tdl_shown_tally *tally[TDL_SHOWN_TALLIES_MAX];
    size_t tallies_n;
    tdl_names *kinds;  /* of events that were due to something; see tdl_shown_kind */
    tdl_names *groups; /* [<= TDL_SHOWN_GROUPS] values of the trait that surfaces name */
    size_t catalogue_n;
    int32_t item; /* asked about; -1 = none */
    tdl_names *item_kinds;
    int64_t item_events[TDL_SHOWN_KINDS]; /* of that item in the stretch */
    tdl_shown_answers *answers;
    /* the log */
    tdl_arena *arena; /* of what was read last */
    int64_t position, read_us, until_us, decisions_n;
    int64_t window_max_us;
    int64_t early_n; /* answers that were closed for want of room */
    bool ended, complete;
    tdl_report failed; /* of what is called back */
} tdl_shown;

/* Number of a kind; the last one for all that came later. -1: no memory. */
int tdl_shown_kind(tdl_names *kinds, tdl_str kind);

/* tdl_app_ops.shown, in shown.c */
tdl_status tdl_recommend_shown(tdl_app *app, const tdl_shown_ask *ask, tdl_jw *out,
                               tdl_report *why);
/* shown_write.c */
tdl_status tdl_shown_write(const tdl_shown *shown, tdl_jw *out, tdl_report *why);

#endif
