/* What a group's events say of persons: joins and traits, in one statement. */
#include <stdlib.h>

#include "base/str.h"
#include "store/postgres.h"

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a group of events");
}

static int64_t what_of(const tdl_event *e)
{
    return tdl_str_is(e->kind, "$identify") ? 1 : tdl_str_is(e->kind, "$create_alias") ? 2 : 0;
}

static bool has_traits(const tdl_pg_event *one)
{
    return one->event->traits.len || one->event->traits_once.len;
}

static bool says_of_person(const tdl_pg_event *one)
{
    return *one->ret_seq && (one->alias > 0 || has_traits(one) || what_of(one->event) == 1);
}

/* ---- traits of a sealed store ---- */

/* Numbers and wrapped keys of those whose traits are told. */
static tdl_status read_keys(tdl_backend *b, const tdl_pg_event *const *events, size_t n,
                            PGresult **ret, tdl_report *why)
{
    tdl_buf array = {0};
    tdl_pg_parameters p = {0};
    size_t told_n = 0;

    for (size_t i = 0; i < n; i++)
        told_n += has_traits(events[i]);
    tdl_pg_array(&array, TDL_PG_INT8, told_n);
    for (size_t i = 0; i < n; i++)
        if (has_traits(events[i]))
            tdl_pg_add_number(&array, events[i]->user);
    return tdl_pg_write_arrays(b, TDL_PG_USER_KEYS, &p, &array, 1, "storing traits", ret, why);
}

static tdl_str find_key(const PGresult *keys, int64_t user)
{
    int low = 0, high = PQntuples(keys);

    while (low < high) {
        int middle = low + (high - low) / 2;
        if (tdl_pg_get_number(keys, middle, 0) < user)
            low = middle + 1;
        else
            high = middle;
    }
    return low < PQntuples(keys) && tdl_pg_get_number(keys, low, 0) == user
               ? tdl_pg_get_text(keys, low, 1)
               : (tdl_str){0};
}

/* What the store keeps in place of `traits`; nothing when the user's key was destroyed. */
static void add_traits(const tdl_backend *b, const tdl_pg_event *one, const PGresult *keys,
                       tdl_str traits, tdl_buf *out)
{
    char name[TDL_PSEUDONYM_LEN + 1];
    tdl_buf sealed = {0};

    if (!b->people || !traits.len) {
        tdl_pg_add_text(out, traits);
        return;
    }
    tdl_user_seal row = {.name = tdl_people_name(b->people, one->event->user, name),
                         .key = find_key(keys, one->user)};
    if (tdl_people_seal_traits(b->people, row, traits, &sealed))
        tdl_pg_add_text(out, tdl_buf_view(&sealed));
    else
        tdl_pg_add_text(out, (tdl_str){0});
    out->failed |= sealed.failed;
    tdl_buf_release(&sealed);
}

/* ---- all that is said ---- */

enum { ARRAYS = 7 };

static tdl_status put(tdl_backend *b, const tdl_pg_event *const *events, size_t n, tdl_report *why)
{
    static const tdl_pg_type types[ARRAYS] = {TDL_PG_INT8, TDL_PG_INT8, TDL_PG_INT8, TDL_PG_INT8,
                                              TDL_PG_TEXT, TDL_PG_TEXT, TDL_PG_INT8};
    tdl_buf array[ARRAYS] = {0};
    tdl_pg_parameters p = {0};
    PGresult *keys = NULL;
    tdl_status st = b->people ? read_keys(b, events, n, &keys, why) : TDL_OK;

    if (st)
        return st;
    for (int i = 0; i < ARRAYS; i++)
        tdl_pg_array(&array[i], types[i], n);
    for (size_t i = 0; i < n; i++) {
        const tdl_pg_event *one = events[i];
        tdl_pg_add_number(&array[0], *one->ret_seq);
        tdl_pg_add_number(&array[1], one->user);
        tdl_pg_add_number(&array[2], one->alias > 0 ? one->alias : 0);
        tdl_pg_add_number(&array[3], what_of(one->event));
        add_traits(b, one, keys, one->event->traits, &array[4]);
        add_traits(b, one, keys, one->event->traits_once, &array[5]);
        tdl_pg_add_number(&array[6], one->event->time_us);
    }
    PQclear(keys);
    tdl_pg_bind_number(&p, ARRAYS + 1, TDL_PERSON_IDS_MAX);
    return tdl_pg_write_arrays(b, TDL_PG_PERSONS, &p, array, ARRAYS, "joining persons", NULL, why);
}

static bool may_join(const tdl_pg_event *one)
{
    return *one->ret_seq && one->alias > 0;
}

/* What one of a person's ids said on consent holds for those that were joined with it. */
static tdl_status join_consents(tdl_backend *b, tdl_report *why)
{
    tdl_buf array = {0};
    tdl_pg_parameters p = {0};
    PGresult *result = NULL;
    size_t n = 0;
    tdl_status st;

    for (size_t i = 0; i < b->events_n; i++)
        n += may_join(&b->events[i]);
    if (!n)
        return TDL_OK;
    tdl_pg_array(&array, TDL_PG_INT8, n);
    for (size_t i = 0; i < b->events_n; i++)
        if (may_join(&b->events[i]))
            tdl_pg_add_number(&array, b->events[i].user);
    st = tdl_pg_write_arrays(b, TDL_PG_CONSENTS, &p, &array, 1, "joining persons", &result, why);
    for (int row = 0; !st && row < PQntuples(result); row++) {
        const tdl_value person = tdl_value_number(tdl_pg_get_number(result, row, 0));
        st = tdl_pg_execute(b, TDL_EXECUTE_SUM_CONSENT, &person, 1, NULL, 0, NULL, why);
    }
    PQclear(result);
    return st;
}

tdl_status tdl_pg_put_persons(tdl_backend *b, tdl_report *why)
{
    const tdl_pg_event **events = calloc(b->events_n, sizeof(const tdl_pg_event *));
    size_t n = 0;

    if (!events)
        return no_memory(why);
    for (size_t i = 0; i < b->events_n; i++)
        if (says_of_person(&b->events[i]))
            events[n++] = &b->events[i];
    tdl_status st = n ? put(b, events, n, why) : TDL_OK;
    free(events);
    return st ? st : join_consents(b, why);
}

tdl_status tdl_pg_put_traits(tdl_backend *b, tdl_str user, tdl_str traits, int64_t time_us,
                             tdl_report *why)
{
    tdl_event event = {.user = user, .traits = traits, .time_us = time_us};
    int64_t no_seq = 0;
    tdl_pg_event one = {.event = &event, .ret_seq = &no_seq};
    const tdl_pg_event *events[] = {&one};
    tdl_str name = user;
    tdl_status st;

    if ((st = tdl_pg_lock(b, why)) ||
        (st = tdl_pg_number_names(b, TDL_PG_USERS, (tdl_pg_names){&name, 1}, why)))
        return st;
    if (!tdl_intern_find(&b->names[TDL_PG_USERS], user, &one.user))
        return no_memory(why);
    return one.user > 0 ? put(b, events, 1, why) : TDL_OK;
}
