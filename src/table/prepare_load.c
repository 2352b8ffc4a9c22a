/* A pipeline from JSON, which may say anything: every size, index and number is looked at before
 * rows go through it. */
#include <math.h>
#include <stdlib.h>

#include "table/prepare_parts.h"

typedef struct reader {
    const char *what; /* "column", "part" */
    size_t at;
    tdl_report *why;
} reader;

static tdl_status bad(const reader *r, const char *key)
{
    return TDL_FAIL_HINT(r->why, TDL_E_CORRUPT, "train the model again",
                         "pipeline, %s %zu: %s is absent or out of range", r->what, r->at, key);
}

static tdl_status no_memory(const reader *r)
{
    return TDL_FAIL(r->why, TDL_E_NO_MEMORY, "pipeline, %s %zu: no memory", r->what, r->at);
}

/* ---- values ---- */

static tdl_status get_index(const reader *r, const json_t *o, const char *key, size_t below,
                            size_t *ret)
{
    int64_t i;

    if (!tdl_json_get_int(o, key, &i) || i < 0 || (uint64_t)i >= below)
        return bad(r, key);
    *ret = (size_t)i;
    return TDL_OK;
}

static tdl_status get_number(const reader *r, const json_t *o, const char *key, double *ret)
{
    return tdl_json_get_number(o, key, ret) && isfinite(*ret) ? TDL_OK : bad(r, key);
}

/* Absent where it would not be finite. */
static tdl_status get_optional(const reader *r, const json_t *o, const char *key, double absent,
                               double *ret)
{
    *ret = absent;
    return json_object_get(o, key) ? get_number(r, o, key, ret) : TDL_OK;
}

static tdl_status get_bool(const reader *r, const json_t *o, const char *key, bool *ret)
{
    return tdl_json_get_bool(o, key, ret) ? TDL_OK : bad(r, key);
}

/* n = SIZE_MAX: any number of them, told in *ret_n. */
static tdl_status get_numbers(const reader *r, const json_t *o, const char *key, size_t n,
                              double **ret, size_t *ret_n)
{
    const json_t *array = json_object_get(o, key);
    size_t size = json_array_size(array);
    double *x;

    if (!json_is_array(array) || (n != SIZE_MAX && size != n))
        return bad(r, key);
    x = calloc(size + 1, sizeof *x);
    if (!x)
        return no_memory(r);
    for (size_t i = 0; i < size; i++) {
        const json_t *value = json_array_get(array, i);

        x[i] = json_number_value(value);
        if (!json_is_number(value) || !isfinite(x[i])) {
            free(x);
            return bad(r, key);
        }
    }
    *ret = x;
    if (ret_n)
        *ret_n = size;
    return TDL_OK;
}

static bool is_ascending(const double *x, size_t n, bool strictly)
{
    for (size_t i = 1; i < n; i++)
        if (strictly ? x[i] <= x[i - 1] : x[i] < x[i - 1])
            return false;
    return true;
}

static tdl_status get_indices(const reader *r, const json_t *o, const char *key, size_t below,
                              bool ascending, size_t **ret, size_t *ret_n)
{
    const json_t *array = json_object_get(o, key);
    size_t n = json_array_size(array);
    size_t *x;

    if (!json_is_array(array))
        return bad(r, key);
    x = calloc(n + 1, sizeof *x);
    if (!x)
        return no_memory(r);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(array, i);
        json_int_t index = json_integer_value(value);

        x[i] = (size_t)index;
        if (!json_is_integer(value) || index < 0 || (uint64_t)index >= below ||
            (ascending && i > 0 && x[i] <= x[i - 1])) {
            free(x);
            return bad(r, key);
        }
    }
    *ret = x;
    *ret_n = n;
    return TDL_OK;
}

/* ---- columns ---- */

