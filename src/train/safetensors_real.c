/* The real-valued data types of foreign files as float. */
#include "train/safetensors.h"

#include <string.h>

bool tdl_st_is_real(tdl_dtype dtype)
{
    return dtype == TDL_F32 || dtype == TDL_F64 || dtype == TDL_F16 || dtype == TDL_BF16;
}

static float float_of_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction. Every one of them is a float. */
static float float_of_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = half >> 10 & 31;
    uint32_t fraction = half & 1023;

    if (exponent == 31) // infinity, NaN
        return float_of_bits(sign | 0x7f800000U | fraction << 13);
    if (exponent == 0) { // zero, subnormal: fraction * 2^-24
        float size = (float)fraction * 0x1p-24F;
        return sign ? -size : size;
    }
    return float_of_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

void tdl_st_read_f32(const tdl_st_view *view, size_t first, size_t n, float *ret)
{
    const float *f32 = view->data;
    const double *f64 = view->data;
    const uint16_t *bits = view->data;

    for (size_t i = 0; i < n; i++) {
        if (view->dtype == TDL_F32)
            ret[i] = f32[first + i];
        else if (view->dtype == TDL_F64)
            ret[i] = (float)f64[first + i];
        else if (view->dtype == TDL_F16)
            ret[i] = float_of_half(bits[first + i]);
        else
            ret[i] = float_of_bits((uint32_t)bits[first + i] << 16);
    }
}
