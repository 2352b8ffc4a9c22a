/* From columns to parts: which features a pipeline makes of them, and what they need to know. */
#include <math.h>
#include <stdlib.h>

#include "base/sorted.h"
#include "table/bins.h"
#include "table/pairs.h"
#include "table/prepare_fit.h"

static tdl_status add_part(tdl_fitting *f, tdl_part_kind kind, size_t source, size_t *ret,
                           tdl_report *why)
{
    tdl_prepare *p = f->p;

    if (p->parts_n == f->parts_cap) {
        size_t cap = f->parts_cap ? 2 * f->parts_cap : 64;
        tdl_part *part = realloc(p->part, cap * sizeof *part);
        double **encoded;

        if (part)
            p->part = part;
        encoded = realloc(f->encoded, cap * sizeof *encoded);
        if (encoded) {
            f->encoded = encoded;
            memset(encoded + p->parts_n, 0, (cap - p->parts_n) * sizeof *encoded);
        }
        if (!part || !encoded)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu parts", cap);
        f->parts_cap = cap;
    }
    p->part[p->parts_n] = (tdl_part){.kind = kind, .source = source, .width = 1};
    *ret = p->parts_n++;
    return TDL_OK;
}

/* ---- numbers ---- */

static double training_cell(tdl_fitting *f, size_t i, size_t source)
{
    if (f->filled && f->fill_at[source] != SIZE_MAX)
        return f->filled[i * f->filled_n + f->fill_at[source]];
    return tdl_view_number(tdl_view_at(f->view, source), f->row[i], NULL);
}

/* The values that training rows have, ascending, in f->value. */
static size_t training_values(tdl_fitting *f, const tdl_number *number)
{
    size_t n = 0;

    for (size_t i = 0; i < f->rows; i++) {
        double x;

        f->cell[number->a] = training_cell(f, i, number->a);
        f->cell[number->b] = training_cell(f, i, number->b);
        x = tdl_number_raw(number, f->cell);
        if (isfinite(x))
            f->value[n++] = x + 0.0; // never -0, which JSON does not keep
    }
    tdl_sort_numbers(f->value, n);
    return n;
}

static double mode_of(const double *sorted, size_t n)
{
    double mode = sorted[0];
    size_t most = 0;

    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin; end < n && sorted[end] == sorted[begin];)
            end++;
        if (end - begin > most) {
            most = end - begin;
            mode = sorted[begin];
        }
    }
    return mode;
}

static double fill_for(const tdl_fitting *f, const tdl_number *number, const double *sorted,
                       size_t n)
{
    double sum = 0;

    switch (f->options->impute) {
    case TDL_IMPUTE_NONE:
        return NAN;
    case TDL_IMPUTE_CONSTANT: // of a column, not of what is derived from it
        return number->origin == TDL_ORIGIN_COLUMN ? f->options->impute_value
                                                   : tdl_quantile(sorted, n, 0.5);
    case TDL_IMPUTE_MODE:
        return mode_of(sorted, n);
    case TDL_IMPUTE_MEAN:
        for (size_t i = 0; i < n; i++)
            sum += sorted[i];
        return sum / (double)n;
    default:
        return tdl_quantile(sorted, n, 0.5);
    }
}

static tdl_status fit_bins(tdl_fitting *f, size_t n, tdl_part *part, tdl_report *why)
{
    size_t bins = f->options->bins;
    double *edge = calloc(bins + 1, sizeof *edge);

    if (!edge)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu bins", bins);
    part->number.edges_n = tdl_bins_edges(f->value, n, bins, edge);
    if (part->number.edges_n < 3) { // a single bin tells what the number itself tells
        part->number.edges_n = 0;
        free(edge);
        return TDL_OK;
    }
    part->number.edge = edge;
    part->width = part->number.edges_n;
    return TDL_OK;
}

