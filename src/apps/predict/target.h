/* The target: the column that is to be predicted, and what its cells mean to a learner.
 *
 * | cells                              | task, unless one is asked for | y                        |
 * |------------------------------------|-------------------------------|--------------------------|
 * | two different values               | binary                        | 1 = the positive one     |
 * | text of 3 to 1,000 values          | classes                       | number of the class      |
 * | numbers of more than two values    | regression                    | the number               |
 *
 * Classes are in order of their text; of an ordinal target, and of numbers, in order of value.
 */
#ifndef TDL_PREDICT_TARGET_H
#define TDL_PREDICT_TARGET_H

#include "learn/learner.h"
#include "table/frame.h"

enum { TDL_PREDICT_CLASSES_MAX = 1000 };

typedef struct tdl_target_wish {
    tdl_str column;
    tdl_str positive; /* binary: which value is 1; empty = yes, true, 1, bad, ... or the rarer */
    const char *task; /* NULL = by the cells */
    /* of a number: squared, absolute, huber, poisson, tweedie, tweedie:1.3; NULL = of the task */
    const char *loss;
    const char *classes; /* ordinal: "low,middle,high" from low to high; NULL = by text or number */
    double quantile[TDL_QUANTILES_MAX];
    size_t quantiles_n;
} tdl_target_wish;

typedef struct tdl_predict_target {
    char *column;
    tdl_task task;
    char **class_name;   /* [classes_n] */
    size_t classes_n;    /* binary: 2; 0 = a number */
    size_t column_index; /* of the frame it was made of */
    double quantile[TDL_QUANTILES_MAX];
    size_t quantiles_n;
    tdl_aim aim;
    double power;   /* of Tweedie; else 0 */
    float *y;       /* [rows of the frame], NaN = unknown; NULL once loaded from a file */
    size_t unknown; /* rows without a target */
} tdl_predict_target;

/* TDL_E_INVALID: no such column, a constant target, more classes than there may be, values that the
 * task cannot take: says which and what to do. */
tdl_status tdl_predict_target_make(const tdl_frame *frame, const tdl_target_wish *wish,
                                   tdl_predict_target *ret, tdl_report *why);
void tdl_predict_target_release(tdl_predict_target *target); /* accepts a zeroed struct */

/* All but y, as JSON and back, hostile. */
json_t *tdl_predict_target_save(const tdl_predict_target *target); /* NULL: no memory */
tdl_status tdl_predict_target_load(const json_t *saved, tdl_predict_target *ret, tdl_report *why);

/* The targets of another frame of the same columns, for measuring: ret [rows], NaN = unknown or a
 * class that training had not. False: the frame has not the column. */
bool tdl_predict_target_read(const tdl_predict_target *target, const tdl_frame *frame, float *ret);

#endif