static tdl_status load_levels(const reader *r, const json_t *array, tdl_known *ret)
{
    size_t n = json_array_size(array), bytes = 0, at = 0;

    if (!json_is_array(array))
        return bad(r, "levels");
    for (size_t i = 0; i < n; i++) {
        if (!json_is_string(json_array_get(array, i)))
            return bad(r, "levels");
        bytes += json_string_length(json_array_get(array, i));
    }
    ret->text = calloc(n + 1, sizeof *ret->text);
    ret->bytes = malloc(bytes + 1);
    if (!ret->text || !ret->bytes)
        return no_memory(r);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(array, i);
        tdl_str text = {ret->bytes + at, json_string_length(value)};

        memcpy(ret->bytes + at, json_string_value(value), text.len);
        at += text.len;
        ret->text[ret->n++] = text;
        if (i > 0 && tdl_str_cmp(ret->text[i - 1], text) >= 0)
            return bad(r, "levels");
    }
    return TDL_OK;
}

static tdl_status load_source(const reader *r, const json_t *o, tdl_source *ret)
{
    tdl_str name, type;
    tdl_status st;

    if (!tdl_json_get_str(o, "name", &name) || !name.len)
        return bad(r, "name");
    if (!tdl_json_get_str(o, "type", &type) || !tdl_column_type_find(type, &ret->type))
        return bad(r, "type");
    ret->name = strndup(name.at, name.len);
    if (!ret->name)
        return no_memory(r);
    if ((st = get_bool(r, o, "used", &ret->used)) ||
        (st = get_bool(r, o, "missing", &ret->missing)) ||
        (st = get_number(r, o, "least", &ret->least)) ||
        (st = get_number(r, o, "most", &ret->most)) ||
        (st = get_optional(r, o, "middle", NAN, &ret->middle)))
        return st;
    if (json_object_get(o, "levels") &&
        (st = load_levels(r, json_object_get(o, "levels"), &ret->known)))
        return st;
    if (ret->type == TDL_COLUMN_BOOLEAN && ret->used && ret->known.n != 2)
        return bad(r, "levels");
    return get_index(r, o, "mode", ret->known.n ? ret->known.n : 1, &ret->mode);
}

/* ---- parts ---- */

static tdl_status load_scale(const reader *r, const json_t *o, tdl_scale *ret)
{
    tdl_str kind;
    tdl_status st;

    if (!tdl_json_get_str(o, "scale", &kind) || !tdl_normalise_find(kind, &ret->kind))
        return bad(r, "scale");
    if ((st = get_number(r, o, "shift", &ret->shift)) ||
        (st = get_number(r, o, "factor", &ret->factor)))
        return st;
    if (ret->kind != TDL_NORMALISE_QUANTILE)
        return TDL_OK;
    if ((st = get_numbers(r, o, "quantiles", SIZE_MAX, &ret->quantile, &ret->quantiles_n)))
        return st;
    return ret->quantiles_n >= 1 && is_ascending(ret->quantile, ret->quantiles_n, false)
               ? TDL_OK
               : bad(r, "quantiles");
}

static bool is_number(const tdl_prepare *p, size_t source)
{
    const tdl_source *s = &p->source[source];

    return s->used && s->type != TDL_COLUMN_IMAGE && !tdl_source_levelled(s);
}

/* The columns of a sum, `a` the first of them. */
static tdl_status load_family(const reader *r, const tdl_prepare *p, const json_t *o,
                              tdl_number *ret)
{
    double *of = NULL;
    tdl_status st;

    if (ret->origin != TDL_ORIGIN_SUM)
        return TDL_OK;
    if ((st = get_numbers(r, o, "of", SIZE_MAX, &of, &ret->of_n)))
        return st;
    if (ret->of_n < 2 || ret->of_n > TDL_PREPARE_FAMILY_MAX)
        st = bad(r, "of");
    for (size_t i = 0; i < ret->of_n && !st; i++) {
        if (!(of[i] >= 0 && of[i] < (double)p->sources_n) || of[i] != floor(of[i]) ||
            !is_number(p, (size_t)of[i]))
            st = bad(r, "of");
        else
            ret->of[i] = (size_t)of[i];
    }
    free(of);
    return st ? st : ret->of[0] == ret->a ? TDL_OK : bad(r, "of");
}

