#include "apps/recommend/blend_feature.h"

#include <math.h>

#include "apps/recommend/top.h"

enum { TENTH = 10 };

double tdl_blend_scale(const float *scores, size_t items_n, bool own)
{
    tdl_scored best[TENTH];
    size_t n = tdl_top(scores, items_n, NULL, 0, INFINITY, best, own ? 1 : TENTH);

    return n ? (double)best[n - 1].score : 0;
}

double tdl_blend_feature(double score, double scale)
{
    double e = scale / 10;

    return scale > 0 ? log((fmax(score, 0) + e) / (scale + e)) : 0;
}

double tdl_blend_gain(double score, double scale)
{
    double e = scale / 10;

    return scale > 0 ? log1p(fmax(score, 0) / e) : 0;
}
