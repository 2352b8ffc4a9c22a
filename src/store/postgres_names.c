/* Names of the PostgreSQL backend: a group's unknown ones are looked up, or added, in one statement
 * for each column. */
#include <stdlib.h>

#include "base/str.h"
#include "store/erase.h"
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
        int64_t number = tdl_pg_get_number(result, i, 0);
        tdl_intern_add(&b->names[table], name, b->all_in ? llabs(number) : number, fresh);
        if (total)
            *total += fresh;
    }
}

/* A user as the store calls him, as it called him if he were erased, and what a sealed store keeps
 * of him, which is made for each because only the statement knows who is new. */
static void add_user(const tdl_backend *b, tdl_str id, tdl_buf array[4])
{
    char pseudonym[TDL_PSEUDONYM_LEN + 1], gone[TDL_PSEUDONYM_LEN + 1], erased[TDL_SUBJECT_MAX];
    tdl_str name = tdl_people_name(b->people, id, pseudonym);
    tdl_buf key = {0}, sealed = {0};

    tdl_erased_name(id, erased);
    tdl_people_seal(b->people, id, name, &key, &sealed);
    tdl_pg_add_text(&array[0], name);
    tdl_pg_add_text(&array[1], tdl_people_erased(b->people, tdl_str_of(erased), gone));
    tdl_pg_add_text(&array[2], tdl_buf_view(&key));
    tdl_pg_add_text(&array[3], tdl_buf_view(&sealed));
    array[0].failed |= key.failed || sealed.failed;
    tdl_buf_release(&key);
    tdl_buf_release(&sealed);
}

/* only_known: names without a row get none. */
static tdl_status find_names(tdl_backend *b, int table, tdl_pg_names names, bool only_known,
                             PGresult **ret, tdl_report *why)
{
    static const tdl_pg_type types[] = {TDL_PG_TEXT, TDL_PG_TEXT, TDL_PG_BYTES, TDL_PG_BYTES};
    int arrays = table == TDL_PG_USERS ? 4 : 1;
    tdl_buf array[4] = {0};
    tdl_pg_parameters p = {0};
    bool failed = false;
    tdl_status st;

    for (int i = 0; i < arrays; i++)
        tdl_pg_array(&array[i], types[i], names.n);
    for (size_t i = 0; i < names.n; i++)
        table == TDL_PG_USERS ? add_user(b, names.at[i], array)
                              : tdl_pg_add_text(&array[0], names.at[i]);
    tdl_pg_bind_number(&p, 2, only_known);
    for (int i = 0; i < arrays; i++) {
        tdl_pg_bind_buf(&p, i ? i + 2 : 1, &array[i]);
        failed |= array[i].failed;
    }
    st = failed ? no_memory(why)
                : tdl_pg_write(b, (tdl_pg_write_statement)(TDL_PG_NAMES + table), &p,
                               "storing names", ret, why);
    for (int i = 0; i < arrays; i++)
        tdl_buf_release(&array[i]);
    return st;
}

tdl_status tdl_pg_number_names(tdl_backend *b, int table, tdl_pg_names names, tdl_report *why)
{
    bool only_known = table == TDL_PG_USERS && b->unasked_barred;
    PGresult *result = NULL;
    int64_t known;
    size_t n = 0;
    tdl_status st;

    for (size_t i = 0; i < names.n; i++)
        if (!tdl_intern_find(&b->names[table], names.at[i], &known))
            names.at[n++] = names.at[i];
    names.n = n;
    if (!n)
        return TDL_OK;
    if (!(st = find_names(b, table, names, only_known, &result, why)))
        learn_names(b, table, names, result);
    for (size_t i = 0; !st && only_known && i < n; i++)
        if (!tdl_intern_find(&b->names[table], names.at[i], &known))
            tdl_intern_add(&b->names[table], names.at[i], TDL_USER_UNASKED, false);
    PQclear(result);
    return st;
}

tdl_status tdl_pg_number_user(tdl_backend *b, tdl_str id, int64_t *ret, tdl_report *why)
{
    tdl_intern *users = &b->names[TDL_PG_USERS];
    PGresult *result = NULL;
    int64_t remembered;
    tdl_status st = tdl_pg_lock(b, why);

    if (st || (st = find_names(b, TDL_PG_USERS, (tdl_pg_names){&id, 1}, false, &result, why)))
        return st;
    *ret = llabs(tdl_pg_get_number(result, 0, 0));
    bool fresh = tdl_pg_get_number(result, 0, 2) != 0;
    PQclear(result);
    if (fresh && tdl_intern_find(users, id, &remembered)) // as one who has no row
        tdl_intern_release(users);
    users->fresh_n += fresh; // whether he is barred is not known here
    b->now.users += fresh;
    return TDL_OK;
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
