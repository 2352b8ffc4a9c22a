/* Measuring the ladder, and the gate that decides which rung serves.
 *
 * Protocol: a user's items in time order (ties in arrival order); the last one is the test, the one
 * before it validation; users with fewer than three items are only learned from. Models for the
 * test are fitted on all but the last item, models for validation on all but the last two; of a
 * rung that is `slow` the latter is asked the test as well, shown all but the last item. Every item
 * the user has not seen is ranked: measure.h.
 *
 * Gate: rungs challenge whoever would serve so far, in order of complexity, by validation NDCG@10.
 * Among counts the higher mean wins, the simpler one of two equal ones. A rung that must prove
 * itself (rung.h) wins only when the 95 % bootstrap interval of the paired difference is above 0.
 * The `gate` text has that interval. Test figures decide nothing.
 */
#ifndef TDL_APPS_RECOMMEND_EVALUATE_H
#define TDL_APPS_RECOMMEND_EVALUATE_H

#include "apps/recommend/ladder.h"
#include "apps/recommend/stage.h"
#include "stats/bootstrap.h"

typedef struct tdl_rung_result {
    const char *name;
    tdl_interval hr10, ndcg10; /* on the test item, over users, with 95 % intervals */
    double mrr, coverage;      /* coverage: share of the catalogue in anybody's first ten */
    double validation_hr10, validation_ndcg10;
    double fit_seconds; /* wall time of the test fit */
    size_t bytes;       /* of the fitted model */
    unsigned epochs;    /* that validation found best; 0 where a rung has none */
    unsigned setting;   /* the same of the rung's own settings */
    bool must_prove;    /* rung.h */
    bool refused;       /* the data are too large for it: `gate` says what it wants */
    /* why it was or was not promoted: the paired difference of validation NDCG@10 to rung
     * `against`, the verdict as a code, and both as a text */
    tdl_interval difference;
    size_t against;      /* itself: the floor, compared with nobody */
    const char *verdict; /* NULL: refused */
    char gate[200];
} tdl_rung_result;

typedef struct tdl_evaluation {
    size_t users_n, items_n, interactions_n;
    size_t evaluated_n;              /* users with a test item */
    size_t robots_n, robot_events_n; /* left out before (dataset.h); set by whoever read them */
    size_t promoted;                 /* index into rung */
    size_t rungs_n;                  /* */
    tdl_rung_result rung[TDL_RUNGS_N];
} tdl_evaluation;

/* Fewer users than this with a test item are not worth measuring on. */
enum { TDL_EVALUATED_MIN = 10 };

/* Fit and measure each of `rungs` [rungs_n <= TDL_RUNGS_N], simplest first.
 *   stages   progress; each rung takes two steps of tdl_rung_cost
 *   returns  TDL_OK | TDL_E_INVALID (too few users) | TDL_E_STOPPED | TDL_E_NO_MEMORY
 */
tdl_status tdl_evaluate(const tdl_interactions *interactions, const tdl_rung_ops *const *rungs,
                        size_t rungs_n, uint64_t seed, tdl_pool *pool, tdl_stages *stages,
                        tdl_evaluation *ret, tdl_report *why);

/* The gate on its own: which rung serves, and why, from validation NDCG@10 per user.
 *   ndcg  [rungs_n][users_n], the same users in the same order; NULL for a rung that refused, which
 *         the first may not
 * Sets promoted and each gate of `e`. */
tdl_status tdl_gate(tdl_evaluation *e, double *const *ndcg, size_t users_n, uint64_t seed,
                    tdl_report *why);

#endif
