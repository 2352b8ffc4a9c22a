/* softplus(x) = log(1 + exp(x)), the smooth hinge of the logistic losses, without overflow. */
#ifndef TDL_NN_SOFTPLUS_H
#define TDL_NN_SOFTPLUS_H

#include "nn/real.h"

/* y[n] = softplus(x) and slope[n] = sigmoid(x), which is its derivative. slope may be NULL, or x
 * itself; y and x must not overlap. */
void tdl_softplus(size_t n, const tdl_real *x, tdl_real *y, tdl_real *slope);

#endif
