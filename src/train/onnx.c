#include "train/onnx.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "train/protobuf.h"

#define HASH_FUNCTION(key, len, hash)                                                              \
    (hash) = (unsigned)tdl_str_hash((tdl_str){(const char *)(key), (len)})
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { OPSET = 17, IR_VERSION = 8, FILE_MAX = INT32_MAX, CONSTANT_BYTES_MAX = 4096 };

/* Field numbers of onnx.proto. */
enum { MODEL_IR_VERSION = 1, MODEL_PRODUCER = 2, MODEL_GRAPH = 7, MODEL_OPSET = 8 };
enum { OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum { TENSOR_DIM = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TYPE_ELEMENT = 1, TYPE_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_SIZE = 1, DIM_SYMBOL = 2 };
enum {
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_FLOAT = 2,
    ATTRIBUTE_INT = 3,
    ATTRIBUTE_STRING = 4,
    ATTRIBUTE_TENSOR = 5,
    ATTRIBUTE_INTS = 8,
    ATTRIBUTE_TYPE = 20,
};

typedef struct name {
    UT_hash_handle hh;
    struct name *older;
    bool made; /* by an input, an initializer or a node; else only spoken of */
    char text[];
} name;

typedef struct initializer {
    const void *data; /* the caller's, or `own` */
    void *own;
    size_t bytes;
    size_t head_at, head_n; /* its message up to the data, in `heads` */
} initializer;

struct tdl_onnx {
    name *names, *newest; /* by text; by time */
    const char *graph_name, *scope;
    tdl_buf nodes, heads, inputs, outputs; /* fields of the graph's message */
    initializer *initializers;             /* [initializers_n] */
    size_t initializers_n, initializers_cap, nodes_n;
    tdl_status status;
    tdl_report why;
};

static const char *fail(tdl_onnx *g, tdl_status status, const char *about, const char *what)
{
    if (!g->status)
        g->status = TDL_FAIL(&g->why, status, "ONNX \"%.150s\": %s", about, what);
    return "";
}

static name *find(const tdl_onnx *g, const char *text)
{
    name *found;

    HASH_FIND(hh, g->names, text, strlen(text), found);
    return found;
}

/* The text, kept as long as the graph. NULL without memory. */
static name *keep(tdl_onnx *g, const char *text)
{
    size_t len = strlen(text);
    name *one = find(g, text);

    if (one)
        return one;
    if (!(one = malloc(sizeof *one + len + 1)))
        return NULL;
    one->made = false;
    memcpy(one->text, text, len + 1);
    HASH_ADD_KEYPTR(hh, g->names, one->text, len, one);
    if (!one->hh.tbl) { // no memory
        free(one);
        return NULL;
    }
    one->older = g->newest;
    g->newest = one;
    return one;
}

static const char *keep_text(tdl_onnx *g, const char *text)
{
    const name *kept = keep(g, text);

    return kept ? kept->text : fail(g, TDL_E_NO_MEMORY, text, "out of memory");
}

/* The name of a tensor that is made now; "" when it may not be. */
static const char *make(tdl_onnx *g, const char *text)
{
    name *one;

    if (!*text || !tdl_str_utf8(tdl_str_of(text), NULL))
        return fail(g, TDL_E_INVALID, text, "a tensor's name must be UTF-8 and not empty");
    if (!(one = keep(g, text)))
        return fail(g, TDL_E_NO_MEMORY, text, "out of memory");
    if (one->made)
        return fail(g, TDL_E_INVALID, text, "two tensors have this name");
    one->made = true;
    return one->text;
}

tdl_onnx *tdl_onnx_new(const char *graph_name)
{
    tdl_onnx *g = calloc(1, sizeof *g);

    if (!g)
        return NULL;
    g->graph_name = keep_text(g, graph_name);
    g->scope = keep_text(g, "");
    return g;
}

void tdl_onnx_free(tdl_onnx *g)
{
    name *older;

    if (!g)
        return;
    HASH_CLEAR(hh, g->names);
    for (name *one = g->newest; one; one = older) {
        older = one->older;
        free(one);
    }
    for (size_t i = 0; i < g->initializers_n; i++)
        free(g->initializers[i].own);
    free(g->initializers);
    tdl_buf_release(&g->nodes);
    tdl_buf_release(&g->heads);
    tdl_buf_release(&g->inputs);
    tdl_buf_release(&g->outputs);
    free(g);
}

/* printf into a name of the graph. */
static const char *format_name(tdl_onnx *g, const char *format, ...) TDL_PRINTF(2, 3);
static const char *format_name(tdl_onnx *g, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text)
        return fail(g, TDL_E_INVALID, text, "a name is longer than 511 bytes");
    return keep_text(g, text);
}

