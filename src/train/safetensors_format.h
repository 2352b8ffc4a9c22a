/* Data types of safetensors files: names and sizes, for reader and writer. */
#ifndef TDL_TRAIN_SAFETENSORS_FORMAT_H
#define TDL_TRAIN_SAFETENSORS_FORMAT_H

#include "train/safetensors.h"

/* X(type, name in the header, bytes an element) */
#define TDL_DTYPE_MAP(X)                                                                           \
    X(TDL_F32, "F32", 4)                                                                           \
    X(TDL_F64, "F64", 8)                                                                           \
    X(TDL_I32, "I32", 4)                                                                           \
    X(TDL_I64, "I64", 8)                                                                           \
    X(TDL_U8, "U8", 1)                                                                             \
    X(TDL_F16, "F16", 2)                                                                           \
    X(TDL_BF16, "BF16", 2)                                                                         \
    X(TDL_I8, "I8", 1)                                                                             \
    X(TDL_BOOL, "BOOL", 1)                                                                         \
    X(TDL_I16, "I16", 2)                                                                           \
    X(TDL_U16, "U16", 2)                                                                           \
    X(TDL_U32, "U32", 4)                                                                           \
    X(TDL_U64, "U64", 8)                                                                           \
    X(TDL_F8_E4M3, "F8_E4M3", 1)                                                                   \
    X(TDL_F8_E5M2, "F8_E5M2", 1)

static inline size_t tdl_dtype_bytes(tdl_dtype dtype)
{
#define TDL_DTYPE_BYTES(type, name, bytes) [type] = bytes,
    static const uint8_t sizes[] = {TDL_DTYPE_MAP(TDL_DTYPE_BYTES)};
#undef TDL_DTYPE_BYTES
    return sizes[dtype];
}

static inline const char *tdl_dtype_name(tdl_dtype dtype)
{
#define TDL_DTYPE_NAME(type, name, bytes) [type] = name,
    static const char *const names[] = {TDL_DTYPE_MAP(TDL_DTYPE_NAME)};
#undef TDL_DTYPE_NAME
    return names[dtype];
}

#endif
