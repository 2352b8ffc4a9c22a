#include "stats/multiplicity.h"

#include <math.h>
#include <stdlib.h>

typedef struct ranked {
    double p;
    size_t at;
} ranked;

static int ascending(const void *left, const void *right)
{
    const ranked *a = left, *b = right;

    return (a->p > b->p) - (a->p < b->p);
}

static tdl_status rank(const double *p, size_t n, ranked **ret, size_t *ret_n, tdl_report *why)
{
    ranked *list = calloc(n + 1, sizeof *list);
    size_t asked = 0;

    if (!list)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu p-values", n);
    for (size_t i = 0; i < n; i++)
        if (!isnan(p[i]))
            list[asked++] = (ranked){p[i], i};
    qsort(list, asked, sizeof *list, ascending);
    *ret = list;
    *ret_n = asked;
    return TDL_OK;
}

tdl_status tdl_holm(double *p, size_t n, tdl_report *why)
{
    ranked *list;
    size_t asked;
    tdl_status st = rank(p, n, &list, &asked, why);

    if (st)
        return st;
    double most = 0;
    for (size_t i = 0; i < asked; i++) {
        most = fmax(most, fmin(1, (double)(asked - i) * list[i].p));
        p[list[i].at] = most;
    }
    free(list);
    return TDL_OK;
}

tdl_status tdl_benjamini_hochberg(double *p, size_t n, tdl_report *why)
{
    ranked *list;
    size_t asked;
    tdl_status st = rank(p, n, &list, &asked, why);

    if (st)
        return st;
    double least = 1;
    for (size_t i = asked; i-- > 0;) {
        least = fmin(least, list[i].p * (double)asked / (double)(i + 1));
        p[list[i].at] = least;
    }
    free(list);
    return TDL_OK;
}
