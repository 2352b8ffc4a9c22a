/* One step over UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF). */
#ifndef TDL_BASE_UTF8_H
#define TDL_BASE_UTF8_H

#include <stddef.h>

/* Bytes of the code point at `at`, of which `left` >= 1 bytes may be read; 0 when ill-formed. */
static inline size_t tdl_utf8_step(const char *at, size_t left)
{
    const unsigned char *p = (const unsigned char *)at;
    unsigned char low = 0x80, high = 0xBF; /* bounds of the second byte */
    size_t n;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    n = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (p[0] == 0xE0)
        low = 0xA0; /* overlong */
    else if (p[0] == 0xED)
        high = 0x9F; /* surrogates */
    else if (p[0] == 0xF0)
        low = 0x90; /* overlong */
    else if (p[0] == 0xF4)
        high = 0x8F; /* past U+10FFFF */
    if (left < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

#endif
