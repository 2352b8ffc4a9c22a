/* Fitting what fills the gaps of numbers from elsewhere in their row. */
#include <math.h>
#include <stdlib.h>

#include "table/prepare_fit.h"

enum { MEDIANS_MAX = 1 << 22 };

static tdl_status no_memory(const tdl_fitting *f, tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows of numbers", f->rows);
}

/* All numbers of training rows, gaps as they are: f->filled, f->fill_at; source [filled_n]. */
static tdl_status gather(tdl_fitting *f, size_t **ret_source, tdl_report *why)
{
    const tdl_prepare *p = f->p;
    size_t *source = calloc(p->sources_n + 1, sizeof *source), n = 0, bytes;

    f->fill_at = calloc(p->sources_n + 1, sizeof *f->fill_at);
    for (size_t i = 0; source && f->fill_at && i < p->sources_n; i++) {
        bool counts = tdl_source_counts(&p->source[i]);

        f->fill_at[i] = counts ? n : SIZE_MAX;
        if (counts)
            source[n++] = i;
    }
    if (!source || !f->fill_at || __builtin_mul_overflow(f->rows, n + 1, &bytes) ||
        !(f->filled = calloc(bytes, sizeof *f->filled))) {
        free(source);
        return no_memory(f, why);
    }
    f->filled_n = n;
    for (size_t i = 0; i < f->rows; i++)
        for (size_t j = 0; j < n; j++)
            f->filled[i * n + j] =
                tdl_view_number(tdl_view_at(f->view, source[j]), f->row[i], NULL);
    *ret_source = source;
    return TDL_OK;
}

/* ---- ridge: all numbers predict all numbers ---- */

static tdl_status fit_ridge(tdl_fitting *f, tdl_report *why)
{
    tdl_prepare *p = f->p;
    tdl_status st = gather(f, &p->fill_source, why);

    if (st || (st = tdl_fill_fit(f->filled, f->rows, f->filled_n, &p->fill, why)))
        return st;
    if (p->fill.targets_n == 0) { // no gaps
        free(f->filled);
        f->filled = NULL;
        tdl_fill_release(&p->fill);
    }
    return TDL_OK;
}

/* ---- groups ---- */

static tdl_status find_group(tdl_fitting *f, size_t *ret, tdl_report *why)
{
    const tdl_prepare *p = f->p;
    tdl_str name = f->options->impute_group;

    for (*ret = 0; *ret < p->sources_n; ++*ret)
        if (tdl_str_is(name, p->source[*ret].name))
            break;
    if (*ret < p->sources_n && tdl_source_groups(&p->source[*ret]))
        return TDL_OK;
    return TDL_FAIL_HINT(why, TDL_E_INVALID,
                         "a column of categories that is not left out; of numbers that are codes: "
                         "--types COLUMN=category",
                         "column %.*s parts the rows into no groups to impute by", TDL_FMT(name));
}

/* Which group a row is of: the level, levels_n for missing, levels_n + 1 for another one. */
static size_t group_of(tdl_fitting *f, size_t source, size_t row)
{
    const tdl_source *s = &f->p->source[source];
    tdl_view *view = tdl_view_at(f->view, source);
    double truth;

    if (tdl_source_levelled(s))
        return tdl_level_group(s, tdl_view_level(view, row));
    truth = tdl_view_number(view, row, NULL);
    return isnan(truth) ? s->known.n : (size_t)(truth != 0);
}

static tdl_status learn_medians(tdl_fitting *f, tdl_group_fill *g, tdl_report *why)
{
    size_t groups = f->p->source[g->group].known.n + 1, n = f->filled_n;
    size_t *group = calloc(f->rows, sizeof *group);
    tdl_status st = group ? TDL_OK : no_memory(f, why);

    for (size_t i = 0; i < f->rows && !st; i++)
        group[i] = group_of(f, g->group, f->row[i]);
    for (size_t j = 0; j < n && !st; j++) {
        double *median = g->median + j * (groups + 1);

        for (size_t i = 0; i < f->rows; i++)
            f->value[i] = f->filled[i * n + j];
        if ((st = tdl_group_medians(f->value, group, f->rows, groups, median, why)))
            break;
        for (size_t i = 0; i < f->rows; i++)
            if (isnan(f->filled[i * n + j]))
                f->filled[i * n + j] = median[group[i]];
    }
    free(group);
    return st;
}

static tdl_status fit_groups(tdl_fitting *f, tdl_report *why)
{
    tdl_group_fill *g = &f->p->group_fill;
    size_t n;
    tdl_status st;

    if ((st = find_group(f, &g->group, why)) || (st = gather(f, &g->source, why)))
        return st;
    if (__builtin_mul_overflow(f->p->source[g->group].known.n + 2, f->filled_n, &n) ||
        n > MEDIANS_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "column %s has too many levels to impute by: %zu",
                        f->p->source[g->group].name, f->p->source[g->group].known.n);
    if (!(g->median = calloc(n + 1, sizeof *g->median)))
        return no_memory(f, why);
    g->columns_n = f->filled_n;
    return learn_medians(f, g, why);
}

tdl_status tdl_fit_gaps(tdl_fitting *f, tdl_report *why)
{
    switch (f->options->impute) {
    case TDL_IMPUTE_RIDGE:
        return fit_ridge(f, why);
    case TDL_IMPUTE_GROUP:
        return fit_groups(f, why);
    default:
        return TDL_OK;
    }
}
