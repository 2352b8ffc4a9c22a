/* A pipeline as JSON. prepare_load.c reads it back. */
#include <math.h>

#include "table/prepare_parts.h"

static const char *const scale_names[] = {
    [TDL_NORMALISE_NONE] = "none",       [TDL_NORMALISE_STANDARD] = "standard",
    [TDL_NORMALISE_ROBUST] = "robust",   [TDL_NORMALISE_QUANTILE] = "quantile",
    [TDL_NORMALISE_MIN_MAX] = "min_max", [TDL_NORMALISE_LOG1P] = "log1p",
};

static const char *const origin_names[] = {
#define ORIGIN_NAME(name, text) [TDL_ORIGIN_##name] = (text),
    TDL_ORIGIN_MAP(ORIGIN_NAME)
#undef ORIGIN_NAME
};

static const char *const part_names[] = {
#define PART_NAME(name, text) [TDL_PART_##name] = (text),
    TDL_PART_MAP(PART_NAME)
#undef PART_NAME
};

static bool find(const char *const *names, size_t n, tdl_str name, size_t *ret)
{
    for (*ret = 0; *ret < n; ++*ret)
        if (tdl_str_is(name, names[*ret]))
            return true;
    return false;
}

bool tdl_normalise_find(tdl_str name, tdl_normalise *ret)
{
    size_t at;
    bool found = find(scale_names, sizeof scale_names / sizeof scale_names[0], name, &at);

    *ret = (tdl_normalise)at;
    return found;
}

bool tdl_origin_find(tdl_str name, tdl_origin *ret)
{
    size_t at;
    bool found = find(origin_names, sizeof origin_names / sizeof origin_names[0], name, &at);

    *ret = (tdl_origin)at;
    return found;
}

bool tdl_part_kind_find(tdl_str name, tdl_part_kind *ret)
{
    size_t at;
    bool found = find(part_names, sizeof part_names / sizeof part_names[0], name, &at);

    *ret = (tdl_part_kind)at;
    return found;
}

/* ---- writing; every failure is one of memory, told by a NULL value that _set_new refuses ---- */

static bool put(json_t *object, const char *key, json_t *take_value)
{
    return json_object_set_new(object, key, take_value) == 0;
}

static bool put_finite(json_t *object, const char *key, double x) /* others: by being absent */
{
    return !isfinite(x) || put(object, key, json_real(x));
}

static json_t *numbers(const double *x, size_t n)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < n; i++)
        if (json_array_append_new(array, json_real(x[i]))) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *indices(const size_t *x, size_t n)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < n; i++)
        if (json_array_append_new(array, json_integer((json_int_t)x[i]))) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *texts(const tdl_known *known)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < known->n; i++)
        if (json_array_append_new(array, json_stringn(known->text[i].at, known->text[i].len))) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *save_source(const tdl_source *s)
{
    json_t *o = json_object();

    if (put(o, "name", json_string(s->name)) &&
        put(o, "type", json_string(tdl_column_type_name(s->type))) &&
        put(o, "used", json_boolean(s->used)) && put(o, "missing", json_boolean(s->missing)) &&
        put(o, "least", json_real(s->least)) && put(o, "most", json_real(s->most)) &&
        put_finite(o, "middle", s->middle) &&
        (!s->known.text || put(o, "levels", texts(&s->known))) &&
        put(o, "mode", json_integer((json_int_t)s->mode)))
        return o;
    json_decref(o);
    return NULL;
}

static bool save_scale(json_t *o, const tdl_scale *s)
{
    return put(o, "scale", json_string(scale_names[s->kind])) &&
           put(o, "shift", json_real(s->shift)) && put(o, "factor", json_real(s->factor)) &&
           (!s->quantile || put(o, "quantiles", numbers(s->quantile, s->quantiles_n)));
}

static bool save_family(json_t *o, const tdl_number *n)
{
    double of[TDL_PREPARE_FAMILY_MAX];

    for (size_t i = 0; i < n->of_n; i++)
        of[i] = (double)n->of[i];
    return n->origin != TDL_ORIGIN_SUM || put(o, "of", numbers(of, n->of_n));
}

