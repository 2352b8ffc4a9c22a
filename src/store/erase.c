/* Erasing a person: the transaction. */
#include "store/erase.h"

#include <string.h>

#include "base/json.h"
#include "base/uuid.h"
#include "store/audit.h"
#include "store/check.h"
#include "store/rejects.h"
#include "store/store_parts.h"

enum { DAY_SECONDS = 86400, BACKUP_DAYS_MAX = 36500 };

/* One erasure, on the writer thread. */
typedef struct erasing {
    tdl_people *people; /* NULL: the store is plain */
    const tdl_erase_request *request;
    const tdl_str *ids; /* [ids_n] of the person, as they were sent; whoever was asked for is one */
    size_t ids_n;
    tdl_audit_entry entry; /* begun */
    tdl_receipt receipt;
    int64_t person;   /* number of the user who stands for the person; 0 = unknown */
    bool is_new;      /* the person was unknown until now */
    int64_t first_us; /* of the events that go; INT64_MAX = none */
    int64_t rewards;
    char id[37], subject[TDL_SUBJECT_MAX], audit_subject[TDL_AUDIT_SUBJECT_MAX];
    tdl_buf text, stale; /* the receipt; versions of models that may have seen what went */
    tdl_buf id_text, sealed;
} erasing;

/* One of the person's ids, as the store calls it. */
typedef struct person_id {
    int64_t number;
    char name[TDL_ID_MAX];
    size_t name_n;
    char erased[TDL_SUBJECT_MAX]; /* the name under which a plain store would erase it; empty when
                                   * nobody can tell */
    bool has_key, is_erased;
} person_id;

typedef struct erase_call {
    erasing *e;
} erase_call;

typedef struct to {
    const tdl_store_ops *ops;
    tdl_backend *backend;
    tdl_report *why;
} to;

static tdl_status change(const to *t, tdl_execute which, const tdl_value *in, size_t in_n,
                         int64_t *add_rows)
{
    int64_t rows = 0;
    tdl_status st = t->ops->execute(t->backend, which, in, in_n, NULL, 0, &rows, t->why);

    if (add_rows)
        *add_rows += rows;
    return st;
}

static int64_t until_of(const tdl_erase_request *r)
{
    return r->until_us ? r->until_us : INT64_MAX;
}

static bool is_whole(const tdl_erase_request *r)
{
    return !r->from_us && !r->until_us && !r->kinds_n;
}

/* ---- what goes ---- */

static tdl_status find_person(const to *t, erasing *e)
{
    char pseudonym[TDL_PSEUDONYM_LEN + 1], gone[TDL_PSEUDONYM_LEN + 1], erased[TDL_SUBJECT_MAX];
    tdl_str name = tdl_people_name(e->people, e->request->user, pseudonym);
    tdl_value found;
    int64_t rows = 0;

    tdl_erased_name(e->request->user, erased);
    const tdl_value in[] = {tdl_value_text(name),
                            tdl_value_text(tdl_people_erased(e->people, tdl_str_of(erased), gone))};
    tdl_status st =
        t->ops->execute(t->backend, TDL_EXECUTE_ERASE_FIND, in, 2, &found, 1, &rows, t->why);
    e->person = !st && rows ? found.number : 0;
    strcpy(e->subject, e->people ? pseudonym : erased);
    if (st || e->person || !is_whole(e->request))
        return st;
    e->is_new = true; // what comes late is dropped all the same
    return t->ops->number_user(t->backend, e->request->user, &e->person, t->why);
}

static tdl_status remove_events(const to *t, erasing *e, tdl_str kind)
{
    const tdl_value in[] = {tdl_value_number(e->person), tdl_value_number(e->request->from_us),
                            tdl_value_number(until_of(e->request)), tdl_value_text(kind)};
    tdl_value found[2] = {0};
    int64_t rows;
    tdl_status st =
        t->ops->execute(t->backend, TDL_EXECUTE_ERASE_MEASURE, in, 4, found, 2, &rows, t->why);

    if (st || found[0].kind == TDL_VALUE_NULL) // no events
        return st;
    if (found[0].number < e->first_us)
        e->first_us = found[0].number;
    e->rewards += found[1].number;
    if ((st = change(t, TDL_EXECUTE_ERASE_UNNAME, in, 4, NULL)))
        return st;
    return change(t, TDL_EXECUTE_ERASE_EVENTS, in, 4, &e->receipt.events);
}

