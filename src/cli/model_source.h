/* The model that a command is given: a file, or the name of one that serves in the data folder. */
#ifndef TDL_CLI_MODEL_SOURCE_H
#define TDL_CLI_MODEL_SOURCE_H

#include "apps/predict/predictor.h"
#include "cli/command.h"
#include "table/read.h"

/* `model` is a file when it has a '/' or ends in ".safetensors", else a name. */
bool tdl_model_is_file(const char *model);
tdl_status tdl_open_model(const tdl_common *common, const char *model, tdl_predictor **ret,
                          tdl_report *why);

/* Rows of a file, read as the model's table was: its types, its spellings of missing values. A row
 * with a cell that is not of its column's type is refused, the others are read. */
typedef struct tdl_model_rows {
    tdl_frame frame; /* the rows that can be answered, in their order */
    size_t rows_n;   /* in the file */
    tdl_refused_rows refused;
} tdl_model_rows;

struct tdl_read_values;
tdl_status tdl_read_for_model(const char *source, const struct tdl_read_values *values,
                              const tdl_predictor *model, bool quiet, tdl_model_rows *ret,
                              tdl_report *why);
void tdl_model_rows_release(tdl_model_rows *rows); /* accepts a zeroed struct */
/* TDL_E_INVALID: there are rows, and every one is refused. */
tdl_status tdl_model_rows_answerable(const tdl_model_rows *rows, tdl_report *why);
void tdl_model_rows_tell(const tdl_model_rows *rows); /* on stderr: how many are refused, and why */

#endif
