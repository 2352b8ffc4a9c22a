/* What a batch of answers has beside the answers: what was odd about the rows, and, where the
 * truth is known, how good they are. Internal to `treadle predict`. */
#ifndef TDL_CLI_PREDICT_PRINT_H
#define TDL_CLI_PREDICT_PRINT_H

#include "cli/model_source.h"

typedef struct tdl_answers {
    const tdl_predictor *model;
    tdl_model_rows rows;
    double *output;               /* [rows.frame.rows][outputs] */
    tdl_prepare_warning *warning; /* [columns_n of the model] */
    json_t *quality;              /* of tdl_outcome_write; NULL: no truth is known */
} tdl_answers;

void tdl_answers_release(tdl_answers *batch); /* the model stays; accepts a zeroed struct */

/* Measure the answers of rows whose target the file has. */
tdl_status tdl_answers_measure(tdl_answers *batch, tdl_report *why);

/* Members of an object that is open: "refused", "warnings", "unknown_columns", "quality". */
void tdl_answers_write(const tdl_answers *batch, tdl_jw *out);
/* The same for people, on stderr. */
void tdl_answers_print(const tdl_answers *batch);

#endif
