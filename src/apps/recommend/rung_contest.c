#include "apps/recommend/rung_contest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/contest_parts.h"

enum { KEPT_BYTES_MAX = 128 << 20 };           /* of a model that the blend need not fit again */
static const double CHOOSING = .6, HEATS = .3; /* of the progress */

tdl_status tdl_contest_tell(const tdl_contest_run *r, const char *what, double done,
                            tdl_report *why)
{
    const tdl_rung_contest_options *o = r->options;
    const char *task = tdl_recommend_task_name[r->contest->task];

    return !o->progress || o->progress(o->progress_context, task, done, what)
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_STOPPED, "stopped on request");
}

/* ---- heats ---- */

/* What the blend makes of an entry: 0 also where there is none. */
static double weight_of(const tdl_contest_run *r, size_t entry)
{
    for (size_t i = 0; i < r->blend.n; i++)
        if (r->part[i] == entry)
            return r->blend.weight[i];
    return 0;
}

/* Ask about one heat. What lists are like is looked at where somebody is told. */
static tdl_status ask_heat(const tdl_contest_run *r, size_t k, tdl_score_fn *score,
                           const void *context, tdl_rung_entry *entry, tdl_report *why)
{
    const tdl_rung_contest_options *o = r->options;
    const tdl_holdout *split = &r->contest->heat[k].split;
    tdl_rung_trial *trial = &entry->trial[k];
    tdl_status st = tdl_rung_trial_ask(split, score, context, o->pool, trial, why);

    if (!st && !o->in_background)
        st = tdl_rung_trial_variety(split, trial, why);
    return st ? st : tdl_figures_of(trial, split->questions_n, o->seed, &entry->figures[k], why);
}

/* The model of the tuning window, where heats are of the same events; NULL: one is to be fitted. */
static void *held_model(const tdl_contest_run *r, const tdl_contest_choice *c)
{
    return r->contest->same_events ? c->model : NULL;
}

static tdl_status run_heat(tdl_contest_run *r, size_t at, size_t k, tdl_report *why)
{
    tdl_rung_entry *entry = &r->contest->entry[at];
    tdl_contest_choice *c = &r->choice[at];
    const tdl_holdout *split = &r->contest->heat[k].split;
    tdl_fit_options fit = tdl_contest_options(r, c->contender, c->setting);
    tdl_fitted_rung fitted = {c->contender->rung, held_model(r, c)};
    bool held = fitted.model != NULL;
    double cpu_s = c->fit_cpu_s;
    tdl_status st = TDL_OK;

    if (!held && (st = tdl_contest_fit(r, split, fitted.rung, &fit, &fitted.model, &cpu_s, why)))
        return st;
    st = ask_heat(r, k, tdl_fitted_rung_score, &fitted, entry, why);
    entry->trial[k].fit_cpu_s = cpu_s;
    entry->trial[k].bytes = fitted.rung->bytes(fitted.model);
    if (!st && !held && c->contender->in_blend && entry->trial[k].bytes <= KEPT_BYTES_MAX)
        c->of_heat[k] = fitted.model;
    else if (!held)
        tdl_contest_let_go(r, fitted.rung, fitted.model);
    return st;
}

static tdl_status run_heats(tdl_contest_run *r, double from, double share, tdl_report *why)
{
    tdl_rung_contest *c = r->contest;
    tdl_status st = TDL_OK;

    for (size_t i = 0; !st && i < c->entries_n; i++) {
        tdl_report bad = {0};
        if (!r->choice[i].contender || c->entry[i].refused[0])
            continue;
        double done = from + share * (double)i / (double)c->entries_n;
        if ((st = tdl_contest_tell(r, c->entry[i].name, done, why)))
            return st;
        for (size_t k = 0; !st && k < c->cuts_n; k++)
            st = run_heat(r, i, k, &bad);
        st = tdl_contest_refusal(&c->entry[i], st, &bad, why);
    }
    return st;
}

/* Is one wholly below another on the tuning window, by two standard errors? */
static bool is_behind(const tdl_contest_run *r, const tdl_contest_choice *one,
                      const tdl_contest_choice *other)
{
    double sum = 0, squares = 0, n = (double)r->contest->tuning.split.questions_n;

    for (size_t i = 0; i < r->contest->tuning.split.questions_n; i++) {
        double lead = other->tuned[i] - one->tuned[i];
        sum += lead;
        squares += lead * lead;
    }
    return sum > 0 && sum * sum > 4 * (squares - sum * sum / n);
}

