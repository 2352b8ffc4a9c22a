#include "flags/growthbook_hash.h"

#include <stdio.h>

#include "flags/javascript.h"

enum { PRIME = 16777619 };

static uint32_t add_unit(uint32_t hash, uint32_t unit)
{
    return (hash ^ unit) * PRIME;
}

uint32_t tdl_gb_fnv(uint32_t hash, tdl_str text)
{
    size_t bytes;

    for (size_t at = 0; at < text.len; at += bytes) {
        uint32_t point = tdl_js_point(text, at, &bytes);
        if (point < 0x10000) {
            hash = add_unit(hash, point);
        } else {
            hash = add_unit(hash, 0xD800 + ((point - 0x10000) >> 10));
            hash = add_unit(hash, 0xDC00 + ((point - 0x10000) & 0x3ff));
        }
    }
    return hash;
}

uint32_t tdl_gb_buckets(double version)
{
    return version == 1 ? 1000 : version == 2 ? 10000 : 0;
}

uint32_t tdl_gb_bucket(tdl_str seed, tdl_str id, int version)
{
    char decimal[12];
    uint32_t hash = TDL_GB_FNV_START;

    if (version == 1)
        return tdl_gb_fnv(tdl_gb_fnv(hash, id), seed) % 1000;
    hash = tdl_gb_fnv(tdl_gb_fnv(hash, seed), id);
    int n = snprintf(decimal, sizeof decimal, "%u", hash);
    return tdl_gb_fnv(TDL_GB_FNV_START, (tdl_str){decimal, (size_t)n}) % 10000;
}
