/* Sixteen-bit floats: IEEE 754 binary16 (f16) and bfloat16 (bf16), one number at a time.
 *
 * Narrowing rounds to nearest, ties to even, and overflows to infinity; a NaN stays a (quiet) NaN.
 * Widening is exact. Denormals are kept: kernels that flush them do so themselves.
 */
#ifndef TDL_TENSOR_HALF_H
#define TDL_TENSOR_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t tdl_f32_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float tdl_f32_of_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint16_t tdl_bf16_of_f32(float value)
{
    uint32_t bits = tdl_f32_bits(value);

    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40); // the lost bits may have been all that made it NaN
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float tdl_f32_of_bf16(uint16_t value)
{
    return tdl_f32_of_bits((uint32_t)value << 16);
}

/* value >> shift, rounded to nearest, ties to even; shift in 1..31 */
static inline uint32_t tdl_shift_rounded(uint32_t value, unsigned shift)
{
    uint32_t half = UINT32_C(1) << (shift - 1);

    return (value + half - 1 + (value >> shift & 1)) >> shift;
}

static inline uint16_t tdl_f16_of_f32(float value)
{
    uint32_t bits = tdl_f32_bits(value);
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;

    if (magnitude > 0x7f800000)
        return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x1ff));
    if (magnitude >= 0x477ff000) // from halfway between 65504 and 65536
        return (uint16_t)(sign | 0x7c00);
    if (magnitude >= 0x38800000) // 2^-14: from here on normal, the exponent's bias 127 -> 15
        return (uint16_t)(sign | tdl_shift_rounded(magnitude - 0x38000000, 13));
    if (magnitude < 0x33000000) // below half of the smallest denormal, 2^-24
        return (uint16_t)sign;
    uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
    return (uint16_t)(sign | tdl_shift_rounded(mantissa, 126 - (magnitude >> 23)));
}

static inline float tdl_f32_of_f16(uint16_t value)
{
    uint32_t sign = (uint32_t)(value & 0x8000) << 16;
    uint32_t exponent = value >> 10 & 0x1f, mantissa = value & 0x3ff;

    if (exponent == 0x1f)
        return tdl_f32_of_bits(sign | 0x7f800000 | mantissa << 13);
    if (exponent)
        return tdl_f32_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);
    float denormal = (float)mantissa * 0x1p-24F;
    return sign ? -denormal : denormal;
}

#endif