void tdl_onnx_scope(tdl_onnx *g, const char *scope)
{
    if (g && !g->status)
        g->scope = keep_text(g, scope);
}

const char *tdl_onnx_scoped(tdl_onnx *g, const char *text)
{
    if (!g || g->status)
        return "";
    return format_name(g, "%s%s%s", g->scope, *g->scope ? "/" : "", text);
}

/* ---- inputs and outputs ---- */

static void write_value(tdl_buf *out, uint32_t field, const char *text, tdl_onnx_type type,
                        size_t rank, const tdl_onnx_dim *dims)
{
    size_t value = tdl_pb_begin(out, field);
    tdl_pb_text(out, VALUE_NAME, text);
    size_t value_type = tdl_pb_begin(out, VALUE_TYPE);
    size_t tensor = tdl_pb_begin(out, TYPE_TENSOR);
    tdl_pb_uint(out, TYPE_ELEMENT, (uint64_t)type);
    size_t shape = tdl_pb_begin(out, TYPE_SHAPE);
    for (size_t i = 0; i < rank; i++) {
        size_t dim = tdl_pb_begin(out, SHAPE_DIM);
        if (dims[i].symbol)
            tdl_pb_text(out, DIM_SYMBOL, dims[i].symbol);
        else
            tdl_pb_uint(out, DIM_SIZE, dims[i].size);
        tdl_pb_end(out, dim);
    }
    tdl_pb_end(out, shape);
    tdl_pb_end(out, tensor);
    tdl_pb_end(out, value_type);
    tdl_pb_end(out, value);
}

const char *tdl_onnx_input(tdl_onnx *g, const char *text, tdl_onnx_type type, size_t rank,
                           const tdl_onnx_dim *dims)
{
    if (!g || g->status)
        return "";
    write_value(&g->inputs, GRAPH_INPUT, text, type, rank, dims);
    return make(g, text);
}

void tdl_onnx_output(tdl_onnx *g, const char *text, tdl_onnx_type type, size_t rank,
                     const tdl_onnx_dim *dims)
{
    const name *found;

    if (!g || g->status)
        return;
    if (!(found = find(g, text)) || !found->made)
        fail(g, TDL_E_INVALID, text, "an output which nothing makes");
    else
        write_value(&g->outputs, GRAPH_OUTPUT, text, type, rank, dims);
}

/* ---- initializers ---- */

static size_t element_bytes(tdl_onnx_type type)
{
    switch (type) {
    case TDL_ONNX_F32:
    case TDL_ONNX_I32:
        return 4;
    case TDL_ONNX_I64:
        return 8;
    case TDL_ONNX_BOOL:
        break;
    }
    return 1;
}

/* The fields of a tensor's message up to its data, and the announcement of the data. */
static void write_tensor_head(tdl_buf *out, const char *text, tdl_onnx_type type, size_t rank,
                              const size_t *shape, size_t bytes)
{
    for (size_t i = 0; i < rank; i++)
        tdl_pb_uint(out, TENSOR_DIM, shape[i]);
    tdl_pb_uint(out, TENSOR_TYPE, (uint64_t)type);
    if (text)
        tdl_pb_text(out, TENSOR_NAME, text);
    tdl_pb_head(out, TENSOR_RAW, bytes);
}

