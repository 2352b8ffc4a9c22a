/* The gate: see evaluate.h. */
#include <stdio.h>

#include "apps/recommend/evaluate.h"

enum { STREAM_GATE = 2 }; /* of the seeded generator; evaluate.c has 1 */

static const char *verdict(const tdl_evaluation *e, size_t r, const tdl_interval *difference)
{
    if (r == e->promoted)
        return difference->low > 0 ? "serves, proven better" : "serves, not proven better";
    if (difference->mean <= 0)
        return "not better";
    return e->rung[r].must_prove && difference->low <= 0
               ? "better, but not proven"
               : "better, but a later one is better still";
}

tdl_status tdl_gate(tdl_evaluation *e, double *const *ndcg, size_t users_n, uint64_t seed,
                    tdl_report *why)
{
    tdl_rng rng = tdl_rng_make(seed, STREAM_GATE);
    tdl_interval difference[TDL_RUNGS_N] = {{0}};
    size_t against[TDL_RUNGS_N] = {0};
    tdl_status st;

    e->promoted = 0;
    for (size_t r = 1; r < e->rungs_n; r++) {
        tdl_interval *d = &difference[r];
        if (!ndcg[r])
            continue; // refused: it has no figures
        against[r] = e->promoted;
        if ((st =
                 tdl_bootstrap_difference(ndcg[r], ndcg[e->promoted], users_n, NULL, &rng, d, why)))
            return st;
        if (e->rung[r].must_prove ? d->low > 0 : d->mean > 0)
            e->promoted = r;
    }
    snprintf(e->rung[0].gate, sizeof e->rung[0].gate, "the floor that the others must beat%s",
             e->promoted == 0 ? ": serves" : "");
    for (size_t r = 1; r < e->rungs_n; r++)
        if (ndcg[r])
            snprintf(e->rung[r].gate, sizeof e->rung[r].gate,
                     "validation NDCG@10 %+.4f [%+.4f, %+.4f] against %s: %s", difference[r].mean,
                     difference[r].low, difference[r].high, e->rung[against[r]].name,
                     verdict(e, r, &difference[r]));
    return TDL_OK;
}
