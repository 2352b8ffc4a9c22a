#include "apps/recommend/rung_contest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one contender settled on. */
typedef struct choice {
    const tdl_contender *contender;
    size_t setting;              /* index */
    void *model;                 /* fitted on the tuning window, for the blend */
    double fit_cpu_s;            /* that it took */
    void *of_heat[TDL_CUTS_MAX]; /* the same on each heat; NULL: too large to keep */
} choice;

enum { KEPT_BYTES_MAX = 128 << 20 }; /* of a model that the blend need not fit again */

typedef struct running {
    tdl_rung_contest *contest;
    const tdl_rung_contest_options *options;
    choice choice[TDL_CONTENDERS_MAX]; /* as entry */
    tdl_rung_blend blend;
    size_t part[TDL_RUNG_BLEND_MAX]; /* entry of each part of the blend */
} running;

static size_t settings_n(const tdl_contender *c)
{
    return c->numbered_n ? c->numbered_n : c->settings_n;
}

bool tdl_rung_contest_tuned(const tdl_rung_contest *contest, const tdl_rung_contest_options *o,
                            const tdl_contender *c)
{
    const tdl_holdout *split = &contest->tuning.split;

    return settings_n(c) > 1 && !(c->patient && o->in_background) && split->questions_n &&
           (!c->items_max || split->items_n <= c->items_max) &&
           (!o->tune_events_max ||
            split->all.offsets[split->all.view.users_n] <= o->tune_events_max);
}

tdl_fit_options tdl_contender_fit_options(const tdl_contender *c, size_t chosen, bool tuned,
                                          const tdl_rung_contest_options *options)
{
    tdl_fit_options fit = {
        .seed = options->seed, .pool = options->pool, .bytes_max = options->bytes_max};

    if (c->numbered_n && tuned) // else its default
        fit.setting = (unsigned)chosen + 1;
    if (c->settings && !(c->patient && options->in_background))
        fit.params = (const char *)c->settings + chosen * c->settings_size;
    return fit;
}

static size_t settings_of(const running *r, const tdl_contender *c)
{
    return tdl_rung_contest_tuned(r->contest, r->options, c) ? settings_n(c) : 1;
}

static tdl_fit_options options_of(const running *r, const tdl_contender *c, size_t setting)
{
    return tdl_contender_fit_options(c, setting, tdl_rung_contest_tuned(r->contest, r->options, c),
                                     r->options);
}

static bool told(const running *r, const char *what, double done)
{
    const tdl_rung_contest_options *o = r->options;

    return !o->progress ||
           o->progress(o->progress_context, tdl_recommend_task_name[r->contest->task], done, what);
}

static tdl_status stopped(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_STOPPED, "stopped on request");
}

/* The models of the setting that is tried and of the best so far; one and the same where settings
 * share what was fitted. */
typedef struct trying {
    void *model, *best;
    double fit_cpu_s, best_fit_cpu_s; /* that they took */
} trying;

static void drop_tried(trying *t, const tdl_rung_ops *rung)
{
    if (t->model != t->best)
        rung->free(t->model);
    t->model = NULL;
}

/* One setting's trial on the tuning window. */
static tdl_status try_setting(running *r, const tdl_contender *c, size_t at, trying *t,
                              double *ret_ndcg, tdl_report *why)
{
    const tdl_holdout *split = &r->contest->tuning.split;
    tdl_fit_options fit = options_of(r, c, at);
    tdl_rung_trial trial = {0};
    tdl_status st;

    if (t->model && c->rung->retune && fit.setting && c->rung->retune(t->model, fit.setting)) {
        const tdl_fitted_rung again = {c->rung, t->model};
        st = tdl_rung_trial_ask(split, tdl_fitted_rung_score, &again, fit.pool, &trial, why);
    } else {
        drop_tried(t, c->rung);
        st = tdl_rung_trial_run(split, c->rung, &fit, &trial, &t->model, why);
    }
    if (st)
        return st;
    if (trial.fit_cpu_s > 0) // else fitted for an earlier setting
        t->fit_cpu_s = trial.fit_cpu_s;
    *ret_ndcg = tdl_rung_trial_ndcg10(split, &trial);
    tdl_rung_trial_release(&trial);
    return TDL_OK;
}

