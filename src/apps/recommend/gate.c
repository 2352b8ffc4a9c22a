/* The gate: see evaluate.h. */
#include <stdio.h>

#include "apps/recommend/evaluate.h"
#include "apps/recommend/measure.h"

enum { STREAM_GATE = 2 }; /* of the seeded generator; evaluate.c has 1 */

/* The best of the first `n` rungs on validation; the simplest of equal ones. Those that refused
 * have no figures. */
static size_t best_of(double *const *ndcg, size_t n, size_t users_n)
{
    size_t best = 0;

    for (size_t r = 1; r < n; r++)
        if (ndcg[r] && tdl_mean(ndcg[r], users_n) > tdl_mean(ndcg[best], users_n))
            best = r;
    return best;
}

static const char *verdict(const tdl_evaluation *e, size_t r, const tdl_interval *difference)
{
    if (r == e->promoted)
        return difference->low > 0 ? "best on validation, proven better"
                                   : "best on validation, not proven better";
    return difference->mean > 0 ? "better, but not the best on validation" : "not better";
}

tdl_status tdl_gate(tdl_evaluation *e, double *const *ndcg, size_t users_n, uint64_t seed,
                    tdl_report *why)
{
    tdl_rng rng = tdl_rng_make(seed, STREAM_GATE);

    e->promoted = best_of(ndcg, e->rungs_n, users_n);
    snprintf(e->rung[0].gate, sizeof e->rung[0].gate, "the floor that the others must beat%s",
             e->promoted == 0 ? ": best on validation" : "");
    for (size_t r = 1; r < e->rungs_n; r++) {
        if (!ndcg[r])
            continue;
        size_t simpler = best_of(ndcg, r, users_n);
        tdl_interval d;
        tdl_status st =
            tdl_bootstrap_difference(ndcg[r], ndcg[simpler], users_n, NULL, &rng, &d, why);
        if (st)
            return st;
        snprintf(e->rung[r].gate, sizeof e->rung[r].gate,
                 "validation NDCG@10 %+.4f [%+.4f, %+.4f] against %s: %s", d.mean, d.low, d.high,
                 e->rung[simpler].name, verdict(e, r, &d));
    }
    return TDL_OK;
}
