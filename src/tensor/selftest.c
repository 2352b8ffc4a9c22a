#include "tensor/selftest.h"

#include <math.h>
#include <string.h>

#include "tensor/lowp.h"

enum { STEPS = 3, ROWS = 14, A_MAX = STEPS * TDL_Q4_A_UNITS * ROWS };
enum { B_MAX = STEPS * TDL_Q4_B_UNITS * TDL_NR_MAX };

static uint32_t next_bits(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u; /* Numerical Recipes */
    return *state ^ *state >> 15;
}

/* Half the bytes small, so that sums are neither tiny nor huge: as bf16 between 1/2 and 2. */
static uint32_t unit_of(tdl_precision type, uint32_t *state)
{
    uint32_t bits = next_bits(state);

    switch (type) {
    case TDL_PRECISION_F32:
        return (bits & 0x80ffffff) | 0x3f000000;
    case TDL_PRECISION_BF16:
        return (bits & 0x80ff80ff) | 0x3f003f00;
    case TDL_PRECISION_INT8:
    case TDL_PRECISION_INT4:
        break;
    }
    return bits & 0x7f7f7f7f; /* as int4 any nibbles will do */
}

static float value_of(float unit_as_float, unsigned half)
{
    uint32_t bits;

    memcpy(&bits, &unit_as_float, sizeof bits);
    bits = half ? bits & 0xffff0000u : bits << 16;
    memcpy(&unit_as_float, &bits, sizeof bits);
    return unit_as_float;
}

static int byte_of(const float *unit, unsigned i)
{
    int8_t bytes[4];

    memcpy(bytes, unit, sizeof bytes);
    return bytes[i];
}

/* One step of one element, as kernel.h and q4_kern.h say. */
static float step_of(const tdl_tiles *tiles, tdl_precision type, const float *a, size_t a_step,
                     const float *b, size_t b_step, float sum)
{
    int32_t whole = 0;

    switch (type) {
    case TDL_PRECISION_F32:
        return fmaf(*a, *b, sum);
    case TDL_PRECISION_BF16:
        if (tiles->a_units == 2)
            return fmaf(*a, value_of(*b, 0), fmaf(a[a_step], value_of(*b, 1), sum));
        return fmaf(value_of(*a, 0), value_of(*b, 0), fmaf(value_of(*a, 1), value_of(*b, 1), sum));
    case TDL_PRECISION_INT8:
        memcpy(&whole, &sum, sizeof whole);
        for (unsigned i = 0; i < TDL_S8_UNIT; i++)
            whole += (tiles->x_offset ? (uint8_t)byte_of(a, i) : byte_of(a, i)) * byte_of(b, i);
        memcpy(&sum, &whole, sizeof whole);
        return sum;
    case TDL_PRECISION_INT4:
        break;
    }
    memcpy(&whole, a + 9 * a_step, sizeof whole);
    for (unsigned u = 0; u < 8; u++)
        for (unsigned i = 0; i < TDL_S8_UNIT; i++) {
            int pair = byte_of(b + u % 4 * b_step, i);

            whole += byte_of(a + u * a_step, i) * (u < 4 ? pair & 15 : pair >> 4 & 15);
        }
    return fmaf((float)whole, a[8 * a_step] * b[4 * b_step], sum);
}

static void fill(tdl_precision type, float *units, size_t n, uint32_t *state)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = unit_of(type, state);
        memcpy(units + i, &bits, sizeof bits);
    }
}

bool tdl_tiles_agree(const tdl_tiles *tiles, tdl_precision type)
{
    float a[A_MAX], b[B_MAX] __attribute__((aligned(64))), c[ROWS * TDL_NR_MAX];
    uint32_t state = 1;

    for (size_t h = 1; h <= tiles->mr; h += h < tiles->mr ? tiles->mr - 1 : 1) {
        size_t nr = tiles->nr, a_step = tiles->a_units * h, b_step = tiles->b_units * nr;

        fill(type, a, STEPS * a_step, &state);
        fill(type, b, STEPS * b_step, &state);
        for (size_t s = 0; type == TDL_PRECISION_INT4 && s < STEPS; s++) {
            for (size_t i = 0; i < 2 * h; i++) /* scales and sums */
                a[s * a_step + 8 * h + i] = (float)(i + 1) * 0.25f;
            for (size_t j = 0; j < nr; j++)
                b[s * b_step + 4 * nr + j] = (float)j * 0.125f;
        }
        memset(c, 0, sizeof c);
        tiles->tile[h](STEPS, a, b, c, nr, false, b);
        for (size_t i = 0; i < h * nr; i++) {
            float sum = 0;

            for (size_t s = 0; s < STEPS; s++)
                sum = step_of(tiles, type, a + s * a_step + i / nr, h, b + s * b_step + i % nr, nr,
                              sum);
            // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): it is the bits that count
            if (memcmp(&sum, c + i, sizeof sum) != 0)
                return false;
        }
    }
    return true;
}
