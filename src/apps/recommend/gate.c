/* The gate: see evaluate.h. */
#include <stdio.h>

#include "apps/recommend/evaluate.h"

enum { STREAM_GATE = 2 }; /* of the seeded generator; evaluate.c has 1 */

tdl_status tdl_gate(tdl_evaluation *e, double *const *ndcg, size_t users_n, uint64_t seed,
                    tdl_report *why)
{
    tdl_rng rng = tdl_rng_make(seed, STREAM_GATE);

    e->promoted = 0;
    snprintf(e->rung[0].gate, sizeof e->rung[0].gate, "the floor: serves unless another is better");
    for (size_t r = 1; r < e->rungs_n; r++) {
        tdl_interval d;
        tdl_status st =
            tdl_bootstrap_difference(ndcg[r], ndcg[e->promoted], users_n, NULL, &rng, &d, why);
        if (st)
            return st;
        snprintf(e->rung[r].gate, sizeof e->rung[r].gate,
                 "validation NDCG@10 %+.4f [%+.4f, %+.4f] against %s: %s", d.mean, d.low, d.high,
                 e->rung[e->promoted].name,
                 d.low > 0 ? "better, replaces it" : "not proven better");
        if (d.low > 0)
            e->promoted = r;
    }
    return TDL_OK;
}
