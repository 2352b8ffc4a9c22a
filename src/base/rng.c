#include "base/rng.h"

#include <assert.h>
#include <math.h>

/* Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4. */
void tdl_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t ret[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53U * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57U * c2;

        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9U; /* the golden ratio */
        k1 += 0xBB67AE85U; /* sqrt(3) - 1 */
    }
    ret[0] = c0;
    ret[1] = c1;
    ret[2] = c2;
    ret[3] = c3;
}

tdl_rng tdl_rng_make(uint64_t seed, uint64_t stream)
{
    return (tdl_rng){.seed = seed, .stream = stream};
}

uint32_t tdl_rng_u32(tdl_rng *rng)
{
    if (rng->left == 0) {
        const uint32_t counter[4] = {(uint32_t)rng->block, (uint32_t)(rng->block >> 32),
                                     (uint32_t)rng->stream, (uint32_t)(rng->stream >> 32)};
        const uint32_t key[2] = {(uint32_t)rng->seed, (uint32_t)(rng->seed >> 32)};

        tdl_philox4x32(counter, key, rng->words);
        rng->block++;
        rng->left = 4;
    }
    return rng->words[4 - rng->left--];
}

uint64_t tdl_rng_u64(tdl_rng *rng)
{
    uint64_t low = tdl_rng_u32(rng);

    return low | (uint64_t)tdl_rng_u32(rng) << 32;
}

/* Lemire, "Fast random integer generation in an interval", 2019: the high word of draw * n, drawn
 * again while the low word falls in the part that would favour some values. */
static uint32_t below32(tdl_rng *rng, uint32_t n)
{
    uint64_t product = (uint64_t)tdl_rng_u32(rng) * n;

    if ((uint32_t)product < n) {
        uint32_t unfair = (0U - n) % n;

        while ((uint32_t)product < unfair)
            product = (uint64_t)tdl_rng_u32(rng) * n;
    }
    return (uint32_t)(product >> 32);
}

uint64_t tdl_rng_below(tdl_rng *rng, uint64_t n)
{
    uint64_t unfair, draw;

    assert(n >= 1);
    if (n <= UINT32_MAX)
        return below32(rng, (uint32_t)n);
    unfair = (0U - n) % n; /* 2^64 mod n */
    do
        draw = tdl_rng_u64(rng);
    while (draw < unfair);
    return draw % n;
}

double tdl_rng_uniform(tdl_rng *rng)
{
    return (double)(tdl_rng_u64(rng) >> 11) * 0x1p-53;
}

double tdl_rng_normal(tdl_rng *rng)
{
    double u = 1.0 - tdl_rng_uniform(rng); /* (0, 1]: the logarithm is finite */
    double v = tdl_rng_uniform(rng);

    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void tdl_rng_shuffle(tdl_rng *rng, uint32_t *values, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)tdl_rng_below(rng, i);
        uint32_t swapped = values[i - 1];

        values[i - 1] = values[j];
        values[j] = swapped;
    }
}