/* The holidays that a number asks for, by all or by one name. */
static tdl_status load_holidays_of(const reader *r, const tdl_prepare *p, tdl_number *ret)
{
    double most = ret->origin == TDL_ORIGIN_HOLIDAY ? (double)p->holidays.names_n : 0;

    if (ret->origin != TDL_ORIGIN_HOLIDAY && ret->origin != TDL_ORIGIN_EVE &&
        ret->origin != TDL_ORIGIN_AFTER && ret->origin != TDL_ORIGIN_NEAREST)
        return TDL_OK;
    ret->holidays = &p->holidays;
    return p->holidays.n && ret->parameter >= 0 && ret->parameter <= most &&
                   ret->parameter == floor(ret->parameter)
               ? TDL_OK
               : bad(r, "holidays");
}

static tdl_status load_number(const reader *r, const tdl_prepare *p, const json_t *o,
                              tdl_number *ret)
{
    tdl_str origin;
    tdl_status st;

    if (!tdl_json_get_str(o, "origin", &origin) || !tdl_origin_find(origin, &ret->origin))
        return bad(r, "origin");
    if ((st = get_index(r, o, "a", p->sources_n, &ret->a)) ||
        (st = get_index(r, o, "b", p->sources_n, &ret->b)) ||
        (st = get_number(r, o, "parameter", &ret->parameter)) ||
        (st = get_optional(r, o, "low", -INFINITY, &ret->low)) ||
        (st = get_optional(r, o, "high", INFINITY, &ret->high)) ||
        (st = get_optional(r, o, "fill", NAN, &ret->fill)) || (st = load_scale(r, o, &ret->scale)))
        return st;
    if (!is_number(p, ret->a) || !is_number(p, ret->b))
        return bad(r, "a or b");
    if ((st = load_family(r, p, o, ret)) || (st = load_holidays_of(r, p, ret)))
        return st;
    if (fabs(ret->parameter) > 1e12)
        return bad(r, "parameter");
    tdl_number_derive(ret);
    if (!json_object_get(o, "edges"))
        return TDL_OK;
    if ((st = get_numbers(r, o, "edges", SIZE_MAX, &ret->edge, &ret->edges_n)))
        return st;
    return ret->edges_n >= 2 && is_ascending(ret->edge, ret->edges_n, true) ? TDL_OK
                                                                            : bad(r, "edges");
}

/* How wide a part must be, as what it is made of says; SIZE_MAX: as it says itself. */
static size_t width_of(const tdl_part *part, size_t levels)
{
    switch (part->kind) {
    case TDL_PART_NUMBER:
        return part->number.edge ? part->number.edges_n : 1;
    case TDL_PART_ONE_HOT:
        return levels + part->missing_level;
    case TDL_PART_EMBED:
        return 0;
    case TDL_PART_TARGET:
    case TDL_PART_HASH:
    case TDL_PART_TEXT:
        return SIZE_MAX;
    default:
        return 1;
    }
}

static bool suits(const tdl_prepare *p, const tdl_part *part)
{
    const tdl_source *s = &p->source[part->source];

    switch (part->kind) {
    case TDL_PART_NUMBER:
        return part->number.a == part->source;
    case TDL_PART_INDICATOR:
        return is_number(p, part->source);
    case TDL_PART_TEXT:
        return s->used && s->type == TDL_COLUMN_TEXT;
    case TDL_PART_ONE_HOT:
        if (s->used && s->type == TDL_COLUMN_BOOLEAN)
            return true;
        __attribute__((fallthrough));
    default:
        return s->used && tdl_source_levelled(s) && s->type != TDL_COLUMN_TEXT;
    }
}

