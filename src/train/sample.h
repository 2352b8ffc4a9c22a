/* Which example comes when, and what chance it is changed with.
 *
 * All of it is a function of (seed, epoch, position), so that a resumed run draws the same and the
 * size of a batch changes nothing.
 */
#ifndef TDL_TRAIN_SAMPLE_H
#define TDL_TRAIN_SAMPLE_H

#include <stddef.h>

#include "base/rng.h"

/* order[n] = a permutation of 0..n-1 that depends on (seed, epoch) only */
void tdl_epoch_order(uint64_t seed, unsigned epoch, uint32_t *order, size_t n);

/* Another way to choose, for instance rare classes more often. Zeroed: the permutation above. */
typedef struct tdl_sampler {
    void *context;
    /* The number, below examples_n, of the example at `position` of that epoch. */
    uint32_t (*example)(void *context, uint64_t seed, unsigned epoch, size_t position);
    size_t epoch_n; /* positions in an epoch; 0 = examples_n */
} tdl_sampler;

/* Where a batch stands in its run. */
typedef struct tdl_batch_place {
    uint64_t seed, step;
    unsigned epoch;
    size_t position; /* of its first example in the epoch */
} tdl_batch_place;

/* The generator to augment example i of that batch with: crops, flips, noise, masks. */
tdl_rng tdl_augment_rng(const tdl_batch_place *place, size_t i);

#endif
