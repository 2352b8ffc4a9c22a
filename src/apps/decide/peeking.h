/* What looking at a running experiment does to its error rate, by simulation: two arms of zeros and
 * ones, looked at many times, stopped at the first look that calls a winner.
 *
 * Deterministic: the same options give the same figures.
 */
#ifndef TDL_DECIDE_PEEKING_H
#define TDL_DECIDE_PEEKING_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

typedef struct tdl_peeking_options {
    double rate;          /* of arm A, in (0, 1) */
    double lift;          /* of arm B over it, absolute; 0 = nothing is there to be found */
    size_t units_per_arm; /* at the end; a multiple of looks */
    size_t looks, runs;   /* >= 1 */
    double alpha;         /* in (0, 1) */
    uint64_t seed;
} tdl_peeking_options;

typedef enum tdl_peeking_method {
    TDL_PEEK_ANYTIME,      /* confidence sequence, narrowest at the planned end: the default */
    TDL_PEEK_ANYTIME_5000, /* the same where no end is planned */
    TDL_PEEK_MIXTURE,      /* mixture sequential ratio test, tau = .01 */
    TDL_PEEK_NAIVE,        /* p-value at every look */
    TDL_PEEK_FIXED,        /* p-value once, at the end */
    TDL_PEEK_METHODS
} tdl_peeking_method;

typedef struct tdl_peeking_result {
    double called[TDL_PEEK_METHODS]; /* share of runs in which a winner was called */
    double stop[TDL_PEEK_METHODS];   /* mean share of the units that a run took */
} tdl_peeking_result;

/* returns TDL_OK | TDL_E_INVALID (which option) | TDL_E_NO_MEMORY */
tdl_status tdl_peeking_simulate(const tdl_peeking_options *options, tdl_peeking_result *ret,
                                tdl_report *why);

#endif
