#include "apps/recommend/behaviour_state.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/behaviour_net.h"
#include "nn/kv_cache.h"

enum { BUCKETS = 4096 };

/* What was read of one window. */
typedef struct state {
    uint64_t key;
    struct state *next;          /* of its bucket */
    struct state *older, *newer; /* by when they were asked for */
    tdl_behaviour_tokens tokens; /* read; `last` begins the group that may still grow */
    tdl_kv_cache *cache;
    float *vector; /* [d] of the tokens */
    size_t bytes;
} state;

struct tdl_behaviour_states {
    pthread_mutex_t lock;
    state *bucket[BUCKETS];
    state *oldest, *newest;
    size_t n, bytes, bytes_max, passed;
};

static void state_free(state *s)
{
    if (!s)
        return;
    free(s->tokens.item);
    tdl_kv_cache_free(s->cache);
    free(s->vector);
    free(s);
}

static state *state_new(const tdl_behaviour *m, const tdl_net *net, uint64_t key, tdl_report *why)
{
    size_t window = m->params.window, d = m->params.d;
    state *s = calloc(1, sizeof *s);
    int32_t *room = calloc(3 * window, sizeof *room);

    if (!s || !room) {
        free(room);
        free(s);
        return NULL;
    }
    s->key = key;
    s->tokens = (tdl_behaviour_tokens){
        .item = room, .gap = room + window, .position = room + 2 * window, .cap = window};
    s->vector = calloc(d, sizeof *s->vector);
    if (!s->vector || tdl_kv_cache_new(net, 1, window, &s->cache, why)) {
        state_free(s);
        return NULL;
    }
    s->bytes = sizeof *s + 3 * window * sizeof *room + d * sizeof *s->vector +
               tdl_kv_cache_bytes(s->cache);
    return s;
}

/* ---- all of them ---- */

tdl_behaviour_states *tdl_behaviour_states_new(size_t bytes_max)
{
    tdl_behaviour_states *all = calloc(1, sizeof *all);

    if (!all || pthread_mutex_init(&all->lock, NULL)) {
        free(all);
        return NULL;
    }
    all->bytes_max = bytes_max;
    return all;
}

static void unlink_state(tdl_behaviour_states *all, state *s)
{
    state **at = &all->bucket[s->key % BUCKETS];

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    *(s->older ? &s->older->newer : &all->oldest) = s->newer;
    *(s->newer ? &s->newer->older : &all->newest) = s->older;
    s->next = s->older = s->newer = NULL;
    all->n--;
    all->bytes -= s->bytes;
}

void tdl_behaviour_states_forget(tdl_behaviour_states *all)
{
    if (!all)
        return;
    pthread_mutex_lock(&all->lock);
    while (all->oldest) {
        state *s = all->oldest;
        unlink_state(all, s);
        state_free(s);
    }
    pthread_mutex_unlock(&all->lock);
}

void tdl_behaviour_states_free(tdl_behaviour_states *all)
{
    if (!all)
        return;
    tdl_behaviour_states_forget(all);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static size_t read_locked(const tdl_behaviour_states *all, const size_t *value)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&all->lock; // counting is no change

    pthread_mutex_lock(lock);
    size_t ret = *value;
    pthread_mutex_unlock(lock);
    return ret;
}

size_t tdl_behaviour_states_bytes(const tdl_behaviour_states *all)
{
    return read_locked(all, &all->bytes);
}

size_t tdl_behaviour_states_n(const tdl_behaviour_states *all)
{
    return read_locked(all, &all->n);
}

size_t tdl_behaviour_states_passed(const tdl_behaviour_states *all)
{
    return read_locked(all, &all->passed);
}

/* The state of a key, the caller's alone until it is put back; NULL: there is none. */
static state *take(tdl_behaviour_states *all, uint64_t key)
{
    state *s;

    pthread_mutex_lock(&all->lock);
    for (s = all->bucket[key % BUCKETS]; s && s->key != key;)
        s = s->next;
    if (s)
        unlink_state(all, s);
    pthread_mutex_unlock(&all->lock);
    return s;
}

/* Put a state to those that leave. */
static void retire(tdl_behaviour_states *all, state *s, state **leaving)
{
    unlink_state(all, s);
    s->next = *leaving;
    *leaving = s;
}

static void put(tdl_behaviour_states *all, state *s, size_t passed)
{
    state *same, *leaving = NULL;

    pthread_mutex_lock(&all->lock);
    for (same = all->bucket[s->key % BUCKETS]; same && same->key != s->key;)
        same = same->next;
    if (same) // another thread asked for the same window meanwhile
        retire(all, same, &leaving);
    s->next = all->bucket[s->key % BUCKETS];
    all->bucket[s->key % BUCKETS] = s;
    s->older = all->newest;
    *(all->newest ? &all->newest->newer : &all->oldest) = s;
    all->newest = s;
    all->n++;
    all->bytes += s->bytes;
    all->passed += passed;
    while (all->bytes > all->bytes_max && all->oldest)
        retire(all, all->oldest, &leaving);
    pthread_mutex_unlock(&all->lock);
    while (leaving) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it cannot follow two lists of one state
        state *next = leaving->next;
        state_free(leaving);
        leaving = next;
    }
}

