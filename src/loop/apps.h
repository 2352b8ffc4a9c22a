/* The apps behind a loop, for the files of this folder. */
#ifndef TDL_LOOP_APPS_H
#define TDL_LOOP_APPS_H

#include "loop/loop.h"
#include "loop/trainer.h"

/* The app that a name is of: "recommend", "predict", "predict/churn". NULL: TDL_E_NOT_FOUND. */
tdl_app *tdl_loop_app(tdl_loop *loop, tdl_str name, const tdl_app_ops **ret_ops, tdl_report *why);
tdl_trainer *tdl_loop_trainer(tdl_loop *loop);

#endif
