/* Printing the recommender's training report for people. */
#ifndef TDL_CLI_EVALUATION_H
#define TDL_CLI_EVALUATION_H

#include <stdio.h>

#include "base/json.h"

/* The models beside their baselines, best choice marked. report: see docs/design/recommend.md. */
void tdl_evaluation_print(FILE *out, const json_t *report);

#endif
