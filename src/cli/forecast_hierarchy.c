#include "cli/forecast_hierarchy.h"

#include <stdlib.h>

#include "forecast/hierarchy.h"
#include "forecast/hierarchy_series.h"
#include "table/read.h"

static bool read_way(const tdl_forecast_values *v, tdl_reconcile *ret)
{
    *ret = strcmp(v->reconcile, "ols") != 0 ? TDL_RECONCILE_BOTTOM_UP : TDL_RECONCILE_OLS;
    return *ret == TDL_RECONCILE_OLS || !strcmp(v->reconcile, "bottom-up");
}

tdl_status tdl_forecast_check_hierarchy(const tdl_forecast_values *v, tdl_report *why)
{
    tdl_reconcile way;

    if (!read_way(v, &way))
        return TDL_FAIL(why, TDL_E_USAGE, "--reconcile is ols or bottom-up, not \"%s\"",
                        v->reconcile);
    if (v->covariates || v->save || v->series || v->layout)
        return TDL_FAIL(why, TDL_E_USAGE,
                        "--hierarchy does not go with --covariates, --save, --series or --layout");
    return TDL_OK;
}

tdl_status tdl_forecast_read_hierarchy(tdl_forecast_job *job, const tdl_forecast_values *v,
                                       const tdl_series_options *reading, tdl_report *why)
{
    tdl_hierarchy hierarchy = {0};
    tdl_frame frame = {0};
    tdl_status st = tdl_frame_read(job->path, NULL, &frame, NULL, why);

    if (st)
        return st;
    if ((st = tdl_hierarchy_of(&frame, tdl_str_of(v->hierarchy), reading, &hierarchy, why)))
        tdl_report_prefix(why, "%s", job->path);
    job->set = hierarchy.set;
    job->parent = hierarchy.parent;
    tdl_frame_release(&frame);
    return st;
}

tdl_status tdl_forecast_agree(tdl_forecast_job *job, const tdl_forecast_values *v, tdl_report *why)
{
    size_t n = job->set.series_n;
    tdl_reconcile way;
    tdl_status st = TDL_OK;

    if (!read_way(v, &way) || !(job->agreed = malloc(n * job->horizon * sizeof *job->agreed)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu nodes", n);
    for (size_t i = 0; i < n && !st; i++) {
        tdl_forecast one = {.mean = job->agreed + i * job->horizon};

        st = tdl_forecaster_predict(job->forecaster, i, NULL, 0, job->horizon, NULL, 0, &one, why);
    }
    return st ? st : tdl_hierarchy_reconcile(job->parent, n, way, job->agreed, job->horizon, why);
}