/* ---- asking ---- */

/* The first token that is to be passed: what stands before it was read, in whole groups, and the
 * last group is passed whatever was read of it. */
static size_t known_tokens(const tdl_behaviour_tokens *read, const tdl_behaviour_tokens *now)
{
    size_t n = 0;

    while (n < read->n && n < now->last && read->item[n] == now->item[n] &&
           read->gap[n] == now->gap[n] && read->position[n] == now->position[n])
        n++;
    /* a group of which more or less was read than is there now */
    while (n > 0 && ((n < now->n && now->position[n] == now->position[n - 1]) ||
                     (n < read->n && read->position[n] == read->position[n - 1])))
        n--;
    return n;
}

static bool is_same(const tdl_behaviour_tokens *a, const tdl_behaviour_tokens *b)
{
    return a->n == b->n && !memcmp(a->item, b->item, a->n * sizeof *a->item) &&
           !memcmp(a->gap, b->gap, a->n * sizeof *a->gap) &&
           !memcmp(a->position, b->position, a->n * sizeof *a->position);
}

/* Pass the tokens from `from` on; ret [d]. */
static tdl_status pass(const tdl_behaviour *m, tdl_net *net, const tdl_behaviour_tokens *t,
                       size_t from, tdl_kv_cache *cache, float *ret, tdl_report *why)
{
    static const int32_t no_kind[TDL_BEHAVIOUR_WINDOW_MAX];
    const size_t offsets[] = {0, t->n - from};
    const tdl_nn_batch batch = {.rows = 1,
                                .offsets = offsets,
                                .id = {t->item + from, t->gap + from, no_kind},
                                .position = t->position + from};
    const tdl_run run = {.cache = cache};
    tdl_status st;

    if (cache)
        tdl_kv_cache_truncate(cache, 0, from);
    if ((st = tdl_net_forward(net, &batch, &run, why)))
        return st;
    tdl_behaviour_read_out(tdl_net_value(net, m->hidden), m->params.d, t->last - from, t->n - from,
                           ret);
    return TDL_OK;
}

static void remember(state *s, const tdl_behaviour_tokens *t, const float *vector, size_t d)
{
    memcpy(s->tokens.item, t->item, t->n * sizeof *t->item);
    memcpy(s->tokens.gap, t->gap, t->n * sizeof *t->gap);
    memcpy(s->tokens.position, t->position, t->n * sizeof *t->position);
    s->tokens.n = t->n;
    s->tokens.last = t->last;
    memcpy(s->vector, vector, d * sizeof *vector);
}

static tdl_status go_on(tdl_behaviour_states *all, const tdl_behaviour *m, tdl_net *net,
                        uint64_t key, const tdl_behaviour_tokens *t, float *ret, tdl_report *why)
{
    state *s = take(all, key);
    size_t d = m->params.d, from = 0;
    tdl_status st = TDL_OK;

    if (s && is_same(&s->tokens, t)) {
        memcpy(ret, s->vector, d * sizeof *ret);
        put(all, s, 0);
        return TDL_OK;
    }
    if (!s && !(s = state_new(m, net, key, why)))
        return pass(m, net, t, 0, NULL, ret, why); // without memory for a state
    from = known_tokens(&s->tokens, t);
    if ((st = pass(m, net, t, from, s->cache, ret, why))) {
        state_free(s);
        return st;
    }
    remember(s, t, ret, d);
    put(all, s, t->n - from);
    return TDL_OK;
}

tdl_status tdl_behaviour_state_vector(tdl_behaviour_states *states, const tdl_behaviour *m,
                                      const tdl_history *history, float *ret)
{
    int32_t room[3 * TDL_BEHAVIOUR_WINDOW_MAX];
    size_t at[TDL_BEHAVIOUR_WINDOW_MAX], window = m->params.window;
    tdl_behaviour_tokens t = {
        .item = room, .gap = room + window, .position = room + 2 * window, .at = at, .cap = window};
    tdl_nn_reader reader = {0};
    tdl_report why = {0};
    tdl_status st;

    tdl_behaviour_window_of(history, m->items_n, &t);
    memset(ret, 0, m->params.d * sizeof *ret);
    if (!t.n)
        return TDL_OK;
    if (tdl_nn_serving_acquire(m->serving, &reader, &why))
        return TDL_E_NO_MEMORY;
    uint64_t key = (uint64_t)history->time_us[at[0]] * 31 + (uint64_t)t.item[0];
    st = states ? go_on(states, m, reader.net, key, &t, ret, &why)
                : pass(m, reader.net, &t, 0, NULL, ret, &why);
    tdl_nn_reader_release(&reader);
    return st ? TDL_E_NO_MEMORY : TDL_OK;
}
