#include <stdlib.h>
#include <string.h>

#include "train/gguf_block.h"
#include "train/gguf_file.h"
#include "train/gguf_format.h"

static const char *kind_name(tdl_gguf_kind kind)
{
#define TDL_GGUF_KIND_NAME(kind, name, bytes) [kind] = name,
    static const char *const names[] = {TDL_GGUF_KIND_MAP(TDL_GGUF_KIND_NAME)};
#undef TDL_GGUF_KIND_NAME
    return names[kind];
}

uint64_t tdl_gguf_load(const char *at, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = bytes; i-- > 0;)
        value = value << 8 | (uint8_t)at[i];
    return value;
}

static int by_key(const void *key, const void *value)
{
    return tdl_str_cmp(*(const tdl_str *)key, ((const tdl_gguf_value *)value)->key);
}

const tdl_gguf_value *tdl_gguf_find(const tdl_gguf_file *file, const char *key)
{
    tdl_str wanted = tdl_str_of(key);

    if (!file->values_n)
        return NULL;
    return bsearch(&wanted, file->values, file->values_n, sizeof *file->values, by_key);
}

/* ---- tensors ---- */

size_t tdl_gguf_count(const tdl_gguf_file *file)
{
    return file->tensors_n;
}

const tdl_gguf_tensor *tdl_gguf_at(const tdl_gguf_file *file, size_t index)
{
    return &file->tensors[index];
}

static int by_name(const void *name, const void *tensor)
{
    return tdl_str_cmp(*(const tdl_str *)name, ((const tdl_gguf_tensor *)tensor)->name);
}

/* "[2, 3]" */
static void shape_text(size_t rank, const size_t *shape, tdl_buf *out)
{
    for (size_t i = 0; i < rank; i++)
        tdl_buf_printf(out, "%s%zu", i ? ", " : "[", shape[i]);
    tdl_buf_char(out, ']');
}

static tdl_status fail_shape(const tdl_gguf_tensor *tensor, size_t rank, const size_t *shape,
                             tdl_report *why)
{
    tdl_buf found = {0}, expected = {0};
    tdl_status st;

    shape_text(tensor->rank, tensor->shape, &found);
    shape_text(rank, shape, &expected);
    st = TDL_FAIL(why, TDL_E_CORRUPT, "tensor \"%.*s\" has the shape %s, expected %s",
                  TDL_FMT(tensor->name), found.at ? found.at : "", expected.at ? expected.at : "");
    tdl_buf_release(&found);
    tdl_buf_release(&expected);
    return st;
}

tdl_status tdl_gguf_get(const tdl_gguf_file *file, const char *name, size_t rank,
                        const size_t *shape, const tdl_gguf_tensor **ret, tdl_report *why)
{
    tdl_str wanted = tdl_str_of(name);
    const tdl_gguf_tensor *tensor = NULL;

    if (file->tensors_n)
        tensor = bsearch(&wanted, file->tensors, file->tensors_n, sizeof *tensor, by_name);
    if (!tensor)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "tensor \"%s\" is missing", name);
    if (rank && (tensor->rank != rank || memcmp(tensor->shape, shape, rank * sizeof *shape) != 0))
        return fail_shape(tensor, rank, shape, why);
    *ret = tensor;
    return TDL_OK;
}

void tdl_gguf_floats(const tdl_gguf_tensor *tensor, float *x)
{
    tdl_gguf_decode(tensor->type, tensor->data, tensor->n, x);
}

/* ---- values ---- */

bool tdl_gguf_has(const tdl_gguf_file *file, const char *key)
{
    return tdl_gguf_find(file, key) != NULL;
}

static tdl_status fail_kind(const tdl_gguf_value *value, const char *key, const char *expected,
                            tdl_report *why)
{
    if (!value)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "key \"%s\" is missing", key);
    return TDL_FAIL(why, TDL_E_CORRUPT, "key \"%s\" is of kind %s, expected %s", key,
                    kind_name(value->kind), expected);
}

static bool is_unsigned(tdl_gguf_kind kind)
{
    return kind == TDL_GGUF_U8 || kind == TDL_GGUF_U16 || kind == TDL_GGUF_U32 ||
           kind == TDL_GGUF_U64;
}

static bool is_signed(tdl_gguf_kind kind)
{
    return kind == TDL_GGUF_I8 || kind == TDL_GGUF_I16 || kind == TDL_GGUF_I32 ||
           kind == TDL_GGUF_I64;
}

tdl_status tdl_gguf_get_u64(const tdl_gguf_file *file, const char *key, uint64_t *ret,
                            tdl_report *why)
{
    const tdl_gguf_value *value = tdl_gguf_find(file, key);

    if (!value || (!is_unsigned(value->kind) && !is_signed(value->kind)))
        return fail_kind(value, key, "an integer", why);
    size_t bytes = tdl_gguf_kind_bytes(value->kind);
    uint64_t loaded = tdl_gguf_load(value->array.at, bytes);
    if (is_signed(value->kind) && loaded >> (8 * bytes - 1))
        return TDL_FAIL(why, TDL_E_CORRUPT, "key \"%s\" is negative", key);
    *ret = loaded;
    return TDL_OK;
}

tdl_status tdl_gguf_get_double(const tdl_gguf_file *file, const char *key, double *ret,
                               tdl_report *why)
{
    const tdl_gguf_value *value = tdl_gguf_find(file, key);

    if (value && value->kind == TDL_GGUF_DOUBLE) {
        memcpy(ret, value->array.at, sizeof *ret);
        return TDL_OK;
    }
    if (value && value->kind == TDL_GGUF_FLOAT) {
        float narrow;
        memcpy(&narrow, value->array.at, sizeof narrow);
        *ret = (double)narrow;
        return TDL_OK;
    }
    return fail_kind(value, key, "f32 or f64", why);
}

tdl_status tdl_gguf_get_bool(const tdl_gguf_file *file, const char *key, bool *ret, tdl_report *why)
{
    const tdl_gguf_value *value = tdl_gguf_find(file, key);

    if (!value || value->kind != TDL_GGUF_BOOL)
        return fail_kind(value, key, "bool", why);
    *ret = *value->array.at != 0;
    return TDL_OK;
}

tdl_status tdl_gguf_get_str(const tdl_gguf_file *file, const char *key, tdl_str *ret,
                            tdl_report *why)
{
    const tdl_gguf_value *value = tdl_gguf_find(file, key);

    if (!value || value->kind != TDL_GGUF_STRING)
        return fail_kind(value, key, "string", why);
    tdl_gguf_array one = value->array;
    *ret = tdl_gguf_next_str(&one);
    return TDL_OK;
}

tdl_status tdl_gguf_get_array(const tdl_gguf_file *file, const char *key, tdl_gguf_kind kind,
                              tdl_gguf_array *ret, tdl_report *why)
{
    const tdl_gguf_value *value = tdl_gguf_find(file, key);

    if (!value || value->kind != TDL_GGUF_ARRAY)
        return fail_kind(value, key, "array", why);
    if (value->array.kind != kind)
        return TDL_FAIL(why, TDL_E_CORRUPT, "key \"%s\" is an array of %s, expected of %s", key,
                        kind_name(value->array.kind), kind_name(kind));
    *ret = value->array;
    return TDL_OK;
}

tdl_str tdl_gguf_next_str(tdl_gguf_array *strings)
{
    tdl_str text = {strings->at + 8, (size_t)tdl_gguf_load(strings->at, 8)};

    strings->at = text.at + text.len;
    strings->n--;
    return text;
}
