/* Sessions: runs of one person's events with no pause longer than a gap, by the period they began
 * in. */
#include <stdlib.h>

#include "insight/parts.h"
#include "stats/bootstrap.h"

static const int64_t HALF_HOUR_US = 30 * 60 * INT64_C(1000000);

typedef struct session {
    int64_t began_us, last_us;
    double events;
    uint32_t person; /* number of it in this walk */
} session;

typedef struct sessions {
    const tdl_insight_query *q;
    int64_t gap_us;
    tdl_numbering persons;
    session *now; /* [cap] of each person */
    size_t cap;
    session *all; /* [all_n] those that began earlier */
    size_t all_n, all_cap;
    bool failed;
} sessions;

static bool grow(session **at, size_t *cap, size_t n)
{
    size_t larger = *cap ? 2 * *cap : 1024;
    session *grown = n < *cap ? *at : realloc(*at, larger * sizeof *grown);

    if (!grown)
        return false;
    if (n >= *cap) {
        for (size_t i = *cap; i < larger; i++)
            grown[i] = (session){0};
        *cap = larger;
    }
    *at = grown;
    return true;
}

static bool keep(sessions *s, session one)
{
    if (!grow(&s->all, &s->all_cap, s->all_n))
        return false;
    s->all[s->all_n++] = one;
    return true;
}

static bool take(void *context, const tdl_step *step)
{
    sessions *s = context;
    size_t at = tdl_numbering_of(&s->persons, (uint64_t)step->person);

    if (at == SIZE_MAX || !grow(&s->now, &s->cap, at)) {
        s->failed = true;
        return false;
    }
    session *now = &s->now[at];
    if (now->events > 0 && step->time_us - now->last_us > s->gap_us) {
        s->failed |= !keep(s, *now);
        now->events = 0;
    }
    if (!(now->events > 0))
        now->began_us = step->time_us;
    now->last_us = step->time_us;
    now->events++;
    now->person = (uint32_t)at;
    return !s->failed;
}

static int compare_seconds(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static int compare_beginnings(const void *left, const void *right)
{
    const session *a = left, *b = right;

    return (a->began_us > b->began_us) - (a->began_us < b->began_us);
}

/* Persons of the sessions [n] that began in one period. */
static double count_persons(const session *begin, size_t n, bool *failed)
{
    tdl_numbering persons = {0};

    for (size_t i = 0; i < n; i++)
        *failed |= tdl_numbering_of(&persons, begin[i].person) == SIZE_MAX;
    double count = (double)persons.n;
    tdl_numbering_release(&persons);
    return count;
}

/* Of the sessions [n] that began in period `i`. */
static bool write_period(const sessions *s, size_t i, const session *begin, size_t n, bool hide,
                         tdl_table *table)
{
    double *seconds = malloc((n + 1) * sizeof *seconds), events = 0;
    tdl_cell *row = tdl_table_row(table);

    for (size_t k = 0; seconds && k < n; k++) {
        seconds[k] = (double)(begin[k].last_us - begin[k].began_us) / 1e6;
        events += begin[k].events;
    }
    if (seconds && row) {
        row[0] = tdl_cell_time(tdl_insight_period_us(s->q, i));
        row[1] = hide ? tdl_cell_hidden() : tdl_cell_number((double)n);
        if (n && hide) {
            row[2] = row[3] = tdl_cell_hidden();
        } else if (n) {
            qsort(seconds, n, sizeof *seconds, compare_seconds);
            row[2] = tdl_cell_number(tdl_quantile(seconds, n, .5));
            row[3] = tdl_cell_ratio(events, (double)n);
        }
    }
    table->failed |= !seconds;
    free(seconds);
    return !table->failed;
}

/* ret_end [periods_n]: one past the last session, in order of beginnings, of each period. */
static void find_periods(const sessions *s, size_t *ret_end, double *ret_persons, bool *failed)
{
    size_t at = 0;

    for (size_t i = 0; i < s->q->periods_n; i++) {
        size_t begin = at;
        while (at < s->all_n && tdl_insight_period(s->q, s->all[at].began_us) == i)
            at++;
        ret_end[i] = at;
        ret_persons[i] = count_persons(s->all + begin, at - begin, failed);
    }
}

static tdl_status write_periods(sessions *s, tdl_table *table, tdl_report *why)
{
    static const char *const columns[] = {"period", "sessions", "median_seconds",
                                          "events_per_session"};
    size_t n = s->q->periods_n, begin = 0;
    size_t *end = tdl_arena_alloc(table->arena, n, sizeof *end);
    double *persons = tdl_arena_alloc(table->arena, n, sizeof *persons);
    const bool *hidden;

    if (!end || !persons)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
    qsort(s->all, s->all_n, sizeof *s->all, compare_beginnings);
    find_periods(s, end, persons, &table->failed);
    tdl_status st = tdl_insight_suppress(s->q, persons, n, 1, &hidden, why);
    if (st)
        return st;
    tdl_table_columns(table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < n; begin = end[i++])
        if (!write_period(s, i, s->all + begin, end[i] - begin, hidden[2 * i], table))
            break;
    return TDL_OK;
}

tdl_status tdl_insight_sessions(tdl_insight_query *q, tdl_report *why)
{
    sessions s = {.q = q};
    tdl_status st = tdl_insight_check_periods(q, TDL_INSIGHT_PERIODS_MAX, why);

    if (!st)
        st = tdl_insight_span(q->json, "gap", HALF_HOUR_US, &s.gap_us, why);
    if (!st)
        st = tdl_insight_walk(q, false, take, &s, why);
    for (size_t i = 0; !st && !s.failed && i < s.persons.n; i++)
        s.failed = !keep(&s, s.now[i]);
    if (!st && s.failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for so many sessions");
    if (!st && s.all_n)
        st = write_periods(&s, q->table, why);
    tdl_numbering_release(&s.persons);
    free(s.now);
    free(s.all);
    return st;
}
