/* Figures as the recommender's reports write them. */
#ifndef TDL_APPS_RECOMMEND_WRITE_FIGURE_H
#define TDL_APPS_RECOMMEND_WRITE_FIGURE_H

#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "stats/bootstrap.h"

/* To six digits behind the point. */
static inline double tdl_rounded(double value)
{
    return round(value * 1e6) / 1e6;
}

/* Members `name`, `name`_low and `name`_high of the open object. name: at most 40 bytes. */
static inline void tdl_write_interval(tdl_jw *w, const char *name, const tdl_interval *interval)
{
    char key[48];

    tdl_jw_knumber(w, name, tdl_rounded(interval->mean));
    snprintf(key, sizeof key, "%s_low", name);
    tdl_jw_knumber(w, key, tdl_rounded(interval->low));
    snprintf(key, sizeof key, "%s_high", name);
    tdl_jw_knumber(w, key, tdl_rounded(interval->high));
}

#endif
