/* The k nearest of many rows, as a heap with the farthest on top. Rows are offered in ascending
 * order; of equal distances the earlier row stays. */
#ifndef TDL_LEARN_NEIGHBOURS_H
#define TDL_LEARN_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tdl_neighbour {
    double distance;
    uint32_t row;
} tdl_neighbour;

static inline bool tdl_neighbour_farther(tdl_neighbour a, tdl_neighbour b)
{
    return a.distance != b.distance ? a.distance > b.distance : a.row > b.row;
}

static inline void tdl_neighbours_sink(tdl_neighbour *heap, size_t n, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        tdl_neighbour swap = heap[at];

        if (child + 1 < n && tdl_neighbour_farther(heap[child + 1], heap[child]))
            child++;
        if (!tdl_neighbour_farther(heap[child], heap[at]))
            return;
        heap[at] = heap[child];
        heap[child] = swap;
    }
}

/* seen: how many were offered before; heap [k] */
static inline void tdl_neighbours_offer(tdl_neighbour *heap, size_t k, size_t seen, tdl_neighbour n)
{
    if (seen < k) {
        heap[seen] = n;
        for (size_t at = k / 2; seen + 1 == k && at-- > 0;)
            tdl_neighbours_sink(heap, k, at);
    } else if (tdl_neighbour_farther(heap[0], n)) {
        heap[0] = n;
        tdl_neighbours_sink(heap, k, 0);
    }
}

#endif
