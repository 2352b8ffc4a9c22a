/* A small convolutional network for images.
 *
 *     stage i   conv k x k with padding k / 2 to `filters` channels, ReLU, then the largest of each
 *               pool x pool window
 *     head      all that is left, through `hidden` ReLU units and dropout, to logits of `classes`
 *
 * With `columns`, as many numbers stand behind the pixels of each image: they go through a ReLU
 * layer of their own and join what is left of the image before the hidden units.
 *
 * batch->x holds each image as [channels][height][width]; the loss is softmax_ce against
 * batch->target. (LeCun et al., Proc. IEEE 1998)
 */
#ifndef TDL_NN_CNN_H
#define TDL_NN_CNN_H

#include "nn/lora.h"

enum { TDL_CNN_STAGES_MAX = 8 };

typedef struct tdl_cnn_stage {
    size_t filters, kernel; /* kernel: odd */
    size_t pool;            /* 0 or 1 = none */
} tdl_cnn_stage;

typedef struct tdl_cnn_config {
    size_t channels, height, width;
    tdl_cnn_stage stage[TDL_CNN_STAGES_MAX];
    size_t stages_n;
    size_t columns; /* numbers behind the pixels; 0 = none */
    size_t hidden;  /* 0 = none */
    double drop;    /* of the hidden units */
    size_t classes;
    const tdl_lora_config *lora; /* adapters; NULL = none; read by _init only */
} tdl_cnn_config;

typedef struct tdl_cnn {
    tdl_cnn_config config;
    tdl_params params;
    tdl_net net;
    int filter[TDL_CNN_STAGES_MAX], filter_bias[TDL_CNN_STAGES_MAX]; /* slices */
    int column_weight, column_bias;                                  /* TDL_NONE = no columns */
    int w1, b1, w2, b2;                                              /* w1, b1: TDL_NONE = none */
    int input, scores;                                               /* values */
} tdl_cnn;

/* As tdl_mlp_init, _start and _release. */
tdl_status tdl_cnn_init(tdl_cnn *model, const tdl_cnn_config *config, tdl_report *why);
void tdl_cnn_start(tdl_cnn *model, uint64_t seed);
void tdl_cnn_release(tdl_cnn *model);

#endif
