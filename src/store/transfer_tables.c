/* Small tables of a transfer: each is read by one statement and written by another, or by a
 * function of transfer_people.c where that is not all. */
#include <string.h>

#include "store/transfer_parts.h"

enum { ROWS_AT_ONCE = 1000 /* in one commit */ };

/* kinds: of the columns, which are the parameters too: 't' text, 'n' number. */
typedef struct table {
    size_t count; /* its place in tdl_transfer_counts */
    tdl_read_statement read;
    tdl_transfer_put *own; /* writes a row; or else: */
    tdl_execute put;
    const char *kinds;
    size_t users; /* the first so many, at most 2, are users, who may have no event. Behind the
                   * columns is what a sealed store keeps of each. */
    bool whole;   /* rows that are there go first, by this: */
    tdl_execute clear;
} table;

#define COUNT(name) offsetof(tdl_transfer_counts, name)

/* Of those erased: before all that tells of persons. */
static const table erased[] = {
    {.count = COUNT(erased), .read = TDL_READ_EXPORT_ERASED, .own = tdl_transfer_put_erased},
    {.count = COUNT(erasures),
     .read = TDL_READ_EXPORT_ERASURES,
     .put = TDL_EXECUTE_MOVE_ERASURE,
     .kinds = "ttttnn"},
};

static const table tables[] = {
    {.count = COUNT(splits),
     .read = TDL_READ_EXPORT_UNDONE,
     .put = TDL_EXECUTE_PUT_UNDONE,
     .kinds = "ttn",
     .users = 2},
    {.count = COUNT(groups),
     .read = TDL_READ_EXPORT_GROUPS,
     .put = TDL_EXECUTE_PUT_GROUP,
     .kinds = "tt"},
    {.count = COUNT(group_traits),
     .read = TDL_READ_EXPORT_GROUP_TRAITS,
     .put = TDL_EXECUTE_PUT_GROUP_TRAIT,
     .kinds = "ttttn"},
    {.count = COUNT(stale),
     .read = TDL_READ_EXPORT_STALE,
     .put = TDL_EXECUTE_PUT_STALE,
     .kinds = "tn"},
    {.count = COUNT(consents), .read = TDL_READ_EXPORT_CONSENTS, .own = tdl_transfer_put_consent},
    {.count = COUNT(retention),
     .read = TDL_READ_EXPORT_RETENTION,
     .put = TDL_EXECUTE_PUT_RETENTION,
     .kinds = "tn",
     .whole = true,
     .clear = TDL_EXECUTE_CLEAR_RETENTION},
    {.count = COUNT(rejects),
     .read = TDL_READ_EXPORT_REJECTS,
     .own = tdl_transfer_put_reject,
     .whole = true, // they have no names by which to know them again
     .clear = TDL_EXECUTE_CLEAR_REJECTS},
};

typedef struct moving {
    const tdl_people *people; /* of the store that they go to */
    const table *table;
    tdl_rows *rows;
    bool *more;
    int64_t *n; /* rows moved */
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
    const table *t = m->table;
    tdl_status st = TDL_OK;

    if (t->whole && !*m->n)
        st = ops->execute(backend, t->clear, NULL, 0, NULL, 0, NULL, why);
    for (int n = 0; !st && n < ROWS_AT_ONCE && (*m->more = tdl_rows_next(m->rows) != NULL); n++) {
        st = t->own ? t->own(ops, backend, m->people, m->rows, why) : put_row(ops, backend, m, why);
        ++*m->n;
    }
    return st;
}

static tdl_status move_table(tdl_transfer *t, const table *one, int64_t *ret_n)
{
    tdl_rows rows = {0};
    bool more = true;
    const moving m = {t->to->people, one, &rows, &more, ret_n};
    tdl_status st = tdl_transfer_start(t->from, one->read, -1, &rows, t->why);

    if (st)
        return st;
    while (!st && more)
        st = tdl_store_write(t->to, put_rows, &m, t->why);
    return tdl_transfer_end(t->from, &rows, st, t->why);
}

tdl_status tdl_transfer_count(tdl_transfer *t, tdl_store *store, tdl_read_statement which,
                              int64_t *ret)
{
    tdl_rows rows = {0};
    tdl_status st = tdl_transfer_start(store, which, -1, &rows, t->why);

    if (st)
        return st;
    for (*ret = 0; tdl_rows_next(&rows);)
        ++*ret;
    return tdl_transfer_end(store, &rows, TDL_OK, t->why);
}

static tdl_status move_tables(tdl_transfer *t, const table *all, size_t n,
                              tdl_transfer_counts *from, tdl_transfer_counts *to)
{
    tdl_status st = TDL_OK;

    for (const table *one = all; !st && one < all + n; one++)
        if (!(st = move_table(t, one, (int64_t *)((char *)from + one->count))))
            st = tdl_transfer_count(t, t->to, one->read, (int64_t *)((char *)to + one->count));
    return st;
}

tdl_status tdl_transfer_erased(tdl_transfer *t, tdl_transfer_counts *from, tdl_transfer_counts *to)
{
    return move_tables(t, erased, sizeof erased / sizeof erased[0], from, to);
}

tdl_status tdl_transfer_tables(tdl_transfer *t, tdl_transfer_counts *from, tdl_transfer_counts *to)
{
    return move_tables(t, tables, sizeof tables / sizeof tables[0], from, to);
}
