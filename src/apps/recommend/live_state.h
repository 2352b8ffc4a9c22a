/* What learns with every event, as serving sees it: popularity of late (R0), what each person took
 * (R0p) and directed counts (R1). The next answer of anybody rests on the newest event of
 * everybody.
 *
 *     person = tdl_histories_person(histories, user)       -1: a stranger
 *     tdl_live_history(state, person, arena, &history)     groups with repeats: rung.h
 *     tdl_live_popular / _own / _directed / _newest        scores [items_n] in catalogue numbers;
 *                                                          `spoken`: live.h
 *     tdl_live_explain_own / _explain_directed             the terms of those scores
 *
 * Of each person the newest tie groups are kept, with repeats: ring.h. R1 is what those groups say,
 * R0 what all did, each as its kind counts, whatever the order of arrival: a late event is put in
 * at its time, and what its neighbours had told each other is taken back first. A group that leaves
 * a full ring takes its counts in R1 with it. Only which entries a full row of R1 has lost depends
 * on the order.
 *
 * A person's contribution can be taken back at once, wholly (erased, a robot) or to be given to
 * another (joined).
 *
 * Units      scores: whole events (R0, R0p) or shares (R1); 0 = nothing to say
 * Memory     20 bytes for each (person, group, item) and 72 a person; 64 bytes an item for R0, and
 *            as much for each item of a segment; for R1 12 bytes a slot, at most 3.1 KiB an item
 * Threads    not its own: recommend.c holds one lock over catalogue, histories and this. What takes
 *            a const state wants the readers' lock, everything else the writers'
 */
#ifndef TDL_APPS_RECOMMEND_LIVE_STATE_H
#define TDL_APPS_RECOMMEND_LIVE_STATE_H

#include "apps/recommend/crowd.h"
#include "apps/recommend/decayed.h"
#include "apps/recommend/live.h"
#include "apps/recommend/robots.h"

/* The nearest half-life of R0 (ring.h) by ratio; days 0 = all time. */
tdl_half_life tdl_half_life_near(double days);

/* Two matrices of R1: one of what came after what, and one of orders, which is off until a model
 * asks for it. */
typedef enum tdl_live_matrix {
    TDL_LIVE_STREAM,
    TDL_LIVE_BASKET,
    TDL_LIVE_MATRICES_N
} tdl_live_matrix;

typedef struct tdl_live_state tdl_live_state;

/* ---- life, and events; under the writers' lock ---- */

tdl_live_state *tdl_live_state_new(void);        /* NULL: no memory */
void tdl_live_state_free(tdl_live_state *state); /* accepts NULL */

typedef struct tdl_taking {
    int32_t person, item; /* numbers of histories and catalogue, >= 0 */
    int64_t time_us;
    uint32_t order; /* tdl_order_digest; 0 = none: the event's time is its group */
    tdl_str kind;   /* of the event; may be empty */
    int64_t now_us; /* an event of more than 5 minutes later decays from then on */
} tdl_taking;

/* Of an order's name; 0 when it is empty, else not. */
uint32_t tdl_order_digest(tdl_str name);

/* From now on events of this kind count `weight` times, others `other` times, in R0 and as what
 * follows in R1, and so does what is in rings; what left a full one counts as it did. Matrices are
 * let go of: want them anew. False: they count so already. */
bool tdl_live_state_weigh(tdl_live_state *state, tdl_str kind, uint8_t weight, uint8_t other);

/* A person took an item. False: the group has the item already, or no memory (counted). */
bool tdl_live_state_take(tdl_live_state *state, const tdl_taking *taking);

/* What `from` took, `to` took. */
void tdl_live_state_join(tdl_live_state *state, int32_t to, int32_t from);
/* Take back all that a person told, and know nothing of him. */
void tdl_live_state_forget(tdl_live_state *state, int32_t person);
/* A robot: what it tells counts for nobody but itself. So does one that takes part in more than
 * TDL_ROBOT_GROUPS groups in an hour of the clock (robots.h). */
void tdl_live_state_leave_out(tdl_live_state *state, int32_t person);

/* A person belongs to a segment from now on, with all that it took; empty = to none. No more than
 * TDL_SEGMENTS_MAX are kept: whoever is of another is of none. */
enum { TDL_SEGMENTS_MAX = 256 };
void tdl_live_state_place(tdl_live_state *state, int32_t person, tdl_str segment);
bool tdl_live_state_is_placed(const tdl_live_state *state, int32_t person);