static tdl_status load_values(const reader *r, const tdl_part *part, size_t levels, const json_t *o,
                              tdl_part *ret)
{
    size_t n = part->kind == TDL_PART_TEXT ? part->width : levels + 1;
    tdl_status st;

    if (part->kind == TDL_PART_TARGET && __builtin_mul_overflow(part->width, levels + 1, &n))
        return bad(r, "width");
    if (part->kind == TDL_PART_TARGET || part->kind == TDL_PART_COUNT ||
        part->kind == TDL_PART_TEXT)
        if ((st = get_numbers(r, o, "values", n, &ret->value, &ret->value_n)))
            return st;
    if (part->kind == TDL_PART_TARGET)
        return get_numbers(r, o, "priors", part->width, &ret->prior, NULL);
    return TDL_OK;
}

static tdl_status load_part(const reader *r, const tdl_prepare *p, const json_t *o, tdl_part *ret)
{
    tdl_str kind;
    size_t width, levels;
    tdl_status st;

    if (!tdl_json_get_str(o, "kind", &kind) || !tdl_part_kind_find(kind, &ret->kind))
        return bad(r, "kind");
    if ((st = get_index(r, o, "column", p->sources_n, &ret->source)) ||
        (st = get_index(r, o, "width", TDL_PREPARE_FEATURES_MAX + 1, &ret->width)) ||
        (st = get_bool(r, o, "missing_level", &ret->missing_level)))
        return st;
    if (ret->kind == TDL_PART_NUMBER && (st = load_number(r, p, o, &ret->number)))
        return st;
    if (!suits(p, ret))
        return bad(r, "column");
    levels = p->source[ret->source].known.n;
    width = width_of(ret, levels);
    if (width == SIZE_MAX ? ret->width == 0 : ret->width != width)
        return bad(r, "width");
    return load_values(r, ret, levels, o, ret);
}

/* ---- the rest ---- */

static tdl_status load_fill(const json_t *o, tdl_prepare *p, tdl_report *why)
{
    const reader r = {"fill", 0, why};
    tdl_fill *f = &p->fill;
    size_t n;
    tdl_status st;

    if ((st = get_indices(&r, o, "columns", p->sources_n, true, &p->fill_source, &f->columns_n)) ||
        (st = get_numbers(&r, o, "means", f->columns_n, &f->mean, NULL)) ||
        (st = get_numbers(&r, o, "deviations", f->columns_n, &f->sd, NULL)) ||
        (st = get_indices(&r, o, "targets", f->columns_n, true, &f->target, &f->targets_n)))
        return st;
    for (size_t j = 0; j < f->columns_n; j++)
        if (!(f->sd[j] > 0) || !is_number(p, p->fill_source[j]))
            return bad(&r, "columns or deviations");
    if (f->targets_n == 0 || __builtin_mul_overflow(f->targets_n, f->columns_n + 1, &n))
        return bad(&r, "targets");
    return get_numbers(&r, o, "weights", n, &f->weight, NULL);
}

static tdl_status load_groups(const json_t *o, tdl_prepare *p, tdl_report *why)
{
    const reader r = {"groups", 0, why};
    tdl_group_fill *g = &p->group_fill;
    size_t columns_n, n;
    tdl_status st;

    if ((st = get_index(&r, o, "column", p->sources_n, &g->group)) ||
        (st = get_indices(&r, o, "columns", p->sources_n, true, &g->source, &columns_n)))
        return st;
    if (!tdl_source_groups(&p->source[g->group]))
        return bad(&r, "column");
    for (size_t j = 0; j < columns_n; j++)
        if (!tdl_source_counts(&p->source[g->source[j]]))
            return bad(&r, "columns");
    if (columns_n == 0 || __builtin_mul_overflow(columns_n, p->source[g->group].known.n + 2, &n))
        return bad(&r, "columns");
    g->columns_n = columns_n; // a row has room for what is filled from here on
    return get_numbers(&r, o, "medians", n, &g->median, NULL);
}

