/* Walking over many events, for reports. */
#include <stdlib.h>

#include "base/str.h"
#include "store/rows.h"

/* An id and the one that stands for it; 0: it is nobody. */
typedef struct alias {
    int64_t id, person;
} alias;

typedef struct aliases {
    alias *at; /* [n] by id */
    size_t n, cap;
} aliases;

static bool grow(aliases *a)
{
    size_t cap = a->cap ? 2 * a->cap : 256;
    alias *at = a->n < a->cap ? a->at : realloc(a->at, cap * sizeof *at);

    if (!at)
        return false;
    if (a->n == a->cap)
        a->cap = cap;
    a->at = at;
    return true;
}

static tdl_status read_aliases(tdl_reader *reader, aliases *ret, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    bool ok = true;
    tdl_status st = tdl_rows_start(&r, TDL_READ_ALIAS_NUMBERS, why);

    if (st)
        return st;
    while (ok && tdl_rows_next(&r))
        if ((ok = grow(ret)))
            ret->at[ret->n++] = (alias){tdl_rows_number(&r, 0), tdl_rows_number(&r, 1)};
    st = tdl_rows_end(&r, why);
    return st || ok ? st : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu aliases", ret->n);
}

static int compare_ids(const void *left, const void *right)
{
    const alias *a = left, *b = right;

    return a->id < b->id ? -1 : a->id > b->id;
}

static int64_t person_of(const aliases *a, int64_t id)
{
    const alias key = {.id = id};
    const alias *found = a->n ? bsearch(&key, a->at, a->n, sizeof key, compare_ids) : NULL;

    return found ? found->person : id;
}

static tdl_status walk_rows(tdl_reader *reader, const tdl_walk *walk, const aliases *a,
                            bool (*fn)(void *context, const tdl_step *step), void *context,
                            tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    bool more = true;
    tdl_status st =
        tdl_rows_start(&r, walk->properties ? TDL_READ_WALK_PROPERTIES : TDL_READ_WALK, why);

    if (st)
        return st;
    tdl_rows_bind_number(&r, 1, walk->from_us);
    tdl_rows_bind_number(&r, 2, walk->until_us);
    while (more && tdl_rows_next(&r)) {
        int64_t person = person_of(a, tdl_rows_number(&r, 2));
        if (!person)
            continue;
        bool has_value = !tdl_rows_is_null(&r, 4);
        tdl_step step = {.time_us = tdl_rows_number(&r, 0),
                         .seq = tdl_rows_number(&r, 1),
                         .person = person,
                         .kind = tdl_rows_number(&r, 3),
                         .value = has_value ? tdl_rows_real(&r, 4) : 0,
                         .has_value = has_value};
        if (walk->properties)
            step.properties = tdl_rows_text(&r, 5);
        more = fn(context, &step);
    }
    return tdl_rows_end(&r, why);
}

tdl_status tdl_read_walk(tdl_reader *reader, const tdl_walk *walk,
                         bool (*fn)(void *context, const tdl_step *step), void *context,
                         tdl_report *why)
{
    aliases a = {0};
    tdl_status st = read_aliases(reader, &a, why);

    if (!st)
        st = walk_rows(reader, walk, &a, fn, context, why);
    free(a.at);
    return st;
}

tdl_status tdl_read_kinds(tdl_reader *reader, tdl_arena *arena, tdl_kind_row **ret, size_t *ret_n,
                          tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_kind_row *kind;
    tdl_status st = tdl_rows_start(&r, TDL_READ_KINDS, why);

    if (st)
        return st;
    while ((kind = tdl_rows_next(&r)))
        *kind = (tdl_kind_row){tdl_rows_number(&r, 0), tdl_rows_keep(&r, 1)};
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}