/* Keeps the model of the best setting in `ret`. */
static tdl_status choose_setting(running *r, choice *ret, tdl_rung_entry *entry, double from,
                                 tdl_report *why)
{
    const tdl_rung_ops *rung = ret->contender->rung;
    size_t n = settings_of(r, ret->contender);
    trying t = {0};
    tdl_status st = TDL_OK;

    entry->tuned_ndcg10 = -1;
    for (size_t at = 0; !st && at < n; at++) {
        double ndcg;
        if (!told(r, entry->name, from + (double)at / (double)n / (double)(tdl_contenders_n + 1))) {
            st = stopped(why);
            break;
        }
        st = try_setting(r, ret->contender, at, &t, &ndcg, why);
        if (st == TDL_E_INVALID && (t.best || at + 1 < n)) {
            st = TDL_OK; // other settings may do
            continue;
        }
        if (st || !(ndcg > entry->tuned_ndcg10))
            continue;
        entry->tuned_ndcg10 = ndcg;
        ret->setting = at;
        if (t.best != t.model)
            rung->free(t.best);
        t.best = t.model;
        t.best_fit_cpu_s = t.fit_cpu_s;
    }
    drop_tried(&t, rung);
    ret->model = t.best;
    ret->fit_cpu_s = t.best_fit_cpu_s;
    if (t.best && rung->retune && n > 1)
        rung->retune(t.best, (unsigned)ret->setting + 1);
    if (!st && n > 1)
        tdl_contender_setting(ret->contender, ret->setting, entry->setting);
    return st;
}

/* A heat on the events of the tuning window: what was fitted there is asked. */
static tdl_status ask_again(const running *r, const choice *c, size_t k, tdl_rung_trial *ret,
                            tdl_report *why)
{
    const tdl_holdout *split = &r->contest->heat[k].split;
    const tdl_fitted_rung fitted = {c->contender->rung, c->model};
    tdl_status st =
        tdl_rung_trial_ask(split, tdl_fitted_rung_score, &fitted, r->options->pool, ret, why);

    if (!st && !(st = tdl_rung_trial_variety(split, ret, why))) {
        ret->fit_cpu_s = c->fit_cpu_s;
        ret->bytes = fitted.rung->bytes(fitted.model);
    }
    return st;
}

static tdl_status run_heats(running *r, choice *c, tdl_rung_entry *entry, tdl_report *why)
{
    bool again = r->contest->same_events && c->model;
    tdl_status st = TDL_OK;

    for (size_t k = 0; !st && k < r->contest->cuts_n; k++) {
        tdl_fit_options fit = options_of(r, c->contender, c->setting);
        const tdl_holdout *split = &r->contest->heat[k].split;
        st = again ? ask_again(r, c, k, &entry->trial[k], why)
                   : tdl_rung_trial_run(split, c->contender->rung, &fit, &entry->trial[k],
                                        &c->of_heat[k], why);
        if (st)
            break;
        if (!c->contender->in_blend || entry->trial[k].bytes > KEPT_BYTES_MAX) {
            c->contender->rung->free(c->of_heat[k]);
            c->of_heat[k] = NULL;
        }
        st = tdl_figures_of(&entry->trial[k], split->questions_n, r->options->seed,
                            &entry->figures[k], why);
    }
    return st;
}

static void release_trials(tdl_rung_entry *entry)
{
    for (size_t k = 0; k < TDL_CUTS_MAX; k++)
        tdl_rung_trial_release(&entry->trial[k]);
}

static tdl_status run_contender(running *r, const tdl_contender *contender, double from,
                                tdl_report *why)
{
    tdl_rung_contest *c = r->contest;
    tdl_rung_entry *entry = &c->entry[c->entries_n];
    choice *chosen = &r->choice[c->entries_n++];
    tdl_report bad = {0};

    entry->name = contender->name;
    entry->contender = contender;
    *chosen = (choice){.contender = contender};
    tdl_status st = choose_setting(r, chosen, entry, from, &bad);
    entry->chosen = chosen->setting;
    if (!st)
        st = run_heats(r, chosen, entry, &bad);
    if (st == TDL_E_TOO_LARGE || st == TDL_E_INVALID) {
        snprintf(entry->refused, sizeof entry->refused, "%.190s", bad.message);
        release_trials(entry);
        return TDL_OK;
    }
    return st ? TDL_FAIL(why, st, "%s: %s", contender->name, bad.message) : TDL_OK;
}

/* ---- the blend ---- */

static void choose_parts(running *r)
{
    tdl_rung_contest *c = r->contest;

    for (size_t i = 0; i < c->entries_n && r->blend.n < TDL_RUNG_BLEND_MAX; i++) {
        const choice *one = &r->choice[i];
        if (!one->model || c->entry[i].refused[0] || !one->contender->in_blend)
            continue;
        r->blend.part[r->blend.n] = (tdl_fitted_rung){one->contender->rung, one->model};
        r->blend.own[r->blend.n] = one->contender->own;
        r->part[r->blend.n++] = i;
    }
}

