#include "loop/consent.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/json.h"

struct tdl_loop_consents {
    tdl_store *store;
    pthread_mutex_t looking; /* one look at a time, so that an older one never overwrites a newer */
    int64_t position;        /* of the newest word known; under `looking` */
    pthread_rwlock_t lock;   /* of all below */
    json_t *said;            /* id -> granted << 8 | denied */
    unsigned withheld;       /* from whoever is not in it */
    bool no_memory;          /* somebody is missing */
};

/* Under the lock. */
static void take(void *context, const tdl_consent_said *one)
{
    tdl_loop_consents *c = context;
    json_t *bits = json_integer((json_int_t)(one->granted << 8 | one->denied));

    if (json_object_setn_new_nocheck(c->said, one->id.at, one->id.len, bits))
        c->no_memory = true;
}

static tdl_status read_all(tdl_loop_consents *c, tdl_report *why)
{
    unsigned withheld;
    tdl_status st = tdl_store_consent_default(c->store, &withheld, why);

    if (st || (st = tdl_store_new_consents(c->store, &c->position, NULL, NULL, why)))
        return st;
    c->withheld = withheld;
    if ((st = tdl_store_each_consent(c->store, (tdl_str){0}, take, c, why)))
        return st;
    return c->no_memory ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for what persons consent to")
                        : TDL_OK;
}

tdl_status tdl_loop_consents_open(tdl_store *store, tdl_loop_consents **ret, tdl_report *why)
{
    tdl_loop_consents *c = calloc(1, sizeof *c);
    tdl_status st;

    if (!c)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for what persons consent to");
    c->store = store;
    c->position = -1;
    c->said = json_object();
    pthread_mutex_init(&c->looking, NULL);
    pthread_rwlock_init(&c->lock, NULL);
    if ((st = read_all(c, why))) {
        tdl_loop_consents_close(c);
        return st;
    }
    *ret = c;
    return TDL_OK;
}

void tdl_loop_consents_close(tdl_loop_consents *c)
{
    if (!c)
        return;
    json_decref(c->said);
    pthread_rwlock_destroy(&c->lock);
    pthread_mutex_destroy(&c->looking);
    free(c);
}

bool tdl_loop_consents_deny(tdl_loop_consents *c, tdl_str user, tdl_purpose purpose)
{
    pthread_rwlock_rdlock(&c->lock);
    const json_t *bits = user.len ? json_object_getn(c->said, user.at, user.len) : NULL;
    unsigned said = bits ? (unsigned)json_integer_value(bits) : 0;
    bool denies = ((said | (c->withheld & ~(said >> 8))) & purpose) != 0;
    pthread_rwlock_unlock(&c->lock);
    return denies;
}

/* Collected first: the lock is not held while the store is read. */
static void collect(void *context, const tdl_consent_said *one)
{
    json_t *bits = json_integer((json_int_t)(one->granted << 8 | one->denied));

    json_object_setn_new_nocheck(context, one->id.at, one->id.len, bits);
}

/* Under `looking`. */
static tdl_status look(tdl_loop_consents *c, tdl_str user, tdl_report *why)
{
    json_t *ids = json_object();
    tdl_status st = ids ? tdl_store_each_consent(c->store, user, collect, ids, why)
                        : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for what a person consents to");

    pthread_rwlock_wrlock(&c->lock);
    if (!st && json_object_update(c->said, ids))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for what a person consents to");
    pthread_rwlock_unlock(&c->lock);
    json_decref(ids);
    return st;
}

tdl_status tdl_loop_consents_look(tdl_loop_consents *c, tdl_str user, tdl_report *why)
{
    pthread_mutex_lock(&c->looking);
    tdl_status st = look(c, user, why);
    pthread_mutex_unlock(&c->looking);
    return st;
}

static void collect_id(void *context, const tdl_consent_said *one)
{
    json_array_append_new(context, json_stringn_nocheck(one->id.at, one->id.len));
}

/* Who spoke is collected before each is looked at: a reader answers one question at a time. */
static tdl_status look_at_new(tdl_loop_consents *c, tdl_report *why)
{
    json_t *ids = json_array();
    int64_t position = c->position;
    tdl_status st = tdl_store_new_consents(c->store, &position, collect_id, ids, why);

    for (size_t i = 0; !st && i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        st = look(c, (tdl_str){json_string_value(id), json_string_length(id)}, why);
    }
    if (!st)
        c->position = position;
    json_decref(ids);
    return st;
}

tdl_status tdl_loop_consents_refresh(tdl_loop_consents *c, tdl_report *why)
{
    unsigned withheld;
    tdl_status st = tdl_store_consent_default(c->store, &withheld, why);

    if (st)
        return st;
    pthread_mutex_lock(&c->looking);
    pthread_rwlock_wrlock(&c->lock);
    c->withheld = withheld;
    pthread_rwlock_unlock(&c->lock);
    st = look_at_new(c, why);
    pthread_mutex_unlock(&c->looking);
    return st;
}

tdl_status tdl_loop_put_consent(tdl_loop *loop, tdl_str user, const tdl_consent *word,
                                tdl_report *why)
{
    tdl_status st = tdl_store_put_consent(tdl_loop_store(loop), user, word, why);

    return st ? st : tdl_loop_consents_look(tdl_loop_consents_of(loop), user, why);
}
