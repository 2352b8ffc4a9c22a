#include "train/onnx_layers.h"
#include "train/onnx_ops.h"

/* A weight below the scope, of one or two axes. */
static const char *vector(tdl_onnx *g, const char *name, size_t n, const float *data)
{
    return tdl_onnx_tensor(g, tdl_onnx_scoped(g, name), TDL_ONNX_F32, 1, &n, data);
}

static const char *matrix(tdl_onnx *g, const char *name, size_t rows, size_t columns,
                          const float *data)
{
    return tdl_onnx_tensor(g, tdl_onnx_scoped(g, name), TDL_ONNX_F32, 2, (size_t[]){rows, columns},
                           data);
}

/* ---- any shape ---- */

const char *tdl_onnx_linear(tdl_onnx *g, const char *x, size_t in, size_t out, const float *w,
                            const float *b)
{
    const char *y = tdl_onnx_binary(g, "MatMul", x, matrix(g, "W", in, out, w));

    return b ? tdl_onnx_binary(g, "Add", y, vector(g, "b", out, b)) : y;
}

static const char *leaky_relu(tdl_onnx *g, const char *x, float slope)
{
    return tdl_onnx_add(g, &(tdl_onnx_node){.op = "LeakyRelu",
                                            .inputs = {x},
                                            .attributes = {TDL_ONNX_SET_FLOAT("alpha", slope)}});
}

/* x/2 (1 + s) */
static const char *half_gated(tdl_onnx *g, const char *x, const char *s)
{
    return tdl_onnx_times(g, tdl_onnx_scale(g, x, 0.5F),
                          tdl_onnx_binary(g, "Add", s, tdl_onnx_float(g, 1)));
}

/* x/2 (1 + erf(x / sqrt 2)) */
static const char *gelu_erf(tdl_onnx *g, const char *x)
{
    return half_gated(g, x, tdl_onnx_unary(g, "Erf", tdl_onnx_scale(g, x, 0.707106781186547524F)));
}

/* x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
static const char *gelu_tanh(tdl_onnx *g, const char *x)
{
    const char *cube = tdl_onnx_times(g, tdl_onnx_times(g, x, x), x);
    const char *inner = tdl_onnx_plus(g, x, tdl_onnx_scale(g, cube, 0.044715F));

    return half_gated(g, x,
                      tdl_onnx_unary(g, "Tanh", tdl_onnx_scale(g, inner, 0.797884560802865356F)));
}

const char *tdl_onnx_activate(tdl_onnx *g, const char *x, tdl_onnx_activation activation,
                              float slope)
{
    switch (activation) {
    case TDL_ONNX_RELU:
        return tdl_onnx_unary(g, "Relu", x);
    case TDL_ONNX_LEAKY_RELU:
        return leaky_relu(g, x, slope);
    case TDL_ONNX_TANH:
        return tdl_onnx_unary(g, "Tanh", x);
    case TDL_ONNX_SIGMOID:
        return tdl_onnx_unary(g, "Sigmoid", x);
    case TDL_ONNX_SILU:
        return tdl_onnx_times(g, x, tdl_onnx_unary(g, "Sigmoid", x));
    case TDL_ONNX_GELU_ERF:
        return gelu_erf(g, x);
    case TDL_ONNX_GELU_TANH:
        return gelu_tanh(g, x);
    case TDL_ONNX_IDENTITY:
        break;
    }
    return x;
}

const char *tdl_onnx_softmax(tdl_onnx *g, const char *x)
{
    return tdl_onnx_add(g, &(tdl_onnx_node){.op = "Softmax",
                                            .inputs = {x},
                                            .attributes = {TDL_ONNX_SET_INT("axis", -1)}});
}

/* The operator wants a gain: [1] broadcasts. */
const char *tdl_onnx_layer_norm(tdl_onnx *g, const char *x, size_t width, const float *gain,
                                const float *bias, float eps)
{
    static const float one = 1;

    return tdl_onnx_add(
        g, &(tdl_onnx_node){
               .op = "LayerNormalization",
               .inputs = {x, gain ? vector(g, "gain", width, gain) : vector(g, "gain", 1, &one),
                          bias ? vector(g, "bias", width, bias) : NULL},
               .attributes = {TDL_ONNX_SET_INT("axis", -1), TDL_ONNX_SET_FLOAT("epsilon", eps)}});
}