/* Learn a number from what training rows have. Without any value there is no part. */
static tdl_status add_number(tdl_fitting *f, tdl_number number, tdl_report *why)
{
    const tdl_prepare_options *o = f->options;
    bool truth = f->p->source[number.a].type == TDL_COLUMN_BOOLEAN;
    double *value = f->value;
    size_t n, at, filled;
    tdl_part *part;
    tdl_status st;

    tdl_number_derive(&number);
    number.low = -INFINITY;
    number.high = INFINITY;
    number.scale.factor = 1;
    if ((n = training_values(f, &number)) == 0)
        return TDL_OK;
    if ((st = add_part(f, TDL_PART_NUMBER, number.a, &at, why)))
        return st;
    part = &f->p->part[at];
    part->number = number;
    if (truth) {
        part->number.fill = o->impute == TDL_IMPUTE_NONE ? NAN : f->p->source[number.a].middle;
        return TDL_OK;
    }
    if (o->winsor > 0) {
        part->number.low = tdl_quantile(value, n, o->winsor);
        part->number.high = tdl_quantile(value, n, 1 - o->winsor);
        for (size_t i = 0; i < n; i++)
            value[i] = fmin(fmax(value[i], part->number.low), part->number.high);
    }
    part->number.fill = fill_for(f, &number, value, n);
    if (o->bins && (st = fit_bins(f, n, part, why)))
        return st;
    filled = n; // scales are learnt from what the learner will see
    while (filled < f->rows && !isnan(part->number.fill))
        value[filled++] = part->number.fill;
    if (filled > n)
        tdl_sort_numbers(value, filled);
    return tdl_scale_fit(o->normalise, value, filled, &part->number.scale, why);
}

static tdl_status add_holidays(tdl_fitting *f, size_t i, tdl_report *why)
{
    static const tdl_origin origins[] = {TDL_ORIGIN_HOLIDAY, TDL_ORIGIN_EVE, TDL_ORIGIN_AFTER,
                                         TDL_ORIGIN_NEAREST};
    const tdl_holiday_table *t = &f->p->holidays;
    tdl_number number = {.a = i, .b = i, .holidays = t};
    tdl_status st = TDL_OK;

    for (size_t k = 0; k < sizeof origins / sizeof origins[0] && !st; k++) {
        number.origin = origins[k];
        st = add_number(f, number, why);
    }
    number.origin = TDL_ORIGIN_HOLIDAY;
    if (t->names_n < 2 || t->names_n > TDL_HOLIDAY_NAMES_TOLD)
        return st;
    for (size_t k = 1; k <= t->names_n && !st; k++) {
        number.parameter = (double)k;
        st = add_number(f, number, why);
    }
    return st;
}

static tdl_status add_date(tdl_fitting *f, size_t i, tdl_report *why)
{
    static const tdl_origin origins[] = {TDL_ORIGIN_DAYS,    TDL_ORIGIN_YEAR, TDL_ORIGIN_MONTH,
                                         TDL_ORIGIN_WEEKDAY, TDL_ORIGIN_SINE, TDL_ORIGIN_COSINE};
    size_t n = f->options->dates ? sizeof origins / sizeof origins[0] : 1;
    tdl_status st = TDL_OK;

    for (size_t k = 0; k < n && !st; k++)
        st = add_number(
            f,
            (tdl_number){
                .origin = origins[k], .a = i, .b = i, .parameter = k ? 0 : f->p->source[i].least},
            why);
    return !st && f->p->holidays.n ? add_holidays(f, i, why) : st;
}

/* ---- pairs and ratios ---- */

enum { FAMILY_LEAST = 3 };

static tdl_status add_turns(tdl_fitting *f, size_t a, size_t b, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (int degrees = 15; degrees <= 75 && !st; degrees += 15) {
        tdl_number number = {.origin = TDL_ORIGIN_ALONG, .a = a, .b = b, .parameter = degrees};

        if ((st = add_number(f, number, why)))
            break;
        number.origin = TDL_ORIGIN_ACROSS;
        st = add_number(f, number, why);
    }
    return st;
}

static tdl_status add_pairs(tdl_fitting *f, tdl_report *why)
{
    const tdl_prepare *p = f->p;
    tdl_status st = TDL_OK;

    for (size_t a = 0; a < p->sources_n; a++)
        for (size_t b = 0; b < p->sources_n && !st; b++) {
            const tdl_source *x = &p->source[a], *y = &p->source[b];

            if (a != b && tdl_source_counts(x) && tdl_source_counts(y) &&
                tdl_pairs_coordinates(tdl_str_of(x->name), tdl_str_of(y->name)))
                st = add_turns(f, a, b, why);
        }
    return st;
}

/* The sum of a family of three columns or more, told once: at its first. */
static tdl_status add_sum(tdl_fitting *f, size_t first, tdl_report *why)
{
    const tdl_prepare *p = f->p;
    tdl_number number = {.origin = TDL_ORIGIN_SUM, .a = first, .b = first};

    for (size_t i = 0; i < p->sources_n; i++) {
        if (!tdl_source_counts(&p->source[i]) ||
            (i != first &&
             !tdl_pairs_family(tdl_str_of(p->source[first].name), tdl_str_of(p->source[i].name))))
            continue;
        if (i < first || number.of_n == TDL_PREPARE_FAMILY_MAX)
            return TDL_OK; // told already, or no family but a habit of names
        number.of[number.of_n++] = i;
    }
    return number.of_n >= FAMILY_LEAST ? add_number(f, number, why) : TDL_OK;
}

