/* What a blend makes of a rung's scores: log((s + e) / (scale + e)) with e = scale / 10, so that
 * one unit of a weight means the same on every rung, for every person. The same offline and in
 * serving.
 */
#ifndef TDL_APPS_RECOMMEND_BLEND_FEATURE_H
#define TDL_APPS_RECOMMEND_BLEND_FEATURE_H

#include <stdbool.h>
#include <stddef.h>

/* The scale of a rung's scores [items_n] for one question: the tenth largest above 0, or the least
 * where fewer are; own: the largest, because few people have ten items of their own. 0: the rung
 * has nothing to say. */
double tdl_blend_scale(const float *scores, size_t items_n, bool own);

/* Scores below 0 are worth as much as 0; nothing is, where the scale is 0. */
double tdl_blend_feature(double score, double scale);

/* What the rung adds beyond silence: feature(score) - feature(0), from 0. */
double tdl_blend_gain(double score, double scale);

#endif
