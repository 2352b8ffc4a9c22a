/* A matrix: what a learner sees of rows, once a pipeline (prepare.h) has made numbers of them.
 *
 * Features that are numbers lie in `x`; categories that a network is to embed lie in `category`,
 * images in `pixel`. A feature knows which column of the frame it comes from, so that attributions
 * can be told by column.
 */
#ifndef TDL_TABLE_MATRIX_H
#define TDL_TABLE_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tdl_feature {
    const char *name; /* "age", "city=Paris", "age in (18, 25]" */
    size_t column;    /* of the frame that the pipeline was fitted on */
} tdl_feature;

typedef struct tdl_matrix {
    size_t rows;
    size_t cols;
    float *x; /* [rows][cols]; NaN = missing, where the pipeline does not impute */
    const tdl_feature *feature; /* [cols], the pipeline's */
    size_t categories_n;
    int32_t *category;      /* [rows][categories_n]: 0 = missing or unseen, levels from 1 */
    const size_t *levels_n; /* [categories_n], the 0 among them, the pipeline's */
    const tdl_feature *category_feature; /* [categories_n], the pipeline's */
    size_t channels, height, width;      /* of images; 0 = none */
    uint8_t *pixel;                      /* [rows][channels][height][width] */
} tdl_matrix;

void tdl_matrix_release(tdl_matrix *matrix); /* frees x, category and pixel; accepts a zeroed one */

#endif
