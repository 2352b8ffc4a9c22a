/* A quantised model as a safetensors file.
 *
 *     int8   NAME I8 [out][in], NAME.scale F32 [out]: weight = integer * scale
 *     int4   NAME U8 [out][blocks][18]: Q4_0 blocks of 32 inputs as in GGUF, the last filled up
 * with zeros; the f16 scale comes first, little-endian rest   NAME F32 [rows][cols]: what is no
 * weight of a linear or dot_score, or has another reader besides
 *     __metadata__   "format": "treadle-quantised/1", "precision": "int8" or "int4"
 *
 * A model that is loaded and packed in the file's precision gives the bits of the one that was
 * saved and packed in it.
 */
#ifndef TDL_TRAIN_QUANT_FILE_H
#define TDL_TRAIN_QUANT_FILE_H

#include "nn/net.h"
#include "train/safetensors.h"

/* The bytes of the file, appended; tdl_file_write puts them to a path.
 * TDL_E_INVALID: another precision, or a weight that is not finite | TDL_E_NO_MEMORY */
tdl_status tdl_quant_encode(const tdl_net *net, tdl_precision precision, tdl_buf *ret,
                            tdl_report *why);

/* Read into the parameters of a net of the same shapes. It is then to be packed in *ret_precision.
 * TDL_E_CORRUPT names the tensor, what was expected and what was found; nothing was changed.
 * TDL_E_NO_MEMORY */
tdl_status tdl_quant_decode(const tdl_st_file *file, tdl_net *net, tdl_precision *ret_precision,
                            tdl_report *why);

#endif
