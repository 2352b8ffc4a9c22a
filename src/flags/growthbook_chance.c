#include <math.h>

#include "flags/growthbook.h"
#include "flags/growthbook_hash.h"

enum { BUCKETS_MAX = 10000 };

/* ---- partitions ---- */

/* The first bucket whose share of one is not below `share`; with `past`: is above it. */
static uint32_t first_bucket(double share, uint32_t buckets, bool past)
{
    uint32_t low = 0, high = buckets;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        double at = middle / (double)buckets;
        if (past ? at > share : at >= share)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static size_t count_pieces(const int *outcomes, uint32_t buckets)
{
    size_t n = 1;

    for (uint32_t i = 1; i < buckets; i++)
        n += outcomes[i] != outcomes[i - 1];
    return n;
}

static void list_pieces(const int *outcomes, uint32_t buckets, tdl_gb_piece *pieces)
{
    size_t n = 0;

    for (uint32_t from = 0, to; from < buckets; from = to) {
        for (to = from + 1; to < buckets && outcomes[to] == outcomes[from];)
            to++;
        pieces[n++] = (tdl_gb_piece){(uint16_t)from, (uint16_t)to, outcomes[from]};
    }
}

bool tdl_gb_partition_make(tdl_arena *arena, double version, const tdl_gb_range *ranges, size_t n,
                           bool inclusive, tdl_gb_partition *ret)
{
    uint32_t buckets = tdl_gb_buckets(version);
    int outcomes[BUCKETS_MAX];

    *ret = (tdl_gb_partition){.version = buckets ? (int)version : 0, .outcomes_n = (int)n};
    if (!buckets)
        return true;
    for (uint32_t k = 0; k < buckets; k++)
        outcomes[k] = -1;
    for (size_t i = n; i-- > 0;) { // the first range is painted last
        uint32_t to = first_bucket(ranges[i].to, buckets, inclusive);
        for (uint32_t k = first_bucket(ranges[i].from, buckets, false); k < to; k++)
            outcomes[k] = (int)i;
    }
    ret->n = count_pieces(outcomes, buckets);
    ret->pieces = tdl_arena_alloc(arena, ret->n, sizeof *ret->pieces);
    if (ret->pieces)
        list_pieces(outcomes, buckets, ret->pieces);
    return ret->pieces != NULL;
}

void tdl_gb_ranges(size_t n, double coverage, const double *weights, size_t weights_n,
                   tdl_gb_range *ret)
{
    double total = 0, start = 0;
    bool equal = !weights || weights_n != n;

    coverage = coverage < 0 ? 0 : coverage > 1 ? 1 : coverage;
    for (size_t i = 0; !equal && i < n; i++)
        total = weights[i] + total;
    equal = equal || total < 0.99 || total > 1.01;
    for (size_t i = 0; i < n; i++) {
        double weight = equal ? 1 / (double)n : weights[i];
        ret[i] = (tdl_gb_range){start, start + coverage * weight};
        start += weight;
    }
}

/* ---- draws ---- */

static bool same_hash(const tdl_gb_draw *a, const tdl_gb_draw *b)
{
    return a->partition->version == b->partition->version && tdl_str_eq(a->seed, b->seed) &&
           tdl_str_eq(a->id, b->id);
}

/* Buckets of [from, to) that the draws before `at` leave possible for the hash of draw `of`. */
static uint32_t count_possible(const tdl_gb_draws *draws, size_t of, size_t at, uint32_t from,
                               uint32_t to)
{
    uint32_t n = 0;

    if (from >= to)
        return 0;
    while (at > 0 && !same_hash(&draws->draw[at - 1], &draws->draw[of]))
        at--;
    if (!at)
        return to - from;
    const tdl_gb_draw *before = &draws->draw[at - 1];
    for (size_t i = 0; i < before->partition->n; i++) {
        const tdl_gb_piece *piece = &before->partition->pieces[i];
        if (piece->outcome == before->outcome)
            n += count_possible(draws, of, at - 1, piece->from > from ? piece->from : from,
                                piece->to < to ? piece->to : to);
    }
    return n;
}

static uint32_t count_outcome(const tdl_gb_draws *draws, size_t of, int outcome)
{
    const tdl_gb_partition *partition = draws->draw[of].partition;
    uint32_t n = 0;

    for (size_t i = 0; i < partition->n; i++)
        if (partition->pieces[i].outcome == outcome)
            n += count_possible(draws, of, of, partition->pieces[i].from, partition->pieces[i].to);
    return n;
}

/* Give draw `of` its first possible outcome from `least` on. False when there is none. */
static bool choose_outcome(tdl_gb_draws *draws, size_t of, int least)
{
    tdl_gb_draw *draw = &draws->draw[of];

    for (int outcome = least; outcome < draw->partition->outcomes_n; outcome++)
        if (count_outcome(draws, of, outcome)) {
            draw->outcome = outcome;
            return true;
        }
    return false;
}

static int outcome_of_bucket(const tdl_gb_partition *partition, uint32_t bucket)
{
    size_t i = 0;

    while (partition->pieces[i].to <= bucket)
        i++;
    return partition->pieces[i].outcome;
}

int tdl_gb_draw_from(tdl_gb_draws *draws, tdl_str seed, tdl_str id,
                     const tdl_gb_partition *partition)
{
    if (!partition->version)
        return -1;
    if (draws->n == TDL_GB_DRAWS_MAX) {
        draws->too_many = true;
        return -1;
    }
    size_t of = draws->n++;
    tdl_gb_draw *draw = &draws->draw[of];
    draw->seed = seed;
    draw->id = id;
    draw->partition = partition;
    if (!draws->replaying) {
        draw->outcome = outcome_of_bucket(partition, tdl_gb_bucket(seed, id, partition->version));
        return draw->outcome;
    }
    if (of >= draws->scripted)
        choose_outcome(draws, of, -1);
    uint32_t buckets = tdl_gb_buckets(partition->version);
    draws->probability *=
        count_outcome(draws, of, draw->outcome) / (double)count_possible(draws, of, of, 0, buckets);
    return draw->outcome;
}

bool tdl_gb_next_way(tdl_gb_draws *draws)
{
    size_t n = draws->n;

    while (n > 0 && !choose_outcome(draws, n - 1, draws->draw[n - 1].outcome + 1))
        n--;
    draws->scripted = n;
    draws->n = 0;
    draws->probability = 1;
    return n > 0;
}
