/* Retention: of those who began in a period, how many came back in each period after. */
#include <stdlib.h>

#include "insight/parts.h"

enum { PERIODS_MAX = 60 /* of a table that people can read, and bits of a word */ };

typedef struct member {
    uint32_t cohort; /* period of the beginning */
    bool began;
    uint64_t came; /* bit i: came back i periods after */
} member;

typedef struct retention {
    const tdl_insight_query *q;
    int64_t start, back; /* numbers of kinds; 0 = any event */
    tdl_numbering persons;
    member *members; /* [cap] */
    size_t cap;
    bool failed;
} retention;

static member *find_member(retention *r, int64_t person)
{
    size_t at = tdl_numbering_of(&r->persons, (uint64_t)person);

    if (at == SIZE_MAX)
        return NULL;
    if (at >= r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 1024;
        member *grown = realloc(r->members, cap * sizeof *grown);
        if (!grown)
            return NULL;
        for (size_t i = r->cap; i < cap; i++)
            grown[i] = (member){0};
        r->members = grown;
        r->cap = cap;
    }
    return &r->members[at];
}

static bool take(void *context, const tdl_step *step)
{
    retention *r = context;
    bool starts = !r->start || step->kind == r->start;
    bool returns = !r->back || step->kind == r->back;

    if (!starts && !returns)
        return true;
    member *m = find_member(r, step->person);
    if (!m) {
        r->failed = true;
        return false;
    }
    size_t period = tdl_insight_period(r->q, step->time_us);
    if (starts && !m->began)
        *m = (member){.began = true, .cohort = (uint32_t)period};
    if (returns && m->began)
        m->came |= UINT64_C(1) << (period - m->cohort);
    return true;
}

static tdl_status read_kind(const tdl_insight_query *q, const char *name, int64_t *ret,
                            tdl_report *why)
{
    const json_t *value = json_object_get(q->json, name);
    tdl_str text = {json_string_value(value), json_string_length(value)};

    *ret = 0;
    if (!value)
        return TDL_OK;
    if (!json_is_string(value))
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be the name of a kind of events", name);
    *ret = tdl_insight_kind(q, text);
    if (!*ret)
        *ret = -1; // nobody ever did
    return TDL_OK;
}

/* came [periods_n * periods_n]: members of each cohort who came back so many periods later. */
static void count(const retention *r, double *size, double *came)
{
    size_t n = r->q->periods_n;

    for (size_t i = 0; i < r->persons.n; i++) {
        const member *m = &r->members[i];
        if (!m->began)
            continue;
        size[m->cohort]++;
        for (uint64_t left = m->came; left; left &= left - 1)
            came[m->cohort * n + (size_t)__builtin_ctzll(left)]++;
    }
}

/* Nobody is in two cohorts, so those who came back so many periods later have a sum: it is known,
 * as far as hiding goes. The periods of one cohort have none: the same persons come back again.
 *   hidden [n * n] as came, filled */
static tdl_status hide_cells(const retention *r, const double *came, bool *hidden, tdl_report *why)
{
    size_t n = r->q->periods_n;
    double column[PERIODS_MAX];
    const bool *found;

    for (size_t after = 0; after < n; after++) {
        for (size_t c = 0; c < n; c++)
            column[c] = came[c * n + after];
        tdl_status st = tdl_insight_suppress(r->q, column, n, 1, &found, why);
        if (st)
            return st;
        for (size_t c = 0; c < n; c++)
            hidden[c * n + after] = found[2 * c];
    }
    return TDL_OK;
}

static tdl_status write_cohorts(const retention *r, tdl_table *table, tdl_report *why)
{
    static const char *const columns[] = {"cohort", "after", "persons", "share"};
    size_t n = r->q->periods_n;
    double *size = tdl_arena_zalloc(table->arena, n, sizeof *size);
    double *came = tdl_arena_zalloc(table->arena, n * n, sizeof *came);
    bool *hidden = tdl_arena_zalloc(table->arena, n * n, sizeof *hidden);
    tdl_status st;

    tdl_table_columns(table, columns, sizeof columns / sizeof columns[0]);
    if (!size || !came || !hidden)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
    count(r, size, came);
    if ((st = hide_cells(r, came, hidden, why)))
        return st;
    for (size_t c = 0; c < n; c++)
        for (size_t after = 0; size[c] > 0 && c + after < n; after++) {
            tdl_cell *row = tdl_table_row(table);
            if (!row)
                return TDL_OK; // table->failed says it
            bool hide = hidden[c * n + after];
            row[0] = tdl_cell_time(tdl_insight_period_us(r->q, c));
            row[1] = tdl_cell_number((double)after);
            row[2] = hide ? tdl_cell_hidden() : tdl_cell_number(came[c * n + after]);
            // a share beside its persons gives the cohort's size, which the first cell may be
            row[3] = hide || hidden[c * n] ? tdl_cell_hidden()
                                           : tdl_cell_ratio(came[c * n + after], size[c]);
        }
    return TDL_OK;
}

tdl_status tdl_insight_retention(tdl_insight_query *q, tdl_report *why)
{
    retention r = {.q = q};
    tdl_status st;

    if ((st = tdl_insight_check_periods(q, PERIODS_MAX, why)))
        return st;
    if ((st = read_kind(q, "start", &r.start, why)) || (st = read_kind(q, "return", &r.back, why)))
        return st;
    st = tdl_insight_walk(q, false, take, &r, why);
    if (!st && r.failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for so many persons");
    if (!st)
        st = write_cohorts(&r, q->table, why);
    tdl_numbering_release(&r.persons);
    free(r.members);
    return st;
}
