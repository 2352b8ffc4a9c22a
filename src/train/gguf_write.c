#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "train/gguf_block.h"
#include "train/gguf_format.h"

/* llama.cpp keeps a tensor's name in 64 bytes with its NUL. */
enum { WRITTEN_NAME_MAX = TDL_GGUF_NAME_MAX - 1, INFOS_LIMIT = 64 << 20 };

typedef struct blob {
    const void *data; /* the caller's, or `own` */
    void *own;
    size_t bytes;
} blob;

struct tdl_gguf_writer {
    tdl_buf values; /* keys and values as in the file */
    tdl_buf infos;  /* descriptions of the tensors as in the file */
    char **names;   /* [names_n] of keys and tensors; they share no name */
    blob *blobs;    /* [blobs_n] */
    size_t names_n, names_cap, blobs_n, blobs_cap, values_n;
    size_t offset; /* of the next tensor, from the beginning of the data */
    tdl_status status;
    tdl_report why;
};

static void put(tdl_buf *out, uint64_t value, size_t bytes)
{
    uint8_t at[8];

    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
    tdl_buf_add(out, at, bytes);
}

static void put_str(tdl_buf *out, tdl_str text)
{
    put(out, text.len, 8);
    tdl_buf_str(out, text);
}

tdl_gguf_writer *tdl_gguf_writer_new(const char *architecture)
{
    tdl_gguf_writer *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->values.limit = SIZE_MAX / 4;
    w->infos.limit = INFOS_LIMIT;
    tdl_gguf_set_str(w, "general.architecture", tdl_str_of(architecture));
    tdl_gguf_set_u32(w, "general.alignment", TDL_GGUF_ALIGNMENT);
    return w;
}

void tdl_gguf_writer_free(tdl_gguf_writer *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->names_n; i++)
        free(w->names[i]);
    for (size_t i = 0; i < w->blobs_n; i++)
        free(w->blobs[i].own);
    free(w->names);
    free(w->blobs);
    tdl_buf_release(&w->values);
    tdl_buf_release(&w->infos);
    free(w);
}

/* Only the first failure counts. */
static void remember(tdl_gguf_writer *w, tdl_status status, const char *name, const char *what)
{
    if (!w->status)
        w->status = TDL_FAIL(&w->why, status, "\"%.100s\": %s", name, what);
}

/* A doubled array when it is full; false without memory. */
static bool grow(void **at, size_t n, size_t *cap, size_t size)
{
    size_t wanted = *cap ? *cap * 2 : 64;
    void *grown;

    if (n < *cap)
        return true;
    if (!(grown = realloc(*at, wanted * size)))
        return false;
    *at = grown;
    *cap = wanted;
    return true;
}

/* Is `name` fit for the file and not yet in it? Then it is taken. */
static bool take_name(tdl_gguf_writer *w, const char *name, size_t longest)
{
    tdl_str text = tdl_str_of(name);

    if (!w || w->status)
        return false;
    if (!text.len || text.len > longest || !tdl_str_utf8(text, NULL)) {
        remember(w, TDL_E_INVALID, name, "empty, too long or not UTF-8");
        return false;
    }
    for (size_t i = 0; i < w->names_n; i++)
        if (!strcmp(w->names[i], name)) {
            remember(w, TDL_E_INVALID, name, "given twice");
            return false;
        }
    if (!grow((void **)&w->names, w->names_n, &w->names_cap, sizeof *w->names) ||
        !(w->names[w->names_n] = strdup(name))) {
        remember(w, TDL_E_NO_MEMORY, name, "out of memory");
        return false;
    }
    w->names_n++;
    return true;
}

/* ---- values ---- */

static bool begin_value(tdl_gguf_writer *w, const char *key, tdl_gguf_kind kind)
{
    if (!take_name(w, key, TDL_GGUF_KEY_MAX))
        return false;
    put_str(&w->values, tdl_str_of(key));
    put(&w->values, (uint64_t)kind, 4);
    w->values_n++;
    return true;
}

static void set_scalar(tdl_gguf_writer *w, const char *key, tdl_gguf_kind kind, uint64_t bits)
{
    if (begin_value(w, key, kind))
        put(&w->values, bits, tdl_gguf_kind_bytes(kind));
}

