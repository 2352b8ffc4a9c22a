#include "apps/recommend/measure.h"

#include <stdlib.h>

#include "apps/recommend/top.h"
#include "stats/ranking.h"

enum { SCRATCH_BYTES = 64 << 20 };

tdl_status tdl_outcome_init(tdl_outcome *outcome, size_t measured_n, tdl_report *why)
{
    *outcome = (tdl_outcome){.hr = calloc(measured_n + 1, sizeof(double)),
                             .ndcg = calloc(measured_n + 1, sizeof(double)),
                             .rr = calloc(measured_n + 1, sizeof(double))};
    if (outcome->hr && outcome->ndcg && outcome->rr)
        return TDL_OK;
    tdl_outcome_release(outcome);
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to measure %zu users", measured_n);
}

void tdl_outcome_release(tdl_outcome *outcome)
{
    free(outcome->hr);
    free(outcome->ndcg);
    free(outcome->rr);
    *outcome = (tdl_outcome){0};
}

double tdl_mean(const double *values, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return n ? sum / (double)n : 0;
}

typedef struct measuring {
    const tdl_rung_ops *rung;
    const void *model;
    const tdl_fit_data *data;
    const bool *measured;
    size_t *slot; /* [users_n] index among the measured users */
    tdl_outcome *outcome;
    uint64_t **shown; /* [threads] set of items in anybody's first ten */
    bool *failed;     /* [threads] */
} measuring;

/* Working space of one thread. */
typedef struct bench {
    tdl_arena *scratch;
    float *scores;     /* [items_n] */
    bool *seen;        /* [items_n] */
    uint64_t *blocked; /* the same as a set */
} bench;

static void release_bench(bench *b)
{
    tdl_arena_free(b->scratch);
    free(b->scores);
    free(b->seen);
    free(b->blocked);
}

static bool make_bench(bench *b, size_t items_n)
{
    b->scratch = tdl_arena_new(SCRATCH_BYTES);
    b->scores = calloc(items_n + 1, sizeof *b->scores);
    b->seen = calloc(items_n + 1, sizeof *b->seen);
    b->blocked = calloc(tdl_bits_words(items_n) + 1, sizeof *b->blocked);
    return b->scratch && b->scores && b->seen && b->blocked;
}

static void mark_seen(bench *b, const tdl_history *history, bool seen)
{
    for (size_t i = 0; i < history->n; i++) {
        b->seen[history->item[i]] = seen;
        if (seen)
            tdl_bits_set(b->blocked, history->item[i]);
        else
            b->blocked[(uint32_t)history->item[i] / TDL_BITS] = 0;
    }
}

static bool measure_user(measuring *m, size_t user, bench *b, uint64_t *shown)
{
    size_t items_n = m->data->all->items_n, slot = m->slot[user];
    size_t target = (size_t)m->data->all->item[m->data->end[user]];
    tdl_history history = tdl_fit_history(m->data, user);
    tdl_scored first[TDL_CUT];

    tdl_arena_reset(b->scratch);
    if (m->rung->score(m->model, &history, b->scratch, b->scores))
        return false;
    mark_seen(b, &history, true);
    double rank = tdl_rank(b->scores, b->seen, items_n, target);
    m->outcome->hr[slot] = tdl_hit_at(rank, TDL_CUT);
    m->outcome->ndcg[slot] = tdl_ndcg_at(rank, TDL_CUT);
    m->outcome->rr[slot] = tdl_reciprocal_rank(rank);
    size_t n = tdl_top_spoken(b->scores, items_n, b->blocked, first, TDL_CUT);
    for (size_t i = 0; i < n; i++)
        tdl_bits_set(shown, first[i].item);
    mark_seen(b, &history, false);
    return true;
}

static void measure_share(void *context, size_t begin, size_t end, unsigned part)
{
    measuring *m = context;
    bench b = {0};
    bool ok = make_bench(&b, m->data->all->items_n);

    for (size_t user = begin; ok && user < end; user++)
        if (m->measured[user])
            ok = measure_user(m, user, &b, m->shown[part]);
    m->failed[part] = !ok;
    release_bench(&b);
}

static double shown_share(const measuring *m, unsigned threads)
{
    size_t items_n = m->data->all->items_n, n = 0;

    for (size_t word = 0; word < tdl_bits_words(items_n); word++) {
        uint64_t any = 0;
        for (unsigned t = 0; t < threads; t++)
            any |= m->shown[t][word];
        n += (size_t)__builtin_popcountll(any);
    }
    return items_n ? (double)n / (double)items_n : 0;
}

tdl_status tdl_measure(const tdl_rung_ops *rung, const void *model, const tdl_fit_data *data,
                       const bool *measured, tdl_pool *pool, tdl_outcome *ret, tdl_report *why)
{
    size_t users_n = data->all->users_n;
    unsigned threads = tdl_pool_threads(pool);
    measuring m = {.rung = rung,
                   .model = model,
                   .data = data,
                   .measured = measured,
                   .slot = calloc(users_n + 1, sizeof *m.slot),
                   .outcome = ret,
                   .shown = calloc(threads, sizeof *m.shown),
                   .failed = calloc(threads, sizeof *m.failed)};
    bool ok = m.slot && m.shown && m.failed;

    for (unsigned t = 0; ok && t < threads; t++)
        ok = (m.shown[t] = calloc(tdl_bits_words(data->all->items_n) + 1, sizeof **m.shown)) != 0;
    for (size_t user = 0, slot = 0; ok && user < users_n; user++) {
        m.slot[user] = slot;
        slot += measured[user];
    }
    if (ok)
        tdl_pool_run(pool, users_n, 1, measure_share, &m);
    for (unsigned t = 0; ok && t < threads; t++)
        ok = !m.failed[t];
    if (ok)
        ret->coverage = shown_share(&m, threads);
    for (unsigned t = 0; m.shown && t < threads; t++)
        free(m.shown[t]);
    free(m.shown);
    free(m.failed);
    free(m.slot);
    return ok ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to measure %s", rung->name);
}
