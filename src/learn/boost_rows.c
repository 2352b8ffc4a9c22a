#include "learn/boost_rows.h"

#include <stdlib.h>

#include "base/rng.h"
#include "learn/xgboost_worker.h"

enum { ROWS_MIN = 20, SMALL_ROWS = 3000, SMALL_FOLDS = 4, HELD_PERCENT = 15 };

/* What is held out as a whole: a row, or a list. */
static bool begins_unit(const tdl_problem *p, size_t row)
{
    return p->task != TDL_TASK_RANKING || row == 0 ||
           (p->group && p->group[row] != p->group[row - 1]);
}

static size_t count_units(const tdl_problem *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->x->rows; i++)
        n += begins_unit(p, i);
    return n;
}

bool tdl_boost_can_hold_out(const tdl_problem *p)
{
    return p->x->rows >= ROWS_MIN && count_units(p) >= SMALL_FOLDS;
}

double tdl_boost_rounds_scale(size_t folds_n)
{
    return folds_n == 1 ? 100. / (100 - HELD_PERCENT) : 1;
}

tdl_status tdl_boost_hold_out(const tdl_problem *p, uint8_t **ret_fold, size_t *ret_folds_n,
                              tdl_report *why)
{
    size_t rows = p->x->rows, classes = p->classes_n ? p->classes_n : 1, units = 0;
    bool few = rows < SMALL_ROWS;
    uint8_t *fold = malloc(rows + 1);
    uint32_t *order = malloc((rows + 1) * sizeof *order); // first rows of units
    size_t *seen = calloc(classes, sizeof *seen);
    tdl_rng rng = tdl_rng_make(p->seed, 0x7265e5);
    tdl_status st = TDL_OK;

    if (!fold || !order || !seen) {
        free(fold);
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the folds of %zu rows", rows);
        goto out;
    }
    for (size_t i = 0; i < rows; i++)
        if (begins_unit(p, i))
            order[units++] = (uint32_t)i;
    tdl_rng_shuffle(&rng, order, units);
    for (size_t i = 0; i < units; i++) {
        size_t row = order[i], class_of = p->classes_n ? (size_t)p->y[row] : 0;
        size_t n = seen[class_of]++ + 7 * class_of; /* small classes do not all begin alike */
        bool held = (n + 1) * HELD_PERCENT / 100 > n * HELD_PERCENT / 100;

        do
            fold[row] = few ? (uint8_t)(n % SMALL_FOLDS) : held ? 0 : TDL_XGBOOST_ALWAYS;
        while (++row < rows && !begins_unit(p, row));
    }
    *ret_fold = fold;
    *ret_folds_n = few ? SMALL_FOLDS : 1;
out:
    free(order);
    free(seen);
    return st;
}
