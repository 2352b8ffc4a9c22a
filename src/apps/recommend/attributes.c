#include "apps/recommend/attributes.h"

#include <stdio.h>
#include <stdlib.h>

#include "apps/recommend/names.h"

struct tdl_attributes {
    tdl_names *names;
    unsigned kinds[TDL_ATTRIBUTES_MAX];
};

/* ---- values ---- */

static bool read_one(const json_t *value, tdl_arena *arena, tdl_operand *ret)
{
    *ret = (tdl_operand){0};
    if (json_is_boolean(value)) {
        *ret = (tdl_operand){.kind = TDL_OPERAND_BOOL, .truth = json_is_true(value)};
    } else if (json_is_number(value)) {
        *ret = (tdl_operand){.kind = TDL_OPERAND_NUMBER, .number = json_number_value(value)};
    } else if (json_is_string(value)) {
        ret->text =
            tdl_arena_str(arena, (tdl_str){json_string_value(value), json_string_length(value)});
        ret->kind = TDL_OPERAND_TEXT;
        return ret->text.at != NULL;
    }
    return true;
}

bool tdl_operand_read(const json_t *value, tdl_arena *arena, tdl_operand *ret)
{
    size_t n = json_array_size(value), kept = 0;

    if (!json_is_array(value))
        return read_one(value, arena, ret);
    tdl_operand *item = tdl_arena_alloc(arena, n, sizeof *item);
    if (!item)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!read_one(json_array_get(value, i), arena, &item[kept]))
            return false;
        kept += item[kept].kind != TDL_OPERAND_NONE;
    }
    *ret = (tdl_operand){.kind = TDL_OPERAND_LIST, .item = item, .items_n = kept};
    return true;
}

bool tdl_operand_equal(const tdl_operand *a, const tdl_operand *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case TDL_OPERAND_BOOL:
        return a->truth == b->truth;
    case TDL_OPERAND_NUMBER:
        return a->number == b->number;
    case TDL_OPERAND_TEXT:
        return tdl_str_eq(a->text, b->text);
    case TDL_OPERAND_LIST:
        break;
    default:
        return false;
    }
    bool same = a->items_n == b->items_n;
    for (size_t i = 0; same && i < a->items_n; i++) // lists in lists do not exist
        same = tdl_operand_equal(&a->item[i], &b->item[i]);
    return same;
}

bool tdl_operand_among(const tdl_operand *one, const tdl_operand *list)
{
    if (list->kind != TDL_OPERAND_LIST)
        return false;
    for (size_t i = 0; i < list->items_n; i++)
        if (tdl_operand_equal(one, &list->item[i]))
            return true;
    return false;
}

bool tdl_operand_meet(const tdl_operand *a, const tdl_operand *b)
{
    if (a->kind != TDL_OPERAND_LIST)
        return b->kind == TDL_OPERAND_LIST ? tdl_operand_among(a, b) : tdl_operand_equal(a, b);
    for (size_t i = 0; i < a->items_n; i++)
        if (tdl_operand_meet(&a->item[i], b)) // lists in lists do not exist
            return true;
    return false;
}

const char *tdl_operand_kind_name(unsigned kinds)
{
    switch (kinds) {
    case TDL_OPERAND_BOOL:
        return "truth value";
    case TDL_OPERAND_NUMBER:
        return "number";
    case TDL_OPERAND_TEXT:
        return "text";
    case TDL_OPERAND_LIST:
        return "list";
    default:
        return "value";
    }
}

/* ---- names ---- */

tdl_attributes *tdl_attributes_new(void)
{
    tdl_attributes *a = calloc(1, sizeof *a);

    if (a && !(a->names = tdl_names_new())) {
        free(a);
        return NULL;
    }
    return a;
}

void tdl_attributes_free(tdl_attributes *a)
{
    if (!a)
        return;
    tdl_names_free(a->names);
    free(a);
}

int32_t tdl_attributes_find(const tdl_attributes *a, tdl_str name)
{
    return tdl_names_find(a->names, name);
}

int32_t tdl_attributes_add(tdl_attributes *a, tdl_str name, unsigned kinds)
{
    int32_t number = tdl_names_find(a->names, name);

    if (number < 0) {
        if (tdl_names_count(a->names) == TDL_ATTRIBUTES_MAX)
            return -1;
        if ((number = tdl_names_add(a->names, name)) < 0)
            return -1;
        a->kinds[number] = 0;
    }
    a->kinds[number] |= kinds;
    return number;
}

unsigned tdl_attributes_kinds(const tdl_attributes *a, int32_t number)
{
    return a->kinds[number] ? a->kinds[number] : TDL_OPERAND_ANY;
}

void tdl_attributes_nearest(const tdl_attributes *a, tdl_str name, char *ret, size_t size)
{
    enum { FAR = 4, NAMED = 3 };
    size_t used = 0;
    int named = 0;

    ret[0] = '\0';
    for (size_t distance = 0; distance < FAR; distance++)
        for (int32_t i = 0; i < tdl_names_count(a->names) && named < NAMED; i++) {
            tdl_str one = tdl_names_at(a->names, i);
            if (tdl_str_distance(name, one, FAR) != distance || used + one.len + 3 > size)
                continue;
            used += (size_t)snprintf(ret + used, size - used, "%s%.*s", named ? ", " : "",
                                     TDL_FMT(one));
            named++;
        }
}
