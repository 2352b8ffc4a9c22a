#include "train/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "train/safetensors_format.h"

enum { NAME_MAX_BYTES = 256, TENSORS_MAX = 4096, META_MAX = 256, ALIGN = 8 };

typedef struct tensor {
    char *name;
    tdl_dtype dtype;
    size_t rank, shape[TDL_SAFETENSORS_RANK_MAX];
    size_t bytes;
    const void *data; /* borrowed until written */
} tensor;

typedef struct meta {
    char *key;
    char *value;
    size_t value_len;
} meta;

struct tdl_st_writer {
    tensor *tensors; /* [tensors_n] */
    size_t tensors_n, tensors_cap;
    meta metas[META_MAX];
    size_t metas_n;
    char prefix[TDL_SAFETENSORS_PREFIX_MAX + 1];
    tdl_status status; /* the first failure */
    tdl_report why;
};

tdl_st_writer *tdl_st_writer_new(void)
{
    return calloc(1, sizeof(tdl_st_writer));
}

void tdl_st_writer_free(tdl_st_writer *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->tensors_n; i++)
        free(w->tensors[i].name);
    for (size_t i = 0; i < w->metas_n; i++) {
        free(w->metas[i].key);
        free(w->metas[i].value);
    }
    free(w->tensors);
    free(w);
}

static void remember(tdl_st_writer *w, tdl_status status, const char *what, const char *name)
{
    if (!w->status)
        w->status = TDL_FAIL(&w->why, status, "\"%s\": %s", name, what);
}

/* What a JSON string of a header can hold. */
static bool is_text(tdl_str text)
{
    return tdl_str_utf8(text, NULL) && (!text.len || !memchr(text.at, 0, text.len));
}

void tdl_st_meta(tdl_st_writer *w, const char *key, tdl_str value)
{
    if (!w || w->status)
        return;
    if (w->metas_n == META_MAX) {
        remember(w, TDL_E_INVALID, "too much metadata", key);
        return;
    }
    if (!is_text(tdl_str_of(key)) || !is_text(value)) {
        remember(w, TDL_E_INVALID, "metadata must be UTF-8 without NUL", key);
        return;
    }
    for (size_t i = 0; i < w->metas_n; i++)
        if (!strcmp(w->metas[i].key, key)) {
            remember(w, TDL_E_INVALID, "metadata given twice", key);
            return;
        }
    meta *m = &w->metas[w->metas_n++];
    *m = (meta){.key = strdup(key), .value = malloc(value.len + 1), .value_len = value.len};
    if (!m->key || !m->value)
        remember(w, TDL_E_NO_MEMORY, "out of memory", key);
    else if (value.len)
        memcpy(m->value, value.at, value.len);
}

void tdl_st_prefix(tdl_st_writer *w, const char *prefix)
{
    if (!w || w->status)
        return;
    if (strlen(prefix) > TDL_SAFETENSORS_PREFIX_MAX) {
        remember(w, TDL_E_INVALID, "too long a prefix", prefix);
        return;
    }
    strcpy(w->prefix, prefix);
}

static bool grow(tdl_st_writer *w)
{
    if (w->tensors_n < w->tensors_cap)
        return true;
    size_t cap = w->tensors_cap ? 2 * w->tensors_cap : 16;
    tensor *grown = realloc(w->tensors, cap * sizeof *grown);
    if (!grown)
        return false;
    w->tensors = grown;
    w->tensors_cap = cap;
    return true;
}

void tdl_st_add(tdl_st_writer *w, const char *part, tdl_dtype dtype, size_t rank,
                const size_t *shape, const void *data)
{
    char name[NAME_MAX_BYTES + 1];

    if (!w || w->status)
        return;
    int name_n = snprintf(name, sizeof name, "%s%s", w->prefix, part);
    if (rank > TDL_SAFETENSORS_RANK_MAX || name_n < 0 || name_n > NAME_MAX_BYTES ||
        w->tensors_n == TENSORS_MAX) {
        remember(w, TDL_E_INVALID, "too many axes, too long a name, or too many tensors", name);
        return;
    }
    if (!strcmp(name, "__metadata__") || !is_text(tdl_str_of(name))) {
        remember(w, TDL_E_INVALID, "not a name for a tensor", name);
        return;
    }
    for (size_t i = 0; i < w->tensors_n; i++)
        if (!strcmp(w->tensors[i].name, name)) {
            remember(w, TDL_E_INVALID, "given twice", name);
            return;
        }
    tensor t = {.dtype = dtype, .rank = rank, .bytes = tdl_dtype_bytes(dtype), .data = data};
    for (size_t i = 0; i < rank; i++) {
        t.shape[i] = shape[i];
        if (__builtin_mul_overflow(t.bytes, shape[i], &t.bytes)) {
            remember(w, TDL_E_INVALID, "its size overflows", name);
            return;
        }
    }
    if (!grow(w) || !(t.name = strdup(name))) {
        remember(w, TDL_E_NO_MEMORY, "out of memory", name);
        return;
    }
    w->tensors[w->tensors_n++] = t;
}

