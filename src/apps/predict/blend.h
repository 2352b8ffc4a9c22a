/* Blending: one score from those of several models, weighted.
 *
 *     score = sum_j w_j z_j / t_j,    w_j >= 0,    sum_j w_j = 1
 *
 * z_j are scores out of fold, t_j the temperature that makes a model's own scores likeliest (1
 * where scores are no log odds). w minimises the loss of the task + `ridge` (mean loss of equal
 * weights) |w - 1/m|^2, by projected gradients on the simplex (Duchi et al., ICML 2008).
 */
#ifndef TDL_PREDICT_BLEND_H
#define TDL_PREDICT_BLEND_H

#include "learn/learner.h"

enum { TDL_BLEND_MAX = 24, TDL_BLEND_SCORES_MAX = 1024 };

typedef struct tdl_blend_data {
    tdl_task task;
    size_t rows_n, scores_n, models_n;
    const double *const *score; /* [models_n] of [..][scores_n] */
    const uint32_t *row;        /* [rows_n] which rows of `score` and `y` */
    const double *y;            /* [..] class number or value */
    const double *quantile;     /* [scores_n] of a quantile task */
    tdl_aim aim;                /* of a regression or count */
    double power;               /* of Tweedie */
} tdl_blend_data;

/* ret_weight, ret_temperature: [models_n]. TDL_E_NO_MEMORY */
tdl_status tdl_blend_fit(const tdl_blend_data *data, double ridge, double *ret_weight,
                         double *ret_temperature, tdl_report *why);

/* ret[scores_n] = the blend of row r */
void tdl_blend_row(const tdl_blend_data *data, const double *weight, const double *temperature,
                   size_t r, double *ret);

/* What a row's scores z [scores_n] cost: log-loss, squared error (absolute where that or
 * Huber's is aimed at), pinball, Poisson, Tweedie. */
double tdl_blend_loss(const tdl_blend_data *data, size_t r, const double *z);

#endif
