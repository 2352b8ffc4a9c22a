#include "http/limit.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

enum { SETS = 256, WAYS = 16, MOST = 1000000, NS = 1000 /* in a microsecond */ };

typedef struct bucket {
    uint64_t name;   /* its keyed hash; 0 = never used */
    int64_t full_ns; /* when it is full again */
} bucket;

typedef struct bucket_set {
    pthread_mutex_t lock;
    bucket way[WAYS]; /* guarded by lock */
} bucket_set;

struct tdl_limit {
    int64_t step_ns, burst_ns;
    unsigned char secret[crypto_shorthash_KEYBYTES]; /* nobody chooses who shares a set with whom */
    bucket_set set[SETS];
};

tdl_limit *tdl_limit_new(unsigned per_second, unsigned burst)
{
    tdl_limit *limit = per_second ? calloc(1, sizeof *limit) : NULL;

    if (!limit)
        return NULL;
    per_second = per_second > MOST ? MOST : per_second;
    burst = burst > MOST ? MOST : burst;
    limit->step_ns = 1000000000 / per_second;
    limit->burst_ns = limit->step_ns * (burst ? burst : 2 * (int64_t)per_second);
    randombytes_buf(limit->secret, sizeof limit->secret);
    for (size_t i = 0; i < SETS; i++)
        pthread_mutex_init(&limit->set[i].lock, NULL);
    return limit;
}

void tdl_limit_free(tdl_limit *limit)
{
    if (!limit)
        return;
    for (size_t i = 0; i < SETS; i++)
        pthread_mutex_destroy(&limit->set[i].lock);
    free(limit);
}

static uint64_t hash_name(const tdl_limit *limit, const void *name, size_t name_n)
{
    unsigned char bytes[crypto_shorthash_BYTES];
    uint64_t hash = 0;

    crypto_shorthash(bytes, name, name_n, limit->secret);
    for (size_t i = 0; i < sizeof bytes; i++)
        hash = hash << 8 | bytes[i];
    return hash ? hash : 1;
}

/* The bucket of this name, or the one it may have: that which is full soonest. */
static bucket *find_bucket(bucket_set *set, uint64_t name)
{
    bucket *best = &set->way[0];

    for (size_t i = 0; i < WAYS; i++) {
        if (set->way[i].name == name)
            return &set->way[i];
        if (set->way[i].full_ns < best->full_ns)
            best = &set->way[i];
    }
    *best = (bucket){.name = name};
    return best;
}

bool tdl_limit_take(tdl_limit *limit, const void *name, size_t name_n, int64_t now_us)
{
    if (!limit)
        return true;
    uint64_t hash = hash_name(limit, name, name_n);
    bucket_set *set = &limit->set[hash % SETS];
    int64_t now_ns = now_us * NS;

    pthread_mutex_lock(&set->lock);
    bucket *mine = find_bucket(set, hash);
    int64_t full_ns = (mine->full_ns > now_ns ? mine->full_ns : now_ns) + limit->step_ns;
    bool fits = full_ns - now_ns <= limit->burst_ns;
    if (fits)
        mine->full_ns = full_ns;
    pthread_mutex_unlock(&set->lock);
    return fits;
}
