/* What the pixels of one image add to a score, as a grid and as a picture. */
#ifndef TDL_PREDICT_HEATMAP_H
#define TDL_PREDICT_HEATMAP_H

#include "apps/predict/explain.h"

/* Channels together: ret [height][width]. Row r of an explanation that has pixels. */
void tdl_heatmap_grid(const tdl_explanation *explanation, size_t r, double *ret);

/* {"height", "width", "attribution": [[...], ...]} */
tdl_status tdl_heatmap_write(const tdl_explanation *explanation, size_t r, tdl_jw *out,
                             tdl_report *why);

/* As PNG: red where pixels speak for the score, blue where against it, the strongest in full
 * colour, white where they say nothing. Sides below 128 are drawn larger, by whole pixels. */
tdl_status tdl_heatmap_png(const tdl_explanation *explanation, size_t r, tdl_buf *out,
                           tdl_report *why);

#endif
