/* More training rows than there are, made from those there are. For training folds only: made
 * before a split, they would carry test rows into training. */
#ifndef TDL_TABLE_AUGMENT_H
#define TDL_TABLE_AUGMENT_H

#include "base/report.h"
#include "table/matrix.h"

typedef struct tdl_augment_options {
    size_t copies; /* of every row, each of them changed by what follows; 0 = none */
    double noise;  /* numbers: plus normal noise of so many deviations of the feature */
    double swap;   /* categories: with this probability that of another row */
    double mixup;  /* with this probability a mean with another row of its class (or, of a number
                      target, any row, and then so is the target); the share even in [0, 1] */
    double smote;  /* classes: rows are made between neighbours (Chawla et al., 2002) until each
                      class has this share of the largest one; 0 = none */
    size_t neighbours; /* of smote; 0 = 5 */
} tdl_augment_options;

/* The rows of `matrix` and then new ones.
 *   y        [matrix->rows]; classes_n 0 = a number
 *   ret_of   [ret->rows] the row that each was made from; free; may be NULL
 *   ret_y    [ret->rows]; free
 *
 * A feature of no more than two values is a category's; features of one column that all are go
 * together. Missing values stay. Images are copied as they are: see tdl_augment_images.
 *   returns  TDL_OK | TDL_E_INVALID (an option out of range) | TDL_E_NO_MEMORY */
tdl_status tdl_augment_rows(const tdl_matrix *matrix, const float *y, size_t classes_n,
                            const tdl_augment_options *options, uint64_t seed, tdl_matrix *ret,
                            float **ret_y, uint32_t **ret_of, tdl_report *why);

/* Pictures moved by up to `shift` pixels each way, what comes in being 0, and mirrored left to
 * right by half a chance where `flip`. Row i of epoch e always gives the same.
 *   ret [rows][channels][height][width], apart from matrix->pixel */
void tdl_augment_images(const tdl_matrix *matrix, size_t shift, bool flip, uint64_t seed,
                        uint64_t epoch, uint8_t *ret);

#endif
