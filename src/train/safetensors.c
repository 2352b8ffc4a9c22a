#include "train/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "train/safetensors_format.h"

enum { TENSORS_MAX = 16384 };

typedef struct placed {
    tdl_st_view view;
    size_t begin; /* offset into the data */
    void *copy;   /* of data that lay misaligned, or NULL */
} placed;

struct tdl_st_file {
    tdl_buf bytes;   /* the file, when it was opened by path */
    json_t *header;  /* names and metadata live here */
    placed *tensors; /* [tensors_n] in order of their place in the file */
    size_t tensors_n;
    char prefix[TDL_SAFETENSORS_PREFIX_MAX + 1];
};

void tdl_st_free(tdl_st_file *file)
{
    if (!file)
        return;
    for (size_t i = 0; i < file->tensors_n; i++)
        free(file->tensors[i].copy);
    free(file->tensors);
    json_decref(file->header);
    tdl_buf_release(&file->bytes);
    free(file);
}

static bool parse_dtype(const char *name, tdl_dtype *ret)
{
#define TDL_DTYPE_PARSE(type, text, bytes)                                                         \
    if (!strcmp(name, text)) {                                                                     \
        *ret = type;                                                                               \
        return true;                                                                               \
    }
    TDL_DTYPE_MAP(TDL_DTYPE_PARSE)
#undef TDL_DTYPE_PARSE
    return false;
}

static bool parse_size(const json_t *value, size_t *ret)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *ret = (size_t)json_integer_value(value);
    return true;
}

/* shape -> view->rank, view->shape, view->n; the bytes they need. */
static tdl_status parse_shape(const json_t *shape, tdl_st_view *view, size_t *ret_bytes,
                              tdl_report *why)
{
    size_t bytes = tdl_dtype_bytes(view->dtype);

    view->rank = json_array_size(shape);
    if (!json_is_array(shape) || view->rank > TDL_SAFETENSORS_RANK_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "tensor \"%.*s\": its shape must be at most %d sizes",
                        TDL_FMT(view->name), TDL_SAFETENSORS_RANK_MAX);
    view->n = 1;
    for (size_t i = 0; i < view->rank; i++) {
        if (!parse_size(json_array_get(shape, i), &view->shape[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "tensor \"%.*s\": axis %zu has no size",
                            TDL_FMT(view->name), i);
        if (__builtin_mul_overflow(bytes, view->shape[i], &bytes))
            return TDL_FAIL(why, TDL_E_CORRUPT, "tensor \"%.*s\": its shape overflows",
                            TDL_FMT(view->name));
        view->n *= view->shape[i];
    }
    *ret_bytes = bytes;
    return TDL_OK;
}

static tdl_status parse_tensor(tdl_str name, const json_t *entry, size_t data_n, placed *ret,
                               tdl_report *why)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *offsets = json_object_get(entry, "data_offsets");
    tdl_st_view *view = &ret->view;
    size_t begin, end, bytes = 0;
    tdl_status st;

    *ret = (placed){.view = {.name = name}};
    if (!dtype || !parse_dtype(dtype, &view->dtype))
        return TDL_FAIL(why, TDL_E_CORRUPT, "tensor \"%.*s\": unknown dtype \"%s\"", TDL_FMT(name),
                        dtype ? dtype : "");
    if ((st = parse_shape(json_object_get(entry, "shape"), view, &bytes, why)))
        return st;
    if (json_array_size(offsets) != 2 || !parse_size(json_array_get(offsets, 0), &begin) ||
        !parse_size(json_array_get(offsets, 1), &end) || end < begin || end > data_n)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "tensor \"%.*s\": data_offsets must be two rising offsets within the %zu "
                        "bytes of data",
                        TDL_FMT(name), data_n);
    if (end - begin != bytes)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "tensor \"%.*s\": its shape needs %zu bytes, data_offsets give %zu",
                        TDL_FMT(name), bytes, end - begin);
    ret->begin = begin;
    return TDL_OK;
}

static size_t view_bytes(const tdl_st_view *view)
{
    return view->n * tdl_dtype_bytes(view->dtype);
}

/* Empty tensors go first among equals, so that they do not stand between two that touch. */
static int by_place(const void *a, const void *b)
{
    const placed *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->view.n > 0) - (y->view.n > 0);
}

