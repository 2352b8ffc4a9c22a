/* Tables into series: which columns, which order, which step, what is missing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "forecast/series_step.h"

static const char *const aggregates[] = {
    [TDL_AGGREGATE_REFUSE] = "",
    [TDL_AGGREGATE_SUM] = "sum",
    [TDL_AGGREGATE_MEAN] = "mean",
    [TDL_AGGREGATE_LAST] = "last",
};

bool tdl_aggregate_find(tdl_str name, tdl_aggregate *ret)
{
    for (size_t i = TDL_AGGREGATE_SUM; i < sizeof aggregates / sizeof aggregates[0]; i++)
        if (tdl_str_is(name, aggregates[i])) {
            *ret = (tdl_aggregate)i;
            return true;
        }
    return false;
}

const char *tdl_aggregate_name(tdl_aggregate aggregate)
{
    return aggregates[aggregate];
}

static const char *const layouts[] = {
    [TDL_LAYOUT_FOUND] = "",
    [TDL_LAYOUT_LONG] = "long",
    [TDL_LAYOUT_COLUMNS] = "columns",
    [TDL_LAYOUT_ROWS] = "rows",
};

bool tdl_layout_find(tdl_str name, tdl_layout *ret)
{
    for (size_t i = TDL_LAYOUT_LONG; i < sizeof layouts / sizeof layouts[0]; i++)
        if (tdl_str_is(name, layouts[i])) {
            *ret = (tdl_layout)i;
            return true;
        }
    return false;
}

const char *tdl_layout_name(tdl_layout layout)
{
    return layouts[layout];
}

/* ---- which columns ---- */

typedef struct plan {
    const tdl_frame *frame;
    tdl_layout layout;
    const tdl_column *time, *id; /* NULL = none */
    size_t *value;               /* [values_n] columns; rows: the steps, in order */
    size_t values_n;
    double *ids; /* [ids_n] ascending, when ids are numbers without levels */
    size_t ids_n;
} plan;

static bool is_number(const tdl_column *c)
{
    return c->number && (c->type == TDL_COLUMN_NUMERIC || c->type == TDL_COLUMN_INTEGER ||
                         c->type == TDL_COLUMN_BOOLEAN || c->type == TDL_COLUMN_ID);
}

static tdl_status named(const tdl_frame *frame, tdl_str name, const char *what,
                        const tdl_column **ret, tdl_report *why)
{
    size_t at;

    *ret = NULL;
    if (!name.len)
        return TDL_OK;
    if (!tdl_frame_find(frame, name, &at))
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no column \"%.*s\" to take the %s from",
                        TDL_FMT(name), what);
    *ret = &frame->column[at];
    return TDL_OK;
}

static const tdl_column *first_of(const tdl_frame *frame, tdl_column_type type)
{
    for (size_t i = 0; i < frame->columns_n; i++)
        if (frame->column[i].type == type)
            return &frame->column[i];
    return NULL;
}

/* An id that repeats, for long tables. */
static const tdl_column *repeating(const tdl_frame *frame)
{
    const tdl_column *c = first_of(frame, TDL_COLUMN_CATEGORY);

    return c && c->levels_n < frame->rows ? c : NULL;
}

static tdl_layout layout_of(const tdl_frame *frame, const tdl_series_options *o, const plan *p)
{
    size_t numbers = 0;

    if (o->layout)
        return o->layout;
    if (o->series.len || o->value.len)
        return TDL_LAYOUT_LONG;
    for (size_t i = 0; i < frame->columns_n; i++)
        numbers += is_number(&frame->column[i]);
    if (!p->time && frame->columns_n > 4 && numbers + 1 >= frame->columns_n &&
        frame->column[0].level)
        return TDL_LAYOUT_ROWS;
    return p->time && repeating(frame) ? TDL_LAYOUT_LONG : TDL_LAYOUT_COLUMNS;
}

static tdl_status nothing_to_forecast(const tdl_frame *frame, tdl_report *why)
{
    return TDL_FAIL_HINT(why, TDL_E_INVALID, "name it with --value", "%s",
                         frame->rows ? "no column is a number to forecast" : "no rows");
}

