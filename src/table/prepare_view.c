/* A frame as a pipeline sees it: columns found by name, cells read as what training took them for,
 * whatever the frame takes them for. */
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/timestamp.h"
#include "table/cell.h"
#include "table/prepare_parts.h"

enum { UNASKED = -3 };

struct tdl_view {
    const tdl_source *source;
    const tdl_column *column; /* NULL: absent */
    double *parsed;           /* [column->levels_n] numbers where the frame has text; or NULL */
    int32_t *level;           /* [column->levels_n] known level, or UNASKED; or NULL */
    tdl_buf text;             /* of a number */
};

bool tdl_source_levelled(const tdl_source *s)
{
    return s->type == TDL_COLUMN_CATEGORY || s->type == TDL_COLUMN_TEXT ||
           (s->type == TDL_COLUMN_ID && s->known.text);
}

bool tdl_source_counts(const tdl_source *s)
{
    return s->used && (s->type == TDL_COLUMN_NUMERIC || s->type == TDL_COLUMN_INTEGER);
}

bool tdl_source_groups(const tdl_source *s)
{
    return s->used && s->known.n > 0 &&
           (s->type == TDL_COLUMN_BOOLEAN ||
            (tdl_source_levelled(s) && s->type != TDL_COLUMN_TEXT));
}

bool tdl_known_find(const tdl_known *known, tdl_str text, size_t *ret)
{
    size_t low = 0;

    for (size_t step = known->n; step > 0;) {
        size_t half = step / 2;
        int order = tdl_str_cmp(known->text[low + half], text);

        if (order == 0) {
            *ret = low + half;
            return true;
        }
        if (order < 0) {
            low += half + 1;
            step -= half + 1;
        } else {
            step = half;
        }
    }
    return false;
}

/* ---- text where numbers are due ---- */

static double truth_of(const tdl_source *source, tdl_str text)
{
    bool truth;

    for (size_t i = 0; i < source->known.n; i++)
        if (tdl_str_eq(source->known.text[i], text))
            return (double)i;
    return tdl_cell_truth_wished(text, &truth) ? (double)truth : NAN;
}

static double number_of(const tdl_source *source, tdl_str text)
{
    double x;

    text = tdl_str_trim(text);
    if (source->type == TDL_COLUMN_BOOLEAN)
        return truth_of(source, text);
    if (source->type == TDL_COLUMN_DATE)
        return tdl_cell_date_wished(text, &x) ? x : NAN;
    return tdl_str_double(text, &x) ? x : NAN;
}

static bool fits(const tdl_source *source, double x)
{
    return isfinite(x) && (source->type != TDL_COLUMN_BOOLEAN || x == 0 || x == 1);
}

/* ---- opening ---- */

/* Frames mostly have the columns of training in their order, some left out: look at the same place
 * first, then behind the last one found. */
static const tdl_column *find_column(const tdl_frame *frame, const char *name, size_t same,
                                     size_t next)
{
    size_t at;

    if (same < frame->columns_n && strcmp(frame->column[same].name, name) == 0)
        return &frame->column[same];
    if (next < frame->columns_n && strcmp(frame->column[next].name, name) == 0)
        return &frame->column[next];
    return tdl_frame_find(frame, tdl_str_of(name), &at) ? &frame->column[at] : NULL;
}

static tdl_status open_view(tdl_view *v, tdl_report *why)
{
    const tdl_column *c = v->column;
    bool levelled = tdl_source_levelled(v->source);

    if (!c || !c->level)
        return TDL_OK;
    if (levelled) {
        v->level = malloc((c->levels_n + 1) * sizeof *v->level);
        for (size_t i = 0; v->level && i < c->levels_n; i++)
            v->level[i] = UNASKED;
    } else {
        v->parsed = malloc((c->levels_n + 1) * sizeof *v->parsed);
        for (size_t i = 0; v->parsed && i < c->levels_n; i++)
            v->parsed[i] = number_of(v->source, c->levels[i]);
    }
    if (!v->level && !v->parsed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "column %s: no memory for %zu levels", c->name,
                        c->levels_n);
    return TDL_OK;
}

tdl_status tdl_views_open(const tdl_source *source, size_t sources_n, const tdl_frame *frame,
                          tdl_view **ret, tdl_report *why)
{
    tdl_view *view = calloc(sources_n + 1, sizeof *view);
    tdl_status st = TDL_OK;

    if (!view)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", sources_n);
    for (size_t i = 0, next = 0; i < sources_n && !st; i++) {
        view[i].source = &source[i];
        if (!source[i].used)
            continue;
        view[i].column = find_column(frame, source[i].name, i, next);
        if (view[i].column)
            next = (size_t)(view[i].column - frame->column) + 1;
        if (view[i].column && source[i].type != TDL_COLUMN_IMAGE && view[i].column->pixel)
            view[i].column = NULL; // a picture is no number and no text
        st = open_view(&view[i], why);
    }
    if (st) {
        tdl_views_close(view, sources_n);
        return st;
    }
    *ret = view;
    return TDL_OK;
}

void tdl_views_close(tdl_view *view, size_t sources_n)
{
    for (size_t i = 0; view && i < sources_n; i++) {
        free(view[i].parsed);
        free(view[i].level);
        if (view[i].text.at) // most never print
            tdl_buf_release(&view[i].text);
    }
    free(view);
}

tdl_view *tdl_view_at(tdl_view *view, size_t source)
{
    return &view[source];
}

const tdl_column *tdl_view_column(const tdl_view *view)
{
    return view->column;
}

/* ---- reading ---- */

double tdl_view_number(tdl_view *v, size_t row, bool *odd)
{
    const tdl_column *c = v->column;
    double x;

    if (!c || !tdl_column_has(c, row))
        return NAN;
    x = c->level ? v->parsed[c->level[row]] : c->number[row];
    if (fits(v->source, x))
        return x;
    if (odd)
        *odd = true;
    return NAN;
}

tdl_str tdl_view_text(tdl_view *v, size_t row)
{
    const tdl_column *c = v->column;

    if (!c || !tdl_column_has(c, row))
        return (tdl_str){"", 0};
    if (c->level)
        return c->levels[c->level[row]];
    tdl_buf_clear(&v->text);
    tdl_column_print(c, row, &v->text);
    return tdl_buf_view(&v->text);
}

static int32_t ask(const tdl_view *v, tdl_str text)
{
    size_t at;

    return tdl_known_find(&v->source->known, text, &at) ? (int32_t)at : TDL_LEVEL_UNSEEN;
}

int32_t tdl_view_level(tdl_view *v, size_t row)
{
    const tdl_column *c = v->column;
    int32_t level;

    if (!c || !tdl_column_has(c, row))
        return TDL_LEVEL_MISSING;
    if (!c->level)
        return ask(v, tdl_view_text(v, row));
    level = c->level[row];
    if (v->level[level] == UNASKED)
        v->level[level] = ask(v, c->levels[level]);
    return v->level[level];
}
