/* Small number formats: bf16, f16, and blocks of 4-bit integers. */
#ifndef TDL_TENSOR_FORMATS_H
#define TDL_TENSOR_FORMATS_H

#include <stddef.h>
#include <stdint.h>

/* To the nearest, ties to even; past the largest number infinity; NaN stays NaN (quiet). */
uint16_t tdl_bf16_of(float x);
float tdl_bf16_to_float(uint16_t bf16);
uint16_t tdl_f16_of(float x); /* IEEE 754 binary16, subnormals included */
float tdl_f16_to_float(uint16_t f16);

/* 32 numbers of 4 bits, as in GGUF's Q4_0: x[i] = (q[i] - 8) d. Byte i holds q[i] in its low half
 * and q[i + 16] in its high half. */
enum { TDL_Q4_BLOCK = 32 };
typedef struct tdl_q4 {
    uint16_t d; /* f16 */
    uint8_t q[TDL_Q4_BLOCK / 2];
} tdl_q4;

/* d = (the first number of largest magnitude) / -8, q = min(15, trunc(x / d + 8.5)); d is rounded
 * to f16 only when stored. x [blocks][32], finite. Quantising what tdl_q4_to_floats gave changes
 * nothing. */
void tdl_q4_of(const float *x, size_t blocks, tdl_q4 *ret);
void tdl_q4_to_floats(const tdl_q4 *blocks, size_t blocks_n, float *ret);

#endif
