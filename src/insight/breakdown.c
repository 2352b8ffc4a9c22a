/* Breakdown: events and persons by the value of a property. */
#include <stdlib.h>
#include <string.h>

#include "insight/parts.h"

enum { TOP = 20, TOP_MAX = 1000, VALUES_MAX = 100000 /* more are counted together */ };

/* One value of the property, as text. */
typedef struct value {
    tdl_str text;
    double events, persons;
} value;

typedef struct breakdown {
    const int64_t *kind; /* [kinds_n]; none = all */
    size_t kinds_n;
    const char *property;
    tdl_arena *arena;
    tdl_numbering by_hash; /* of the text */
    tdl_numbering seen;    /* (person, value) */
    value *values;         /* [values_cap], by_hash.n in use */
    size_t values_cap;
    value none; /* events without the property */
    bool failed;
} breakdown;

static bool counts(const breakdown *b, int64_t kind)
{
    bool found = !b->kinds_n;

    for (size_t i = 0; i < b->kinds_n; i++)
        found |= b->kind[i] == kind;
    return found;
}

/* The value as people write it: texts without quotes. Borrowed from `json` or `storage`. */
static tdl_str text_of(const json_t *one, tdl_buf *storage)
{
    if (json_is_string(one))
        return (tdl_str){json_string_value(one), json_string_length(one)};
    tdl_json_dump(storage, one);
    return tdl_buf_view(storage);
}

static value *find_value(breakdown *b, tdl_str text)
{
    size_t at = tdl_numbering_of(&b->by_hash, tdl_str_hash(text));

    if (at == SIZE_MAX)
        return NULL;
    if (at >= b->values_cap) {
        size_t cap = b->values_cap ? 2 * b->values_cap : 64;
        value *grown = realloc(b->values, cap * sizeof *grown);
        if (!grown)
            return NULL;
        memset(grown + b->values_cap, 0, (cap - b->values_cap) * sizeof *grown);
        b->values = grown;
        b->values_cap = cap;
    }
    if (!b->values[at].text.at)
        b->values[at].text = tdl_arena_str(b->arena, text);
    return b->values[at].text.at ? &b->values[at] : NULL;
}

static bool count_one(breakdown *b, value *v, size_t number, int64_t person)
{
    size_t before = b->seen.n;

    v->events++;
    if (tdl_numbering_of(&b->seen, (uint64_t)person * (VALUES_MAX + 1) + number) == SIZE_MAX)
        return false;
    v->persons += b->seen.n > before;
    return true;
}

static bool take(void *context, const tdl_step *step)
{
    breakdown *b = context;
    json_t *object = NULL;
    tdl_buf storage = {0};

    if (!counts(b, step->kind))
        return true;
    if (step->properties.len)
        tdl_json_parse(step->properties, TDL_JSON_LAST_WINS, &object, NULL);
    const json_t *one = json_object_get(object, b->property);
    value *v = one && b->by_hash.n < VALUES_MAX ? find_value(b, text_of(one, &storage)) : &b->none;
    b->failed |= !v;
    if (v)
        b->failed |=
            !count_one(b, v, v == &b->none ? VALUES_MAX : (size_t)(v - b->values), step->person);
    tdl_buf_release(&storage);
    json_decref(object);
    return !b->failed;
}

static int by_events(const void *left, const void *right)
{
    const value *a = left, *b = right;

    return a->events != b->events ? (a->events < b->events) - (a->events > b->events)
                                  : tdl_str_cmp(a->text, b->text);
}

static void write_value(const value *v, tdl_table *table)
{
    tdl_cell *row = tdl_table_row(table);

    if (!row)
        return;
    if (v->text.at)
        row[0] = tdl_cell_text(v->text);
    row[1] = tdl_cell_number(v->events);
    row[2] = tdl_cell_number(v->persons);
}

/* All hidden values are one row, whose value is hidden too: what few have can be told by it. */
static void write_hidden(tdl_table *table)
{
    tdl_cell *row = tdl_table_row(table);

    for (size_t i = 0; row && i < table->columns_n; i++)
        row[i] = tdl_cell_hidden();
}

/* The first `top` values, then those without any. */
static tdl_status write_values(breakdown *b, const tdl_insight_query *q, size_t top,
                               tdl_report *why)
{
    static const char *const columns[] = {"value", "events", "persons"};
    size_t n = b->by_hash.n < top ? b->by_hash.n : top;
    double *persons = tdl_arena_zalloc(q->arena, n + 1, sizeof *persons);
    const bool *hidden;
    bool any = false;

    if (!persons)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
    if (n)
        qsort(b->values, b->by_hash.n, sizeof *b->values, by_events);
    for (size_t i = 0; i <= n; i++)
        persons[i] = i < n ? b->values[i].persons : b->none.persons;
    tdl_status st = tdl_insight_suppress(q, persons, n + 1, 1, &hidden, why);
    if (st)
        return st;
    tdl_table_columns(q->table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i <= n; i++) {
        any |= hidden[2 * i];
        if (!hidden[2 * i] && persons[i] > 0)
            write_value(i < n ? &b->values[i] : &b->none, q->table);
    }
    if (any)
        write_hidden(q->table);
    return TDL_OK;
}

tdl_status tdl_insight_breakdown(tdl_insight_query *q, tdl_report *why)
{
    breakdown b = {.arena = q->arena,
                   .property = json_string_value(json_object_get(q->json, "property"))};
    double top = TOP;
    int64_t *kind;
    tdl_str *name;
    tdl_status st = tdl_insight_kinds(q, "kinds", &kind, &name, &b.kinds_n, why);

    if (st)
        return st;
    if (!b.property)
        return TDL_FAIL(why, TDL_E_INVALID, "property is missing");
    if (json_object_get(q->json, "top") &&
        (!tdl_json_get_number(q->json, "top", &top) || !(top >= 1 && top <= TOP_MAX)))
        return TDL_FAIL(why, TDL_E_INVALID, "top must be from 1 to %d", TOP_MAX);
    b.kind = kind;
    st = tdl_insight_walk(q, true, take, &b, why);
    if (!st && b.failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for so many values");
    if (!st)
        st = write_values(&b, q, (size_t)top, why);
    tdl_numbering_release(&b.by_hash);
    tdl_numbering_release(&b.seen);
    free(b.values);
    return st;
}
