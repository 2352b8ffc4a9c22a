#include "nn/act.h"

#include <string.h>

static const char *const names[] = {
    [TDL_ACT_NONE] = "none", [TDL_ACT_RELU] = "relu",
    [TDL_ACT_TANH] = "tanh", [TDL_ACT_SIGMOID] = "sigmoid",
    [TDL_ACT_GELU] = "gelu", [TDL_ACT_GELU_ERF] = "gelu_erf",
    [TDL_ACT_SILU] = "silu", [TDL_ACT_LEAKY_RELU] = "leaky_relu",
};
enum { NAMES_N = sizeof names / sizeof names[0] };

const char *tdl_act_name(tdl_act act)
{
    return (size_t)act < NAMES_N ? names[act] : "unknown";
}

tdl_status tdl_act_find(const char *name, tdl_act *ret, tdl_report *why)
{
    for (size_t i = 0; i < NAMES_N; i++)
        if (!strcmp(name, names[i])) {
            *ret = (tdl_act)i;
            return TDL_OK;
        }
    return TDL_FAIL_HINT(why, TDL_E_INVALID,
                         "there are none, relu, tanh, sigmoid, gelu, gelu_erf, silu and leaky_relu",
                         "there is no activation \"%s\"", name);
}