static tdl_status find_columns(plan *p, const tdl_series_options *o, tdl_report *why)
{
    const tdl_frame *frame = p->frame;
    const tdl_column *value;
    tdl_status st;

    if ((st = named(frame, o->time, "time", &p->time, why)) ||
        (st = named(frame, o->series, "series", &p->id, why)) ||
        (st = named(frame, o->value, "value", &value, why)))
        return st;
    if (!frame->columns_n || !frame->column)
        return nothing_to_forecast(frame, why);
    if (p->time && !p->time->number)
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "times are RFC 3339, as 2026-11-28 or "
                             "2026-11-28T10:00:00Z, or numbers",
                             "column %s is %s, not a time", p->time->name,
                             tdl_column_type_name(p->time->type));
    if (!p->time)
        p->time = first_of(frame, TDL_COLUMN_DATE);
    p->layout = layout_of(frame, o, p);
    if (p->layout == TDL_LAYOUT_LONG && !p->id && !o->value.len)
        p->id = repeating(frame);
    if (p->layout == TDL_LAYOUT_ROWS) {
        p->time = NULL;
        if (!p->id && frame->column[0].level)
            p->id = &frame->column[0];
    }
    for (size_t i = 0; i < frame->columns_n; i++) {
        const tdl_column *c = &frame->column[i];
        bool wanted = value ? c == value : c != p->time && c != p->id && is_number(c);

        if (wanted && c->type == TDL_COLUMN_ID && !value && p->layout != TDL_LAYOUT_ROWS)
            wanted = false;
        if (wanted)
            p->value[p->values_n++] = i;
    }
    if (value && !value->number)
        return TDL_FAIL(why, TDL_E_INVALID, "column %s is %s, not a number", value->name,
                        tdl_column_type_name(value->type));
    if (!p->values_n || !frame->rows)
        return nothing_to_forecast(frame, why);
    if (p->layout == TDL_LAYOUT_LONG && p->values_n > 1)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "name one with --value",
                             "%zu columns are numbers, %s and %s among them", p->values_n,
                             frame->column[p->value[0]].name, frame->column[p->value[1]].name);
    return TDL_OK;
}

/* ---- points ---- */

