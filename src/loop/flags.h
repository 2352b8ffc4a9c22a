/* Flags as they are served: the definitions of the store, compiled, and swapped when one changes.
 *
 * Every answer in which chance had a part is a decision of the app "flag", with the probability of
 * each variant. Answers that are the same for all who match are none.
 *
 * Threads   every function from any thread; a set that was taken stays as it is until dropped
 */
#ifndef TDL_LOOP_FLAGS_H
#define TDL_LOOP_FLAGS_H

#include "base/slot.h"
#include "flags/flags.h"
#include "loop/loop.h"

/* A set while it is served. */
typedef struct tdl_flags_served {
    tdl_held held;
    tdl_flag_set *set;
} tdl_flags_served;

/* What is served now; never NULL. Drop it after use. */
tdl_flags_served *tdl_loop_flags_take(tdl_loop *loop);
void tdl_loop_flags_drop(tdl_flags_served *served);

/* Check, store and serve. Once it returned, every answer is by the new definition. */
tdl_status tdl_loop_put_flag(tdl_loop *loop, const tdl_flag_row *flag, tdl_report *why);
tdl_status tdl_loop_drop_flag(tdl_loop *loop, tdl_str key, tdl_report *why); /* TDL_E_NOT_FOUND */

/* Answer one flag and log it if chance had a part: then ret_decision_id is the row's id, else "".
 * When the log is full the answer is the flag's default, and undecided.
 *   group  id that answers of one request share, kept in the row; NULL = none */
tdl_status tdl_loop_flag_answer(tdl_loop *loop, const tdl_flag_set *set, const tdl_flag *flag,
                                const tdl_flag_context *context, const char *group,
                                tdl_arena *arena, tdl_flag_answer *ret, char ret_decision_id[37],
                                tdl_report *why);

/* `fn` is called after each change, on the thread that made it, or on that of tdl_loop_tick. One
 * watcher; NULL takes it off. */
void tdl_loop_flags_watch(tdl_loop *loop, void (*fn)(void *context), void *context);

/* ---- for loop.c ---- */

typedef struct tdl_loop_flags tdl_loop_flags;
tdl_status tdl_loop_flags_open(tdl_store *store, tdl_loop_flags **ret, tdl_report *ret_warning,
                               tdl_report *why);
void tdl_loop_flags_close(tdl_loop_flags *flags); /* accepts NULL */
/* Load the store's definitions if they are others now. */
tdl_status tdl_loop_flags_refresh(tdl_loop_flags *flags, tdl_report *ret_warning, tdl_report *why);
tdl_loop_flags *tdl_loop_flags_of(tdl_loop *loop);

#endif
