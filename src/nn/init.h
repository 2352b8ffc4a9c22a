/* Initial values, seeded: value i of a slice depends on (seed, stream, i) only.
 *
 * Xavier: Glorot and Bengio, AISTATS 2010. He: He et al., ICCV 2015. For a slice [in][out]:
 *     xavier   uniform in +-sqrt(6 / (in + out)), for tanh and sigmoid
 *     he       uniform in +-sqrt(6 / in), for ReLU and its like
 *     gaussian normal(0, scale), for embeddings
 *     zero     biases; for hidden weights it leaves the units identical
 */
#ifndef TDL_NN_INIT_H
#define TDL_NN_INIT_H

#include <stdint.h>

#include "nn/params.h"

typedef enum tdl_init { TDL_INIT_ZERO, TDL_INIT_GAUSSIAN, TDL_INIT_XAVIER, TDL_INIT_HE } tdl_init;

/* scale: standard deviation of gaussian; a factor on the bound of xavier and he. */
void tdl_init_slice(tdl_params *params, int slice, tdl_init init, double scale, uint64_t seed);

#endif
