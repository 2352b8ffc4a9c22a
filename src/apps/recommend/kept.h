/* What was worked out lately of those who asked, so that who asks again before anything happened is
 * not worked out anew: a taste, a vector among a model's items.
 *
 * An answer is found by all that it depends on, as a digest; so nothing needs to be told when a
 * history grows, and no name of a person is kept. It belongs to one model and dies with it.
 *
 * Memory    places times bytes_max at most; a place holds the newest answer
 * Threads   any
 * Failure   without memory nothing is kept
 */
#ifndef TDL_APPS_RECOMMEND_KEPT_H
#define TDL_APPS_RECOMMEND_KEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "apps/recommend/history.h"
#include "base/arena.h"

typedef struct tdl_kept tdl_kept;

/* Of so many places, and of answers of at most `bytes_max`. NULL: no memory. */
tdl_kept *tdl_kept_new(size_t places, size_t bytes_max);
void tdl_kept_free(tdl_kept *k); /* accepts NULL */
void tdl_kept_forget(tdl_kept *k);

/* Of what is asked (what[what_n]) and the items and times of two histories, which may be empty.
 * False: no memory. */
bool tdl_kept_key(const uint64_t *what, size_t what_n, const tdl_history *one,
                  const tdl_history *other, tdl_arena *scratch, tdl_digest *ret);

/* ret[bytes], if an answer of so many bytes is kept. */
bool tdl_kept_find(tdl_kept *k, const tdl_digest *key, void *ret, size_t bytes);
/* bytes: no pointers in them. Of too many nothing is kept. */
void tdl_kept_put(tdl_kept *k, const tdl_digest *key, const void *answer, size_t bytes);

#endif
