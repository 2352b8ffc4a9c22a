/* The trainer: one thread at low priority that trains an app beside serving.
 *
 * Life cycle   tdl_trainer_new -> start ... -> tdl_trainer_stop (asks running work to stop, waits)
 *              -> tdl_trainer_free; the pool lives until then
 * Threads      start and read from any thread. The pool is made on the trainer's thread, so that
 *              its workers inherit the low priority
 */
#ifndef TDL_LOOP_TRAINER_H
#define TDL_LOOP_TRAINER_H

#include "loop/loop.h"

typedef struct tdl_trainer tdl_trainer;

/* The work: train `app`, telling `options->progress`. Runs on the trainer's thread. */
typedef tdl_status tdl_trainer_work(void *context, const char *app,
                                    const tdl_train_options *options, tdl_report *why);

tdl_trainer *tdl_trainer_new(unsigned threads, tdl_trainer_work *work, void *context);
void tdl_trainer_stop(tdl_trainer *trainer); /* idempotent */
void tdl_trainer_free(tdl_trainer *trainer); /* accepts NULL */
tdl_pool *tdl_trainer_pool(tdl_trainer *trainer);
tdl_status tdl_trainer_start(tdl_trainer *trainer, const char *app, uint64_t seed, tdl_report *why);
/* The same from a table, which is a file descriptor of its text and the app's settings; both are
 * let go of in any case. */
tdl_status tdl_trainer_start_table(tdl_trainer *trainer, const char *app, int take_table,
                                   json_t *take_settings, tdl_report *why);
void tdl_trainer_read(tdl_trainer *trainer, tdl_training *ret);

#endif
