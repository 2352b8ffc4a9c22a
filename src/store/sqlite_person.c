/* Persons in the SQLite backend, written: ids that are one, and what is known of them. */
#include "base/str.h"
#include "store/sqlite.h"

/* Who stands for a user, and whether it is identified. */
typedef struct root {
    int64_t id;
    bool identified;
} root;

static tdl_status read_numbers(tdl_backend *b, sqlite3_stmt *s, int64_t *ret, int n,
                               tdl_report *why)
{
    int code = sqlite3_step(s);
    tdl_status st = code == SQLITE_ROW ? TDL_OK : tdl_sqlite_fail(b->db, "joining persons", why);

    for (int i = 0; !st && i < n; i++)
        ret[i] = sqlite3_column_int64(s, i);
    sqlite3_reset(s);
    return st;
}

static tdl_status find_root(tdl_backend *b, int64_t user, root *ret, tdl_report *why)
{
    sqlite3_stmt *s;
    int64_t found[2];
    tdl_status st = tdl_sqlite_prepare(b, TDL_WRITE_JOIN_ROOT, &s, why);

    if (st)
        return st;
    sqlite3_bind_int64(s, 1, user);
    if ((st = read_numbers(b, s, found, 2, why)))
        return st;
    *ret = (root){found[0], found[1] != 0};
    return TDL_OK;
}

/* Run a statement of up to five numbers. */
static tdl_status run_with(tdl_backend *b, tdl_write_statement which, const int64_t number[5],
                           tdl_report *why)
{
    sqlite3_stmt *s;
    tdl_status st = tdl_sqlite_prepare(b, which, &s, why);

    if (st)
        return st;
    for (int i = sqlite3_bind_parameter_count(s); i > 0; i--)
        sqlite3_bind_int64(s, i, number[i - 1]);
    return tdl_sqlite_step(b, s, "joining persons", why);
}

/* An alias that is newer than the parting joins two persons again; nothing else does. */
static tdl_status was_undone(tdl_backend *b, root one, root other, int64_t since_us, bool *ret,
                             tdl_report *why)
{
    sqlite3_stmt *s;
    int64_t n = 0;
    tdl_status st = tdl_sqlite_prepare(b, TDL_WRITE_JOIN_UNDONE, &s, why);

    if (st)
        return st;
    sqlite3_bind_int64(s, 1, one.id);
    sqlite3_bind_int64(s, 2, other.id);
    sqlite3_bind_int64(s, 3, since_us);
    st = read_numbers(b, s, &n, 1, why);
    *ret = n > 0;
    return st;
}

static tdl_status count_ids(tdl_backend *b, root one, root other, int64_t *ret, tdl_report *why)
{
    sqlite3_stmt *s;
    tdl_status st = tdl_sqlite_prepare(b, TDL_WRITE_JOIN_SIZE, &s, why);

    if (st)
        return st;
    sqlite3_bind_int64(s, 1, one.id);
    sqlite3_bind_int64(s, 2, other.id);
    return read_numbers(b, s, ret, 1, why);
}

/* An event that names another id of the same person. */
typedef struct link {
    int64_t seq, own, alias, time_us;
    bool forced; /* said by somebody who knows, not found by an SDK */
} link;

static tdl_status move_ids(tdl_backend *b, const link *l, root kept, root joined, tdl_report *why)
{
    tdl_status st = run_with(b, TDL_WRITE_JOIN,
                             (int64_t[5]){l->seq, kept.id, joined.id, l->own, l->alias}, why);

    if (st)
        return st;
    int64_t id = sqlite3_last_insert_rowid(b->db);
    if ((st = run_with(b, TDL_WRITE_JOIN_IDS, (int64_t[5]){id, joined.id}, why)) ||
        (st = run_with(b, TDL_WRITE_JOIN_MOVE, (int64_t[5]){kept.id, joined.id}, why)) ||
        (joined.identified && (st = run_with(b, TDL_WRITE_IDENTIFIED, (int64_t[5]){kept.id}, why))))
        return st;
    const tdl_value person = tdl_value_number(kept.id);
    return tdl_sqlite_execute(b, TDL_EXECUTE_SUM_CONSENT, &person, 1, NULL, 0, NULL, why);
}

