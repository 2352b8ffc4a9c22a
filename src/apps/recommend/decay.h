/* Forward decay: sums that halve every half-life, without a sweep (Cormode et al., 2009).
 *
 *     P_i(t) = sum_e w_e 2^(-(t - t_e)/h)     stored as S_i = sum_e w_e 2^((t_e - L)/h)
 *
 * An event is one addition, whenever it happened: the order of arrival changes nothing but the last
 * bits. The landmark L moves once the newest event lies 60 half-lives behind it, and all sums with
 * it, so that nothing overflows. What is more than 1,000 half-lives older than the newest event
 * weighs nothing.
 *
 * Life cycle   tdl_decay_init -> add / at ... -> tdl_decay_release
 */
#ifndef TDL_APPS_RECOMMEND_DECAY_H
#define TDL_APPS_RECOMMEND_DECAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

#define TDL_DAY_US INT64_C(86400000000)

typedef struct tdl_decay {
    size_t n;
    double *sum;         /* [n], as of the landmark */
    double half_life_us; /* 0 = nothing decays */
    int64_t landmark_us; /* of the sums; the first event's time until it moves */
    bool started;        /* has a landmark */
} tdl_decay;

tdl_status tdl_decay_init(tdl_decay *d, size_t n, double half_life_us, tdl_report *why);
void tdl_decay_release(tdl_decay *d); /* accepts a zeroed one */
/* More sums, of 0. False: no memory. */
bool tdl_decay_grow(tdl_decay *d, size_t n);

void tdl_decay_add(tdl_decay *d, size_t at, int64_t time_us, double weight); /* at < n */
double tdl_decay_at(const tdl_decay *d, size_t at, int64_t now_us);
/* What every sum is multiplied by to be as of `now_us`. */
double tdl_decay_factor(const tdl_decay *d, int64_t now_us);

/* 2^(-age / half-life); 1 without a half-life. Times to come weigh as much as now. */
double tdl_decay_weight(int64_t now_us, int64_t time_us, double half_life_us);

#endif
