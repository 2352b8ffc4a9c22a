/* A checkpoint: blocks of the parameters' layout and two lists of texts, as one safetensors file.
 *
 *     PREFIX + NAME   [rows][cols] F32, for each block and slice: param/, opt/m/, opt/v/, ema/,
 * best/
 *     __metadata__    "format", every entry of `state`, and every entry of `config` as "config.KEY"
 *
 * `config` is what a run must have in common with the one that wrote the file; `state` is where
 * that run stood.
 */
#ifndef TDL_TRAIN_CKPT_SAFETENSORS_H
#define TDL_TRAIN_CKPT_SAFETENSORS_H

#include "base/json.h"
#include "nn/params.h"
#include "train/safetensors.h"

enum { TDL_CKPT_BLOCKS = 5 };

typedef struct tdl_ckpt {
    const tdl_params *params; /* the layout */
    struct {
        const char *prefix;
        tdl_real *value; /* [params->n]; NULL = this run keeps none */
    } block[TDL_CKPT_BLOCKS];
    json_t *config, *state; /* objects of strings */
} tdl_ckpt;

/* The bytes of the file, appended. TDL_E_NO_MEMORY */
tdl_status tdl_ckpt_encode(const tdl_ckpt *ckpt, tdl_buf *ret, tdl_report *why);

/* Refuses a file that is no checkpoint, and one of another configuration, listing the keys that
 * differ with both values. TDL_E_CORRUPT | TDL_E_CONFLICT */
tdl_status tdl_ckpt_check(const tdl_st_file *file, const json_t *config, tdl_report *why);

/* Read the blocks. Nothing is changed unless every tensor is there, has the right type and shape,
 * and holds finite numbers. TDL_E_CORRUPT names the tensor, what was expected and what was found */
tdl_status tdl_ckpt_restore(const tdl_ckpt *ckpt, const tdl_st_file *file, tdl_report *why);

#endif
