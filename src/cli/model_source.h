/* The model that a command is given: a file, or the name of one that serves in the data folder. */
#ifndef TDL_CLI_MODEL_SOURCE_H
#define TDL_CLI_MODEL_SOURCE_H

#include "apps/predict/predictor.h"
#include "cli/command.h"

/* `model` is a file when it has a '/' or ends in ".safetensors", else a name. */
bool tdl_model_is_file(const char *model);
tdl_status tdl_open_model(const tdl_common *common, const char *model, tdl_predictor **ret,
                          tdl_report *why);

/* Rows of `source` read with the types that the model was trained on. */
struct tdl_read_values;
tdl_status tdl_read_for_model(const char *source, const struct tdl_read_values *values,
                              const tdl_predictor *model, bool quiet, tdl_frame *ret,
                              tdl_report *why);

#endif
