/* Initial values, seeded: value i of a slice depends on (seed, slice, i) only.
 *
 * Xavier: Glorot and Bengio, AISTATS 2010. He: He et al., ICCV 2015. For a slice [in][out]:
 *     gaussian        normal(mean, std), for embeddings
 *     xavier_uniform  in +-gain sqrt(6 / (in + out)), for tanh and sigmoid
 *     xavier_normal   of deviation gain sqrt(2 / (in + out))
 *     he_uniform      in +-gain sqrt(6 / in), for ReLU and its like
 *     he_normal       of deviation gain sqrt(2 / in)
 *     zero            biases; for hidden weights it leaves the units identical
 */
#ifndef TDL_NN_INIT_H
#define TDL_NN_INIT_H

#include <stdint.h>

#include "nn/params.h"

typedef enum tdl_init {
    TDL_INIT_ZERO,
    TDL_INIT_GAUSSIAN,
    TDL_INIT_XAVIER, /* uniform */
    TDL_INIT_HE,     /* uniform */
    TDL_INIT_XAVIER_NORMAL,
    TDL_INIT_HE_NORMAL
} tdl_init;

typedef struct tdl_init_config {
    tdl_init kind;
    double mean; /* gaussian */
    double std;  /* gaussian; >= 0 */
    double gain; /* xavier, he; > 0; 0 = 1 */
} tdl_init_config;

/* The kind of that name, as in the list above. TDL_E_INVALID: there is none. */
tdl_status tdl_init_find(const char *name, tdl_init *ret, tdl_report *why);

/* Fill a slice.
 *   ret_note  may be NULL; told when a matrix of several units becomes zero: hidden units
 *             stay identical
 *   returns   TDL_OK | TDL_E_INVALID (which setting) */
tdl_status tdl_init_fill(tdl_params *params, int slice, const tdl_init_config *config,
                         uint64_t seed, tdl_report *ret_note, tdl_report *why);

/* The same for settings that are known to be right.
 *   scale  standard deviation of gaussian, whose mean is 0; gain of xavier and he */
void tdl_init_slice(tdl_params *params, int slice, tdl_init init, double scale, uint64_t seed);

#endif