void tdl_st_add_1d(tdl_st_writer *w, const char *name, tdl_dtype dtype, size_t n, const void *data)
{
    tdl_st_add(w, name, dtype, 1, &n, data);
}

/* Widest elements first, so that every tensor is aligned for its own; then by name. */
static int by_alignment(const void *a, const void *b)
{
    const tensor *x = a, *y = b;
    size_t wide_x = tdl_dtype_bytes(x->dtype), wide_y = tdl_dtype_bytes(y->dtype);

    return wide_x != wide_y ? (wide_x < wide_y ? 1 : -1) : strcmp(x->name, y->name);
}

static void write_header(const tdl_st_writer *w, tdl_buf *out)
{
    tdl_jw j = {.out = out};
    size_t offset = 0;

    tdl_jw_object(&j);
    if (w->metas_n) {
        tdl_jw_key(&j, "__metadata__");
        tdl_jw_object(&j);
        for (size_t i = 0; i < w->metas_n; i++)
            tdl_jw_kstr(&j, w->metas[i].key, (tdl_str){w->metas[i].value, w->metas[i].value_len});
        tdl_jw_end_object(&j);
    }
    for (size_t i = 0; i < w->tensors_n; i++) {
        const tensor *t = &w->tensors[i];
        tdl_jw_key(&j, t->name);
        tdl_jw_object(&j);
        tdl_jw_ktext(&j, "dtype", tdl_dtype_name(t->dtype));
        tdl_jw_key(&j, "shape");
        tdl_jw_array(&j);
        for (size_t k = 0; k < t->rank; k++)
            tdl_jw_int(&j, (int64_t)t->shape[k]);
        tdl_jw_end_array(&j);
        tdl_jw_key(&j, "data_offsets");
        tdl_jw_array(&j);
        tdl_jw_int(&j, (int64_t)offset);
        tdl_jw_int(&j, (int64_t)(offset += t->bytes));
        tdl_jw_end_array(&j);
        tdl_jw_end_object(&j);
    }
    tdl_jw_end_object(&j);
    while (out->len % ALIGN)
        tdl_buf_char(out, ' ');
}

tdl_status tdl_st_encode(tdl_st_writer *w, tdl_buf *ret, tdl_report *why)
{
    tdl_buf header = {.limit = TDL_SAFETENSORS_HEADER_MAX};
    uint8_t length[8];

    if (!w)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (w->status) {
        if (why)
            *why = w->why;
        return w->status;
    }
    if (w->tensors_n)
        qsort(w->tensors, w->tensors_n, sizeof *w->tensors, by_alignment);
    write_header(w, &header);
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)header.len >> (8 * i));
    tdl_buf_add(ret, length, sizeof length);
    tdl_buf_add(ret, header.at, header.len);
    for (size_t i = 0; i < w->tensors_n; i++)
        if (w->tensors[i].bytes)
            tdl_buf_add(ret, w->tensors[i].data, w->tensors[i].bytes);
    bool failed = header.failed || ret->failed;
    tdl_buf_release(&header);
    if (failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the model does not fit into memory twice");
    return TDL_OK;
}

tdl_status tdl_st_write(tdl_st_writer *w, const char *path, tdl_report *why)
{
    tdl_buf file = {.limit = SIZE_MAX / 4};
    tdl_status st = tdl_st_encode(w, &file, why);

    if (st)
        tdl_report_prefix(why, "%s", path);
    else
        st = tdl_file_write(path, tdl_buf_view(&file), why);
    tdl_buf_release(&file);
    return st;
}
