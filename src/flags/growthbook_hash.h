/* GrowthBook's hashes: FNV-1a over UTF-16 units, and the bucket an id falls into. */
#ifndef TDL_FLAGS_GROWTHBOOK_HASH_H
#define TDL_FLAGS_GROWTHBOOK_HASH_H

#include "base/str.h"

#define TDL_GB_FNV_START UINT32_C(0x811c9dc5)

/* Go on with the units of `text`. Start with TDL_GB_FNV_START. */
uint32_t tdl_gb_fnv(uint32_t hash, tdl_str text);

/* Buckets of a hash version: 1,000 of version 1, 10,000 of version 2, 0 of any other. */
uint32_t tdl_gb_buckets(double version);

/* The bucket of `id`, below tdl_gb_buckets(version). As a share of one it is this over
 * their number. Version 1 is biased by its seed: two experiments are not independent. */
uint32_t tdl_gb_bucket(tdl_str seed, tdl_str id, int version);

#endif
