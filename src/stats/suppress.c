#include "stats/suppress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The table with its totals as a last row and column. Lines are the rows [0, rows_n), then the
 * columns: the nodes of the graph. */
typedef struct table {
    size_t rows_n, columns_n; /* totals counted in */
    double k;
    double *count; /* [rows_n * columns_n] */
    bool *hidden;  /* [rows_n * columns_n] the caller's */
    double *far;   /* [rows_n + columns_n] cost of the way to a node */
    size_t *from;  /* [rows_n + columns_n] the node before it on the way */
    bool *done;    /* [rows_n + columns_n] */
    size_t *tree;  /* [rows_n + columns_n] union-find: the node above, itself at the top */
} table;

static size_t nodes_n(const table *t)
{
    return t->rows_n + t->columns_n;
}

/* The cell between a row and a column, given as nodes in either order. */
static size_t cell_between(const table *t, size_t a, size_t b)
{
    size_t row = a < t->rows_n ? a : b, column = a < t->rows_n ? b : a;

    return row * t->columns_n + (column - t->rows_n);
}

/* Nodes on the other side: [*ret_begin, *ret_end). */
static void others(const table *t, size_t node, size_t *ret_begin, size_t *ret_end)
{
    *ret_begin = node < t->rows_n ? t->rows_n : 0;
    *ret_end = node < t->rows_n ? nodes_n(t) : t->rows_n;
}

/* ---- ways through the graph ---- */

/* What it costs to go over a cell: nothing when it is hidden anyway; too much for one that holds
 * nothing, as hiding a 0 leaves its neighbours no room. */
static double cost_of(const table *t, size_t cell)
{
    if (t->hidden[cell])
        return 0;
    return t->count[cell] > 0 ? 1 + t->count[cell] : (double)INFINITY;
}

static size_t nearest(const table *t)
{
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < nodes_n(t); i++)
        if (!t->done[i] && isfinite(t->far[i]) && (best == SIZE_MAX || t->far[i] < t->far[best]))
            best = i;
    return best;
}

/* Dijkstra's cheapest way from node `a` to node `b` around the cell between them, into t->from. For
 * a cell above 0 there is one: over the totals of its lines and the grand total, which hold it. */
static void find_way(table *t, size_t a, size_t b)
{
    size_t avoided = cell_between(t, a, b), begin, end;

    for (size_t i = 0; i < nodes_n(t); i++) {
        t->far[i] = (double)INFINITY;
        t->done[i] = false;
    }
    t->far[a] = 0;
    for (size_t at; (at = nearest(t)) != SIZE_MAX && at != b;) {
        t->done[at] = true;
        others(t, at, &begin, &end);
        for (size_t next = begin; next < end; next++) {
            size_t cell = cell_between(t, at, next);
            double far = cell == avoided ? (double)INFINITY : t->far[at] + cost_of(t, cell);
            if (far < t->far[next]) {
                t->far[next] = far;
                t->from[next] = at;
            }
        }
    }
}

/* Hide all cells of the way that find_way found. */
static void hide_way(table *t, size_t a, size_t b)
{
    for (size_t at = b; at != a; at = t->from[at])
        t->hidden[cell_between(t, at, t->from[at])] = true;
}

/* ---- the rules ---- */

static void hide_small(table *t)
{
    for (size_t i = 0; i < t->rows_n * t->columns_n; i++)
        t->hidden[i] = t->count[i] > 0 && t->count[i] < t->k;
}

static size_t top_of(const table *t, size_t node)
{
    while (t->tree[node] != node)
        node = t->tree[node];
    return node;
}

/* Put every hidden cell on a cycle of hidden cells. A cell that closes a cycle as they are added
 * one by one is on one; only the others may be bridges. */
static void close_cycles(table *t)
{
    for (size_t i = 0; i < nodes_n(t); i++)
        t->tree[i] = i;
    for (size_t cell = 0; cell < t->rows_n * t->columns_n; cell++) {
        size_t row = cell / t->columns_n, column = t->rows_n + cell % t->columns_n;
        size_t row_top = top_of(t, row), column_top = top_of(t, column);
        if (!t->hidden[cell] || row_top == column_top)
            continue;
        t->tree[column_top] = row_top;
        find_way(t, row, column);
        hide_way(t, row, column);
    }
}

/* Hide one cell more of a line whose hidden cells come to less than k while its total, its last
 * cell, is shown. True when there was one. */
static bool fill_line(table *t, size_t node)
{
    size_t begin, end, best = SIZE_MAX;
    double sum = 0;

    others(t, node, &begin, &end);
    for (size_t other = begin; other + 1 < end; other++) {
        size_t cell = cell_between(t, node, other);
        if (t->hidden[cell])
            sum += t->count[cell];
        else if (t->count[cell] > 0 && (best == SIZE_MAX || t->count[cell] < t->count[best]))
            best = cell;
    }
    if (!(sum > 0 && sum < t->k) || t->hidden[cell_between(t, node, end - 1)] || best == SIZE_MAX)
        return false;
    return t->hidden[best] = true;
}

static bool fill_lines(table *t)
{
    bool any = false;

    for (size_t node = 0; node < nodes_n(t); node++)
        any |= fill_line(t, node);
    return any;
}

/* ---- */

static void add_totals(table *t, const double *counts)
{
    size_t rows = t->rows_n - 1, columns = t->columns_n - 1;

    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            double n = counts[r * columns + c];
            t->count[r * t->columns_n + c] = n;
            t->count[r * t->columns_n + columns] += n;
            t->count[rows * t->columns_n + c] += n;
            t->count[rows * t->columns_n + columns] += n;
        }
}

tdl_status tdl_suppress(const double *counts, size_t rows_n, size_t columns_n, double k,
                        bool *hidden, tdl_report *why)
{
    table t = {.rows_n = rows_n + 1, .columns_n = columns_n + 1, .k = k, .hidden = hidden};
    tdl_status st = TDL_OK;

    t.count = calloc(t.rows_n * t.columns_n, sizeof *t.count);
    t.far = calloc(nodes_n(&t), sizeof *t.far);
    t.from = calloc(nodes_n(&t), sizeof *t.from);
    t.done = calloc(nodes_n(&t), sizeof *t.done);
    t.tree = calloc(nodes_n(&t), sizeof *t.tree);
    if (t.count && t.far && t.from && t.done && t.tree) {
        add_totals(&t, counts);
        hide_small(&t);
        do
            close_cycles(&t);
        while (fill_lines(&t));
    } else {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to hide small counts");
    }
    free(t.count);
    free(t.far);
    free(t.from);
    free(t.done);
    free(t.tree);
    return st;
}
