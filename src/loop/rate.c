#include "loop/rate.h"

#include <string.h>

enum { RING = TDL_RATE_SECONDS + 1, SECOND_US = 1000000 };

void tdl_rate_init(tdl_rate *rate)
{
    memset(rate, 0, sizeof *rate);
    pthread_mutex_init(&rate->lock, NULL);
}

void tdl_rate_release(tdl_rate *rate)
{
    pthread_mutex_destroy(&rate->lock);
}

/* Move to `second`, clearing what lies between. Threads may come in another order than they looked.
 */
static void advance(tdl_rate *rate, int64_t second)
{
    if (second <= rate->second)
        return;
    if (second - rate->second >= RING)
        memset(rate->count, 0, sizeof rate->count);
    else
        for (int64_t s = rate->second + 1; s <= second; s++)
            rate->count[s % RING] = 0;
    rate->second = second;
}

void tdl_rate_add(tdl_rate *rate, int64_t now_us, uint32_t n)
{
    pthread_mutex_lock(&rate->lock);
    advance(rate, now_us / SECOND_US);
    rate->count[rate->second % RING] += n;
    pthread_mutex_unlock(&rate->lock);
}

void tdl_rate_read(tdl_rate *rate, int64_t now_us, uint32_t ret[TDL_RATE_SECONDS])
{
    pthread_mutex_lock(&rate->lock);
    advance(rate, now_us / SECOND_US);
    for (int64_t i = 0; i < TDL_RATE_SECONDS; i++)
        ret[i] = rate->count[(rate->second + 1 + i) % RING];
    pthread_mutex_unlock(&rate->lock);
}
