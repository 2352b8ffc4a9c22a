#include "apps/recommend/record.h"

#include <math.h>
#include <stdlib.h>

#include "base/timestamp.h"

enum { SCRATCH_BYTES = 16 << 20, NAME_MAX_BYTES = 128, OWN_MAX = 256 };

/* Of a field's values; what is only looked at by people is not kept. */
static unsigned kinds_of(tdl_item_field field)
{
    static const unsigned kinds[] = {[TDL_ITEM_TEXT] = TDL_OPERAND_TEXT,
                                     [TDL_ITEM_TEXTS] = TDL_OPERAND_LIST,
                                     [TDL_ITEM_NUMBER] = TDL_OPERAND_NUMBER,
                                     [TDL_ITEM_BOOL] = TDL_OPERAND_BOOL,
                                     [TDL_ITEM_TIME] = TDL_OPERAND_TEXT};

    return kinds[tdl_item_field_type(field)];
}

static bool is_kept(tdl_item_field field)
{
    return field != TDL_ITEM_text && field != TDL_ITEM_image && field != TDL_ITEM_url;
}

bool tdl_record_begin(tdl_attributes *attributes)
{
    bool ok = tdl_attributes_add(attributes, TDL_STR("id"), TDL_OPERAND_TEXT) == TDL_ATTRIBUTE_ID;

    for (tdl_item_field f = 0; ok && f < TDL_ITEM_FIELDS_N; f++)
        ok = tdl_attributes_add(attributes, tdl_str_of(tdl_item_field_name(f)), kinds_of(f)) ==
             TDL_ATTRIBUTE_FIELDS + (int32_t)f;
    return ok;
}

/* ---- gathering, in a scratch arena ---- */

typedef struct gathered {
    tdl_arena *arena;
    tdl_record_attribute attribute[TDL_ITEM_FIELDS_N + OWN_MAX];
    size_t n;
    uint64_t *feature; /* [features_n] */
    size_t features_n;
} gathered;

static bool add(gathered *g, int32_t number, const json_t *value, unsigned kinds)
{
    tdl_operand read;

    if (!tdl_operand_read(value, g->arena, &read))
        return false;
    for (size_t i = 0; i < g->n; i++)
        if (g->attribute[i].number == number)
            return true; // a field goes before an attribute of its name
    if (number >= 0 && read.kind & kinds && g->n < sizeof g->attribute / sizeof *g->attribute)
        g->attribute[g->n++] = (tdl_record_attribute){number, read};
    return true;
}

static bool gather_fields(gathered *g, const json_t *kept)
{
    bool ok = true;

    for (tdl_item_field f = 0; ok && f < TDL_ITEM_FIELDS_N; f++)
        if (is_kept(f))
            ok = add(g, TDL_ATTRIBUTE_FIELDS + (int32_t)f,
                     json_object_get(kept, tdl_item_field_key(f)), kinds_of(f));
    return ok;
}

static bool gather_own(gathered *g, const json_t *kept, tdl_attributes *attributes)
{
    json_t *members = (json_t *)kept; // jansson's iterators are not const-correct
    bool ok = true;

    for (void *it = json_object_iter(members); ok && it; it = json_object_iter_next(members, it)) {
        tdl_str name = tdl_str_of(json_object_iter_key(it));
        tdl_operand value;
        if (!name.len || name.at[0] == '$' || name.len > NAME_MAX_BYTES)
            continue;
        if (!tdl_operand_read(json_object_iter_value(it), g->arena, &value))
            return false;
        int32_t known = tdl_attributes_find(attributes, name);
        bool is_field = known >= 0 && known < TDL_ATTRIBUTE_FIELDS + (int32_t)TDL_ITEM_FIELDS_N;
        if (known == TDL_ATTRIBUTE_ID || value.kind == TDL_OPERAND_NONE)
            continue;
        if (!is_field)
            known = tdl_attributes_add(attributes, name, value.kind);
        ok = add(g, known, json_object_iter_value(it),
                 is_field ? tdl_attributes_kinds(attributes, known) : TDL_OPERAND_ANY);
    }
    return ok;
}

