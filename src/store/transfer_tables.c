/* Small tables of a transfer: each is read by one statement and written by another. */
#include <string.h>

#include "store/transfer_parts.h"

enum { ROWS_AT_ONCE = 1000 /* in one commit */ };

/* kinds: of the columns, which are the parameters too: 't' text, 'n' number. */
typedef struct table {
    tdl_read_statement read;
    tdl_execute put;
    const char *kinds;
    size_t users; /* the first so many, at most 2, are users, who may have no event. Behind the
                   * columns is what a sealed store keeps of each. */
} table;

static const table tables[] = {
    {TDL_READ_EXPORT_UNDONE, TDL_EXECUTE_PUT_UNDONE, "ttn", 2},
    {TDL_READ_EXPORT_GROUPS, TDL_EXECUTE_PUT_GROUP, "tt", 0},
    {TDL_READ_EXPORT_GROUP_TRAITS, TDL_EXECUTE_PUT_GROUP_TRAIT, "ttttn", 0},
};

typedef struct moving {
    const tdl_people *people; /* of the store that they go to */
    const table *table;
    tdl_rows *rows;
    bool *more;
} moving;

static tdl_status put_row(const tdl_store_ops *ops, tdl_backend *backend, const moving *m,
                          tdl_report *why)
{
    char name[2][TDL_PSEUDONYM_LEN + 1];
    tdl_value in[TDL_EXECUTE_VALUES_MAX];
    int n = (int)strlen(m->table->kinds), users = (int)m->table->users;
    int64_t user;
    tdl_status st = TDL_OK;

    for (int i = 0; !st && i < users; i++) {
        tdl_str id = tdl_rows_person(m->rows, i, n + 2 * i, i);
        st = ops->number_user(backend, id, &user, why);
        in[i] = tdl_value_text(tdl_people_name(m->people, id, name[i]));
    }
    for (int i = users; i < n; i++)
        in[i] = m->table->kinds[i] == 'n' ? tdl_value_number(tdl_rows_number(m->rows, i))
                                          : tdl_value_text(tdl_rows_text(m->rows, i));
    return st ? st : ops->execute(backend, m->table->put, in, (size_t)n, NULL, 0, NULL, why);
}

/* The other store's writer thread reads here: whose rows these are waits for it. */
static tdl_status put_rows(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                           tdl_report *why)
{
    const moving *m = context;
    tdl_status st = TDL_OK;

    for (int n = 0; !st && n < ROWS_AT_ONCE && (*m->more = tdl_rows_next(m->rows) != NULL); n++)
        st = put_row(ops, backend, m, why);
    return st;
}

static tdl_status move_table(tdl_transfer *t, const table *one)
{
    tdl_rows rows = {0};
    bool more = true;
    const moving m = {t->to->people, one, &rows, &more};
    tdl_status st = tdl_transfer_start(t->from, one->read, -1, &rows, t->why);

    if (st)
        return st;
    while (!st && more)
        st = tdl_store_write(t->to, put_rows, &m, t->why);
    return tdl_transfer_end(t->from, &rows, st, t->why);
}

tdl_status tdl_transfer_tables(tdl_transfer *t)
{
    tdl_status st = TDL_OK;

    for (size_t i = 0; !st && i < sizeof tables / sizeof tables[0]; i++)
        st = move_table(t, &tables[i]);
    return st;
}
