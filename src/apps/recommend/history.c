#include "apps/recommend/history.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/names.h"

enum { STRETCH = 1000 }; /* ids that are looked at at once */

/* One id. What another id stands for is kept there. */
typedef struct user {
    int32_t person;   /* the one that stands for it, maybe through others; itself at first */
    int32_t *item;    /* [cap], n in use, by time */
    int64_t *time_us; /* same */
    int64_t *last_us; /* same: of the newest event on the item */
    size_t n, cap;
    size_t digested; /* how many of the oldest `digest` is of */
    tdl_digest digest;
} user;

struct tdl_histories {
    const tdl_catalogue *catalogue;
    tdl_names *names;
    user *users; /* [cap], as many in use as there are names */
    size_t cap;
    tdl_live_state *live; /* NULL = nobody is told */
};

tdl_histories *tdl_histories_new(const tdl_catalogue *catalogue)
{
    tdl_histories *h = calloc(1, sizeof *h);

    if (h && !(h->names = tdl_names_new())) {
        free(h);
        return NULL;
    }
    if (h)
        h->catalogue = catalogue;
    return h;
}

void tdl_histories_free(tdl_histories *h)
{
    if (!h)
        return;
    for (int32_t i = 0; i < tdl_names_count(h->names); i++) {
        free(h->users[i].item);
        free(h->users[i].time_us);
        free(h->users[i].last_us);
    }
    tdl_names_free(h->names);
    free(h->users);
    free(h);
}

void tdl_histories_follow(tdl_histories *h, tdl_live_state *live)
{
    h->live = live;
}

static int32_t root_of(const tdl_histories *h, int32_t number)
{
    while (h->users[number].person != number)
        number = h->users[number].person;
    return number;
}

int32_t tdl_histories_person(const tdl_histories *h, tdl_str id)
{
    int32_t number = tdl_names_find(h->names, id);

    return number < 0 ? number : root_of(h, number);
}

static user *find_or_add(tdl_histories *h, tdl_str id)
{
    size_t n = (size_t)tdl_names_count(h->names);

    if (n == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 256;
        user *users = realloc(h->users, cap * sizeof *users);
        if (!users)
            return NULL;
        h->users = users;
        h->cap = cap;
    }
    int32_t number = tdl_names_add(h->names, id);
    if (number < 0)
        return NULL;
    if ((size_t)number == n)
        h->users[n] = (user){.person = number};
    return &h->users[root_of(h, number)];
}

int32_t tdl_histories_know(tdl_histories *h, tdl_str id)
{
    user *u = find_or_add(h, id);

    return u ? (int32_t)(u - h->users) : -1;
}

int32_t tdl_histories_count(const tdl_histories *h)
{
    return tdl_names_count(h->names);
}

tdl_str tdl_histories_id(const tdl_histories *h, int32_t number)
{
    return tdl_names_at(h->names, number);
}

static bool grow(user *u)
{
    size_t cap = u->cap ? 2 * u->cap : 8;

    if (u->n < u->cap)
        return true;
    int32_t *item = realloc(u->item, cap * sizeof *item);
    if (item)
        u->item = item;
    int64_t *time_us = realloc(u->time_us, cap * sizeof *time_us);
    if (time_us)
        u->time_us = time_us;
    int64_t *last_us = realloc(u->last_us, cap * sizeof *last_us);
    if (last_us)
        u->last_us = last_us;
    if (!item || !time_us || !last_us)
        return false;
    u->cap = cap;
    return true;
}

/* Where `item` stands, or n. */
static size_t find_item(const user *u, int32_t item)
{
    size_t at = 0;

    while (at < u->n && u->item[at] != item)
        at++;
    return at;
}

/* ---- digests: a chain over the events, so that a new one costs one link ---- */

static tdl_digest link_event(tdl_digest before, tdl_str item, int64_t time_us)
{
    static const unsigned char key[crypto_shorthash_siphashx24_KEYBYTES];
    unsigned char bytes[sizeof before + sizeof time_us + TDL_ID_MAX];
    size_t n = item.len < TDL_ID_MAX ? item.len : TDL_ID_MAX;
    tdl_digest after;

    memcpy(bytes, &before, sizeof before);
    memcpy(bytes + sizeof before, &time_us, sizeof time_us);
    if (n)
        memcpy(bytes + sizeof before + sizeof time_us, item.at, n);
    crypto_shorthash_siphashx24(after.byte, bytes, sizeof before + sizeof time_us + n, key);
    return after;
}

static tdl_digest digest_of(const tdl_histories *h, const user *u)
{
    tdl_digest digest = u->digest;

    for (size_t i = u->digested; i < u->n; i++)
        digest = link_event(digest, tdl_catalogue_id(h->catalogue, u->item[i]), u->time_us[i]);
    return digest;
}

/* From `at` on the events are others now. */
static void undigest(user *u, size_t at)
{
    if (at < u->digested) {
        u->digested = 0;
        u->digest = (tdl_digest){0};
    }
}