/* An erased id is forgotten by a plain store; of a sealed one the pseudonym is nobody's any more,
 * and what a plain store would call it lies sealed, for when this one is moved into such a store.
 */
static tdl_status erase_id(const to *t, erasing *e, const person_id *id)
{
    tdl_str name = {id->name, id->name_n};
    tdl_value sealed = {0};

    if (!e->people && !id->is_erased)
        name = tdl_str_of(id->erased);
    if (e->people && *id->erased) {
        tdl_buf_clear(&e->sealed);
        tdl_people_seal_own(e->people, TDL_SEAL_ERASED, name, tdl_str_of(id->erased), &e->sealed);
        if (e->sealed.failed)
            return TDL_FAIL(t->why, TDL_E_NO_MEMORY, "no memory to erase an id");
        sealed = tdl_value_bytes(tdl_buf_view(&e->sealed));
    }
    const tdl_value in[] = {tdl_value_number(id->number), tdl_value_text(name),
                            tdl_value_number(e->receipt.removed_us), sealed};
    e->receipt.keys += id->has_key && !e->is_new;
    return change(t, TDL_EXECUTE_ERASE_ID, in, 4, NULL);
}

static tdl_status remove_decisions(const to *t, erasing *e, tdl_str name)
{
    const tdl_value in[] = {tdl_value_text(name), tdl_value_number(e->request->from_us),
                            tdl_value_number(until_of(e->request))};

    return change(t, TDL_EXECUTE_ERASE_DECISIONS, in, 3, &e->receipt.decisions);
}

/* The next id of the person; 0 when there is none. */
static tdl_status next_id(const to *t, erasing *e, person_id *id)
{
    const tdl_value in[] = {tdl_value_number(e->person), tdl_value_number(id->number)};
    tdl_value found[5];
    int64_t rows = 0;
    tdl_status st =
        t->ops->execute(t->backend, TDL_EXECUTE_ERASE_NEXT_ID, in, 2, found, 5, &rows, t->why);

    id->number = 0;
    if (st || !rows)
        return st;
    id->number = found[0].number;
    id->name_n = found[1].text.len < sizeof id->name ? found[1].text.len : sizeof id->name;
    memcpy(id->name, found[1].text.at, id->name_n);
    id->has_key = found[2].kind != TDL_VALUE_NULL;
    id->is_erased = found[4].number != 0;
    const tdl_user_seal row = {found[1].text, found[2].text, found[3].text};
    tdl_str text = tdl_people_id(e->people, row, &e->id_text);
    id->erased[0] = '\0';
    if (!e->people || text.at != row.name.at)
        tdl_erased_name(text, id->erased);
    return TDL_OK;
}

/* The decisions of each of the person's ids, and then the id itself when the whole person goes. */
static tdl_status walk_ids(const to *t, erasing *e)
{
    person_id id = {0};
    tdl_status st;

    while (!(st = next_id(t, e, &id)) && id.number)
        if ((st = remove_decisions(t, e, (tdl_str){id.name, id.name_n})) ||
            (is_whole(e->request) && (st = erase_id(t, e, &id))))
            break;
    return st;
}

static tdl_status remove_events_and_traits(const to *t, erasing *e)
{
    const tdl_erase_request *r = e->request;
    const tdl_value in[] = {tdl_value_number(e->person), tdl_value_number(r->from_us),
                            tdl_value_number(until_of(r))};
    tdl_status st = TDL_OK;

    for (size_t i = 0; !st && i < r->kinds_n; i++)
        st = remove_events(t, e, r->kinds[i]);
    if (st || r->kinds_n)
        return st;
    st = remove_events(t, e, (tdl_str){0});
    return st ? st : change(t, TDL_EXECUTE_ERASE_TRAITS, in, 3, &e->receipt.traits);
}

