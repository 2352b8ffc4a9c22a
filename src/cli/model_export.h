/* A model for other programs: its network or its weights as an ONNX file, and beside it what that
 * file does not hold.
 *
 * The pipeline is not in the ONNX file: what it makes of a row is its input. FILE.features.json
 * lists that input, and what is done with the output:
 *
 *     {"model", "learner", "target", "task", "classes": [...], "scale": the output is multiplied by
 *      it before calibration, "calibration"?: {...}, "threshold", "adjustment"?: {...},
 *      "x": [{"name", "column"}], "categories": [{"name", "column", "levels"}]}
 */
#ifndef TDL_CLI_MODEL_EXPORT_H
#define TDL_CLI_MODEL_EXPORT_H

#include "apps/predict/predictor.h"

/* member: name of the learner of a blend to export; NULL = the only one.
 *   returns  TDL_OK | TDL_E_INVALID (a blend, no such member, a kind that has no ONNX file: names
 *            it) | TDL_E_IO */
tdl_status tdl_model_export_onnx(const tdl_predictor *predictor, const char *member,
                                 const char *path, tdl_report *why);

#endif
