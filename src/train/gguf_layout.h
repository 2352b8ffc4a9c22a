/* How llama.cpp lays out the kinds of model that we share with it. Private to export_gguf.c and
 * import_gguf.c.
 *
 * A tensor of the file is a whole slice of ours or some columns of one: llama, qwen3 and bert keep
 * queries, keys and values apart, the first two also gate and hidden layer. Rotary positions turn
 * the pairs (2i, 2i+1) of a head here and in a llama, and (i, i + width/2) in a qwen3: there the
 * columns of queries, keys and their gains change places, `halved`.
 */
#ifndef TDL_TRAIN_GGUF_LAYOUT_H
#define TDL_TRAIN_GGUF_LAYOUT_H

#include "nn/transformer.h"
#include "train/gguf.h"

typedef struct tdl_gguf_part {
    char name[TDL_GGUF_NAME_MAX];
    int slice;
    size_t at, cols; /* columns of the slice */
    bool turned;     /* a weight: [in][out] here, [out][in] in the file */
    bool unrounded;  /* a table that llama.cpp adds as it is: F32 in every file */
    size_t halved;   /* width of a head whose even columns come first in the file; 0 = none */
} tdl_gguf_part;

/* Of column c of the part: its column in the file. */
size_t tdl_gguf_column(const tdl_gguf_part *part, size_t c);

typedef tdl_status tdl_gguf_visit(void *context, const tdl_gguf_part *part, tdl_report *why);

/* Layer norms make a gpt2, or, behind their layers, a bert; root mean squares a llama, or, with
 * normed queries and keys, a qwen3. */
const char *tdl_gguf_architecture(const tdl_tf_config *core);

/* Each tensor of a model that tdl_gguf_check_model has passed, in the order of the file. */
tdl_status tdl_gguf_each_part(const tdl_transformer *model, tdl_gguf_visit *visit, void *context,
                              tdl_report *why);

/* TDL_E_INVALID names the first field that the layout cannot say. `core` has its defaults filled
 * in. */
tdl_status tdl_gguf_check_model(const tdl_transformer_config *config, const tdl_tf_config *core,
                                tdl_report *why);

#endif
