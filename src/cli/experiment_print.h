/* The result of an experiment for a terminal, in the user's language. */
#ifndef TDL_CLI_EXPERIMENT_PRINT_H
#define TDL_CLI_EXPERIMENT_PRINT_H

#include "apps/decide/experiment.h"

void tdl_experiment_print(const tdl_experiment *experiment, const tdl_experiment_result *result);

#endif
