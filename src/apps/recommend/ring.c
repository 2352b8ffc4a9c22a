#include "apps/recommend/ring.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/decay.h"

const double tdl_half_life_us[TDL_HALF_LIVES_N] = {3600e6, 86400e6, 14 * 86400e6, 90 * 86400e6, 0};

void tdl_ring_release(tdl_ring *r)
{
    free(r->item);
    free(r->mark);
    free(r->spilt);
    *r = (tdl_ring){0};
}

size_t tdl_ring_begin(const tdl_ring *r, size_t end)
{
    size_t at = end - 1;

    while (at > 0 && tdl_ring_same_group(&r->mark[at - 1], &r->mark[end - 1]))
        at--;
    return at;
}

size_t tdl_ring_end(const tdl_ring *r, size_t begin)
{
    size_t at = begin + 1;

    while (at < r->n && tdl_ring_same_group(&r->mark[at], &r->mark[begin]))
        at++;
    return at;
}

size_t tdl_ring_find(const tdl_ring *r, int64_t time_us, uint32_t order)
{
    size_t low = 0, high = r->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const tdl_ring_mark *m = &r->mark[middle];
        if (m->time_us < time_us || (m->time_us == time_us && m->order < order))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t tdl_ring_find_order(const tdl_ring *r, uint32_t order)
{
    for (size_t at = r->n; at > 0; at--) // mostly among the newest
        if (r->mark[at - 1].order == order)
            return tdl_ring_begin(r, at);
    return r->n;
}

size_t tdl_ring_find_item(const tdl_ring *r, size_t begin, size_t end, int32_t item)
{
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (r->item[middle] < item)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

bool tdl_ring_reserve(tdl_ring *r)
{
    uint32_t cap = r->cap ? r->cap + r->cap / 2 : 4;

    if (r->n < r->cap)
        return true;
    int32_t *item = realloc(r->item, cap * sizeof *item);
    if (item)
        r->item = item;
    tdl_ring_mark *mark = realloc(r->mark, cap * sizeof *mark);
    if (mark)
        r->mark = mark;
    if (!item || !mark)
        return false;
    r->cap = cap;
    return true;
}

void tdl_ring_insert(tdl_ring *r, size_t at, int32_t item, const tdl_ring_mark *mark)
{
    memmove(r->item + at + 1, r->item + at, (r->n - at) * sizeof *r->item);
    memmove(r->mark + at + 1, r->mark + at, (r->n - at) * sizeof *r->mark);
    r->item[at] = item;
    r->mark[at] = *mark;
    r->n++;
}

void tdl_ring_remove(tdl_ring *r, size_t begin, size_t end)
{
    size_t rest = r->n - end;

    if (rest) {
        memmove(r->item + begin, r->item + end, rest * sizeof *r->item);
        memmove(r->mark + begin, r->mark + end, rest * sizeof *r->mark);
    }
    r->n -= (uint32_t)(end - begin);
}

/* ---- what left ---- */

static size_t find_spilt(const tdl_ring *r, int32_t item)
{
    size_t low = 0, high = r->spilt_n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->spilt[middle].item < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Room grows by doubling: it is full whenever the number is a power of two. */
static tdl_spilt *spilt_of(tdl_ring *r, int32_t item, int64_t time_us)
{
    size_t at = find_spilt(r, item), n = r->spilt_n;

    if (at < n && r->spilt[at].item == item)
        return &r->spilt[at];
    if ((n & (n - 1)) == 0) {
        tdl_spilt *spilt = realloc(r->spilt, (n ? 2 * n : 1) * sizeof *spilt);
        if (!spilt)
            return NULL;
        r->spilt = spilt;
    }
    memmove(r->spilt + at + 1, r->spilt + at, (n - at) * sizeof *r->spilt);
    r->spilt[at] = (tdl_spilt){.item = item, .time_us = time_us};
    r->spilt_n++;
    return &r->spilt[at];
}

static bool spill(tdl_ring *r, int32_t item, int64_t time_us, const double sum[TDL_HALF_LIVES_N])
{
    tdl_spilt *to = spilt_of(r, item, time_us);

    if (!to)
        return false;
    int64_t newest_us = to->time_us > time_us ? to->time_us : time_us;
    for (size_t h = 0; h < TDL_HALF_LIVES_N; h++)
        to->sum[h] = to->sum[h] * tdl_decay_weight(newest_us, to->time_us, tdl_half_life_us[h]) +
                     sum[h] * tdl_decay_weight(newest_us, time_us, tdl_half_life_us[h]);
    to->time_us = newest_us;
    return true;
}

bool tdl_ring_spill(tdl_ring *r, int32_t item, const tdl_ring_mark *mark)
{
    double sum[TDL_HALF_LIVES_N];

    for (size_t h = 0; h < TDL_HALF_LIVES_N; h++)
        sum[h] = mark->weight;
    return spill(r, item, tdl_ring_decays_from(mark), sum);
}

bool tdl_ring_spill_all(tdl_ring *r, const tdl_ring *other)
{
    bool ok = true;

    for (size_t i = 0; i < other->spilt_n; i++)
        ok &= spill(r, other->spilt[i].item, other->spilt[i].time_us, other->spilt[i].sum);
    return ok;
}

size_t tdl_ring_bytes(const tdl_ring *r)
{
    return r->cap * (sizeof *r->item + sizeof *r->mark) + r->spilt_n * sizeof *r->spilt;
}
