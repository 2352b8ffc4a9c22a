/* Fairness: how a model's decisions and errors differ between groups, and how sure that is.
 *
 * Every rate of a group is a weighted sum over its rows divided by another (Hardt, Price and
 * Srebro, 2016; Feldman et al., 2015; Speicher et al., 2018, for the entropies):
 *
 * | measure   | mean of              | over rows with | differences are called               |
 * |-----------|----------------------|----------------|--------------------------------------|
 * | selection | decision             |                | demographic parity                   |
 * | tpr       | decision             | y = 1          | equal opportunity                    |
 * | fpr       | decision             | y = 0          | with tpr: equalised odds             |
 * | ppv       | y                    | decision = 1   | predictive parity                    |
 * | accuracy  | y equals decision    |                |                                      |
 * | residual  | y - score            |                | calibration in the large             |
 * | error     | abs(y - score)       |                |                                      |
 *
 * Differences are of a pair of groups and have a sign: an interval of max - min cannot hold 0, so
 * it would find a difference everywhere. They are not corrected for how many pairs are looked at.
 */
#ifndef TDL_STATS_FAIRNESS_H
#define TDL_STATS_FAIRNESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "stats/bootstrap.h"

/* X(name, text) */
#define TDL_FAIR_MAP(X)                                                                            \
    X(SELECTION, "selection")                                                                      \
    X(TPR, "tpr")                                                                                  \
    X(FPR, "fpr")                                                                                  \
    X(PPV, "ppv")                                                                                  \
    X(ACCURACY, "accuracy")                                                                        \
    X(RESIDUAL, "residual")                                                                        \
    X(ERROR, "error")

typedef enum tdl_fair_measure {
#define TDL_FAIR_ENUM(name, text) TDL_FAIR_##name,
    TDL_FAIR_MAP(TDL_FAIR_ENUM)
#undef TDL_FAIR_ENUM
        TDL_FAIR_MEASURES
} tdl_fair_measure;

enum { TDL_FAIR_GROUPS_MAX = 256 };

/* y [n] 0 or 1 where there are decisions, else any number. Several classes: one against the rest,
 * one audit each. decision [n] 0 or 1, or NULL (regression); score [n] or NULL; not both NULL.
 * weight [n] or NULL = 1. person [n] or NULL: rows drawn together. */
typedef struct tdl_fair_rows {
    size_t n;
    const double *y, *decision, *score, *weight;
    const int32_t *person;
} tdl_fair_rows;

typedef struct tdl_fair_options {
    size_t rows_min;  /* of a group that is estimable; 0 = 30 */
    size_t resamples; /* 0 = 1,000 */
    double level;     /* of intervals; 0 = 0.95 */
} tdl_fair_options;

typedef struct tdl_fair_group {
    size_t n;
    double weight, base_rate;       /* base_rate: mean y */
    double rate[TDL_FAIR_MEASURES]; /* NaN: nothing to divide by, or not asked for */
    double auc, ece;                /* of the score; NaN where undefined */
    const char *not_estimable;      /* why, or NULL: "too few rows", "no positives" */
} tdl_fair_group;

typedef enum tdl_fair_verdict {
    TDL_FAIR_NO_EVIDENCE,
    TDL_FAIR_EVIDENCE,
    TDL_FAIR_TOO_FEW
} tdl_fair_verdict;

const char *tdl_fair_verdict_text(tdl_fair_verdict verdict); /* "no evidence", ... */

/* rate of a - rate of b. */
typedef struct tdl_fair_pair {
    size_t a, b;
    tdl_interval difference[TDL_FAIR_MEASURES];
    tdl_fair_verdict verdict[TDL_FAIR_MEASURES];
} tdl_fair_pair;

/* Over estimable groups; NaN when fewer than two have the rate. A ratio of 0 to 0 is 1. */
typedef struct tdl_fairness {
    tdl_fair_group *group; /* [groups_n] */
    size_t groups_n;
    tdl_fair_pair *pair; /* [pairs_n], a < b */
    size_t pairs_n;
    bool decisions, scores; /* what was audited */
    size_t left_out;        /* rows without a group */
    double dpd, dpr;        /* demographic parity: difference, ratio */
    double tpr_difference, fpr_difference, ppv_difference;
    double eod, eor; /* equalised odds: greater difference, lesser ratio of tpr and fpr */
    double residual_difference;
    double entropy, theil; /* of benefits decision - y + 1: GE(2) and GE(1); all rows */
} tdl_fairness;

/* Audit one column of groups.
 *   group    [n] in [0, groups_n), or -1: left out and counted
 *   options  NULL = defaults
 *   returns  TDL_OK | TDL_E_INVALID (which row) | TDL_E_NO_MEMORY */
tdl_status tdl_fairness_audit(const tdl_fair_rows *rows, const int32_t *group, size_t groups_n,
                              const tdl_fair_options *options, tdl_rng *rng, tdl_fairness *ret,
                              tdl_report *why);
void tdl_fairness_release(tdl_fairness *f); /* accepts a zeroed struct */

/* Groups of two columns at once: a * b_n + b, or -1 where either is. */
void tdl_fair_cross(const int32_t *a, const int32_t *b, size_t b_n, size_t n, int32_t *ret);

/* One object: groups, pairs with verdicts, and the differences. name [groups_n]. */
void tdl_fairness_write(const tdl_fairness *f, const tdl_str *name, tdl_jw *w);

#endif