static int by_series_time_row(const void *left, const void *right)
{
    const tdl_series_point *a = left, *b = right;

    if (a->series != b->series)
        return a->series < b->series ? -1 : 1;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* Ids that are numbers: the different ones, in order. */
static tdl_status number_ids(plan *p, tdl_report *why)
{
    size_t n = 0;

    if (p->layout != TDL_LAYOUT_LONG || !p->id || p->id->level)
        return TDL_OK;
    if (!p->id->number || !(p->ids = malloc(p->frame->rows * sizeof *p->ids)))
        return TDL_FAIL(why, p->id->number ? TDL_E_NO_MEMORY : TDL_E_INVALID,
                        "column %s cannot name series", p->id->name);
    for (size_t row = 0; row < p->frame->rows; row++)
        if (tdl_column_has(p->id, row))
            p->ids[n++] = p->id->number[row];
    qsort(p->ids, n, sizeof *p->ids, ascending);
    for (size_t i = 0; i < n; i++)
        if (!i || p->ids[i] != p->ids[p->ids_n - 1])
            p->ids[p->ids_n++] = p->ids[i];
    return TDL_OK;
}

static size_t place(const plan *p, double id)
{
    const double *at = bsearch(&id, p->ids, p->ids_n, sizeof *p->ids, ascending);

    return at ? (size_t)(at - p->ids) : 0;
}

/* The points of one row into ret [values_n]; how many there are. */
static size_t take_row(const plan *p, size_t row, double time, tdl_series_point *ret)
{
    bool rows = p->layout == TDL_LAYOUT_ROWS, ids = p->layout == TDL_LAYOUT_LONG && p->id;

    if (ids && !tdl_column_has(p->id, row))
        return 0;
    for (size_t v = 0; v < p->values_n; v++) {
        double value = p->frame->column[p->value[v]].number[row];
        size_t series = rows ? row : p->layout == TDL_LAYOUT_COLUMNS ? v : 0;

        if (ids)
            series = p->id->level ? (size_t)p->id->level[row] : place(p, p->id->number[row]);
        ret[v] =
            (tdl_series_point){series, rows ? (double)v : time, isfinite(value) ? value : NAN, row};
    }
    return p->values_n;
}

/* Is a point earlier than the one before it in its series? */
static bool goes_back(const tdl_series_point *points, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (points[i].series == points[i - 1].series && points[i].time < points[i - 1].time)
            return true;
    return false;
}

static tdl_status take_points(const plan *p, tdl_series_point **ret, size_t *ret_n,
                              bool *ret_sorted, tdl_report *why)
{
    const tdl_frame *frame = p->frame;
    size_t all, n = 0;
    tdl_series_point *points;

    if (__builtin_mul_overflow(frame->rows, p->values_n, &all) || all > SIZE_MAX / sizeof *points ||
        !(points = malloc((all ? all : 1) * sizeof *points)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows of %zu values", frame->rows,
                        p->values_n);
    for (size_t row = 0; row < frame->rows; row++) {
        double time = p->time ? p->time->number[row] : (double)row;

        if (!isfinite(time)) {
            free(points);
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "leave the row out, or give it a time",
                                 "row %zu has no time in column %s", row + 1, p->time->name);
        }
        n += take_row(p, row, time, points + n);
    }
    *ret_sorted = p->time && goes_back(points, n);
    qsort(points, n, sizeof *points, by_series_time_row);
    *ret = points;
    *ret_n = n;
    return TDL_OK;
}

/* Values that share a time become one. Missing ones give way to those that are there. */
static tdl_status join(tdl_series_point *points, size_t *n, tdl_aggregate how, size_t *ret_joined,
                       tdl_report *why)
{
    size_t kept = 0;

    for (size_t i = 0; i < *n;) {
        size_t end = i, count = 0;
        double sum = 0, last = NAN;

        while (end < *n && points[end].series == points[i].series &&
               points[end].time == points[i].time) {
            if (!isnan(points[end].value)) {
                sum += points[end].value;
                last = points[end].value;
                count++;
            }
            end++;
        }
        if (end - i > 1 && how == TDL_AGGREGATE_REFUSE)
            return TDL_FAIL_HINT(
                why, TDL_E_INVALID, "name the series column, or --aggregate sum, mean or last",
                "rows %zu and %zu have the same time", points[i].row + 1, points[i + 1].row + 1);
        *ret_joined += end - i - 1;
        points[kept] = points[i];
        points[kept++].value = !count                      ? NAN
                               : how == TDL_AGGREGATE_SUM  ? sum
                               : how == TDL_AGGREGATE_MEAN ? sum / (double)count
                                                           : last;
        i = end;
    }
    *n = kept;
    return TDL_OK;
}

/* ---- series ---- */

static char *name_of(const plan *p, size_t series)
{
    tdl_buf name = {0};

    if (p->layout == TDL_LAYOUT_COLUMNS) {
        tdl_buf_text(&name, p->frame->column[p->value[series]].name);
    } else if (p->id && p->id->level && p->layout == TDL_LAYOUT_LONG) {
        tdl_buf_str(&name, p->id->levels[series]);
    } else if (p->id && p->layout == TDL_LAYOUT_LONG) {
        tdl_buf_printf(&name, "%.15g", p->ids[series]);
    } else if (p->id) {
        tdl_column_print(p->id, series, &name);
    } else if (p->layout == TDL_LAYOUT_LONG) {
        tdl_buf_text(&name, p->frame->column[p->value[0]].name);
    } else {
        tdl_buf_printf(&name, "row %zu", series + 1);
    }
    if (!name.len)
        tdl_buf_text(&name, "series");
    if (name.failed) {
        tdl_buf_release(&name);
        return NULL;
    }
    return name.at;
}

/* points [n] of one series, of which the first and the last have a value. */
static tdl_status lay_out(const plan *p, const tdl_series_point *points, size_t n,
                          tdl_time_step step, tdl_series *ret, tdl_report *why)
{
    size_t length = 0, at;

    for (size_t i = 0; i < n; i++)
        if (!tdl_step_place(step, points[0].time, points[i].time, &at) || (i && at < length))
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "bring times to a common step",
                                 "row %zu is not on a step of the series: times are not equally "
                                 "spaced",
                                 points[i].row + 1);
        else
            length = at + 1;
    if ((double)(length - n) > TDL_GAPS_MAX * (double)length)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "take a coarser step, or drop the series",
                             "%zu of %zu steps are missing: more than %.0f %%", length - n, length,
                             100 * TDL_GAPS_MAX);
    ret->n = length;
    ret->start = points[0].time;
    ret->y = malloc(length * sizeof *ret->y);
    ret->name = name_of(p, points[0].series);
    if (!ret->y || !ret->name)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu steps", length);
    for (size_t t = 0; t < length; t++)
        ret->y[t] = NAN;
    for (size_t i = 0; i < n; i++)
        if (tdl_step_place(step, points[0].time, points[i].time, &at))
            ret->y[at] = points[i].value;
    return TDL_OK;
}