/* x / sqrt(mean x^2 + eps) * gain */
const char *tdl_onnx_rms_norm(tdl_onnx *g, const char *x, size_t width, const float *gain,
                              float eps)
{
    const char *square =
        tdl_onnx_add(g, &(tdl_onnx_node){.op = "ReduceMean",
                                         .inputs = {tdl_onnx_times(g, x, x)},
                                         .attributes = {TDL_ONNX_SET_INTS("axes", 1, {-1})}});
    const char *root =
        tdl_onnx_unary(g, "Sqrt", tdl_onnx_binary(g, "Add", square, tdl_onnx_float(g, eps)));
    const char *y = tdl_onnx_binary(g, "Div", x, root);

    return gain ? tdl_onnx_times(g, y, vector(g, "gain", width, gain)) : y;
}

const char *tdl_onnx_plus(tdl_onnx *g, const char *a, const char *b)
{
    return tdl_onnx_binary(g, "Add", a, b);
}

const char *tdl_onnx_times(tdl_onnx *g, const char *a, const char *b)
{
    return tdl_onnx_binary(g, "Mul", a, b);
}

const char *tdl_onnx_scale(tdl_onnx *g, const char *x, float factor)
{
    return tdl_onnx_binary(g, "Mul", x, tdl_onnx_float(g, factor));
}

const char *tdl_onnx_slice(tdl_onnx *g, const char *x, int64_t axis, int64_t begin, int64_t end)
{
    return tdl_onnx_add(
        g, &(tdl_onnx_node){.op = "Slice",
                            .inputs = {x, tdl_onnx_axis(g, begin), tdl_onnx_axis(g, end),
                                       tdl_onnx_axis(g, axis)}});
}

const char *tdl_onnx_concat(tdl_onnx *g, const char *a, const char *b, int64_t axis)
{
    return tdl_onnx_add(g, &(tdl_onnx_node){.op = "Concat",
                                            .inputs = {a, b},
                                            .attributes = {TDL_ONNX_SET_INT("axis", axis)}});
}

const char *tdl_onnx_rename(tdl_onnx *g, const char *x, const char *name)
{
    return tdl_onnx_add(g, &(tdl_onnx_node){.op = "Identity", .output = name, .inputs = {x}});
}

/* ---- front ends ---- */

const char *tdl_onnx_table(tdl_onnx *g, const char *name, size_t rows, size_t width,
                           const float *table)
{
    return tdl_onnx_tensor(g, name, TDL_ONNX_F32, 2, (size_t[]){rows, width}, table);
}

const char *tdl_onnx_embed(tdl_onnx *g, const char *ids, const char *table)
{
    return tdl_onnx_binary(g, "Gather", table, ids);
}

const char *tdl_onnx_score(tdl_onnx *g, const char *x, const char *table)
{
    return tdl_onnx_binary(g, "MatMul", x, tdl_onnx_unary(g, "Transpose", table));
}

const char *tdl_onnx_positions(tdl_onnx *g, const char *x)
{
    const char *length = tdl_onnx_unary(g, "Squeeze", tdl_onnx_sizes(g, x, 1, 2));

    return tdl_onnx_add(
        g, &(tdl_onnx_node){.op = "Range",
                            .inputs = {tdl_onnx_int(g, 0), length, tdl_onnx_int(g, 1)}});
}

/* max(lengths - 1 - position, 0) */
const char *tdl_onnx_positions_from_end(tdl_onnx *g, const char *x, const char *lengths)
{
    const char *last = tdl_onnx_binary(g, "Sub", lengths, tdl_onnx_int(g, 1));
    const char *column = tdl_onnx_unsqueeze(g, last, 1);

    return tdl_onnx_binary(g, "Max", tdl_onnx_binary(g, "Sub", column, tdl_onnx_positions(g, x)),
                           tdl_onnx_int(g, 0));
}