/* Every byte belongs to exactly one tensor: nothing overlaps, nothing is hidden between. */
static tdl_status check_tiling(const tdl_st_file *file, size_t data_n, tdl_report *why)
{
    size_t at = 0;

    for (size_t i = 0; i < file->tensors_n; i++) {
        const placed *one = &file->tensors[i];
        if (one->begin != at)
            return TDL_FAIL(why, TDL_E_CORRUPT,
                            "tensor \"%.*s\" begins at byte %zu of the data, expected %zu",
                            TDL_FMT(one->view.name), one->begin, at);
        at += view_bytes(&one->view);
    }
    if (at != data_n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%zu bytes of data belong to no tensor", data_n - at);
    return TDL_OK;
}

static tdl_status attach_data(tdl_st_file *file, const char *data, tdl_report *why)
{
    for (size_t i = 0; i < file->tensors_n; i++) {
        placed *one = &file->tensors[i];
        const char *at = data + one->begin;
        one->view.data = at;
        if ((uintptr_t)at % tdl_dtype_bytes(one->view.dtype) == 0)
            continue;
        one->copy = malloc(view_bytes(&one->view) + 1);
        if (!one->copy)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
        memcpy(one->copy, at, view_bytes(&one->view));
        one->view.data = one->copy;
    }
    return TDL_OK;
}

static tdl_status check_metadata(const json_t *metadata, tdl_report *why)
{
    const char *key;
    json_t *value;

    if (!json_is_object(metadata))
        return TDL_FAIL(why, TDL_E_CORRUPT, "__metadata__ must be an object");
    json_object_foreach((json_t *)metadata, key, value)
    {
        if (!json_is_string(value))
            return TDL_FAIL(why, TDL_E_CORRUPT, "__metadata__ \"%s\" must be a string", key);
    }
    return TDL_OK;
}

static tdl_status parse_header(tdl_st_file *file, size_t data_n, tdl_report *why)
{
    size_t entries = json_object_size(file->header);
    const char *key;
    json_t *entry;
    tdl_status st = TDL_OK;

    if (entries > TENSORS_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "the header lists %zu tensors, %d are allowed", entries,
                        TENSORS_MAX);
    file->tensors = calloc(entries + 1, sizeof *file->tensors);
    if (!file->tensors)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    json_object_foreach(file->header, key, entry)
    {
        if (!strcmp(key, "__metadata__"))
            st = check_metadata(entry, why);
        else if (!(st = parse_tensor(tdl_str_of(key), entry, data_n,
                                     &file->tensors[file->tensors_n], why)))
            file->tensors_n++;
        if (st)
            return st;
    }
    qsort(file->tensors, file->tensors_n, sizeof *file->tensors, by_place);
    return check_tiling(file, data_n, why);
}

static tdl_status parse_bytes(tdl_st_file *file, tdl_str bytes, tdl_report *why)
{
    uint64_t header_n = 0;
    tdl_report json = {0};
    tdl_status st;

    if (bytes.len < 8)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%zu bytes are too few for a safetensors file",
                        bytes.len);
    for (int i = 7; i >= 0; i--)
        header_n = header_n << 8 | (uint8_t)bytes.at[i];
    if (header_n > TDL_SAFETENSORS_HEADER_MAX || header_n > bytes.len - 8)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "byte 0: the header claims %llu bytes, the file has %zu behind its length",
                        (unsigned long long)header_n, bytes.len - 8);
    tdl_str header = {bytes.at + 8, (size_t)header_n};
    if (tdl_json_parse(header, TDL_JSON_REFUSE_DUPLICATES, &file->header, &json))
        return TDL_FAIL(why, TDL_E_CORRUPT, "header: %s", json.message);
    if (!json_is_object(file->header))
        return TDL_FAIL(why, TDL_E_CORRUPT, "byte 8: the header must be an object");
    size_t data_n = bytes.len - 8 - (size_t)header_n;
    if ((st = parse_header(file, data_n, why)))
        return st;
    return attach_data(file, bytes.at + 8 + header_n, why);
}

tdl_status tdl_st_parse(tdl_str bytes, tdl_st_file **ret, tdl_report *why)
{
    tdl_st_file *file = calloc(1, sizeof *file);

    if (!file)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    tdl_status st = parse_bytes(file, bytes, why);
    if (st) {
        tdl_st_free(file);
        return st;
    }
    *ret = file;
    return TDL_OK;
}

tdl_status tdl_st_open(const char *path, tdl_st_file **ret, tdl_report *why)
{
    tdl_st_file *file = calloc(1, sizeof *file);
    tdl_status st;

    if (!file)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    file->bytes.limit = SIZE_MAX / 2;
    if ((st = tdl_file_read(path, SIZE_MAX / 4, &file->bytes, why)))
        goto out;
    if ((st = parse_bytes(file, tdl_buf_view(&file->bytes), why))) {
        tdl_report_prefix(why, "%s", path);
        goto out;
    }
    *ret = file;
    file = NULL; /* the caller's now */
out:
    tdl_st_free(file);
    return st;
}

size_t tdl_st_count(const tdl_st_file *file)
{
    return file->tensors_n;
}

const tdl_st_view *tdl_st_at(const tdl_st_file *file, size_t index)
{
    return &file->tensors[index].view;
}

tdl_str tdl_st_meta_get(const tdl_st_file *file, const char *key)
{
    const json_t *value = json_object_get(json_object_get(file->header, "__metadata__"), key);
    return (tdl_str){json_string_value(value), json_string_length(value)};
}

void tdl_st_file_prefix(tdl_st_file *file, const char *prefix)
{
    snprintf(file->prefix, sizeof file->prefix, "%s", prefix);
}

const tdl_st_view *tdl_st_find(const tdl_st_file *file, const char *name)
{
    size_t before = strlen(file->prefix);

    for (size_t i = 0; i < file->tensors_n; i++) {
        tdl_str whole = file->tensors[i].view.name;
        if (whole.len >= before && !memcmp(whole.at, file->prefix, before) &&
            tdl_str_is((tdl_str){whole.at + before, whole.len - before}, name))
            return &file->tensors[i].view;
    }
    return NULL;
}

tdl_status tdl_st_get(const tdl_st_file *file, const char *name, tdl_dtype dtype, size_t rank,
                      const tdl_st_view **ret, tdl_report *why)
{
    const tdl_st_view *view = tdl_st_find(file, name);

    if (!view)
        return TDL_FAIL(why, TDL_E_CORRUPT, "tensor \"%s%s\" is missing", file->prefix, name);
    if (view->dtype != dtype || view->rank != rank)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "tensor \"%s%s\" is %s with %zu axes, expected %s with %zu", file->prefix,
                        name, tdl_dtype_name(view->dtype), view->rank, tdl_dtype_name(dtype), rank);
    *ret = view;
    return TDL_OK;
}
