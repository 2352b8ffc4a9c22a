#include "apps/recommend/kept.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

typedef struct kept_one {
    tdl_digest key;
    size_t bytes;
    unsigned char answer[];
} kept_one;

struct tdl_kept {
    pthread_mutex_t lock;
    size_t places, bytes_max;
    kept_one *one[]; /* [places] */
};

tdl_kept *tdl_kept_new(size_t places, size_t bytes_max)
{
    tdl_kept *k = calloc(1, sizeof *k + places * sizeof *k->one);

    if (!k)
        return NULL;
    pthread_mutex_init(&k->lock, NULL);
    k->places = places;
    k->bytes_max = bytes_max;
    return k;
}

void tdl_kept_forget(tdl_kept *k)
{
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->places; i++) {
        free(k->one[i]);
        k->one[i] = NULL;
    }
    pthread_mutex_unlock(&k->lock);
}

void tdl_kept_free(tdl_kept *k)
{
    if (!k)
        return;
    tdl_kept_forget(k);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* ---- keys ---- */

static unsigned char *add(unsigned char *at, const void *from, size_t bytes)
{
    if (bytes)
        memcpy(at, from, bytes);
    return at + bytes;
}

static unsigned char *add_history(unsigned char *at, const tdl_history *h)
{
    at = add(at, &h->n, sizeof h->n);
    at = add(at, h->item, h->n * sizeof *h->item);
    return add(at, h->time_us, h->n * sizeof *h->time_us);
}

bool tdl_kept_key(const uint64_t *what, size_t what_n, const tdl_history *one,
                  const tdl_history *other, tdl_arena *scratch, tdl_digest *ret)
{
    static const unsigned char key[crypto_shorthash_siphashx24_KEYBYTES];
    size_t each = sizeof *one->item + sizeof *one->time_us;
    size_t room = what_n * sizeof *what + 2 * sizeof one->n + (one->n + other->n) * each;
    unsigned char *text = tdl_arena_alloc(scratch, room, 1), *end;

    if (!text)
        return false;
    end = add(text, what, what_n * sizeof *what);
    end = add_history(add_history(end, one), other);
    crypto_shorthash_siphashx24(ret->byte, text, (size_t)(end - text), key);
    return true;
}

static kept_one **place_of(tdl_kept *k, const tdl_digest *key)
{
    uint64_t number;

    memcpy(&number, key->byte, sizeof number);
    return &k->one[number % k->places];
}

/* ---- answers ---- */

bool tdl_kept_find(tdl_kept *k, const tdl_digest *key, void *ret, size_t bytes)
{
    pthread_mutex_lock(&k->lock);
    const kept_one *one = *place_of(k, key);
    bool found = one && one->bytes == bytes && !memcmp(&one->key, key, sizeof *key);
    if (found)
        memcpy(ret, one->answer, bytes);
    pthread_mutex_unlock(&k->lock);
    return found;
}

void tdl_kept_put(tdl_kept *k, const tdl_digest *key, const void *answer, size_t bytes)
{
    kept_one *one = bytes && bytes <= k->bytes_max ? malloc(sizeof *one + bytes) : NULL;

    if (!one)
        return;
    *one = (kept_one){*key, bytes};
    memcpy(one->answer, answer, bytes);
    pthread_mutex_lock(&k->lock);
    kept_one **place = place_of(k, key), *former = *place;
    *place = one;
    pthread_mutex_unlock(&k->lock);
    free(former);
}
