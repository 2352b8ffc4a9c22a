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

/* Run a statement of up to three numbers. */
static tdl_status run_with(tdl_backend *b, tdl_write_statement which, int64_t first, int64_t second,
                           int64_t third, tdl_report *why)
{
    const int64_t number[] = {first, second, third};
    sqlite3_stmt *s;
    tdl_status st = tdl_sqlite_prepare(b, which, &s, why);

    if (st)
        return st;
    for (int i = sqlite3_bind_parameter_count(s); i > 0; i--)
        sqlite3_bind_int64(s, i, number[i - 1]);
    return tdl_sqlite_step(b, s, "joining persons", why);
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

static tdl_status move_ids(tdl_backend *b, int64_t seq, root kept, root joined, tdl_report *why)
{
    tdl_status st;

    if ((st = run_with(b, TDL_WRITE_JOIN, seq, kept.id, joined.id, why)) ||
        (st = run_with(b, TDL_WRITE_JOIN_IDS, sqlite3_last_insert_rowid(b->db), joined.id, 0,
                       why)) ||
        (st = run_with(b, TDL_WRITE_JOIN_MOVE, kept.id, joined.id, 0, why)))
        return st;
    return joined.identified ? run_with(b, TDL_WRITE_IDENTIFIED, kept.id, 0, 0, why) : TDL_OK;
}

/* What cannot be joined stays apart, and its event is stored all the same. */
static tdl_status join(tdl_backend *b, int64_t seq, int64_t user, int64_t alias, bool forced,
                       tdl_report *why)
{
    root kept, joined;
    int64_t ids = 0;
    tdl_status st;

    if ((st = find_root(b, user, &kept, why)) || (st = find_root(b, alias, &joined, why)))
        return st;
    if (kept.id == joined.id || (kept.identified && joined.identified && !forced))
        return TDL_OK;
    if ((st = count_ids(b, kept, joined, &ids, why)))
        return st;
    if (ids > TDL_PERSON_IDS_MAX)
        return TDL_OK;
    return joined.identified && !kept.identified ? move_ids(b, seq, joined, kept, why)
                                                 : move_ids(b, seq, kept, joined, why);
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
    root own;
    tdl_status st;

    if (tdl_str_is(e->kind, "$identify") &&
        ((st = find_root(b, user, &own, why)) ||
         (st = run_with(b, TDL_WRITE_IDENTIFIED, own.id, 0, 0, why))))
        return st;
    if (alias > 0 && (st = join(b, seq, user, alias, tdl_str_is(e->kind, "$create_alias"), why)))
        return st;
    if ((st = put_traits(b, TDL_WRITE_TRAITS, user, e->user, e->traits, e->time_us, why)))
        return st;
    return put_traits(b, TDL_WRITE_TRAITS_ONCE, user, e->user, e->traits_once, e->time_us, why);
}

tdl_status tdl_sqlite_put_traits(tdl_backend *b, tdl_str user, tdl_str traits, int64_t time_us,
                                 tdl_report *why)
{
    int64_t id;
    tdl_status st = tdl_sqlite_intern(b, TDL_USERS, user, &id, why);

    return st || id < 0 ? st : put_traits(b, TDL_WRITE_TRAITS, id, user, traits, time_us, why);
}
