/* A model of the public API: its layers, and the net that is made of them. Private to src/api. */
#ifndef TDL_API_MODEL_H
#define TDL_API_MODEL_H

#include "nn/net.h"
#include "treadle/nn.h"

enum { TDL_MODEL_LAYERS_MAX = 256, TDL_MODEL_WIDTH_MAX = 1 << 20, TDL_MODEL_BATCH_MAX = 1 << 13 };

typedef struct tdl_model_layer {
    bool dropout;
    double rate;
    size_t outputs;
    tdl_act act;
    int weight, bias; /* slices, once sealed */
} tdl_model_layer;

struct tdl_model {
    size_t inputs;
    tdl_model_layer layer[TDL_MODEL_LAYERS_MAX];
    size_t layers_n;
    tdl_params params; /* without values until sealed */
    tdl_net net;
};

/* The layers are complete: allocate the parameters, unless that was done. */
tdl_status tdl_model_seal(tdl_model *model, tdl_report *why);
/* Parameters to their seeded starting values. */
void tdl_model_start(tdl_model *model, uint64_t seed);
/* A new net of the layers, not planned; returns its last value. */
int tdl_model_build(tdl_model *model);

#endif
