/* A learner as an ONNX file: a network (train/export_onnx.h), one graph for all its members; or a
 * linear model, its weights rounded to floats.
 *
 * Inputs   x [batch, columns] f32: the prepared numbers, or of images their bytes, channels first;
 *          categories [batch, columns] int64
 * Output   y [batch, scores]: what tdl_learner_score gives
 */
#ifndef TDL_LEARN_EXPORT_ONNX_H
#define TDL_LEARN_EXPORT_ONNX_H

#include "learn/learner.h"

/* TDL_OK | TDL_E_INVALID (a kind or task that has no file, or an op that ONNX cannot say: names it)
 * | as tdl_export_onnx */
tdl_status tdl_learner_export_onnx(const tdl_learner *learner, const char *path, tdl_report *why);

#endif
