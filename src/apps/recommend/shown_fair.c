/* Who gets what of the places there are: people by a trait, items by seller and category. */
#include <math.h>
#include <stdlib.h>

#include "apps/recommend/shown_parts.h"

enum { VALUES_MAX = 10000, TOP = 20 };

/* ---- people ---- */

static void write_group(const tdl_shown_writing *x, const tdl_shown_part *part, tdl_str value,
                        double design_effect)
{
    size_t items = tdl_shown_bits(part->items, x->shown->catalogue_n);
    tdl_jw *w = x->w;

    tdl_jw_object(w);
    tdl_jw_key(w, "value");
    if (value.len)
        tdl_jw_str(w, value);
    else
        tdl_jw_null(w); // not said, or one of too many
    tdl_shown_write_rate(w, part->answers, design_effect);
    tdl_jw_kint(w, "slots", part->slots);
    tdl_jw_kint(w, "items", (int64_t)items);
    tdl_jw_knumber(w, "coverage", tdl_shown_share((int64_t)items, (int64_t)x->items_n));
    tdl_jw_end_object(w);
}

static void write_groups(const tdl_shown_writing *x, const tdl_shown_tally *t, double design_effect)
{
    tdl_jw *w = x->w;
    size_t n = (size_t)tdl_names_count(x->shown->groups);

    tdl_jw_knumber(w, "trait_parity", tdl_shown_parity(t->group, n));
    tdl_jw_key(w, "traits");
    tdl_jw_array(w);
    for (size_t i = 0; n && i <= TDL_SHOWN_GROUPS; i++)
        if (t->group[i].answers.n)
            write_group(x, &t->group[i],
                        i < n ? tdl_names_at(x->shown->groups, (int32_t)i) : (tdl_str){0},
                        design_effect);
    tdl_jw_end_array(w);
}

/* ---- items ---- */

typedef struct owner {
    int32_t name; /* -1: not said, or one of too many */
    int64_t items;
    tdl_shown_count slots;
} owner;

typedef struct owners {
    tdl_names *names;
    owner *at; /* [VALUES_MAX + 1], the last for those of no name */
    size_t n;
} owners;

static void give(owners *o, int32_t name, const tdl_shown_tally *t, size_t item)
{
    owner *one = &o->at[name >= 0 ? (uint32_t)name : VALUES_MAX];

    one->items++;
    one->slots.n += t->shown[item];
    one->slots.taken += t->taken[item];
}

/* An item of several categories counts in each. False: no memory. */
static bool count_item(owners *o, const tdl_shown_tally *t, size_t item, const tdl_operand *value)
{
    const tdl_operand *text = value && value->kind == TDL_OPERAND_LIST ? value->item : value;
    size_t n = !value ? 0 : value->kind == TDL_OPERAND_LIST ? value->items_n : 1, told = 0;

    for (size_t i = 0; i < n; i++) {
        if (text[i].kind != TDL_OPERAND_TEXT || !text[i].text.len)
            continue;
        int32_t name = tdl_names_find(o->names, text[i].text);
        if (name < 0 && tdl_names_count(o->names) < VALUES_MAX &&
            (name = tdl_names_add(o->names, text[i].text)) < 0)
            return false;
        give(o, name, t, item);
        told++;
    }
    if (!told)
        give(o, -1, t, item);
    return true;
}

static int by_slots(const void *a, const void *b)
{
    const owner *x = a, *y = b;

    if (x->slots.n != y->slots.n)
        return x->slots.n < y->slots.n ? 1 : -1;
    return (x->name > y->name) - (x->name < y->name);
}

static void write_owner(const tdl_shown_writing *x, const tdl_shown_tally *t, const owners *o,
                        const owner *one, double design_effect)
{
    tdl_jw *w = x->w;

    tdl_jw_object(w);
    tdl_jw_key(w, "value");
    if (one->name >= 0)
        tdl_jw_str(w, tdl_names_at(o->names, one->name));
    else
        tdl_jw_null(w);
    tdl_jw_kint(w, "items", one->items);
    tdl_jw_knumber(w, "share_of_items", tdl_shown_share(one->items, (int64_t)x->items_n));
    tdl_jw_knumber(w, "share", tdl_shown_share(one->slots.n, t->slots_n));
    tdl_shown_write_rate(w, one->slots, design_effect);
    tdl_jw_end_object(w);
}

/* The TOP of most slots, and the rest as one of no name. */
static void write_top(const tdl_shown_writing *x, const tdl_shown_tally *t, owners *o,
                      double design_effect)
{
    size_t n = (size_t)tdl_names_count(o->names);
    owner rest = o->at[VALUES_MAX];

    for (size_t i = 0; i < n; i++)
        o->at[i].name = (int32_t)i;
    if (n)
        qsort(o->at, n, sizeof *o->at, by_slots);
    rest.name = -1;
    for (size_t i = TOP; i < n; i++) {
        rest.items += o->at[i].items;
        rest.slots.n += o->at[i].slots.n;
        rest.slots.taken += o->at[i].slots.taken;
    }
    for (size_t i = 0; i < n && i < TOP; i++)
        write_owner(x, t, o, &o->at[i], design_effect);
    if (n && rest.items)
        write_owner(x, t, o, &rest, design_effect);
}

static bool write_owners(const tdl_shown_writing *x, const tdl_shown_tally *t, const char *key,
                         int32_t attribute, double design_effect)
{
    owners o = {.names = tdl_names_new(), .at = calloc(VALUES_MAX + 1, sizeof *o.at)};
    bool ok = o.names && o.at;

    for (size_t i = 0; ok && i < t->catalogue_n; i++)
        if (x->class_of[i] != TDL_SHOWN_NOBODY)
            ok = count_item(
                &o, t, i, tdl_record_at(tdl_catalogue_record(x->catalogue, (int32_t)i), attribute));
    tdl_jw_key(x->w, key);
    tdl_jw_array(x->w);
    if (ok)
        write_top(x, t, &o, design_effect);
    tdl_jw_end_array(x->w);
    tdl_names_free(o.names);
    free(o.at);
    return ok;
}

bool tdl_shown_write_fair(const tdl_shown_writing *x, const tdl_shown_tally *t,
                          double design_effect)
{
    write_groups(x, t, design_effect);
    bool ok = write_owners(x, t, "sellers", TDL_ATTRIBUTE_OF(seller), design_effect);
    return write_owners(x, t, "categories", TDL_ATTRIBUTE_OF(categories), design_effect) && ok;
}
