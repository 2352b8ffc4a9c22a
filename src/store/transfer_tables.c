/* Small tables of a transfer: each is read by one statement and written by another. */
#include "store/transfer_parts.h"

enum { ROWS_AT_ONCE = 1000 /* in one commit */ };

/* kinds: of the columns, which are the parameters too: 't' text, 'n' number. */
typedef struct table {
    tdl_read_statement read;
    tdl_execute put;
    const char *kinds;
    size_t users; /* the first so many are users, who may have no event */
} table;

static const table tables[] = {
    {TDL_READ_EXPORT_UNDONE, TDL_EXECUTE_PUT_UNDONE, "ttn", 2},
    {TDL_READ_EXPORT_GROUPS, TDL_EXECUTE_PUT_GROUP, "tt", 0},
    {TDL_READ_EXPORT_GROUP_TRAITS, TDL_EXECUTE_PUT_GROUP_TRAIT, "ttttn", 0},
};

typedef struct moving {
    const table *table;
    tdl_rows *rows;
    bool *more;
} moving;

static tdl_status put_row(const tdl_store_ops *ops, tdl_backend *backend, const table *to,
                          const tdl_value *in, size_t in_n, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (size_t i = 0; !st && i < to->users; i++)
        st = ops->put_traits(backend, in[i].text, TDL_STR("{}"), 0, why);
    return st ? st : ops->execute(backend, to->put, in, in_n, NULL, 0, NULL, why);
}

/* The other store's writer thread reads here: whose rows these are waits for it. */
static tdl_status put_rows(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                           tdl_report *why)
{
    const moving *m = context;
    tdl_value in[TDL_EXECUTE_VALUES_MAX];
    tdl_status st = TDL_OK;

    for (int n = 0; !st && n < ROWS_AT_ONCE && (*m->more = tdl_rows_next(m->rows) != NULL); n++) {
        size_t in_n = 0;
        for (const char *kind = m->table->kinds; *kind; kind++, in_n++)
            in[in_n] = *kind == 'n' ? tdl_value_number(tdl_rows_number(m->rows, (int)in_n))
                                    : tdl_value_text(tdl_rows_text(m->rows, (int)in_n));
        st = put_row(ops, backend, m->table, in, in_n, why);
    }
    return st;
}

static tdl_status move_table(tdl_transfer *t, const table *one)
{
    tdl_rows rows = {0};
    bool more = true;
    const moving m = {one, &rows, &more};
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
