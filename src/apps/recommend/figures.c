#include "apps/recommend/figures.h"

#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"
#include "stats/resample.h"

enum {
    RESAMPLES = 1000,
    METRICS = 4,
    VALUES = METRICS * TDL_RUNG_TRIAL_KS,
    STREAM_FIGURES = 11,
    STREAM_POOLED = 12,
    STREAM_CUT = 13
};

static void read_values(const tdl_tied value[TDL_RUNG_TRIAL_KS], double ret[VALUES])
{
    for (size_t k = 0; k < TDL_RUNG_TRIAL_KS; k++) {
        ret[k] = value[k].hr;
        ret[TDL_RUNG_TRIAL_KS + k] = value[k].recall;
        ret[2 * TDL_RUNG_TRIAL_KS + k] = value[k].ndcg;
        ret[3 * TDL_RUNG_TRIAL_KS + k] = value[k].mrr;
    }
}

/* Weighted means of every value. */
static void means(const double *values, const double *weight, size_t n, double ret[VALUES])
{
    double sum[VALUES] = {0};

    for (size_t i = 0; i < n; i++)
        if (weight[i] > 0)
            for (size_t v = 0; v < VALUES; v++)
                sum[v] += weight[i] * values[i * VALUES + v];
    for (size_t v = 0; v < VALUES; v++)
        ret[v] = sum[v] / (double)n;
}

static void put(const tdl_interval all[VALUES], tdl_figures *ret)
{
    memcpy(ret->hr, all, sizeof ret->hr);
    memcpy(ret->recall, all + TDL_RUNG_TRIAL_KS, sizeof ret->recall);
    memcpy(ret->ndcg, all + 2 * TDL_RUNG_TRIAL_KS, sizeof ret->ndcg);
    memcpy(ret->mrr, all + 3 * TDL_RUNG_TRIAL_KS, sizeof ret->mrr);
}

tdl_status tdl_figures_of(const tdl_rung_trial *trial, size_t n, uint64_t seed, tdl_figures *ret,
                          tdl_report *why)
{
    tdl_rng rng = tdl_rng_make(seed, STREAM_FIGURES);
    tdl_resample r = {0};
    tdl_interval all[VALUES];
    double *values = malloc((n * VALUES + 1) * sizeof *values);
    double *drawn = malloc(RESAMPLES * VALUES * sizeof *drawn); /* [VALUES][RESAMPLES] */
    double one[VALUES];
    tdl_status st = TDL_OK;

    *ret = (tdl_figures){0};
    if (!values || !drawn) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for intervals of %zu questions", n);
        goto out;
    }
    if (!n || (st = tdl_resample_init(&r, n, NULL, NULL, why)))
        goto out;
    for (size_t i = 0; i < n; i++) {
        read_values(trial->value[i], values + i * VALUES);
        r.weight[i] = 1;
    }
    means(values, r.weight, n, one);
    for (size_t v = 0; v < VALUES; v++)
        all[v].mean = one[v];
    for (size_t k = 0; k < RESAMPLES; k++) {
        tdl_resample_draw(&r, &rng);
        means(values, r.weight, n, one);
        for (size_t v = 0; v < VALUES; v++)
            drawn[v * RESAMPLES + k] = one[v];
    }
    for (size_t v = 0; v < VALUES; v++) {
        tdl_sort_numbers(drawn + v * RESAMPLES, RESAMPLES);
        all[v].low = tdl_quantile(drawn + v * RESAMPLES, RESAMPLES, .025);
        all[v].high = tdl_quantile(drawn + v * RESAMPLES, RESAMPLES, .975);
    }
    put(all, ret);
out:
    tdl_resample_release(&r);
    free(values);
    free(drawn);
    return st;
}

/* ---- the gate ---- */

static int by_number(const void *left, const void *right)
{
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;

    return a < b ? -1 : a > b;
}

size_t tdl_count_people(int32_t *user, size_t n)
{
    size_t different = n > 0;

    qsort(user, n, sizeof *user, by_number);
    for (size_t i = 1; i < n; i++)
        different += user[i] != user[i - 1];
    return different;
}

const char *tdl_gate_verdict_name(tdl_gate_verdict verdict)
{
    static const char *const names[] = {
        [TDL_GATE_FLOOR] = "floor",
        [TDL_GATE_BETTER] = "better",
        [TDL_GATE_SAME] = "no_difference",
        [TDL_GATE_WORSE] = "worse",
        [TDL_GATE_CUT_BELOW] = "worse_at_a_cut",
        [TDL_GATE_FEW_PEOPLE] = "too_few_people",
        [TDL_GATE_LOG_WORSE] = "worse_by_the_log",
        [TDL_GATE_ABSENT] = "refused",
    };

    return names[verdict];
}

typedef struct gate {
    const double *const *ndcg;
    const size_t *n;
    size_t cuts_n, total;
    double *a, *b; /* [total] pooled values of two contenders */
    uint64_t seed;
} gate;

