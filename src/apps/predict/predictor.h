/* A predictor: a fitted model with all it needs to answer: schema, preparation, learners, weights,
 * calibration, intervals. One safetensors file holds it.
 *
 * Life cycle   tdl_predictor_load, or made by fit.h -> _predict, _explain ... -> _free
 * Threads      a predictor never changes: any number may ask it
 * Replay       same file, same rows: same bits, for any number of threads and batch of rows
 */
#ifndef TDL_PREDICT_PREDICTOR_H
#define TDL_PREDICT_PREDICTOR_H

#include "apps/predict/adjustment.h"
#include "apps/predict/blend.h"
#include "apps/predict/target.h"
#include "stats/calibrate.h"

typedef struct tdl_member {
    tdl_prepare *prepare;
    tdl_learner *learner;
    double weight;     /* of the sum of members; includes 1 / temperature */
    tdl_matrix median; /* one row in the middle, against which is explained */
    size_t *column;    /* [tdl_prepare_columns] which column of the schema; SIZE_MAX = none */
} tdl_member;

typedef struct tdl_predictor {
    char *name;
    json_t *schema;            /* of the columns that are asked for: features */
    json_t *card;              /* what was learnt from what, how good: see card.h */
    tdl_predict_target target; /* without y */
    char **column;             /* [columns_n] of the schema, by name */
    size_t columns_n;
    tdl_member *member; /* [members_n] */
    size_t members_n;
    size_t scores_n; /* of a row */
    tdl_calibration calibration;
    double threshold;          /* binary: the class is 1 from this probability on */
    tdl_adjustment adjustment; /* binary: thresholds by group; zeroed = none */
    double *residual; /* [residuals_n] sizes, ascending, out of fold: regression and count */
    size_t residuals_n;
} tdl_predictor;

/* TDL_E_CORRUPT: not what _save writes, or changed since: says where. A file is hostile until all
 * of it was checked. */
tdl_status tdl_predictor_load(const char *path, tdl_predictor **ret, tdl_report *why);
tdl_status tdl_predictor_read(const tdl_st_file *file, tdl_predictor **ret, tdl_report *why);
tdl_status tdl_predictor_save(const tdl_predictor *predictor, const char *path, tdl_report *why);
void tdl_predictor_free(tdl_predictor *predictor); /* accepts NULL */

/* Find where each member's columns are, and its middle row; once it has all its members. */
tdl_status tdl_predictor_seal(tdl_predictor *predictor, tdl_report *why);

/* Outputs of a row: probability of the positive class; of each class; the value; each quantile. */
size_t tdl_predictor_outputs(const tdl_predictor *predictor);

/* Rows of a frame whose columns are found by name: a column that is absent is missing in each row.
 *   ret          [rows][outputs]
 *   ret_warning  [columns_n] added to; may be NULL */
tdl_status tdl_predictor_predict(const tdl_predictor *predictor, const tdl_frame *frame,
                                 tdl_pool *pool, double *ret, tdl_prepare_warning *ret_warning,
                                 tdl_report *why);
/* Scores before calibration: ret [rows][scores_n] */
tdl_status tdl_predictor_score(const tdl_predictor *predictor, const tdl_frame *frame,
                               tdl_pool *pool, double *ret, tdl_prepare_warning *ret_warning,
                               tdl_report *why);
/* Calibrated outputs of scores, in place: [rows][scores_n] */
void tdl_predictor_calibrate(const tdl_predictor *predictor, double *score, size_t rows);

/* Class of a row's outputs: the likeliest; binary by the threshold of everybody, whatever its
 * group: what decides about rows uses tdl_predictor_classes. */
size_t tdl_predictor_class(const tdl_predictor *predictor, const double *output);
/* Binary: the threshold of row `row` of a frame, by its group where there is an adjustment. */
double tdl_predictor_threshold(const tdl_predictor *predictor, const tdl_frame *frame, size_t row);
/* Class of one row of the frame, and of all: output [rows][outputs] -> ret_class [rows]. */
size_t tdl_predictor_class_of(const tdl_predictor *predictor, const tdl_frame *frame, size_t row,
                              const double *output);
void tdl_predictor_classes(const tdl_predictor *predictor, const tdl_frame *frame,
                           const double *output, size_t *ret_class);
/* Where a row's decision is by its group's threshold, one more member of an object that is open:
 * "adjustment": {"column", "group", "threshold", "instead_of", "changed": is the decision another,
 * "reason"}; else nothing. output [outputs] of the row. */
void tdl_predictor_write_adjustment(const tdl_predictor *predictor, const tdl_frame *frame,
                                    size_t row, const double *output, tdl_jw *out);

/* Half the width of an interval that holds `level` of the truths (split conformal, from residuals
 * out of fold); INFINITY when there were too few rows to say. */
double tdl_predictor_half_width(const tdl_predictor *predictor, double level);

/* Smallest set of classes that holds the truth with probability `level` by the calibrated
 * probabilities: fills in [classes_n], most likely first, returns how many. */
size_t tdl_predictor_class_set(const tdl_predictor *predictor, const double *output, double level,
                               size_t *ret_class);

#endif
