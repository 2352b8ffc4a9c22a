/* Suppression against independent checks: small tables by hand, random ones by linear algebra and
 * by moving counts along.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "stats/suppress.h"

enum { LINES_MAX = 10, CELLS_MAX = LINES_MAX * LINES_MAX };

/* Rows of "." for shown and "x" for hidden, totals counted in. */
static void expect(size_t rows, size_t columns, const double *counts, double k,
                   const char *expected)
{
    bool hidden[CELLS_MAX];
    char text[CELLS_MAX + 1] = "";

    assert_int_equal(tdl_suppress(counts, rows, columns, k, hidden, NULL), TDL_OK);
    for (size_t i = 0; i < (rows + 1) * (columns + 1); i++)
        text[i] = hidden[i] ? 'x' : '.';
    text[(rows + 1) * (columns + 1)] = '\0';
    assert_string_equal(text, expected);
}

static void nothing_is_hidden_without_need(void **state)
{
    (void)state;
    expect(2, 2, (const double[]){10, 20, 0, 10}, 10, ".........");
    expect(2, 2, (const double[]){1, 2, 3, 4}, 0, ".........");
    expect(2, 2, (const double[]){1, 2, 3, 4}, 1, ".........");
}

/* A list is a table of one column, whose sum is known: its rows' totals are the counts again. */
static void a_single_small_count_takes_the_smallest_other_with_it(void **state)
{
    (void)state;
    expect(4, 1, (const double[]){30, 3, 20, 40}, 10, "..xxxx....");
}

/* Two small counts hide each other, unless what is hidden comes to less than k. */
static void small_counts_that_add_up_to_little_take_another_with_them(void **state)
{
    (void)state;
    expect(3, 1, (const double[]){8, 9, 40}, 10, "xxxx....");
    expect(3, 1, (const double[]){3, 4, 40}, 10, "xxxxxx..");
}

/* The cheapest cycle through the 3 goes over 11, 12 and 15. */
static void a_small_cell_is_hidden_within_the_cheapest_rectangle(void **state)
{
    (void)state;
    expect(3, 3, (const double[]){3, 11, 50, 12, 15, 50, 50, 50, 50}, 10, "xx..xx..........");
}

static void a_table_below_k_in_all_is_hidden_whole(void **state)
{
    (void)state;
    expect(1, 1, (const double[]){3}, 10, "xxxx");
    expect(1, 2, (const double[]){3, 4}, 10, "xxxxxx");
    expect(2, 2, (const double[]){0, 0, 0, 0}, 10, ".........");
}

/* ---- random tables ---- */

typedef struct table {
    size_t rows, columns; /* totals counted in */
    double count[CELLS_MAX];
    bool hidden[CELLS_MAX];
} table;

static table random_table(tdl_rng *rng)
{
    table t = {.rows = 2 + tdl_rng_below(rng, LINES_MAX - 2),
               .columns = 2 + tdl_rng_below(rng, LINES_MAX - 2)};
    double counts[CELLS_MAX] = {0};
    uint64_t most = 1 + tdl_rng_below(rng, 60);
    double zeros = tdl_rng_uniform(rng);

    for (size_t r = 0; r + 1 < t.rows; r++)
        for (size_t c = 0; c + 1 < t.columns; c++) {
            double n = tdl_rng_uniform(rng) < zeros ? 0 : (double)tdl_rng_below(rng, most + 1);
            counts[r * (t.columns - 1) + c] = n;
            t.count[r * t.columns + c] = n;
            t.count[r * t.columns + t.columns - 1] += n;
            t.count[(t.rows - 1) * t.columns + c] += n;
            t.count[t.rows * t.columns - 1] += n;
        }
    assert_int_equal(tdl_suppress(counts, t.rows - 1, t.columns - 1, 10, t.hidden, NULL), TDL_OK);
    return t;
}

/* The sums that a reader knows, as equations over the hidden cells: of every row and every column,
 * all cells minus the total are 0. A cell can be computed when its unit vector is a combination of
 * the equations: when adding it does not raise their rank. */
static size_t rank_of(double m[][CELLS_MAX], size_t rows, size_t columns)
{
    size_t rank = 0;

    for (size_t c = 0; c < columns && rank < rows; c++) {
        size_t best = rank;
        for (size_t r = rank; r < rows; r++)
            best = fabs(m[r][c]) > fabs(m[best][c]) ? r : best;
        if (fabs(m[best][c]) < 1e-9)
            continue;
        for (size_t i = 0; i < columns; i++) {
            double kept = m[rank][i];
            m[rank][i] = m[best][i];
            m[best][i] = kept;
        }
        for (size_t r = rank + 1; r < rows; r++) {
            double factor = m[r][c] / m[rank][c];
            for (size_t i = c; i < columns; i++)
                m[r][i] -= factor * m[rank][i];
        }
        rank++;
    }
    return rank;
}

