/* ONNX models: a graph is built node by node and written as one file (opset 17, IR version 8).
 *
 * Every tensor of a graph has one name and is made by one call: an input, an initializer (a stored
 * tensor) or the output of a node. A node may use only what was made before it, so a graph is
 * well ordered as soon as it is built. The calls give the name of what they made; it lives as long
 * as the graph. The first failure is remembered and told by _write; until then every call accepts
 * what a failed one gave.
 *
 *     tdl_onnx *g = tdl_onnx_new("mlp");
 *     const tdl_onnx_dim dims[] = {TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(2)};
 *     const char *x = tdl_onnx_input(g, "x", TDL_ONNX_F32, 2, dims);
 *     const char *w = tdl_onnx_tensor(g, "W", TDL_ONNX_F32, 2, (size_t[]){2, 2}, weights);
 *     const char *y = tdl_onnx_add(g, &(tdl_onnx_node){.op = "MatMul", .inputs = {x, w}});
 *     tdl_onnx_output(g, y, TDL_ONNX_F32, 2, dims);
 *     st = tdl_onnx_write(g, "mlp.onnx", why);
 *
 * Names are checked, operators and shapes are not: a wrong graph is written as it is. The layers of
 * onnx_layers.h make right ones. Initializers are borrowed until the graph is written.
 */
#ifndef TDL_TRAIN_ONNX_H
#define TDL_TRAIN_ONNX_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

typedef enum tdl_onnx_type { /* numbers as in the file */
                             TDL_ONNX_F32 = 1,
                             TDL_ONNX_I32 = 6,
                             TDL_ONNX_I64 = 7,
                             TDL_ONNX_BOOL = 9,
} tdl_onnx_type;

enum { TDL_ONNX_RANK_MAX = 8, TDL_ONNX_INPUTS_MAX = 8, TDL_ONNX_ATTRIBUTES_MAX = 8 };

typedef struct tdl_onnx tdl_onnx;

/* NULL: no memory; every call below accepts NULL and fails. */
tdl_onnx *tdl_onnx_new(const char *name);
void tdl_onnx_free(tdl_onnx *graph);

/* An axis of an input or output: a name for one that varies from run to run ("batch", "length"), or
 * a size. */
typedef struct tdl_onnx_dim {
    const char *symbol;
    size_t size;
} tdl_onnx_dim;
#define TDL_ONNX_VARYING(name)                                                                     \
    {                                                                                              \
        .symbol = (name), .size = 0                                                                \
    }
#define TDL_ONNX_FIXED(n)                                                                          \
    {                                                                                              \
        .symbol = NULL, .size = (n)                                                                \
    }
#define TDL_ONNX_DIMS(...) ((const tdl_onnx_dim[]){__VA_ARGS__})

const char *tdl_onnx_input(tdl_onnx *graph, const char *name, tdl_onnx_type type, size_t rank,
                           const tdl_onnx_dim *dims);
/* `name` must have been made; it may be renamed by an Identity node before. */
void tdl_onnx_output(tdl_onnx *graph, const char *name, tdl_onnx_type type, size_t rank,
                     const tdl_onnx_dim *dims);

/* An initializer. data [product of shape], borrowed; bool is one byte each. */
const char *tdl_onnx_tensor(tdl_onnx *graph, const char *name, tdl_onnx_type type, size_t rank,
                            const size_t *shape, const void *data);
/* The same for data from malloc, which the graph frees; NULL: no memory, the graph fails. */
const char *tdl_onnx_take_tensor(tdl_onnx *graph, const char *name, tdl_onnx_type type, size_t rank,
                                 const size_t *shape, void *take_data);
/* Small constants, copied: a scalar, and a vector [n]. Equal ones are stored once. */
const char *tdl_onnx_float(tdl_onnx *graph, float value);
const char *tdl_onnx_int(tdl_onnx *graph, int64_t value);
const char *tdl_onnx_ints(tdl_onnx *graph, const int64_t *values, size_t n);

typedef enum tdl_onnx_attribute_kind {
    TDL_ONNX_NO_ATTRIBUTE,
    TDL_ONNX_FLOAT_ATTRIBUTE,
    TDL_ONNX_INT_ATTRIBUTE,
    TDL_ONNX_STRING_ATTRIBUTE,
    TDL_ONNX_TENSOR_ATTRIBUTE,
    TDL_ONNX_INTS_ATTRIBUTE,
} tdl_onnx_attribute_kind;

typedef struct tdl_onnx_attribute {
    tdl_onnx_attribute_kind kind;
    const char *name;
    float f;
    int64_t i;
    const char *s;
    size_t n; /* of ints; of the tensor, which is a vector */
    const int64_t *ints;
    tdl_onnx_type type; /* of the tensor */
    const void *data;   /* of the tensor */
} tdl_onnx_attribute;
#define TDL_ONNX_SET_FLOAT(attribute, value)                                                       \
    {                                                                                              \
        .kind = TDL_ONNX_FLOAT_ATTRIBUTE, .name = (attribute), .f = (value)                        \
    }
#define TDL_ONNX_SET_INT(attribute, value)                                                         \
    {                                                                                              \
        .kind = TDL_ONNX_INT_ATTRIBUTE, .name = (attribute), .i = (value)                          \
    }
#define TDL_ONNX_SET_STRING(attribute, value)                                                      \
    {                                                                                              \
        .kind = TDL_ONNX_STRING_ATTRIBUTE, .name = (attribute), .s = (value)                       \
    }
#define TDL_ONNX_SET_INTS(attribute, count, ...)                                                   \
    {                                                                                              \
        .kind = TDL_ONNX_INTS_ATTRIBUTE, .name = (attribute), .n = (count),                        \
        .ints = (const int64_t[])__VA_ARGS__                                                       \
    }

typedef struct tdl_onnx_node {
    const char *op;
    const char *name;   /* of the node; NULL: as its output */
    const char *output; /* NULL: a new name from the scope and the operator, "block.0/MatMul_7" */
    const char
        *inputs[TDL_ONNX_INPUTS_MAX]; /* up to the first NULL; "" leaves an optional one out */
    tdl_onnx_attribute attributes[TDL_ONNX_ATTRIBUTES_MAX]; /* up to the first without a kind */
} tdl_onnx_node;

/* A node with one output, whose name is given back. */
const char *tdl_onnx_add(tdl_onnx *graph, const tdl_onnx_node *node);

/* What the names of the following nodes begin with; "" at first. */
void tdl_onnx_scope(tdl_onnx *graph, const char *scope);
/* A name below the scope, "block.0/W", for an initializer; it lives as long as the graph. */
const char *tdl_onnx_scoped(tdl_onnx *graph, const char *name);

/* TDL_E_TOO_LARGE for a graph of 2 GiB or more, which one file cannot hold. */
tdl_status tdl_onnx_write(const tdl_onnx *graph, const char *path, tdl_report *why);

#endif