/* Count a matrix anew with other settings (row_max is not looked at), or let go of it (NULL). It
 * then is counted in stretches, while the former one answers:
 *     if (tdl_live_state_want(...))  while (lock, more = tdl_live_state_build(state), unlock,
 * more); False: nothing to do. Settings with a half-life or too wide a window cannot be kept live:
 * then there is no matrix. */
bool tdl_live_state_want(tdl_live_state *state, tdl_live_matrix matrix,
                         const tdl_directed_params *params);
bool tdl_live_state_build(tdl_live_state *state); /* true: there is more to do */

/* For reports. */
typedef struct tdl_live_figures {
    size_t persons_n, robots_n;
    size_t entries_n; /* (person, group, item) in rings */
    size_t early_n;   /* events of a time to come, as they came */
    size_t crowded_n; /* items past the most that a group keeps */
    size_t lost_n;    /* events there was no memory for */
    size_t ring_bytes, popular_bytes, directed_bytes;
} tdl_live_figures;
tdl_live_figures tdl_live_state_figures(const tdl_live_state *state);

/* ---- asking; under the readers' lock ---- */

/* Everything below: scores [items_n] of the catalogue's first items_n items, written whole. */

/* P_i(now). segment: of the person, tdl_live_segment; < 0, or with fewer than
 * TDL_SEGMENT_PERSONS_MIN persons: overall. */
enum { TDL_SEGMENT_PERSONS_MIN = 200 };
void tdl_live_popular(const tdl_live_state *state, tdl_half_life half_life, int32_t segment,
                      int64_t now_us, float *scores, size_t items_n, uint64_t *spoken);
/* The same of one item: what an explanation says. Exact. */
double tdl_live_popular_at(const tdl_live_state *state, tdl_half_life half_life, int32_t segment,
                           int64_t now_us, int32_t item);
/* The segment that a person belongs to; -1: none, or it is too small. */
int32_t tdl_live_segment(const tdl_live_state *state, int32_t person);
/* The name of the segment that a person was placed in, however small; empty: none. */
tdl_str tdl_live_segment_of(const tdl_live_state *state, int32_t person);
/* The segment of a name; -1: there is none, or it is too small. */
int32_t tdl_live_segment_named(const tdl_live_state *state, tdl_str name);

/* How often and how lately this person took each item, as rung own-history scores it (own.c), the
 * crowd by the nearest half-life of R0. Only popularity for a stranger. */
void tdl_live_own(const tdl_live_state *state, int32_t person, const tdl_own_params *params,
                  int64_t now_us, float *scores, size_t items_n);

/* What the person took, oldest first, in `arena`: one time is one group, an item once a group.
 * n = 0 for a stranger. TDL_E_NO_MEMORY. */
tdl_status tdl_live_history(const tdl_live_state *state, int32_t person, tdl_arena *arena,
                            tdl_history *ret);

/* A matrix is there and was counted with these settings: then it answers for a rung that was
 * fitted with them. Settings with a half-life are not kept live. */
bool tdl_live_serves(const tdl_live_state *state, tdl_live_matrix matrix,
                     const tdl_directed_params *params);
/* Score of directed.h over counts as they are now. TDL_E_NO_MEMORY: scratch is full. The matrix is
 * there. */
tdl_status tdl_live_directed(const tdl_live_state *state, tdl_live_matrix matrix,
                             const tdl_history *history, tdl_arena *scratch, float *scores,
                             size_t items_n, uint64_t *spoken);
/* Items that follow `item`. */
void tdl_live_similar(const tdl_live_state *state, tdl_live_matrix matrix, int32_t item,
                      float *scores, size_t items_n);

/* ---- explaining; exact: the terms are those of the score. As tdl_rung_ops.explain. ---- */

void tdl_live_explain_directed(const tdl_live_state *state, tdl_live_matrix matrix,
                               const tdl_history *history, const int32_t *items, size_t items_n,
                               tdl_arena *scratch, tdl_reason *ret, size_t max, size_t *ret_n);
/* Of the person's own groups; the crowd's part of the score is not told. */
void tdl_live_explain_own(const tdl_own_params *params, int64_t now_us, const tdl_history *history,
                          const int32_t *items, size_t items_n, tdl_arena *scratch, tdl_reason *ret,
                          size_t max, size_t *ret_n);

#endif
