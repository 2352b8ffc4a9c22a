/* Fairness in the card: each column asked for, and each pair of columns, out of fold. */
#include <math.h>
#include <stdlib.h>

#include "apps/predict/session.h"
#include "base/sorted.h"
#include "stats/fairness.h"

enum { COLUMNS_MAX = 6, BANDS = 4, LEVELS_MAX = 24 };

/* Rows of a column put into groups. */
typedef struct grouping {
    const char *column;
    int32_t *group; /* [n], -1 = missing */
    tdl_str name[LEVELS_MAX];
    tdl_buf text; /* what the names point into, once all are there */
    size_t n;     /* groups */
} grouping;

/* Numbers of few values by value, of many in bands of as equal size as there are ties. */
static tdl_status group_numbers(const tdl_column *column, const tdl_tested *t, grouping *ret,
                                tdl_report *why)
{
    double *sorted = malloc((t->n + 1) * sizeof *sorted), upper[LEVELS_MAX] = {0};
    size_t n = 0, values = 1;

    if (!sorted)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", t->n);
    for (size_t i = 0; i < t->n; i++)
        if (tdl_column_has(column, t->row[i]))
            sorted[n++] = column->number[t->row[i]];
    tdl_sort_numbers(sorted, n);
    for (size_t i = 1; i < n; i++)
        values += sorted[i] > sorted[i - 1];
    bool few = values <= 2 * BANDS;
    for (size_t i = 0; i < n; i++) {
        bool ends =
            few ? i + 1 == n || sorted[i + 1] > sorted[i] : (i + 1) * BANDS / n > i * BANDS / n;
        if (ends && (!ret->n || sorted[i] > upper[ret->n - 1]))
            upper[ret->n++] = sorted[i];
    }
    free(sorted);
    for (size_t i = 0; i < t->n; i++) {
        double x = column->number[t->row[i]];
        ret->group[i] = -1;
        for (size_t k = 0; k < ret->n && ret->group[i] < 0; k++)
            if (x <= upper[k])
                ret->group[i] = (int32_t)k;
    }
    for (size_t k = 0; k < ret->n; k++) {
        ret->name[k].len = ret->text.len; // where it begins, for now
        tdl_buf_printf(&ret->text, few ? "%g" : "<= %g", upper[k]);
    }
    return TDL_OK;
}

static tdl_status group_levels(const tdl_column *column, const tdl_tested *t, grouping *ret,
                               tdl_report *why)
{
    if (column->levels_n > LEVELS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "fairness: column %s has %zu values, more than %d",
                        column->name, column->levels_n, LEVELS_MAX);
    for (size_t k = 0; k < column->levels_n; k++) {
        ret->name[ret->n++].len = ret->text.len;
        tdl_buf_str(&ret->text, column->levels[k]);
    }
    for (size_t i = 0; i < t->n; i++)
        ret->group[i] = column->level[t->row[i]];
    return TDL_OK;
}

