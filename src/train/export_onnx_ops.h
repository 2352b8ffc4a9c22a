/* What export_onnx.c, which walks a net, and export_onnx_ops.c, which knows the ops, share. */
#ifndef TDL_TRAIN_EXPORT_ONNX_OPS_H
#define TDL_TRAIN_EXPORT_ONNX_OPS_H

#include "base/arena.h"
#include "nn/net.h"
#include "train/onnx_layers.h"

enum { TDL_EXPORT_STREAMS = 2 };

/* A value of the net. Its rows are [batch, columns], [batch, rows, columns] or [batch, length,
 * columns]. An image also has planes, [batch, columns, height, width]; either is made of the other
 * when somebody asks. NULL: not made yet. */
typedef struct tdl_exported {
    const char *rows, *planes;
    size_t height, width;
} tdl_exported;

typedef struct tdl_exporter {
    tdl_onnx *graph;
    tdl_net *net;
    tdl_arena *memory;   /* what the graph borrows until it is written */
    tdl_exported *value; /* [nodes_n] */
    const char **table;  /* [slices_n] tables that several ops may read; NULL: not made yet */
    /* inputs, and what attention layers share; NULL: not made yet */
    const char *x, *categories, *ids[TDL_EXPORT_STREAMS], *lengths, *times;
    size_t x_cols;
    const char *mask[2]; /* of ragged rows: both ways, causal */
    const char *buckets; /* of time, between queries and keys */
    size_t buckets_n;
    tdl_onnx_rope rope;
    tdl_rope_config rope_config;
    /* the first refusal */
    tdl_status status;
    tdl_report *why;
} tdl_exporter;

/* Node k of the net into the graph. NULL when its rows are not made yet, only its planes. */
typedef const char *tdl_export_op(tdl_exporter *e, int k);
/* NULL: the op has no like in ONNX. */
tdl_export_op *tdl_export_op_of(const tdl_op *op);

/* Remember why node k cannot be; gives what a failed call of the graph gives. */
const char *tdl_export_refuse(tdl_exporter *e, int k, const char *what);

/* ---- values ---- */

const char *tdl_export_rows(tdl_exporter *e, int value);
/* The same with an axis for the rows, even when there is only one: [batch, rows, columns] */
const char *tdl_export_sequence(tdl_exporter *e, int value);
/* x [batch, rows, columns] as the rows of node k should be */
const char *tdl_export_unsequence(tdl_exporter *e, int k, const char *x);
const char *tdl_export_planes(tdl_exporter *e, int value, const tdl_image_config *image);

/* ---- parameters ---- */

const float *tdl_export_param(const tdl_exporter *e, const tdl_node *node, int i); /* or NULL */
const char *tdl_export_table(tdl_exporter *e, int slice);

/* ---- inputs, made when first asked for ---- */

const char *tdl_export_x(tdl_exporter *e, int k, size_t cols);
const char *tdl_export_categories(tdl_exporter *e, size_t cols);
const char *tdl_export_ids(tdl_exporter *e, int stream);
const char *tdl_export_lengths(tdl_exporter *e);
const char *tdl_export_times(tdl_exporter *e);

#endif
