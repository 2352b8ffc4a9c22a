#include "train/export_onnx.h"

#include <stdio.h>

#include "train/export_onnx_ops.h"
#include "train/onnx_ops.h"

const char *tdl_export_refuse(tdl_exporter *e, int k, const char *what)
{
    if (!e->status)
        e->status = TDL_FAIL(e->why, TDL_E_INVALID, "op %d, %s: ONNX export cannot say %s", k,
                             e->net->node[k].op->name, what);
    return "";
}

/* ---- values ---- */

static const char *reshape(tdl_exporter *e, const char *x, const int64_t *shape, size_t rank)
{
    return tdl_onnx_binary(e->graph, "Reshape", x, tdl_onnx_ints(e->graph, shape, rank));
}

static const char *transpose(tdl_exporter *e, const char *x, const int64_t order[4])
{
    const tdl_onnx_attribute perm = {
        .kind = TDL_ONNX_INTS_ATTRIBUTE, .name = "perm", .n = 4, .ints = order};

    return tdl_onnx_add(e->graph,
                        &(tdl_onnx_node){.op = "Transpose", .inputs = {x}, .attributes = {perm}});
}

const char *tdl_export_unsequence(tdl_exporter *e, int k, const char *x)
{
    const tdl_op_shapes *shapes = &e->net->node[k].shapes;

    return shapes->out_per_row == 1
               ? reshape(e, x, (const int64_t[]){0, (int64_t)shapes->out_cols}, 2)
               : x;
}

const char *tdl_export_rows(tdl_exporter *e, int value)
{
    tdl_exported *v = &e->value[value];

    if (!v->rows) {
        const int64_t shape[] = {0, (int64_t)(v->height * v->width),
                                 (int64_t)e->net->node[value].shapes.out_cols};
        const char *last = transpose(e, v->planes, (const int64_t[]){0, 2, 3, 1});

        v->rows = tdl_export_unsequence(e, value, reshape(e, last, shape, 3));
    }
    return v->rows;
}

const char *tdl_export_sequence(tdl_exporter *e, int value)
{
    const tdl_op_shapes *shapes = &e->net->node[value].shapes;
    const char *rows = tdl_export_rows(e, value);

    return shapes->out_per_row == 1
               ? reshape(e, rows, (const int64_t[]){0, 1, (int64_t)shapes->out_cols}, 3)
               : rows;
}

const char *tdl_export_planes(tdl_exporter *e, int value, const tdl_image_config *image)
{
    tdl_exported *v = &e->value[value];
    const int64_t shape[] = {0, (int64_t)image->height, (int64_t)image->width,
                             (int64_t)image->channels};

    if (!v->planes || v->height != image->height || v->width != image->width) {
        v->planes = transpose(e, reshape(e, tdl_export_rows(e, value), shape, 4),
                              (const int64_t[]){0, 3, 1, 2});
        v->height = image->height;
        v->width = image->width;
    }
    return v->planes;
}

/* ---- parameters ---- */

const float *tdl_export_param(const tdl_exporter *e, const tdl_node *node, int i)
{
    return node->param[i] == TDL_NONE ? NULL : tdl_params_value(e->net->params, node->param[i]);
}

const char *tdl_export_table(tdl_exporter *e, int slice)
{
    const tdl_slice *s = &e->net->params->slice[slice];

    if (!e->table[slice])
        e->table[slice] = tdl_onnx_table(e->graph, s->name, s->rows, s->cols,
                                         tdl_params_value(e->net->params, slice));
    return e->table[slice];
}

/* ---- inputs ---- */

static const char *input(tdl_exporter *e, const char *name, tdl_onnx_type type, size_t rank,
                         tdl_onnx_dim second)
{
    const tdl_onnx_dim dims[] = {TDL_ONNX_VARYING("batch"), second};

    return tdl_onnx_input(e->graph, name, type, rank, dims);
}

const char *tdl_export_x(tdl_exporter *e, int k, size_t cols)
{
    if (!e->x) {
        e->x = input(e, "x", TDL_ONNX_F32, 2, (tdl_onnx_dim)TDL_ONNX_FIXED(cols));
        e->x_cols = cols;
    }
    return e->x_cols == cols ? e->x : tdl_export_refuse(e, k, "one batch of two widths");
}

const char *tdl_export_categories(tdl_exporter *e, size_t cols)
{
    if (!e->categories)
        e->categories = input(e, "categories", TDL_ONNX_I64, 2, (tdl_onnx_dim)TDL_ONNX_FIXED(cols));
    return e->categories;
}