static void pool_cuts(const gate *g, size_t contender, double *ret)
{
    for (size_t cut = 0; cut < g->cuts_n; cut++) {
        memcpy(ret, g->ndcg[contender * g->cuts_n + cut], g->n[cut] * sizeof *ret);
        ret += g->n[cut];
    }
}

/* Is the challenger wholly below the incumbent at some cut? */
static tdl_status any_cut_below(const gate *g, size_t challenger, size_t incumbent, bool *ret,
                                tdl_report *why)
{
    *ret = false;
    for (size_t cut = 0; cut < g->cuts_n; cut++) {
        tdl_rng rng = tdl_rng_make(g->seed, STREAM_CUT);
        tdl_interval d;
        if (!g->n[cut])
            continue;
        tdl_status st = tdl_bootstrap_difference(g->ndcg[challenger * g->cuts_n + cut],
                                                 g->ndcg[incumbent * g->cuts_n + cut], g->n[cut],
                                                 NULL, &rng, &d, why);
        if (st)
            return st;
        *ret = *ret || d.high < 0;
    }
    return TDL_OK;
}

static tdl_status judge(const gate *g, size_t challenger, size_t incumbent, size_t people_n,
                        tdl_gate_row *ret, tdl_report *why)
{
    tdl_rng rng = tdl_rng_make(g->seed, STREAM_POOLED);
    bool below;
    tdl_status st;

    *ret = (tdl_gate_row){.verdict = TDL_GATE_FEW_PEOPLE, .incumbent = incumbent};
    if (!g->total)
        return TDL_OK;
    pool_cuts(g, challenger, g->a);
    pool_cuts(g, incumbent, g->b);
    if ((st = tdl_bootstrap_difference(g->a, g->b, g->total, NULL, &rng, &ret->difference, why)) ||
        (st = any_cut_below(g, challenger, incumbent, &below, why)))
        return st;
    if (people_n >= TDL_GATE_PEOPLE_MIN)
        ret->verdict = ret->difference.high < 0   ? TDL_GATE_WORSE
                       : ret->difference.low <= 0 ? TDL_GATE_SAME
                       : below                    ? TDL_GATE_CUT_BELOW
                                                  : TDL_GATE_BETTER;
    return TDL_OK;
}

/* How far what serves is ahead of each. */
static tdl_status measure_leads(const gate *g, size_t contenders_n, size_t serves,
                                tdl_gate_row *ret, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (size_t c = 0; !st && g->total && c < contenders_n; c++) {
        tdl_rng rng = tdl_rng_make(g->seed, STREAM_POOLED);
        if (c == serves || !g->ndcg[c * g->cuts_n])
            continue;
        pool_cuts(g, serves, g->a);
        pool_cuts(g, c, g->b);
        st = tdl_bootstrap_difference(g->a, g->b, g->total, NULL, &rng, &ret[c].lead, why);
    }
    return st;
}

static bool log_forbids(const tdl_off_policy *logged)
{
    return logged && logged->rows_n >= TDL_GATE_LOGGED_MIN && tdl_off_policy_is_worse(logged);
}

tdl_status tdl_gate_cuts(const double *const *ndcg, size_t contenders_n, const size_t *n,
                         size_t cuts_n, size_t people_n, const tdl_off_policy *const *logged,
                         uint64_t seed, tdl_gate_row *ret, size_t *ret_serves, tdl_report *why)
{
    gate g = {.ndcg = ndcg, .n = n, .cuts_n = cuts_n, .seed = seed};
    size_t serves = 0;
    tdl_status st = TDL_OK;

    for (size_t cut = 0; cut < cuts_n; cut++)
        g.total += n[cut];
    g.a = malloc((g.total + 1) * sizeof *g.a);
    g.b = malloc((g.total + 1) * sizeof *g.b);
    if (!g.a || !g.b)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to compare on %zu questions", g.total);
    if (contenders_n)
        ret[0] = (tdl_gate_row){.verdict = TDL_GATE_FLOOR};
    for (size_t c = 1; !st && c < contenders_n; c++) {
        if (!ndcg[c * cuts_n]) {
            ret[c] = (tdl_gate_row){.verdict = TDL_GATE_ABSENT, .incumbent = serves};
            continue;
        }
        st = judge(&g, c, serves, people_n, &ret[c], why);
        if (ret[c].verdict == TDL_GATE_BETTER && logged && log_forbids(logged[c]))
            ret[c].verdict = TDL_GATE_LOG_WORSE;
        serves = !st && ret[c].verdict == TDL_GATE_BETTER ? c : serves;
    }
    if (!st)
        st = measure_leads(&g, contenders_n, serves, ret, why);
    free(g.a);
    free(g.b);
    if (!st)
        *ret_serves = serves;
    return st;
}
