#include "stats/drift.h"

#include <math.h>
#include <stdlib.h>

#include "base/sorted.h"
#include "stats/bootstrap.h"
#include "stats/numbers.h"

enum { DECILES = 10 };

void tdl_drift_release(tdl_drift *d)
{
    free(d->edge);
    free(d->count);
    *d = (tdl_drift){0};
}

/* Inner edges from the finite values. */
static tdl_status cut(const double *value, size_t n, tdl_drift *d, tdl_report *why)
{
    double *sorted = calloc(n, sizeof *sorted);
    size_t finite = 0;

    if (!sorted)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to sort %zu values", n);
    for (size_t i = 0; i < n; i++)
        if (isfinite(value[i]))
            sorted[finite++] = value[i];
    tdl_sort_numbers(sorted, finite);
    for (size_t k = 1; k < DECILES && finite; k++) {
        double edge = tdl_quantile(sorted, finite, (double)k / DECILES);

        if (edge > sorted[0] && (!d->edges_n || edge > d->edge[d->edges_n - 1]))
            d->edge[d->edges_n++] = edge;
    }
    free(sorted);
    return TDL_OK;
}

static tdl_status refuse_none(size_t n, tdl_report *why)
{
    return n ? TDL_OK : TDL_FAIL(why, TDL_E_INVALID, "there are no rows to compare with");
}

tdl_status tdl_drift_of_numbers(const double *value, size_t n, tdl_drift *ret, tdl_report *why)
{
    tdl_drift d = {0};
    tdl_status st;

    if ((st = refuse_none(n, why)))
        return st;
    d.edge = calloc(DECILES, sizeof *d.edge);
    d.count = calloc(DECILES + 1, sizeof *d.count);
    if (!d.edge || !d.count)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %d parts", DECILES);
    else
        st = cut(value, n, &d, why);
    if (st) {
        tdl_drift_release(&d);
        return st;
    }
    d.parts_n = d.edges_n + 2;
    for (size_t i = 0; i < n; i++)
        d.count[tdl_drift_part_of_number(&d, value[i])]++;
    *ret = d;
    return TDL_OK;
}

tdl_status tdl_drift_of_levels(const int32_t *level, size_t n, size_t levels_n, tdl_drift *ret,
                               tdl_report *why)
{
    tdl_drift d = {.levels_n = levels_n, .parts_n = levels_n + 2};
    tdl_status st;

    if ((st = refuse_none(n, why)))
        return st;
    if (!levels_n || d.parts_n > TDL_DRIFT_PARTS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu levels cannot be compared", levels_n);
    if (!(d.count = calloc(d.parts_n, sizeof *d.count)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu levels", levels_n);
    for (size_t i = 0; i < n; i++)
        d.count[tdl_drift_part_of_level(&d, level[i])]++;
    *ret = d;
    return TDL_OK;
}

size_t tdl_drift_part_of_number(const tdl_drift *d, double value)
{
    size_t part = 0;

    if (isnan(value))
        return d->parts_n - 1;
    while (part < d->edges_n && value >= d->edge[part])
        part++;
    return part;
}

size_t tdl_drift_part_of_level(const tdl_drift *d, int32_t level)
{
    if (level < 0)
        return d->parts_n - 1;
    return (size_t)level < d->levels_n ? (size_t)level : d->levels_n;
}

double tdl_drift_index(const tdl_drift *d, const double *now)
{
    double then_all = 0, now_all = 0, sum = 0;

    for (size_t k = 0; k < d->parts_n; k++) {
        then_all += d->count[k];
        now_all += now[k];
    }
    if (!(now_all > 0 && then_all > 0))
        return (double)NAN;
    for (size_t k = 0; k < d->parts_n; k++) {
        double p = fmax(d->count[k], 0.5) / then_all, q = fmax(now[k], 0.5) / now_all;

        if (d->count[k] > 0 || now[k] > 0) /* a part that nobody is in tells nothing */
            sum += (q - p) * log(q / p);
    }
    return sum;
}

/* ---- as JSON ---- */

json_t *tdl_drift_save(const tdl_drift *d)
{
    return json_pack("{s:I, s:o, s:o}", "levels", (json_int_t)d->levels_n, "edges",
                     tdl_numbers_save(d->edge, d->edges_n), "counts",
                     tdl_numbers_save(d->count, d->parts_n));
}

static bool are_sound(const tdl_drift *d)
{
    for (size_t k = 1; k < d->edges_n; k++)
        if (!(d->edge[k] > d->edge[k - 1]))
            return false;
    for (size_t k = 0; k < d->parts_n; k++)
        if (!(d->count[k] >= 0 && d->count[k] < 1e15))
            return false;
    return true;
}

tdl_status tdl_drift_load(const json_t *saved, tdl_drift *ret, tdl_report *why)
{
    const json_t *edges = json_object_get(saved, "edges"),
                 *counts = json_object_get(saved, "counts");
    tdl_drift d = {.edges_n = json_array_size(edges), .parts_n = json_array_size(counts)};
    int64_t levels;

    if (!json_is_array(edges) || !json_is_array(counts) ||
        !tdl_json_get_int(saved, "levels", &levels) || levels < 0 || levels > TDL_DRIFT_PARTS_MAX ||
        d.edges_n > TDL_DRIFT_PARTS_MAX || d.parts_n != (levels ? (size_t)levels : d.edges_n) + 2 ||
        (levels && d.edges_n))
        return TDL_FAIL(why, TDL_E_CORRUPT, "drift: levels, edges and counts do not fit");
    d.levels_n = (size_t)levels;
    d.edge = calloc(d.edges_n + 1, sizeof *d.edge);
    d.count = calloc(d.parts_n, sizeof *d.count);
    if (!d.edge || !d.count) {
        tdl_drift_release(&d);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu parts", d.parts_n);
    }
    if (!tdl_numbers_load(edges, d.edge, d.edges_n) ||
        !tdl_numbers_load(counts, d.count, d.parts_n) || !are_sound(&d)) {
        tdl_drift_release(&d);
        return TDL_FAIL(why, TDL_E_CORRUPT, "drift: edges must rise and counts be numbers >= 0");
    }
    *ret = d;
    return TDL_OK;
}
