/* Members: the ways of forecasting one series that take part in a selection. Each is a const table
 * of functions, found by name in one array (members.c), and gives its variants (periods, windows,
 * lambdas) at once, since they share most of the work.
 *
 * Series       equally spaced, finite values, oldest first
 * Threads      any; members keep no state
 * Replay       same history, same bits
 */
#ifndef TDL_FORECAST_MEMBER_H
#define TDL_FORECAST_MEMBER_H

#include "base/str.h"

enum { TDL_PERIODS_MAX = 3, TDL_VARIANTS_MAX = 16, TDL_VARIANT_NAME_MAX = 48 };

/* What is asked of the members. */
typedef struct tdl_forecast_task {
    size_t horizon;
    size_t period[TDL_PERIODS_MAX]; /* the first is the season; all > 1 */
    size_t periods_n;               /* 0 = no season is known */
    size_t shortest;                /* points of the shortest history that will be given */
} tdl_forecast_task;

typedef struct tdl_member_ops {
    const char *name; /* "ridge": in options, leaderboards and files */
    bool floor;       /* simple enough to be always in the contest */
    /* How many variants suit such a task; 0 = none does. At most TDL_VARIANTS_MAX. */
    size_t (*variants)(const tdl_forecast_task *task);
    void (*label)(const tdl_forecast_task *task, size_t variant, char ret[TDL_VARIANT_NAME_MAX]);
    /* y [n], n >= task->shortest.  which: the only variant wanted; SIZE_MAX = all
     * ret [variants][horizon]; a variant that fails gives NaN */
    tdl_status (*forecast)(const tdl_forecast_task *task, const double *y, size_t n, size_t which,
                           double *ret, tdl_report *why);
} tdl_member_ops;

/* Every member, floors first. */
extern const tdl_member_ops *const tdl_members[];
extern const size_t tdl_members_n;
const tdl_member_ops *tdl_member_find(tdl_str name); /* NULL: there is none */

extern const tdl_member_ops tdl_member_mean, tdl_member_drift, tdl_member_seasonal_naive,
    tdl_member_ets, tdl_member_theta, tdl_member_ridge;

#endif