void tdl_gguf_set_u32(tdl_gguf_writer *w, const char *key, uint32_t value)
{
    set_scalar(w, key, TDL_GGUF_U32, value);
}

void tdl_gguf_set_u64(tdl_gguf_writer *w, const char *key, uint64_t value)
{
    set_scalar(w, key, TDL_GGUF_U64, value);
}

void tdl_gguf_set_i64(tdl_gguf_writer *w, const char *key, int64_t value)
{
    set_scalar(w, key, TDL_GGUF_I64, (uint64_t)value);
}

void tdl_gguf_set_float(tdl_gguf_writer *w, const char *key, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    set_scalar(w, key, TDL_GGUF_FLOAT, bits);
}

void tdl_gguf_set_bool(tdl_gguf_writer *w, const char *key, bool value)
{
    set_scalar(w, key, TDL_GGUF_BOOL, value);
}

void tdl_gguf_set_str(tdl_gguf_writer *w, const char *key, tdl_str value)
{
    if (begin_value(w, key, TDL_GGUF_STRING))
        put_str(&w->values, value);
}

static bool begin_array(tdl_gguf_writer *w, const char *key, tdl_gguf_kind kind, size_t n)
{
    if (!begin_value(w, key, TDL_GGUF_ARRAY))
        return false;
    put(&w->values, (uint64_t)kind, 4);
    put(&w->values, n, 8);
    return true;
}

void tdl_gguf_set_array(tdl_gguf_writer *w, const char *key, tdl_gguf_kind kind, const void *values,
                        size_t n)
{
    size_t bytes = tdl_gguf_kind_bytes(kind);

    if (!begin_array(w, key, kind, n))
        return;
    if (!bytes || __builtin_mul_overflow(n, bytes, &bytes))
        remember(w, TDL_E_INVALID, key, "not an array of numbers, or too long a one");
    else
        tdl_buf_add(&w->values, values, bytes);
}

void tdl_gguf_set_strs(tdl_gguf_writer *w, const char *key, const tdl_str *values, size_t n)
{
    if (!begin_array(w, key, TDL_GGUF_STRING, n))
        return;
    for (size_t i = 0; i < n; i++)
        put_str(&w->values, values[i]);
}

/* ---- tensors ---- */

/* Numbers and bytes of a tensor; what is wrong with its shape, or NULL. */
static const char *measure(const tdl_gguf_layout *layout, size_t rank, const size_t *shape,
                           size_t *ret_n, size_t *ret_bytes)
{
    size_t n = 1;

    if (rank < 1 || rank > TDL_GGUF_RANK_MAX)
        return "a tensor has 1 to 4 axes";
    for (size_t i = 0; i < rank; i++)
        if (!shape[i] || __builtin_mul_overflow(n, shape[i], &n))
            return "an axis is empty, or the shape overflows";
    if (shape[rank - 1] % layout->block_n)
        return "the last axis of a blocked type is a multiple of 32; use F32, F16 or BF16";
    *ret_n = n;
    if (__builtin_mul_overflow(n / layout->block_n, layout->block_bytes, ret_bytes) ||
        *ret_bytes > SIZE_MAX / 4)
        return "the shape overflows";
    return NULL;
}

/* Fills in ret->data, from `own` (taken over) when it is not NULL, else from `data`. */
static bool encode(tdl_gguf_writer *w, const char *name, tdl_gguf_type type, const float *data,
                   float *own, size_t n, blob *ret)
{
    const float *source = own ? own : data;
    void *encoded = type == TDL_GGUF_F32 ? NULL : malloc(ret->bytes);

    if (type != TDL_GGUF_F32 && !encoded) {
        remember(w, TDL_E_NO_MEMORY, name, "out of memory");
        return false;
    }
    size_t done = tdl_gguf_encode(type, source, n, encoded);
    if (done < n && !w->status)
        w->status = TDL_FAIL(&w->why, TDL_E_INVALID,
                             "\"%s\": number %zu (or its block), %g, has no place in %s", name,
                             done, (double)source[done], tdl_gguf_layout_of(type)->name);
    ret->own = encoded ? encoded : own;
    ret->data = ret->own ? ret->own : data;
    return done == n;
}

