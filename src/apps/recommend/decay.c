#include "apps/recommend/decay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOVE_AT = 60 /* half-lives from the landmark */, FORGOTTEN = 1000 };

tdl_status tdl_decay_init(tdl_decay *d, size_t n, double half_life_us, tdl_report *why)
{
    *d = (tdl_decay){.n = n, .half_life_us = half_life_us, .sum = calloc(n + 1, sizeof *d->sum)};
    return d->sum ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu sums", n);
}

void tdl_decay_release(tdl_decay *d)
{
    free(d->sum);
    *d = (tdl_decay){0};
}

bool tdl_decay_grow(tdl_decay *d, size_t n)
{
    double *sum = n > d->n ? realloc(d->sum, (n + 1) * sizeof *sum) : d->sum;

    if (!sum)
        return false;
    d->sum = sum;
    if (n > d->n) {
        memset(sum + d->n, 0, (n - d->n) * sizeof *sum);
        d->n = n;
    }
    return true;
}

/* Half-lives from the landmark to a time. */
static double distance(const tdl_decay *d, int64_t time_us)
{
    return ((double)time_us - (double)d->landmark_us) / d->half_life_us;
}

static void move_landmark(tdl_decay *d, int64_t time_us)
{
    double factor = exp2(-distance(d, time_us));

    for (size_t i = 0; i < d->n; i++)
        d->sum[i] *= factor;
    d->landmark_us = time_us;
}

void tdl_decay_add(tdl_decay *d, size_t at, int64_t time_us, double weight)
{
    if (!(d->half_life_us > 0)) {
        d->sum[at] += weight;
        return;
    }
    if (!d->started) {
        d->started = true;
        d->landmark_us = time_us;
    }
    if (distance(d, time_us) > MOVE_AT)
        move_landmark(d, time_us);
    if (distance(d, time_us) > -FORGOTTEN)
        d->sum[at] += weight * exp2(distance(d, time_us));
}

double tdl_decay_factor(const tdl_decay *d, int64_t now_us)
{
    return d->half_life_us > 0 ? exp2(-distance(d, now_us)) : 1;
}

double tdl_decay_at(const tdl_decay *d, size_t at, int64_t now_us)
{
    return d->sum[at] * tdl_decay_factor(d, now_us);
}

double tdl_decay_weight(int64_t now_us, int64_t time_us, double half_life_us)
{
    double age_us = (double)now_us - (double)time_us;

    return half_life_us > 0 && age_us > 0 ? exp2(-age_us / half_life_us) : 1;
}
