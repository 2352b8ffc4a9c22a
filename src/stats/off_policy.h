/* Off-policy evaluation: what another policy would have earned, from the log of the one that ran.
 *
 * A row is one decision: what was chosen had `propensity` to be, the policy in question would have
 * chosen it with `target`, and `reward` is what came of it. w = target / propensity.
 *
 * | estimate  | formula                               | |
 * |-----------|---------------------------------------|---|
 * | on_policy | mean(r)                               | of the policy that ran |
 * | ips       | mean(w r)                             | unbiased (Horvitz and Thompson, 1952) |
 * | snips     | sum(w r) / sum(w)                     | Swaminathan and Joachims, 2015 |
 * | dm        | mean(v)                               | the reward model alone |
 * | dr        | mean(v + w (r - q))                   | Dudik, Langford and Li, 2011: the answer |
 * | sndr      | mean(v) + sum(w (r - q)) / sum(w)     | |
 * | switch_dr | dr, the second part where w <= tau    | Wang, Agarwal and Dudik, 2017 |
 * | dros      | dr, w -> lambda w / (w^2 + lambda)    | Su et al., 2020 |
 * | clipped   | mean(min(w, M) r)                     | biased, towards 0 |
 *
 * q is the reward model's value of what was chosen, v its mean under the policy in question; it
 * must not have seen the row (2-fold cross-fitting). Without a model q = v = 0, and dr is ips.
 *
 * Intervals are normal, 95 %; rows of one unit (a person) are summed first, so that people who
 * return do not count as so many people.
 */
#ifndef TDL_STATS_OFF_POLICY_H
#define TDL_STATS_OFF_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

typedef struct tdl_logged_row {
    double reward;      /* finite */
    double propensity;  /* in (0, 1] */
    double target;      /* in [0, 1] */
    double q, v;        /* finite; 0, 0 = no reward model */
    double unsupported; /* of the policy's mass here: on what the log could not have chosen */
    uint32_t unit;
} tdl_logged_row;

typedef enum tdl_off_policy_kind {
    TDL_ON_POLICY,
    TDL_IPS,
    TDL_SNIPS,
    TDL_DM,
    TDL_DR,
    TDL_SNDR,
    TDL_SWITCH_DR,
    TDL_DROS,
    TDL_CLIPPED,
    TDL_OFF_POLICY_KINDS
} tdl_off_policy_kind;

extern const char *const tdl_off_policy_name[TDL_OFF_POLICY_KINDS]; /* "on_policy", "ips", ... */

typedef struct tdl_off_policy_options {
    double tau, lambda, clip; /* of switch_dr, dros, clipped; 0 = 10 each */
} tdl_off_policy_options;

typedef struct tdl_estimate {
    double value, error; /* standard error; 0 of a single unit, which has none */
    double low, high;    /* value -+ 1.96 errors */
} tdl_estimate;

/* What stands between the figures and an answer. */
enum {
    TDL_OFF_POLICY_UNSUPPORTED = 1,  /* mass on what the log never chooses: nobody knows */
    TDL_OFF_POLICY_UNRELIABLE = 2,   /* few rows carry the weight */
    TDL_OFF_POLICY_CANNOT_DECIDE = 4 /* 0 lies in `difference` */
};

typedef struct tdl_off_policy {
    size_t rows_n, units_n;
    tdl_estimate estimate[TDL_OFF_POLICY_KINDS];
    tdl_estimate difference; /* dr - on_policy, on the same rows */
    double ess;              /* effective sample size, sum(w)^2 / sum(w^2) */
    double weight_max, weight_sum;
    double unsupported; /* mean over rows */
    unsigned labels;    /* TDL_OFF_POLICY_...; unreliable: ess / n < .15 or max w > .05 sum w */
} tdl_off_policy;

/* TDL_E_INVALID: no rows, or a row's number is out of its range (which row and field).
 * TDL_E_NO_MEMORY. options: NULL = defaults. */
tdl_status tdl_off_policy_estimate(const tdl_logged_row *row, size_t n,
                                   const tdl_off_policy_options *options, tdl_off_policy *ret,
                                   tdl_report *why);

/* Is it shown that the policy in question earns less? False also where the log cannot tell. */
bool tdl_off_policy_is_worse(const tdl_off_policy *o);

#endif
