#include "http/auth.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { WATCH_MS = 100, KEYS_BUDGET = 64 << 20 };

typedef struct known_key {
    uint8_t hash[32];
    tdl_right right;
} known_key;

struct tdl_auth {
    tdl_store *store;
    pthread_rwlock_t lock;
    known_key *keys; /* [keys_n], valid ones; guarded by lock */
    size_t keys_n;
    pthread_mutex_t reloading; /* guards data_version */
    int64_t data_version;      /* of the store when the keys were loaded */
    pthread_t watcher;
    pthread_mutex_t watching; /* guards stopping */
    pthread_cond_t changed;
    bool stopping;
};

static tdl_status load(tdl_auth *auth, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(KEYS_BUDGET);
    known_key *keys = NULL;
    tdl_key_row *rows;
    size_t rows_n, n = 0;
    tdl_status st;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the keys");
    if ((st = tdl_store_keys(auth->store, arena, &rows, &rows_n, why)))
        goto out;
    if (!(keys = calloc(rows_n + 1, sizeof *keys))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the keys");
        goto out;
    }
    for (size_t i = 0; i < rows_n; i++)
        if (!rows[i].revoked_us) {
            memcpy(keys[n].hash, rows[i].hash, sizeof keys[n].hash);
            keys[n++].right = rows[i].right;
        }
    pthread_rwlock_wrlock(&auth->lock);
    known_key *former = auth->keys;
    auth->keys = keys;
    auth->keys_n = n;
    pthread_rwlock_unlock(&auth->lock);
    keys = former;
out:
    free(keys);
    tdl_arena_free(arena);
    return st;
}

tdl_status tdl_auth_reload(tdl_auth *auth, tdl_report *why)
{
    pthread_mutex_lock(&auth->reloading);
    int64_t data_version = tdl_store_data_version(auth->store); // before: a change is seen twice
    tdl_status st = load(auth, why);
    if (!st)
        auth->data_version = data_version;
    pthread_mutex_unlock(&auth->reloading);
    return st;
}

/* Reload when the store has changed. Wrong keys, however many, cost one load a commit. */
static void refresh(tdl_auth *auth)
{
    pthread_mutex_lock(&auth->reloading);
    bool due = tdl_store_data_version(auth->store) != auth->data_version;
    pthread_mutex_unlock(&auth->reloading);
    if (due)
        tdl_auth_reload(auth, NULL); // failing, the keys known so far stay
}

static void *watch(void *context)
{
    tdl_auth *auth = context;

    pthread_mutex_lock(&auth->watching);
    while (!auth->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WATCH_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (pthread_cond_timedwait(&auth->changed, &auth->watching, &until) != ETIMEDOUT)
            continue;
        pthread_mutex_unlock(&auth->watching);
        refresh(auth);
        pthread_mutex_lock(&auth->watching);
    }
    pthread_mutex_unlock(&auth->watching);
    return NULL;
}

static bool start_watcher(tdl_auth *auth)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&auth->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return !pthread_create(&auth->watcher, NULL, watch, auth);
}

static void destroy(tdl_auth *auth)
{
    pthread_cond_destroy(&auth->changed);
    pthread_mutex_destroy(&auth->watching);
    pthread_mutex_destroy(&auth->reloading);
    pthread_rwlock_destroy(&auth->lock);
    free(auth->keys);
    free(auth);
}

tdl_status tdl_auth_new(tdl_store *store, tdl_auth **ret, tdl_report *why)
{
    tdl_auth *auth = calloc(1, sizeof *auth);

    if (!auth)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the keys");
    auth->store = store;
    pthread_rwlock_init(&auth->lock, NULL);
    pthread_mutex_init(&auth->reloading, NULL);
    pthread_mutex_init(&auth->watching, NULL);
    tdl_status st = tdl_auth_reload(auth, why);
    if (!start_watcher(auth)) {
        destroy(auth);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "cannot start the thread that watches the keys");
    }
    if (st) {
        tdl_auth_free(auth);
        return st;
    }
    *ret = auth;
    return TDL_OK;
}

