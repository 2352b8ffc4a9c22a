/* The members there are, and the floors among them. */
#include <stdio.h>

#include "forecast/member.h"

/* clang-format off: one a line */
const tdl_member_ops *const tdl_members[] = {
    &tdl_member_mean,  &tdl_member_drift, &tdl_member_seasonal_naive,
    &tdl_member_theta, &tdl_member_ets,   &tdl_member_ridge,
};
/* clang-format on */
const size_t tdl_members_n = sizeof tdl_members / sizeof tdl_members[0];

const tdl_member_ops *tdl_member_find(tdl_str name)
{
    for (size_t i = 0; i < tdl_members_n; i++)
        if (tdl_str_is(name, tdl_members[i]->name))
            return tdl_members[i];
    return NULL;
}

/* ---- mean ---- */

static size_t one_variant(const tdl_forecast_task *task)
{
    return task->shortest >= 1;
}

static void label_mean(const tdl_forecast_task *task, size_t variant,
                       char ret[TDL_VARIANT_NAME_MAX])
{
    TDL_UNUSED(task);
    TDL_UNUSED(variant);
    snprintf(ret, TDL_VARIANT_NAME_MAX, "mean");
}

static tdl_status forecast_mean(const tdl_forecast_task *task, const double *y, size_t n,
                                size_t which, double *ret, tdl_report *why)
{
    double sum = 0;

    TDL_UNUSED(which);
    TDL_UNUSED(why);
    for (size_t t = 0; t < n; t++)
        sum += y[t];
    for (size_t h = 0; h < task->horizon; h++)
        ret[h] = sum / (double)n;
    return TDL_OK;
}

const tdl_member_ops tdl_member_mean = {.name = "mean",
                                        .floor = true,
                                        .variants = one_variant,
                                        .label = label_mean,
                                        .forecast = forecast_mean};

/* ---- drift: the line through the first and the last point ---- */

static void label_drift(const tdl_forecast_task *task, size_t variant,
                        char ret[TDL_VARIANT_NAME_MAX])
{
    TDL_UNUSED(task);
    TDL_UNUSED(variant);
    snprintf(ret, TDL_VARIANT_NAME_MAX, "drift");
}

static tdl_status forecast_drift(const tdl_forecast_task *task, const double *y, size_t n,
                                 size_t which, double *ret, tdl_report *why)
{
    double slope = n > 1 ? (y[n - 1] - y[0]) / (double)(n - 1) : 0;

    TDL_UNUSED(which);
    TDL_UNUSED(why);
    for (size_t h = 0; h < task->horizon; h++)
        ret[h] = y[n - 1] + slope * (double)(h + 1);
    return TDL_OK;
}

const tdl_member_ops tdl_member_drift = {.name = "drift",
                                         .floor = true,
                                         .variants = one_variant,
                                         .label = label_drift,
                                         .forecast = forecast_drift};

/* ---- seasonal naive, by each period that the history holds once ---- */

static size_t seasonal_variants(const tdl_forecast_task *task)
{
    size_t n = 0;

    while (n < task->periods_n && task->period[n] <= task->shortest)
        n++;
    return n ? n : task->shortest >= 1; // without a season: the last value
}

static size_t seasonal_period(const tdl_forecast_task *task, size_t variant)
{
    return task->periods_n && task->period[0] <= task->shortest ? task->period[variant] : 1;
}

static void label_seasonal(const tdl_forecast_task *task, size_t variant,
                           char ret[TDL_VARIANT_NAME_MAX])
{
    size_t period = seasonal_period(task, variant);

    if (period > 1)
        snprintf(ret, TDL_VARIANT_NAME_MAX, "seasonal_naive %zu", period);
    else
        snprintf(ret, TDL_VARIANT_NAME_MAX, "naive");
}

static tdl_status forecast_seasonal(const tdl_forecast_task *task, const double *y, size_t n,
                                    size_t which, double *ret, tdl_report *why)
{
    size_t variants = seasonal_variants(task);

    TDL_UNUSED(why);
    for (size_t v = 0; v < variants; v++) {
        size_t period = seasonal_period(task, v);

        if (which == SIZE_MAX || which == v)
            for (size_t h = 0; h < task->horizon; h++)
                ret[v * task->horizon + h] = y[n - period + h % period];
    }
    return TDL_OK;
}

const tdl_member_ops tdl_member_seasonal_naive = {.name = "seasonal_naive",
                                                  .floor = true,
                                                  .variants = seasonal_variants,
                                                  .label = label_seasonal,
                                                  .forecast = forecast_seasonal};
