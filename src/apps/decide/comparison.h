/* One outcome of an experiment, one arm against the control: every view of the difference.
 *
 * The verdict is made from the interval that always holds (stats/anytime.h). The others are for
 * display; the classical one is shown only when its number of units was registered beforehand and
 * has come.
 */
#ifndef TDL_DECIDE_COMPARISON_H
#define TDL_DECIDE_COMPARISON_H

#include "stats/anytime.h"
#include "stats/cuped.h"
#include "stats/posterior.h"

typedef enum tdl_outcome_kind {
    TDL_OUTCOME_PROPORTION, /* zeros and ones, one per unit */
    TDL_OUTCOME_MEAN,       /* one number per unit */
    TDL_OUTCOME_RATIO,      /* sum of one thing over sum of another */
    TDL_OUTCOME_QUANTILE
} tdl_outcome_kind;

typedef enum tdl_outcome_role {
    TDL_OUTCOME_PRIMARY,
    TDL_OUTCOME_SECONDARY,
    TDL_OUTCOME_GUARDRAIL /* must not get worse by more than its margin */
} tdl_outcome_role;

typedef struct tdl_outcome {
    const char *name;
    tdl_outcome_kind kind;
    tdl_outcome_role role;
    double quantile; /* of that kind, in (0, 1) */
    double margin;   /* lift that is too small to matter, relative, >= 0 */
    bool lower_is_better;
} tdl_outcome;

/* What was measured in one arm; which of them counts says the outcome's kind. */
typedef struct tdl_measured {
    tdl_sums sums;        /* y of each unit; x = what was known of it before, when has_before */
    tdl_ratio_sums ratio; /* m over d; x likewise */
    tdl_arm quantile;
    bool has_before;
} tdl_measured;

typedef struct tdl_comparison {
    tdl_arm a, b;                  /* as measured: the control, and the arm */
    tdl_effect absolute, relative; /* after CUPED where there is something known before */
    tdl_anytime always, always_relative;
    double p;            /* always.p, adjusted for all that was asked */
    tdl_posterior bayes; /* of the lift; gap of `relative` = none */
    double kept;         /* of the variance, after CUPED; 1 = without */
} tdl_comparison;

typedef struct tdl_look {
    double alpha;   /* of the intervals */
    double planned; /* units of both arms at which they are to be narrowest; 0 = not said */
} tdl_look;

/* `ret` zeroed, or what an earlier look left: intervals only narrow. */
void tdl_compare(const tdl_outcome *outcome, const tdl_measured *a, const tdl_measured *b,
                 tdl_look look, tdl_comparison *ret);

/* Adjust p of every comparison: Holm over the primary ones, Benjamini and Hochberg over the
 * secondary ones; guardrails keep theirs.
 *   comparison  [outcomes_n * arms_n], by outcome; arms_n without the control */
tdl_status tdl_comparisons_adjust(const tdl_outcome *outcome, size_t outcomes_n,
                                  tdl_comparison *comparison, size_t arms_n, tdl_report *why);

#endif
