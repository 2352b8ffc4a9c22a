/* What the behaviour model has read of each person, so that one more event costs one token.
 *
 *     states = tdl_behaviour_states_new(bytes)
 *     tdl_behaviour_state_vector(states, model, &history, vector) ... any number of threads
 *     tdl_behaviour_states_forget(states)        a person was erased
 *     tdl_behaviour_states_free(states)
 *
 * A state holds the keys and values of a window's tokens (nn/kv_cache.h) and the tokens themselves.
 * It is found by where the window begins, and used as far as its tokens are those of the history: a
 * history that goes on costs its new tokens and those of a group that has grown. One that differs
 * earlier (a late event) costs what follows the difference. So no answer depends on what is kept:
 * it has the bits of a pass over the whole window, and nobody has to tell of late events.
 *
 * Past the budget the person who asked longest ago is left out. States name nobody; still, erasure
 * calls for tdl_behaviour_states_forget.
 */
#ifndef TDL_APPS_RECOMMEND_BEHAVIOUR_STATE_H
#define TDL_APPS_RECOMMEND_BEHAVIOUR_STATE_H

#include "apps/recommend/behaviour.h"

typedef struct tdl_behaviour_states tdl_behaviour_states;

/* For one model at a time. NULL: no memory. */
tdl_behaviour_states *tdl_behaviour_states_new(size_t bytes_max);
void tdl_behaviour_states_free(tdl_behaviour_states *states);          /* accepts NULL */
void tdl_behaviour_states_forget(tdl_behaviour_states *states);        /* accepts NULL */
size_t tdl_behaviour_states_bytes(const tdl_behaviour_states *states); /* held now */
size_t tdl_behaviour_states_n(const tdl_behaviour_states *states);     /* windows held now */
/* Tokens that were passed through the net since the start, for measuring. */
size_t tdl_behaviour_states_passed(const tdl_behaviour_states *states);

/* The vector of a person, as tdl_behaviour_vector; states NULL: by a pass over the whole window.
 *   ret  [d]; zeros for an empty history. TDL_E_NO_MEMORY */
tdl_status tdl_behaviour_state_vector(tdl_behaviour_states *states, const tdl_behaviour *model,
                                      const tdl_history *history, float *ret);

#endif
