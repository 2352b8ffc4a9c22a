#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/summary.h"

typedef struct weighted {
    double y, weight;
} weighted;

static int by_value(const void *a, const void *b)
{
    double x = ((const weighted *)a)->y, y = ((const weighted *)b)->y;

    return (x > y) - (x < y);
}

static double weight_of(const tdl_problem *p, size_t i)
{
    return p->weight ? (double)p->weight[i] : 1;
}

/* Quantile of weighted values, between the middles of their weights; with equal weights, Hazen's
 * rule (Hyndman and Fan type 5). */
static double quantile_of(const weighted *v, size_t n, double sum, double q)
{
    double below = 0, before = 0;

    for (size_t i = 0; i < n; i++) {
        double at = (below + v[i].weight / 2) / sum;

        if (at >= q)
            return i == 0 || !(at > before)
                       ? v[i].y
                       : v[i - 1].y + (v[i].y - v[i - 1].y) * (q - before) / (at - before);
        below += v[i].weight;
        before = at;
    }
    return v[n - 1].y;
}

/* Log of the mean count; a prior mean counts as one more row. */
static double log_mean(double sum, double total, const double *prior)
{
    return log(fmax(prior ? (sum + *prior) / (total + 1) : sum / fmax(total, 1e-12), 1e-6));
}

bool tdl_summary_sorts(const tdl_problem *p)
{
    return p->task == TDL_TASK_QUANTILE || p->aim == TDL_AIM_ABSOLUTE || p->aim == TDL_AIM_HUBER;
}

/* Quantiles, or the median, of the values in `scratch`. */
static void sorted_summary(const tdl_problem *p, double *scratch, size_t n, double total,
                           double *ret)
{
    qsort(scratch, n, sizeof(weighted), by_value);
    if (p->task != TDL_TASK_QUANTILE)
        ret[0] = quantile_of((const weighted *)scratch, n, total, 0.5);
    for (size_t h = 0; p->task == TDL_TASK_QUANTILE && h < p->quantiles_n; h++)
        ret[h] = quantile_of((const weighted *)scratch, n, total, p->quantile[h]);
}

void tdl_summary(const tdl_problem *p, const uint32_t *row, size_t n, const double *prior,
                 double *scratch, double *ret)
{
    size_t classes = p->classes_n;
    bool sorts = scratch && tdl_summary_sorts(p);
    double sum = 0, total = 0, one = 0;

    for (size_t c = 0; c < classes && p->task != TDL_TASK_BINARY; c++)
        ret[c] = prior ? prior[c] : 1 / (double)classes;
    for (size_t i = 0; i < n; i++) {
        size_t at = row ? row[i] : i;
        double weight = weight_of(p, at), y = (double)p->y[at];

        total += weight;
        sum += weight * y;
        if (p->task == TDL_TASK_BINARY)
            one += y > 0 ? weight : 0;
        else if (classes)
            ret[(size_t)y] += weight;
        if (sorts)
            memcpy(scratch + 2 * i, &(weighted){y, weight}, sizeof(weighted));
    }
    if (sorts) {
        sorted_summary(p, scratch, n, fmax(total, 1e-12), ret);
        return;
    }
    switch (p->task) {
    case TDL_TASK_BINARY:
        one += prior ? prior[1] : 0.5;
        ret[0] = log(one / (total + 1 - one));
        return;
    case TDL_TASK_CLASSES:
    case TDL_TASK_ORDINAL:
        for (size_t c = 0; c < classes; c++)
            ret[c] = log(fmax(ret[c] / (total + 1), 1e-12));
        return;
    case TDL_TASK_COUNT:
        ret[0] = log_mean(sum, total, prior);
        return;
    default:
        ret[0] = total > 0 ? sum / total : 0;
        return;
    }
}
