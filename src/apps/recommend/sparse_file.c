/* Files: see "files" in sparse.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/sparse.h"

enum { NAME_MAX_BYTES = 64 };

void tdl_sparse_save(const tdl_sparse *matrix, const char *rung, tdl_st_writer *writer)
{
    char name[NAME_MAX_BYTES];
    size_t n = (size_t)matrix->offsets[matrix->items_n];

    snprintf(name, sizeof name, "%s/offsets", rung);
    tdl_st_add_1d(writer, name, TDL_I64, matrix->items_n + 1, matrix->offsets);
    snprintf(name, sizeof name, "%s/column", rung);
    tdl_st_add_1d(writer, name, TDL_I32, n, matrix->column);
    snprintf(name, sizeof name, "%s/value", rung);
    tdl_st_add_1d(writer, name, TDL_F32, n, matrix->value);
}

static tdl_status check_row(const char *rung, const int32_t *column, const float *value,
                            int64_t begin, int64_t end, size_t row, size_t items_n, tdl_report *why)
{
    for (int64_t i = begin; i < end; i++) {
        if (column[i] < 0 || (size_t)column[i] >= items_n ||
            (i > begin && column[i] <= column[i - 1]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s/column: row %zu holds item %d of %zu at %lld",
                            rung, row, (int)column[i], items_n, (long long)i);
        if (!isfinite(value[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s/value: entry %lld is not finite", rung,
                            (long long)i);
    }
    return TDL_OK;
}

static tdl_status check(const char *rung, const int64_t *offsets, const int32_t *column,
                        const float *value, size_t n, size_t items_n, tdl_report *why)
{
    if (offsets[0] != 0 || offsets[items_n] != (int64_t)n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s/offsets: from %lld to %lld, expected 0 to %zu",
                        rung, (long long)offsets[0], (long long)offsets[items_n], n);
    for (size_t row = 0; row < items_n; row++) {
        if (offsets[row + 1] < offsets[row] || offsets[row + 1] > (int64_t)n)
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s/offsets: row %zu goes from %lld to %lld", rung,
                            row, (long long)offsets[row], (long long)offsets[row + 1]);
        tdl_status st =
            check_row(rung, column, value, offsets[row], offsets[row + 1], row, items_n, why);
        if (st)
            return st;
    }
    return TDL_OK;
}

static tdl_status get(const tdl_st_file *file, const char *rung, const char *part, tdl_dtype dtype,
                      const tdl_st_view **ret, tdl_report *why)
{
    char name[NAME_MAX_BYTES];

    snprintf(name, sizeof name, "%s/%s", rung, part);
    return tdl_st_get(file, name, dtype, 1, ret, why);
}

tdl_status tdl_sparse_load(const tdl_st_file *file, const char *rung, size_t items_n,
                           tdl_sparse *ret, tdl_report *why)
{
    const tdl_st_view *offsets, *column, *value;
    tdl_status st;

    if ((st = get(file, rung, "offsets", TDL_I64, &offsets, why)) ||
        (st = get(file, rung, "column", TDL_I32, &column, why)) ||
        (st = get(file, rung, "value", TDL_F32, &value, why)))
        return st;
    if (offsets->n != items_n + 1 || column->n != value->n)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "%s: %zu offsets, %zu columns, %zu values for %zu items", rung, offsets->n,
                        column->n, value->n, items_n);
    if ((st = check(rung, offsets->data, column->data, value->data, value->n, items_n, why)))
        return st;
    tdl_sparse matrix = {.items_n = items_n,
                         .offsets = malloc(offsets->n * sizeof *matrix.offsets),
                         .column = malloc((column->n + 1) * sizeof *matrix.column),
                         .value = malloc((value->n + 1) * sizeof *matrix.value)};
    if (!matrix.offsets || !matrix.column || !matrix.value) {
        tdl_sparse_release(&matrix);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the %zu entries of %s", value->n,
                        rung);
    }
    memcpy(matrix.offsets, offsets->data, offsets->n * sizeof *matrix.offsets);
    if (value->n) {
        memcpy(matrix.column, column->data, column->n * sizeof *matrix.column);
        memcpy(matrix.value, value->data, value->n * sizeof *matrix.value);
    }
    *ret = matrix;
    return TDL_OK;
}