static size_t write_equations(const table *t, double m[][CELLS_MAX])
{
    memset(m, 0, (2 * LINES_MAX + 1) * sizeof *m);
    for (size_t r = 0; r < t->rows; r++)
        for (size_t c = 0; c < t->columns; c++) {
            size_t cell = r * t->columns + c;
            if (!t->hidden[cell])
                continue;
            m[r][cell] = c + 1 == t->columns ? -1 : 1;
            m[t->rows + c][cell] = r + 1 == t->rows ? -1 : 1;
        }
    return t->rows + t->columns;
}

static void assert_not_computable(const table *t)
{
    static double m[2 * LINES_MAX + 1][CELLS_MAX];
    size_t cells = t->rows * t->columns;
    size_t rank = rank_of(m, write_equations(t, m), cells);

    for (size_t cell = 0; cell < cells; cell++) {
        if (!t->hidden[cell])
            continue;
        size_t n = write_equations(t, m);
        m[n][cell] = 1;
        assert_int_equal(rank_of(m, n + 1, cells), rank + 1);
    }
}

/* No shown count is small, and no difference of a shown total and what is shown of its line. */
static void assert_nothing_small_is_told(const table *t)
{
    for (size_t i = 0; i < t->rows * t->columns; i++)
        assert_true(t->hidden[i] || !(t->count[i] > 0 && t->count[i] < 10));
    for (size_t line = 0; line < t->rows + t->columns; line++) {
        bool row = line < t->rows;
        size_t n = row ? t->columns : t->rows, step = row ? 1 : t->columns;
        size_t at = row ? line * t->columns : line - t->rows;
        double sum = 0;
        for (size_t i = 0; i + 1 < n; i++)
            sum += t->hidden[at + i * step] ? t->count[at + i * step] : 0;
        assert_true(t->hidden[at + (n - 1) * step] || !(sum > 0 && sum < 10));
    }
}

static void no_cell_of_random_tables_can_be_read_or_computed(void **state)
{
    tdl_rng rng = tdl_rng_make(20, 26);
    size_t hidden = 0, shown = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        table t = random_table(&rng);
        assert_nothing_small_is_told(&t);
        assert_not_computable(&t);
        for (size_t c = 0; c < t.rows * t.columns; c++) {
            hidden += t.hidden[c];
            shown += !t.hidden[c];
            assert_false(t.hidden[c] && t.count[c] < 1); // a 0 protects nobody
        }
    }
    assert_true(hidden > 5000 && shown > 5000); // of either there was something to check
}

/* By the graph: the other way around every hidden cell, over hidden cells, none of which is 0. So
 * each may be one more and one less, all sums as they are and nothing negative. */
typedef struct search {
    const table *t;
    bool seen[2][LINES_MAX];
    size_t goal_row;
} search;

static bool reaches(search *s, bool from_row, size_t line)
{
    const table *t = s->t;

    if (s->seen[from_row][line])
        return false;
    s->seen[from_row][line] = true;
    for (size_t i = 0; i < (from_row ? t->columns : t->rows); i++) {
        size_t row = from_row ? line : i, column = from_row ? i : line;
        if (!t->hidden[row * t->columns + column])
            continue;
        if (!from_row && row == s->goal_row)
            return true;
        if (reaches(s, !from_row, i))
            return true;
    }
    return false;
}

static void hidden_cells_lie_on_cycles_of_hidden_cells(void **state)
{
    tdl_rng rng = tdl_rng_make(27, 28);

    (void)state;
    for (int i = 0; i < 300; i++) {
        table t = random_table(&rng);
        for (size_t cell = 0; cell < t.rows * t.columns; cell++) {
            size_t row = cell / t.columns, column = cell % t.columns;
            if (!t.hidden[cell])
                continue;
            t.hidden[cell] = false; // around it
            search s = {.t = &t, .goal_row = row};
            assert_true(reaches(&s, false, column));
            t.hidden[cell] = true;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_hidden_without_need),
        cmocka_unit_test(a_single_small_count_takes_the_smallest_other_with_it),
        cmocka_unit_test(small_counts_that_add_up_to_little_take_another_with_them),
        cmocka_unit_test(a_small_cell_is_hidden_within_the_cheapest_rectangle),
        cmocka_unit_test(a_table_below_k_in_all_is_hidden_whole),
        cmocka_unit_test(no_cell_of_random_tables_can_be_read_or_computed),
        cmocka_unit_test(hidden_cells_lie_on_cycles_of_hidden_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
