/* Users: distinct persons by period, whatever they did, and those seen for the first time. */
#include <stdlib.h>

#include "insight/parts.h"

typedef struct users {
    const tdl_insight_query *q;
    const int64_t *kind; /* [kinds_n] numbers asked for; 0 = all */
    size_t kinds_n;
    tdl_numbering seen;
    uint32_t *last; /* [cap] of each person: the period last seen in */
    size_t cap;
    double *persons, *new; /* [periods_n] */
    bool failed;           /* no memory */
} users;

static bool asked_for(const users *u, int64_t kind)
{
    for (size_t i = 0; i < u->kinds_n; i++)
        if (u->kind[i] == kind)
            return true;
    return !u->kinds_n;
}

static bool grow(users *u)
{
    size_t larger = u->cap ? 2 * u->cap : 1024;
    uint32_t *grown = realloc(u->last, larger * sizeof *grown);

    if (!grown)
        return false;
    u->last = grown;
    u->cap = larger;
    return true;
}

static bool count(void *context, const tdl_step *step)
{
    users *u = context;
    uint32_t period = (uint32_t)tdl_insight_period(u->q, step->time_us);

    if (!asked_for(u, step->kind))
        return true;
    size_t before = u->seen.n;
    size_t at = tdl_numbering_of(&u->seen, (uint64_t)step->person);
    if (at == SIZE_MAX || (at >= u->cap && !grow(u))) {
        u->failed = true;
        return false;
    }
    bool first = u->seen.n > before;
    if (first)
        u->new[period]++;
    if (first || u->last[at] != period)
        u->persons[period]++;
    u->last[at] = period;
    return true;
}

/* Persons of a period are new or were seen before, so each is the difference of the others: hidden
 * as a table of two columns whose rows' totals are the persons.
 *   ret_hidden  [periods_n + 1][3]: new, seen before, all */
static tdl_status hide_periods(const users *u, const bool **ret_hidden, tdl_report *why)
{
    size_t n = u->q->periods_n;
    double *parts = tdl_arena_alloc(u->q->arena, 2 * n, sizeof *parts);

    if (!parts)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
    for (size_t i = 0; i < n; i++) {
        parts[2 * i] = u->new[i];
        parts[2 * i + 1] = u->persons[i] - u->new[i];
    }
    return tdl_insight_suppress(u->q, parts, n, 2, ret_hidden, why);
}

static void write_periods(const users *u, const bool *hidden, tdl_table *table)
{
    static const char *const columns[] = {"period", "persons", "new_persons"};

    tdl_table_columns(table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; u->seen.n && i < u->q->periods_n; i++) {
        tdl_cell *row = tdl_table_row(table);
        if (!row)
            return;
        row[0] = tdl_cell_time(tdl_insight_period_us(u->q, i));
        row[1] = hidden[3 * i + 2] ? tdl_cell_hidden() : tdl_cell_number(u->persons[i]);
        row[2] = hidden[3 * i] ? tdl_cell_hidden() : tdl_cell_number(u->new[i]);
    }
}

tdl_status tdl_insight_users(tdl_insight_query *q, tdl_report *why)
{
    users u = {.q = q};
    const bool *hidden;
    int64_t *kind;
    tdl_str *name;
    tdl_status st;

    if ((st = tdl_insight_check_periods(q, TDL_INSIGHT_PERIODS_MAX, why)) ||
        (st = tdl_insight_kinds(q, "kinds", &kind, &name, &u.kinds_n, why)))
        return st;
    u.kind = kind;
    u.persons = tdl_arena_zalloc(q->arena, q->periods_n, sizeof *u.persons);
    u.new = tdl_arena_zalloc(q->arena, q->periods_n, sizeof *u.new);
    if (!u.persons || !u.new)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
    st = tdl_insight_walk(q, false, count, &u, why);
    if (!st && u.failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for so many persons");
    if (!st && !(st = hide_periods(&u, &hidden, why)))
        write_periods(&u, hidden, q->table);
    tdl_numbering_release(&u.seen);
    free(u.last);
    return st;
}
