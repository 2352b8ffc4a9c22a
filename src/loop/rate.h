/* Counts per second over the last minute, for the live picture. Times are monotonic: a clock that
 * is set forth and back would stop the picture until it is there again. Thread-safe. */
#ifndef TDL_LOOP_RATE_H
#define TDL_LOOP_RATE_H

#include <pthread.h>
#include <stdint.h>

#include "loop/loop.h"

typedef struct tdl_rate {
    pthread_mutex_t lock;
    int64_t second;                       /* the newest one counted */
    uint32_t count[TDL_RATE_SECONDS + 1]; /* ring by second; one more for the second under way */
} tdl_rate;

void tdl_rate_init(tdl_rate *rate);
void tdl_rate_release(tdl_rate *rate);
void tdl_rate_add(tdl_rate *rate, int64_t now_us, uint32_t n);
/* The last 60 whole seconds before `now_us`, oldest first. */
void tdl_rate_read(tdl_rate *rate, int64_t now_us, uint32_t ret[TDL_RATE_SECONDS]);

#endif
