/* A prediction in words: what an answer says of the outputs of a row, wherever it is given.
 *
 * | task               | members of the object                            | with a level        |
 * |--------------------|--------------------------------------------------|---------------------|
 * | binary             | prediction (a class), probability (of the yes)   | set: classes        |
 * | classes, ordinal   | prediction (a class), probabilities              | set                 |
 * | quantile           | quantiles                                        |                     |
 * | all others         | prediction (a number)                            | low, high           |
 */
#ifndef TDL_PREDICT_PREDICTION_H
#define TDL_PREDICT_PREDICTION_H

#include "apps/predict/predictor.h"

/* Members of an open object, of row `row` of a frame, which thresholds by group look at.
 *   output  [tdl_predictor_outputs] */
void tdl_prediction_write(const tdl_predictor *predictor, const tdl_frame *frame, size_t row,
                          const double *output, tdl_jw *out);

/* Where the truth lies with probability `level`; null where too few rows were seen to say.
 *   scratch  [classes_n] */
void tdl_prediction_write_range(const tdl_predictor *predictor, const double *output, double level,
                                size_t *scratch, tdl_jw *out);

/* A cell as one JSON value: a number, a text, null. */
void tdl_prediction_write_cell(const tdl_column *column, size_t row, tdl_jw *out);

#endif
