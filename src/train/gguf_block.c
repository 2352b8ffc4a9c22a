#include "train/gguf_block.h"

#include <math.h>
#include <string.h>

#include "tensor/formats.h"

enum {
    HALF_BLOCK = TDL_GGUF_BLOCK / 2,
    Q8_0_BYTES = 2 + TDL_GGUF_BLOCK,
    Q4_0_BYTES = 2 + HALF_BLOCK
};

const tdl_gguf_layout *tdl_gguf_layout_of(uint32_t type)
{
    static const tdl_gguf_layout layouts[] = {
        [TDL_GGUF_F32] = {"F32", 1, 4},
        [TDL_GGUF_F16] = {"F16", 1, 2},
        [TDL_GGUF_BF16] = {"BF16", 1, 2},
        [TDL_GGUF_Q8_0] = {"Q8_0", TDL_GGUF_BLOCK, Q8_0_BYTES},
        [TDL_GGUF_Q4_0] = {"Q4_0", TDL_GGUF_BLOCK, Q4_0_BYTES},
    };

    if (type >= sizeof layouts / sizeof *layouts || !layouts[type].name)
        return NULL;
    return &layouts[type];
}

static void put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static uint16_t get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

/* The first of the largest magnitude, with its sign. */
static float extreme(const float *x)
{
    float found = 0;

    for (size_t i = 0; i < TDL_GGUF_BLOCK; i++)
        if (fabsf(x[i]) > fabsf(found))
            found = x[i];
    return found;
}

/* The scale goes out as f16; false when it has no place there. One too small to invert is 0 there:
 * the block's numbers are, too. */
static bool put_scale(uint8_t *at, float scale, float *ret_inverse)
{
    uint16_t half = tdl_f16_of(scale);

    put_u16(at, half);
    *ret_inverse = scale != 0 && isfinite(1 / scale) ? 1 / scale : 0;
    return isfinite(tdl_f16_to_float(half));
}

static bool encode_q8_0(const float *x, uint8_t *block)
{
    float inverse;

    if (!put_scale(block, fabsf(extreme(x)) / 127, &inverse))
        return false;
    for (size_t i = 0; i < TDL_GGUF_BLOCK; i++)
        block[2 + i] = (uint8_t)(int8_t)roundf(x[i] * inverse);
    return true;
}

static uint8_t four_bits(float scaled)
{
    float shifted = scaled + 8.5F;

    return shifted >= 15 ? 15 : (uint8_t)shifted;
}

static bool encode_q4_0(const float *x, uint8_t *block)
{
    float inverse;

    if (!put_scale(block, extreme(x) / -8, &inverse))
        return false;
    for (size_t i = 0; i < HALF_BLOCK; i++)
        block[2 + i] =
            (uint8_t)(four_bits(x[i] * inverse) | four_bits(x[HALF_BLOCK + i] * inverse) << 4);
    return true;
}

static bool encode_half(tdl_gguf_type type, float x, uint8_t *at)
{
    if (type == TDL_GGUF_BF16) {
        put_u16(at, tdl_bf16_of(x));
        return isfinite(tdl_bf16_to_float(get_u16(at)));
    }
    put_u16(at, tdl_f16_of(x));
    return isfinite(tdl_f16_to_float(get_u16(at)));
}

static bool encode_block(tdl_gguf_type type, const float *x, uint8_t *block)
{
    switch (type) {
    case TDL_GGUF_F32:
        memcpy(block, x, sizeof *x);
        return true;
    case TDL_GGUF_F16:
    case TDL_GGUF_BF16:
        return encode_half(type, *x, block);
    case TDL_GGUF_Q8_0:
        return encode_q8_0(x, block);
    case TDL_GGUF_Q4_0:
        break;
    }
    return encode_q4_0(x, block);
}

size_t tdl_gguf_encode(tdl_gguf_type type, const float *x, size_t n, void *bytes)
{
    const tdl_gguf_layout *layout = tdl_gguf_layout_of(type);
    uint8_t *block = bytes;

    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return i;
    if (type == TDL_GGUF_F32 && !bytes)
        return n;
    for (size_t i = 0; i < n; i += layout->block_n, block += layout->block_bytes)
        if (!encode_block(type, x + i, block))
            return i;
    return n;
}

static void decode_q8_0(const uint8_t *block, float *x)
{
    float scale = tdl_f16_to_float(get_u16(block));

    for (size_t i = 0; i < TDL_GGUF_BLOCK; i++)
        x[i] = scale * (float)(int8_t)block[2 + i];
}

static void decode_q4_0(const uint8_t *block, float *x)
{
    float scale = tdl_f16_to_float(get_u16(block));

    for (size_t i = 0; i < HALF_BLOCK; i++) {
        x[i] = scale * (float)((block[2 + i] & 15) - 8);
        x[HALF_BLOCK + i] = scale * (float)((block[2 + i] >> 4) - 8);
    }
}

static void decode_block(tdl_gguf_type type, const uint8_t *block, float *x)
{
    switch (type) {
    case TDL_GGUF_F32:
        memcpy(x, block, sizeof *x);
        return;
    case TDL_GGUF_F16:
        *x = tdl_f16_to_float(get_u16(block));
        return;
    case TDL_GGUF_BF16:
        *x = tdl_bf16_to_float(get_u16(block));
        return;
    case TDL_GGUF_Q8_0:
        decode_q8_0(block, x);
        return;
    case TDL_GGUF_Q4_0:
        decode_q4_0(block, x);
    }
}

void tdl_gguf_decode(tdl_gguf_type type, const void *bytes, size_t n, float *x)
{
    const tdl_gguf_layout *layout = tdl_gguf_layout_of(type);
    const uint8_t *block = bytes;

    for (size_t i = 0; i < n; i += layout->block_n, block += layout->block_bytes)
        decode_block(type, block, x + i);
}
