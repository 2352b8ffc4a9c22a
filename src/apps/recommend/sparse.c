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
    int64_t i = matrix->offsets[row], end = matrix->offsets[row + 1];

    for (; i + 4 <= end; i += 4) { // columns of a row differ, so four can be under way at once
        const int32_t *column = matrix->column + i;
        const float *value = matrix->value + i;
        float a = scores[column[0]] + weight * value[0], b = scores[column[1]] + weight * value[1];
        float c = scores[column[2]] + weight * value[2], d = scores[column[3]] + weight * value[3];
        scores[column[0]] = a;
        scores[column[1]] = b;
        scores[column[2]] = c;
        scores[column[3]] = d;
    }
    for (; i < end; i++)
        scores[matrix->column[i]] += weight * matrix->value[i];
}

/* Is a larger, or of two equal ones the later event? */
static bool is_larger(tdl_term a, tdl_term b)
{
    return a.value > b.value || (a.value == b.value && a.at > b.at);
}

size_t tdl_terms_reasons(const tdl_term *terms, size_t n, tdl_reason *ret, size_t max)
{
    tdl_term largest[TDL_REASONS_KEPT];
    size_t kept = 0;
    double sum = 0;

    max = max < TDL_REASONS_KEPT ? max : TDL_REASONS_KEPT;
    for (size_t i = 0; i < n; i++) {
        sum += terms[i].value;
        if (kept == max && (!max || !is_larger(terms[i], largest[max - 1])))
            continue;
        size_t at = kept < max ? kept++ : max - 1;
        for (; at > 0 && is_larger(terms[i], largest[at - 1]); at--)
            largest[at] = largest[at - 1];
        largest[at] = terms[i];
    }
    if (!(sum > 0))
        return 0;
    for (size_t i = 0; i < kept; i++)
        ret[i] = (tdl_reason){TDL_REASON_EVENT, largest[i].at, largest[i].value / sum, true};
    return kept;
}
