/* Popularity of late (rung R0 of the recommender) and a person's own history (R0p). */
#ifndef TDL_APPS_RECOMMEND_DECAYED_H
#define TDL_APPS_RECOMMEND_DECAYED_H

#include "apps/recommend/rung.h"

#define TDL_HALF_LIFE_DAYS_MAX 1e6 /* of a file */

/* What tdl_fit_options.params points at for tdl_rung_decayed. */
typedef struct tdl_decayed_params {
    double half_life_days; /* 0 = all time */
} tdl_decayed_params;

/* The same for tdl_rung_own. */
typedef struct tdl_own_params {
    double half_life_days;       /* of what the person took; 0 = counts alone */
    double crowd_half_life_days; /* of the popularity that parts equals; 0 = all time */
} tdl_own_params;

/* Popularity as of the fit: ret [items_n]. weight: as tdl_fit_options. Shared by both.
 * TDL_E_NO_MEMORY. */
tdl_status tdl_decayed_sums(const tdl_fit_data *data, const uint8_t *weight, int64_t now_us,
                            double half_life_days, double *ret, tdl_report *why);

/* What a model was fitted with, or read with. */
const tdl_decayed_params *tdl_decayed_params_of(const void *model);
const tdl_own_params *tdl_own_params_of(const void *model);

/* "name" [items_n] of a file, each a number from 0. Shared by both. */
tdl_status tdl_crowd_load(const tdl_st_file *file, const char *name, size_t items_n, float *ret,
                          tdl_report *why);

#endif
