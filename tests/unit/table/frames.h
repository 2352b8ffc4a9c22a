/* Small frames for tests, from CSV text or a file: a column is numeric when all its cells are
 * numbers or missing (empty or NA), boolean when it is named is_... and has two levels, date when
 * named date..., text when named text..., else category. Each test has its own copy. */
#ifndef TDL_TEST_TABLE_FRAMES_H
#define TDL_TEST_TABLE_FRAMES_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/timestamp.h"
#include "table/csv.h"
#include "table/frame.h"

typedef struct test_cells {
    char **at; /* [rows * columns] */
    size_t rows, columns;
} test_cells;

static inline char *test_copy(tdl_str text)
{
    char *copy = malloc(text.len + 1);

    assert_non_null(copy);
    if (text.len)
        memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return copy;
}

static inline bool test_is_missing(const char *cell)
{
    return !*cell || strcmp(cell, "NA") == 0;
}

static inline int test_by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void test_levels(tdl_column *c, const test_cells *cells, size_t j)
{
    char **sorted = calloc(cells->rows + 1, sizeof *sorted);
    size_t n = 0, bytes = 0;

    assert_non_null(sorted);
    for (size_t i = 0; i < cells->rows; i++)
        if (!test_is_missing(cells->at[i * cells->columns + j]))
            sorted[n++] = cells->at[i * cells->columns + j];
    qsort(sorted, n, sizeof *sorted, test_by_text);
    c->levels = calloc(n + 1, sizeof *c->levels);
    for (size_t i = 0; i < n; i++)
        bytes += strlen(sorted[i]);
    c->level_bytes = malloc(bytes + 1);
    assert_true(c->levels && c->level_bytes);
    bytes = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(sorted[i - 1], sorted[i]) != 0) {
            size_t len = strlen(sorted[i]);
            memcpy(c->level_bytes + bytes, sorted[i], len);
            c->levels[c->levels_n++] = (tdl_str){c->level_bytes + bytes, len};
            bytes += len;
        }
    free(sorted);
}

static inline void test_column(tdl_column *c, const test_cells *cells, size_t j)
{
    bool numeric = true;
    double x;
    int64_t us;

    for (size_t i = 0; i < cells->rows; i++) {
        const char *cell = cells->at[i * cells->columns + j];
        numeric = numeric && (test_is_missing(cell) || tdl_str_double(tdl_str_of(cell), &x));
    }
    c->type = strncmp(c->name, "is_", 3) == 0    ? TDL_COLUMN_BOOLEAN
              : strncmp(c->name, "date", 4) == 0 ? TDL_COLUMN_DATE
              : strncmp(c->name, "text", 4) == 0 ? TDL_COLUMN_TEXT
              : numeric                          ? TDL_COLUMN_NUMERIC
                                                 : TDL_COLUMN_CATEGORY;
    if (!numeric && c->type != TDL_COLUMN_DATE)
        test_levels(c, cells, j);
    if (c->type == TDL_COLUMN_BOOLEAN && c->levels_n > 2)
        c->type = TDL_COLUMN_CATEGORY;
    if (c->type == TDL_COLUMN_CATEGORY || c->type == TDL_COLUMN_TEXT)
        c->level = calloc(cells->rows + 1, sizeof *c->level);
    else
        c->number = calloc(cells->rows + 1, sizeof *c->number);
    assert_true(c->level || c->number);
    for (size_t i = 0; i < cells->rows; i++) {
        const char *cell = cells->at[i * cells->columns + j];
        int32_t level = -1;

        for (size_t low = 0, high = c->levels_n; level < 0 && low < high;) {
            size_t mid = (low + high) / 2;
            int order = tdl_str_cmp(c->levels[mid], tdl_str_of(cell));
            if (order == 0)
                level = (int32_t)mid;
            else if (order < 0)
                low = mid + 1;
            else
                high = mid;
        }
        if (test_is_missing(cell))
            level = -1;
        c->missing += test_is_missing(cell);
        if (c->level) {
            c->level[i] = level;
        } else if (test_is_missing(cell)) {
            c->number[i] = (double)NAN;
        } else if (c->type == TDL_COLUMN_DATE) {
            assert_int_equal(tdl_time_parse(tdl_str_of(cell), &us, NULL), TDL_OK);
            c->number[i] = (double)us / 1e6;
        } else if (c->levels_n) {
            c->number[i] = level;
        } else {
            assert_true(tdl_str_double(tdl_str_of(cell), &c->number[i]));
        }
    }
}

static inline tdl_frame test_frame_file(const char *path)
{
    tdl_frame frame = {0};
    test_cells cells = {0};
    size_t cap = 0, n;
    const tdl_str *field, *header;
    tdl_report why = {0};
    tdl_csv *csv = NULL;
    bool more = true;

    if (tdl_csv_open(path, NULL, &csv, &why))
        fail_msg("%s", why.message);
    header = tdl_csv_header(csv, &cells.columns);
    frame.column = calloc(cells.columns, sizeof *frame.column);
    assert_non_null(frame.column);
    for (size_t j = 0; j < cells.columns; j++)
        frame.column[j].name = test_copy(header[j]);
    frame.columns_n = cells.columns;
    for (;;) {
        if (tdl_csv_next(csv, &field, &n, &more, &why))
            fail_msg("%s", why.message);
        if (!more)
            break;
        if ((cells.rows + 1) * n > cap) {
            cap = 2 * (cells.rows + 8) * n;
            cells.at = realloc(cells.at, cap * sizeof *cells.at);
            assert_non_null(cells.at);
        }
        for (size_t j = 0; j < n; j++)
            cells.at[cells.rows * n + j] = test_copy(field[j]);
        cells.rows++;
    }
    tdl_csv_close(csv);
    frame.rows = cells.rows;
    for (size_t j = 0; j < cells.columns; j++)
        test_column(&frame.column[j], &cells, j);
    for (size_t i = 0; i < cells.rows * cells.columns; i++)
        free(cells.at[i]);
    free(cells.at);
    return frame;
}

static inline tdl_frame test_frame(const char *text)
{
    char path[] = "/tmp/treadle-frame-XXXXXX";
    tdl_frame frame;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(tdl_file_write(path, tdl_str_of(text), NULL), TDL_OK);
    frame = test_frame_file(path);
    unlink(path);
    return frame;
}

/* A file of the folder that an environment variable names; skips the test without it. */
static inline void test_data_path(const char *variable, const char *name, char *ret, size_t n)
{
    const char *folder = getenv(variable);

    snprintf(ret, n, "%s/%s", folder ? folder : ".", name);
    if (!folder || access(ret, R_OK) != 0) {
        print_message("skipped: no %s in the folder $%s\n", name, variable);
        skip();
    }
}

#endif
