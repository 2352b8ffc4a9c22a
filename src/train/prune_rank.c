#include "train/prune_rank.h"

#include <stdbool.h>

#include "base/rng.h"

static bool comes_before(tdl_ranked a, tdl_ranked b)
{
    return a.score != b.score ? a.score < b.score : a.at < b.at;
}

static void swap(tdl_ranked *a, tdl_ranked *b)
{
    tdl_ranked kept = *a;

    *a = *b;
    *b = kept;
}

/* Those before the last entry come first, then it; where it is then. */
static size_t part_by_last(tdl_ranked *entry, size_t n)
{
    size_t low = 0;

    for (size_t i = 0; i + 1 < n; i++)
        if (comes_before(entry[i], entry[n - 1]))
            swap(&entry[i], &entry[low++]);
    swap(&entry[n - 1], &entry[low]);
    return low;
}

/* Quickselect. Pivots by chance: no order of weights is slow. */
void tdl_rank_smallest(tdl_ranked *entry, size_t n, size_t k)
{
    tdl_rng rng = tdl_rng_make(1, 0);

    while (n > 1 && k > 0 && k < n) {
        swap(&entry[tdl_rng_below(&rng, n)], &entry[n - 1]);
        size_t middle = part_by_last(entry, n);

        if (k <= middle) {
            n = middle;
        } else {
            entry += middle + 1;
            n -= middle + 1;
            k -= middle + 1;
        }
    }
}
