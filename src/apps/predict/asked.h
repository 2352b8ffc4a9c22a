/* Rows that were asked about: read from JSON, predicted, explained. Rows that cannot be read are
 * set aside with what is wrong with them; all else is told of the others.
 *
 *     tdl_asked_read -> _predict -> _explain ... -> _release
 */
#ifndef TDL_PREDICT_ASKED_H
#define TDL_PREDICT_ASKED_H

#include "apps/predict/explain.h"
#include "table/read.h"

typedef struct tdl_asked {
    const tdl_predictor *predictor;
    size_t rows_n;
    tdl_frame frame;      /* of the rows that could be read */
    size_t *place;        /* [rows_n] of a row in the frame; SIZE_MAX: it could not */
    tdl_row_fault *fault; /* [faults_n] by row */
    size_t faults_n;
    size_t unknown_keys;          /* in all rows together */
    double *output;               /* [frame.rows][tdl_predictor_outputs] */
    tdl_prepare_warning *warning; /* [columns_n of the predictor] */
    size_t *which;                /* [frame.rows] the score that is explained */
    tdl_explanation explanation;  /* of the frame's rows */
    bool explained;
} tdl_asked;

/* TDL_E_INVALID: the rows are no array. ret is to be released in any case. */
tdl_status tdl_asked_read(const tdl_predictor *predictor, const json_t *rows, tdl_asked *ret,
                          tdl_report *why);
tdl_status tdl_asked_predict(tdl_asked *asked, tdl_report *why);
/* May so many rows be explained in one call? Models without an attribution of their own get Shapley
 * values, at a tenth of a second a row: few rows only. */
enum { TDL_ASKED_SLOW_ROWS = 10 };
bool tdl_asked_explainable(const tdl_asked *asked);
/* Of class `of_class`; when it is empty, of the class that was predicted for each row. Binary: of
 * the yes; quantiles: of the middle one. TDL_E_INVALID: there is no such class. */
tdl_status tdl_asked_explain(tdl_asked *asked, tdl_str of_class, tdl_report *why);
void tdl_asked_release(tdl_asked *asked); /* accepts a zeroed struct */

/* The k columns that row `row` of the frame rests on most, as an array of
 * {"name", "value", "attribution"}; the target is none of them.
 *   scratch  [columns_n] */
void tdl_asked_write_because(const tdl_asked *asked, size_t row, size_t k, size_t *scratch,
                             tdl_jw *out);

#endif
