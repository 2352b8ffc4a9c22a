#include "table/levels.h"

#include <stdlib.h>

enum { FEW = 16 /* texts are found faster by looking at each, without a hash table */ };

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the different values of a column");
}

void tdl_levels_release(tdl_levels *levels)
{
    free(levels->bytes);
    free(levels->begin);
    free(levels->slot);
    *levels = (tdl_levels){0};
}

/* Where `text` is, or the free slot where it would be. */
static size_t find_slot(const tdl_levels *levels, tdl_str text)
{
    size_t at = tdl_str_hash(text) & (levels->slots_n - 1);

    while (levels->slot[at] && !tdl_str_eq(tdl_levels_text(levels, levels->slot[at] - 1), text))
        at = (at + 1) & (levels->slots_n - 1);
    return at;
}

/* At most three of four slots are taken. */
static tdl_status room_for_slot(tdl_levels *levels, tdl_report *why)
{
    size_t slots_n = levels->slots_n ? 2 * levels->slots_n : (size_t)4 * FEW;
    uint32_t *grown;

    if (levels->n + 1 <= levels->slots_n / 4 * 3)
        return TDL_OK;
    if (!(grown = calloc(slots_n, sizeof *grown)))
        return no_memory(why);
    free(levels->slot);
    levels->slot = grown;
    levels->slots_n = slots_n;
    for (size_t i = 0; i < levels->n; i++)
        levels->slot[find_slot(levels, tdl_levels_text(levels, i))] = (uint32_t)i + 1;
    return TDL_OK;
}

static tdl_status room_for_text(tdl_levels *levels, size_t n, tdl_report *why)
{
    size_t used = levels->n ? levels->begin[levels->n] : 0;

    if (levels->n == INT32_MAX - 1)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a column has more than 2^31 different values");
    if (levels->n == levels->cap) {
        size_t cap = levels->cap ? levels->cap + levels->cap / 2 : 16;
        size_t *grown = realloc(levels->begin, (cap + 1) * sizeof *grown);

        if (!grown)
            return no_memory(why);
        if (!levels->cap)
            grown[0] = 0;
        levels->begin = grown;
        levels->cap = cap;
    }
    if (!levels->bytes || n > levels->bytes_cap - used) {
        size_t cap = levels->bytes_cap + levels->bytes_cap / 2;
        char *grown;

        cap = cap > used + n ? cap : used + n + 64;
        if (!(grown = realloc(levels->bytes, cap)))
            return no_memory(why);
        levels->bytes = grown;
        levels->bytes_cap = cap;
    }
    return TDL_OK;
}

static bool find_among_few(const tdl_levels *levels, tdl_str text, int32_t *ret)
{
    for (size_t i = 0; i < levels->n; i++)
        if (tdl_str_eq(tdl_levels_text(levels, i), text)) {
            *ret = (int32_t)i;
            return true;
        }
    return false;
}

tdl_status tdl_levels_add(tdl_levels *levels, tdl_str text, int32_t *ret, tdl_report *why)
{
    bool few = levels->n < FEW;
    size_t at = 0;
    tdl_status st;

    if (few && find_among_few(levels, text, ret))
        return TDL_OK;
    if (!few) {
        if ((st = room_for_slot(levels, why)))
            return st;
        at = find_slot(levels, text);
        if (levels->slot[at]) {
            *ret = (int32_t)(levels->slot[at] - 1);
            return TDL_OK;
        }
    }
    if ((st = room_for_text(levels, text.len, why)))
        return st;
    if (text.len)
        memcpy(levels->bytes + levels->begin[levels->n], text.at, text.len);
    levels->begin[levels->n + 1] = levels->begin[levels->n] + text.len;
    *ret = (int32_t)levels->n++;
    if (!few)
        levels->slot[at] = (uint32_t)levels->n;
    return TDL_OK;
}

static int by_text(const void *a, const void *b, void *context)
{
    const int32_t *x = a, *y = b;
    const tdl_levels *levels = context;

    return tdl_str_cmp(tdl_levels_text(levels, (size_t)*x), tdl_levels_text(levels, (size_t)*y));
}

tdl_status tdl_levels_sorted(tdl_levels *levels, tdl_str **ret_text, size_t *ret_n,
                             char **ret_bytes, int32_t **ret_place, tdl_report *why)
{
    size_t n = levels->n;
    int32_t *order, *place = NULL;
    tdl_str *text = NULL;
    tdl_status st = TDL_OK;

    free(levels->slot); /* before others need the room */
    levels->slot = NULL;
    levels->slots_n = 0;
    order = malloc((n ? n : 1) * sizeof *order);
    place = malloc((n ? n : 1) * sizeof *place);
    text = calloc(n ? n : 1, sizeof *text);
    if (!order || !place || !text) {
        st = no_memory(why);
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        order[i] = (int32_t)i;
    qsort_r(order, n, sizeof *order, by_text, levels);
    for (size_t i = 0; i < n; i++) {
        place[order[i]] = (int32_t)i;
        text[i] = tdl_levels_text(levels, (size_t)order[i]);
    }
    *ret_text = text;
    *ret_n = n;
    *ret_bytes = levels->bytes;
    *ret_place = place;
    levels->bytes = NULL;
    text = NULL;
    place = NULL;
out:
    free(order);
    free(place);
    free(text);
    if (!st)
        tdl_levels_release(levels);
    return st;
}