static bool save_number(json_t *o, const tdl_number *n)
{
    return save_family(o, n) && put(o, "origin", json_string(origin_names[n->origin])) &&
           put(o, "a", json_integer((json_int_t)n->a)) &&
           put(o, "b", json_integer((json_int_t)n->b)) &&
           put(o, "parameter", json_real(n->parameter)) && put_finite(o, "low", n->low) &&
           put_finite(o, "high", n->high) && put_finite(o, "fill", n->fill) &&
           save_scale(o, &n->scale) && (!n->edge || put(o, "edges", numbers(n->edge, n->edges_n)));
}

static json_t *save_part(const tdl_part *part)
{
    json_t *o = json_object();

    if (put(o, "kind", json_string(part_names[part->kind])) &&
        put(o, "column", json_integer((json_int_t)part->source)) &&
        put(o, "width", json_integer((json_int_t)part->width)) &&
        put(o, "missing_level", json_boolean(part->missing_level)) &&
        (part->kind != TDL_PART_NUMBER || save_number(o, &part->number)) &&
        (!part->value || put(o, "values", numbers(part->value, part->value_n))) &&
        (!part->prior || put(o, "priors", numbers(part->prior, part->width))))
        return o;
    json_decref(o);
    return NULL;
}

static json_t *save_fill(const tdl_fill *f, const size_t *source)
{
    json_t *o = json_object();

    if (put(o, "columns", indices(source, f->columns_n)) &&
        put(o, "means", numbers(f->mean, f->columns_n)) &&
        put(o, "deviations", numbers(f->sd, f->columns_n)) &&
        put(o, "targets", indices(f->target, f->targets_n)) &&
        put(o, "weights", numbers(f->weight, f->targets_n * (f->columns_n + 1))))
        return o;
    json_decref(o);
    return NULL;
}

static json_t *save_groups(const tdl_prepare *p)
{
    const tdl_group_fill *g = &p->group_fill;
    json_t *o = json_object();

    if (put(o, "column", json_integer((json_int_t)g->group)) &&
        put(o, "columns", indices(g->source, g->columns_n)) &&
        put(o, "medians", numbers(g->median, g->columns_n * (p->source[g->group].known.n + 2))))
        return o;
    json_decref(o);
    return NULL;
}

static json_t *save_image(const tdl_prepare *p)
{
    return json_pack("{sIsIsIsI}", "column", (json_int_t)p->image, "channels",
                     (json_int_t)p->channels, "height", (json_int_t)p->height, "width",
                     (json_int_t)p->width);
}

static bool save_lists(json_t *o, const tdl_prepare *p)
{
    json_t *columns = json_array(), *parts = json_array();
    bool ok = columns && parts;

    for (size_t i = 0; ok && i < p->sources_n; i++)
        ok = json_array_append_new(columns, save_source(&p->source[i])) == 0;
    for (size_t i = 0; ok && i < p->parts_n; i++)
        ok = json_array_append_new(parts, save_part(&p->part[i])) == 0;
    ok = put(o, "columns", columns) && ok; // in this order: both are given away
    return put(o, "parts", parts) && ok;
}

json_t *tdl_prepare_save(const tdl_prepare *p)
{
    json_t *o = json_object();

    if (put(o, "version", json_integer(1)) && save_lists(o, p) &&
        put(o, "keep", indices(p->keep, p->cols)) && put(o, "shifts", numbers(p->shift, p->cols)) &&
        put(o, "factors", numbers(p->factor, p->cols)) &&
        put(o, "dropped", json_integer((json_int_t)p->dropped)) &&
        (!p->has_image || put(o, "image", save_image(p))) &&
        (!p->holidays.n || put(o, "holidays", tdl_holiday_table_save(&p->holidays))) &&
        (!p->fill.targets_n || put(o, "fill", save_fill(&p->fill, p->fill_source))) &&
        (!p->group_fill.columns_n || put(o, "groups", save_groups(p))))
        return o;
    json_decref(o);
    return NULL;
}
