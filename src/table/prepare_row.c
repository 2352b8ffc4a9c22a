/* A row: cells become numbers and levels, and these all features. Training and serving both come
 * through here, so that they cannot differ. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "table/bins.h"
#include "table/calendar.h"
#include "table/prepare_parts.h"
#include "table/words.h"

static const double PI = 3.14159265358979323846;

/* ---- cells ---- */

/* Are gaps filled from elsewhere in the row? */
static bool fills(const tdl_prepare *p)
{
    return p->fill.targets_n || p->group_fill.columns_n;
}

tdl_status tdl_cells_init(const tdl_prepare *p, tdl_cells *ret, tdl_report *why)
{
    tdl_cells cells = {0};

    cells.given = calloc(p->sources_n + 1, sizeof *cells.given);
    cells.level = calloc(p->sources_n + 1, sizeof *cells.level);
    cells.number = cells.given;
    if (fills(p)) {
        cells.number = calloc(p->sources_n + 1, sizeof *cells.number);
        cells.fill = calloc(p->fill.columns_n + 1, 2 * sizeof *cells.fill);
    }
    *ret = cells;
    if (!cells.given || !cells.level || !cells.number || (fills(p) && !cells.fill)) {
        tdl_cells_release(ret);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row of %zu columns", p->sources_n);
    }
    return TDL_OK;
}

void tdl_cells_release(tdl_cells *cells)
{
    if (cells->number != cells->given)
        free(cells->number);
    free(cells->given);
    free(cells->level);
    free(cells->fill);
    *cells = (tdl_cells){0};
}

static void read_number(const tdl_source *s, tdl_view *view, size_t row, double *ret,
                        tdl_prepare_warning *warning)
{
    bool odd = false;
    double x = tdl_view_number(view, row, &odd);

    *ret = x;
    if (!warning)
        return;
    warning->unseen += odd;
    warning->missing += isnan(x) && !odd && !s->missing;
    warning->out_of_range += x < s->least || x > s->most;
}

static void read_level(const tdl_source *s, tdl_view *view, size_t row, int32_t *ret,
                       tdl_prepare_warning *warning)
{
    *ret = tdl_view_level(view, row);
    if (!warning)
        return;
    warning->unseen += *ret == TDL_LEVEL_UNSEEN;
    warning->missing += *ret == TDL_LEVEL_MISSING && !s->missing;
}

size_t tdl_level_group(const tdl_source *s, int32_t level)
{
    return level >= 0 ? (size_t)level : s->known.n + (level != TDL_LEVEL_MISSING);
}

static void fill_by_group(const tdl_prepare *p, tdl_cells *cells)
{
    const tdl_group_fill *g = &p->group_fill;
    const tdl_source *s = &p->source[g->group];
    size_t group = g->columns_n ? tdl_level_group(s, cells->level[g->group]) : 0;

    for (size_t j = 0; j < g->columns_n; j++)
        if (isnan(cells->number[g->source[j]]))
            cells->number[g->source[j]] = g->median[j * (s->known.n + 2) + group];
}

static void fill_by_ridge(const tdl_prepare *p, tdl_cells *cells)
{
    double *x = cells->fill;

    if (!p->fill.targets_n)
        return;
    for (size_t j = 0; j < p->fill.columns_n; j++)
        x[j] = cells->given[p->fill_source[j]];
    tdl_fill_row(&p->fill, x, x + p->fill.columns_n);
    for (size_t j = 0; j < p->fill.columns_n; j++)
        cells->number[p->fill_source[j]] = x[j];
}

void tdl_cells_read(const tdl_prepare *p, tdl_view *view, size_t row, tdl_cells *cells,
                    tdl_prepare_warning *warning)
{
    for (size_t i = 0; i < p->sources_n; i++) {
        const tdl_source *s = &p->source[i];
        tdl_prepare_warning *w = warning ? &warning[i] : NULL;

        if (!s->used || s->type == TDL_COLUMN_IMAGE)
            continue;
        if (s->type == TDL_COLUMN_TEXT)
            cells->level[i] = TDL_LEVEL_MISSING; // its part reads the text itself
        else if (tdl_source_levelled(s))
            read_level(s, tdl_view_at(view, i), row, &cells->level[i], w);
        else
            read_number(s, tdl_view_at(view, i), row, &cells->given[i], w);
        if (s->type == TDL_COLUMN_BOOLEAN)
            cells->level[i] = isnan(cells->given[i]) ? TDL_LEVEL_MISSING : cells->given[i] != 0;
    }
    if (!fills(p))
        return;
    memcpy(cells->number, cells->given, p->sources_n * sizeof *cells->given);
    fill_by_ridge(p, cells);
    fill_by_group(p, cells);
}

/* ---- numbers ---- */

void tdl_number_derive(tdl_number *n)
{
    n->sine = sin(n->parameter / 180 * PI);
    n->cosine = cos(n->parameter / 180 * PI);
}

static double holiday_number(const tdl_number *n, double seconds)
{
    const tdl_holiday_table *t = n->holidays;
    int64_t day = tdl_calendar_day(seconds);
    bool today;

    if (n->origin == TDL_ORIGIN_NEAREST)
        return tdl_holiday_table_nearest(t, day);
    if (n->origin == TDL_ORIGIN_HOLIDAY && n->parameter > 0)
        return tdl_holiday_table_is(t, day, (size_t)n->parameter - 1);
    today = tdl_holiday_table_has(t, day);
    if (n->origin == TDL_ORIGIN_HOLIDAY)
        return today;
    return !today && tdl_holiday_table_has(t, n->origin == TDL_ORIGIN_EVE ? day + 1 : day - 1);
}

