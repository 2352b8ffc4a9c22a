#include "apps/recommend/contest_parts.h"

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
    tdl_fit_options fit = {.seed = options->seed,
                           .pool = options->pool,
                           .bytes_max = options->bytes_max,
                           .content = options->content};

    if (c->numbered_n && tuned) // else its default
        fit.setting = (unsigned)chosen + 1;
    if (c->settings && !(c->patient && options->in_background))
        fit.params = (const char *)c->settings + chosen * c->settings_size;
    return fit;
}

size_t tdl_contest_settings(const tdl_contest_run *r, const tdl_contender *c)
{
    return tdl_rung_contest_tuned(r->contest, r->options, c) ? settings_n(c) : 1;
}

tdl_fit_options tdl_contest_options(const tdl_contest_run *r, const tdl_contender *c,
                                    size_t setting)
{
    return tdl_contender_fit_options(c, setting, tdl_rung_contest_tuned(r->contest, r->options, c),
                                     r->options);
}

static tdl_fit_shelf *shelf_of(const tdl_contest_run *r)
{
    tdl_recommend_task task = r->contest->task;

    return task == TDL_RECOMMEND_NEXT || task == TDL_RECOMMEND_DISCOVERY ? r->options->shelf : NULL;
}

void tdl_contest_let_go(const tdl_contest_run *r, const tdl_rung_ops *rung, void *model)
{
    if (!tdl_fit_shelf_has(r->options->shelf, model))
        rung->free(model);
}

/* What "content" starts from: "ials" as it was fitted on the same split. NULL: it fits its own. */
static const void *base_of(const tdl_contest_run *r, const tdl_holdout *split,
                           const tdl_rung_ops *rung)
{
    const tdl_rung_contest *c = r->contest;

    for (size_t i = 0; rung == &tdl_rung_content && i < c->entries_n; i++) {
        const tdl_contest_choice *one = &r->choice[i];
        if (!one->contender || one->contender->rung != &tdl_rung_ials || c->entry[i].refused[0])
            continue;
        if (split == &c->tuning.split || c->same_events)
            return one->model;
        for (size_t k = 0; k < c->cuts_n; k++)
            if (split == &c->heat[k].split)
                return one->of_heat[k];
    }
    return NULL;
}

/* The model of these options, to be let go. */
tdl_status tdl_contest_fit(const tdl_contest_run *r, const tdl_holdout *split,
                           const tdl_rung_ops *rung, const tdl_fit_options *options, void **ret,
                           double *ret_cpu_s, tdl_report *why)
{
    tdl_fit_options fit = *options;
    tdl_fit_data data = tdl_holdout_data(split, rung);
    tdl_fit_shelf *shelf = shelf_of(r);
    tdl_status st;

    fit.now_us = tdl_holdout_now(split);
    fit.weight = rung->repeats ? split->weight : NULL;
    fit.base = base_of(r, split, rung);
    if ((*ret = tdl_fit_shelf_find(shelf, rung, &fit, split->now_us, ret_cpu_s)))
        return TDL_OK;
    double began = tdl_rung_trial_cpu_s();
    if ((st = rung->fit(&data, &fit, ret, why)))
        return st;
    *ret_cpu_s = tdl_rung_trial_cpu_s() - began;
    tdl_fit_shelf_put(shelf, rung, options, split->now_us, *ret_cpu_s, *ret);
    return TDL_OK;
}