static tdl_status remove_whole(const to *t, erasing *e)
{
    const tdl_value person = tdl_value_number(e->person);
    tdl_status st;

    if ((st = change(t, TDL_EXECUTE_ERASE_CONSENTS, &person, 1, &e->receipt.consents)) ||
        (st = change(t, TDL_EXECUTE_ERASE_JOINED, &person, 1, NULL)) ||
        (st = change(t, TDL_EXECUTE_ERASE_JOINS, &person, 1, &e->receipt.joins)))
        return st;
    return t->ops->forget_names(t->backend, t->why);
}

static tdl_status remove_rows(const to *t, erasing *e)
{
    char pseudonym[TDL_PSEUDONYM_LEN + 1];
    bool whole = is_whole(e->request);
    tdl_status st = TDL_OK;

    if (e->person &&
        ((st = remove_events_and_traits(t, e)) || (whole && (st = remove_whole(t, e))) ||
         (!e->request->kinds_n && (st = walk_ids(t, e)))))
        return st;
    // Somebody may have been decided for without ever being a user.
    if (!e->request->kinds_n &&
        (st = remove_decisions(t, e, tdl_people_name(e->people, e->request->user, pseudonym))))
        return st;
    return whole ? tdl_rejects_erase(t->ops, t->backend, e->people, e->ids, e->ids_n,
                                     &e->receipt.rejects, t->why)
                 : TDL_OK;
}

/* ---- models ---- */

/* Every model made since the first event that went was stored. A client's clock may be a day ahead.
 */
static tdl_status mark_models(const to *t, erasing *e)
{
    tdl_value in[] = {tdl_value_number(e->first_us - (int64_t)DAY_SECONDS * 1000000),
                      tdl_value_text(TDL_STR(""))};
    tdl_jw w = {.out = &e->stale};
    char version[TDL_ID_MAX];
    tdl_value found;
    int64_t rows = 1;
    tdl_status st = TDL_OK;

    tdl_jw_array(&w);
    while (e->first_us < INT64_MAX && rows &&
           !(st = t->ops->execute(t->backend, TDL_EXECUTE_ERASE_NEXT_MODEL, in, 2, &found, 1, &rows,
                                  t->why)))
        if (rows) {
            size_t n = found.text.len < sizeof version ? found.text.len : sizeof version;
            memcpy(version, found.text.at, n);
            in[1] = tdl_value_text((tdl_str){version, n});
            tdl_jw_str(&w, in[1].text);
        }
    tdl_jw_end_array(&w);
    if (st || e->first_us == INT64_MAX)
        return st;
    in[1] = tdl_value_number(e->receipt.removed_us);
    return change(t, TDL_EXECUTE_ERASE_MODELS, in, 2, NULL);
}

/* ---- the erasure's own rows ---- */

/* The receipt names the entry that was made of the erasure. */
static tdl_status put_entry(const to *t, erasing *e)
{
    const tdl_receipt *r = &e->receipt;
    tdl_audit_entry entry = e->entry;
    const tdl_audit_member members[] = {
        {"request", tdl_value_text(tdl_str_of(e->id))}, {"consents", tdl_value_number(r->consents)},
        {"decisions", tdl_value_number(r->decisions)},  {"events", tdl_value_number(r->events)},
        {"joins", tdl_value_number(r->joins)},          {"rejects", tdl_value_number(r->rejects)},
        {"traits", tdl_value_number(r->traits)},
    };

    _Static_assert(sizeof members == sizeof entry.members, "as many as an entry holds");
    memcpy(entry.members, members, sizeof members);
    tdl_status st = tdl_audit_append(t->ops, t->backend, &entry, t->why);
    if (!st)
        e->receipt.audit = *t->ops->audit(t->backend);
    return st;
}

static tdl_status put_erasure(const to *t, erasing *e)
{
    tdl_receipt_write(&e->receipt, tdl_buf_view(&e->stale), &e->text);
    if (e->text.failed || e->stale.failed)
        return TDL_FAIL(t->why, TDL_E_NO_MEMORY, "no memory for a receipt");
    const tdl_value in[] = {
        tdl_value_text(tdl_str_of(e->id)), tdl_value_text(tdl_str_of(e->subject)),
        tdl_value_text(tdl_buf_view(&e->text)), tdl_value_number(e->receipt.removed_us)};
    return change(t, TDL_EXECUTE_PUT_ERASURE, in, 4, NULL);
}

