#include "apps/recommend/evaluate.h"

#include <stdio.h>
#include <stdlib.h>

#include "apps/recommend/measure.h"
#include "base/timestamp.h"

enum { ITEMS_MIN = 3 };   /* history, validation, test */
enum { STREAM_TEST = 1 }; /* of the seeded generator; gate.c has 2 */

typedef struct harness {
    const tdl_interactions *all;
    uint64_t seed;
    tdl_pool *pool;
    tdl_stages *stages;
    size_t *validation_end, *test_end; /* [users_n] where each user's history ends */
    bool *evaluated;                   /* [users_n] has a validation and a test item */
    size_t evaluated_n;
    tdl_outcome validation[TDL_RUNGS_N];
} harness;

static tdl_status make_harness(harness *h, tdl_report *why)
{
    const tdl_interactions *all = h->all;

    h->validation_end = calloc(all->users_n + 1, sizeof *h->validation_end);
    h->test_end = calloc(all->users_n + 1, sizeof *h->test_end);
    h->evaluated = calloc(all->users_n + 1, sizeof *h->evaluated);
    if (!h->validation_end || !h->test_end || !h->evaluated)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to evaluate %zu users", all->users_n);
    for (size_t u = 0; u < all->users_n; u++) {
        size_t begin = all->offsets[u], end = all->offsets[u + 1];
        h->evaluated[u] = end - begin >= ITEMS_MIN;
        h->validation_end[u] = h->evaluated[u] ? end - 2 : end;
        h->test_end[u] = h->evaluated[u] ? end - 1 : end;
        h->evaluated_n += h->evaluated[u];
    }
    if (h->evaluated_n < TDL_EVALUATED_MIN)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "send more events first, then train again",
                             "too few users to measure a model: %zu have %d items or more, %d are "
                             "needed",
                             h->evaluated_n, ITEMS_MIN, TDL_EVALUATED_MIN);
    return TDL_OK;
}

static void release_harness(harness *h)
{
    free(h->validation_end);
    free(h->test_end);
    free(h->evaluated);
    for (size_t r = 0; r < TDL_RUNGS_N; r++)
        tdl_outcome_release(&h->validation[r]);
}

/* The validation fit also finds how many epochs a rung wants. ret_model: the caller's, on success.
 */
static tdl_status validate(harness *h, const tdl_rung_ops *rung, tdl_outcome *outcome,
                           tdl_rung_result *ret, void **ret_model, tdl_report *why)
{
    tdl_fit_data data = {h->all, h->validation_end};
    tdl_fit_options options = {.seed = h->seed,
                               .pool = h->pool,
                               .bytes_max = h->stages->options->square_bytes_max,
                               .validate = h->evaluated,
                               .progress = tdl_stage_tell,
                               .progress_context = h->stages,
                               .log = tdl_stage_log(h->stages)};
    void *model = NULL;
    tdl_status st;

    if (!tdl_stage_begin(h->stages, tdl_rung_cost(rung), why, "%s: validation", rung->name))
        return TDL_E_STOPPED;
    if ((st = tdl_outcome_init(outcome, h->evaluated_n, why)))
        return st;
    int64_t started_us = tdl_time_monotonic();
    if ((st = rung->fit(&data, &options, &model, why)))
        return st;
    ret->fit_seconds = (double)(tdl_time_monotonic() - started_us) / 1e6;
    if ((st = tdl_measure(rung, model, &data, h->evaluated, h->pool, outcome, why))) {
        rung->free(model);
        return st;
    }
    *ret_model = model;
    ret->epochs = options.ret_epochs;
    ret->setting = options.ret_setting;
    ret->validation_hr10 = tdl_mean(outcome->hr, h->evaluated_n);
    ret->validation_ndcg10 = tdl_mean(outcome->ndcg, h->evaluated_n);
    return TDL_OK;
}