double tdl_number_raw(const tdl_number *n, const double *of_source)
{
    double a = of_source[n->a], b;

    if (isnan(a))
        return a;
    switch (n->origin) {
    case TDL_ORIGIN_COLUMN:
        return a;
    case TDL_ORIGIN_DAYS:
        return (a - n->parameter) / 86400;
    case TDL_ORIGIN_YEAR:
        return tdl_calendar_of(a).year;
    case TDL_ORIGIN_MONTH:
        return tdl_calendar_of(a).month;
    case TDL_ORIGIN_WEEKDAY:
        return tdl_calendar_of(a).weekday;
    case TDL_ORIGIN_HOLIDAY:
    case TDL_ORIGIN_EVE:
    case TDL_ORIGIN_AFTER:
    case TDL_ORIGIN_NEAREST:
        return holiday_number(n, a);
    case TDL_ORIGIN_SINE:
        return sin(2 * PI * tdl_calendar_of(a).season);
    case TDL_ORIGIN_COSINE:
        return cos(2 * PI * tdl_calendar_of(a).season);
    case TDL_ORIGIN_ALONG:
        return a * n->cosine + of_source[n->b] * n->sine;
    case TDL_ORIGIN_ACROSS:
        return of_source[n->b] * n->cosine - a * n->sine;
    case TDL_ORIGIN_RATIO:
        b = of_source[n->b];
        return b > 0 ? a / b : NAN;
    case TDL_ORIGIN_SUM:
        for (size_t i = 1; i < n->of_n; i++)
            a += of_source[n->of[i]]; // NaN stays
        return a;
    }
    return NAN;
}

static void number_features(const tdl_number *n, const tdl_cells *cells, double *ret)
{
    double x = tdl_number_raw(n, cells->number), filled;
    bool given =
        cells->number == cells->given ? !isnan(x) : !isnan(tdl_number_raw(n, cells->given));

    x = x < n->low ? n->low : x > n->high ? n->high : x; // NaN stays
    filled = isnan(x) ? n->fill : x;
    ret[0] = tdl_scale_apply(&n->scale, filled);
    if (n->edge)
        tdl_bins_encode(n->edge, n->edges_n, given ? x : NAN, ret + 1);
}

/* ---- levels ---- */

/* Where a table of levels has the row's: levels_n for a missing one; false for an unseen one. */
static bool place_of(const tdl_part *part, const tdl_source *s, int32_t level, size_t *ret)
{
    if (level >= 0)
        *ret = (size_t)level;
    else if (level == TDL_LEVEL_MISSING && part->missing_level)
        *ret = s->known.n;
    else
        return false;
    return true;
}

static void level_features(const tdl_part *part, const tdl_source *s, int32_t level, double *ret)
{
    size_t at;
    bool seen = place_of(part, s, level, &at);

    if (part->kind == TDL_PART_ONE_HOT) {
        memset(ret, 0, part->width * sizeof *ret);
        if (seen)
            ret[at] = 1;
    } else if (part->kind == TDL_PART_TARGET) {
        for (size_t k = 0; k < part->width; k++)
            ret[k] = seen ? part->value[k * (s->known.n + 1) + at] : part->prior[k];
    } else if (part->kind == TDL_PART_COUNT) {
        ret[0] = seen ? part->value[at] : 0;
    } else { // ordinal
        ret[0] = level >= 0 ? (double)level : NAN;
    }
}

static void hash_features(const tdl_part *part, tdl_str text, double *ret)
{
    memset(ret, 0, part->width * sizeof *ret);
    if (text.len)
        ret[tdl_words_hash(text) % part->width] = 1;
}

static void text_features(const tdl_part *part, tdl_str text, double *ret)
{
    double squares = 0, factor;

    memset(ret, 0, part->width * sizeof *ret);
    tdl_words_count(text, part->width, ret);
    for (size_t i = 0; i < part->width; i++) {
        ret[i] *= part->value[i];
        squares += ret[i] * ret[i];
    }
    factor = squares > 0 ? 1 / sqrt(squares) : 0;
    for (size_t i = 0; i < part->width; i++)
        ret[i] *= factor;
}

/* ---- all ---- */

static void part_features(const tdl_prepare *p, const tdl_part *part, tdl_view *view, size_t row,
                          const tdl_cells *cells, double *ret)
{
    size_t s = part->source;

    switch (part->kind) {
    case TDL_PART_NUMBER:
        number_features(&part->number, cells, ret);
        break;
    case TDL_PART_INDICATOR:
        ret[0] = isnan(cells->given[s]);
        break;
    case TDL_PART_HASH:
        hash_features(part, tdl_view_text(tdl_view_at(view, s), row), ret);
        break;
    case TDL_PART_TEXT:
        text_features(part, tdl_view_text(tdl_view_at(view, s), row), ret);
        break;
    case TDL_PART_EMBED:
        break;
    default:
        level_features(part, &p->source[s], cells->level[s], ret);
    }
}

void tdl_parts_row(const tdl_prepare *p, tdl_view *view, size_t row, const tdl_cells *cells,
                   double *const *target, double *ret)
{
    for (size_t i = 0; i < p->parts_n; i++) {
        const tdl_part *part = &p->part[i];

        if (target && target[i])
            memcpy(ret + part->begin, target[i], part->width * sizeof *ret);
        else
            part_features(p, part, view, row, cells, ret + part->begin);
    }
}