static tdl_status load_image(const json_t *o, tdl_prepare *p, tdl_report *why)
{
    const reader r = {"image", 0, why};
    tdl_status st;

    if ((st = get_index(&r, o, "column", p->sources_n, &p->image)) ||
        (st = get_index(&r, o, "channels", 1 << 10, &p->channels)) ||
        (st = get_index(&r, o, "height", 1 << 14, &p->height)) ||
        (st = get_index(&r, o, "width", 1 << 14, &p->width)))
        return st;
    if (!p->source[p->image].used || p->source[p->image].type != TDL_COLUMN_IMAGE)
        return bad(&r, "column");
    p->has_image = true;
    return TDL_OK;
}

static tdl_status load_keep(const json_t *saved, tdl_prepare *p, tdl_report *why)
{
    const reader r = {"feature", 0, why};
    tdl_status st;

    if ((st = get_indices(&r, saved, "keep", p->full_n, true, &p->keep, &p->cols)))
        return st;
    if ((st = get_numbers(&r, saved, "shifts", p->cols, &p->shift, NULL)) ||
        (st = get_numbers(&r, saved, "factors", p->cols, &p->factor, NULL)))
        return st;
    return get_index(&r, saved, "dropped", SIZE_MAX, &p->dropped);
}

static tdl_status load_list(const json_t *saved, const char *key, const char *what, size_t most,
                            const json_t **ret, size_t *ret_n, tdl_report *why)
{
    const reader r = {what, 0, why};

    *ret = json_object_get(saved, key);
    *ret_n = json_array_size(*ret);
    return json_is_array(*ret) && *ret_n <= most ? TDL_OK : bad(&r, key);
}

static tdl_status load_lists(const json_t *saved, tdl_prepare *p, tdl_report *why)
{
    const json_t *columns, *parts;
    size_t columns_n, parts_n;
    tdl_status st;

    if ((st = load_list(saved, "columns", "column", TDL_PREPARE_COLUMNS_MAX, &columns, &columns_n,
                        why)) ||
        (st = load_list(saved, "parts", "part", TDL_PREPARE_FEATURES_MAX, &parts, &parts_n, why)))
        return st;
    p->source = calloc(columns_n + 1, sizeof *p->source);
    p->part = calloc(parts_n + 1, sizeof *p->part);
    if (!p->source || !p->part)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a pipeline of %zu columns", columns_n);
    for (size_t i = 0; i < columns_n && !st; i++)
        st = load_source(&(reader){"column", i, why}, json_array_get(columns, i),
                         &p->source[p->sources_n++]);
    for (size_t i = 0; i < parts_n && !st; i++)
        st = load_part(&(reader){"part", i, why}, p, json_array_get(parts, i),
                       &p->part[p->parts_n++]);
    return st;
}

tdl_status tdl_prepare_load(const json_t *saved, tdl_prepare **ret, tdl_report *why)
{
    tdl_prepare *p;
    const json_t *o;
    int64_t version;
    tdl_status st;

    if (!tdl_json_get_int(saved, "version", &version) || version != 1)
        return TDL_FAIL_HINT(why, TDL_E_CORRUPT, "train the model again",
                             "the pipeline is none of a version known here");
    p = calloc(1, sizeof *p);
    if (!p)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a pipeline");
    if ((o = json_object_get(saved, "holidays")) &&
        (st = tdl_holiday_table_load(o, &p->holidays, why)))
        goto out;
    if ((st = load_lists(saved, p, why)) || (st = tdl_prepare_lay_out(p, why)) ||
        (st = load_keep(saved, p, why)))
        goto out;
    if ((o = json_object_get(saved, "fill")) && (st = load_fill(o, p, why)))
        goto out;
    if ((o = json_object_get(saved, "groups")) && (st = load_groups(o, p, why)))
        goto out;
    if ((o = json_object_get(saved, "image")) && (st = load_image(o, p, why)))
        goto out;
    if ((st = tdl_prepare_name_features(p, why)))
        goto out;
    *ret = p;
    p = NULL;
out:
    tdl_prepare_free(p);
    return st;
}
