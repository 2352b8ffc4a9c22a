#include "nn/gauss_legendre.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

/* P_n(x), and its slope, by the three-term recurrence. */
static double legendre(size_t n, double x, double *ret_slope)
{
    double before = 1, at = x;

    for (size_t j = 2; j <= n; j++) {
        double next = ((2 * (double)j - 1) * x * at - ((double)j - 1) * before) / (double)j;

        before = at;
        at = next;
    }
    *ret_slope = (double)n * (x * at - before) / (x * x - 1);
    return at;
}

void tdl_gauss_legendre(size_t n, double *node, double *weight)
{
    for (size_t k = 0; k < (n + 1) / 2; k++) {
        double x = cos(PI * ((double)k + 0.75) / ((double)n + 0.5)), slope = 1;

        for (int turn = 0; turn < 8; turn++) { // quadratic from a start this good
            double value = legendre(n, x, &slope);

            x -= value / slope;
        }
        if (2 * k + 1 == n)
            x = 0;
        legendre(n, x, &slope);
        weight[k] = weight[n - 1 - k] = 1 / ((1 - x * x) * slope * slope);
        node[n - 1 - k] = (1 + x) / 2;
        node[k] = (1 - x) / 2;
    }
}
