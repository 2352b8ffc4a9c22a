#include "stats/parity.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

tdl_status tdl_parity_of_ranking(const double *rank, const double *merit, size_t n, double *ret_y,
                                 double *ret_weight, tdl_report *why)
{
    for (size_t i = 0; i < n; i++) {
        if (!(rank[i] >= 1 && isfinite(rank[i])) || !(merit[i] > 0 && isfinite(merit[i])))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: rank %g must be >= 1 and merit %g > 0", i,
                            rank[i], merit[i]);
        ret_y[i] = 1 / log2(rank[i] + 1) / merit[i];
        ret_weight[i] = merit[i];
    }
    return TDL_OK;
}

typedef struct member {
    int64_t cell;
    size_t row;
} member;

static int by_cell(const void *a, const void *b)
{
    const member *x = a, *y = b;

    if (x->cell != y->cell)
        return x->cell < y->cell ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Rows of one cell. */
static void compare(const member *members, size_t n, const double *price, const int32_t *group,
                    double *ret_y, double *ret_weight)
{
    double sum = 0, rows = 0;
    int32_t first = -1;
    bool several = false;

    for (size_t i = 0; i < n; i++) {
        int32_t own = group[members[i].row];

        if (own < 0)
            continue;
        several = several || (first >= 0 && own != first);
        first = own;
        sum += price[members[i].row];
        rows++;
    }
    for (size_t i = 0; i < n; i++) {
        size_t row = members[i].row;

        ret_y[row] = several ? price[row] * rows / sum : 1;
        ret_weight[row] = several && group[row] >= 0 ? 1 : 0;
    }
}

tdl_status tdl_parity_of_price(const double *price, const int64_t *cell, const int32_t *group,
                               size_t n, double *ret_y, double *ret_weight, tdl_report *why)
{
    member *members = calloc(n + 1, sizeof *members);
    tdl_status st = TDL_OK;

    if (!members)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to compare %zu prices", n);
    for (size_t i = 0; i < n; i++) {
        if (!(price[i] > 0 && isfinite(price[i]))) {
            st = TDL_FAIL(why, TDL_E_INVALID, "row %zu: a price of %g", i, price[i]);
            goto out;
        }
        members[i] = (member){cell[i], i};
    }
    qsort(members, n, sizeof *members, by_cell);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first; end < n && members[end].cell == members[first].cell;)
            end++;
        compare(members + first, end - first, price, group, ret_y, ret_weight);
    }
out:
    free(members);
    return st;
}
