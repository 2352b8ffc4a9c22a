#include "train/gguf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/gguf_block.h"
#include "train/gguf_file.h"
#include "train/gguf_format.h"

/* The fewest bytes a key with its value, and a tensor's description, can take: what the header
 * claims is checked against them before a table is allocated. */
enum { VALUE_BYTES_MIN = 8 + 1 + 4 + 1, INFO_BYTES_MIN = 8 + 1 + 4 + 8 + 4 + 8, ALIGNMENT_MIN = 8 };

typedef struct cursor {
    tdl_str bytes; /* the whole file */
    size_t at;
} cursor;

static size_t left(const cursor *c)
{
    return c->bytes.len - c->at;
}

static bool take_uint(cursor *c, size_t bytes, uint64_t *ret)
{
    if (left(c) < bytes)
        return false;
    *ret = tdl_gguf_load(c->bytes.at + c->at, bytes);
    c->at += bytes;
    return true;
}

static bool take_str(cursor *c, tdl_str *ret)
{
    uint64_t len;

    if (!take_uint(c, 8, &len) || len > left(c))
        return false;
    *ret = (tdl_str){c->bytes.at + c->at, (size_t)len};
    c->at += (size_t)len;
    return true;
}

/* A name or key: 1..longest bytes of UTF-8. */
static tdl_status take_name(cursor *c, const char *what, size_t index, size_t longest, tdl_str *ret,
                            tdl_report *why)
{
    size_t begin = c->at;

    if (!take_str(c, ret) || !ret->len || ret->len > longest || !tdl_str_utf8(*ret, NULL))
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "byte %zu: the name of %s %zu is not 1 to %zu bytes of UTF-8 in the file",
                        begin, what, index, longest);
    return TDL_OK;
}

/* ---- values ---- */

static bool are_bools(const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i] != 0 && at[i] != 1)
            return false;
    return true;
}

/* Moves past `n` elements; what is wrong with them, or NULL. */
static const char *skip_elements(cursor *c, tdl_gguf_kind kind, uint64_t n)
{
    size_t bytes = tdl_gguf_kind_bytes(kind);
    tdl_str text;

    if (kind == TDL_GGUF_STRING) {
        for (uint64_t i = 0; i < n; i++)
            if (!take_str(c, &text))
                return "its text goes beyond the end of the file";
        return NULL;
    }
    if (n > left(c) / bytes)
        return "its numbers go beyond the end of the file";
    if (kind == TDL_GGUF_BOOL && !are_bools(c->bytes.at + c->at, (size_t)n))
        return "a bool is neither 0 nor 1";
    c->at += (size_t)n * bytes;
    return NULL;
}

static const char *parse_array(cursor *c, tdl_gguf_array *ret)
{
    uint64_t kind, n;

    if (!take_uint(c, 4, &kind) || !take_uint(c, 8, &n))
        return "the file ends within it";
    if (kind >= TDL_GGUF_KINDS || kind == TDL_GGUF_ARRAY)
        return "an array of elements of an unknown kind, or of arrays";
    *ret = (tdl_gguf_array){(tdl_gguf_kind)kind, (size_t)n, c->bytes.at + c->at};
    return skip_elements(c, ret->kind, n);
}

static tdl_status parse_value(cursor *c, size_t index, tdl_gguf_value *ret, tdl_report *why)
{
    const char *wrong = "its kind is unknown";
    size_t begin = c->at;
    uint64_t kind;
    tdl_status st;

    if ((st = take_name(c, "key", index, TDL_GGUF_KEY_MAX, &ret->key, why)))
        return st;
    if (take_uint(c, 4, &kind) && kind < TDL_GGUF_KINDS) {
        ret->kind = (tdl_gguf_kind)kind;
        ret->array = (tdl_gguf_array){ret->kind, 1, c->bytes.at + c->at};
        wrong =
            kind == TDL_GGUF_ARRAY ? parse_array(c, &ret->array) : skip_elements(c, ret->kind, 1);
    }
    if (wrong)
        return TDL_FAIL(why, TDL_E_CORRUPT, "byte %zu: key \"%.*s\": %s", begin, TDL_FMT(ret->key),
                        wrong);
    return TDL_OK;
}

static int by_key(const void *a, const void *b)
{
    return tdl_str_cmp(((const tdl_gguf_value *)a)->key, ((const tdl_gguf_value *)b)->key);
}

