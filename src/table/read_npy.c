/* NumPy arrays into frames: the .npy format, versions 1 to 3 (numpy/lib/format.py).
 *
 * | array                                 | frame                                                |
 * |---------------------------------------|------------------------------------------------------|
 * | 1 axis, 2 axes                        | columns c0, c1, ...                                  |
 * | 3 axes of u1 [n, height, width]       | a column `image` of one channel                      |
 * | 4 axes of u1 [n, h, w, 1 or 3], [n, 1 or 3, h, w] | a column `image`                         |
 *
 * Little-endian floats, integers and bool, in C or Fortran order (images: C order). The header is
 * hostile: what it claims is allocated only as far as the bytes arrive.
 */
#include <math.h>
#include <stdlib.h>

#include "table/input.h"
#include "table/read_parts.h"

enum { HEADER_MAX = 64 << 10, AXES_MAX = 4, COLUMNS_MAX = 100000, BLOCK_ROWS = 4096 };

typedef enum kind { KIND_BOOL, KIND_SIGNED, KIND_UNSIGNED, KIND_FLOAT } kind;

typedef struct npy {
    kind kind;
    size_t bytes; /* of an item: 1, 2, 4, 8 */
    bool fortran;
    size_t axes_n, axis[AXES_MAX];
} npy;

/* ---- the header: a Python dictionary of three keys ---- */

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\n' || *at == '\t')
        at++;
    return at;
}

/* What follows the key, or NULL. */
static const char *value_of(const char *header, const char *key)
{
    const char *at = strstr(header, key);

    if (!at)
        return NULL;
    at = skip_blanks(at + strlen(key));
    return *at == ':' ? skip_blanks(at + 1) : NULL;
}

static tdl_status read_type(const char *at, npy *ret, tdl_report *why)
{
    static const struct {
        const char *name;
        kind kind;
        size_t bytes;
    } types[] = {
        {"|b1", KIND_BOOL, 1},     {"|i1", KIND_SIGNED, 1},   {"|u1", KIND_UNSIGNED, 1},
        {"<i1", KIND_SIGNED, 1},   {"<u1", KIND_UNSIGNED, 1}, {"<i2", KIND_SIGNED, 2},
        {"<u2", KIND_UNSIGNED, 2}, {"<i4", KIND_SIGNED, 4},   {"<u4", KIND_UNSIGNED, 4},
        {"<i8", KIND_SIGNED, 8},   {"<u8", KIND_UNSIGNED, 8}, {"<f4", KIND_FLOAT, 4},
        {"<f8", KIND_FLOAT, 8},
    };
    size_t n = at && (*at == '\'' || *at == '"') ? strcspn(at + 1, "'\"") : 0;

    for (size_t i = 0; n && i < sizeof types / sizeof types[0]; i++)
        if (n == 3 && !memcmp(at + 1, types[i].name, 3)) {
            ret->kind = types[i].kind;
            ret->bytes = types[i].bytes;
            return TDL_OK;
        }
    return TDL_FAIL_HINT(why, TDL_E_INVALID, "array.astype('<f8')",
                         "items of type '%.*s' are not read, only bool, <f4, <f8 and integers",
                         n > 32 ? 32 : (int)n, n ? at + 1 : "");
}

static tdl_status read_shape(const char *at, npy *ret, tdl_report *why)
{
    if (!at || *at != '(')
        return TDL_FAIL(why, TDL_E_CORRUPT, "the header has no shape");
    at = skip_blanks(at + 1);
    while (*at != ')') {
        size_t n = 0, digits = 0;

        if (ret->axes_n == AXES_MAX)
            return TDL_FAIL(why, TDL_E_INVALID, "more than %d axes", AXES_MAX);
        for (; *at >= '0' && *at <= '9'; at++, digits++)
            if (digits == 18)
                return TDL_FAIL(why, TDL_E_TOO_LARGE, "an axis of more than 18 digits");
            else
                n = 10 * n + (size_t)(*at - '0');
        at = skip_blanks(at);
        if (!digits || (*at != ',' && *at != ')'))
            return TDL_FAIL(why, TDL_E_CORRUPT, "the shape in the header is damaged");
        at = *at == ',' ? skip_blanks(at + 1) : at;
        ret->axis[ret->axes_n++] = n;
    }
    return ret->axes_n ? TDL_OK : TDL_FAIL(why, TDL_E_INVALID, "an array without an axis");
}

