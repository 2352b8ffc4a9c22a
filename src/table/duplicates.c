/* Rows and columns that are there twice: equal hashes first, then a comparison of all cells. */
#include "table/duplicates.h"

#include <stdlib.h>
#include <string.h>

#include "table/leak.h"

static uint64_t mix(uint64_t hash, uint64_t value)
{
    uint64_t z = (hash ^ value) + UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* Equal cells, also missing ones, have equal codes. */
static uint64_t cell_code(const tdl_column *c, size_t row)
{
    uint64_t bits = UINT64_MAX;
    double x;

    if (c->pixel) {
        size_t n = c->channels * c->height * c->width;

        for (size_t i = 0; i < n; i++)
            bits = mix(bits, c->pixel[row * n + i]);
    } else if (c->level) {
        bits = (uint64_t)(int64_t)c->level[row];
    } else if (tdl_column_has(c, row)) {
        x = c->number[row] + 0.0; // -0 is 0
        memcpy(&bits, &x, sizeof bits);
    }
    return bits;
}

static bool same_cell(const tdl_column *a, size_t row_a, const tdl_column *b, size_t row_b)
{
    size_t n = a->channels * a->height * a->width;

    if (a->pixel)
        return memcmp(a->pixel + row_a * n, b->pixel + row_b * n, n) == 0;
    if (a->level)
        return a->level[row_a] == b->level[row_b];
    return a->number[row_a] == b->number[row_b] ||
           (!tdl_column_has(a, row_a) && !tdl_column_has(b, row_b));
}

typedef struct entry {
    uint64_t hash;
    uint32_t at;
} entry;

static int by_hash(const void *a, const void *b)
{
    const entry *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* ---- rows ---- */

static bool same_row(const tdl_frame *frame, size_t a, size_t b)
{
    for (size_t j = 0; j < frame->columns_n; j++)
        if (!same_cell(&frame->column[j], a, &frame->column[j], b))
            return false;
    return true;
}

/* first[i]: the earliest row that row i is equal to; itself when there is none. */
static void find_first(const tdl_frame *frame, const entry *entries, uint32_t *first)
{
    for (size_t begin = 0, end; begin < frame->rows; begin = end) {
        for (end = begin; end < frame->rows && entries[end].hash == entries[begin].hash; end++) {
            uint32_t row = entries[end].at;

            first[row] = row;
            for (size_t i = begin; i < end && first[row] == row; i++)
                if (first[entries[i].at] == entries[i].at && same_row(frame, entries[i].at, row))
                    first[row] = entries[i].at;
        }
    }
}

tdl_status tdl_frame_duplicates(const tdl_frame *frame, uint32_t **ret_row, uint32_t **ret_of,
                                size_t *ret_n, tdl_report *why)
{
    entry *entries = calloc(frame->rows + 1, sizeof *entries);
    uint32_t *first = calloc(frame->rows + 1, sizeof *first);
    uint32_t *row = calloc(frame->rows + 1, sizeof *row);
    size_t n = 0;
    tdl_status st = TDL_OK;

    if (!entries || !first || !row || frame->rows > UINT32_MAX) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to compare %zu rows", frame->rows);
        goto out;
    }
    for (size_t i = 0; i < frame->rows; i++) {
        entries[i].at = (uint32_t)i;
        for (size_t j = 0; j < frame->columns_n; j++)
            entries[i].hash = mix(entries[i].hash, cell_code(&frame->column[j], i));
    }
    qsort(entries, frame->rows, sizeof *entries, by_hash);
    find_first(frame, entries, first);
    for (uint32_t i = 0; i < frame->rows; i++)
        if (first[i] != i) {
            row[n] = i;
            first[n++] = first[i]; // n <= i: what is written over was read
        }
    *ret_row = row;
    *ret_n = n;
    row = NULL;
    if (ret_of) {
        *ret_of = first;
        first = NULL;
    }
out:
    free(entries);
    free(first);
    free(row);
    return st;
}

/* ---- columns ---- */

static bool comparable(const tdl_column *a, const tdl_column *b)
{
    if (a->pixel || b->pixel || !a->level != !b->level)
        return false;
    if (!a->level)
        return true;
    if (a->levels_n != b->levels_n)
        return false;
    for (size_t l = 0; l < a->levels_n; l++)
        if (!tdl_str_eq(a->levels[l], b->levels[l]))
            return false;
    return true;
}

bool tdl_columns_equal(const tdl_column *a, const tdl_column *b, size_t rows)
{
    if (!comparable(a, b))
        return false;
    for (size_t i = 0; i < rows; i++)
        if (!same_cell(a, i, b, i))
            return false;
    return true;
}

uint64_t tdl_column_hash(const tdl_column *column, size_t rows)
{
    uint64_t hash = column->level != NULL;

    for (size_t i = 0; i < rows; i++)
        hash = mix(hash, cell_code(column, i));
    return hash;
}
