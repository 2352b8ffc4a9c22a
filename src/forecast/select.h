/* Which members forecast a series: those that would have done best lately.
 *
 * From each of a few rolling origins (n - horizon, n - 2 horizon, ...) every variant forecasts the
 * next `horizon` steps from what was known then; its score is the mean absolute error over the
 * in-sample seasonal error. The forecast is that of the best, or a mean of the best few. Forecasts
 * are kept within the history's range and a quarter of it beyond, and at or above 0 when the
 * history is.
 */
#ifndef TDL_FORECAST_SELECT_H
#define TDL_FORECAST_SELECT_H

#include "forecast/member.h"
#include "forecast/pooled.h"

enum { TDL_ENTRANTS_MAX = 64, TDL_POOLED_MAX = 4 };

typedef enum tdl_blend {
    TDL_BLEND_INVERSE, /* mean of the best `blend_n`, weighted by 1 / score^2 */
    TDL_BLEND_MEAN,    /* plain mean of the best `blend_n` */
    TDL_BLEND_BEST     /* the best alone */
} tdl_blend;

typedef struct tdl_select_options {
    size_t origins; /* 0 = as many as cover the longest period twice, 3 to 8 */
    tdl_blend blend;
    size_t blend_n;           /* 0 = 2 */
    tdl_str members;          /* names, comma-separated; empty = all */
    double margin;            /* of the range, beyond which forecasts are clipped; 0 = .25 */
    const tdl_pooled *pooled; /* [pooled_n] trained on what comes before the first origin */
    size_t pooled_n;
} tdl_select_options;

/* A variant that takes part. */
typedef struct tdl_entrant {
    const tdl_member_ops *member; /* NULL: a pooled model */
    size_t variant;               /* of the member, or which pooled model */
    double score;  /* over the rolling origins; NaN: there were none, or a forecast failed */
    double weight; /* in the forecast; they sum to 1 */
} tdl_entrant;

typedef struct tdl_selection {
    tdl_forecast_task task;
    tdl_entrant entrant[TDL_ENTRANTS_MAX];
    size_t entrants_n;
    size_t origins_n; /* that the history had room for; 0: the floor was taken unseen */
    double margin;
    char pooled_name[TDL_POOLED_MAX][TDL_VARIANT_NAME_MAX];
} tdl_selection;

/* Score every variant on y[n] and weigh them. A history with no room for an origin is forecast by
 * the seasonal naive.
 *   task     horizon and periods; `shortest` is filled in
 *   returns  TDL_OK | TDL_E_INVALID (no points, a horizon of 0, a name that no member has) |
 *            TDL_E_NO_MEMORY */
tdl_status tdl_forecast_select(const tdl_forecast_task *task, const double *y, size_t n,
                               const tdl_select_options *options, tdl_selection *ret,
                               tdl_report *why);
/* ret [horizon] after y[n]. Fewer points than a member needs (task.shortest): the seasonal naive.
 *   pooled  the models of the selection, in their order; NULL when none has a weight */
tdl_status tdl_forecast_by(const tdl_selection *selection, const tdl_pooled *pooled,
                           const double *y, size_t n, double *ret, tdl_report *why);
/* Which points of y[n] the first origin knows: how many pooled models may see. */
size_t tdl_select_shortest(const tdl_forecast_task *task, const tdl_select_options *options,
                           size_t n);
/* What errors of a series are divided by: its in-sample seasonal error, else that of one step, else
 * 1. */
double tdl_forecast_scale(const tdl_forecast_task *task, const double *y, size_t n);
/* "ridge 48/3" */
void tdl_entrant_label(const tdl_selection *selection, size_t entrant,
                       char ret[TDL_VARIANT_NAME_MAX]);
/* Keep forecast[horizon] within the range of y[n]. */
void tdl_forecast_clip(const double *y, size_t n, double margin, double *forecast, size_t horizon);

#endif