static void say_weights(const running *r, tdl_rung_entry *entry)
{
    size_t at = 0;

    for (size_t i = 0; i < r->blend.n && at < sizeof entry->setting; i++)
        at +=
            (size_t)snprintf(entry->setting + at, sizeof entry->setting - at, "%s%s %.3g",
                             i ? ", " : "", r->contest->entry[r->part[i]].name, r->blend.weight[i]);
}

/* A model for a heat that need not be fitted for it; NULL: there is none. */
static void *held_model(const running *r, const choice *c, size_t k)
{
    return r->contest->same_events ? c->model : c->of_heat[k];
}

/* The parts fitted on one heat, asked together. */
static tdl_status blend_heat(const running *r, size_t k, tdl_rung_entry *entry, tdl_report *why)
{
    const tdl_holdout *split = &r->contest->heat[k].split;
    tdl_rung_blend blend = r->blend;
    tdl_rung_trial *trial = &entry->trial[k];
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < blend.n; i++)
        blend.part[i].model = held_model(r, &r->choice[r->part[i]], k);
    for (size_t i = 0; !st && i < blend.n; i++) {
        const choice *c = &r->choice[r->part[i]];
        tdl_fit_options fit = options_of(r, c->contender, c->setting);
        tdl_fit_data data = tdl_holdout_data(split, c->contender->rung);
        fit.now_us = tdl_holdout_now(split);
        if (blend.weight[i] > 0 && !blend.part[i].model)
            st = c->contender->rung->fit(&data, &fit, &blend.part[i].model, why);
    }
    if (!st &&
        !(st = tdl_rung_trial_ask(split, tdl_rung_blend_score, &blend, r->options->pool, trial,
                                  why)) &&
        !(st = tdl_rung_trial_variety(split, trial, why)))
        st = tdl_figures_of(trial, split->questions_n, r->options->seed, &entry->figures[k], why);
    for (size_t i = 0; i < blend.n; i++) {
        if (!st && blend.weight[i] > 0) {
            trial->bytes += r->contest->entry[r->part[i]].trial[k].bytes;
            trial->fit_cpu_s += r->contest->entry[r->part[i]].trial[k].fit_cpu_s;
        }
        if (blend.part[i].model != held_model(r, &r->choice[r->part[i]], k))
            blend.part[i].rung->free(blend.part[i].model);
    }
    return st;
}

static tdl_status run_blend(running *r, tdl_report *why)
{
    tdl_rung_contest *c = r->contest;
    const tdl_holdout *tuning = &c->tuning.split;
    tdl_rung_trial trial = {0};
    tdl_status st;

    choose_parts(r);
    if (r->blend.n < 2 || !tuning->questions_n)
        return TDL_OK;
    tdl_rung_entry *entry = &c->entry[c->entries_n];
    entry->name = "blend";
    if ((st = tdl_rung_blend_fit(&r->blend, tuning, why)) ||
        (st = tdl_rung_trial_ask(tuning, tdl_rung_blend_score, &r->blend, r->options->pool, &trial,
                                 why)))
        return st;
    entry->tuned_ndcg10 = tdl_rung_trial_ndcg10(tuning, &trial);
    tdl_rung_trial_release(&trial);
    c->entries_n++;
    entry->parts_n = r->blend.n;
    memcpy(entry->part, r->part, sizeof entry->part);
    memcpy(entry->weight, r->blend.weight, sizeof entry->weight);
    say_weights(r, entry);
    for (size_t k = 0; !st && k < c->cuts_n; k++)
        st = blend_heat(r, k, entry, why);
    return st;
}

/* ---- judging ---- */

static int by_number(const void *left, const void *right)
{
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;

    return a < b ? -1 : a > b;
}

static tdl_status count_people(tdl_rung_contest *c, tdl_report *why)
{
    size_t total = 0, n = 0;

    for (size_t k = 0; k < c->cuts_n; k++)
        total += c->heat[k].split.questions_n;
    int32_t *people = malloc((total + 1) * sizeof *people);
    if (!people)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to count %zu people", total);
    for (size_t k = 0; k < c->cuts_n; k++)
        for (size_t i = 0; i < c->heat[k].split.questions_n; i++)
            people[n++] = c->heat[k].split.question[i].user;
    qsort(people, n, sizeof *people, by_number);
    c->people_n = n > 0;
    for (size_t i = 1; i < n; i++)
        c->people_n += people[i] != people[i - 1];
    free(people);
    return TDL_OK;
}

