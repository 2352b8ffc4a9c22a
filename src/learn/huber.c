#include "learn/huber.h"

#include <math.h>
#include <stdlib.h>

#include "base/sorted.h"

const double tdl_huber_tuning = 1.345;
static const double NORMAL = 0.6744897501960817; /* half of a normal distribution lies within */

double tdl_robust_deviation(double *size, size_t n)
{
    for (size_t i = 0; i < n; i++)
        size[i] = fabs(size[i]);
    tdl_sort_numbers(size, n);
    return tdl_quantile(size, n, 0.5) / NORMAL;
}

static double deviation(const double *y, size_t n)
{
    double mean = 0, square = 0;

    for (size_t i = 0; i < n; i++)
        mean += y[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        square += (y[i] - mean) * (y[i] - mean) / (double)n;
    return sqrt(square);
}

/* Where more than half of the targets are one value, their plain deviation has to do. */
tdl_status tdl_robust_centre(const tdl_problem *p, double *ret_middle, double *ret_deviation,
                             tdl_report *why)
{
    size_t n = p->x->rows;
    double *y = malloc((n + 1) * sizeof *y), plain, robust;

    if (!y)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu targets", n);
    for (size_t i = 0; i < n; i++)
        y[i] = (double)p->y[i];
    plain = deviation(y, n);
    tdl_sort_numbers(y, n);
    *ret_middle = tdl_quantile(y, n, 0.5);
    for (size_t i = 0; i < n; i++)
        y[i] -= *ret_middle;
    robust = tdl_robust_deviation(y, n);
    free(y);
    *ret_deviation = robust > 0 ? robust : plain > 0 ? plain : 1;
    return TDL_OK;
}

tdl_status tdl_huber_delta(const tdl_problem *p, double *ret, tdl_report *why)
{
    double middle, scale = 1;
    tdl_status st = tdl_robust_centre(p, &middle, &scale, why);

    *ret = tdl_huber_tuning * scale / 2;
    return st;
}
