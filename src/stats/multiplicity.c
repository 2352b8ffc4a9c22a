#include "stats/multiplicity.h"

#include <math.h>
#include <stdbool.h>
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

/* By rank: `holm` or the false discovery rate. */
static tdl_status adjust(double *p, size_t n, bool holm, tdl_report *why)
{
    ranked *list = calloc(n + 1, sizeof *list);
    size_t asked = 0;
    double reached = holm ? 0 : 1; // the adjusted one of the rank before; it never turns back

    if (!list)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu p-values", n);
    for (size_t i = 0; i < n; i++)
        if (!isnan(p[i]))
            list[asked++] = (ranked){p[i], i};
    qsort(list, asked, sizeof *list, ascending);
    for (size_t k = 0; k < asked; k++) {
        size_t i = holm ? k : asked - 1 - k; // from the least up, or from the largest down
        reached = holm ? fmax(reached, fmin(1, (double)(asked - i) * list[i].p))
                       : fmin(reached, list[i].p * (double)asked / (double)(i + 1));
        p[list[i].at] = reached;
    }
    free(list);
    return TDL_OK;
}

tdl_status tdl_holm(double *p, size_t n, tdl_report *why)
{
    return adjust(p, n, true, why);
}

tdl_status tdl_benjamini_hochberg(double *p, size_t n, tdl_report *why)
{
    return adjust(p, n, false, why);
}
