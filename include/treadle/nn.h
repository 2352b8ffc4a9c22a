/* Neural networks in your own program: build, train, predict, save.
 *
 *     tdl_model *model;
 *     tdl_report why;
 *     if (tdl_model_new(2, &model, &why) || tdl_model_dense(model, 2, "sigmoid", &why) || ...)
 *         puts(why.message);
 *
 * Life cycle   tdl_model_new or _load -> _dense, _dropout ... -> _fit, _predict, _save ... -> _free
 * Memory       what a call is given is borrowed for the call; matrices are row-major
 * Threads      one model, one thread at a time
 * Same data, same seed, same bits, for any number of threads and any instruction set.
 */
#ifndef TREADLE_NN_H
#define TREADLE_NN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "treadle/status.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default) /* all else in the library is hidden */

typedef struct tdl_model tdl_model;

/* A model that takes rows of `inputs` numbers. TDL_E_INVALID | TDL_E_NO_MEMORY */
tdl_status tdl_model_new(size_t inputs, tdl_model **ret, tdl_report *why);
void tdl_model_free(tdl_model *model); /* accepts NULL */

/* Append a fully connected layer of `outputs` units: act(x W + b). activation: "none", "sigmoid",
 * "tanh", "relu", "leaky_relu", "gelu", "gelu_erf" or "silu". Layers come before fit and predict.
 * W starts by He for the ReLU family and by Xavier otherwise, b at zero. */
tdl_status tdl_model_dense(tdl_model *model, size_t outputs, const char *activation,
                           tdl_report *why);
/* Append dropout of that share of the units, in [0, 1); it acts in training only. */
tdl_status tdl_model_dropout(tdl_model *model, double rate, tdl_report *why);

size_t tdl_model_inputs(const tdl_model *model);
size_t tdl_model_outputs(const tdl_model *model);

/* Parameters by name: "dense.0.weight" [in][out], "dense.0.bias" [out], "dense.1.weight", ...
 * n: numbers given or wanted, which must be all of them. TDL_E_NOT_FOUND lists the names. */
tdl_status tdl_model_set(tdl_model *model, const char *parameter, const float *values, size_t n,
                         tdl_report *why);
tdl_status tdl_model_get(tdl_model *model, const char *parameter, float *ret, size_t n,
                         tdl_report *why);
/* All numbers of a parameter to one value. */
tdl_status tdl_model_fill(tdl_model *model, const char *parameter, float value, tdl_report *why);

/* y[rows][outputs] = model(x[rows][inputs]). TDL_E_INVALID names row and column of what is not a
 * finite number. */
tdl_status tdl_model_predict(tdl_model *model, const float *x, size_t rows, float *y,
                             tdl_report *why);

/* How to train. Zeros are sane: only what you set differs from what is said here. */
typedef struct tdl_fit_options {
    const char *loss;      /* "mse" (default), "huber", "hinge" (y: -1 or 1), "binary" (y in [0, 1],
                            * the model gives logits), "classes" (y: one class number a row, the
                            * model gives a score for each) */
    const char *optimiser; /* "adam" (default), "sgd", "momentum", "nesterov", "adagrad", "rmsprop",
                            * "adamw" */
    const char *schedule;  /* "constant" (default), "step", "exponential", "cosine", "linear",
                            * "plateau" */
    double rate;           /* 0 = the optimiser's usual one */
    double momentum;       /* 0 = 0.9, for momentum and nesterov */
    double l1, l2;         /* penalties; 0 = none */
    double clip;           /* largest gradient norm; 0 = no clipping */
    unsigned epochs;       /* at most; 0 = 100 */
    size_t batch;          /* rows per step; 0 = 32 */
    double stop_loss;      /* stop when an epoch's mean loss is below it; 0 = never */
    double validation;     /* share of the rows held out, in [0, 1); needed by patience */
    unsigned patience;     /* stop after so many epochs without a better validation loss and go
                            * back to the best; 0 = run to the end */
    bool keep_weights;     /* go on from the weights there are; default: start anew by the seed */
    uint64_t seed;
    unsigned threads; /* 0 = all cores */
    /* Told after each epoch; may be NULL. Returning false stops the training. */
    bool (*on_epoch)(void *context, unsigned epoch, double loss);
    void *context;
} tdl_fit_options;

typedef struct tdl_fit_result {
    unsigned epochs;     /* run */
    double loss;         /* mean training loss of the last one */
    double validation;   /* best validation loss; NaN without validation */
    const char *stopped; /* why: "epochs", "loss_threshold", "patience", "diverged", "stopped" */
} tdl_fit_result;

/* Train on x[rows][inputs] and y[rows][outputs] (y[rows] for "classes"). options and ret_result may
 * be NULL. TDL_E_INVALID: options, or numbers that are not finite, by name or by row and column. */
tdl_status tdl_model_fit(tdl_model *model, const float *x, const float *y, size_t rows,
                         const tdl_fit_options *options, tdl_fit_result *ret_result,
                         tdl_report *why);

/* A safetensors file with the layers in its metadata. Loading treats the file as hostile. */
tdl_status tdl_model_save(tdl_model *model, const char *path, tdl_report *why);
tdl_status tdl_model_load(const char *path, tdl_model **ret, tdl_report *why);

/* An ONNX file that other runtimes read: input "x" [batch][inputs], output "y". */
tdl_status tdl_model_export_onnx(tdl_model *model, const char *path, tdl_report *why);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
