#include "train/prune_places.h"

#include <math.h>
#include <stdlib.h>

#include "train/prune_rank.h"

/* ---- who stays ---- */

tdl_status tdl_places_check_share(const char *what, double share, tdl_report *why)
{
    return share >= 0 && share < 1
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_INVALID, "a share of %s of %g: expected 0 <= share < 1", what,
                          share);
}

static int by_place(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return x < y ? -1 : x > y;
}

tdl_status tdl_places_stronger(const double *strength, size_t n, double share, tdl_places *ret,
                               tdl_report *why)
{
    size_t gone = (size_t)floor(share * (double)n + 0.5);
    tdl_ranked *entry = calloc(n, sizeof *entry);

    gone = gone < n ? gone : n - 1;
    *ret = (tdl_places){calloc(n - gone, sizeof *ret->at), n - gone};
    if (!entry || !ret->at) {
        free(entry);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to rank %zu units", n);
    }
    for (size_t i = 0; i < n; i++)
        entry[i] = (tdl_ranked){strength[i], i};
    tdl_rank_smallest(entry, n, gone);
    for (size_t i = 0; i < ret->n; i++)
        ret->at[i] = entry[gone + i].at;
    qsort(ret->at, ret->n, sizeof *ret->at, by_place);
    free(entry);
    return TDL_OK;
}

void tdl_places_free(tdl_places *places)
{
    free(places->at);
    *places = (tdl_places){0};
}

/* ---- lengths ---- */

/* Of the block of `rows` times `cols` numbers at x, whose rows are `ld` apart. */
static double block_length(const tdl_real *x, size_t rows, size_t cols, size_t ld)
{
    double sum = 0;

    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            sum += (double)x[r * ld + c] * (double)x[r * ld + c];
    return sqrt(sum);
}

double tdl_columns_length(const tdl_params *params, int slice, size_t begin, size_t n)
{
    const tdl_slice *s = &params->slice[slice];

    return block_length(tdl_params_value(params, slice) + begin, s->rows, n, s->cols);
}

double tdl_rows_length(const tdl_params *params, int slice, size_t begin, size_t n)
{
    size_t cols = params->slice[slice].cols;

    return block_length(tdl_params_value(params, slice) + begin * cols, n, cols, cols);
}

/* ---- the smaller slices ---- */

static size_t place(const tdl_places *places, size_t i)
{
    return places->at ? places->at[i] : i;
}

void tdl_places_copy(const tdl_params *from, const tdl_params *to, int slice,
                     const tdl_places *rows, const tdl_places *cols)
{
    const tdl_slice *small = &to->slice[slice], *large = &from->slice[slice];
    const tdl_real *source = tdl_params_value(from, slice);
    tdl_real *value = tdl_params_value(to, slice);

    for (size_t r = 0; r < small->rows; r++)
        for (size_t c = 0; c < small->cols; c++)
            value[r * small->cols + c] = source[place(rows, r) * large->cols + place(cols, c)];
}
