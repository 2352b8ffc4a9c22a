/* How GGUF files store numbers: plain floats, and ggml's blocks of 32 that share a scale.
 *
 * A block's scale is stored as f16 and used as f32 while its numbers are rounded, half away from
 * zero (Q8_0) or by truncation after adding a half (Q4_0); that is how ggml's reference does it, to
 * the byte.
 *
 *   Q8_0   d = max|x| / 127                         x ~ d q        q in -127..127, one byte each
 *   Q4_0   d = (first x of the largest |x|) / -8    x ~ d (q - 8)  q in 0..15; the low halves of
 * the 16 bytes are x[0..15], the high ones x[16..31]
 */
#ifndef TDL_TRAIN_GGUF_BLOCK_H
#define TDL_TRAIN_GGUF_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "train/gguf.h"

enum { TDL_GGUF_BLOCK = 32 }; /* numbers in a block of Q8_0 and Q4_0 */

/* A type's name, numbers in a block and bytes of one. */
typedef struct tdl_gguf_layout {
    const char *name;
    uint8_t block_n, block_bytes;
} tdl_gguf_layout;

/* NULL for a type of which this is not the reader. */
const tdl_gguf_layout *tdl_gguf_layout_of(uint32_t type);

/* x [n] -> bytes [n / block_n * block_bytes]; n is a multiple of block_n. For F32, whose numbers
 * are stored as they are, `bytes` may be NULL: then they are only looked at. returns n, or the
 * index of the first number that is not finite or has no place in the type */
size_t tdl_gguf_encode(tdl_gguf_type type, const float *x, size_t n, void *bytes);
/* The other way; exact in f32. `bytes` need not be aligned. */
void tdl_gguf_decode(tdl_gguf_type type, const void *bytes, size_t n, float *x);

#endif
