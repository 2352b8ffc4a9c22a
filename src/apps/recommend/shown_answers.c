#include "apps/recommend/shown_answers.h"

#include <stdlib.h>

enum { BUCKETS_MIN = 1024 };

struct tdl_shown_answers {
    tdl_shown_slot **bucket; /* [buckets_n], a power of two */
    size_t buckets_n, slots_n, slots_max;
    tdl_shown_answer *oldest, *newest;
    int64_t early_n;
    tdl_shown_close *closed;
    void *context;
};

tdl_shown_answer *tdl_shown_answer_new(size_t slots_n)
{
    tdl_shown_answer *a =
        slots_n <= TDL_EFFECTS_SLOTS ? calloc(1, sizeof *a + slots_n * sizeof a->slot[0]) : NULL;

    if (!a)
        return NULL;
    a->slots_n = slots_n;
    for (size_t i = 0; i < slots_n; i++)
        a->slot[i].answer = a;
    return a;
}

tdl_shown_answers *tdl_shown_answers_new(size_t slots_max, tdl_shown_close *closed, void *context)
{
    tdl_shown_answers *all = calloc(1, sizeof *all);

    if (all && !(all->bucket = calloc(BUCKETS_MIN, sizeof *all->bucket))) {
        free(all);
        return NULL;
    }
    if (!all)
        return NULL;
    all->buckets_n = BUCKETS_MIN;
    all->slots_max = slots_max;
    all->closed = closed;
    all->context = context;
    return all;
}

void tdl_shown_answers_free(tdl_shown_answers *all)
{
    if (!all)
        return;
    while (all->oldest) {
        tdl_shown_answer *next = all->oldest->next;
        free(all->oldest);
        all->oldest = next;
    }
    free(all->bucket);
    free(all);
}

/* Both are dense numbers: multiplied by odd constants, and the upper half folded in. */
static size_t bucket_of(const tdl_shown_answers *all, int32_t person, int32_t item)
{
    uint64_t x = (uint64_t)(uint32_t)person * UINT64_C(0x9e3779b97f4a7c15) ^
                 (uint64_t)(uint32_t)item * UINT64_C(0xc2b2ae3d27d4eb4f);

    x ^= x >> 29;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    return (size_t)(x >> 32) & (all->buckets_n - 1);
}

static bool is_found_by_item(const tdl_shown_slot *slot)
{
    return slot->item >= 0 && slot->answer->person >= 0;
}

static void link_slot(tdl_shown_answers *all, tdl_shown_slot *slot)
{
    tdl_shown_slot **head = &all->bucket[bucket_of(all, slot->answer->person, slot->item)];

    slot->older = *head;
    *head = slot;
}

static void unlink_slot(tdl_shown_answers *all, const tdl_shown_slot *slot)
{
    tdl_shown_slot **at = &all->bucket[bucket_of(all, slot->answer->person, slot->item)];

    while (*at != slot)
        at = &(*at)->older;
    *at = slot->older;
}

static void close_oldest(tdl_shown_answers *all)
{
    tdl_shown_answer *a = all->oldest;

    for (size_t i = 0; i < a->slots_n; i++)
        if (is_found_by_item(&a->slot[i]))
            unlink_slot(all, &a->slot[i]);
    all->slots_n -= a->slots_n;
    all->oldest = a->next;
    if (!all->oldest)
        all->newest = NULL;
    all->closed(all->context, a);
    free(a);
}

static bool grow(tdl_shown_answers *all)
{
    size_t n = 2 * all->buckets_n;
    tdl_shown_slot **bucket = calloc(n, sizeof *bucket);

    if (!bucket)
        return false;
    free(all->bucket);
    all->bucket = bucket;
    all->buckets_n = n;
    for (tdl_shown_answer *a = all->oldest; a; a = a->next) // in order: the newest stay in front
        for (size_t i = 0; i < a->slots_n; i++)
            if (is_found_by_item(&a->slot[i]))
                link_slot(all, &a->slot[i]);
    return true;
}

bool tdl_shown_answers_add(tdl_shown_answers *all, tdl_shown_answer *a)
{
    while (all->oldest && all->slots_n + a->slots_n > all->slots_max) {
        all->early_n++;
        close_oldest(all);
    }
    if (all->slots_n + a->slots_n > all->buckets_n && !grow(all))
        return false;
    a->next = NULL;
    if (all->newest)
        all->newest->next = a;
    else
        all->oldest = a;
    all->newest = a;
    all->slots_n += a->slots_n;
    for (size_t i = 0; i < a->slots_n; i++)
        if (is_found_by_item(&a->slot[i]))
            link_slot(all, &a->slot[i]);
    return true;
}

/* Answers stand nearly by time, so the newest that fits is looked for among all of the bucket. */
tdl_shown_slot *tdl_shown_answers_find(const tdl_shown_answers *all, int32_t person, int32_t item,
                                       int64_t time_us)
{
    tdl_shown_slot *found = NULL;

    if (person < 0 || item < 0)
        return NULL;
    for (tdl_shown_slot *slot = all->bucket[bucket_of(all, person, item)]; slot; slot = slot->older)
        if (slot->item == item && slot->answer->person == person &&
            slot->answer->time_us <= time_us && time_us < slot->answer->until_us &&
            (!found || found->answer->time_us < slot->answer->time_us))
            found = slot;
    return found;
}

void tdl_shown_answers_close(tdl_shown_answers *all, int64_t time_us)
{
    while (all->oldest && (time_us == INT64_MAX || all->oldest->until_us <= time_us))
        close_oldest(all);
}

int64_t tdl_shown_answers_early(const tdl_shown_answers *all)
{
    return all->early_n;
}