static tdl_status add_sums(tdl_fitting *f, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < f->p->sources_n && !st; i++)
        if (tdl_source_counts(&f->p->source[i]))
            st = add_sum(f, i, why);
    return st;
}

/* What is a count per? False: nothing. */
static bool find_unit(const tdl_fitting *f, size_t count, size_t *ret)
{
    const tdl_prepare *p = f->p;

    if (!f->options->pairs || !tdl_source_counts(&p->source[count]) ||
        !tdl_pairs_count(tdl_str_of(p->source[count].name)))
        return false;
    for (*ret = 0; *ret < p->sources_n; ++*ret) {
        const tdl_source *unit = &p->source[*ret];

        if (*ret != count && tdl_source_counts(unit) && tdl_pairs_unit(tdl_str_of(unit->name)) &&
            unit->least > 0)
            return true;
    }
    return false;
}

/* ---- columns ---- */

static tdl_status add_levels(tdl_fitting *f, size_t i, tdl_report *why)
{
    static const tdl_part_kind kinds[] = {
        [TDL_ENCODE_ONE_HOT] = TDL_PART_ONE_HOT, [TDL_ENCODE_TARGET] = TDL_PART_TARGET,
        [TDL_ENCODE_ORDINAL] = TDL_PART_ORDINAL, [TDL_ENCODE_COUNT] = TDL_PART_COUNT,
        [TDL_ENCODE_HASH] = TDL_PART_HASH,       [TDL_ENCODE_EMBED] = TDL_PART_EMBED,
    };
    const tdl_prepare_options *o = f->options;
    const tdl_source *s = &f->p->source[i];
    bool many = o->one_hot_max && s->known.n > o->one_hot_max;
    tdl_encode encode = many ? o->beyond : o->encode;
    size_t at;
    tdl_status st;

    if (encode == TDL_ENCODE_DROP)
        return TDL_OK;
    if ((st = add_part(f, kinds[encode], i, &at, why)))
        return st;
    return tdl_fit_encoding(f, at, why);
}

static tdl_status add_text(tdl_fitting *f, size_t i, tdl_report *why)
{
    size_t at;
    tdl_status st = add_part(f, TDL_PART_TEXT, i, &at, why);

    return st ? st : tdl_fit_encoding(f, at, why);
}

static tdl_status add_column(tdl_fitting *f, size_t i, tdl_report *why)
{
    const tdl_source *s = &f->p->source[i];
    tdl_number number = {.origin = TDL_ORIGIN_COLUMN, .a = i, .b = i};
    size_t at;
    tdl_status st;

    if (s->type == TDL_COLUMN_IMAGE)
        return TDL_OK;
    if (s->type == TDL_COLUMN_TEXT)
        return add_text(f, i, why);
    if (tdl_source_levelled(s))
        return add_levels(f, i, why);
    if (s->type == TDL_COLUMN_BOOLEAN && f->options->both_truths) {
        st = add_part(f, TDL_PART_ONE_HOT, i, &at, why);
        return st ? st : tdl_fit_encoding(f, at, why);
    }
    if (find_unit(f, i, &at)) {
        number.origin = TDL_ORIGIN_RATIO;
        number.b = at;
    }
    st = s->type == TDL_COLUMN_DATE ? add_date(f, i, why) : add_number(f, number, why);
    if (!st && s->missing && f->options->indicator)
        st = add_part(f, TDL_PART_INDICATOR, i, &at, why);
    return st;
}

tdl_status tdl_fit_parts(tdl_fitting *f, tdl_report *why)
{
    const tdl_holiday_table *holidays = f->options->dates ? f->options->holidays : NULL;
    tdl_status st = tdl_fit_gaps(f, why);

    if (!st && holidays)
        st = tdl_holiday_table_copy(holidays, &f->p->holidays, why);
    for (size_t i = 0; i < f->p->sources_n && !st; i++)
        if (f->p->source[i].used)
            st = add_column(f, i, why);
    if (!st && f->options->pairs)
        st = add_pairs(f, why);
    if (!st && f->options->sums)
        st = add_sums(f, why);
    return st;
}
