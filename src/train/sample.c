#include "train/sample.h"

/* Streams apart from each other and from those of initialisation, which are small numbers. */
enum { STREAM_ORDER = 0x7368, STREAM_AUGMENT = 0x6175 };

void tdl_epoch_order(uint64_t seed, unsigned epoch, uint32_t *order, size_t n)
{
    tdl_rng rng = tdl_rng_make(seed, (uint64_t)STREAM_ORDER << 32 | epoch);

    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    tdl_rng_shuffle(&rng, order, n);
}

tdl_rng tdl_augment_rng(const tdl_batch_place *place, size_t i)
{
    // the block at (position, epoch) is the seed and the stream of its own generator
    const uint64_t position = place->position + i;
    const uint32_t counter[4] = {(uint32_t)position, (uint32_t)(position >> 32), place->epoch,
                                 STREAM_AUGMENT};
    const uint32_t key[2] = {(uint32_t)place->seed, (uint32_t)(place->seed >> 32)};
    uint32_t word[4];

    tdl_philox4x32(counter, key, word);
    return tdl_rng_make((uint64_t)word[1] << 32 | word[0], (uint64_t)word[3] << 32 | word[2]);
}
