/* Conformal prediction: intervals and sets that hold as often as asked, whatever the model.
 *
 * Scores say how badly a row fits its prediction, on rows the model has not seen: |y - f| of
 * values, tdl_cqr_score of quantiles, tdl_aps_score of classes. With n of them the q of miss rate a
 * is the ceil((n + 1)(1 - a))-th smallest (Vovk et al., 2005; Lei et al., 2018): a new exchangeable
 * row scores at most q with probability 1 - a or more. Past n there is no such score: q is
 * infinite, and so is the interval, which is the honest answer of too few rows.
 */
#ifndef TDL_STATS_CONFORMAL_H
#define TDL_STATS_CONFORMAL_H

#include <stddef.h>

#include "base/json.h"

typedef struct tdl_conformal {
    double *score; /* [n] ascending */
    size_t n;
} tdl_conformal;

/* score [n] finite, any order, n >= 0. */
tdl_status tdl_conformal_init(tdl_conformal *c, const double *score, size_t n, tdl_report *why);
void tdl_conformal_release(tdl_conformal *c); /* accepts a zeroed struct */

/* 1 .. n + 1, from 1; miss in (0, 1). */
size_t tdl_conformal_rank(size_t n, double miss);
double tdl_conformal_quantile(const tdl_conformal *c, double miss); /* may be INFINITY */

/* As JSON and back. Loading treats the value as hostile. */
json_t *tdl_conformal_save(const tdl_conformal *c); /* NULL: no memory */
tdl_status tdl_conformal_load(const json_t *saved, tdl_conformal *ret, tdl_report *why);

/* ---- conformalised quantiles (Romano, Patterson and Candes, 2019) ---- */

/* Below 0 inside [low, high], by how far outside else. */
double tdl_cqr_score(double y, double low, double high);
/* [low - q, high + q]; where a negative q would cross them, both are the middle. */
void tdl_cqr_interval(double low, double high, double q, double *ret_low, double *ret_high);

/* ---- adaptive prediction sets (Romano, Sesia and Candes, 2020) ---- */

/* Probability of all classes no less likely than y, y included; of equally likely ones the lower
 * number comes first. u in [0, 1] takes u times y's own probability off: 0 is deterministic and
 * covers a little too often, a uniform draw per row covers exactly.
 *   p  [k] adding up to 1, y < k */
double tdl_aps_score(const double *p, size_t k, size_t y, double u);
/* Classes whose score is at most q, most likely first; the most likely one is always among them.
 *   ret  [k]; returns how many */
size_t tdl_aps_set(const double *p, size_t k, double q, double u, size_t *ret);

#endif
