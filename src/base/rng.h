/* Random numbers: Philox4x32-10 (Salmon et al., SC 2011), counter based, so that any draw can be
 * recomputed from (seed, stream, index) on any thread. Never for secrets: use libsodium there.
 */
#ifndef TDL_BASE_RNG_H
#define TDL_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* The block function: 4 words from 4 words of counter and 2 of key. */
void tdl_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t ret[4]);

/* The same of TDL_PHILOX_LANES counters at a time, each word of all of them side by side, in place.
 * Inline, so that whoever calls it may compile it for wider registers. */
enum { TDL_PHILOX_LANES = 8 };
static inline __attribute__((always_inline)) void
tdl_philox4x32_lanes(uint32_t word[4][TDL_PHILOX_LANES], const uint32_t key[2])
{
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < TDL_PHILOX_LANES; i++) {
            uint64_t p0 = (uint64_t)0xD2511F53U * word[0][i];
            uint64_t p1 = (uint64_t)0xCD9E8D57U * word[2][i];

            word[0][i] = (uint32_t)(p1 >> 32) ^ word[1][i] ^ k0;
            word[1][i] = (uint32_t)p1;
            word[2][i] = (uint32_t)(p0 >> 32) ^ word[3][i] ^ k1;
            word[3][i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
    }
}

/* A sequential reader of one stream. Copy it to replay. */
typedef struct tdl_rng {
    uint64_t seed, stream, block;
    uint32_t words[4];
    unsigned left; /* words not yet handed out */
} tdl_rng;

tdl_rng tdl_rng_make(uint64_t seed, uint64_t stream);
uint32_t tdl_rng_u32(tdl_rng *rng);
uint64_t tdl_rng_u64(tdl_rng *rng);
uint64_t tdl_rng_below(tdl_rng *rng, uint64_t n); /* unbiased, in [0, n); n >= 1 */
double tdl_rng_uniform(tdl_rng *rng);             /* [0, 1), 53 bits */
double tdl_rng_normal(tdl_rng *rng);              /* mean 0, variance 1 (Box-Muller) */
void tdl_rng_shuffle(tdl_rng *rng, uint32_t *values, size_t n); /* Fisher-Yates */

#endif
