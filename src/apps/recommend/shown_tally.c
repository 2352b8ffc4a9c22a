#include "apps/recommend/shown_tally.h"

#include <math.h>
#include <stdlib.h>

#define DAY_US INT64_C(86400000000)

const char *tdl_shown_segment_text(tdl_shown_segment segment)
{
    static const char *const texts[TDL_SHOWN_SEGMENTS] = {
#define TEXT(name, text) [TDL_SHOWN_##name] = (text),
        TDL_SHOWN_SEGMENT_MAP(TEXT)
#undef TEXT
    };

    return texts[segment];
}

tdl_shown_segment tdl_shown_segment_of(size_t n)
{
    return n >= 20  ? TDL_SHOWN_MANY
           : n >= 5 ? TDL_SHOWN_SOME
           : n      ? TDL_SHOWN_FEW
                    : TDL_SHOWN_STRANGER;
}

/* ---- persons: open addressing ---- */

/* Past so many, the rest is taken to be like those that were counted. */
enum { PEOPLE_MAX = 1 << 18, WHAT_IF_SLOTS = 100000 };

typedef struct person {
    uint64_t cluster;
    uint32_t answers; /* 0: nobody stands here */
    uint32_t any, kind[TDL_SHOWN_KINDS];
} person;

struct tdl_shown_people {
    person *at; /* [cap] */
    size_t n, cap;
};

static person *place_of(const tdl_shown_people *p, uint64_t cluster)
{
    size_t at = (size_t)(cluster * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (p->cap - 1);

    while (p->at[at].answers && p->at[at].cluster != cluster)
        at = (at + 1) & (p->cap - 1);
    return &p->at[at];
}

static bool grow_people(tdl_shown_people *p)
{
    tdl_shown_people larger = {.n = p->n, .cap = p->cap ? 2 * p->cap : 256};

    if (!(larger.at = calloc(larger.cap, sizeof *larger.at)))
        return false;
    for (size_t i = 0; i < p->cap; i++)
        if (p->at[i].answers)
            *place_of(&larger, p->at[i].cluster) = p->at[i];
    free(p->at);
    *p = larger;
    return true;
}

static bool count_person(tdl_shown_people *p, const tdl_shown_answer *a)
{
    if (2 * (p->n + 1) > p->cap && !grow_people(p))
        return false;
    person *one = place_of(p, a->cluster);
    if (!one->answers) {
        if (p->n == PEOPLE_MAX)
            return true;
        one->cluster = a->cluster;
        p->n++;
    }
    one->answers++;
    one->any += a->kinds != 0;
    for (size_t k = 0; k < TDL_SHOWN_KINDS; k++)
        one->kind[k] += a->kinds >> k & 1U;
    return true;
}

double tdl_shown_design_effect(const tdl_shown_tally *t, int kind)
{
    const tdl_shown_people *p = t->people;
    double n = 0, taken = 0, sum = 0;

    for (size_t i = 0; i < p->cap; i++) {
        n += p->at[i].answers;
        taken += kind < 0 ? p->at[i].any : p->at[i].kind[kind];
    }
    double rate = n > 0 ? taken / n : 0;
    if (!(rate > 0 && rate < 1))
        return 1;
    for (size_t i = 0; i < p->cap; i++) {
        double c = kind < 0 ? p->at[i].any : p->at[i].kind[kind];
        double d = c - rate * p->at[i].answers;
        sum += d * d;
    }
    return fmax(1, sum / (n * rate * (1 - rate)));
}

size_t tdl_shown_people_count(const tdl_shown_tally *t)
{
    return t->people->n;
}

/* ---- one surface ---- */

void tdl_shown_tally_free(tdl_shown_tally *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < TDL_SHOWN_SEGMENTS; i++)
        free(t->part[i].items);
    for (size_t i = 0; i <= TDL_SHOWN_GROUPS; i++)
        free(t->group[i].items);
    tdl_what_if_free(t->what_if);
    if (t->people)
        free(t->people->at);
    free(t->people);
    free(t->shown);
    free(t->taken);
    free(t->day);
    free(t);
}

