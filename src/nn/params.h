/* Parameters of a model: one flat aligned block of values, one of gradients, and a table of names.
 *
 * Life cycle   zeroed struct -> tdl_params_add ... -> tdl_params_seal -> use -> tdl_params_release
 * Layout       slices lie in reverse order of their declaration, that is in the order in which the
 *              backward pass completes their gradients; each starts on a 64-byte boundary, the gap
 *              before it holds zeros in every block
 */
#ifndef TDL_NN_PARAMS_H
#define TDL_NN_PARAMS_H

#include <stdint.h>

#include "nn/real.h"

enum { TDL_PARAM_NAME_MAX = 64 };

/* A matrix [rows][cols] inside the block; a vector has rows = 1. */
typedef struct tdl_slice {
    char name[TDL_PARAM_NAME_MAX];
    size_t rows, cols, offset;
    bool decay;  /* weight decay applies: matrices and tables, not biases */
    bool frozen; /* no optimiser touches it: transfer learning */
    int adapter; /* first slice of its low-rank adapter, see nn/lora.h; 0 = none */
} tdl_slice;

typedef struct tdl_params {
    tdl_slice *slice; /* [slices_n] */
    int slices_n, slices_cap;
    size_t n;               /* numbers in each block */
    tdl_real *value, *grad; /* [n], NULL until sealed */
    uint8_t *mask;          /* [n] 0: held at zero, as pruned weights are; NULL: none is */
    double adapter_scale;   /* of all adapters, when they start */
    bool failed;            /* no memory for a slice, or added after seal; told by seal */
} tdl_params;

/* Who wants to know, while a backward pass goes on, how far the gradient is done: this pass writes
 * grad[0, end) no more. Comes after every op, also where `end` has not moved. */
typedef struct tdl_gradient_watch {
    void (*passed)(void *context, size_t end);
    void *context;
} tdl_gradient_watch;

/* Declare a slice; returns its number. The name is copied. */
int tdl_params_add(tdl_params *params, const char *name, size_t rows, size_t cols, bool decay);

/* Lay out and allocate, all zeros. TDL_E_INVALID | TDL_E_NO_MEMORY */
tdl_status tdl_params_seal(tdl_params *params, tdl_report *why);
void tdl_params_release(tdl_params *params); /* accepts a zeroed struct */

/* Training is over: give the gradients back to the system. */
void tdl_params_freeze(tdl_params *params);

tdl_real *tdl_params_value(const tdl_params *params, int slice); /* [rows][cols] */
tdl_real *tdl_params_grad(const tdl_params *params, int slice);

#endif
