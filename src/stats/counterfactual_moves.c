#include "stats/counterfactual_moves.h"

#include <math.h>
#include <stdlib.h>

enum { CANDIDATES_MAX = 1 << 16 };

bool tdl_cf_is_missing(const tdl_cf_column *column, double value)
{
    return column->category ? value < 0 : isnan(value);
}

double tdl_cf_cost(const tdl_cf_column *column, double from, double to)
{
    if (tdl_cf_is_missing(column, from) || tdl_cf_is_missing(column, to) || column->category)
        return 1;
    return fabs(to - from) / column->scale;
}

static tdl_status check_column(const tdl_cf_column *c, double value, tdl_report *why)
{
    if (!c->category && !(c->scale > 0 && isfinite(c->scale)))
        return TDL_FAIL(why, TDL_E_INVALID, "column %s: its scale must be above 0", c->name);
    if (c->candidates_n > CANDIDATES_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "column %s: %zu candidates are too many", c->name,
                        c->candidates_n);
    if (c->category) {
        if (c->direction || c->step != 0 || c->bounded)
            return TDL_FAIL(why, TDL_E_INVALID,
                            "column %s: levels have no order, so no direction, step or range",
                            c->name);
        return TDL_OK;
    }
    if (!(c->step >= 0 && isfinite(c->step)))
        return TDL_FAIL(why, TDL_E_INVALID, "column %s: a step of %g", c->name, c->step);
    if (!c->bounded)
        return TDL_OK;
    if (!(c->low <= c->high))
        return TDL_FAIL(why, TDL_E_INVALID, "column %s: its range begins at %g and ends at %g",
                        c->name, c->low, c->high);
    if (isnan(value))
        return TDL_OK;
    if (c->immutable && (value < c->low || value > c->high))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "column %s: immutable contradicts its range, %g is outside of it", c->name,
                        value);
    if (c->direction == TDL_CF_RISES && value > c->high)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "column %s: rising only contradicts its range, %g is above it", c->name,
                        value);
    if (c->direction == TDL_CF_FALLS && value < c->low)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "column %s: falling only contradicts its range, %g is below it", c->name,
                        value);
    return TDL_OK;
}

bool tdl_cf_is_allowed(const tdl_cf_column *c, double from, double to)
{
    if (c->category)
        return to != from && to >= 0 &&
               (!c->allowed || (to < (double)c->levels_n && c->allowed[(size_t)to]));
    if (!isfinite(to) || to == from || (c->bounded && (to < c->low || to > c->high)))
        return false;
    return isnan(from) || c->direction == TDL_CF_ANY || (to > from) == (c->direction > 0);
}

double tdl_cf_on_step(const tdl_cf_column *c, double from, double to)
{
    if (c->category || !(c->step > 0) || isnan(from))
        return to;
    return from + c->step * trunc((to - from) / c->step + (to > from ? 1e-9 : -1e-9));
}

static int by_move(const void *a, const void *b)
{
    const tdl_cf_move *x = a, *y = b;

    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    if (x->cost != y->cost)
        return x->cost < y->cost ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

tdl_status tdl_cf_moves(const tdl_cf_column *column, size_t columns_n, const double *row,
                        tdl_cf_move **ret, size_t *ret_n, tdl_report *why)
{
    size_t most = 0, n = 0, kept = 0;
    tdl_cf_move *moves;
    tdl_status st;

    for (size_t c = 0; c < columns_n; c++) {
        if ((st = check_column(column + c, row[c], why)))
            return st;
        most += column[c].candidates_n;
    }
    if (!(moves = calloc(most + 1, sizeof *moves)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu candidates", most);
    for (size_t c = 0; c < columns_n; c++)
        for (size_t k = 0; k < column[c].candidates_n && !column[c].immutable; k++) {
            double to = tdl_cf_on_step(column + c, row[c], column[c].candidate[k]);

            if (tdl_cf_is_allowed(column + c, row[c], to))
                moves[n++] = (tdl_cf_move){c, to, tdl_cf_cost(column + c, row[c], to), INFINITY};
        }
    qsort(moves, n, sizeof *moves, by_move);
    for (size_t m = 0; m < n; m++)
        if (!m || moves[m].column != moves[m - 1].column || moves[m].value != moves[m - 1].value)
            moves[kept++] = moves[m];
    *ret = moves;
    *ret_n = kept;
    return TDL_OK;
}
