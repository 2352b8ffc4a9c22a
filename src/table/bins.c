#include "table/bins.h"

#include <math.h>

#include "base/sorted.h"

size_t tdl_bins_edges(const double *sorted, size_t n, size_t bins, double *ret)
{
    size_t edges = 0;

    for (size_t i = 0; i <= bins; i++) {
        double e = tdl_quantile(sorted, n, bins ? (double)i / (double)bins : 0);

        if (!edges || e > ret[edges - 1])
            ret[edges++] = e;
    }
    return edges;
}

void tdl_bins_encode(const double *edge, size_t edges_n, double x, double *ret)
{
    for (size_t j = 0; j + 1 < edges_n; j++) {
        double share = isnan(x) ? 0 : (x - edge[j]) / (edge[j + 1] - edge[j]);

        if (share < 0 && j > 0)
            share = 0;
        if (share > 1 && j + 2 < edges_n)
            share = 1;
        ret[j] = share;
    }
}
