/* Delayed adaptive conformal intervals: of forecasts whose truth comes steps later.
 *
 * Each horizon has its own level a. When the truth of the forecast made h steps ago arrives, and
 * not before, a += rate (miss asked - missed) (Gibbs and Candes, 2021, with the delay kept); the
 * next interval of that horizon is the ceil((n + 1)(1 - a))-th smallest of the latest scores,
 * clamped to 1 .. n. Feeding back at once looks better in back-tests than it can be in life.
 *
 *     tdl_adaptive_new -> seed each horizon -> at every step: arrive what is due, then issue
 */
#ifndef TDL_STATS_ADAPTIVE_H
#define TDL_STATS_ADAPTIVE_H

#include <stddef.h>

#include "base/json.h"

typedef struct tdl_adaptive tdl_adaptive;

typedef struct tdl_adaptive_options {
    size_t horizons;
    double miss;   /* in (0, 1): 0.1 asks for 90 % */
    double rate;   /* 0 = 0.01 */
    size_t window; /* latest scores kept per horizon; 0 = those it was seeded with, for good */
} tdl_adaptive_options;

tdl_status tdl_adaptive_new(const tdl_adaptive_options *options, tdl_adaptive **ret,
                            tdl_report *why);
void tdl_adaptive_free(tdl_adaptive *s); /* accepts NULL */

/* Scores of a horizon (0 is the first) from validation, oldest first; with a window only the latest
 * stay. Replaces what was there. */
tdl_status tdl_adaptive_seed(tdl_adaptive *s, size_t horizon, const double *score, size_t n,
                             tdl_report *why);

/* Half the width of the interval of a forecast made now, remembered until its truth arrives.
 * INFINITY while there are too few scores for the miss rate asked.
 *   returns  TDL_OK | TDL_E_INVALID | TDL_E_FULL: more than a million are waiting */
tdl_status tdl_adaptive_issue(tdl_adaptive *s, size_t horizon, double *ret_width, tdl_report *why);
/* What issue would answer now; nothing is remembered. NaN: there is no such horizon. */
double tdl_adaptive_width(const tdl_adaptive *s, size_t horizon);
/* The truth of the oldest forecast of that horizon still waiting.
 *   score    |y - f|; NaN: it will never be known, forget it
 *   returns  TDL_OK | TDL_E_INVALID (none is waiting) | TDL_E_NO_MEMORY */
tdl_status tdl_adaptive_arrive(tdl_adaptive *s, size_t horizon, double score, tdl_report *why);

double tdl_adaptive_level(const tdl_adaptive *s, size_t horizon); /* a */
size_t tdl_adaptive_waiting(const tdl_adaptive *s, size_t horizon);

/* As JSON and back, with what is waiting. Loading treats the value as hostile. */
json_t *tdl_adaptive_save(const tdl_adaptive *s); /* NULL: no memory */
tdl_status tdl_adaptive_load(const json_t *saved, tdl_adaptive **ret, tdl_report *why);

#endif
