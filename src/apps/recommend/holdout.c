#include "apps/recommend/holdout.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 256, QUESTION_BYTES_MAX = 1 << 30 };

tdl_status tdl_holdout_init(tdl_holdout *s, size_t items_n, int64_t now_us, tdl_report *why)
{
    *s = (tdl_holdout){.items_n = items_n,
                       .now_us = now_us,
                       .rows_cap = FIRST_ROWS,
                       .events_cap = FIRST_ROWS,
                       .arena = tdl_arena_new(QUESTION_BYTES_MAX)};
    s->all.offsets = calloc(FIRST_ROWS + 1, sizeof *s->all.offsets);
    s->all.item = malloc(FIRST_ROWS * sizeof *s->all.item);
    s->all.time_us = malloc(FIRST_ROWS * sizeof *s->all.time_us);
    if (s->arena && s->all.offsets && s->all.item && s->all.time_us)
        return TDL_OK;
    tdl_holdout_release(s);
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a split");
}

static void release_rows(tdl_holdout_rows *rows)
{
    free(rows->offsets);
    free(rows->item);
    free(rows->time_us);
}

void tdl_holdout_release(tdl_holdout *s)
{
    release_rows(&s->all);
    release_rows(&s->first);
    free(s->weight);
    free(s->question);
    tdl_arena_free(s->arena);
    *s = (tdl_holdout){0};
}

/* `array` with room for `wanted` elements, moved if need be; NULL without memory, and then the old
 * one stands. */
static void *grown(void *array, size_t *cap, size_t wanted, size_t size)
{
    size_t to = *cap ? *cap : FIRST_ROWS;

    while (to < wanted)
        to *= 2;
    if (to == *cap)
        return array;
    void *moved = to <= SIZE_MAX / size ? realloc(array, to * size) : NULL;
    if (moved)
        *cap = to;
    return moved;
}

static bool make_room(tdl_holdout *s, size_t rows, size_t events)
{
    size_t offsets_cap = s->rows_cap + 1, times_cap = s->events_cap;
    size_t *offsets = grown(s->all.offsets, &offsets_cap, rows + 1, sizeof *offsets);

    if (!offsets)
        return false;
    s->all.offsets = offsets;
    s->rows_cap = offsets_cap - 1;
    int64_t *time_us = grown(s->all.time_us, &times_cap, events, sizeof *time_us);
    if (!time_us)
        return false;
    s->all.time_us = time_us;
    int32_t *item = grown(s->all.item, &s->events_cap, events, sizeof *item);
    if (!item)
        return false;
    s->all.item = item;
    return true;
}

/* The last row's events weigh. */
static bool weigh(tdl_holdout *s, const uint8_t *weight, size_t at, size_t n)
{
    if (!s->weights_cap || s->weights_cap < at + n) {
        uint8_t *moved = grown(s->weight, &s->weights_cap, at + n, sizeof *moved);
        if (!moved)
            return false;
        s->weight = moved;
    }
    memcpy(s->weight + at, weight, n);
    return true;
}

static tdl_status check(const tdl_holdout *s, const int32_t *item, const int64_t *time_us, size_t n,
                        tdl_report *why)
{
    for (size_t i = 0; i < n; i++) {
        if (time_us[i] >= s->now_us)
            return TDL_FAIL(why, TDL_E_INTERNAL,
                            "the split leaks: an event of later was to be "
                            "learnt from");
        if (item[i] < 0 || (size_t)item[i] >= s->items_n)
            return TDL_FAIL(why, TDL_E_INTERNAL,
                            "the split leaks: item %d is not among the %zu known", (int)item[i],
                            s->items_n);
    }
    return TDL_OK;
}

tdl_status tdl_holdout_train(tdl_holdout *s, const int32_t *item, const int64_t *time_us, size_t n,
                             tdl_report *why)
{
    size_t rows = s->all.view.users_n, at = s->all.offsets[rows];
    tdl_status st = check(s, item, time_us, n, why);

    if (st || !n)
        return st;
    if (!make_room(s, rows + 1, at + n))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the events after %zu", at);
    memcpy(s->all.item + at, item, n * sizeof *item);
    memcpy(s->all.time_us + at, time_us, n * sizeof *time_us);
    s->all.offsets[rows + 1] = at + n;
    s->all.view.users_n = rows + 1;
    return TDL_OK;
}

tdl_status tdl_holdout_train_weighed(tdl_holdout *s, const int32_t *item, const int64_t *time_us,
                                     const uint8_t *weight, size_t n, tdl_report *why)
{
    size_t at = s->all.offsets[s->all.view.users_n];
    tdl_status st = tdl_holdout_train(s, item, time_us, n, why);

    if (!st && weight && n && !weigh(s, weight, at, n))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to weigh the events after %zu", at);
    return st;
}

