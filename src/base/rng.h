/* Random numbers: Philox4x32-10 (Salmon et al., SC 2011), counter based, so that any draw can be
 * recomputed from (seed, stream, index) on any thread. Never for secrets: use libsodium there.
 */
#ifndef TDL_BASE_RNG_H
#define TDL_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* The block function: 4 words from 4 words of counter and 2 of key. */
void tdl_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t ret[4]);

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
