/* Why a predictor answers what it answers: what each column of the schema adds to the score of a
 * row, whatever the models are.
 *
 * A score before calibration (log odds, log probability, value) is shared out among columns;
 * one-hot levels, bins and embeddings of a column are one share. Each model has a way of its own:
 * linear and additive exact, trees TreeSHAP, networks integrated gradients; models without one get
 * Shapley values against the row in the middle.
 */
#ifndef TDL_PREDICT_EXPLAIN_H
#define TDL_PREDICT_EXPLAIN_H

#include "apps/predict/predictor.h"

typedef struct tdl_explanation {
    size_t rows, columns_n;
    double *share; /* [rows][columns_n] of the schema */
    double *base;  /* [rows] the score where nothing is known of the row */
    double *score; /* [rows] base + shares, up to the error */
    double *pixel; /* [rows][channels][height][width] what each pixel adds: the share of the column
                    * of images, told apart. NULL: there are none */
    size_t channels, height, width;
    double error;    /* largest |base + sum of shares - score| over max(1, |score - base|) */
    char method[96]; /* "tree_shap", "integrated_gradients", "linear, tree_shap", ... */
} tdl_explanation;

/* Of score number `which` of each row of the frame. */
tdl_status tdl_predictor_explain(const tdl_predictor *predictor, const tdl_frame *frame,
                                 size_t which, tdl_pool *pool, tdl_explanation *ret,
                                 tdl_report *why);
void tdl_explanation_release(tdl_explanation *explanation); /* accepts a zeroed struct */

/* Columns of row r by the size of their share, largest first: ret [columns_n]. */
void tdl_explanation_order(const tdl_explanation *explanation, size_t r, size_t *ret);

/* ---- of the whole ---- */

/* Mean size of each column's share over at most `rows_max` rows, evenly taken: ret [columns_n]. */
tdl_status tdl_predictor_importance(const tdl_predictor *predictor, const tdl_frame *frame,
                                    const uint32_t *row, size_t rows_n, size_t rows_max,
                                    tdl_pool *pool, double *ret, tdl_report *why);

/* Partial dependence (Friedman, 2001): the mean output over rows when a column is set to each of a
 * grid of values: quantiles of numbers, the most frequent levels. An array of
 * {"value", "output", "low", "high"}, low and high the middle 80 % of the rows.
 *   which  output, < tdl_predictor_outputs */
tdl_status tdl_predictor_dependence(const tdl_predictor *predictor, const tdl_frame *frame,
                                    size_t column, size_t which, tdl_pool *pool, tdl_jw *out,
                                    tdl_report *why);

#endif
