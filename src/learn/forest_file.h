/* A forest in a safetensors file.
 *
 * | tensor      | dtype, shape   | holds                                                        |
 * |-------------|----------------|--------------------------------------------------------------|
 * | PREFIXbase  | F64 [groups]   | what scores start from                                       |
 * | PREFIXfirst | I32 [trees + 1]| root of each tree                                            |
 * | PREFIXgroup | I32 [trees]    | score that the tree adds to                                  |
 * | PREFIXnode  | I32 [nodes, 4] | bits of the float threshold or leaf; feature, -1 for a leaf; |
 * |             |                | left child; where missing values go (0 left, 1 right)        |
 * | PREFIXcover | F32 [nodes]    | weight of the training rows there                            |
 */
#ifndef TDL_LEARN_FOREST_FILE_H
#define TDL_LEARN_FOREST_FILE_H

#include "learn/forest.h"
#include "train/safetensors.h"

/* The forest's arrays are borrowed until the writer has written. */
void tdl_forest_save(const tdl_forest *forest, const char *prefix, tdl_st_writer *writer);
/* Hostile until checked. TDL_E_CORRUPT | TDL_E_TOO_LARGE | TDL_E_NO_MEMORY */
tdl_status tdl_forest_load(const tdl_st_file *file, const char *prefix, size_t features_n,
                           tdl_forest *ret, tdl_report *why);

#endif
