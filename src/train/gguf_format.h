/* What the reader and the writer of GGUF files both know. */
#ifndef TDL_TRAIN_GGUF_FORMAT_H
#define TDL_TRAIN_GGUF_FORMAT_H

#include "train/gguf.h"

enum {
    TDL_GGUF_VERSION = 3,
    TDL_GGUF_KEYS_MAX = 65536,
    TDL_GGUF_TENSORS_MAX = 65536,
    TDL_GGUF_KEY_MAX = 65535,          /* bytes of a key, by the format */
    TDL_GGUF_ALIGNMENT_MAX = 64 << 10, /* more is a mistake or an attack */
};

/* X(kind, name, bytes of one; 0 where they vary) */
#define TDL_GGUF_KIND_MAP(X)                                                                       \
    X(TDL_GGUF_U8, "u8", 1)                                                                        \
    X(TDL_GGUF_I8, "i8", 1)                                                                        \
    X(TDL_GGUF_U16, "u16", 2)                                                                      \
    X(TDL_GGUF_I16, "i16", 2)                                                                      \
    X(TDL_GGUF_U32, "u32", 4)                                                                      \
    X(TDL_GGUF_I32, "i32", 4)                                                                      \
    X(TDL_GGUF_FLOAT, "f32", 4)                                                                    \
    X(TDL_GGUF_BOOL, "bool", 1)                                                                    \
    X(TDL_GGUF_STRING, "string", 0)                                                                \
    X(TDL_GGUF_ARRAY, "array", 0)                                                                  \
    X(TDL_GGUF_U64, "u64", 8)                                                                      \
    X(TDL_GGUF_I64, "i64", 8)                                                                      \
    X(TDL_GGUF_DOUBLE, "f64", 8)

enum { TDL_GGUF_KINDS = TDL_GGUF_DOUBLE + 1 };

static inline size_t tdl_gguf_kind_bytes(tdl_gguf_kind kind)
{
#define TDL_GGUF_KIND_BYTES(kind, name, bytes) [kind] = bytes,
    static const uint8_t sizes[] = {TDL_GGUF_KIND_MAP(TDL_GGUF_KIND_BYTES)};
#undef TDL_GGUF_KIND_BYTES
    return sizes[kind];
}

/* The first multiple of `alignment` (a power of two) from `n` on; `n` is a size in memory or in a
 * file, so that it cannot overflow. */
static inline size_t tdl_gguf_align(size_t n, size_t alignment)
{
    return (n + alignment - 1) & ~(alignment - 1);
}

#endif
