/* A name for a model: a hash of its parameters. */
#ifndef TDL_NN_PARAMS_HASH_H
#define TDL_NN_PARAMS_HASH_H

#include "nn/params.h"

enum { TDL_HASH_BYTES = 32, TDL_HASH_TEXT = 2 * TDL_HASH_BYTES + 1 };

/* BLAKE2b-256 over the slices in the order of their names (bytes), for each
 *     name, 0, "F32" (the double build: "F64"), 0, rows, cols as 64 bits little-endian, the numbers
 * Neither layout nor order of declaration counts. TDL_E_NO_MEMORY */
tdl_status tdl_params_hash(const tdl_params *params, uint8_t ret[TDL_HASH_BYTES], tdl_report *why);

/* In hexadecimal, with its 0 at the end. */
void tdl_hash_text(const uint8_t hash[TDL_HASH_BYTES], char ret[TDL_HASH_TEXT]);

#endif