/* What cannot be joined stays apart, and its event is stored all the same. */
static tdl_status join(tdl_backend *b, const link *l, tdl_report *why)
{
    root kept, joined;
    int64_t ids = 0;
    bool undone = false;
    tdl_status st;

    if ((st = find_root(b, l->own, &kept, why)) || (st = find_root(b, l->alias, &joined, why)))
        return st;
    if (kept.id == joined.id || (kept.identified && joined.identified && !l->forced))
        return TDL_OK;
    if ((st = count_ids(b, kept, joined, &ids, why)) ||
        (st = was_undone(b, kept, joined, l->forced ? l->time_us : 0, &undone, why)))
        return st;
    if (ids > TDL_PERSON_IDS_MAX || undone)
        return TDL_OK;
    return joined.identified && !kept.identified ? move_ids(b, l, joined, kept, why)
                                                 : move_ids(b, l, kept, joined, why);
}

/* What a sealed store keeps in place of `traits`; empty when the user's key was destroyed. */
static tdl_status seal_traits(tdl_backend *b, int64_t user, tdl_str id, tdl_str *traits,
                              tdl_report *why)
{
    char name[TDL_PSEUDONYM_LEN + 1];
    tdl_user_seal row = {.name = tdl_people_name(b->people, id, name)};
    sqlite3_stmt *s;
    tdl_status st = tdl_sqlite_prepare(b, TDL_WRITE_USER_KEY, &s, why);

    if (st)
        return st;
    sqlite3_bind_int64(s, 1, user);
    tdl_buf_clear(&b->sealed[0]);
    if (sqlite3_step(s) == SQLITE_ROW) {
        const char *key = sqlite3_column_blob(s, 0);
        row.key = (tdl_str){key, (size_t)sqlite3_column_bytes(s, 0)};
        if (!tdl_people_seal_traits(b->people, row, *traits, &b->sealed[0]))
            b->sealed[0].len = 0;
        if (b->sealed[0].failed)
            st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to store traits");
    }
    *traits = tdl_buf_view(&b->sealed[0]);
    if (sqlite3_reset(s))
        st = tdl_sqlite_fail(b->db, "storing traits", why);
    return st;
}

/* user: the row of `id`. */
static tdl_status put_traits(tdl_backend *b, tdl_write_statement which, int64_t user, tdl_str id,
                             tdl_str traits, int64_t time_us, tdl_report *why)
{
    sqlite3_stmt *s;
    tdl_status st = TDL_OK;

    if (traits.len && b->people)
        st = seal_traits(b, user, id, &traits, why);
    if (st || !traits.len || (st = tdl_sqlite_prepare(b, which, &s, why)))
        return st;
    sqlite3_bind_int64(s, 1, user);
    tdl_sqlite_bind_text(s, 2, traits);
    sqlite3_bind_int64(s, 3, time_us);
    return tdl_sqlite_step(b, s, "storing traits", why);
}

tdl_status tdl_sqlite_put_person(tdl_backend *b, const tdl_event *e, int64_t seq, int64_t user,
                                 int64_t alias, tdl_report *why)
{
    const link l = {seq, user, alias, e->time_us, tdl_str_is(e->kind, "$create_alias")};
    root own;
    tdl_status st;

    if (tdl_str_is(e->kind, "$identify") &&
        ((st = find_root(b, user, &own, why)) ||
         (st = run_with(b, TDL_WRITE_IDENTIFIED, (int64_t[5]){own.id}, why))))
        return st;
    if (alias > 0 && (st = join(b, &l, why)))
        return st;
    if ((st = put_traits(b, TDL_WRITE_TRAITS, user, e->user, e->traits, e->time_us, why)) ||
        (st = put_traits(b, TDL_WRITE_TRAITS_ONCE, user, e->user, e->traits_once, e->time_us, why)))
        return st;
    return tdl_put_group(tdl_sqlite_execute, b, e, user, why);
}

tdl_status tdl_sqlite_put_traits(tdl_backend *b, tdl_str user, tdl_str traits, int64_t time_us,
                                 tdl_report *why)
{
    int64_t id;
    tdl_status st = tdl_sqlite_intern(b, TDL_USERS, user, &id, why);

    return st || id < 0 ? st : put_traits(b, TDL_WRITE_TRAITS, id, user, traits, time_us, why);
}
