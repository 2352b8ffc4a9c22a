#include "apps/recommend/behaviour_window.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

int32_t tdl_behaviour_gap(int64_t us)
{
    uint64_t seconds = us > 0 ? (uint64_t)us / 1000000 + 1 : 1;
    int bucket = 63 - __builtin_clzll(seconds);

    return bucket < TDL_BEHAVIOUR_GAPS ? bucket : TDL_BEHAVIOUR_GAPS - 1;
}

/* A number for (a, b) that nobody can steer by choosing items or times. */
static uint64_t hash(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ UINT64_C(0x9e3779b97f4a7c15)) + b * UINT64_C(0xbf58476d1ce4e5b9);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

typedef struct member {
    uint64_t hash;
    size_t at;
    int32_t item;
} member;

static int by_item(const void *left, const void *right)
{
    const member *a = left, *b = right;

    return a->item != b->item ? (a->item < b->item ? -1 : 1) : a->at < b->at ? -1 : 1;
}

static size_t largest(const member *m, size_t n)
{
    size_t ret = 0;

    for (size_t i = 1; i < n; i++)
        if (m[i].hash > m[ret].hash || (m[i].hash == m[ret].hash && m[i].item > m[ret].item))
            ret = i;
    return ret;
}

/* Members of the group [begin, end), by rising item. */
static size_t choose_members(const tdl_history *h, size_t begin, size_t end, size_t items_n,
                             uint64_t salt, size_t most, member *ret)
{
    size_t n = 0;

    for (size_t i = begin; most && i < end; i++) {
        member one = {hash((uint64_t)h->item[i], salt), i, h->item[i]};
        if (h->item[i] < 0 || (size_t)h->item[i] >= items_n)
            continue;
        if (n < most) {
            ret[n++] = one;
            continue;
        }
        size_t worst = largest(ret, n);
        if (one.hash < ret[worst].hash)
            ret[worst] = one;
    }
    if (n > 1)
        qsort(ret, n, sizeof *ret, by_item);
    return n;
}

void tdl_behaviour_tokenise(const tdl_history *h, size_t begin, size_t end, size_t items_n,
                            uint64_t salt, tdl_behaviour_tokens *t)
{
    member chosen[TDL_BEHAVIOUR_GROUP_MAX];
    int32_t position = 0;
    int64_t before_us = 0;

    t->n = t->last = 0;
    for (size_t at = begin, next; at < end; at = next) {
        size_t left = t->cap - t->n;
        for (next = at + 1; next < end && h->time_us[next] == h->time_us[at];)
            next++;
        size_t n =
            choose_members(h, at, next, items_n, salt,
                           left < TDL_BEHAVIOUR_GROUP_MAX ? left : TDL_BEHAVIOUR_GROUP_MAX, chosen);
        if (!n)
            continue;
        t->last = t->n;
        int32_t gap = position ? tdl_behaviour_gap(h->time_us[at] - before_us) : 0;
        for (size_t i = 0; i < n; i++, t->n++) {
            t->item[t->n] = chosen[i].item;
            t->gap[t->n] = gap;
            t->position[t->n] = position;
            if (t->at)
                t->at[t->n] = chosen[i].at;
        }
        before_us = h->time_us[at];
        position++;
    }
}

/* Tokens that the group ending at `end` gives, and where it begins. */
static size_t group_tokens(const tdl_history *h, size_t end, size_t items_n, size_t *ret_begin)
{
    size_t begin = end, n = 0;

    while (begin > 0 && h->time_us[begin - 1] == h->time_us[end - 1]) {
        begin--;
        n += h->item[begin] >= 0 && (size_t)h->item[begin] < items_n;
    }
    *ret_begin = begin;
    return n < TDL_BEHAVIOUR_GROUP_MAX ? n : TDL_BEHAVIOUR_GROUP_MAX;
}

void tdl_behaviour_window_of(const tdl_history *h, size_t items_n, tdl_behaviour_tokens *t)
{
    size_t at = h->n, tokens = 0, start = h->n, least = t->cap - t->cap / 4;
    uint64_t most = 0;
    bool chosen = false;

    while (at > 0) {
        size_t begin, n = group_tokens(h, at, items_n, &begin);
        if (tokens + n > t->cap && tokens)
            break;
        tokens += n;
        at = begin;
        uint64_t here = n ? hash((uint64_t)h->time_us[begin], 1) : 0;
        if (!n && chosen)
            continue;
        if (tokens < least || !chosen || here >= most) {
            start = begin;
            chosen = tokens >= least;
            most = here;
        }
    }
    if (at == 0 && tokens <= t->cap)
        start = 0;
    tdl_behaviour_tokenise(h, start, h->n, items_n, 0, t);
}