static bool make_room(tdl_shown_tally *t)
{
    size_t n = t->catalogue_n + 1; // never none

    return (t->shown = calloc(n, sizeof *t->shown)) && (t->taken = calloc(n, sizeof *t->taken)) &&
           (t->day = calloc(t->days_n + 1, sizeof *t->day)) &&
           (t->people = calloc(1, sizeof *t->people)) &&
           (t->what_if = tdl_what_if_new(WHAT_IF_SLOTS));
}

tdl_shown_tally *tdl_shown_tally_new(tdl_str surface, int64_t window_us, size_t catalogue_n,
                                     int64_t first_day, size_t days_n)
{
    tdl_shown_tally *t = calloc(1, sizeof *t);

    if (!t || surface.len >= sizeof t->surface) {
        free(t);
        return NULL;
    }
    if (surface.len)
        memcpy(t->surface, surface.at, surface.len);
    t->window_us = window_us;
    t->catalogue_n = catalogue_n;
    t->first_day = first_day;
    t->days_n = days_n;
    if (make_room(t))
        return t;
    tdl_shown_tally_free(t);
    return NULL;
}

static void count(tdl_shown_count *c, bool taken)
{
    c->n++;
    c->taken += taken;
}

/* An answer's people are part of a segment and of a group. False: no memory. */
static bool count_answer(tdl_shown_part *part, bool taken, size_t catalogue_n)
{
    count(&part->answers, taken);
    return part->items || (part->items = calloc(catalogue_n / 64 + 1, sizeof(uint64_t)));
}

static void add_to_part(tdl_shown_part *part, int32_t item)
{
    part->slots++;
    if (item >= 0)
        part->items[(uint32_t)item / 64] |= UINT64_C(1) << (uint32_t)item % 64;
}

static void add_slot(tdl_shown_tally *t, const tdl_shown_slot *s, size_t position,
                     const tdl_shown_answer *a)
{
    bool taken = s->kinds != 0;
    int32_t item = s->item >= 0 && (size_t)s->item < t->catalogue_n ? s->item : -1;

    t->slots_n++;
    add_to_part(&t->part[a->segment], item);
    add_to_part(&t->group[a->group], item);
    t->source[s->source]++;
    count(&t->position[position].all, taken);
    if (s->forced)
        count(&t->forced, taken);
    if (s->explored) {
        count(&t->explored, taken);
        count(&t->position[position].explored, taken);
    }
    for (size_t k = 0; k < TDL_SHOWN_KINDS; k++)
        t->kind_slots[k] += s->kinds >> k & 1U;
    if (item < 0)
        return;
    t->shown[item]++;
    t->taken[item] += taken;
}

bool tdl_shown_tally_add(tdl_shown_tally *t, const tdl_shown_answer *a)
{
    int64_t day = a->time_us / DAY_US - t->first_day;
    bool taken = a->kinds != 0;

    count(&t->answers, taken);
    if (!count_answer(&t->part[a->segment], taken, t->catalogue_n) ||
        !count_answer(&t->group[a->group], taken, t->catalogue_n))
        return false;
    t->empty_n += !a->slots_n;
    t->with_views_n += a->any_seen;
    for (size_t k = 0; k < TDL_SHOWN_KINDS; k++)
        t->kind_answers[k] += a->kinds >> k & 1U;
    if (day >= 0 && (uint64_t)day < t->days_n)
        count(&t->day[day], taken);
    // Without a word on what came into view, all of it is taken to have been seen.
    for (size_t i = 0; i < a->slots_n; i++)
        if (!a->any_seen || a->slot[i].seen || a->slot[i].kinds)
            add_slot(t, &a->slot[i], i, a);
    return count_person(t->people, a);
}
