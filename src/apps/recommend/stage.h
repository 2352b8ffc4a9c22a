/* Progress of a training run: steps of unequal cost on one scale from 0 to 1.
 *
 *     tdl_stages stages = {.options = options, .total = ...};
 *     if (!tdl_stage_begin(&stages, cost, "%s: validation", name)) ... stopped
 *     fit_options.progress = tdl_stage_tell, .progress_context = &stages, .log = tdl_stage_log(...)
 */
#ifndef TDL_APPS_RECOMMEND_STAGE_H
#define TDL_APPS_RECOMMEND_STAGE_H

#include "apps/app.h"
#include "train/log.h"

typedef struct tdl_stages {
    const tdl_train_options *options;
    double total;             /* cost of all steps */
    double done, cost;        /* of the steps before this one, and of this one */
    char name[64];            /* of this step */
    const tdl_train_log *log; /* of the run; NULL = nobody listens */
    bool graph_told;          /* of the first fit that had one */
} tdl_stages;

/* The former step is done; begin the next. False: stop, with TDL_E_STOPPED in `why`. */
bool tdl_stage_begin(tdl_stages *stages, double cost, tdl_report *why, const char *format, ...)
    TDL_PRINTF(4, 5);

/* A tdl_progress_fn for what runs inside a step; context is the tdl_stages. */
bool tdl_stage_tell(void *context, const char *inner, double done, const char *detail);

/* The run's log for what runs inside a step: in "network: test", tag "epoch/loss" becomes
 * "network/test/epoch/loss". Lives as long as the stages. */
tdl_train_log tdl_stage_log(tdl_stages *stages);

#endif