const char *tdl_export_ids(tdl_exporter *e, int stream)
{
    static const char *const names[TDL_EXPORT_STREAMS] = {"ids", "types"};

    if (!e->ids[stream])
        e->ids[stream] =
            input(e, names[stream], TDL_ONNX_I64, 2, (tdl_onnx_dim)TDL_ONNX_VARYING("length"));
    return e->ids[stream];
}

const char *tdl_export_lengths(tdl_exporter *e)
{
    if (!e->lengths)
        e->lengths = input(e, "lengths", TDL_ONNX_I64, 1, (tdl_onnx_dim)TDL_ONNX_FIXED(0));
    return e->lengths;
}

const char *tdl_export_times(tdl_exporter *e)
{
    if (!e->times)
        e->times = input(e, "times", TDL_ONNX_I64, 2, (tdl_onnx_dim)TDL_ONNX_VARYING("length"));
    return e->times;
}

/* ---- the walk ---- */

/* wanted[k]: node k has a part in `value` */
static void find_wanted(const tdl_net *net, int value, bool *wanted)
{
    wanted[value] = true;
    for (int k = value; k >= 0; k--)
        for (int i = 0; wanted[k] && i < TDL_OP_INPUTS_MAX; i++)
            if (net->node[k].in[i] != TDL_NONE)
                wanted[net->node[k].in[i]] = true;
}

static void emit(tdl_exporter *e, int k)
{
    const tdl_op *op = e->net->node[k].op;
    tdl_export_op *emit_op = tdl_export_op_of(op);
    char scope[64];

    if (!emit_op) {
        tdl_export_refuse(e, k, "this op");
        return;
    }
    snprintf(scope, sizeof scope, "%s.%d", op->name, k);
    tdl_onnx_scope(e->graph, scope);
    e->value[k].rows = emit_op(e, k);
}

static void name_output(tdl_exporter *e, int value)
{
    const tdl_op_shapes *shapes = &e->net->node[value].shapes;
    size_t per_row = shapes->out_per_row;
    const tdl_onnx_dim batch = TDL_ONNX_VARYING("batch"), length = TDL_ONNX_VARYING("length");
    const tdl_onnx_dim rows = TDL_ONNX_FIXED(per_row), cols = TDL_ONNX_FIXED(shapes->out_cols);
    const char *y = tdl_onnx_rename(e->graph, tdl_export_rows(e, value), "y");

    if (per_row == 1)
        tdl_onnx_output(e->graph, y, TDL_ONNX_F32, 2, TDL_ONNX_DIMS(batch, cols));
    else
        tdl_onnx_output(e->graph, y, TDL_ONNX_F32, 3,
                        TDL_ONNX_DIMS(batch, per_row == TDL_RAGGED ? length : rows, cols));
}

static tdl_status export_value(tdl_exporter *e, int value, const char *path)
{
    size_t nodes_n = (size_t)e->net->nodes_n, slices_n = (size_t)e->net->params->slices_n;
    bool *wanted = tdl_arena_zalloc(e->memory, nodes_n, sizeof *wanted);

    e->value = tdl_arena_zalloc(e->memory, nodes_n, sizeof *e->value);
    e->table = tdl_arena_zalloc(e->memory, slices_n, sizeof *e->table);
    if (!wanted || !e->value || !e->table)
        return TDL_FAIL(e->why, TDL_E_NO_MEMORY, "no memory for an ONNX graph");
    find_wanted(e->net, value, wanted);
    for (int k = 0; !e->status && k <= value; k++)
        if (wanted[k])
            emit(e, k);
    if (e->status)
        return e->status;
    tdl_onnx_scope(e->graph, "");
    name_output(e, value);
    return tdl_onnx_write(e->graph, path, e->why);
}

tdl_status tdl_export_onnx(tdl_net *net, int value, const char *path, tdl_report *why)
{
    tdl_status st = tdl_net_infer(net, why);

    if (st)
        return st;
    if (value < 0 || value >= net->nodes_n)
        return TDL_FAIL(why, TDL_E_INVALID, "value %d of a net of %d", value, net->nodes_n);
    tdl_exporter e = {.graph = tdl_onnx_new("treadle"),
                      .net = net,
                      .memory = tdl_arena_new(SIZE_MAX / 2),
                      .why = why};
    st = e.memory ? export_value(&e, value, path)
                  : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for an ONNX graph");
    tdl_onnx_free(e.graph);
    tdl_arena_free(e.memory);
    return st;
}
