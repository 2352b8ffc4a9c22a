/* A pipeline: its life, its shape, its names. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "table/prepare_parts.h"

static void release_part(tdl_part *part)
{
    tdl_scale_release(&part->number.scale);
    free(part->number.edge);
    free(part->value);
    free(part->prior);
}

void tdl_prepare_free(tdl_prepare *p)
{
    if (!p)
        return;
    for (size_t i = 0; p->source && i < p->sources_n; i++) {
        free(p->source[i].name);
        free(p->source[i].known.text);
        free(p->source[i].known.bytes);
    }
    free(p->source);
    for (size_t i = 0; p->part && i < p->parts_n; i++)
        release_part(&p->part[i]);
    free(p->part);
    free(p->keep);
    free(p->shift);
    free(p->factor);
    free(p->feature);
    free(p->category_part);
    free(p->levels_n);
    free(p->category_feature);
    free(p->names);
    tdl_holiday_table_release(&p->holidays);
    tdl_fill_release(&p->fill);
    free(p->fill_source);
    free(p->group_fill.source);
    free(p->group_fill.median);
    free(p);
}

size_t tdl_prepare_columns(const tdl_prepare *prepare)
{
    return prepare->sources_n;
}

const char *tdl_prepare_column_name(const tdl_prepare *prepare, size_t column)
{
    return prepare->source[column].name;
}

size_t tdl_prepare_dropped(const tdl_prepare *prepare)
{
    return prepare->dropped;
}

tdl_status tdl_prepare_lay_out(tdl_prepare *p, tdl_report *why)
{
    p->full_n = 0;
    p->categories_n = 0;
    for (size_t i = 0; i < p->parts_n; i++) {
        p->part[i].begin = p->full_n;
        if (p->part[i].width > TDL_PREPARE_FEATURES_MAX - p->full_n)
            return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "encode columns of many levels otherwise",
                                 "column %s: more than %d features",
                                 p->source[p->part[i].source].name, TDL_PREPARE_FEATURES_MAX);
        p->full_n += p->part[i].width;
        p->categories_n += p->part[i].kind == TDL_PART_EMBED;
    }
    return TDL_OK;
}

/* ---- names ---- */

static void name_number(const tdl_prepare *p, const tdl_number *n, size_t k, tdl_buf *out)
{
    const char *a = p->source[n->a].name, *b = p->source[n->b].name;
    char day[TDL_TIME_TEXT_MAX];

    switch (n->origin) {
    case TDL_ORIGIN_DAYS:
        tdl_time_format((int64_t)(n->parameter * 1e6), day);
        tdl_buf_printf(out, "%s: days since %.10s", a, day);
        break;
    case TDL_ORIGIN_YEAR:
        tdl_buf_printf(out, "%s: year", a);
        break;
    case TDL_ORIGIN_MONTH:
        tdl_buf_printf(out, "%s: month", a);
        break;
    case TDL_ORIGIN_WEEKDAY:
        tdl_buf_printf(out, "%s: weekday", a);
        break;
    case TDL_ORIGIN_HOLIDAY:
        tdl_buf_printf(out, "%s: %s", a,
                       n->parameter > 0 ? p->holidays.name[(size_t)n->parameter - 1] : "a holiday");
        break;
    case TDL_ORIGIN_EVE:
        tdl_buf_printf(out, "%s: the day before a holiday", a);
        break;
    case TDL_ORIGIN_AFTER:
        tdl_buf_printf(out, "%s: the day after a holiday", a);
        break;
    case TDL_ORIGIN_NEAREST:
        tdl_buf_printf(out, "%s: days to a holiday", a);
        break;
    case TDL_ORIGIN_SINE:
        tdl_buf_printf(out, "%s: season, sine", a);
        break;
    case TDL_ORIGIN_COSINE:
        tdl_buf_printf(out, "%s: season, cosine", a);
        break;
    case TDL_ORIGIN_ALONG:
        tdl_buf_printf(out, "%s, %s turned by %g: first", a, b, n->parameter);
        break;
    case TDL_ORIGIN_ACROSS:
        tdl_buf_printf(out, "%s, %s turned by %g: second", a, b, n->parameter);
        break;
    case TDL_ORIGIN_RATIO:
        tdl_buf_printf(out, "%s / %s", a, b);
        break;
    case TDL_ORIGIN_SUM:
        for (size_t i = 0; i < n->of_n; i++)
            tdl_buf_printf(out, "%s%s", i ? " + " : "", p->source[n->of[i]].name);
        break;
    default:
        tdl_buf_text(out, a);
    }
    if (k > 0)
        tdl_buf_printf(out, " in (%g, %g]", n->edge[k - 1], n->edge[k]);
}

