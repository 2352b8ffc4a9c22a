/* Quantised models: any bytes are refused with a report, or taken over whole: finite, and fit to be
 * packed in the file's precision. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nn/layers.h"
#include "train/quant_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void decode(const tdl_st_file *file, tdl_net *net)
{
    tdl_precision precision;
    tdl_report why = {0};
    tdl_status st = tdl_quant_decode(file, net, &precision, &why);

    if (st && (st != why.status || !why.message[0] || net->params->value[0] != 7))
        abort();
    if (st)
        return;
    for (size_t i = 0; i < net->params->n; i++)
        if (!isfinite(net->params->value[i]))
            abort();
    if (tdl_net_pack_as(net, precision, NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    enum { IN = 33, OUT = 2 };
    const tdl_plan_options plan = {.rows = 1};
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    tdl_st_file *file = NULL;
    int w = tdl_params_add(&params, "w", IN, OUT, true);
    int b = tdl_params_add(&params, "b", 1, OUT, false);

    tdl_net_linear(&net, tdl_net_input(&net, IN), w, b, TDL_ACT_NONE);
    if (!tdl_params_seal(&params, NULL) && !tdl_net_plan(&net, &plan, NULL) &&
        !tdl_st_parse((tdl_str){(const char *)bytes, n}, &file, NULL)) {
        params.value[0] = 7; // a refused file changes nothing
        decode(file, &net);
    }
    tdl_st_free(file);
    tdl_net_release(&net);
    tdl_params_release(&params);
    return 0;
}
