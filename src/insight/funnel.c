/* Funnel: how many persons took one step after the other, in order, within a window that begins
 * with the first.
 *
 * Of each person the latest beginning is kept from which each step can have been reached: a later
 * one is never worse, so one pass in order of time finds every funnel that there is.
 */
#include <stdlib.h>
#include <string.h>

#include "insight/parts.h"
#include "stats/bootstrap.h"

enum { STEPS_MAX = 10 };
static const int64_t NEVER = INT64_MIN, WEEK_US = 7 * 24 * 3600 * INT64_C(1000000);

/* One person on the way. */
typedef struct walker {
    int64_t began_us[STEPS_MAX]; /* latest beginning from which this step was reached; NEVER */
    int64_t took_us;             /* of the first whole funnel; NEVER */
    uint32_t reached;            /* steps, of the best attempt */
} walker;

typedef struct funnel {
    const int64_t *kind; /* [steps_n] */
    size_t steps_n;
    int64_t within_us;
    tdl_numbering persons;
    walker *walkers; /* [cap], persons.n in use */
    size_t cap;
    bool failed;
} funnel;

static walker *find_walker(funnel *f, int64_t person)
{
    size_t at = tdl_numbering_of(&f->persons, (uint64_t)person);

    if (at == SIZE_MAX)
        return NULL;
    if (at >= f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 1024;
        walker *grown = realloc(f->walkers, cap * sizeof *grown);
        if (!grown)
            return NULL;
        for (size_t i = f->cap; i < cap; i++) {
            grown[i] = (walker){.took_us = NEVER};
            for (size_t k = 0; k < STEPS_MAX; k++)
                grown[i].began_us[k] = NEVER;
        }
        f->walkers = grown;
        f->cap = cap;
    }
    return &f->walkers[at];
}

/* From the last step to the first, so that one event is one step only. */
static void advance(const funnel *f, walker *w, const tdl_step *step)
{
    for (size_t k = f->steps_n; k-- > 0;) {
        if (f->kind[k] != step->kind)
            continue;
        int64_t began_us = k ? w->began_us[k - 1] : step->time_us;
        if (began_us == NEVER || step->time_us - began_us > f->within_us)
            continue;
        w->began_us[k] = began_us;
        if (w->reached <= k)
            w->reached = (uint32_t)k + 1;
        if (k + 1 == f->steps_n && w->took_us == NEVER)
            w->took_us = step->time_us - began_us;
    }
}

static bool take(void *context, const tdl_step *step)
{
    funnel *f = context;
    bool counts = false;

    for (size_t k = 0; k < f->steps_n; k++)
        counts |= f->kind[k] == step->kind;
    if (!counts)
        return true;
    walker *w = find_walker(f, step->person);
    if (w)
        advance(f, w, step);
    f->failed |= !w;
    return !f->failed;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

/* Seconds that half of those who went all the way took at most; none without any. */
static tdl_cell median_time(const funnel *f)
{
    double *seconds = malloc((f->persons.n + 1) * sizeof *seconds);
    size_t n = 0;

    for (size_t i = 0; seconds && i < f->persons.n; i++)
        if (f->walkers[i].took_us != NEVER)
            seconds[n++] = (double)f->walkers[i].took_us / 1e6;
    tdl_cell cell = {0};
    if (n) {
        qsort(seconds, n, sizeof *seconds, compare_doubles);
        cell = tdl_cell_number(tdl_quantile(seconds, n, .5));
    }
    free(seconds);
    return cell;
}

/* A step is shown when neither its persons nor those lost since the last one shown are few. Whoever
 * is at a step was at those before, so every difference of two shown ones is a sum of such losses.
 */
static void hide_steps(const funnel *f, double k, const double *persons, bool *ret_hidden)
{
    double shown = -1;

    for (size_t i = 0; i < f->steps_n; i++) {
        double lost = shown < 0 ? 0 : shown - persons[i];
        ret_hidden[i] = (persons[i] > 0 && persons[i] < k) || (lost > 0 && lost < k);
        shown = ret_hidden[i] ? shown : persons[i];
    }
}

/* persons / of; hidden when either is. */
static tdl_cell share(const double *persons, const bool *hidden, size_t step, size_t of)
{
    if (hidden[step] || hidden[of])
        return tdl_cell_hidden();
    return persons[of] > 0 ? tdl_cell_ratio(persons[step], persons[of]) : (tdl_cell){0};
}

static void write_steps(const funnel *f, double k, const tdl_str *name, tdl_table *table)
{
    static const char *const columns[] = {
        "step", "kind", "persons", "share_of_first", "share_of_former", "median_seconds"};
    double persons[STEPS_MAX] = {0};
    bool hidden[STEPS_MAX];

    for (size_t i = 0; i < f->persons.n; i++)
        for (size_t s = 0; s < f->walkers[i].reached; s++)
            persons[s]++;
    hide_steps(f, k, persons, hidden);
    tdl_table_columns(table, columns, sizeof columns / sizeof columns[0]);
    for (size_t s = 0; s < f->steps_n; s++) {
        tdl_cell *row = tdl_table_row(table);
        if (!row)
            return;
        row[0] = tdl_cell_number((double)s + 1);
        row[1] = tdl_cell_text(name[s]);
        row[2] = hidden[s] ? tdl_cell_hidden() : tdl_cell_number(persons[s]);
        row[3] = share(persons, hidden, s, 0);
        if (s)
            row[4] = share(persons, hidden, s, s - 1);
        if (s + 1 == f->steps_n)
            row[5] = hidden[s] ? tdl_cell_hidden() : median_time(f);
    }
}

tdl_status tdl_insight_funnel(tdl_insight_query *q, tdl_report *why)
{
    funnel f = {0};
    int64_t *kind;
    tdl_str *name;
    tdl_status st;

    if ((st = tdl_insight_span(q->json, "within", WEEK_US, &f.within_us, why)) ||
        (st = tdl_insight_kinds(q, "steps", &kind, &name, &f.steps_n, why)))
        return st;
    if (f.steps_n < 2 || f.steps_n > STEPS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "steps: a funnel has from 2 to %d", STEPS_MAX);
    f.kind = kind;
    st = tdl_insight_walk(q, false, take, &f, why);
    if (!st && f.failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for so many persons");
    if (!st)
        write_steps(&f, q->k, name, q->table);
    tdl_numbering_release(&f.persons);
    free(f.walkers);
    return st;
}