/* ---- events ---- */

static void remove_at(user *u, size_t at)
{
    undigest(u, at);
    u->n--;
    memmove(u->item + at, u->item + at + 1, (u->n - at) * sizeof *u->item);
    memmove(u->time_us + at, u->time_us + at + 1, (u->n - at) * sizeof *u->time_us);
    memmove(u->last_us + at, u->last_us + at + 1, (u->n - at) * sizeof *u->last_us);
}

/* Behind everything of this time or earlier; there is room. */
static void insert(user *u, int32_t item, int64_t time_us, int64_t last_us)
{
    size_t at = u->n;

    while (at > 0 && u->time_us[at - 1] > time_us)
        at--;
    undigest(u, at);
    memmove(u->item + at + 1, u->item + at, (u->n - at) * sizeof *u->item);
    memmove(u->time_us + at + 1, u->time_us + at, (u->n - at) * sizeof *u->time_us);
    memmove(u->last_us + at + 1, u->last_us + at, (u->n - at) * sizeof *u->last_us);
    u->item[at] = item;
    u->time_us[at] = time_us;
    u->last_us[at] = last_us;
    u->n++;
}

/* An item that was taken from `first_us` to `last_us`. */
static bool add(tdl_histories *h, tdl_str id, int32_t item, int64_t first_us, int64_t last_us)
{
    user *u = find_or_add(h, id);

    if (!u || !grow(u))
        return false;
    size_t at = find_item(u, item);
    bool is_new = at == u->n;
    if (!is_new && u->last_us[at] > last_us)
        last_us = u->last_us[at];
    if (!is_new && u->time_us[at] <= first_us) {
        u->last_us[at] = last_us;
        return false;
    }
    if (!is_new)
        remove_at(u, at);
    bool newest = !u->n || u->time_us[u->n - 1] <= first_us;
    insert(u, item, first_us, last_us);
    if (newest) { // a late event leaves the digest behind: a run of them would cost its square
        u->digest = digest_of(h, u);
        u->digested = u->n;
    }
    return is_new;
}

bool tdl_histories_add(tdl_histories *h, tdl_str id, int32_t item, int64_t time_us)
{
    return add(h, id, item, time_us, time_us);
}

bool tdl_histories_join(tdl_histories *h, tdl_str person, tdl_str id, tdl_again *again,
                        void *context)
{
    if (!find_or_add(h, person) || !find_or_add(h, id))
        return false;
    int32_t kept = root_of(h, tdl_names_find(h->names, person));
    int32_t joined = root_of(h, tdl_names_find(h->names, id));
    user old = h->users[joined];

    if (kept == joined)
        return true;
    h->users[joined] = (user){.person = kept};
    if (h->live)
        tdl_live_state_join(h->live, kept, joined);
    bool ok = true;
    for (size_t i = 0; i < old.n; i++) {
        user *u = &h->users[kept];
        bool known = find_item(u, old.item[i]) < u->n;
        if (known)
            again(context, old.item[i]);
        ok &= add(h, person, old.item[i], old.time_us[i], old.last_us[i]) || known;
    }
    free(old.item);
    free(old.time_us);
    free(old.last_us);
    return ok;
}

/* It stands for whom it stood for. */
static void empty(tdl_histories *h, int32_t number, tdl_again *gone, void *context)
{
    user *u = &h->users[number];

    if (h->live)
        tdl_live_state_forget(h->live, number);
    for (size_t i = 0; i < u->n; i++)
        gone(context, u->item[i]);
    free(u->item);
    free(u->time_us);
    free(u->last_us);
    *u = (user){.person = u->person};
}

bool tdl_histories_part(tdl_histories *h, tdl_str person, tdl_again *gone, void *context)
{
    if (!find_or_add(h, person))
        return false;
    int32_t number = tdl_names_find(h->names, person);
    empty(h, number, gone, context);
    h->users[number].person = number;
    return true;
}

bool tdl_histories_forget(tdl_histories *h, int32_t *from,
                          bool (*is_gone)(void *context, tdl_str id), void *context,
                          tdl_again *gone, void *gone_context)
{
    int32_t n = tdl_names_count(h->names), end = n - *from > STRETCH ? *from + STRETCH : n;

    for (; *from < end; ++*from)
        if (is_gone(context, tdl_names_at(h->names, *from)))
            empty(h, root_of(h, *from), gone, gone_context);
    return end < n;
}

tdl_history tdl_histories_of(const tdl_histories *h, tdl_str id, tdl_digest *ret_digest)
{
    int32_t number = tdl_names_find(h->names, id);
    const user *u = number < 0 ? &(user){0} : &h->users[root_of(h, number)];

    if (ret_digest)
        *ret_digest = digest_of(h, u);
    return (tdl_history){u->item, u->time_us, u->n};
}

const int64_t *tdl_histories_newest(const tdl_histories *h, tdl_str id)
{
    int32_t number = tdl_names_find(h->names, id);

    return number < 0 ? NULL : h->users[root_of(h, number)].last_us;
}
