/* Transfer learning: weights of another model by name, and freezing by pattern.
 *
 * In a pattern `*` stands for any text, also none. In a rename rule the text behind the first `*`
 * of `from` takes the place of the first `*` of `to`, and so on:
 *     {"encoder.layer.*.attention.*.weight", "layer.*.attention.*"}
 */
#ifndef TDL_TRAIN_PARAMS_LOAD_H
#define TDL_TRAIN_PARAMS_LOAD_H

#include "nn/params.h"
#include "train/safetensors.h"

typedef struct tdl_rename {
    const char *from; /* pattern of a name in the file */
    const char *to;   /* name in the model */
} tdl_rename;

typedef struct tdl_load_rules {
    const tdl_rename *rename; /* [rename_n] the first that fits counts; none: the name stays */
    size_t rename_n;
    const char *const *transpose; /* [transpose_n] patterns of names in the model whose tensors are
                                     [out][in] in the file */
    size_t transpose_n;
    bool strict; /* every slice is to be found, every tensor to be used, with the right shape */
} tdl_load_rules;

typedef struct tdl_load_counts {
    size_t matched; /* slices that have new values */
    size_t missing; /* slices without a tensor */
    size_t unused;  /* tensors without a slice */
    size_t
        misfits; /* pairs whose shapes do not meet, or whose type is no real number: left alone */
} tdl_load_counts;

/* Read F32, F64, F16 or BF16 tensors of up to four axes into slices by name. A tensor fits when
 * its axes, cut into two groups, give [rows][cols] ([cols][rows] when transposed).
 *   rules    NULL: no renaming, not strict
 *   ret      may be NULL
 *   detail   may be NULL; one line appended for each slice and tensor that found no match
 *   returns  TDL_OK
 *          | TDL_E_CORRUPT   strict, and something is missing, unused or misfit; two tensors for
 * one slice; a number that is not finite. Nothing was changed. */
tdl_status tdl_params_load(const tdl_st_file *file, tdl_params *params, const tdl_load_rules *rules,
                           tdl_load_counts *ret, tdl_buf *detail, tdl_report *why);

/* Write the slices whose names fit, as F32 [rows][cols]: "*" the whole model, "*.lora_*" its
 * adapters alone (nn/lora.h). TDL_E_INVALID: none fits | TDL_E_NO_MEMORY | TDL_E_IO */
tdl_status tdl_params_save(const tdl_params *params, const char *pattern, const char *path,
                           tdl_report *why);

/* Freeze the slices whose names fit, so that no optimiser touches them; how many they are. */
size_t tdl_params_freeze_matching(tdl_params *params, const char *pattern);
size_t tdl_params_thaw_matching(tdl_params *params, const char *pattern);

#endif
