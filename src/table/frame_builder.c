/* From cells of text to a frame. */
#include <stdio.h>
#include <stdlib.h>

#include "table/cell.h"
#include "table/gather.h"
#include "table/read.h"

enum { COLUMNS_MAX = 100000 };

struct tdl_frame_builder {
    tdl_gather *gather; /* [columns_n] */
    size_t columns_n, columns_cap;
    tdl_levels names; /* the number of a name is that of its column */
    size_t rows;
    char *missing;         /* NULL: the usual ones */
    tdl_column_wish *wish; /* [wishes_n], names in wish_bytes */
    size_t wishes_n;
    tdl_buf wish_bytes;
    tdl_refused_rows *refused; /* the caller's, or NULL */
};

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a table");
}

static tdl_status copy_wishes(tdl_frame_builder *builder, const tdl_read_options *options,
                              tdl_report *why)
{
    size_t at = 0;

    if (options->missing && !(builder->missing = strdup(options->missing)))
        return no_memory(why);
    if (!options->wishes_n)
        return TDL_OK;
    if (!(builder->wish = calloc(options->wishes_n, sizeof *builder->wish)))
        return no_memory(why);
    builder->wishes_n = options->wishes_n;
    for (size_t i = 0; i < options->wishes_n; i++)
        tdl_buf_str(&builder->wish_bytes, options->wish[i].name);
    if (builder->wish_bytes.failed)
        return no_memory(why);
    for (size_t i = 0; i < options->wishes_n; i++) {
        builder->wish[i] = options->wish[i];
        builder->wish[i].name.at = builder->wish_bytes.at ? builder->wish_bytes.at + at : "";
        at += options->wish[i].name.len;
    }
    return TDL_OK;
}

tdl_status tdl_frame_builder_new(const tdl_str *name, size_t columns_n,
                                 const tdl_read_options *options, tdl_frame_builder **ret,
                                 tdl_report *why)
{
    tdl_frame_builder *builder = calloc(1, sizeof *builder);
    tdl_status st = TDL_OK;

    if (!builder)
        return no_memory(why);
    if (options) {
        builder->refused = options->refused;
        st = copy_wishes(builder, options, why);
    }
    for (size_t i = 0; !st && i < columns_n; i++) {
        char unnamed[32];
        size_t column;

        tdl_str text = tdl_str_trim(name[i]);
        if (!text.len) {
            snprintf(unnamed, sizeof unnamed, "column_%zu", i + 1);
            text = tdl_str_of(unnamed);
        }
        st = tdl_frame_builder_column(builder, text, &column, why);
        if (!st && column != i)
            st = TDL_FAIL_HINT(why, TDL_E_INVALID, "give every column a name of its own",
                               "columns %zu and %zu are both called '%.*s'", column + 1, i + 1,
                               TDL_FMT(text));
    }
    if (st)
        tdl_frame_builder_free(builder);
    else
        *ret = builder;
    return st;
}

void tdl_frame_builder_free(tdl_frame_builder *builder)
{
    if (!builder)
        return;
    for (size_t i = 0; i < builder->columns_n; i++)
        tdl_gather_release(&builder->gather[i]);
    free(builder->gather);
    tdl_levels_release(&builder->names);
    tdl_buf_release(&builder->wish_bytes);
    free(builder->wish);
    free(builder->missing);
    free(builder);
}

static tdl_status grow(tdl_frame_builder *builder, tdl_report *why)
{
    size_t cap = builder->columns_cap ? 2 * builder->columns_cap : 16;
    tdl_gather *grown;

    if (builder->columns_n < builder->columns_cap)
        return TDL_OK;
    if (builder->columns_n >= COLUMNS_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "more than %d columns", COLUMNS_MAX);
    if (!(grown = realloc(builder->gather, cap * sizeof *grown)))
        return no_memory(why);
    builder->gather = grown;
    builder->columns_cap = cap;
    return TDL_OK;
}

tdl_status tdl_frame_builder_column(tdl_frame_builder *builder, tdl_str name, size_t *ret,
                                    tdl_report *why)
{
    tdl_gather *gather;
    int32_t number;
    tdl_status st;

    if ((st = tdl_levels_add(&builder->names, name, &number, why)))
        return st;
    *ret = (size_t)number;
    if (*ret < builder->columns_n)
        return TDL_OK;
    if ((st = grow(builder, why)))
        return st;
    gather = &builder->gather[builder->columns_n];
    if ((st = tdl_gather_init(gather, name, why)))
        return st;
    builder->columns_n++;
    for (size_t i = 0; i < builder->wishes_n; i++)
        if (tdl_str_eq(builder->wish[i].name, name))
            tdl_gather_wish(gather, builder->wish[i].type);
    while (!st && gather->rows < builder->rows)
        st = tdl_gather_add_missing(gather, why);
    return st;
}

size_t tdl_frame_builder_columns(const tdl_frame_builder *builder)
{
    return builder->columns_n;
}

size_t tdl_frame_builder_rows(const tdl_frame_builder *builder)
{
    return builder->rows;
}

/* A cell that is not what its column is wished to be: missing, and its row noted. */
static tdl_status add_cell(tdl_frame_builder *builder, tdl_gather *gather, tdl_str text,
                           tdl_report *why)
{
    tdl_report said = {0};
    tdl_status st;

    if (!builder->refused)
        return tdl_gather_add(gather, text, why);
    if ((st = tdl_gather_add(gather, text, &said)) != TDL_E_INVALID) {
        if (st && why)
            *why = said;
        return st;
    }
    if ((st = tdl_refuse_row(builder->refused, builder->rows, &said, why)))
        return st;
    return tdl_gather_add_missing(gather, why);
}

tdl_status tdl_frame_builder_add(tdl_frame_builder *builder, const tdl_str *cell, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (size_t i = 0; !st && i < builder->columns_n; i++) {
        tdl_str text = tdl_str_trim(cell[i]);

        if (tdl_cell_missing(text, builder->missing))
            st = tdl_gather_add_missing(&builder->gather[i], why);
        else
            st = add_cell(builder, &builder->gather[i], text, why);
    }
    builder->rows += !st;
    return st;
}

tdl_status tdl_frame_builder_finish(tdl_frame_builder *builder, tdl_frame *ret, tdl_report *why)
{
    size_t n = builder->columns_n;
    tdl_frame frame = {.rows = builder->rows, .column = calloc(n ? n : 1, sizeof *frame.column)};
    tdl_status st = TDL_OK;

    if (!frame.column)
        return no_memory(why);
    for (; !st && frame.columns_n < n; frame.columns_n += !st)
        st = tdl_gather_finish(&builder->gather[frame.columns_n], &frame.column[frame.columns_n],
                               why);
    if (st) {
        tdl_frame_release(&frame);
        return st;
    }
    free(builder->gather);
    tdl_levels_release(&builder->names);
    builder->gather = NULL;
    builder->columns_n = builder->columns_cap = builder->rows = 0;
    *ret = frame;
    return TDL_OK;
}
