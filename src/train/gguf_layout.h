/* How llama.cpp lays out the two kinds of model that we share with it. Private to export_gguf.c and
 * import_gguf.c.
 *
 * A tensor of the file is a whole slice of ours or some columns of one: llama keeps queries, keys
 * and values, and gate and hidden layer, apart.
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
} tdl_gguf_part;

typedef tdl_status tdl_gguf_visit(void *context, const tdl_gguf_part *part, tdl_report *why);

/* Root mean squares make a llama, plain layer norms a gpt2. */
static inline bool tdl_gguf_is_llama(const tdl_tf_config *core)
{
    return core->norm == TDL_NORM_RMS;
}

/* Each tensor of a model that tdl_gguf_check_model has passed, in the order of the file. */
tdl_status tdl_gguf_each_part(const tdl_transformer *model, tdl_gguf_visit *visit, void *context,
                              tdl_report *why);

/* TDL_E_INVALID names the first field that the layout cannot say. `core` has its defaults filled
 * in. */
tdl_status tdl_gguf_check_model(const tdl_transformer_config *config, const tdl_tf_config *core,
                                tdl_report *why);

#endif
