#include "base/crc32c.h"

#include <string.h>
#if defined __x86_64__
#include <nmmintrin.h>
#endif

/* Remainder of each four bits, by 0x82f63b78 (the polynomial, bits reversed). */
static const uint32_t remainder4[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t tdl_crc32c_plain(uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;

    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ remainder4[crc & 15];
        crc = crc >> 4 ^ remainder4[crc & 15];
    }
    return ~crc;
}

#if defined __x86_64__
__attribute__((target("sse4.2"))) static uint32_t by_sse42(uint32_t crc, const uint8_t *bytes,
                                                           size_t n)
{
    uint64_t wide = crc;

    for (; n >= sizeof wide; n -= sizeof wide, bytes += sizeof wide) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (size_t i = 0; i < n; i++)
        crc = _mm_crc32_u8(crc, bytes[i]);
    return crc;
}
#endif

uint32_t tdl_crc32c(uint32_t crc, const void *bytes, size_t n)
{
#if defined __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        return ~by_sse42(~crc, bytes, n);
#endif
    return tdl_crc32c_plain(crc, bytes, n);
}

uint32_t tdl_crc32c_masked(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}
