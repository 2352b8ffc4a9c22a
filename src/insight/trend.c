/* Trend: events and persons by period and kind. */
#include <stdlib.h>

#include "insight/parts.h"

typedef struct trend {
    const tdl_insight_query *q;
    const int64_t *kind; /* [kinds_n] numbers asked for */
    size_t kinds_n;
    double *events, *persons; /* [periods_n * kinds_n] */
    tdl_numbering seen;       /* (person, cell) */
    bool failed;              /* no memory */
} trend;

static bool count(void *context, const tdl_step *step)
{
    trend *t = context;

    for (size_t k = 0; k < t->kinds_n; k++) {
        if (t->kind[k] != step->kind)
            continue;
        size_t cell = tdl_insight_period(t->q, step->time_us) * t->kinds_n + k;
        size_t before = t->seen.n;
        size_t cells_n = t->q->periods_n * t->kinds_n;
        t->events[cell]++;
        if (tdl_numbering_of(&t->seen, (uint64_t)step->person * cells_n + cell) == SIZE_MAX)
            t->failed = true;
        else if (t->seen.n > before)
            t->persons[cell]++;
        break;
    }
    return !t->failed;
}

/* Every kind there is, when none is named. */
static void take_all(const tdl_insight_query *q, int64_t *number, tdl_str *name, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        number[i] = q->kinds[i].number;
        name[i] = q->kinds[i].name;
    }
}

static tdl_status choose_kinds(tdl_insight_query *q, int64_t **ret, tdl_str **ret_name,
                               size_t *ret_n, tdl_report *why)
{
    tdl_status st = tdl_insight_kinds(q, "kinds", ret, ret_name, ret_n, why);

    if (st || *ret_n)
        return st;
    *ret_n = q->kinds_n < TDL_INSIGHT_KINDS_MAX ? q->kinds_n : TDL_INSIGHT_KINDS_MAX;
    *ret = tdl_arena_alloc(q->arena, *ret_n, sizeof **ret);
    *ret_name = tdl_arena_alloc(q->arena, *ret_n, sizeof **ret_name);
    if (!*ret || !*ret_name)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
    take_all(q, *ret, *ret_name, *ret_n);
    return TDL_OK;
}

static void write_cells(const trend *t, const tdl_str *name, const bool *hidden, tdl_table *table)
{
    static const char *const columns[] = {"period", "kind", "events", "persons"};

    tdl_table_columns(table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < t->q->periods_n * t->kinds_n; i++) {
        size_t period = i / t->kinds_n, kind = i % t->kinds_n;
        tdl_cell *row = tdl_table_row(table);
        if (!row)
            return;
        bool hide = hidden[period * (t->kinds_n + 1) + kind];
        row[0] = tdl_cell_time(tdl_insight_period_us(t->q, period));
        row[1] = tdl_cell_text(name[kind]);
        row[2] = hide ? tdl_cell_hidden() : tdl_cell_number(t->events[i]);
        row[3] = hide ? tdl_cell_hidden() : tdl_cell_number(t->persons[i]);
    }
}

tdl_status tdl_insight_trend(tdl_insight_query *q, tdl_report *why)
{
    trend t = {.q = q};
    const bool *hidden;
    int64_t *number;
    tdl_str *name;
    tdl_status st;

    if ((st = tdl_insight_check_periods(q, TDL_INSIGHT_PERIODS_MAX, why)) ||
        (st = choose_kinds(q, &number, &name, &t.kinds_n, why)))
        return st;
    t.kind = number;
    t.events = tdl_arena_zalloc(q->arena, q->periods_n * t.kinds_n, sizeof *t.events);
    t.persons = tdl_arena_zalloc(q->arena, q->periods_n * t.kinds_n, sizeof *t.persons);
    if (!t.events || !t.persons)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
    st = tdl_insight_walk(q, false, count, &t, why);
    tdl_numbering_release(&t.seen);
    if (st || t.failed)
        return st ? st : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for so many persons");
    st = tdl_insight_suppress(q, t.persons, q->periods_n, t.kinds_n, &hidden, why);
    if (!st)
        write_cells(&t, name, hidden, q->table);
    return st;
}
