/* The writer: one thread that commits everything in groups.
 *
 * It takes all that is queued, up to a limit, into one transaction with one fsync. The next group
 * starts when the last commit has returned, so groups grow by themselves under load, and what
 * somebody waits for never waits for a timer. Decisions, for which nobody waits, are let gather for
 * up to 20 ms. Answers are given in the order of the queue.
 *
 * A refused request (a key that does not exist) is undone alone. A failing disk fails the whole
 * group: each request in it is told, nothing of it is stored, and the next group tries again.
 * Nobody waits for a decision, so nobody can be told: it is kept and tried again.
 */
#ifndef TDL_STORE_WRITER_H
#define TDL_STORE_WRITER_H

#include "store/backend.h"

typedef struct tdl_writer tdl_writer;

/* counts: the rows the store holds now; the writer keeps them up to date from here on. */
tdl_status tdl_writer_start(const tdl_store_ops *ops, tdl_backend *backend,
                            const tdl_store_options *options, const tdl_store_counts *counts,
                            tdl_writer **ret, tdl_report *why);
void tdl_writer_stop(tdl_writer *writer); /* commits what is queued first; accepts NULL */

void tdl_writer_observe(tdl_writer *writer, tdl_store_observer *observer, void *context);

/* Events, borrowed until `done`. */
tdl_status tdl_writer_append(tdl_writer *writer, const tdl_event *events, size_t events_n,
                             tdl_append_done *done, void *context, tdl_report *why);

/* A decision, copied. */
tdl_status tdl_writer_log(tdl_writer *writer, const tdl_decision_text *decision, tdl_report *why);

/* Run `call` inside a transaction and wait until it is durable, or has failed and been undone. */
typedef tdl_status tdl_writer_call(const tdl_store_ops *ops, tdl_backend *backend,
                                   const void *context, tdl_report *why);
tdl_status tdl_writer_run(tdl_writer *writer, tdl_writer_call *call, const void *context,
                          tdl_report *why);

/* The same without waiting, with a copy of the context, which must hold no pointers into itself. A
 * call that fails is forgotten. */
tdl_status tdl_writer_post(tdl_writer *writer, tdl_writer_call *call, const void *context,
                           size_t context_bytes, tdl_report *why);
/* Run the backend's `clean` between two transactions, and wait. */
tdl_status tdl_writer_clean(tdl_writer *writer, tdl_report *why);
/* From here on every event is stored, whoever's and however old it is, because it was stored
 * elsewhere; or no longer. */
tdl_status tdl_writer_let_in(tdl_writer *writer, bool all, tdl_report *why);
/* A call removed rows, and was committed. */
void tdl_writer_count_removed(tdl_writer *writer, const tdl_removed *rows);

/* Everything queued before the call is durable, or has failed once. */
void tdl_writer_flush(tdl_writer *writer);
void tdl_writer_counts(tdl_writer *writer, tdl_store_counts *ret);

#endif
