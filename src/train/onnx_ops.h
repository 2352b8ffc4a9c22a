/* Operators by their number of inputs: what the files that emit layers share. */
#ifndef TDL_TRAIN_ONNX_OPS_H
#define TDL_TRAIN_ONNX_OPS_H

#include "train/onnx.h"

static inline const char *tdl_onnx_unary(tdl_onnx *g, const char *op, const char *x)
{
    return tdl_onnx_add(g, &(tdl_onnx_node){.op = op, .inputs = {x}});
}

static inline const char *tdl_onnx_binary(tdl_onnx *g, const char *op, const char *a, const char *b)
{
    return tdl_onnx_add(g, &(tdl_onnx_node){.op = op, .inputs = {a, b}});
}

/* The constant [value], of one axis: what an operator takes as a list of axes or bounds. */
static inline const char *tdl_onnx_axis(tdl_onnx *g, int64_t value)
{
    return tdl_onnx_ints(g, &value, 1);
}

static inline const char *tdl_onnx_unsqueeze(tdl_onnx *g, const char *x, int64_t axis)
{
    return tdl_onnx_binary(g, "Unsqueeze", x, tdl_onnx_axis(g, axis));
}

/* Sizes of the axes begin..end-1 of x, [end - begin]. */
static inline const char *tdl_onnx_sizes(tdl_onnx *g, const char *x, int64_t begin, int64_t end)
{
    return tdl_onnx_add(g, &(tdl_onnx_node){.op = "Shape",
                                            .inputs = {x},
                                            .attributes = {TDL_ONNX_SET_INT("start", begin),
                                                           TDL_ONNX_SET_INT("end", end)}});
}

#endif