static tdl_status read_order(const char *at, npy *ret, tdl_report *why)
{
    ret->fortran = at && !strncmp(at, "True", 4);
    if (at && (ret->fortran || !strncmp(at, "False", 5)))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_CORRUPT, "the header has no order");
}

static tdl_status read_exactly(tdl_input *input, void *ret, size_t n, tdl_report *why)
{
    char *to = ret;

    while (n) {
        size_t got;
        tdl_status st = tdl_input_read(input, to, n, &got, why);

        if (st)
            return st;
        if (!got)
            return TDL_FAIL(why, TDL_E_CORRUPT, "the file ends too early");
        to += got;
        n -= got;
    }
    return TDL_OK;
}

static tdl_status read_header(tdl_input *input, npy *ret, tdl_report *why)
{
    unsigned char start[8], size[4] = {0};
    char *header = NULL;
    size_t n;
    tdl_status st;

    if ((st = read_exactly(input, start, sizeof start, why)))
        return st;
    if (memcmp(start, "\x93NUMPY", 6) != 0)
        return TDL_FAIL(why, TDL_E_CORRUPT, "no NumPy array: it does not begin with \\x93NUMPY");
    if (start[6] < 1 || start[6] > 3)
        return TDL_FAIL(why, TDL_E_INVALID, "version %d of the format is not known", start[6]);
    if ((st = read_exactly(input, size, start[6] == 1 ? 2 : 4, why)))
        return st;
    n = size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 | (size_t)size[3] << 24;
    if (n > HEADER_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a header of %zu bytes", n);
    if (!(header = calloc(n + 1, 1)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a header");
    if (!(st = read_exactly(input, header, n, why)) &&
        !(st = read_type(value_of(header, "'descr'"), ret, why)) &&
        !(st = read_order(value_of(header, "'fortran_order'"), ret, why)))
        st = read_shape(value_of(header, "'shape'"), ret, why);
    free(header);
    return st;
}

/* ---- numbers ---- */

static double item(const npy *a, const unsigned char *at)
{
    union {
        uint64_t u;
        double d;
    } wide = {0};
    union {
        uint32_t u;
        float f;
    } narrow = {0};
    unsigned shift = (unsigned)(64 - 8 * a->bytes);

    for (size_t i = 0; i < a->bytes; i++)
        wide.u |= (uint64_t)at[i] << 8 * i;
    switch (a->kind) {
    case KIND_BOOL:
        return wide.u != 0;
    case KIND_SIGNED:
        return (double)((int64_t)(wide.u << shift) >> shift);
    case KIND_UNSIGNED:
        return (double)wide.u;
    case KIND_FLOAT:
        narrow.u = (uint32_t)wide.u;
        return a->bytes == 4 ? (double)narrow.f : wide.d;
    }
    return 0;
}

/* Columns grow with the rows that arrive. */
static tdl_status room_for_rows(tdl_frame *frame, size_t rows, size_t *cap, tdl_report *why)
{
    if (rows <= *cap)
        return TDL_OK;
    size_t more = *cap + *cap / 2 > rows ? *cap + *cap / 2 : rows;
    for (size_t c = 0; c < frame->columns_n; c++) {
        double *grown = realloc(frame->column[c].number, more * sizeof *grown);

        if (!grown)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", more);
        frame->column[c].number = grown;
    }
    *cap = more;
    return TDL_OK;
}

static void put(tdl_column *column, size_t row, double value)
{
    column->infinite += isinf(value) ? 1 : 0;
    value = isfinite(value) ? value : (double)NAN;
    column->missing += isnan(value) ? 1 : 0;
    column->number[row] = value;
}

static tdl_status read_c_order(tdl_input *input, const npy *a, size_t rows,
                               const tdl_read_options *options, tdl_frame *frame, tdl_report *why)
{
    size_t columns = frame->columns_n, row_bytes = columns * a->bytes, cap = 0;
    size_t block = BLOCK_ROWS / columns + 1;
    unsigned char *bytes = malloc(block * row_bytes);
    tdl_status st = bytes ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to read");

    for (size_t row = 0; !st && row < rows;) {
        size_t n = rows - row < block ? rows - row : block;

        if ((st = read_exactly(input, bytes, n * row_bytes, why)) ||
            (st = room_for_rows(frame, row + n, &cap, why)))
            break;
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < columns; c++)
                put(&frame->column[c], row + i, item(a, bytes + i * row_bytes + c * a->bytes));
        row += n;
        st = tdl_read_tell(options, tdl_input_taken(input), tdl_input_total(input), why);
    }
    free(bytes);
    return st;
}

static tdl_status read_fortran_order(tdl_input *input, const npy *a, size_t rows, tdl_frame *frame,
                                     tdl_report *why)
{
    unsigned char bytes[BLOCK_ROWS * 8];
    tdl_status st = TDL_OK;

    for (size_t c = 0; !st && c < frame->columns_n; c++) {
        tdl_frame alone = {.column = &frame->column[c], .columns_n = 1};
        size_t cap = 0;

        for (size_t row = 0; !st && row < rows;) {
            size_t n = rows - row < BLOCK_ROWS ? rows - row : BLOCK_ROWS;

            if ((st = read_exactly(input, bytes, n * a->bytes, why)) ||
                (st = room_for_rows(&alone, row + n, &cap, why)))
                break;
            for (size_t i = 0; i < n; i++)
                put(&frame->column[c], row + i, item(a, bytes + i * a->bytes));
            row += n;
        }
    }
    return st;
}

static tdl_status name_truths(tdl_column *column, tdl_report *why)
{
    static const char both[] = "falsetrue";

    column->levels = calloc(2, sizeof *column->levels);
    column->level_bytes = strdup(both);
    if (!column->levels || !column->level_bytes)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the values of a column");
    column->levels[0] = (tdl_str){column->level_bytes, 5};
    column->levels[1] = (tdl_str){column->level_bytes + 5, 4};
    column->levels_n = 2;
    return TDL_OK;
}

static tdl_status read_table(tdl_input *input, const npy *a, const tdl_read_options *options,
                             tdl_frame *frame, tdl_report *why)
{
    size_t rows = a->axis[0], columns = a->axes_n == 2 ? a->axis[1] : 1;
    size_t wanted = options->rows_max && options->rows_max < rows ? options->rows_max : rows;
    tdl_status st = TDL_OK;

    if (!columns || columns > COLUMNS_MAX || rows > INT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE,
                        "%zu rows of %zu columns; 1 to %d columns and 2^31 rows are read", rows,
                        columns, COLUMNS_MAX);
    if (!(frame->column = calloc(columns, sizeof *frame->column)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", columns);
    for (frame->columns_n = 0; !st && frame->columns_n < columns; frame->columns_n++) {
        tdl_column *column = &frame->column[frame->columns_n];

        column->type = a->kind == KIND_FLOAT  ? TDL_COLUMN_NUMERIC
                       : a->kind == KIND_BOOL ? TDL_COLUMN_BOOLEAN
                                              : TDL_COLUMN_INTEGER;
        column->number = malloc(sizeof *column->number); /* also without rows */
        if (!column->number || asprintf(&column->name, "c%zu", frame->columns_n) < 0) {
            column->name = NULL;
            st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", columns);
        } else if (a->kind == KIND_BOOL) {
            st = name_truths(column, why);
        }
    }
    if (!st)
        st = a->fortran && a->axes_n == 2 ? read_fortran_order(input, a, rows, frame, why)
                                          : read_c_order(input, a, wanted, options, frame, why);
    if (!st && a->fortran && wanted < rows)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "numpy.ascontiguousarray(array)",
                             "the first rows of an array in Fortran order are not read alone");
    frame->rows = wanted;
    return st;
}

/* ---- images ---- */

static bool is_channels(size_t n)
{
    return n == 1 || n == 3;
}

/* Channels last becomes channels first, in place of one image. */
static void channels_first(uint8_t *image, uint8_t *room, size_t channels, size_t area)
{
    memcpy(room, image, channels * area);
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < area; i++)
            image[c * area + i] = room[i * channels + c];
}

static tdl_status read_pixels(tdl_input *input, size_t n, uint8_t **ret, tdl_report *why)
{
    enum { FIRST = 1 << 20 };
    size_t have = 0;

    while (have < n || !*ret) {
        size_t want = have ? 2 * have : FIRST;
        uint8_t *grown;
        tdl_status st;

        want = want < n ? want : n;
        if (!(grown = realloc(*ret, want ? want : 1)))
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu bytes of images", want);
        *ret = grown;
        if ((st = read_exactly(input, grown + have, want - have, why)))
            return st;
        have = want;
    }
    return TDL_OK;
}

static tdl_status read_images(tdl_input *input, const npy *a, tdl_frame *frame, tdl_report *why)
{
    bool last = a->axes_n == 4 && is_channels(a->axis[3]);
    size_t channels = a->axes_n == 3 ? 1 : last ? a->axis[3] : a->axis[1];
    size_t height = a->axes_n == 4 && !last ? a->axis[2] : a->axis[1];
    size_t width = a->axes_n == 4 && !last ? a->axis[3] : a->axis[2];
    size_t area, image, all;
    tdl_column *column;
    uint8_t *room = NULL;
    tdl_status st;

    if (a->kind != KIND_UNSIGNED || a->bytes != 1 || a->fortran || !is_channels(channels))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "array.astype('u1'), shape [n, h, w, 1 or 3]",
                             "%zu axes are read as images only, of bytes in C order with 1 or 3 "
                             "channels",
                             a->axes_n);
    if (!height || !width || a->axis[0] > INT32_MAX ||
        __builtin_mul_overflow(height, width, &area) ||
        __builtin_mul_overflow(area, channels, &image) ||
        __builtin_mul_overflow(image, a->axis[0], &all))
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "images of %zu x %zu", height, width);
    if (!(frame->column = calloc(1, sizeof *frame->column)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for images");
    frame->columns_n = 1;
    frame->rows = a->axis[0];
    column = &frame->column[0];
    column->type = TDL_COLUMN_IMAGE;
    column->channels = channels;
    column->height = height;
    column->width = width;
    if (!(column->name = strdup("image")))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for images");
    if ((st = read_pixels(input, all, &column->pixel, why)) || !last || channels == 1)
        return st;
    if (!(room = malloc(image)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for an image");
    for (size_t i = 0; i < frame->rows; i++)
        channels_first(column->pixel + i * image, room, channels, area);
    free(room);
    return TDL_OK;
}

tdl_status tdl_read_npy(const char *source, const tdl_read_options *options, tdl_frame *ret,
                        tdl_read_counts *counts, tdl_report *why)
{
    tdl_input *input = NULL;
    tdl_frame frame = {0};
    npy a = {0};
    size_t more = 0;
    char byte;
    tdl_status st;

    TDL_UNUSED(counts);
    if ((st = tdl_input_open(source, &input, why)))
        return st;
    if ((st = read_header(input, &a, why)))
        goto out;
    st = a.axes_n > 2 ? read_images(input, &a, &frame, why)
                      : read_table(input, &a, options, &frame, why);
    if (!st && frame.rows == a.axis[0] && !(st = tdl_input_read(input, &byte, 1, &more, why)) &&
        more)
        st = TDL_FAIL(why, TDL_E_CORRUPT, "bytes follow the array");
    if (st)
        goto out;
    *ret = frame;
    frame = (tdl_frame){0};
out:
    if (st)
        tdl_report_prefix(why, "%s", source);
    tdl_frame_release(&frame);
    tdl_input_close(input);
    return st;
}
