#include "apps/recommend/sparse.h"

#include <stdlib.h>

void tdl_sparse_release(tdl_sparse *matrix)
{
    free(matrix->offsets);
    free(matrix->column);
    free(matrix->value);
    *matrix = (tdl_sparse){0};
}

size_t tdl_sparse_bytes(const tdl_sparse *matrix)
{
    size_t n = (size_t)matrix->offsets[matrix->items_n];

    return (matrix->items_n + 1) * sizeof *matrix->offsets +
           n * (sizeof *matrix->column + sizeof *matrix->value);
}

float tdl_sparse_at(const tdl_sparse *matrix, int32_t row, int32_t column)
{
    const int32_t *at = matrix->column + matrix->offsets[row];
    size_t n = (size_t)(matrix->offsets[row + 1] - matrix->offsets[row]);

    if (!n)
        return 0;
    while (n > 1) { // the last column <= `column` is in at[0 .. n)
        size_t half = n / 2;
        at += at[half] <= column ? half : 0;
        n -= half;
    }
    return *at == column ? matrix->value[at - matrix->column] : 0;
}

void tdl_sparse_add_row(const tdl_sparse *matrix, int32_t row, float weight, float *scores)
{
    for (int64_t i = matrix->offsets[row]; i < matrix->offsets[row + 1]; i++)
        scores[matrix->column[i]] += weight * matrix->value[i];
}

static int by_value(const void *left, const void *right)
{
    const tdl_term *a = left, *b = right;

    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return a->at > b->at ? -1 : a->at < b->at; // the later event first
}

size_t tdl_terms_reasons(tdl_term *terms, size_t n, tdl_reason *ret, size_t max)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += terms[i].value;
    if (!(sum > 0))
        return 0;
    qsort(terms, n, sizeof *terms, by_value);
    if (n > max)
        n = max;
    for (size_t i = 0; i < n; i++)
        ret[i] = (tdl_reason){TDL_REASON_EVENT, terms[i].at, terms[i].value / sum, true};
    return n;
}