static tdl_status judge(tdl_rung_contest *c, const tdl_rung_contest_options *options,
                        tdl_report *why)
{
    double *ndcg[TDL_CONTENDERS_MAX * TDL_CUTS_MAX] = {0};
    size_t n[TDL_CUTS_MAX] = {0};
    tdl_gate_row row[TDL_CONTENDERS_MAX] = {0};
    const tdl_off_policy *logged[TDL_CONTENDERS_MAX] = {0};
    tdl_status st = count_people(c, why);

    for (size_t e = 0; options->logged && e < c->entries_n; e++)
        logged[e] = options->logged(options->logged_context, c->task, c->entry[e].name);
    for (size_t k = 0; k < c->cuts_n; k++)
        n[k] = c->heat[k].split.questions_n;
    for (size_t e = 0; !st && e < c->entries_n; e++)
        for (size_t k = 0; !st && !c->entry[e].refused[0] && k < c->cuts_n; k++) {
            double *values = malloc((n[k] + 1) * sizeof *values);
            if (!values)
                st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to compare on %zu questions", n[k]);
            for (size_t i = 0; values && i < n[k]; i++)
                values[i] = c->entry[e].trial[k].value[i][TDL_K10].ndcg;
            ndcg[e * c->cuts_n + k] = values;
        }
    if (!st)
        st = tdl_gate_cuts((const double *const *)ndcg, c->entries_n, n, c->cuts_n, c->people_n,
                           logged, options->seed, row, &c->serves, why);
    for (size_t e = 0; e < c->entries_n; e++)
        c->entry[e].gate = row[e];
    for (size_t i = 0; i < c->entries_n * c->cuts_n; i++)
        free(ndcg[i]);
    return st;
}

static void release_choices(running *r)
{
    for (size_t i = 0; i < r->contest->entries_n; i++) {
        const choice *c = &r->choice[i];
        if (!c->contender)
            continue; // the blend
        c->contender->rung->free(c->model);
        for (size_t k = 0; k < TDL_CUTS_MAX; k++)
            c->contender->rung->free(c->of_heat[k]);
    }
}

tdl_status tdl_rung_contest_run(tdl_rung_contest *c, const tdl_rung_contest_options *options,
                                tdl_report *why)
{
    running r = {.contest = c, .options = options};
    tdl_status st = options->people_min ? count_people(c, why) : TDL_OK;

    if (st || c->people_n < options->people_min)
        return st;

    for (size_t i = 0; !st && i < tdl_contenders_n; i++)
        if (tdl_contenders[i].tasks & 1U << c->task)
            st = run_contender(&r, &tdl_contenders[i], (double)i / (double)(tdl_contenders_n + 1),
                               why);
    if (!st && !told(&r, "blend", (double)tdl_contenders_n / (double)(tdl_contenders_n + 1)))
        st = stopped(why);
    if (!st)
        st = run_blend(&r, why);
    if (!st)
        st = judge(c, options, why);
    release_choices(&r);
    return st;
}

void tdl_rung_contest_release(tdl_rung_contest *c)
{
    tdl_holdout_release(&c->tuning.split);
    for (size_t k = 0; k < TDL_CUTS_MAX; k++)
        tdl_holdout_release(&c->heat[k].split);
    for (size_t e = 0; e < TDL_CONTENDERS_MAX; e++)
        release_trials(&c->entry[e]);
    *c = (tdl_rung_contest){0};
}

tdl_status tdl_rung_contest_cuts(const tdl_feedback *feedback, tdl_recommend_task task,
                                 const tdl_cut *window, size_t windows_n,
                                 const tdl_rung_contest_options *options, tdl_rung_contest *ret,
                                 tdl_report *why)
{
    tdl_status st = TDL_OK;

    *ret = (tdl_rung_contest){.task = task, .cuts_n = windows_n - 1};
    for (size_t k = 0; !st && k < windows_n; k++) {
        tdl_heat *heat = k ? &ret->heat[k - 1] : &ret->tuning;
        heat->cut = window[k];
        st = tdl_cut_split(feedback, task, window[k], &heat->split, &heat->facts, why);
    }
    if (!st)
        st = tdl_rung_contest_run(ret, options, why);
    if (st)
        tdl_rung_contest_release(ret);
    return st;
}
