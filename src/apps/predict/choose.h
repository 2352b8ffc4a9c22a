/* What serves: the best model of the contest, or a blend of several when its loss (log-loss,
 * squared error, ...) is lower by more than one standard error over the same rows.
 *
 * The blend is measured with weights that were learnt without the fold they are measured on. With
 * `simple`, the least complex model within one standard error of the best (Breiman et al., 1984):
 * first by kind (a constant before naive Bayes, that before what is linear, that before curves, and
 * those before forests and networks), then by how much there is to read. Linear models and a single
 * tree are of one kind: coefficients that are not 0 count as much as leaves.
 */
#ifndef TDL_PREDICT_CHOOSE_H
#define TDL_PREDICT_CHOOSE_H

#include "apps/predict/blend.h"
#include "apps/predict/contest.h"

typedef struct tdl_choice {
    size_t best;   /* entry of the best single model; SIZE_MAX when none took part */
    size_t linear; /* the entry of the linear model, to compare with; SIZE_MAX = not there */
    bool blend;
    bool has_blend;                            /* the next four were measured */
    double fold_metric[TDL_CONTEST_FOLDS_MAX]; /* of the blend */
    double metric, standard_error;
    double gain, gain_error; /* of loss, over the best single: mean over rows, its standard error */
    size_t entry[TDL_BLEND_MAX]; /* [entries_n] what serves, with its weights */
    double weight[TDL_BLEND_MAX], temperature[TDL_BLEND_MAX];
    size_t entries_n;
    double *score; /* [rows_n][scores_n] out of fold, of what serves; NaN = never tested */
} tdl_choice;

tdl_status tdl_choose(const tdl_contest_data *data, const tdl_contest *contest, bool simple,
                      bool may_blend, tdl_choice *ret, tdl_report *why);
void tdl_choice_release(tdl_choice *choice); /* accepts a zeroed struct */

#endif