static bool room_for_one(tdl_onnx *g)
{
    size_t cap = g->initializers_cap ? g->initializers_cap * 2 : 64;
    initializer *grown;

    if (g->initializers_n < g->initializers_cap)
        return true;
    if (!(grown = realloc(g->initializers, cap * sizeof *grown)))
        return false;
    g->initializers = grown;
    g->initializers_cap = cap;
    return true;
}

/* Bytes of the data, or false when they overflow. */
static bool measure(tdl_onnx_type type, size_t rank, const size_t *shape, size_t *ret_bytes)
{
    *ret_bytes = element_bytes(type);
    for (size_t i = 0; i < rank; i++)
        if (__builtin_mul_overflow(*ret_bytes, shape[i], ret_bytes))
            return false;
    return rank <= TDL_ONNX_RANK_MAX;
}

/* `own`: the data, taken over; or NULL when it is borrowed. */
static const char *add_tensor(tdl_onnx *g, const char *text, tdl_onnx_type type, size_t rank,
                              const size_t *shape, const void *data, void *own)
{
    initializer one = {.data = data, .own = own, .head_at = g->heads.len};
    tdl_buf head = {0};
    const char *made;

    if (!measure(type, rank, shape, &one.bytes))
        return fail(g, TDL_E_INVALID, text, "too many axes, or a size that overflows");
    if (!*(made = make(g, text)))
        return made;
    write_tensor_head(&head, text, type, rank, shape, one.bytes);
    tdl_pb_head(&g->heads, GRAPH_INITIALIZER, head.len + one.bytes);
    tdl_buf_str(&g->heads, tdl_buf_view(&head));
    one.head_n = g->heads.len - one.head_at;
    bool failed = head.failed || g->heads.failed || !room_for_one(g);
    tdl_buf_release(&head);
    if (failed)
        return fail(g, TDL_E_NO_MEMORY, text, "out of memory");
    g->initializers[g->initializers_n++] = one;
    return made;
}

const char *tdl_onnx_tensor(tdl_onnx *g, const char *text, tdl_onnx_type type, size_t rank,
                            const size_t *shape, const void *data)
{
    if (!g || g->status)
        return "";
    return add_tensor(g, text, type, rank, shape, data, NULL);
}

const char *tdl_onnx_take_tensor(tdl_onnx *g, const char *text, tdl_onnx_type type, size_t rank,
                                 const size_t *shape, void *take_data)
{
    const char *made = "";

    if (g && !g->status)
        made = take_data ? add_tensor(g, text, type, rank, shape, take_data, take_data)
                         : fail(g, TDL_E_NO_MEMORY, text, "out of memory");
    if (!*made)
        free(take_data);
    return made;
}

/* A copied constant, unless one of this name, and so of this value, is there. */
static const char *add_constant(tdl_onnx *g, const char *text, tdl_onnx_type type, size_t rank,
                                size_t n, const void *data)
{
    const name *found = find(g, text);
    size_t bytes = n * element_bytes(type);
    void *own;

    if (!*text || (found && found->made))
        return text;
    if (bytes > CONSTANT_BYTES_MAX || !(own = malloc(bytes + 1)))
        return fail(g, TDL_E_NO_MEMORY, text, "no memory for a constant, or too long a one");
    if (n)
        memcpy(own, data, bytes);
    return tdl_onnx_take_tensor(g, text, type, rank, &n, own);
}

const char *tdl_onnx_float(tdl_onnx *g, float value)
{
    if (!g || g->status)
        return "";
    return add_constant(g, format_name(g, "constant/%.9g", (double)value), TDL_ONNX_F32, 0, 1,
                        &value);
}

const char *tdl_onnx_int(tdl_onnx *g, int64_t value)
{
    if (!g || g->status)
        return "";
    return add_constant(g, format_name(g, "constant/int %" PRId64, value), TDL_ONNX_I64, 0, 1,
                        &value);
}

