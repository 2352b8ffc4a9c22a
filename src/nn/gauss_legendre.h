/* The rule of Gauss and Legendre: integrals over [0, 1] from few values of a smooth function. With
 * n nodes it is exact for polynomials of degree 2 n - 1. */
#ifndef TDL_NN_GAUSS_LEGENDRE_H
#define TDL_NN_GAUSS_LEGENDRE_H

#include <stddef.h>

/* The integral of f is about the sum of weight[k] f(node[k]), k < n; nodes rise, in (0, 1). */
void tdl_gauss_legendre(size_t n, double *node, double *weight);

#endif