static void name_feature(const tdl_prepare *p, const tdl_part *part, size_t k, tdl_buf *out)
{
    const tdl_source *s = &p->source[part->source];

    switch (part->kind) {
    case TDL_PART_NUMBER:
        name_number(p, &part->number, k, out);
        break;
    case TDL_PART_INDICATOR:
        tdl_buf_printf(out, "%s is missing", s->name);
        break;
    case TDL_PART_ONE_HOT:
        tdl_buf_text(out, s->name);
        if (k < s->known.n)
            tdl_buf_char(out, '=');
        if (k < s->known.n)
            tdl_buf_str(out, s->known.text[k]);
        else
            tdl_buf_text(out, " is missing");
        break;
    case TDL_PART_TARGET:
        tdl_buf_printf(out, "target by %s", s->name);
        if (part->width > 1)
            tdl_buf_printf(out, ", class %zu", k + 1);
        break;
    case TDL_PART_COUNT:
        tdl_buf_printf(out, "rows by %s", s->name);
        break;
    case TDL_PART_HASH:
    case TDL_PART_TEXT:
        tdl_buf_printf(out, "%s #%zu", s->name, k);
        break;
    default:
        tdl_buf_text(out, s->name);
    }
}

static void write_names(const tdl_prepare *p, tdl_buf *out)
{
    size_t part = 0;

    for (size_t j = 0; j < p->cols; j++) {
        while (p->keep[j] >= p->part[part].begin + p->part[part].width)
            part++;
        name_feature(p, &p->part[part], p->keep[j] - p->part[part].begin, out);
        tdl_buf_char(out, '\0');
        p->feature[j].column = p->part[part].source;
    }
    for (size_t i = 0, c = 0; i < p->parts_n; i++)
        if (p->part[i].kind == TDL_PART_EMBED) {
            name_feature(p, &p->part[i], 0, out);
            tdl_buf_char(out, '\0');
            p->category_feature[c].column = p->part[i].source;
            p->category_part[c] = i;
            p->levels_n[c++] = p->source[p->part[i].source].known.n + 1;
        }
}

tdl_status tdl_prepare_name_features(tdl_prepare *p, tdl_report *why)
{
    tdl_buf names = {.limit = (size_t)1 << 28};
    const char *at;

    free(p->feature);
    free(p->category_feature);
    free(p->category_part);
    free(p->levels_n);
    free(p->names);
    p->names = NULL;
    p->feature = calloc(p->cols + 1, sizeof *p->feature);
    p->category_feature = calloc(p->categories_n + 1, sizeof *p->category_feature);
    p->category_part = calloc(p->categories_n + 1, sizeof *p->category_part);
    p->levels_n = calloc(p->categories_n + 1, sizeof *p->levels_n);
    if (!p->feature || !p->category_feature || !p->category_part || !p->levels_n)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu features", p->cols);
    write_names(p, &names);
    if (names.failed) {
        tdl_buf_release(&names);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the names of %zu features", p->cols);
    }
    at = p->names = names.at; // now the pipeline's
    for (size_t j = 0; at && j < p->cols + p->categories_n; j++) {
        tdl_feature *feature = j < p->cols ? &p->feature[j] : &p->category_feature[j - p->cols];

        feature->name = at;
        at += strlen(at) + 1;
    }
    return TDL_OK;
}

/* ---- the row in the middle ---- */

static tdl_status middle_cell(const tdl_source *s, tdl_column *ret, tdl_report *why)
{
    *ret = (tdl_column){.name = s->name, .type = s->type};
    if (tdl_source_levelled(s) && s->used && s->known.n) {
        ret->levels = s->known.text;
        ret->levels_n = s->known.n;
        ret->level = malloc(sizeof *ret->level);
        if (ret->level)
            *ret->level = (int32_t)s->mode;
    } else {
        ret->type = TDL_COLUMN_NUMERIC;
        ret->number = malloc(sizeof *ret->number);
        if (ret->number)
            *ret->number = tdl_source_levelled(s) ? NAN : s->middle;
    }
    return ret->level || ret->number ? TDL_OK
                                     : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row");
}

tdl_prepare_range tdl_prepare_range_of(const tdl_prepare *p, size_t column)
{
    const tdl_source *s = &p->source[column];
    tdl_prepare_range range = {
        .used = s->used, .least = (double)NAN, .most = (double)NAN, .middle = (double)NAN};

    if (s->used && s->least <= s->most) {
        range.least = s->least;
        range.most = s->most;
        range.middle = s->middle;
    }
    if (s->used && tdl_source_levelled(s) && s->known.n)
        range.mode = s->known.text[s->mode];
    return range;
}

tdl_status tdl_prepare_median_row(const tdl_prepare *p, tdl_matrix *ret, tdl_report *why)
{
    tdl_frame frame = {.rows = 1};
    uint8_t *pixel = calloc(p->channels * p->height * p->width + 1, 1);
    tdl_status st = TDL_OK;

    frame.column = calloc(p->sources_n + 1, sizeof *frame.column);
    if (!frame.column || !pixel) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row of %zu columns", p->sources_n);
        goto out;
    }
    for (size_t i = 0; i < p->sources_n && !st; i++)
        st = middle_cell(&p->source[i], &frame.column[frame.columns_n++], why);
    if (!st && p->has_image) {
        tdl_column *image = &frame.column[p->image];

        image->pixel = pixel;
        image->channels = p->channels;
        image->height = p->height;
        image->width = p->width;
    }
    if (!st)
        st = tdl_prepare_apply(p, &frame, NULL, 1, ret, NULL, why);
out:
    for (size_t i = 0; i < frame.columns_n; i++) { // all else is borrowed
        free(frame.column[i].number);
        free(frame.column[i].level);
    }
    free(frame.column);
    free(pixel);
    return st;
}
