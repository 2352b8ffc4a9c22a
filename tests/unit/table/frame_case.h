/* What tests of reading share: a frame of a text of CSV, and cells as text. */
#ifndef FRAME_CASE_H
#define FRAME_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "table/read.h"

/* The path of a new file of these bytes; unlink it. */
static inline void write_file(char path[64], const char *end, const void *bytes, size_t n)
{
    int fd;

    snprintf(path, 64, "/tmp/treadle-read-XXXXXX%s", end);
    fd = mkstemps(path, (int)strlen(end));
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

static inline tdl_status try_file(const char *end, const void *bytes, size_t n,
                                  const tdl_read_options *options, tdl_frame *ret,
                                  tdl_read_counts *counts, tdl_report *why)
{
    char path[64];
    tdl_status st;

    write_file(path, end, bytes, n);
    st = tdl_frame_read(path, options, ret, counts, why);
    unlink(path);
    return st;
}

static inline tdl_frame read_text(const char *text, const tdl_read_options *options)
{
    tdl_frame frame = {0};
    tdl_report why = {0};

    if (try_file(".csv", text, strlen(text), options, &frame, NULL, &why))
        fail_msg("%s (%s)", why.message, why.hint);
    return frame;
}

static inline const tdl_column *column_of(const tdl_frame *frame, const char *name)
{
    size_t i;

    if (!tdl_frame_find(frame, tdl_str_of(name), &i))
        fail_msg("no column %s", name);
    return &frame->column[i];
}

static inline void assert_type(const tdl_frame *frame, const char *name, const char *type)
{
    const tdl_column *column = column_of(frame, name);

    if (strcmp(tdl_column_type_name(column->type), type))
        fail_msg("%s is %s, not %s", name, tdl_column_type_name(column->type), type);
}

/* The column's cells, with '|' between them. */
static inline void assert_cells(const tdl_frame *frame, const char *name, const char *expected)
{
    tdl_buf got = {0};

    for (size_t i = 0; i < frame->rows; i++) {
        if (i)
            tdl_buf_char(&got, '|');
        tdl_column_print(column_of(frame, name), i, &got);
    }
    assert_string_equal(got.at ? got.at : "", expected);
    tdl_buf_release(&got);
}

static inline void refuse_file(const char *end, const void *bytes, size_t n,
                               const tdl_read_options *options, tdl_status expected,
                               const char *message)
{
    tdl_frame frame = {0};
    tdl_report why = {0};
    tdl_status st = try_file(end, bytes, n, options, &frame, NULL, &why);

    if (st != expected || !strstr(why.message, message))
        fail_msg("got %d: %s (%s)", (int)st, why.message, why.hint);
    assert_null(frame.column);
}

#endif
