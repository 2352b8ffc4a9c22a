/* Fitting: which features are kept for what they tell of the target. */
#include <stdlib.h>

#include "table/prepare_fit.h"
#include "table/select.h"

typedef struct merit {
    double information;
    size_t at;
} merit;

static int best_first(const void *a, const void *b)
{
    const merit *x = a, *y = b;

    if (x->information != y->information)
        return x->information > y->information ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static void keep(tdl_prepare *p, const bool *chosen)
{
    size_t n = 0;

    for (size_t j = 0; j < p->cols; j++)
        if (chosen[j]) {
            p->keep[n] = p->keep[j];
            p->shift[n] = p->shift[j];
            p->factor[n++] = p->factor[j];
        }
    p->cols = n;
}

/* order [cols] features, those that tell most first. */
static tdl_status rank(tdl_fitting *f, const tdl_matrix *matrix, size_t *order, tdl_report *why)
{
    double *information = calloc(matrix->cols + 1, sizeof *information);
    merit *merits = calloc(matrix->cols + 1, sizeof *merits);
    float *y = calloc(f->rows, sizeof *y);
    tdl_status st = TDL_OK;

    if (!information || !merits || !y)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to rank %zu features", matrix->cols);
    for (size_t i = 0; i < f->rows && !st; i++)
        y[i] = f->target->y[f->row[i]];
    if (st || (st = tdl_mutual_information(matrix, y, f->target->classes_n, information, why)))
        goto out;
    for (size_t j = 0; j < matrix->cols; j++)
        merits[j] = (merit){information[j], j};
    qsort(merits, matrix->cols, sizeof *merits, best_first);
    for (size_t j = 0; j < matrix->cols; j++)
        order[j] = merits[j].at;
out:
    free(information);
    free(merits);
    free(y);
    return st;
}

/* Of the features of `order` that are still chosen, the first `most`. */
static void choose_first(const size_t *order, size_t n, size_t most, bool *chosen)
{
    for (size_t i = 0, kept = 0; i < n; i++) {
        chosen[order[i]] &= kept < most;
        kept += chosen[order[i]];
    }
}

tdl_status tdl_fit_selection(tdl_fitting *f, tdl_report *why)
{
    const tdl_prepare_options *o = f->options;
    tdl_prepare *p = f->p;
    size_t *order = calloc(p->cols + 1, sizeof *order);
    bool *chosen = calloc(p->cols + 1, sizeof *chosen);
    tdl_matrix matrix = {0};
    tdl_status st;

    if (!order || !chosen) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to select among %zu features", p->cols);
        goto out;
    }
    if ((st = tdl_prepare_matrix(p, f->rows, &matrix, why)) ||
        (st = tdl_prepare_rows(p, f->view, f->row, f->encoded, NULL, &matrix, why)) ||
        (st = rank(f, &matrix, order, why)))
        goto out;
    for (size_t j = 0; j < p->cols; j++)
        chosen[j] = true;
    if (o->correlated > 0 &&
        (st = tdl_correlation_leaders(&matrix, order, o->correlated, chosen, why)))
        goto out;
    if (o->select_max)
        choose_first(order, p->cols, o->select_max, chosen);
    keep(p, chosen);
out:
    free(order);
    free(chosen);
    tdl_matrix_release(&matrix);
    return st;
}