/* A slow rung that lost the first window, and that the blend does without, is not fitted again. */
static void end_early(tdl_contest_run *r)
{
    tdl_rung_contest *c = r->contest;

    for (size_t i = 0; i < c->entries_n; i++) {
        const tdl_contest_choice *one = &r->choice[i];
        size_t best = i;
        if (!one->tuned || c->entry[i].refused[0] || !one->contender->rung->slow ||
            weight_of(r, i) > 0)
            continue;
        for (size_t k = 0; k < c->entries_n; k++)
            if (r->choice[k].tuned && c->entry[k].tuned_ndcg10 > c->entry[best].tuned_ndcg10)
                best = k;
        if (is_behind(r, one, &r->choice[best]))
            snprintf(c->entry[i].refused, sizeof c->entry[i].refused,
                     "lost the window for tuning: NDCG@10 %.4f, %s %.4f; not fitted again",
                     c->entry[i].tuned_ndcg10, c->entry[best].name, c->entry[best].tuned_ndcg10);
    }
}

/* ---- the blend ---- */

static void choose_parts(tdl_contest_run *r)
{
    tdl_rung_contest *c = r->contest;

    r->blend.n = 0;
    for (size_t i = 0; i < c->entries_n && r->blend.n < TDL_RUNG_BLEND_MAX; i++) {
        const tdl_contest_choice *one = &r->choice[i];
        if (!one->model || c->entry[i].refused[0] || !one->contender->in_blend)
            continue;
        r->blend.part[r->blend.n] = (tdl_fitted_rung){one->contender->rung, one->model};
        r->blend.own[r->blend.n] = one->contender->own;
        r->blend.costly[r->blend.n] = one->contender->rung->slow && r->options->in_background;
        r->part[r->blend.n++] = i;
    }
}

void tdl_contest_say_weights(const tdl_rung_contest *c, tdl_rung_entry *blend)
{
    size_t at = 0, size = sizeof blend->setting;

    for (size_t i = 0; i < blend->parts_n && at < size; i++)
        at += (size_t)snprintf(blend->setting + at, size - at, "%s%s %.3g", i ? ", " : "",
                               c->entry[blend->part[i]].name, blend->weight[i]);
}

/* A model for a heat that need not be fitted for it; NULL: there is none. */
static void *model_of_heat(const tdl_contest_run *r, const tdl_contest_choice *c, size_t k)
{
    void *held = held_model(r, c);

    return held ? held : c->of_heat[k];
}

/* Weights for the next heat, from this one, of parts as they were fitted here. */
static tdl_status learn_on(tdl_contest_run *r, const tdl_rung_blend *fitted,
                           const tdl_holdout *split, tdl_report *why)
{
    tdl_rung_blend b = {0};
    size_t which[TDL_RUNG_BLEND_MAX] = {0};
    tdl_status st;

    for (size_t i = 0; i < fitted->n; i++) {
        if (!fitted->part[i].model)
            continue;
        b.part[b.n] = fitted->part[i];
        b.own[b.n] = fitted->own[i];
        b.costly[b.n] = fitted->costly[i];
        which[b.n++] = i;
    }
    if (b.n < 2 || split->questions_n < TDL_GATE_PEOPLE_MIN)
        return TDL_OK; // those there are stay
    if ((st = tdl_rung_blend_fit(&b, split, why)))
        return st;
    memset(r->blend.weight, 0, sizeof r->blend.weight);
    for (size_t i = 0; i < b.n; i++)
        r->blend.weight[which[i]] = b.weight[i];
    return TDL_OK;
}

/* The parts fitted on one heat, asked together. */
static tdl_status blend_heat(tdl_contest_run *r, size_t k, tdl_rung_entry *entry, tdl_report *why)
{
    const tdl_holdout *split = &r->contest->heat[k].split;
    tdl_rung_blend blend = r->blend;
    tdl_rung_trial *trial = &entry->trial[k];
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < blend.n; i++)
        blend.part[i].model = model_of_heat(r, &r->choice[r->part[i]], k);
    for (size_t i = 0; !st && i < blend.n; i++) {
        const tdl_contest_choice *c = &r->choice[r->part[i]];
        tdl_fit_options fit = tdl_contest_options(r, c->contender, c->setting);
        double cpu_s;
        if (blend.weight[i] > 0 && !blend.part[i].model)
            st = tdl_contest_fit(r, split, blend.part[i].rung, &fit, &blend.part[i].model, &cpu_s,
                                 why);
    }
    if (!st)
        st = ask_heat(r, k, tdl_rung_blend_score, &blend, entry, why);
    if (!st && k + 1 < r->contest->cuts_n)
        st = learn_on(r, &blend, split, why);
    for (size_t i = 0; i < blend.n; i++) {
        if (!st && blend.weight[i] > 0) {
            trial->bytes += r->contest->entry[r->part[i]].trial[k].bytes;
            trial->fit_cpu_s += r->contest->entry[r->part[i]].trial[k].fit_cpu_s;
        }
        if (blend.part[i].model != model_of_heat(r, &r->choice[r->part[i]], k))
            tdl_contest_let_go(r, blend.part[i].rung, blend.part[i].model);
    }
    return st;
}

tdl_status tdl_contest_fit_blend(tdl_contest_run *r, tdl_report *why)
{
    choose_parts(r);
    if (r->blend.n >= 2 && r->contest->tuning.split.questions_n)
        return tdl_rung_blend_fit(&r->blend, &r->contest->tuning.split, why);
    r->blend.n = 0;
    return TDL_OK;
}