const char *tdl_onnx_ints(tdl_onnx *g, const int64_t *values, size_t n)
{
    tdl_buf text = {.limit = CONSTANT_BYTES_MAX};
    const char *made;

    if (!g || g->status)
        return "";
    tdl_buf_text(&text, "constant/ints");
    for (size_t i = 0; i < n; i++)
        tdl_buf_printf(&text, " %" PRId64, values[i]);
    made = text.failed ? fail(g, TDL_E_INVALID, "constant/ints", "too long")
                       : add_constant(g, keep_text(g, text.at), TDL_ONNX_I64, 1, n, values);
    tdl_buf_release(&text);
    return made;
}

/* ---- nodes ---- */

/* AttributeProto's types in the order of our kinds. */
static const uint8_t ATTRIBUTE_TYPES[] = {0, 1, 2, 3, 4, 7};

static void write_attribute(tdl_buf *out, const tdl_onnx_attribute *a)
{
    size_t attribute = tdl_pb_begin(out, NODE_ATTRIBUTE);

    tdl_pb_text(out, ATTRIBUTE_NAME, a->name);
    switch (a->kind) {
    case TDL_ONNX_FLOAT_ATTRIBUTE:
        tdl_pb_float(out, ATTRIBUTE_FLOAT, a->f);
        break;
    case TDL_ONNX_INT_ATTRIBUTE:
        tdl_pb_int(out, ATTRIBUTE_INT, a->i);
        break;
    case TDL_ONNX_STRING_ATTRIBUTE:
        tdl_pb_text(out, ATTRIBUTE_STRING, a->s);
        break;
    case TDL_ONNX_TENSOR_ATTRIBUTE: {
        size_t tensor = tdl_pb_begin(out, ATTRIBUTE_TENSOR);
        size_t bytes = a->n * element_bytes(a->type);
        write_tensor_head(out, NULL, a->type, 1, &a->n, bytes);
        tdl_buf_add(out, a->data, bytes);
        tdl_pb_end(out, tensor);
        break;
    }
    case TDL_ONNX_INTS_ATTRIBUTE:
        for (size_t i = 0; i < a->n; i++)
            tdl_pb_int(out, ATTRIBUTE_INTS, a->ints[i]);
        break;
    case TDL_ONNX_NO_ATTRIBUTE:
        break;
    }
    tdl_pb_uint(out, ATTRIBUTE_TYPE, ATTRIBUTE_TYPES[a->kind]);
    tdl_pb_end(out, attribute);
}

static bool inputs_are_made(tdl_onnx *g, const tdl_onnx_node *node)
{
    for (size_t i = 0; i < TDL_ONNX_INPUTS_MAX && node->inputs[i]; i++) {
        const name *found = *node->inputs[i] ? find(g, node->inputs[i]) : NULL;
        if (*node->inputs[i] && (!found || !found->made)) {
            fail(g, TDL_E_INVALID, node->inputs[i], "a node uses it before it is made");
            return false;
        }
    }
    return true;
}

const char *tdl_onnx_add(tdl_onnx *g, const tdl_onnx_node *node)
{
    const char *output;

    if (!g || g->status || !inputs_are_made(g, node))
        return "";
    output = node->output ? node->output
                          : format_name(g, "%s%s%s_%zu", g->scope, *g->scope ? "/" : "", node->op,
                                        g->nodes_n);
    if (!*(output = make(g, output)))
        return output;
    g->nodes_n++;
    size_t message = tdl_pb_begin(&g->nodes, GRAPH_NODE);
    for (size_t i = 0; i < TDL_ONNX_INPUTS_MAX && node->inputs[i]; i++)
        tdl_pb_text(&g->nodes, NODE_INPUT, node->inputs[i]);
    tdl_pb_text(&g->nodes, NODE_OUTPUT, output);
    tdl_pb_text(&g->nodes, NODE_NAME, node->name ? node->name : output);
    tdl_pb_text(&g->nodes, NODE_OP, node->op);
    for (size_t i = 0; i < TDL_ONNX_ATTRIBUTES_MAX && node->attributes[i].kind; i++)
        write_attribute(&g->nodes, &node->attributes[i]);
    tdl_pb_end(&g->nodes, message);
    return output;
}

