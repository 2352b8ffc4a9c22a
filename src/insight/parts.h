/* What the reports have in common: their query, their table, and a state per person. */
#ifndef TDL_INSIGHT_PARTS_H
#define TDL_INSIGHT_PARTS_H

#include <math.h>

#include "insight/insight.h"

enum { TDL_INSIGHT_PERIODS_MAX = 1000, TDL_INSIGHT_KINDS_MAX = 100 };

/* A query, as far as all reports have it. */
typedef struct tdl_insight_query {
    tdl_store *store; /* NULL: check the query */
    const json_t *json;
    int64_t from_us, until_us;
    int64_t every_us;    /* width of a period */
    int64_t zone_us;     /* what local clocks are ahead of UTC */
    size_t periods_n;    /* that [from, until) touches */
    tdl_kind_row *kinds; /* [kinds_n] every kind there is */
    size_t kinds_n;
    double k; /* fewest persons a number may be about; 0 = any */
    tdl_arena *arena;
    tdl_table *table; /* to be filled */
} tdl_insight_query;

/* The steps of the range, in order of time. Without a store the query is only checked: there are
 * none. */
tdl_status tdl_insight_walk(const tdl_insight_query *q, bool properties,
                            bool (*fn)(void *context, const tdl_step *step), void *context,
                            tdl_report *why);

/* Index of the period that a time within the range is in. */
size_t tdl_insight_period(const tdl_insight_query *q, int64_t time_us);
/* Refuse more than `max` periods. */
tdl_status tdl_insight_check_periods(const tdl_insight_query *q, size_t max, tdl_report *why);
/* When period `i` begins. */
int64_t tdl_insight_period_us(const tdl_insight_query *q, size_t i);

/* Member `name` as a span of time ("30m"); `fallback` when it is absent. */
tdl_status tdl_insight_span(const json_t *query, const char *name, int64_t fallback_us,
                            int64_t *ret_us, tdl_report *why);
/* Number of a kind; 0 when there never was one. */
int64_t tdl_insight_kind(const tdl_insight_query *q, tdl_str name);
/* Member `name`, a list of kinds (absent = none). ret [*ret_n] in the arena; ret_name likewise. */
tdl_status tdl_insight_kinds(const tdl_insight_query *q, const char *name, int64_t **ret,
                             tdl_str **ret_name, size_t *ret_n, tdl_report *why);

/* Which of the counts of persons [rows_n * columns_n] are to be hidden, and so is what else is said
 * of them.
 *   ret  [(rows_n + 1) * (columns_n + 1)] in the arena, as tdl_suppress gives it */
tdl_status tdl_insight_suppress(const tdl_insight_query *q, const double *persons, size_t rows_n,
                                size_t columns_n, const bool **ret, tdl_report *why);

/* ---- a dense number for each key, in order of appearance ---- */

typedef struct tdl_numbering {
    uint64_t *key;    /* [cap] */
    uint32_t *number; /* [cap], from 1; 0 = free */
    size_t n, cap;
} tdl_numbering;

/* Number of `key`, from 0; SIZE_MAX without memory. */
size_t tdl_numbering_of(tdl_numbering *numbering, uint64_t key);
void tdl_numbering_release(tdl_numbering *numbering);

/* ---- the table ---- */

void tdl_table_columns(tdl_table *table, const char *const *columns, size_t n);
/* The next row, zeroed: NULL without memory. */
tdl_cell *tdl_table_row(tdl_table *table);
static inline tdl_cell tdl_cell_time(int64_t time_us)
{
    return (tdl_cell){.type = TDL_CELL_TIME, .time_us = time_us};
}
static inline tdl_cell tdl_cell_text(tdl_str text)
{
    return (tdl_cell){.type = TDL_CELL_TEXT, .text = text};
}
static inline tdl_cell tdl_cell_number(double number)
{
    return (tdl_cell){.type = TDL_CELL_NUMBER, .number = number};
}
static inline tdl_cell tdl_cell_hidden(void)
{
    return (tdl_cell){.type = TDL_CELL_HIDDEN};
}
/* Six decimals: all that people read. */
static inline tdl_cell tdl_cell_ratio(double part, double whole)
{
    return tdl_cell_number(rint(part / whole * 1e6) / 1e6);
}

/* ---- the reports ---- */

typedef tdl_status tdl_insight_report(tdl_insight_query *q, tdl_report *why);
tdl_insight_report tdl_insight_trend, tdl_insight_funnel, tdl_insight_retention,
    tdl_insight_sessions, tdl_insight_breakdown, tdl_insight_users;

#endif