static int by_number(const void *a, const void *b)
{
    int32_t x = ((const tdl_record_attribute *)a)->number,
            y = ((const tdl_record_attribute *)b)->number;

    return (x > y) - (x < y);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The same text in two fields is two features. */
static void add_features(gathered *g, int32_t number, const tdl_operand *value)
{
    const tdl_operand *text = value->kind == TDL_OPERAND_LIST ? value->item : value;
    size_t n = value->kind == TDL_OPERAND_LIST ? value->items_n : 1;

    for (size_t i = 0; i < n; i++)
        if (text[i].kind == TDL_OPERAND_TEXT)
            g->feature[g->features_n++] =
                tdl_str_hash(text[i].text) + (uint64_t)number * UINT64_C(0x9E3779B97F4A7C15);
}

static bool gather_features(gathered *g, int32_t brand)
{
    size_t most = 0, kept = 0;

    for (size_t i = 0; i < g->n; i++)
        most += 1 + g->attribute[i].value.items_n;
    if (!(g->feature = tdl_arena_alloc(g->arena, most, sizeof *g->feature)))
        return false;
    for (size_t i = 0; i < g->n; i++) {
        int32_t number = g->attribute[i].number;
        if (number == TDL_ATTRIBUTE_OF(categories) || number == TDL_ATTRIBUTE_OF(tags) ||
            number == TDL_ATTRIBUTE_OF(seller) || number == brand)
            add_features(g, number, &g->attribute[i].value);
    }
    if (g->features_n)
        qsort(g->feature, g->features_n, sizeof *g->feature, by_value);
    for (size_t i = 0; i < g->features_n; i++)
        if (!i || g->feature[i] != g->feature[i - 1])
            g->feature[kept++] = g->feature[i];
    g->features_n = kept;
    return true;
}

/* ---- packing into one block: record, attributes, lists, features, text ---- */

typedef struct packer {
    tdl_operand *item; /* next free one */
    char *text;        /* */
} packer;

static tdl_operand pack_one(packer *p, tdl_operand value)
{
    if (value.text.len)
        memcpy(p->text, value.text.at, value.text.len);
    value.text.at = p->text;
    p->text += value.text.len;
    return value;
}

static tdl_operand pack(packer *p, tdl_operand value)
{
    const tdl_operand *from = value.item;

    value.item = p->item;
    for (size_t i = 0; i < value.items_n; i++)
        *p->item++ = pack_one(p, from[i]);
    return pack_one(p, value);
}

static tdl_record *pack_all(const gathered *g)
{
    size_t items_n = 0, bytes = 1;

    for (size_t i = 0; i < g->n; i++) {
        const tdl_operand *value = &g->attribute[i].value;
        items_n += value->items_n;
        bytes += value->text.len;
        for (size_t k = 0; k < value->items_n; k++)
            bytes += value->item[k].text.len;
    }
    // all counts are bounded by the size of the JSON they came from
    tdl_record *record =
        malloc(sizeof *record + g->n * sizeof(tdl_record_attribute) +
               items_n * sizeof(tdl_operand) + g->features_n * sizeof(uint64_t) + bytes);
    if (!record)
        return NULL;
    tdl_record_attribute *attribute = (tdl_record_attribute *)(record + 1);
    packer p = {.item = (tdl_operand *)(attribute + g->n)};
    uint64_t *feature = (uint64_t *)(p.item + items_n);
    p.text = (char *)(feature + g->features_n);
    for (size_t i = 0; i < g->n; i++)
        attribute[i] =
            (tdl_record_attribute){g->attribute[i].number, pack(&p, g->attribute[i].value)};
    if (g->features_n)
        memcpy(feature, g->feature, g->features_n * sizeof *feature);
    atomic_init(&record->references, 1);
    record->attribute = attribute;
    record->attributes_n = g->n;
    record->feature = feature;
    record->features_n = g->features_n;
    return record;
}

static int64_t time_of(const json_t *kept, tdl_item_field field, int64_t fallback)
{
    tdl_str text;
    int64_t time_us;

    return tdl_json_get_str(kept, tdl_item_field_key(field), &text) &&
                   !tdl_time_parse(text, &time_us, NULL)
               ? time_us
               : fallback;
}

static bool read_kept(const json_t *kept, tdl_attributes *attributes, gathered *g, tdl_record **ret)
{
    double stock;

    if (!gather_fields(g, kept) || !gather_own(g, kept, attributes) ||
        !gather_features(g, tdl_attributes_find(attributes, TDL_STR("brand"))))
        return false;
    if (g->n)
        qsort(g->attribute, g->n, sizeof *g->attribute, by_number);
    tdl_record *record = pack_all(g);
    if (!record)
        return false;
    record->deleted = json_is_true(json_object_get(kept, TDL_ITEM_DELETED));
    record->available =
        !json_is_false(json_object_get(kept, tdl_item_field_key(TDL_ITEM_available)));
    record->stock =
        tdl_json_get_number(kept, tdl_item_field_key(TDL_ITEM_stock), &stock) ? stock : -1;
    record->published_us = time_of(kept, TDL_ITEM_published_at, INT64_MIN);
    record->expires_us = time_of(kept, TDL_ITEM_expires_at, INT64_MAX);
    *ret = record;
    return true;
}

bool tdl_record_new(tdl_str text, tdl_attributes *attributes, tdl_record **ret)
{
    json_t *kept = NULL;
    gathered *g = NULL;
    bool ok = true;

    *ret = NULL;
    if (!text.len || tdl_json_parse(text, TDL_JSON_LAST_WINS, &kept, NULL) ||
        !json_is_object(kept) || !json_object_size(kept))
        goto out;
    ok = (g = calloc(1, sizeof *g)) && (g->arena = tdl_arena_new(SCRATCH_BYTES)) &&
         read_kept(kept, attributes, g, ret);
out:
    if (g)
        tdl_arena_free(g->arena);
    free(g);
    json_decref(kept);
    return ok;
}

tdl_record *tdl_record_take(const tdl_record *record)
{
    tdl_record *taken = (tdl_record *)record; // the count alone changes

    if (taken)
        atomic_fetch_add(&taken->references, 1);
    return taken;
}

void tdl_record_free(tdl_record *record)
{
    if (record && atomic_fetch_sub(&record->references, 1) == 1)
        free(record);
}

const tdl_operand *tdl_record_at(const tdl_record *record, int32_t attribute)
{
    size_t n = record ? record->attributes_n : 0;

    for (size_t i = 0; i < n && record->attribute[i].number <= attribute; i++)
        if (record->attribute[i].number == attribute)
            return &record->attribute[i].value;
    return NULL;
}

double tdl_record_similarity(const tdl_record *a, const tdl_record *b)
{
    size_t i = 0, k = 0, both = 0;

    if (!a || !b || !a->features_n || !b->features_n)
        return 0;
    while (i < a->features_n && k < b->features_n) {
        uint64_t x = a->feature[i], y = b->feature[k];
        both += x == y;
        i += x <= y;
        k += y <= x;
    }
    return (double)both / sqrt((double)a->features_n * (double)b->features_n);
}