static tdl_status parse_values(cursor *c, uint64_t n, tdl_gguf_file *file, tdl_report *why)
{
    tdl_status st;

    if (n > TDL_GGUF_KEYS_MAX || n > left(c) / VALUE_BYTES_MIN)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "byte 16: %llu keys are more than %d or than the file has room for",
                        (unsigned long long)n, TDL_GGUF_KEYS_MAX);
    if (!(file->values = calloc((size_t)n + 1, sizeof *file->values)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        if ((st = parse_value(c, i, &file->values[i], why)))
            return st;
    file->values_n = (size_t)n;
    qsort(file->values, file->values_n, sizeof *file->values, by_key);
    for (size_t i = 1; i < n; i++)
        if (!by_key(&file->values[i - 1], &file->values[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "key \"%.*s\" is there twice",
                            TDL_FMT(file->values[i].key));
    return TDL_OK;
}

static tdl_status read_alignment(const tdl_gguf_file *file, size_t *ret, tdl_report *why)
{
    const tdl_gguf_value *value = tdl_gguf_find(file, "general.alignment");
    uint64_t alignment = TDL_GGUF_ALIGNMENT;

    if (value && value->kind == TDL_GGUF_U32)
        alignment = tdl_gguf_load(value->array.at, 4);
    if ((value && value->kind != TDL_GGUF_U32) || alignment < ALIGNMENT_MIN ||
        alignment > TDL_GGUF_ALIGNMENT_MAX || (alignment & (alignment - 1)))
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "key \"general.alignment\" must be a u32, a power of two from %d to %d",
                        ALIGNMENT_MIN, TDL_GGUF_ALIGNMENT_MAX);
    *ret = (size_t)alignment;
    return TDL_OK;
}

/* ---- tensors ---- */

/* The axes and, from them, the count of numbers; what is wrong with them, or NULL. */
static const char *parse_shape(cursor *c, tdl_gguf_tensor *ret)
{
    uint64_t rank, axis;

    if (!take_uint(c, 4, &rank) || rank < 1 || rank > TDL_GGUF_RANK_MAX)
        return "it must have 1 to 4 axes";
    ret->rank = (size_t)rank;
    ret->n = 1;
    for (size_t i = ret->rank; i-- > 0;) {
        if (!take_uint(c, 8, &axis))
            return "the file ends within it";
        if (!axis)
            return "one of its axes is empty";
        if (axis > SIZE_MAX || __builtin_mul_overflow(ret->n, (size_t)axis, &ret->n))
            return "its shape overflows";
        ret->shape[i] = (size_t)axis;
    }
    return NULL;
}

static const char *parse_type(cursor *c, tdl_gguf_tensor *ret)
{
    const tdl_gguf_layout *layout;
    uint64_t type;

    if (!take_uint(c, 4, &type))
        return "the file ends within it";
    if (!(layout = tdl_gguf_layout_of((uint32_t)type)))
        return "its type is not F32, F16, BF16, Q8_0 or Q4_0";
    if (ret->shape[ret->rank - 1] % layout->block_n)
        return "its last axis is not a multiple of the type's block";
    if (__builtin_mul_overflow(ret->n / layout->block_n, layout->block_bytes, &ret->bytes))
        return "its shape overflows";
    ret->type = (tdl_gguf_type)type;
    return NULL;
}

/* One description. `offset` is where the tensor must begin, from the beginning of the data; it is
 * moved to where the next one must. */
static tdl_status parse_tensor(cursor *c, size_t index, size_t alignment, size_t *offset,
                               tdl_gguf_tensor *ret, tdl_report *why)
{
    const char *wrong;
    size_t begin = c->at;
    uint64_t claimed;
    tdl_status st;

    if ((st = take_name(c, "tensor", index, TDL_GGUF_NAME_MAX, &ret->name, why)))
        return st;
    if (!(wrong = parse_shape(c, ret)) && !(wrong = parse_type(c, ret)) &&
        !take_uint(c, 8, &claimed))
        wrong = "the file ends within it";
    if (!wrong && ret->bytes > c->bytes.len)
        wrong = "it needs more bytes than the file has";
    if (wrong)
        return TDL_FAIL(why, TDL_E_CORRUPT, "byte %zu: tensor \"%.*s\": %s", begin,
                        TDL_FMT(ret->name), wrong);
    if (claimed != *offset)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "byte %zu: tensor \"%.*s\" begins at offset %llu of the data, expected %zu",
                        begin, TDL_FMT(ret->name), (unsigned long long)claimed, *offset);
    if (*offset > c->bytes.len)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "byte %zu: tensor \"%.*s\" begins beyond the end of the file", begin,
                        TDL_FMT(ret->name));
    *offset = tdl_gguf_align(*offset + ret->bytes, alignment);
    return TDL_OK;
}