static tdl_status make_grouping(const tdl_column *column, const tdl_tested *t, grouping *ret,
                                tdl_report *why)
{
    tdl_status st;

    ret->column = column->name;
    if (!(ret->group = malloc((t->n + 1) * sizeof *ret->group)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", t->n);
    if (column->pixel)
        return TDL_FAIL(why, TDL_E_INVALID, "fairness: column %s holds images", column->name);
    st = column->level ? group_levels(column, t, ret, why) : group_numbers(column, t, ret, why);
    for (size_t k = 0; k < ret->n; k++) {
        size_t begin = ret->name[k].len,
               end = k + 1 < ret->n ? ret->name[k + 1].len : ret->text.len;
        ret->name[k] = (tdl_str){ret->text.at + begin, end - begin};
    }
    return st;
}

static void release_grouping(grouping *g)
{
    free(g->group);
    tdl_buf_release(&g->text);
}

/* ---- audits ---- */

typedef struct audit {
    const tdl_fit_session *session;
    const tdl_tested *tested;
    double *decision; /* [n] */
    tdl_jw *out;
} audit;

static tdl_status write_audit(const audit *a, const char *column, const int32_t *group, size_t n,
                              const tdl_str *name, tdl_report *why)
{
    const tdl_tested *t = a->tested;
    bool decides = a->session->target.task == TDL_TASK_BINARY;
    const tdl_fair_rows rows = {
        .n = t->n, .y = t->y, .decision = decides ? a->decision : NULL, .score = t->output};
    tdl_rng rng = tdl_rng_make(a->session->options->seed, 7);
    tdl_fairness fairness = {0};
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_status st = tdl_fairness_audit(&rows, group, n, NULL, &rng, &fairness, why);

    if (st)
        return st;
    tdl_fairness_write(&fairness, name, &w);
    tdl_jw_object(a->out);
    tdl_jw_ktext(a->out, "column", column);
    tdl_jw_kraw(a->out, "audit", tdl_buf_view(&text));
    tdl_jw_end_object(a->out);
    tdl_buf_release(&text);
    tdl_fairness_release(&fairness);
    return TDL_OK;
}

static tdl_status audit_pair(const audit *a, const grouping *one, const grouping *two,
                             tdl_report *why)
{
    size_t n = one->n * two->n;
    int32_t *group = malloc((a->tested->n + 1) * sizeof *group);
    tdl_str *name = malloc((n + 1) * sizeof *name);
    tdl_arena *arena = tdl_arena_new((size_t)1 << 20);
    tdl_status st = TDL_OK;

    if (n > TDL_FAIR_GROUPS_MAX)
        goto out; // too many cells to say anything about
    if (!group || !name || !arena) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu groups", n);
        goto out;
    }
    tdl_fair_cross(one->group, two->group, two->n, a->tested->n, group);
    for (size_t i = 0; i < n; i++)
        name[i] = tdl_arena_printf(arena, "%.*s, %.*s", TDL_FMT(one->name[i / two->n]),
                                   TDL_FMT(two->name[i % two->n]));
    tdl_str column = tdl_arena_printf(arena, "%s, %s", one->column, two->column);
    st = write_audit(a, column.at, group, n, name, why);
out:
    free(group);
    free(name);
    tdl_arena_free(arena);
    return st;
}

static tdl_status audit_all(const audit *a, grouping *g, size_t n, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < n && !st; i++)
        st = write_audit(a, g[i].column, g[i].group, g[i].n, g[i].name, why);
    for (size_t i = 0; i < n && !st; i++)
        for (size_t k = i + 1; k < n && !st; k++)
            st = audit_pair(a, &g[i], &g[k], why);
    return st;
}

tdl_status tdl_fit_fairness(const tdl_fit_session *s, const tdl_tested *t, tdl_jw *out,
                            tdl_report *why)
{
    size_t column[COLUMNS_MAX], n;
    grouping g[COLUMNS_MAX] = {0};
    audit a = {s, t, malloc((t->n + 1) * sizeof(double)), out};
    tdl_status st = tdl_find_columns(s->frame, s->options->fairness, column, COLUMNS_MAX, &n, why);

    if (!st && !a.decision)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", t->n);
    if (!st && s->contest.scores_n != 1)
        st = TDL_FAIL(why, TDL_E_INVALID, "fairness is audited of yes-or-no targets and numbers");
    for (size_t i = 0; i < t->n && !st; i++)
        a.decision[i] = t->output[i] >= tdl_predictor_threshold(s->predictor, s->frame, t->row[i]);
    for (size_t i = 0; i < n && !st; i++)
        st = make_grouping(&s->frame->column[column[i]], t, &g[i], why);
    tdl_jw_key(out, "fairness");
    tdl_jw_array(out);
    if (!st)
        st = audit_all(&a, g, n, why);
    tdl_jw_end_array(out);
    for (size_t i = 0; i < COLUMNS_MAX; i++)
        release_grouping(&g[i]);
    free(a.decision);
    return st;
}
