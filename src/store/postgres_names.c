/* Names of the PostgreSQL backend: a group's unknown ones are looked up, or added, in one statement
 * for each column. */
#include <stdlib.h>

#include "base/str.h"
#include "store/postgres.h"

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a group of events");
}

static void learn_names(tdl_backend *b, int table, tdl_pg_names names, const PGresult *result)
{
    int64_t *total = table == TDL_PG_USERS   ? &b->now.users
                     : table == TDL_PG_ITEMS ? &b->now.items
                                             : NULL;

    for (int i = 0; i < PQntuples(result); i++) {
        bool fresh = tdl_pg_get_number(result, i, 2) != 0;
        tdl_str name = names.at[tdl_pg_get_number(result, i, 1) - 1];
        tdl_intern_add(&b->names[table], name, tdl_pg_get_number(result, i, 0), fresh);
        if (total)
            *total += fresh;
    }
}

/* Names as they stand in the store. Of users three arrays: what a sealed store keeps is made for
 * each, because only the statement knows who is new. */
static void fill_names(const tdl_backend *b, int table, tdl_pg_names names, tdl_buf array[3])
{
    char pseudonym[TDL_PSEUDONYM_LEN + 1];
    tdl_buf key = {0}, id = {0};

    tdl_pg_array(&array[0], TDL_PG_TEXT, names.n);
    tdl_pg_array(&array[1], TDL_PG_BYTES, names.n);
    tdl_pg_array(&array[2], TDL_PG_BYTES, names.n);
    for (size_t i = 0; i < names.n; i++) {
        if (table != TDL_PG_USERS) {
            tdl_pg_add_text(&array[0], names.at[i]);
            continue;
        }
        tdl_str name = tdl_people_name(b->people, names.at[i], pseudonym);
        tdl_buf_clear(&key);
        tdl_buf_clear(&id);
        tdl_people_seal(b->people, names.at[i], name, &key, &id);
        tdl_pg_add_text(&array[0], name);
        tdl_pg_add_text(&array[1], tdl_buf_view(&key));
        tdl_pg_add_text(&array[2], tdl_buf_view(&id));
        array[0].failed |= key.failed || id.failed;
    }
    tdl_buf_release(&key);
    tdl_buf_release(&id);
}

tdl_status tdl_pg_number_names(tdl_backend *b, int table, tdl_pg_names names, tdl_report *why)
{
    tdl_buf array[3] = {0};
    tdl_pg_parameters p = {0};
    PGresult *result = NULL;
    int64_t known;
    size_t n = 0;
    tdl_status st;

    for (size_t i = 0; i < names.n; i++)
        if (!tdl_intern_find(&b->names[table], names.at[i], &known))
            names.at[n++] = names.at[i];
    if (!n)
        return TDL_OK;
    names.n = n;
    fill_names(b, table, names, array);
    st = tdl_pg_write_arrays(b, (tdl_pg_write_statement)(TDL_PG_NAMES + table), &p, array,
                             table == TDL_PG_USERS ? 3 : 1, "storing names", &result, why);
    if (!st)
        learn_names(b, table, names, result);
    PQclear(result);
    tdl_buf_release(&array[1]);
    tdl_buf_release(&array[2]);
    return st;
}

typedef tdl_str name_of(const tdl_event *event);

static tdl_str user_of(const tdl_event *e)
{
    return e->user;
}
static tdl_str alias_of(const tdl_event *e)
{
    return e->alias;
}
static tdl_str item_of(const tdl_event *e)
{
    return e->item;
}
static tdl_str kind_of(const tdl_event *e)
{
    return e->kind;
}
static tdl_str source_of(const tdl_event *e)
{
    return e->source;
}

/* Where an event's names go. */
static const struct {
    int table;
    name_of *name;
    size_t id; /* in tdl_pg_event */
} columns[] = {
    {TDL_PG_USERS, user_of, offsetof(tdl_pg_event, user)},
    {TDL_PG_KINDS, kind_of, offsetof(tdl_pg_event, kind)},
    {TDL_PG_SOURCES, source_of, offsetof(tdl_pg_event, source)},
    {TDL_PG_ITEMS, item_of, offsetof(tdl_pg_event, item)},
    {TDL_PG_USERS, alias_of, offsetof(tdl_pg_event, alias)},
};

static tdl_status number_column(tdl_backend *b, size_t column, tdl_str *scratch, tdl_report *why)
{
    tdl_pg_names names = {scratch, 0};
    int table = columns[column].table;
    tdl_status st;

    for (size_t i = 0; i < b->events_n; i++) {
        tdl_str name = columns[column].name(b->events[i].event);
        if (name.len)
            names.at[names.n++] = name;
    }
    if ((st = tdl_pg_number_names(b, table, names, why)))
        return st;
    for (size_t i = 0; i < b->events_n; i++) {
        tdl_str name = columns[column].name(b->events[i].event);
        int64_t *id = (int64_t *)((char *)&b->events[i] + columns[column].id);
        if (name.len && !tdl_intern_find(&b->names[table], name, id))
            return no_memory(why);
    }
    return TDL_OK;
}

tdl_status tdl_pg_number_events(tdl_backend *b, tdl_report *why)
{
    tdl_str *scratch = calloc(b->events_n, sizeof *scratch);
    tdl_status st = scratch ? TDL_OK : no_memory(why);

    for (size_t i = 0; !st && i < sizeof columns / sizeof columns[0]; i++)
        st = number_column(b, i, scratch, why);
    free(scratch);
    return st;
}