/* Points the tensors, still in the file's order, into the data. */
static tdl_status place_tensors(const cursor *c, size_t alignment, tdl_gguf_file *file,
                                tdl_report *why)
{
    size_t at = tdl_gguf_align(c->at, alignment);

    for (size_t i = 0; i < file->tensors_n; i++) {
        tdl_gguf_tensor *tensor = &file->tensors[i];
        if (at > c->bytes.len || tensor->bytes > c->bytes.len - at)
            return TDL_FAIL(why, TDL_E_CORRUPT,
                            "tensor \"%.*s\" needs %zu bytes from byte %zu, the file has %zu",
                            TDL_FMT(tensor->name), tensor->bytes, at, c->bytes.len);
        tensor->data = c->bytes.at + at;
        at = tdl_gguf_align(at + tensor->bytes, alignment);
    }
    if (c->bytes.len > at)
        return TDL_FAIL(why, TDL_E_CORRUPT, "byte %zu: %zu bytes belong to no tensor", at,
                        c->bytes.len - at);
    return TDL_OK;
}

static int by_name(const void *a, const void *b)
{
    return tdl_str_cmp(((const tdl_gguf_tensor *)a)->name, ((const tdl_gguf_tensor *)b)->name);
}

static tdl_status parse_tensors(cursor *c, uint64_t n, tdl_gguf_file *file, tdl_report *why)
{
    size_t alignment = 0, offset = 0;
    tdl_status st;

    if (n > TDL_GGUF_TENSORS_MAX || n > left(c) / INFO_BYTES_MIN)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "byte 8: %llu tensors are more than %d or than the file has room for",
                        (unsigned long long)n, TDL_GGUF_TENSORS_MAX);
    if ((st = read_alignment(file, &alignment, why)))
        return st;
    if (!(file->tensors = calloc((size_t)n + 1, sizeof *file->tensors)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        if ((st = parse_tensor(c, i, alignment, &offset, &file->tensors[i], why)))
            return st;
    file->tensors_n = (size_t)n;
    if ((st = place_tensors(c, alignment, file, why)))
        return st;
    qsort(file->tensors, file->tensors_n, sizeof *file->tensors, by_name);
    for (size_t i = 1; i < n; i++)
        if (!by_name(&file->tensors[i - 1], &file->tensors[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "tensor \"%.*s\" is there twice",
                            TDL_FMT(file->tensors[i].name));
    return TDL_OK;
}

/* ---- the file ---- */

static tdl_status parse_bytes(tdl_gguf_file *file, tdl_report *why)
{
    cursor c = {file->bytes, 4};
    uint64_t version, tensors_n, values_n;
    tdl_status st;

    if (!tdl_str_starts(file->bytes, TDL_STR("GGUF")))
        return TDL_FAIL(why, TDL_E_CORRUPT, "byte 0: not a GGUF file");
    if (!take_uint(&c, 4, &version) || version != TDL_GGUF_VERSION)
        return TDL_FAIL(why, TDL_E_CORRUPT, "byte 4: not version %d, little-endian",
                        TDL_GGUF_VERSION);
    if (!take_uint(&c, 8, &tensors_n) || !take_uint(&c, 8, &values_n))
        return TDL_FAIL(why, TDL_E_CORRUPT, "byte 8: the file ends within its header");
    if ((st = parse_values(&c, values_n, file, why)))
        return st;
    return parse_tensors(&c, tensors_n, file, why);
}

void tdl_gguf_free(tdl_gguf_file *file)
{
    if (!file)
        return;
    if (file->map)
        munmap(file->map, file->bytes.len);
    free(file->values);
    free(file->tensors);
    free(file);
}

tdl_status tdl_gguf_parse(tdl_str bytes, tdl_gguf_file **ret, tdl_report *why)
{
    tdl_gguf_file *file = calloc(1, sizeof *file);

    if (!file)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    file->bytes = bytes;
    tdl_status st = parse_bytes(file, why);
    if (st) {
        tdl_gguf_free(file);
        return st;
    }
    *ret = file;
    return TDL_OK;
}

static tdl_status map_file(const char *path, tdl_gguf_file *file, tdl_report *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    tdl_status st = TDL_OK;
    void *map = NULL;

    if (fd < 0)
        return TDL_FAIL(why, errno == ENOENT ? TDL_E_NOT_FOUND : TDL_E_IO, "%s: %s", path,
                        strerror(errno));
    if (fstat(fd, &info) || !S_ISREG(info.st_mode)) {
        st = TDL_FAIL(why, TDL_E_IO, "%s: not a regular file", path);
        goto out;
    }
    if (!info.st_size)
        goto out; // nothing to map; the parser refuses it
    map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        st = TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
        goto out;
    }
    file->map = map;
    file->bytes = (tdl_str){map, (size_t)info.st_size};
out:
    close(fd);
    return st;
}

tdl_status tdl_gguf_open(const char *path, tdl_gguf_file **ret, tdl_report *why)
{
    tdl_gguf_file *file = calloc(1, sizeof *file);
    tdl_status st;

    if (!file)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if ((st = map_file(path, file, why)))
        goto out;
    if ((st = parse_bytes(file, why))) {
        tdl_report_prefix(why, "%s", path);
        goto out;
    }
    *ret = file;
    file = NULL; /* the caller's now */
out:
    tdl_gguf_free(file);
    return st;
}