/* ---- the file ---- */

/* The graph's message is nodes and name, each initializer's head and data, inputs and outputs. */
static size_t graph_bytes(const tdl_onnx *g, const tdl_buf *name_field)
{
    size_t total = g->nodes.len + name_field->len + g->heads.len + g->inputs.len + g->outputs.len;

    for (size_t i = 0; i < g->initializers_n; i++)
        if (__builtin_add_overflow(total, g->initializers[i].bytes, &total))
            return SIZE_MAX;
    return total;
}

static void write_front(tdl_buf *out, size_t graph_n)
{
    tdl_pb_uint(out, MODEL_IR_VERSION, IR_VERSION);
    tdl_pb_text(out, MODEL_PRODUCER, "treadle");
    tdl_pb_head(out, MODEL_GRAPH, graph_n);
}

static void write_opset(tdl_buf *out)
{
    size_t opset = tdl_pb_begin(out, MODEL_OPSET);

    tdl_pb_text(out, OPSET_DOMAIN, "");
    tdl_pb_uint(out, OPSET_VERSION, OPSET);
    tdl_pb_end(out, opset);
}

/* front, nodes, name, 2 x initializers, inputs, outputs, opset */
static size_t parts_count(const tdl_onnx *g)
{
    return 6 + 2 * g->initializers_n;
}

static void collect(const tdl_onnx *g, const tdl_buf *front, const tdl_buf *name_field,
                    const tdl_buf *opset, tdl_str *parts)
{
    *parts++ = tdl_buf_view(front);
    *parts++ = tdl_buf_view(&g->nodes);
    *parts++ = tdl_buf_view(name_field);
    for (size_t i = 0; i < g->initializers_n; i++) {
        const initializer *one = &g->initializers[i];
        *parts++ = (tdl_str){g->heads.at + one->head_at, one->head_n};
        *parts++ = (tdl_str){one->data, one->bytes};
    }
    *parts++ = tdl_buf_view(&g->inputs);
    *parts++ = tdl_buf_view(&g->outputs);
    *parts = tdl_buf_view(opset);
}

static tdl_status write_file(const tdl_onnx *g, const char *path, tdl_report *why)
{
    tdl_buf front = {0}, name_field = {0}, opset = {0};
    tdl_str *parts = calloc(parts_count(g), sizeof *parts);
    tdl_status st;

    tdl_pb_text(&name_field, GRAPH_NAME, g->graph_name);
    size_t graph_n = graph_bytes(g, &name_field);
    write_front(&front, graph_n);
    write_opset(&opset);
    if (!parts || front.failed || name_field.failed || opset.failed || g->nodes.failed ||
        g->heads.failed || g->inputs.failed || g->outputs.failed) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: out of memory", path);
    } else if (graph_n > FILE_MAX - front.len - opset.len) {
        st = TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "export it as safetensors or GGUF",
                           "%s: %zu bytes do not fit into one ONNX file, which has less than 2 GiB",
                           path, graph_n);
    } else {
        collect(g, &front, &name_field, &opset, parts);
        st = tdl_file_write_parts(path, parts, parts_count(g), why);
    }
    free(parts);
    tdl_buf_release(&front);
    tdl_buf_release(&name_field);
    tdl_buf_release(&opset);
    return st;
}

tdl_status tdl_onnx_write(const tdl_onnx *g, const char *path, tdl_report *why)
{
    if (!g)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: out of memory", path);
    if (g->status) {
        if (why)
            *why = g->why;
        return g->status;
    }
    if (!g->outputs.len)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: the ONNX graph has no output", path);
    return write_file(g, path, why);
}
