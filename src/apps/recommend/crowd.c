#include "apps/recommend/crowd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/top.h"

enum { FIRST_CAP = 64, EMPTY = -1 };

/* Sums are as of a landmark that the newest event lies at most 60 half-lives behind. When nothing
 * has happened for longer than that, scores are as of then: their order is the same, and a float
 * still holds them. */
static const double SILENCE = 0x1p-60;

tdl_status tdl_crowd_init(tdl_crowd *c, tdl_report *why)
{
    tdl_status st = TDL_OK;

    *c = (tdl_crowd){0};
    for (size_t h = 0; !st && h < TDL_HALF_LIVES_N; h++)
        st = tdl_decay_init(&c->of[h], 0, tdl_half_life_us[h], why);
    if (st)
        tdl_crowd_release(c);
    return st;
}

void tdl_crowd_release(tdl_crowd *c)
{
    free(c->item);
    free(c->slot);
    for (size_t h = 0; h < TDL_HALF_LIVES_N; h++)
        tdl_decay_release(&c->of[h]);
    *c = (tdl_crowd){0};
}

/* The slot of an item, or the free one where it belongs. */
static size_t find_slot(const tdl_crowd *c, int32_t item)
{
    size_t at = ((uint32_t)item * UINT32_C(2654435761)) & (c->slots_n - 1);

    while (c->slot[at] != EMPTY && c->item[c->slot[at]] != item)
        at = (at + 1) & (c->slots_n - 1);
    return at;
}

static bool grow(tdl_crowd *c)
{
    size_t cap = c->cap ? 2 * c->cap : FIRST_CAP;
    int32_t *item = realloc(c->item, cap * sizeof *item);
    int32_t *slot = malloc(2 * cap * sizeof *slot);
    bool ok = item && slot;

    if (item)
        c->item = item;
    for (size_t h = 0; ok && h < TDL_HALF_LIVES_N; h++)
        ok = tdl_decay_grow(&c->of[h], cap);
    if (!ok) {
        free(slot);
        return false;
    }
    free(c->slot);
    c->slot = slot;
    c->slots_n = 2 * cap;
    c->cap = cap;
    for (size_t i = 0; i < c->slots_n; i++)
        slot[i] = EMPTY;
    for (size_t i = 0; i < c->items_n; i++)
        slot[find_slot(c, item[i])] = (int32_t)i;
    return true;
}

/* Index into item; -1 without memory. */
static int32_t find_or_add(tdl_crowd *c, int32_t item)
{
    if (c->items_n == c->cap && !grow(c))
        return EMPTY;
    size_t slot = find_slot(c, item);
    if (c->slot[slot] == EMPTY) {
        c->slot[slot] = (int32_t)c->items_n;
        c->item[c->items_n++] = item;
    }
    return c->slot[slot];
}

/* All-time counts are whole, so they are exact: once they are 0, what rounding left of the others
 * is no event. */
static void settle(tdl_crowd *c, size_t at)
{
    if (c->of[TDL_HALF_LIFE_NONE].sum[at] <= 0)
        for (size_t h = 0; h < TDL_HALF_LIVES_N; h++)
            c->of[h].sum[at] = 0;
}

bool tdl_crowd_add(tdl_crowd *c, int32_t item, int64_t time_us, double weight)
{
    int32_t at = find_or_add(c, item);

    if (at == EMPTY)
        return false;
    for (size_t h = 0; h < TDL_HALF_LIVES_N; h++)
        tdl_decay_add(&c->of[h], (size_t)at, time_us, weight);
    if (weight < 0)
        settle(c, (size_t)at);
    return true;
}

bool tdl_crowd_add_spilt(tdl_crowd *c, const tdl_spilt *spilt, int sign)
{
    int32_t at = find_or_add(c, spilt->item);

    if (at == EMPTY)
        return false;
    for (size_t h = 0; h < TDL_HALF_LIVES_N; h++)
        tdl_decay_add(&c->of[h], (size_t)at, spilt->time_us, sign * spilt->sum[h]);
    if (sign < 0)
        settle(c, (size_t)at);
    return true;
}

double tdl_crowd_at(const tdl_crowd *c, tdl_half_life half_life, int32_t item, int64_t now_us)
{
    int32_t at = c->slots_n ? c->slot[find_slot(c, item)] : EMPTY;
    double sum = at == EMPTY ? 0 : tdl_decay_at(&c->of[half_life], (size_t)at, now_us);

    return sum > 0 ? sum : 0;
}

void tdl_crowd_scores(const tdl_crowd *c, tdl_half_life half_life, int64_t now_us, float *scores,
                      size_t items_n, uint64_t *spoken)
{
    const double *sum = c->of[half_life].sum;
    double factor = fmax(tdl_decay_factor(&c->of[half_life], now_us), SILENCE);

    if (!spoken)
        memset(scores, 0, items_n * sizeof *scores);
    for (size_t i = 0; i < c->items_n; i++) {
        if (!(sum[i] > 0) || (size_t)c->item[i] >= items_n)
            continue;
        scores[c->item[i]] = (float)(sum[i] * factor);
        if (spoken)
            tdl_bits_set(spoken, c->item[i]);
    }
}

size_t tdl_crowd_bytes(const tdl_crowd *c)
{
    return c->cap * (sizeof *c->item + TDL_HALF_LIVES_N * sizeof(double)) +
           c->slots_n * sizeof *c->slot;
}
