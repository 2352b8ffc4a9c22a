#include "train/protobuf.h"

#include <string.h>

/* How a field's value is written; the low three bits of its key. */
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

enum { VARINT_MAX = 10 }; /* bytes of the longest: 64 bits in groups of seven */

/* Seven bits a byte, lowest first; the high bit says that another follows. */
static size_t encode(uint64_t value, uint8_t bytes[VARINT_MAX])
{
    size_t n = 0;

    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (uint8_t)(value | 0x80);
    bytes[n++] = (uint8_t)value;
    return n;
}

static void varint(tdl_buf *out, uint64_t value)
{
    uint8_t bytes[VARINT_MAX];

    tdl_buf_add(out, bytes, encode(value, bytes));
}

static void key(tdl_buf *out, uint32_t field, unsigned wire)
{
    varint(out, (uint64_t)field << 3 | wire);
}

static void little_endian(tdl_buf *out, uint64_t value, size_t n)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    tdl_buf_add(out, bytes, n);
}

void tdl_pb_uint(tdl_buf *out, uint32_t field, uint64_t value)
{
    key(out, field, WIRE_VARINT);
    varint(out, value);
}

void tdl_pb_int(tdl_buf *out, uint32_t field, int64_t value)
{
    tdl_pb_uint(out, field, (uint64_t)value);
}

void tdl_pb_fixed32(tdl_buf *out, uint32_t field, uint32_t value)
{
    key(out, field, WIRE_FIXED32);
    little_endian(out, value, 4);
}

void tdl_pb_fixed64(tdl_buf *out, uint32_t field, uint64_t value)
{
    key(out, field, WIRE_FIXED64);
    little_endian(out, value, 8);
}

void tdl_pb_float(tdl_buf *out, uint32_t field, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    tdl_pb_fixed32(out, field, bits);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void tdl_pb_double(tdl_buf *out, uint32_t field, double value)
{
    tdl_pb_fixed64(out, field, bits_of(value));
}

void tdl_pb_bytes(tdl_buf *out, uint32_t field, const void *bytes, size_t n)
{
    tdl_pb_head(out, field, n);
    tdl_buf_add(out, bytes, n);
}

void tdl_pb_str(tdl_buf *out, uint32_t field, tdl_str text)
{
    tdl_pb_bytes(out, field, text.at, text.len);
}

void tdl_pb_text(tdl_buf *out, uint32_t field, const char *nul_terminated)
{
    tdl_pb_str(out, field, tdl_str_of(nul_terminated));
}

void tdl_pb_doubles(tdl_buf *out, uint32_t field, const double *values, size_t n)
{
    tdl_pb_head(out, field, n * sizeof *values);
    for (size_t i = 0; i < n; i++)
        little_endian(out, bits_of(values[i]), 8);
}

size_t tdl_pb_begin(tdl_buf *out, uint32_t field)
{
    key(out, field, WIRE_BYTES);
    tdl_buf_char(out, 0); // the length, while it is below 128
    return out->len;
}

void tdl_pb_end(tdl_buf *out, size_t mark)
{
    uint8_t length[VARINT_MAX];

    if (out->failed)
        return;
    size_t n = out->len - mark;
    size_t length_n = encode(n, length);
    tdl_buf_add(out, length, length_n - 1); // room at the end, filled by the shift
    if (out->failed)
        return;
    memmove(out->at + mark + length_n - 1, out->at + mark, n);
    memcpy(out->at + mark - 1, length, length_n);
}

void tdl_pb_head(tdl_buf *out, uint32_t field, size_t n)
{
    key(out, field, WIRE_BYTES);
    varint(out, n);
}

size_t tdl_pb_head_size(uint32_t field, size_t n)
{
    uint8_t bytes[VARINT_MAX];

    return encode((uint64_t)field << 3 | WIRE_BYTES, bytes) + encode(n, bytes);
}