static tdl_status build(const plan *p, const tdl_series_point *points, size_t n,
                        tdl_series_set *set, tdl_report *why)
{
    size_t series_n = 0;
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < n; i++)
        series_n += !i || points[i].series != points[i - 1].series;
    if (!(set->series = calloc(series_n ? series_n : 1, sizeof *set->series)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu series", series_n);
    set->series_n = 0; // counts those that are laid out
    for (size_t i = 0; i < n && !st;) {
        size_t end = i, first, last;

        while (end < n && points[end].series == points[i].series)
            end++;
        for (first = i; first < end && isnan(points[first].value); first++)
            ;
        for (last = end; last > first && isnan(points[last - 1].value); last--)
            ;
        i = end;
        if (first == last)
            continue; // a series of no values
        tdl_series *s = &set->series[set->series_n++];
        st = lay_out(p, points + first, last - first, set->step, s, why);
        if (st && s->name)
            tdl_report_prefix(why, "series %s", s->name);
    }
    if (!st && !set->series_n)
        st = TDL_FAIL(why, TDL_E_INVALID, "no value is there to learn from");
    return st;
}

/* The season of the set, found on lines over the gaps; 0 = none. */
static tdl_status find_season(const tdl_series_set *set, size_t *ret, tdl_report *why)
{
    tdl_series *rough = calloc(set->series_n, sizeof *rough);
    tdl_status st = TDL_OK;

    if (!rough)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu series", set->series_n);
    for (size_t i = 0; i < set->series_n && !st; i++) {
        size_t n = set->series[i].n, filled;

        rough[i].n = n;
        if (!(rough[i].y = malloc((n + 1) * sizeof *rough[i].y))) {
            st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu steps", n);
            break;
        }
        memcpy(rough[i].y, set->series[i].y, n * sizeof *rough[i].y);
        if ((st = tdl_series_fill(rough[i].y, n, 1, &filled, why)))
            tdl_report_prefix(why, "series %s", set->series[i].name);
    }
    if (!st)
        *ret = tdl_period_find(rough, set->series_n);
    for (size_t i = 0; i < set->series_n; i++)
        free(rough[i].y);
    free(rough);
    return st;
}

/* Fill gaps by the season: `period`, or when that is 0 the one that is found. */
static tdl_status fill(tdl_series_set *set, size_t period, tdl_report *why)
{
    tdl_status st = TDL_OK;
    size_t season = period;

    if (!season) {
        if ((st = find_season(set, &season, why)))
            return st;
        set->period_found = season > 0;
    }
    for (size_t i = 0; i < set->series_n && !st; i++) {
        tdl_series *s = &set->series[i];

        if ((st = tdl_series_fill(s->y, s->n, season, &s->filled, why)))
            tdl_report_prefix(why, "series %s", s->name);
        set->filled += s->filled;
    }
    set->periods_n = tdl_periods_of(season, set->period);
    return st;
}

tdl_status tdl_series_of(const tdl_frame *frame, const tdl_series_options *options,
                         tdl_series_set *ret, tdl_report *why)
{
    const tdl_series_options plain = {0}, *o = options ? options : &plain;
    tdl_series_set set = {0};
    plan p = {.frame = frame};
    tdl_series_point *points = NULL;
    size_t n = 0;
    tdl_status st;

    if (!(p.value = malloc((frame->columns_n ? frame->columns_n : 1) * sizeof *p.value)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", frame->columns_n);
    if ((st = find_columns(&p, o, why)) || (st = number_ids(&p, why)) ||
        (st = take_points(&p, &points, &n, &set.sorted, why)) ||
        (st = join(points, &n, o->aggregate, &set.aggregated, why)) ||
        (st = tdl_step_infer(points, n, p.time ? p.time->type == TDL_COLUMN_DATE : false,
                             p.time != NULL, &set.step, why)) ||
        (st = build(&p, points, n, &set, why)) || (st = fill(&set, o->period, why)))
        goto out;
    *ret = set;
    set = (tdl_series_set){0};
out:
    tdl_series_set_release(&set);
    free(points);
    free(p.value);
    free(p.ids);
    return st;
}
