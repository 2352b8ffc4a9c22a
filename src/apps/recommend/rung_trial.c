#include "apps/recommend/rung_trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apps/recommend/top.h"

enum { SCRATCH_BYTES = 64 << 20 };

const size_t tdl_rung_trial_k[TDL_RUNG_TRIAL_KS] = {1, 10, 20, 50, 100};

double tdl_rung_trial_cpu_s(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now))
        return 0;
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void tdl_rung_trial_release(tdl_rung_trial *trial)
{
    free(trial->value);
    free(trial->list);
    *trial = (tdl_rung_trial){0};
}

typedef struct asking {
    const tdl_holdout *split;
    tdl_score_fn *score;
    const void *context;
    tdl_rung_trial *ret;
    bool *failed; /* [threads] */
} asking;

/* Working space of one thread. */
typedef struct bench {
    tdl_arena *scratch;
    float *scores;     /* [items_n] */
    bool *excluded;    /* [items_n] */
    uint64_t *blocked; /* the same as a set */
} bench;

static void release_bench(bench *b)
{
    tdl_arena_free(b->scratch);
    free(b->scores);
    free(b->excluded);
    free(b->blocked);
}

static bool make_bench(bench *b, size_t items_n)
{
    b->scratch = tdl_arena_new(SCRATCH_BYTES);
    b->scores = calloc(items_n + 1, sizeof *b->scores);
    b->excluded = calloc(items_n + 1, sizeof *b->excluded);
    b->blocked = calloc(tdl_bits_words(items_n) + 1, sizeof *b->blocked);
    return b->scratch && b->scores && b->excluded && b->blocked;
}

static void exclude(bench *b, const tdl_question *q, bool out)
{
    for (size_t i = 0; i < q->excluded_n; i++) {
        b->excluded[q->excluded[i]] = out;
        if (out)
            tdl_bits_set(b->blocked, q->excluded[i]);
        else
            b->blocked[(uint32_t)q->excluded[i] / TDL_BITS] = 0;
    }
}

static bool ask_one(asking *a, size_t at, bench *b)
{
    const tdl_question *q = &a->split->question[at];
    size_t items_n = a->split->items_n;
    tdl_scored first[TDL_RUNG_TRIAL_LIST];

    tdl_arena_reset(b->scratch);
    if (a->score(a->context, q, b->scratch, b->scores))
        return false;
    exclude(b, q, true);
    tdl_status st =
        tdl_tied_metrics(b->scores, b->excluded, items_n, q->target, q->target_n, q->relevant_n,
                         tdl_rung_trial_k, TDL_RUNG_TRIAL_KS, b->scratch, a->ret->value[at]);
    size_t n = tdl_top_spoken(b->scores, items_n, b->blocked, first, TDL_RUNG_TRIAL_LIST);
    for (size_t i = 0; i < TDL_RUNG_TRIAL_LIST; i++)
        a->ret->list[at][i] = i < n ? first[i].item : -1;
    exclude(b, q, false);
    return !st;
}

static void ask_share(void *context, size_t begin, size_t end, unsigned part)
{
    asking *a = context;
    bench b = {0};
    bool ok = make_bench(&b, a->split->items_n);

    for (size_t at = begin; ok && at < end; at++)
        ok = ask_one(a, at, &b);
    a->failed[part] = !ok;
    release_bench(&b);
}

tdl_status tdl_rung_trial_ask(const tdl_holdout *split, tdl_score_fn *score, const void *context,
                              tdl_pool *pool, tdl_rung_trial *ret, tdl_report *why)
{
    unsigned threads = tdl_pool_threads(pool);
    asking a = {split, score, context, ret, calloc(threads, sizeof *a.failed)};
    bool ok = a.failed != NULL;

    *ret = (tdl_rung_trial){.value = calloc(split->questions_n + 1, sizeof *ret->value),
                            .list = calloc(split->questions_n + 1, sizeof *ret->list)};
    ok = ok && ret->value && ret->list;
    double began = tdl_rung_trial_cpu_s();
    if (ok)
        tdl_pool_run(pool, split->questions_n, 1, ask_share, &a);
    ret->answer_cpu_s = tdl_rung_trial_cpu_s() - began;
    for (unsigned t = 0; ok && t < threads; t++)
        ok = !a.failed[t];
    free(a.failed);
    if (ok)
        return TDL_OK;
    tdl_rung_trial_release(ret);
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to ask %zu questions", split->questions_n);
}

tdl_status tdl_fitted_rung_score(const void *context, const tdl_question *question,
                                 tdl_arena *scratch, float *scores)
{
    const tdl_fitted_rung *f = context;

    return f->rung->score(f->model, f->rung->repeats ? &question->history : &question->first,
                          scratch, scores);
}

tdl_status tdl_rung_trial_run(const tdl_holdout *split, const tdl_rung_ops *rung,
                              const tdl_fit_options *options, tdl_rung_trial *ret,
                              void **ret_fitted, tdl_report *why)
{
    tdl_fit_options own = *options;
    tdl_fit_data data = tdl_holdout_data(split, rung);
    tdl_fitted_rung fitted = {.rung = rung};
    tdl_status st;

    own.now_us = tdl_holdout_now(split);
    own.weight = rung->repeats ? split->weight : NULL;
    double began = tdl_rung_trial_cpu_s();
    if ((st = rung->fit(&data, &own, &fitted.model, why)))
        return st;
    double fit_cpu_s = tdl_rung_trial_cpu_s() - began;
    st = tdl_rung_trial_ask(split, tdl_fitted_rung_score, &fitted, options->pool, ret, why);
    if (!st && (st = tdl_rung_trial_variety(split, ret, why)))
        tdl_rung_trial_release(ret);
    if (!st) {
        ret->fit_cpu_s = fit_cpu_s;
        ret->bytes = rung->bytes(fitted.model);
    }
    if (!st && ret_fitted)
        *ret_fitted = fitted.model;
    else
        rung->free(fitted.model);
    return st;
}

double tdl_rung_trial_ndcg10(const tdl_holdout *split, const tdl_rung_trial *trial)
{
    double sum = 0;

    for (size_t i = 0; i < split->questions_n; i++)
        sum += trial->value[i][TDL_K10].ndcg;
    return split->questions_n ? sum / (double)split->questions_n : 0;
}
