#include "stats/resample.h"

#include <stdlib.h>
#include <string.h>

#include "stats/weight.h"

typedef struct member {
    int32_t group;
    uint32_t row;
} member;

static int by_group(const void *a, const void *b)
{
    const member *x = a, *y = b;

    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Number groups 0, 1, ... ascending. */
static tdl_status number_units(tdl_resample *r, const int32_t *group, tdl_report *why)
{
    member *members = calloc(r->n, sizeof *members);

    r->unit = calloc(r->n, sizeof *r->unit);
    if (!members || !r->unit) {
        free(members);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to resample %zu rows", r->n);
    }
    for (size_t i = 0; i < r->n; i++)
        members[i] = (member){group[i], (uint32_t)i};
    qsort(members, r->n, sizeof *members, by_group);
    r->units_n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (i && members[i].group != members[i - 1].group)
            r->units_n++;
        r->unit[members[i].row] = (uint32_t)r->units_n;
    }
    r->units_n++;
    free(members);
    return TDL_OK;
}

tdl_status tdl_resample_init(tdl_resample *r, size_t n, const int32_t *group, const double *base,
                             tdl_report *why)
{
    tdl_status st;

    *r = (tdl_resample){.n = n, .units_n = n, .base = base};
    if (n == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "there are no rows to draw from");
    if (n > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu rows are too many to resample", n);
    if (group && (st = number_units(r, group, why)))
        goto fail;
    r->count = calloc(r->units_n, sizeof *r->count);
    r->weight = calloc(n, sizeof *r->weight);
    if (r->count && r->weight)
        return TDL_OK;
    st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to resample %zu rows", n);
fail:
    tdl_resample_release(r);
    return st;
}

void tdl_resample_draw(tdl_resample *r, tdl_rng *rng)
{
    memset(r->count, 0, r->units_n * sizeof *r->count);
    for (size_t i = 0; i < r->units_n; i++)
        r->count[tdl_rng_below(rng, r->units_n)] += 1;
    for (size_t i = 0; i < r->n; i++)
        r->weight[i] = tdl_weight_of(r->base, i) * r->count[r->unit ? r->unit[i] : i];
}

void tdl_resample_release(tdl_resample *r)
{
    free(r->unit);
    free(r->count);
    free(r->weight);
    *r = (tdl_resample){0};
}
