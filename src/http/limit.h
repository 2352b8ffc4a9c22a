/* Rate limit: a token bucket for each name (a key, an address), in a fixed amount of memory.
 *
 * Life cycle   tdl_limit_new -> tdl_limit_take ... -> tdl_limit_free
 * Threads      tdl_limit_take from any thread
 * Memory       4,096 buckets, 16 to a set; a name hashes (keyed) to one set, so a take looks at 16.
 *              A bucket that is full again says nothing any more and is the next to be reused. When
 *              all 16 are in use the one nearest to full gives way: its name may then burst anew
 *
 * A bucket is one number, the time at which it will be full again (generic cell rate algorithm:
 * ITU-T I.371). A request moves it on by 1/rate, and is refused when that would be further ahead
 * than the burst.
 */
#ifndef TDL_HTTP_LIMIT_H
#define TDL_HTTP_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tdl_limit tdl_limit;

/* per_second: requests, lasting; burst: requests that may come at once, 0 = two seconds' worth.
 * Both at most 1,000,000. NULL when out of memory or per_second is 0. */
tdl_limit *tdl_limit_new(unsigned per_second, unsigned burst);
void tdl_limit_free(tdl_limit *limit); /* accepts NULL */

/* One request of `name` [name_n] at now_us (monotonic). False: too many; it is not counted. A NULL
 * limit lets all pass. */
bool tdl_limit_take(tdl_limit *limit, const void *name, size_t name_n, int64_t now_us);

#endif