static tdl_removed removed_by(const erasing *e)
{
    return (tdl_removed){e->receipt.events, e->rewards, e->receipt.decisions};
}

static tdl_status erase(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                        tdl_report *why)
{
    erasing *e = ((const erase_call *)context)->e;
    to t = {ops, backend, why};
    tdl_status st;

    if ((st = find_person(&t, e)) || (st = remove_rows(&t, e)) || (st = mark_models(&t, e)) ||
        (st = put_entry(&t, e)) || (st = put_erasure(&t, e)))
        return st;
    const tdl_removed removed = removed_by(e);
    if (ops->removed)
        ops->removed(backend, &removed);
    return TDL_OK;
}

/* ---- the whole ---- */

static tdl_status check(const tdl_erase_request *r, tdl_report *why)
{
    tdl_status st = tdl_check_text("user", r->user, TDL_ID_MAX, true, why);

    for (size_t i = 0; !st && i < r->kinds_n; i++)
        st = tdl_check_text("kinds", r->kinds[i], TDL_KIND_MAX, true, why);
    if (st)
        return st;
    if (r->from_us < 0 || r->until_us < 0 || r->from_us >= until_of(r))
        return TDL_FAIL(why, TDL_E_INVALID, "the time from which to erase is not before its end");
    if (r->kinds_n > TDL_ERASE_KINDS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "at most %d kinds", TDL_ERASE_KINDS_MAX);
    if (r->backup_days < 0 || r->backup_days > BACKUP_DAYS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "backup_days must be 0 to %d", BACKUP_DAYS_MAX);
    return TDL_OK;
}

/* Read beside the writer; of a sealed store nobody can read them afterwards. */
static tdl_status list_ids(tdl_store *store, tdl_arena *arena, erasing *e, tdl_report *why)
{
    tdl_person_id *known;
    size_t n;
    tdl_status st = tdl_store_person_ids(store, e->request->user, arena, &known, &n, why);

    if (st)
        return st;
    tdl_str *ids = tdl_arena_alloc(arena, n + 1, sizeof *ids);
    if (!ids)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to erase a person");
    ids[0] = e->request->user;
    e->ids_n = 1;
    for (size_t i = 0; i < n; i++)
        if (!tdl_str_eq(known[i].id, ids[0]))
            ids[e->ids_n++] = known[i].id;
    e->ids = ids;
    return TDL_OK;
}

static tdl_status begin(tdl_store *store, const tdl_erase_request *request, tdl_arena *arena,
                        erasing *e, tdl_report *why)
{
    tdl_status st;

    e->request = request;
    if ((st = check(request, why)) || (st = list_ids(store, arena, e, why)))
        return st;
    e->people = store->people;
    e->first_us = INT64_MAX;
    tdl_audit_subject(store, request->user, e->audit_subject);
    e->entry = (tdl_audit_entry){.action = "person.erase", .subject = tdl_str_of(e->audit_subject)};
    tdl_audit_begin(store, &e->entry);
    tdl_uuid7(e->id);
    e->receipt = (tdl_receipt){.request = e->id,
                               .subject = e->subject,
                               .scope = request,
                               .removed_us = e->entry.time_us,
                               .shared = store->ops->follow != NULL};
    return TDL_OK;
}

tdl_status tdl_store_erase(tdl_store *store, const tdl_erase_request *request, tdl_arena *arena,
                           tdl_erasure *ret, tdl_report *why)
{
    erasing e = {0};
    tdl_status st;

    if (!(st = begin(store, request, arena, &e, why)) &&
        !(st = tdl_store_write(store, erase, &(erase_call){&e}, why))) {
        const tdl_removed removed = removed_by(&e);
        tdl_writer_count_removed(store->writer, &removed);
        tdl_erasure_conclude(store, tdl_str_of(e.id), tdl_buf_view(&e.text));
        st = tdl_store_get_erasure(store, tdl_str_of(e.id), arena, ret, why);
    }
    tdl_buf_release(&e.text);
    tdl_buf_release(&e.stale);
    tdl_buf_release(&e.id_text);
    tdl_buf_release(&e.sealed);
    return st;
}
