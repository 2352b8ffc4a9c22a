/* A shelf of fitted models: what a task fitted another one may ask, if it learns from the same
 * rows.
 *
 * Life cycle   tdl_fit_shelf_new -> put, find ... -> tdl_fit_shelf_free, which frees the models
 * Threads      one
 *
 * A model that was put is lent to everybody: whoever found it must not free it, and sets it to his
 * setting (tdl_rung_ops.retune) before he asks it.
 */
#ifndef TDL_APPS_RECOMMEND_FIT_SHELF_H
#define TDL_APPS_RECOMMEND_FIT_SHELF_H

#include "apps/recommend/rung.h"

typedef struct tdl_fit_shelf tdl_fit_shelf;

tdl_fit_shelf *tdl_fit_shelf_new(void);        /* NULL: no memory */
void tdl_fit_shelf_free(tdl_fit_shelf *shelf); /* accepts NULL */

/* One fitted with these options (setting, params) on what was known at `now_us`, or one that was
 * retuned to them. NULL: none. ret_fit_cpu_s: what its fit took. */
void *tdl_fit_shelf_find(tdl_fit_shelf *shelf, const tdl_rung_ops *rung,
                         const tdl_fit_options *options, int64_t now_us, double *ret_fit_cpu_s);

/* True: the shelf's now. False: the caller's still, for the shelf is full, the model large, or
 * there is no memory. */
bool tdl_fit_shelf_put(tdl_fit_shelf *shelf, const tdl_rung_ops *rung,
                       const tdl_fit_options *options, int64_t now_us, double fit_cpu_s,
                       void *model);

bool tdl_fit_shelf_has(const tdl_fit_shelf *shelf, const void *model); /* false without a shelf */

#endif
