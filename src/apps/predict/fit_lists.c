/* The lists of a ranking. */
#include <stdlib.h>

#include "apps/predict/session.h"

typedef struct listed {
    int32_t list;
    uint32_t row;
} listed;

static int by_list(const void *a, const void *b)
{
    const listed *x = a, *y = b;

    if (x->list != y->list)
        return x->list < y->list ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

tdl_status tdl_fit_order_lists(tdl_fit_session *s, tdl_report *why)
{
    listed *sorted;
    size_t column, n;
    tdl_status st;

    if (s->target.task != TDL_TASK_RANKING)
        return TDL_OK;
    if (!s->options->group)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "name the column of lists: --group COLUMN",
                             "ranking without lists");
    if ((st = tdl_find_columns(s->frame, s->options->group, &column, 1, &n, why)))
        return st;
    s->list = malloc((s->rows_n + 1) * sizeof *s->list);
    sorted = malloc((s->rows_n + 1) * sizeof *sorted);
    if (!s->list || !sorted) {
        free(sorted);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the lists of %zu rows", s->rows_n);
    }
    st = tdl_number_values(&s->frame->column[column], s->row, s->rows_n, s->list, &n, why);
    for (size_t i = 0; i < s->rows_n && !st; i++)
        sorted[i] = (listed){s->list[i], s->row[i]};
    if (!st)
        qsort(sorted, s->rows_n, sizeof *sorted, by_list);
    for (size_t i = 0; i < s->rows_n && !st; i++) {
        s->list[i] = sorted[i].list;
        s->row[i] = sorted[i].row;
    }
    free(sorted);
    return st;
}

tdl_status tdl_fit_number_lists(tdl_fit_session *s, tdl_report *why)
{
    size_t column, n;
    tdl_status st;

    if (!s->list)
        return TDL_OK;
    if (!(s->group = malloc((s->contest_n + 1) * sizeof *s->group)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu groups", s->contest_n);
    if ((st = tdl_find_columns(s->frame, s->options->group, &column, 1, &n, why)))
        return st;
    return tdl_number_values(&s->frame->column[column], s->contest_row, s->contest_n, s->group, &n,
                             why);
}