static bool lost_a_part(const tdl_contest_run *r)
{
    for (size_t i = 0; i < r->blend.n; i++)
        if (r->blend.weight[i] > 0 && r->contest->entry[r->part[i]].refused[0])
            return true;
    return false;
}

static tdl_status run_blend(tdl_contest_run *r, tdl_report *why)
{
    tdl_rung_contest *c = r->contest;
    const tdl_holdout *tuning = &c->tuning.split;
    tdl_rung_trial trial = {0};
    tdl_status st;

    if (lost_a_part(r) && (st = tdl_contest_fit_blend(r, why)))
        return st;
    if (!r->blend.n)
        return TDL_OK;
    tdl_rung_entry *entry = &c->entry[c->entries_n];
    entry->name = "blend";
    if ((st = tdl_rung_trial_ask(tuning, tdl_rung_blend_score, &r->blend, r->options->pool, &trial,
                                 why)))
        return st;
    entry->tuned_ndcg10 = tdl_rung_trial_ndcg10(tuning, &trial);
    tdl_rung_trial_release(&trial);
    c->entries_n++;
    entry->parts_n = r->blend.n;
    memcpy(entry->part, r->part, sizeof entry->part);
    memcpy(entry->weight, r->blend.weight, sizeof entry->weight);
    tdl_contest_say_weights(c, entry);
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

void tdl_contest_release_choices(tdl_contest_run *r)
{
    for (size_t i = 0; i < r->contest->entries_n; i++) {
        const tdl_contest_choice *c = &r->choice[i];
        free(r->choice[i].tuned);
        if (!c->contender)
            continue; // the blend
        tdl_contest_let_go(r, c->contender->rung, c->model);
        for (size_t k = 0; k < TDL_CUTS_MAX; k++)
            tdl_contest_let_go(r, c->contender->rung, c->of_heat[k]);
    }
}

tdl_status tdl_rung_contest_run(tdl_rung_contest *c, const tdl_rung_contest_options *options,
                                tdl_report *why)
{
    tdl_contest_run r = {.contest = c, .options = options};
    tdl_status st = options->people_min ? count_people(c, why) : TDL_OK;

    if (st || c->people_n < options->people_min)
        return st;

    for (size_t i = 0; !st && i < tdl_contenders_n; i++)
        if (tdl_contenders[i].tasks & 1U << c->task &&
            (options->content || !tdl_contenders[i].by_content))
            st = tdl_contest_choose(&r, &tdl_contenders[i],
                                    CHOOSING * (double)i / (double)tdl_contenders_n,
                                    CHOOSING / (double)tdl_contenders_n, why);
    if (!st)
        st = tdl_contest_fit_blend(&r, why);
    if (!st && options->in_background)
        end_early(&r);
    if (!st)
        st = run_heats(&r, CHOOSING, HEATS, why);
    if (!st)
        st = tdl_contest_tell(&r, "blend", CHOOSING + HEATS, why);
    if (!st)
        st = run_blend(&r, why);
    if (!st)
        st = judge(c, options, why);
    tdl_contest_release_choices(&r);
    return st || !options->in_background ? st : tdl_contest_renew(c, options, why);
}

void tdl_rung_contest_release(tdl_rung_contest *c)
{
    tdl_holdout_release(&c->tuning.split);
    for (size_t k = 0; k < TDL_CUTS_MAX; k++)
        tdl_holdout_release(&c->heat[k].split);
    for (size_t e = 0; e < TDL_CONTENDERS_MAX; e++)
        for (size_t k = 0; k < TDL_CUTS_MAX; k++)
            tdl_rung_trial_release(&c->entry[e].trial[k]);
    *c = (tdl_rung_contest){0};
}

tdl_status tdl_rung_contest_cuts(const tdl_feedback *feedback, tdl_recommend_task task,
                                 const tdl_cut *window, size_t windows_n,
                                 const tdl_rung_contest_options *options, tdl_rung_contest *ret,
                                 tdl_report *why)
{
    tdl_status st = TDL_OK;

    *ret = (tdl_rung_contest){.task = task,
                              .cuts_n = windows_n - 1,
                              .target = tdl_target_of(feedback, options->target[task]),
                              .weighing = options->weighing};
    uint32_t kinds = tdl_feedback_kind_bit(feedback, ret->target);
    for (size_t k = 0; !st && k < windows_n; k++) {
        tdl_heat *heat = k ? &ret->heat[k - 1] : &ret->tuning;
        heat->cut = window[k];
        heat->cut.kinds = kinds;
        st = tdl_cut_split(feedback, task, heat->cut, &heat->split, &heat->facts, why);
    }
    if (!st)
        st = tdl_rung_contest_run(ret, options, why);
    if (st)
        tdl_rung_contest_release(ret);
    return st;
}
