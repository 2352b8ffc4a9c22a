/* Persons taken apart again, and which ids one has.
 *
 * Joins that stand are a forest over ids: an event joined two persons, so no two ways lead from one
 * id to another. Undoing one makes two persons of one. It is always the newest join that moved
 * `id`, so what it moved hangs together but for what came later.
 */
#include "base/timestamp.h"
#include "store/audit.h"
#include "store/rows.h"
#include "store/store_parts.h"

/* ---- parting ---- */

typedef struct split {
    tdl_str id, name; /* name: of the id in the store */
    tdl_audit_entry entry;
} split;

static tdl_status check_id(const tdl_store_ops *ops, tdl_backend *backend, const split *s,
                           tdl_report *why)
{
    const tdl_value name = tdl_value_text(s->name);
    tdl_value user[2];
    int64_t found = 0;
    tdl_status st = ops->execute(backend, TDL_EXECUTE_FIND_USER, &name, 1, user, 2, &found, why);

    if (st)
        return st;
    if (!found)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no user \"%.*s\"", TDL_FMT(s->id));
    if (!user[1].number)
        return TDL_FAIL_HINT(
            why, TDL_E_CONFLICT, "split off another id of the person, if it has any",
            "\"%.*s\" was not joined to another id: it stands for its person", TDL_FMT(s->id));
    return TDL_OK;
}

/* What each of the two said on consent counts for itself again. */
static tdl_status part(const tdl_store_ops *ops, tdl_backend *backend, const tdl_value join[3],
                       tdl_report *why)
{
    const tdl_value undone[] = {join[0], tdl_value_number(tdl_time_now())};
    tdl_status st;

    if ((st = ops->execute(backend, TDL_EXECUTE_UNDO_JOIN, undone, 2, NULL, 0, NULL, why)) ||
        (st = ops->execute(backend, TDL_EXECUTE_PART, &join[1], 1, NULL, 0, NULL, why)) ||
        (st = ops->execute(backend, TDL_EXECUTE_SUM_CONSENT, &join[1], 1, NULL, 0, NULL, why)))
        return st;
    return ops->execute(backend, TDL_EXECUTE_SUM_CONSENT, &join[2], 1, NULL, 0, NULL, why);
}

static tdl_status undo(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                       tdl_report *why)
{
    const split *s = context;
    tdl_audit_entry entry = s->entry;
    const tdl_value name = tdl_value_text(s->name);
    tdl_value join[3]; /* its number, who was joined, whom to */
    int64_t found = 0;
    tdl_status st;

    if ((st = check_id(ops, backend, s, why)) ||
        (st = ops->execute(backend, TDL_EXECUTE_FIND_JOIN, &name, 1, join, 3, &found, why)))
        return st;
    if (!found)
        return TDL_FAIL(why, TDL_E_CORRUPT, "no join says how \"%.*s\" came to its person",
                        TDL_FMT(s->id));
    entry.members[0] = (tdl_audit_member){"join", join[0]};
    if ((st = part(ops, backend, join, why)))
        return st;
    return tdl_audit_append(ops, backend, &entry, why);
}

tdl_status tdl_store_split(tdl_store *store, tdl_str id, tdl_arena *arena, tdl_str *ret_person,
                           tdl_report *why)
{
    char pseudonym[TDL_PSEUDONYM_LEN + 1];
    split s = {.id = id,
               .name = tdl_people_name(store->people, id, pseudonym),
               .entry = {.action = "person.split"}};

    tdl_audit_begin(store, &s.entry);
    tdl_status st = tdl_store_write(store, undo, &s, why);
    return st ? st : tdl_store_person(store, id, arena, ret_person, why);
}

/* ---- reading ---- */

static tdl_status read_ids(tdl_reader *reader, tdl_str id, tdl_arena *arena, tdl_person_id **ret,
                           size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_person_id *one;
    tdl_status st = tdl_rows_start(&r, TDL_READ_PERSON_IDS, why);

    if (st)
        return st;
    tdl_rows_bind_person(&r, 1, id);
    while ((one = tdl_rows_next(&r)))
        *one = (tdl_person_id){.id = tdl_rows_keep_text(&r, tdl_rows_person(&r, 0, 5, 0)),
                               .joined = !tdl_rows_is_null(&r, 1),
                               .time_us = tdl_rows_is_null(&r, 1) ? 0 : tdl_rows_number(&r, 1),
                               .kind = tdl_rows_keep(&r, 2),
                               .source = tdl_rows_keep(&r, 3),
                               .message_id = tdl_rows_keep(&r, 4)};
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

tdl_status tdl_store_person_ids(tdl_store *store, tdl_str id, tdl_arena *arena, tdl_person_id **ret,
                                size_t *ret_n, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = read_ids(reader, id, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

static tdl_status read_splits(tdl_reader *reader, int64_t *position,
                              void (*fn)(void *context, tdl_str person, tdl_str other),
                              void *context, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st = tdl_rows_start(&r, TDL_READ_SPLITS, why);

    if (st)
        return st;
    tdl_rows_bind_number(&r, 1, *position);
    while (tdl_rows_next(&r)) {
        *position = tdl_rows_number(&r, 2);
        if (fn)
            fn(context, tdl_rows_person(&r, 0, 3, 0), tdl_rows_person(&r, 1, 5, 1));
    }
    return tdl_rows_end(&r, why);
}

tdl_status tdl_store_splits(tdl_store *store, int64_t *position,
                            void (*fn)(void *context, tdl_str person, tdl_str other), void *context,
                            tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = read_splits(reader, position, fn, context, why);
    tdl_store_give_back(store, reader);
    return st;
}
