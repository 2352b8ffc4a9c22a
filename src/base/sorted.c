#include "base/sorted.h"

#include <assert.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void tdl_sort_numbers(double *values, size_t n)
{
    if (n > 1)
        qsort(values, n, sizeof *values, ascending);
}

double tdl_quantile(const double *sorted, size_t n, double p)
{
    double at, share;
    size_t below;

    assert(n >= 1 && p >= 0 && p <= 1);
    at = p * (double)(n - 1);
    below = (size_t)at;
    share = at - (double)below;
    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}