void tdl_auth_free(tdl_auth *auth)
{
    if (!auth)
        return;
    pthread_mutex_lock(&auth->watching);
    auth->stopping = true;
    pthread_cond_broadcast(&auth->changed);
    pthread_mutex_unlock(&auth->watching);
    pthread_join(auth->watcher, NULL);
    destroy(auth);
}

/* The right of a key, 0 when it is not known. Takes the same time wherever it stands. */
static unsigned find_right(tdl_auth *auth, const uint8_t hash[32])
{
    unsigned right = 0;

    pthread_rwlock_rdlock(&auth->lock);
    for (size_t i = 0; i < auth->keys_n; i++)
        if (!sodium_memcmp(auth->keys[i].hash, hash, sizeof auth->keys[i].hash))
            right = auth->keys[i].right;
    pthread_rwlock_unlock(&auth->lock);
    return right;
}

tdl_status tdl_auth_check(tdl_auth *auth, tdl_str key, tdl_right needed, tdl_report *why)
{
    char id[17];

    return tdl_auth_identify(auth, key, needed, id, why);
}

tdl_status tdl_auth_identify(tdl_auth *auth, tdl_str key, tdl_right needed, char ret_id[17],
                             tdl_report *why)
{
    uint8_t hash[32];
    unsigned right;

    ret_id[0] = '\0';
    tdl_key_hash(key, hash);
    right = find_right(auth, hash);
    if (!right && key.len) { // made a moment ago?
        refresh(auth);
        right = find_right(auth, hash);
    }
    if (!right)
        return TDL_FAIL_HINT(why, TDL_E_UNAUTHORIZED,
                             "send Authorization: Bearer KEY; treadle key create makes a key",
                             "the key is missing or wrong");
    if (right < (unsigned)needed)
        return TDL_FAIL_HINT(why, TDL_E_FORBIDDEN,
                             "treadle key create makes a key with another right",
                             "this is a %s key, a %s key is needed",
                             tdl_right_name((tdl_right)right), tdl_right_name(needed));
    sodium_bin2hex(ret_id, 17, hash, 8);
    return TDL_OK;
}

tdl_right tdl_auth_right_of(tdl_auth *auth, const char *id)
{
    unsigned char prefix[8];
    size_t len = 0;
    unsigned right = 0;

    if (sodium_hex2bin(prefix, sizeof prefix, id, strlen(id), NULL, &len, NULL) ||
        len != sizeof prefix)
        return 0;
    pthread_rwlock_rdlock(&auth->lock);
    for (size_t i = 0; i < auth->keys_n; i++)
        if (!memcmp(auth->keys[i].hash, prefix, sizeof prefix))
            right = auth->keys[i].right;
    pthread_rwlock_unlock(&auth->lock);
    return right;
}

static bool copy_key(const char *from, size_t len, char ret[TDL_CREDENTIAL_MAX], size_t *ret_len)
{
    *ret_len = len < TDL_CREDENTIAL_MAX ? len : 0; // too long to be a key: a wrong one
    memcpy(ret, from, *ret_len);
    return true;
}

/* "user:password" in base64; the key is the user. */
static bool basic_key(const char *text, char ret[TDL_CREDENTIAL_MAX], size_t *ret_len)
{
    char pair[TDL_CREDENTIAL_MAX];
    size_t len = 0;

    if (sodium_base642bin((unsigned char *)pair, sizeof pair, text, strlen(text), " ", &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL))
        len = 0;
    const char *colon = len ? memchr(pair, ':', len) : NULL;
    return copy_key(pair, colon ? (size_t)(colon - pair) : len, ret, ret_len);
}

bool tdl_auth_credential(const char *authorization, const char *x_api_key,
                         char ret[TDL_CREDENTIAL_MAX], size_t *ret_len)
{
    *ret_len = 0;
    if (authorization) {
        size_t scheme = strcspn(authorization, " ");
        const char *rest = authorization + scheme + strspn(authorization + scheme, " ");
        if (scheme == 5 && !strncasecmp(authorization, "Basic", 5))
            return basic_key(rest, ret, ret_len);
        if (scheme == 6 && !strncasecmp(authorization, "Bearer", 6))
            return copy_key(rest, strlen(rest), ret, ret_len);
        return true; // a scheme nobody knows
    }
    return x_api_key ? copy_key(x_api_key, strlen(x_api_key), ret, ret_len) : false;
}