const char *tdl_onnx_feature_affine(tdl_onnx *g, const char *x, size_t features, size_t width,
                                    const float *w, const float *b)
{
    const char *columns = tdl_onnx_unsqueeze(g, x, -1);

    return tdl_onnx_plus(g, tdl_onnx_times(g, columns, matrix(g, "W", features, width, w)),
                         matrix(g, "b", features, width, b));
}

const char *tdl_onnx_prepend(tdl_onnx *g, const char *x, size_t width, const float *row)
{
    const char *shape =
        tdl_onnx_concat(g, tdl_onnx_sizes(g, x, 0, 1),
                        tdl_onnx_ints(g, (const int64_t[]){1, (int64_t)width}, 2), 0);

    return tdl_onnx_concat(g, tdl_onnx_binary(g, "Expand", vector(g, "row", width, row), shape), x,
                           1);
}

const char *tdl_onnx_lengthen(tdl_onnx *g, const char *lengths, int64_t more)
{
    return tdl_onnx_binary(g, "Add", lengths, tdl_onnx_int(g, more));
}

const char *tdl_onnx_patchify(tdl_onnx *g, const char *x, tdl_onnx_image image, size_t side)
{
    int64_t channels = (int64_t)image.channels, s = (int64_t)side;
    int64_t rows = (int64_t)image.height / s, columns = (int64_t)image.width / s;
    const char *split = tdl_onnx_ints(g, (const int64_t[]){0, channels, rows, s, columns, s}, 6);
    const char *squares = tdl_onnx_add(
        g, &(tdl_onnx_node){.op = "Transpose",
                            .inputs = {tdl_onnx_binary(g, "Reshape", x, split)},
                            .attributes = {TDL_ONNX_SET_INTS("perm", 6, {0, 2, 4, 1, 3, 5})}});

    return tdl_onnx_binary(
        g, "Reshape", squares,
        tdl_onnx_ints(g, (const int64_t[]){0, rows * columns, channels * s * s}, 3));
}

/* ---- images ---- */

const char *tdl_onnx_conv_2d(tdl_onnx *g, const char *x, const tdl_onnx_conv *c)
{
    int64_t side = (int64_t)c->side, stride = (int64_t)c->stride, pad = (int64_t)c->pad;
    const char *w = tdl_onnx_tensor(g, tdl_onnx_scoped(g, "W"), TDL_ONNX_F32, 4,
                                    (size_t[]){c->filters, c->channels, c->side, c->side}, c->w);

    return tdl_onnx_add(
        g, &(tdl_onnx_node){.op = "Conv",
                            .inputs = {x, w, c->b ? vector(g, "b", c->filters, c->b) : NULL},
                            .attributes = {TDL_ONNX_SET_INTS("kernel_shape", 2, {side, side}),
                                           TDL_ONNX_SET_INTS("pads", 4, {pad, pad, pad, pad}),
                                           TDL_ONNX_SET_INTS("strides", 2, {stride, stride})}});
}

const char *tdl_onnx_max_pool(tdl_onnx *g, const char *x, size_t side, size_t stride)
{
    int64_t s = (int64_t)side, step = (int64_t)stride;

    return tdl_onnx_add(
        g, &(tdl_onnx_node){.op = "MaxPool",
                            .inputs = {x},
                            .attributes = {TDL_ONNX_SET_INTS("kernel_shape", 2, {s, s}),
                                           TDL_ONNX_SET_INTS("strides", 2, {step, step})}});
}

const char *tdl_onnx_flatten(tdl_onnx *g, const char *x)
{
    return tdl_onnx_add(g, &(tdl_onnx_node){.op = "Flatten",
                                            .inputs = {x},
                                            .attributes = {TDL_ONNX_SET_INT("axis", 1)}});
}
