/* What the behaviour model reads of a history: its newest events as tokens.
 *
 * A window is the whole of a short history. Of a longer one it begins at a tie group whose suffix
 * has between 3/4 of the window and all of it; of these groups at the one whose time has the
 * largest hash. So a window depends on the newest events only, and, although it moves on, mostly
 * begins where it began before the last event: what was computed of it can be gone on from.
 *
 * A group of more than TDL_BEHAVIOUR_GROUP_MAX members is represented by those with the smallest
 * hashes. Members stand by rising item: the order inside a group is nobody's.
 */
#ifndef TDL_APPS_RECOMMEND_BEHAVIOUR_WINDOW_H
#define TDL_APPS_RECOMMEND_BEHAVIOUR_WINDOW_H

#include "apps/recommend/behaviour.h"

/* Room for `cap` tokens, borrowed. */
typedef struct tdl_behaviour_tokens {
    int32_t *item, *gap, *position; /* [n] */
    size_t *at;                     /* [n] index into the history; NULL: not wanted */
    size_t n, cap;
    size_t last; /* first token of the last group; n when there is none */
} tdl_behaviour_tokens;

/* Bucket of a gap: min(31, floor(log2(1 + seconds))); of one below 0: 0. */
int32_t tdl_behaviour_gap(int64_t us);

/* Append the groups of events [begin, end) of a history, whose first has no gap before it; as many
 * whole groups as there is room for. `salt` chooses among the members of large groups. Items from
 * items_n on are left out. */
void tdl_behaviour_tokenise(const tdl_history *history, size_t begin, size_t end, size_t items_n,
                            uint64_t salt, tdl_behaviour_tokens *ret);

/* The window of a history, of at most ret->cap tokens. */
void tdl_behaviour_window_of(const tdl_history *history, size_t items_n, tdl_behaviour_tokens *ret);

#endif