/* Events of a history whose item was not in it before: how many, and where they go. */
static size_t keep_first(const int32_t *item, const int64_t *time_us, size_t n, size_t *last_row,
                         size_t row, int32_t *ret_item, int64_t *ret_time_us)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (last_row[item[i]] == row)
            continue;
        last_row[item[i]] = row;
        ret_item[kept] = item[i];
        ret_time_us[kept++] = time_us[i];
    }
    return kept;
}

static tdl_interactions view_of(const tdl_holdout_rows *rows, size_t users_n, size_t items_n)
{
    return (tdl_interactions){.users_n = users_n,
                              .items_n = items_n,
                              .offsets = rows->offsets,
                              .item = rows->item,
                              .time_us = rows->time_us};
}

tdl_status tdl_holdout_seal(tdl_holdout *s, tdl_report *why)
{
    size_t users_n = s->all.view.users_n, events_n = s->all.offsets[users_n];
    size_t *last_row = calloc(s->items_n + 1, sizeof *last_row);

    s->first.offsets = calloc(users_n + 1, sizeof *s->first.offsets);
    s->first.item = malloc((events_n + 1) * sizeof *s->first.item);
    s->first.time_us = malloc((events_n + 1) * sizeof *s->first.time_us);
    if (!last_row || !s->first.offsets || !s->first.item || !s->first.time_us) {
        free(last_row);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu events", events_n);
    }
    for (size_t u = 0; u < users_n; u++) {
        size_t from = s->all.offsets[u], to = s->first.offsets[u];
        s->first.offsets[u + 1] =
            to + keep_first(s->all.item + from, s->all.time_us + from, s->all.offsets[u + 1] - from,
                            last_row, u + 1, s->first.item + to, s->first.time_us + to);
    }
    free(last_row);
    s->all.view = view_of(&s->all, users_n, s->items_n);
    s->first.view = view_of(&s->first, users_n, s->items_n);
    return TDL_OK;
}

/* ---- questions ---- */

static int by_number(const void *left, const void *right)
{
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;

    return a < b ? -1 : a > b;
}

/* `sorted` tells quickly which items a history had already. */
static bool copy_history(tdl_arena *arena, const tdl_history *from, tdl_history *ret,
                         tdl_history *ret_first)
{
    size_t n = from->n, kept = 0;
    int32_t *item = tdl_arena_alloc(arena, 3 * n, sizeof *item);
    int64_t *time_us = tdl_arena_alloc(arena, 2 * n, sizeof *time_us);

    if (!item || !time_us)
        return false;
    if (n) {
        memcpy(item, from->item, n * sizeof *item);
        memcpy(time_us, from->time_us, n * sizeof *time_us);
    }
    int32_t *first = item + n, *seen = item + 2 * n;
    size_t seen_n = 0;
    for (size_t i = 0; i < n; i++) {
        size_t low = 0, high = seen_n;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (seen[middle] < item[i])
                low = middle + 1;
            else
                high = middle;
        }
        if (low < seen_n && seen[low] == item[i])
            continue;
        memmove(seen + low + 1, seen + low, (seen_n++ - low) * sizeof *seen);
        seen[low] = item[i];
        first[kept] = item[i];
        time_us[n + kept++] = time_us[i];
    }
    *ret = (tdl_history){.item = item, .time_us = time_us, .n = n};
    *ret_first = (tdl_history){.item = first, .time_us = time_us + n, .n = kept};
    return true;
}

static const int32_t *copy_items(tdl_arena *arena, const int32_t *from, size_t n)
{
    int32_t *copy = tdl_arena_alloc(arena, n, sizeof *copy);

    if (copy && n) {
        memcpy(copy, from, n * sizeof *copy);
        qsort(copy, n, sizeof *copy, by_number);
    }
    return copy;
}

tdl_status tdl_holdout_ask(tdl_holdout *s, const tdl_question *question, tdl_report *why)
{
    tdl_question q = *question;
    tdl_status st = check(s, q.history.item, q.history.time_us, q.history.n, why);

    if (st)
        return st;
    tdl_question *moved =
        grown(s->question, &s->questions_cap, s->questions_n + 1, sizeof *s->question);
    s->question = moved ? moved : s->question;
    if (!moved || !copy_history(s->arena, &question->history, &q.history, &q.first) ||
        !(q.target = copy_items(s->arena, question->target, question->relevant_n)) ||
        !(q.excluded = copy_items(s->arena, question->excluded, question->excluded_n)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the questions after %zu",
                        s->questions_n);
    q.items_n = s->items_n;
    q.target_n = 0; // sorted: those of the catalogue come first
    while (q.target_n < q.relevant_n && (size_t)q.target[q.target_n] < s->items_n)
        q.target_n++;
    s->question[s->questions_n++] = q;
    return TDL_OK;
}

int64_t tdl_holdout_now(const tdl_holdout *s)
{
    return s->now_us == INT64_MAX ? 0 : s->now_us;
}

tdl_fit_data tdl_holdout_data(const tdl_holdout *s, const tdl_rung_ops *rung)
{
    const tdl_interactions *view = rung->repeats ? &s->all.view : &s->first.view;

    return (tdl_fit_data){.all = view, .end = view->offsets + 1};
}
