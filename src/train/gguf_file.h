/* An open GGUF file from the inside: for its parser (gguf.c) and its look-ups (gguf_get.c). */
#ifndef TDL_TRAIN_GGUF_FILE_H
#define TDL_TRAIN_GGUF_FILE_H

#include "train/gguf.h"

typedef struct tdl_gguf_value {
    tdl_str key;
    tdl_gguf_kind kind;
    tdl_gguf_array array; /* of an array: its elements; else one element of `kind` */
} tdl_gguf_value;

struct tdl_gguf_file {
    tdl_str bytes;
    void *map;                /* of `bytes` when the file was opened by path, or NULL */
    tdl_gguf_value *values;   /* [values_n] by rising key */
    tdl_gguf_tensor *tensors; /* [tensors_n] by rising name */
    size_t values_n, tensors_n;
};

/* The value of a key, or NULL. */
const tdl_gguf_value *tdl_gguf_find(const tdl_gguf_file *file, const char *key);
/* A little-endian integer of 1 to 8 bytes. */
uint64_t tdl_gguf_load(const char *at, size_t bytes);

#endif
