/* Activations by name: "none", "relu", "tanh", "sigmoid", "gelu" (the tanh form), "gelu_erf",
 * "silu", "leaky_relu". */
#ifndef TDL_NN_ACT_H
#define TDL_NN_ACT_H

#include "tensor/gemm.h"

const char *tdl_act_name(tdl_act act);
/* TDL_E_INVALID: there is none of that name; the hint lists them. */
tdl_status tdl_act_find(const char *name, tdl_act *ret, tdl_report *why);

#endif
