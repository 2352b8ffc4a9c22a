/* safetensors files (u64 header length, JSON header, data): the form of every model file.
 *
 * Writing is atomic (temporary name, fsync, rename). Reading treats the file as hostile: nothing is
 * allocated before its size has been checked against the file, and a refusal names the tensor, what
 * was expected and what was found, or the byte offset.
 */
#ifndef TDL_TRAIN_SAFETENSORS_H
#define TDL_TRAIN_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef enum tdl_dtype {
    TDL_F32,
    TDL_F64,
    TDL_I32,
    TDL_I64,
    TDL_U8,
    TDL_F16,
    TDL_BF16,
    TDL_I8,
    TDL_BOOL, /* a byte, 0 or 1 */
    TDL_I16,
    TDL_U16,
    TDL_U32,
    TDL_U64,
    TDL_F8_E4M3,
    TDL_F8_E5M2
} tdl_dtype;

enum {
    TDL_SAFETENSORS_RANK_MAX = 4,
    TDL_SAFETENSORS_HEADER_MAX = 100000000,
    TDL_SAFETENSORS_PREFIX_MAX = 32
};

/* ---- writing: names and metadata are copied, tensor data is borrowed until _write ---- */

typedef struct tdl_st_writer tdl_st_writer;
tdl_st_writer *
tdl_st_writer_new(void); /* NULL: no memory; every call below accepts NULL and fails */
void tdl_st_writer_free(tdl_st_writer *writer);
/* Failures are remembered and reported by _write. */
/* What stands before the name of every tensor that is added from now on, copied: several of one
 * kind in a file, "part3/" each. At most 32 bytes; "" = nothing, as at first. */
void tdl_st_prefix(tdl_st_writer *writer, const char *prefix);
void tdl_st_meta(tdl_st_writer *writer, const char *key, tdl_str value);
void tdl_st_add(tdl_st_writer *writer, const char *name, tdl_dtype dtype, size_t rank,
                const size_t *shape, const void *data);
void tdl_st_add_1d(tdl_st_writer *writer, const char *name, tdl_dtype dtype, size_t n,
                   const void *data);
tdl_status tdl_st_write(tdl_st_writer *writer, const char *path, tdl_report *why);
/* The bytes that _write would write, appended to `ret`. TDL_E_NO_MEMORY, or a failure remembered */
tdl_status tdl_st_encode(tdl_st_writer *writer, tdl_buf *ret, tdl_report *why);

/* ---- reading: the file is mapped or read whole; views live until _free ---- */

typedef struct tdl_st_file tdl_st_file;
typedef struct tdl_st_view {
    tdl_str name;
    tdl_dtype dtype;
    size_t rank, shape[TDL_SAFETENSORS_RANK_MAX];
    size_t n;         /* elements */
    const void *data; /* aligned for its dtype */
} tdl_st_view;

tdl_status tdl_st_open(const char *path, tdl_st_file **ret, tdl_report *why);
/* The same from memory (borrowed until _free); for tests and fuzzing. */
tdl_status tdl_st_parse(tdl_str bytes, tdl_st_file **ret, tdl_report *why);
void tdl_st_free(tdl_st_file *file); /* accepts NULL */
size_t tdl_st_count(const tdl_st_file *file);
const tdl_st_view *tdl_st_at(const tdl_st_file *file, size_t index);
/* Metadata value; empty when absent. */
tdl_str tdl_st_meta_get(const tdl_st_file *file, const char *key);
/* The named tensor with this dtype and rank, or a report that names both sides. */
tdl_status tdl_st_get(const tdl_st_file *file, const char *name, tdl_dtype dtype, size_t rank,
                      const tdl_st_view **ret, tdl_report *why);
/* The same on the way back: _get and _find look for names with it in front, from now on. */
void tdl_st_file_prefix(tdl_st_file *file, const char *prefix);
/* The tensor of that name, or NULL. */
const tdl_st_view *tdl_st_find(const tdl_st_file *file, const char *name);

/* True for F32, F64, F16 and BF16: what tdl_st_read_f32 reads. */
bool tdl_st_is_real(tdl_dtype dtype);
/* Elements [first, first + n) as float: F64 is rounded to nearest, the narrower are exact. */
void tdl_st_read_f32(const tdl_st_view *view, size_t first, size_t n, float *ret);

#endif
