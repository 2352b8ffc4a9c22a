#include "tensor/formats.h"

#include <math.h>
#include <string.h>

static uint32_t bits_of(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float from_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

uint16_t tdl_bf16_of(float x)
{
    uint32_t bits = bits_of(x);

    if (isnan(x))
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float tdl_bf16_to_float(uint16_t bf16)
{
    return from_bits((uint32_t)bf16 << 16);
}

uint16_t tdl_f16_of(float x)
{
    uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;

    if (isnan(x))
        return (uint16_t)(sign | 0x7e00 | (size >> 13 & 0x3ff));
    if (size >= 0x477ff000) /* 65520 and more round to 2^16 */
        return (uint16_t)(sign | 0x7c00);
    if (size < 0x38800000) /* below 2^-14: adding 1/2 leaves a multiple of 2^-24 in the low bits */
        return (uint16_t)(sign | (bits_of(from_bits(size) + .5f) - bits_of(.5f)));
    return (uint16_t)(sign | ((size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13));
}

float tdl_f16_to_float(uint16_t f16)
{
    uint32_t sign = (uint32_t)(f16 & 0x8000) << 16, size = f16 & 0x7fff;

    if (size >= 0x7c00)
        return from_bits(sign | 0x7f800000 | (size & 0x3ff) << 13);
    if (size < 0x400)
        return from_bits(sign | bits_of((float)size * 0x1p-24f));
    return from_bits(sign | ((size << 13) + 0x38000000));
}

static float first_largest(const float *x)
{
    float found = x[0];

    for (int i = 1; i < TDL_Q4_BLOCK; i++)
        if (fabsf(x[i]) > fabsf(found))
            found = x[i];
    return found;
}

static uint8_t q4_of(float x, float inverse)
{
    float q = x * inverse + 8.5f;

    return q >= 15 ? 15 : q <= 0 ? 0 : (uint8_t)q;
}

void tdl_q4_of(const float *x, size_t blocks, tdl_q4 *ret)
{
    for (; blocks--; x += TDL_Q4_BLOCK, ret++) {
        float d = first_largest(x) / -8, inverse = d != 0 ? 1 / d : 0;

        if (!isfinite(inverse)) /* a subnormal d is 0 as f16 */
            inverse = 0;
        ret->d = tdl_f16_of(d);
        for (int i = 0; i < TDL_Q4_BLOCK / 2; i++) {
            int low = q4_of(x[i], inverse), high = q4_of(x[i + TDL_Q4_BLOCK / 2], inverse);

            ret->q[i] = (uint8_t)(low | high << 4);
        }
    }
}

void tdl_q4_to_floats(const tdl_q4 *blocks, size_t blocks_n, float *ret)
{
    for (; blocks_n--; blocks++, ret += TDL_Q4_BLOCK) {
        float d = tdl_f16_to_float(blocks->d);

        for (int i = 0; i < TDL_Q4_BLOCK / 2; i++) {
            ret[i] = (float)((blocks->q[i] & 15) - 8) * d;
            ret[i + TDL_Q4_BLOCK / 2] = (float)((blocks->q[i] >> 4) - 8) * d;
        }
    }
}
