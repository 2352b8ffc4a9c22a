/* Erased persons and the serving state: whoever is erased is forgotten by every app, whichever
 * process erased him.
 *
 * Threads   every function from any thread
 */
#ifndef TDL_LOOP_ERASE_H
#define TDL_LOOP_ERASE_H

#include "loop/loop.h"
#include "store/erase.h"

/* tdl_store_erase; once it returned, no answer knows the person any more. */
tdl_status tdl_loop_erase(tdl_loop *loop, const tdl_erase_request *request, tdl_arena *arena,
                          tdl_erasure *ret, tdl_report *why);

/* ---- for loop.c ---- */

typedef struct tdl_loop_erased tdl_loop_erased;
/* What is in the store now was never served. */
tdl_status tdl_loop_erased_open(tdl_store *store, tdl_loop_erased **ret, tdl_report *why);
void tdl_loop_erased_close(tdl_loop_erased *erased); /* accepts NULL */
tdl_loop_erased *tdl_loop_erased_of(tdl_loop *loop);

/* Everybody who was erased since, wholly or in part. Of whom part is left, that is learnt anew. */
tdl_status tdl_loop_erased_refresh(tdl_loop *loop, tdl_report *why);

/* Of loop.c: tell every app. */
void tdl_loop_forget(tdl_loop *loop, tdl_is_gone *is_gone, void *context);
void tdl_loop_learn_again(tdl_loop *loop, const tdl_event *event);

#endif
