/* The gate: see evaluate.h. */
#include <stdio.h>

#include "apps/recommend/evaluate.h"

enum { STREAM_GATE = 2 }; /* of the seeded generator; evaluate.c has 1 */

static const struct {
    const char *code, *text;
} verdicts[] = {
    {"floor", "the floor that the others must beat"},
    {"floor_serves", "the floor that the others must beat: serves"},
    {"serves_proven", "serves, proven better"},
    {"serves_unproven", "serves, not proven better"},
    {"not_better", "not better"},
    {"not_proven", "better, but not proven"},
    {"overtaken", "better, but a later one is better still"},
};

static size_t verdict_of(const tdl_evaluation *e, size_t r)
{
    const tdl_interval *d = &e->rung[r].difference;

    if (r == 0)
        return e->promoted == 0;
    if (r == e->promoted)
        return d->low > 0 ? 2 : 3;
    if (d->mean <= 0)
        return 4;
    return e->rung[r].must_prove && d->low <= 0 ? 5 : 6;
}

static void tell(tdl_evaluation *e, size_t r)
{
    tdl_rung_result *one = &e->rung[r];
    size_t verdict = verdict_of(e, r);

    one->verdict = verdicts[verdict].code;
    if (r == 0)
        snprintf(one->gate, sizeof one->gate, "%s", verdicts[verdict].text);
    else
        snprintf(one->gate, sizeof one->gate,
                 "validation NDCG@10 %+.4f [%+.4f, %+.4f] against %s: %s", one->difference.mean,
                 one->difference.low, one->difference.high, e->rung[one->against].name,
                 verdicts[verdict].text);
}

tdl_status tdl_gate(tdl_evaluation *e, double *const *ndcg, size_t users_n, uint64_t seed,
                    tdl_report *why)
{
    tdl_rng rng = tdl_rng_make(seed, STREAM_GATE);
    tdl_status st;

    e->promoted = 0;
    for (size_t r = 1; r < e->rungs_n; r++) {
        tdl_interval *d = &e->rung[r].difference;
        if (!ndcg[r])
            continue; // refused: it has no figures
        e->rung[r].against = e->promoted;
        if ((st =
                 tdl_bootstrap_difference(ndcg[r], ndcg[e->promoted], users_n, NULL, &rng, d, why)))
            return st;
        if (e->rung[r].must_prove ? d->low > 0 : d->mean > 0)
            e->promoted = r;
    }
    for (size_t r = 0; r < e->rungs_n; r++)
        if (ndcg[r])
            tell(e, r);
    return TDL_OK;
}
