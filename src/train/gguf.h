/* GGUF version 3, the model file of llama.cpp: typed keys and values, then tensors.
 *
 * Writing borrows F32 data until _write; what is encoded or transposed is copied when it is added.
 * Reading treats the file as hostile: it is mapped, not copied; nothing is allocated before its
 * size has been checked against the file; a refusal names the key or the tensor and the byte it
 * begins at. Tensors must stand in the order of their descriptions, each padded to the alignment,
 * with nothing between or behind, as llama.cpp demands.
 *
 * Shapes are written as everywhere in Treadle, slowest axis first: a matrix [rows][columns]. (The
 * file itself has them the other way round.)
 *
 * Which keys and tensors make a model that llama.cpp opens: docs/design/train.md, "Interchange".
 */
#ifndef TDL_TRAIN_GGUF_H
#define TDL_TRAIN_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Numbers as in the file. */
typedef enum tdl_gguf_type {
    TDL_GGUF_F32 = 0,
    TDL_GGUF_F16 = 1,
    TDL_GGUF_Q4_0 = 2,
    TDL_GGUF_Q8_0 = 8,
    TDL_GGUF_BF16 = 30,
} tdl_gguf_type;

typedef enum tdl_gguf_kind { /* of a value */
                             TDL_GGUF_U8,
                             TDL_GGUF_I8,
                             TDL_GGUF_U16,
                             TDL_GGUF_I16,
                             TDL_GGUF_U32,
                             TDL_GGUF_I32,
                             TDL_GGUF_FLOAT,
                             TDL_GGUF_BOOL,
                             TDL_GGUF_STRING,
                             TDL_GGUF_ARRAY,
                             TDL_GGUF_U64,
                             TDL_GGUF_I64,
                             TDL_GGUF_DOUBLE,
} tdl_gguf_kind;

enum { TDL_GGUF_RANK_MAX = 4, TDL_GGUF_NAME_MAX = 64, TDL_GGUF_ALIGNMENT = 32 };

/* ---- writing: names, keys and values are copied; failures are remembered and told by _write ----
 */

typedef struct tdl_gguf_writer tdl_gguf_writer;

/* Begins with the keys general.architecture and general.alignment. NULL: no memory; every call
 * below accepts NULL and fails. */
tdl_gguf_writer *tdl_gguf_writer_new(const char *architecture);
void tdl_gguf_writer_free(tdl_gguf_writer *writer);

void tdl_gguf_set_u32(tdl_gguf_writer *writer, const char *key, uint32_t value);
void tdl_gguf_set_u64(tdl_gguf_writer *writer, const char *key, uint64_t value);
void tdl_gguf_set_i64(tdl_gguf_writer *writer, const char *key, int64_t value);
void tdl_gguf_set_float(tdl_gguf_writer *writer, const char *key, float value);
void tdl_gguf_set_bool(tdl_gguf_writer *writer, const char *key, bool value);
void tdl_gguf_set_str(tdl_gguf_writer *writer, const char *key, tdl_str value);
/* values [n] of the C type that `kind` names; a scalar kind other than BOOL and STRING */
void tdl_gguf_set_array(tdl_gguf_writer *writer, const char *key, tdl_gguf_kind kind,
                        const void *values, size_t n);
void tdl_gguf_set_strs(tdl_gguf_writer *writer, const char *key, const tdl_str *values, size_t n);

/* A tensor stored as `type`; the last axis of a blocked type is a multiple of 32. Numbers that are
 * not finite, or whose magnitude the type cannot hold, are refused. */
void tdl_gguf_add(tdl_gguf_writer *writer, const char *name, tdl_gguf_type type, size_t rank,
                  const size_t *shape, const float *data);
/* The same for data from malloc, which the writer frees; NULL: no memory, the writer fails. */
void tdl_gguf_take(tdl_gguf_writer *writer, const char *name, tdl_gguf_type type, size_t rank,
                   const size_t *shape, float *take_data);

tdl_status tdl_gguf_write(const tdl_gguf_writer *writer, const char *path, tdl_report *why);

/* ---- reading: views live until _free ---- */

typedef struct tdl_gguf_file tdl_gguf_file;

typedef struct tdl_gguf_tensor {
    tdl_str name;
    tdl_gguf_type type;
    size_t rank, shape[TDL_GGUF_RANK_MAX]; /* slowest axis first */
    size_t n, bytes;                       /* numbers; bytes of `data` */
    const void *data;                      /* as stored; not aligned for anything */
} tdl_gguf_tensor;

/* The file must not shrink while it is open: it is mapped. */
tdl_status tdl_gguf_open(const char *path, tdl_gguf_file **ret, tdl_report *why);
/* The same from memory (borrowed until _free); for tests and fuzzing. */
tdl_status tdl_gguf_parse(tdl_str bytes, tdl_gguf_file **ret, tdl_report *why);
void tdl_gguf_free(tdl_gguf_file *file); /* accepts NULL */

size_t tdl_gguf_count(const tdl_gguf_file *file);
const tdl_gguf_tensor *tdl_gguf_at(const tdl_gguf_file *file, size_t index); /* by rising name */
/* The named tensor with this shape (any when `rank` is 0), or a report that tells both. */
tdl_status tdl_gguf_get(const tdl_gguf_file *file, const char *name, size_t rank,
                        const size_t *shape, const tdl_gguf_tensor **ret, tdl_report *why);
/* The tensor's numbers as f32 into x [tensor->n]. */
void tdl_gguf_floats(const tdl_gguf_tensor *tensor, float *x);

/* Values. A key that is absent or of another kind gives a report with both kinds; `ret` is then
 * left alone. Integers of any width are accepted where they fit. */
bool tdl_gguf_has(const tdl_gguf_file *file, const char *key);
tdl_status tdl_gguf_get_u64(const tdl_gguf_file *file, const char *key, uint64_t *ret,
                            tdl_report *why);
tdl_status tdl_gguf_get_double(const tdl_gguf_file *file, const char *key, double *ret,
                               tdl_report *why); /* FLOAT or DOUBLE */
tdl_status tdl_gguf_get_bool(const tdl_gguf_file *file, const char *key, bool *ret,
                             tdl_report *why);
tdl_status tdl_gguf_get_str(const tdl_gguf_file *file, const char *key, tdl_str *ret,
                            tdl_report *why);

/* An array whose elements are of `kind`. Numbers: `at` + i * the size of the kind, unaligned.
 * Strings: walk them with _next_str. */
typedef struct tdl_gguf_array {
    tdl_gguf_kind kind;
    size_t n;
    const char *at;
} tdl_gguf_array;
tdl_status tdl_gguf_get_array(const tdl_gguf_file *file, const char *key, tdl_gguf_kind kind,
                              tdl_gguf_array *ret, tdl_report *why);
tdl_str tdl_gguf_next_str(tdl_gguf_array *strings); /* n > 0; moves `at`, lowers `n` */

#endif
