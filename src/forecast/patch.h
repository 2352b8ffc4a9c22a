/* A patch transformer (PatchTST: Nie, Nguyen, Sinthong and Kalagnanam, ICLR 2023) on the one core:
 * a window, brought to mean 0 and deviation 1, is cut into patches that overlap by half; each is a
 * token; a linear head reads all tokens at once and gives every step. Series are examples of one
 * kind: channels know nothing of each other. By default it learns what the ridge of all series
 * leaves (`alone` is without): it begins as the ridge, and a head of zeros.
 *
 * Life cycle   tdl_patch_fit -> forecasts -> tdl_patch_release
 * Threads      fitting uses the pool; one forecast at a time per model
 * Replay       same series, options and seed: same bits for any number of threads, unless `seconds`
 *              ended the training
 */
#ifndef TDL_FORECAST_PATCH_H
#define TDL_FORECAST_PATCH_H

#include <stdatomic.h>

#include "base/json.h"
#include "base/pool.h"
#include "forecast/pooled.h"
#include "train/safetensors.h"

typedef struct tdl_patch_options {
    size_t window, horizon;              /* window: a multiple of 8, >= 16 */
    bool alone;                          /* without the ridge */
    size_t d_model, layers, heads, d_ff; /* 0 = 128, 3, 16, 256 */
    double dropout;                      /* in [0, 1) */
    double rate;                         /* of AdamW; 0 = 1e-3, falling by a cosine */
    unsigned epochs;                     /* 0 = 10 */
    size_t examples;                     /* windows of an epoch, drawn evenly; 0 = all */
    double seconds;                      /* training ends after so many; 0 = no limit */
    uint64_t seed;
    tdl_pool *pool;          /* may be NULL */
    const atomic_bool *stop; /* may be NULL */
} tdl_patch_options;

typedef struct tdl_patch tdl_patch;

/* Learn from y[i][0, known[i]), choose the epoch by the windows whose truth is in
 * [known[i], n[i]).
 *   series_y     [series_n] borrowed for the call
 *   ret_error    mean squared error of those windows (at most 4,096, evenly), in the series' own
 *                scale of known points
 *   ret_before   the same before training: the ridge's, unless `alone`; may be NULL
 *   returns  TDL_OK | TDL_E_INVALID | TDL_E_NO_MEMORY | TDL_E_STOPPED */
tdl_status tdl_patch_fit(const double *const *series_y, const size_t *known, const size_t *n,
                         size_t series_n, const tdl_patch_options *options, tdl_patch **ret,
                         double *ret_error, double *ret_before, tdl_report *why);
void tdl_patch_free(tdl_patch *model); /* accepts NULL */
/* ret [horizon] after last[window]. */
tdl_status tdl_patch_forecast(tdl_patch *model, const double *last, double *ret, tdl_report *why);
/* The mean squared error over every `stride`-th window whose truth is in y[first, n). */
tdl_status tdl_patch_error(tdl_patch *model, const double *y, size_t first, size_t n, size_t stride,
                           double *ret, tdl_report *why);

/* As a tdl_pooled, for select.h; borrowed. Forecasts wait for one another. */
tdl_pooled tdl_pooled_of_patch(tdl_patch *model);

/* ---- in a forecaster's file: tensors "patch" f32 [n] and "patch.ridge" f64, an object of sizes
 * ---- */

void tdl_patch_save(const tdl_patch *model, tdl_st_writer *writer, tdl_jw *about);
/* Both are hostile. TDL_E_CORRUPT: sizes out of range, or a tensor that has not their number of
 * weights, all finite. */
tdl_status tdl_patch_load(const json_t *about, const tdl_st_file *file, tdl_patch **ret,
                          tdl_report *why);

#endif
