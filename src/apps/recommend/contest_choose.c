#include "apps/recommend/contest_parts.h"

#include <stdio.h>
#include <stdlib.h>

/* The models of the setting that is tried and of the best so far; one and the same where settings
 * share what was fitted. */
typedef struct trying {
    const tdl_contender *contender;
    tdl_rung_entry *entry;
    tdl_contest_choice *choice;
    double done, share; /* of the progress: before it, and its own */
    size_t row;         /* the best, of settings in rows and columns */
    void *model, *best;
    double fit_cpu_s; /* of `model` */
} trying;

static void drop_tried(const tdl_contest_run *r, trying *t)
{
    if (t->model != t->best)
        tdl_contest_let_go(r, t->contender->rung, t->model);
    t->model = NULL;
}

/* The best so far: its model, and what it gained at each question. */
static tdl_status keep_best(const tdl_contest_run *r, trying *t, size_t at,
                            const tdl_rung_trial *trial, double ndcg, tdl_report *why)
{
    size_t n = r->contest->tuning.split.questions_n;

    if (!t->choice->tuned && !(t->choice->tuned = malloc((n + 1) * sizeof(double))))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to compare on %zu questions", n);
    for (size_t i = 0; i < n; i++)
        t->choice->tuned[i] = trial->value[i][TDL_K10].ndcg;
    t->entry->tuned_ndcg10 = ndcg;
    t->choice->setting = at;
    t->choice->fit_cpu_s = t->fit_cpu_s;
    if (t->best != t->model)
        tdl_contest_let_go(r, t->contender->rung, t->best);
    t->best = t->model;
    return TDL_OK;
}

/* One setting's trial on the tuning window. */
static tdl_status try_setting(const tdl_contest_run *r, trying *t, size_t at, tdl_report *why)
{
    const tdl_contender *c = t->contender;
    const tdl_holdout *split = &r->contest->tuning.split;
    tdl_fit_options fit = tdl_contest_options(r, c, at);
    tdl_rung_trial trial = {0};
    tdl_status st;

    if (!(t->model && c->rung->retune && fit.setting && c->rung->retune(t->model, fit.setting))) {
        drop_tried(r, t);
        if ((st = tdl_contest_fit(r, split, c->rung, &fit, &t->model, &t->fit_cpu_s, why)))
            return st;
    }
    const tdl_fitted_rung fitted = {c->rung, t->model};
    if ((st = tdl_rung_trial_ask(split, tdl_fitted_rung_score, &fitted, fit.pool, &trial, why)))
        return st;
    double ndcg = tdl_rung_trial_ndcg10(split, &trial);
    if (ndcg > t->entry->tuned_ndcg10)
        st = keep_best(r, t, at, &trial, ndcg, why);
    tdl_rung_trial_release(&trial);
    return st;
}

/* Settings in rows and columns: first those of one column, then the others of the best row. */
static bool is_due(const trying *t, size_t at, bool first)
{
    const tdl_contender *c = t->contender;

    if (!c->columns)
        return first;
    bool usual = at % c->columns == c->usual_column;
    return first ? usual : !usual && at / c->columns == t->row;
}

static tdl_status try_settings(const tdl_contest_run *r, trying *t, size_t n, bool first,
                               tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (size_t at = 0; !st && at < n; at++) {
        if (n > 1 && !is_due(t, at, first))
            continue;
        double done = t->done + t->share * (double)at / (double)n;
        if ((st = tdl_contest_tell(r, t->entry->name, done, why)))
            return st;
        st = try_setting(r, t, at, why);
        if (st == TDL_E_INVALID && (t->best || at + 1 < n))
            st = TDL_OK; // other settings may do
    }
    return st;
}

/* Keeps the model of the best setting in the choice. */
static tdl_status choose_setting(const tdl_contest_run *r, trying *t, tdl_report *why)
{
    const tdl_contender *c = t->contender;
    size_t n = tdl_contest_settings(r, c);

    t->entry->tuned_ndcg10 = -1;
    tdl_status st = try_settings(r, t, n, true, why);
    if (!st && n > 1 && c->columns) {
        t->row = t->choice->setting / c->columns;
        st = try_settings(r, t, n, false, why);
    }
    drop_tried(r, t);
    t->choice->model = t->best;
    if (t->best && c->rung->retune && n > 1)
        c->rung->retune(t->best, (unsigned)t->choice->setting + 1);
    if (!st && n > 1)
        tdl_contender_setting(c, t->choice->setting, t->entry->setting);
    return st;
}

static void release_trials(tdl_rung_entry *entry)
{
    for (size_t k = 0; k < TDL_CUTS_MAX; k++)
        tdl_rung_trial_release(&entry->trial[k]);
}

tdl_status tdl_contest_refusal(tdl_rung_entry *entry, tdl_status st, const tdl_report *bad,
                               tdl_report *why)
{
    if (st != TDL_E_TOO_LARGE && st != TDL_E_INVALID)
        return st ? TDL_FAIL(why, st, "%s: %s", entry->name, bad->message) : TDL_OK;
    snprintf(entry->refused, sizeof entry->refused, "%.190s", bad->message);
    release_trials(entry);
    return TDL_OK;
}

tdl_status tdl_contest_choose(tdl_contest_run *r, const tdl_contender *contender, double from,
                              double share, tdl_report *why)
{
    tdl_rung_contest *c = r->contest;
    tdl_report bad = {0};
    trying t = {.contender = contender,
                .entry = &c->entry[c->entries_n],
                .choice = &r->choice[c->entries_n],
                .done = from,
                .share = share};

    c->entries_n++;
    t.entry->name = contender->name;
    t.entry->contender = contender;
    *t.choice = (tdl_contest_choice){.contender = contender};
    tdl_status st = choose_setting(r, &t, &bad);
    t.entry->chosen = t.choice->setting;
    return tdl_contest_refusal(t.entry, st, &bad, why);
}