static void describe(tdl_gguf_writer *w, const char *name, tdl_gguf_type type, size_t rank,
                     const size_t *shape)
{
    put_str(&w->infos, tdl_str_of(name));
    put(&w->infos, rank, 4);
    for (size_t i = rank; i-- > 0;)
        put(&w->infos, shape[i], 8);
    put(&w->infos, (uint64_t)type, 4);
    put(&w->infos, w->offset, 8);
}

/* `own`: the numbers, taken over; or NULL when `data` is borrowed. */
static void add(tdl_gguf_writer *w, const char *name, tdl_gguf_type type, size_t rank,
                const size_t *shape, const float *data, float *own)
{
    const char *wrong;
    blob one = {0};
    size_t n = 0;

    if (!take_name(w, name, WRITTEN_NAME_MAX))
        goto out;
    if ((wrong = measure(tdl_gguf_layout_of(type), rank, shape, &n, &one.bytes))) {
        remember(w, TDL_E_INVALID, name, wrong);
        goto out;
    }
    if (!grow((void **)&w->blobs, w->blobs_n, &w->blobs_cap, sizeof *w->blobs)) {
        remember(w, TDL_E_NO_MEMORY, name, "out of memory");
        goto out;
    }
    if (!encode(w, name, type, data, own, n, &one)) {
        if (one.own != own)
            free(one.own);
        goto out;
    }
    describe(w, name, type, rank, shape);
    w->blobs[w->blobs_n++] = one;
    w->offset = tdl_gguf_align(w->offset + one.bytes, TDL_GGUF_ALIGNMENT);
    if (one.own == own)
        own = NULL; /* the writer's now */
out:
    free(own);
}

void tdl_gguf_add(tdl_gguf_writer *w, const char *name, tdl_gguf_type type, size_t rank,
                  const size_t *shape, const float *data)
{
    add(w, name, type, rank, shape, data, NULL);
}

void tdl_gguf_take(tdl_gguf_writer *w, const char *name, tdl_gguf_type type, size_t rank,
                   const size_t *shape, float *take_data)
{
    if (take_data)
        add(w, name, type, rank, shape, take_data, take_data);
    else
        remember(w, TDL_E_NO_MEMORY, name, "out of memory");
}

/* ---- the file ---- */

static void write_header(const tdl_gguf_writer *w, tdl_buf *out)
{
    tdl_buf_text(out, "GGUF");
    put(out, TDL_GGUF_VERSION, 4);
    put(out, w->blobs_n, 8);
    put(out, w->values_n, 8);
    tdl_buf_str(out, tdl_buf_view(&w->values));
    tdl_buf_str(out, tdl_buf_view(&w->infos));
    while (out->len % TDL_GGUF_ALIGNMENT)
        tdl_buf_char(out, 0);
}

/* The header, then each tensor and its padding. */
static void collect(const tdl_gguf_writer *w, tdl_str header, tdl_str *parts)
{
    static const char zeros[TDL_GGUF_ALIGNMENT];

    parts[0] = header;
    for (size_t i = 0; i < w->blobs_n; i++) {
        size_t bytes = w->blobs[i].bytes;
        parts[1 + 2 * i] = (tdl_str){w->blobs[i].data, bytes};
        parts[2 + 2 * i] = (tdl_str){zeros, tdl_gguf_align(bytes, TDL_GGUF_ALIGNMENT) - bytes};
    }
}

tdl_status tdl_gguf_write(const tdl_gguf_writer *w, const char *path, tdl_report *why)
{
    tdl_buf header = {.limit = SIZE_MAX / 2};
    tdl_str *parts = NULL;
    tdl_status st;

    if (!w)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: out of memory", path);
    if (w->status) {
        if (why)
            *why = w->why;
        return w->status;
    }
    write_header(w, &header);
    parts = calloc(1 + 2 * w->blobs_n, sizeof *parts);
    if (w->values.failed || w->infos.failed || header.failed || !parts) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: out of memory", path);
        goto out;
    }
    collect(w, tdl_buf_view(&header), parts);
    st = tdl_file_write_parts(path, parts, 1 + 2 * w->blobs_n, why);
out:
    free(parts);
    tdl_buf_release(&header);
    return st;
}