static tdl_status summarise(const harness *h, const tdl_outcome *outcome, tdl_rung_result *ret,
                            tdl_report *why)
{
    tdl_rng rng = tdl_rng_make(h->seed, STREAM_TEST);
    tdl_status st = tdl_bootstrap_mean(outcome->hr, h->evaluated_n, NULL, &rng, &ret->hr10, why);

    if (st)
        return st;
    ret->mrr = tdl_mean(outcome->rr, h->evaluated_n);
    ret->coverage = outcome->coverage;
    return tdl_bootstrap_mean(outcome->ndcg, h->evaluated_n, NULL, &rng, &ret->ndcg10, why);
}

/* All but the last item, by the settings that validation chose. */
static tdl_status fit_for_test(harness *h, const tdl_rung_ops *rung, tdl_rung_result *ret,
                               void **ret_model, tdl_report *why)
{
    tdl_fit_data data = {h->all, h->test_end};
    tdl_fit_options options = {.seed = h->seed,
                               .pool = h->pool,
                               .bytes_max = h->stages->options->square_bytes_max,
                               .epochs = ret->epochs,
                               .setting = ret->setting,
                               .progress = tdl_stage_tell,
                               .progress_context = h->stages,
                               .log = tdl_stage_log(h->stages)};
    int64_t started_us = tdl_time_monotonic();
    tdl_status st = rung->fit(&data, &options, ret_model, why);

    ret->fit_seconds = (double)(tdl_time_monotonic() - started_us) / 1e6;
    return st;
}

/* take_model: the validation fit, which is freed. */
static tdl_status test(harness *h, const tdl_rung_ops *rung, void *take_model, tdl_rung_result *ret,
                       tdl_report *why)
{
    tdl_fit_data data = {h->all, h->test_end};
    tdl_outcome outcome = {0};
    void *model = take_model;
    tdl_status st = TDL_OK;

    if (!tdl_stage_begin(h->stages, tdl_rung_cost(rung), why, "%s: test", rung->name)) {
        st = TDL_E_STOPPED;
        goto out;
    }
    if (!rung->slow) {
        rung->free(model);
        model = NULL;
        if ((st = fit_for_test(h, rung, ret, &model, why)))
            goto out;
    }
    ret->bytes = rung->bytes(model);
    if ((st = tdl_outcome_init(&outcome, h->evaluated_n, why)) ||
        (st = tdl_measure(rung, model, &data, h->evaluated, h->pool, &outcome, why)))
        goto out;
    st = summarise(h, &outcome, ret, why);
out:
    rung->free(model);
    tdl_outcome_release(&outcome);
    return st;
}

tdl_status tdl_evaluate(const tdl_interactions *interactions, const tdl_rung_ops *const *rungs,
                        size_t rungs_n, uint64_t seed, tdl_pool *pool, tdl_stages *stages,
                        tdl_evaluation *ret, tdl_report *why)
{
    harness h = {.all = interactions, .seed = seed, .pool = pool, .stages = stages};
    double *ndcg[TDL_RUNGS_N] = {0};
    tdl_status st = make_harness(&h, why);

    *ret = (tdl_evaluation){.users_n = interactions->users_n,
                            .items_n = interactions->items_n,
                            .interactions_n = interactions->offsets[interactions->users_n],
                            .evaluated_n = h.evaluated_n,
                            .rungs_n = rungs_n};
    for (size_t r = 0; !st && r < rungs_n; r++) {
        void *model = NULL;
        ret->rung[r].name = rungs[r]->name;
        ret->rung[r].must_prove = rungs[r]->must_prove;
        if (!(st = validate(&h, rungs[r], &h.validation[r], &ret->rung[r], &model, why)))
            st = test(&h, rungs[r], model, &ret->rung[r], why);
        if (st == TDL_E_TOO_LARGE) {
            st = TDL_OK;
            ret->rung[r].refused = true;
            snprintf(ret->rung[r].gate, sizeof ret->rung[r].gate, "refused: %.180s",
                     why ? why->message : "the data are too large");
        } else
            ndcg[r] = h.validation[r].ndcg;
    }
    if (!st)
        st = tdl_gate(ret, ndcg, h.evaluated_n, seed, why);
    release_harness(&h);
    return st;
}
