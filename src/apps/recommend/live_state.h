/* What learns with every event, as serving sees it: popularity of late (R0), what each person took
 * (R0p) and directed counts (R1). The next answer of anybody rests on the newest event of
 * everybody.
 *
 *     person = tdl_histories_person(histories, user)       -1: a stranger
 *     tdl_live_history(state, person, arena, &history)     groups with repeats: rung.h
 *     tdl_live_popular / _own / _directed / _newest        scores [items_n] in catalogue numbers
 *     tdl_live_explain_own / _explain_directed             the terms of those scores
 *
 * Of each person the newest TDL_RING_GROUPS tie groups are kept, with repeats: ring.h. All sums are
 * those of the groups, whatever the order of arrival: a late event is put in at its time, and what
 * its neighbours had told each other is taken back first. Counts of R1 are whole numbers of 2^-36,
 * so that what is taken back leaves nothing. Two things depend on the order: which entries a full
 * row of R1 lost, and events older than a full ring, which count in R0 alone.
 *
 * A person's contribution can be taken back at once, wholly (erased, a robot) or to be given to
 * another (joined).
 *
 * Units      scores: whole events (R0, R0p) or shares (R1); 0 = nothing to say
 * Memory     24 bytes for each (person, group, item) of the rings; 48 bytes an item for R0, and as
 *            much for each item of a segment; for R1 12 bytes a slot and at most 3.1 KiB an item
 * Threads    not its own: recommend.c holds one lock over catalogue, histories and this. What takes
 *            a const state wants the readers' lock, everything else the writers'
 */
#ifndef TDL_APPS_RECOMMEND_LIVE_STATE_H
#define TDL_APPS_RECOMMEND_LIVE_STATE_H

#include "apps/recommend/decayed.h"
#include "apps/recommend/directed.h"

/* Half-lives of R0. */
typedef enum tdl_half_life {
    TDL_HALF_LIFE_HOUR,
    TDL_HALF_LIFE_DAY,
    TDL_HALF_LIFE_FORTNIGHT, /* 14 days */
    TDL_HALF_LIFE_QUARTER,   /* 90 days */
    TDL_HALF_LIFE_NONE,      /* all time */
    TDL_HALF_LIVES_N
} tdl_half_life;

/* The nearest of them by ratio; days 0 = all time. */
tdl_half_life tdl_half_life_near(double days);

/* Two matrices of R1: one of what came after what, and one of orders, which is off until a model
 * asks for it. */
typedef enum tdl_live_matrix {
    TDL_LIVE_STREAM,
    TDL_LIVE_BASKET,
    TDL_LIVE_MATRICES_N
} tdl_live_matrix;

typedef struct tdl_live_state tdl_live_state;

/* ---- asking; under the readers' lock ---- */

/* Everything below: scores [items_n] of the catalogue's first items_n items, written whole. */

/* P_i(now). segment: of the person, tdl_live_segment; < 0, or with fewer than
 * TDL_SEGMENT_PERSONS_MIN persons: overall. */
enum { TDL_SEGMENT_PERSONS_MIN = 200 };
void tdl_live_popular(const tdl_live_state *state, tdl_half_life half_life, int32_t segment,
                      int64_t now_us, float *scores, size_t items_n);
/* The same of one item: what an explanation says. Exact. */
double tdl_live_popular_at(const tdl_live_state *state, tdl_half_life half_life, int32_t segment,
                           int64_t now_us, int32_t item);
/* The segment that a person belongs to; -1: none, or it is too small. */
int32_t tdl_live_segment(const tdl_live_state *state, int32_t person);

/* The later the catalogue came to know an item, the higher. */
void tdl_live_newest(float *scores, size_t items_n);

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
                             size_t items_n);
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
