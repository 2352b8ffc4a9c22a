#include "apps/recommend/lineup_fit.h"

#include <stdio.h>
#include <stdlib.h>

#include "apps/recommend/offline.h"

enum { TUNE_EVENTS_MAX = 2000000 };

/* What winners are fitted on, laid out when the first wants it: people's rows, and baskets'. */
typedef struct everything {
    const tdl_feedback *feedback;
    const int32_t *number;     /* [items of the feedback] in the models' numbering; -1 = none */
    tdl_content_code *content; /* [items_n] what they say; NULL = nothing */
    size_t items_n;            /* of that */
    tdl_holdout rows[2];       /* [baskets] */
    bool laid[2];
} everything;

typedef struct fitting {
    everything all;
    tdl_rung_contest_options run;
    tdl_lineup *lineup;
    /* [parts_n] what each part was fitted with, to find it again */
    size_t chosen[TDL_PARTS_MAX];
    bool tuned[TDL_PARTS_MAX];
} fitting;

/* ---- rows ---- */

/* New numbers in place; what has none is left out. weight: of the rows, or NULL. */
static void renumber(tdl_holdout_rows *rows, uint8_t *weight, const everything *e)
{
    size_t kept = 0, at = 0;

    for (size_t u = 0; u < rows->view.users_n; u++) {
        for (size_t end = rows->offsets[u + 1]; at < end; at++) {
            int32_t number = e->number[rows->item[at]];
            if (number < 0)
                continue;
            rows->item[kept] = number;
            if (weight)
                weight[kept] = weight[at];
            rows->time_us[kept++] = rows->time_us[at];
        }
        rows->offsets[u + 1] = kept;
    }
    rows->view.items_n = e->items_n;
}

static tdl_status lay_out(everything *e, bool baskets, tdl_report *why)
{
    tdl_holdout *rows = &e->rows[baskets];
    tdl_cut_facts facts;
    int64_t first_us, last_us;

    if (e->laid[baskets])
        return TDL_OK;
    tdl_feedback_span(e->feedback, &first_us, &last_us);
    int64_t after_us = last_us < INT64_MAX ? last_us + 1 : last_us;
    tdl_status st =
        tdl_cut_split(e->feedback, baskets ? TDL_RECOMMEND_CART : TDL_RECOMMEND_DISCOVERY,
                      (tdl_cut){.cut_us = after_us, .end_us = after_us}, rows, &facts, why);
    if (st)
        return st;
    e->laid[baskets] = true;
    rows->items_n = e->items_n;
    renumber(&rows->all, rows->weight, e);
    renumber(&rows->first, NULL, e);
    return TDL_OK;
}

/* ---- parts ---- */

static size_t find_part(const fitting *f, const tdl_rung_entry *entry, bool tuned, bool baskets)
{
    size_t i = 0;

    while (i < f->lineup->parts_n &&
           !(f->lineup->part[i].contender == entry->contender && f->chosen[i] == entry->chosen &&
             f->tuned[i] == tuned && f->lineup->part[i].baskets == baskets))
        i++;
    return i;
}

/* The entry fitted on everything, once whoever wants it. *ret == TDL_PARTS_MAX: it refused so many
 * data. Contenders can be saved, all of them. */
static tdl_status take_part(fitting *f, const tdl_rung_contest *c, const tdl_rung_entry *entry,
                            size_t *ret, tdl_report *why)
{
    const tdl_contender *contender = entry->contender;
    bool baskets = c->task == TDL_RECOMMEND_CART,
         tuned = tdl_rung_contest_tuned(c, &f->run, contender);
    tdl_status st = lay_out(&f->all, baskets, why);

    *ret = find_part(f, entry, tuned, baskets);
    if (st || *ret < f->lineup->parts_n)
        return st;
    if (*ret == TDL_PARTS_MAX)
        return TDL_FAIL(why, TDL_E_INTERNAL, "more than %d parts", TDL_PARTS_MAX);
    tdl_part *part = &f->lineup->part[*ret];
    tdl_fit_options fit = tdl_contender_fit_options(contender, entry->chosen, tuned, &f->run);
    tdl_fit_data data = tdl_holdout_data(&f->all.rows[baskets], contender->rung);
    fit.now_us = tdl_holdout_now(&f->all.rows[baskets]);
    fit.content = f->all.content;
    fit.weight = contender->rung->repeats ? f->all.rows[baskets].weight : NULL;
    fit.progress = f->run.progress;
    fit.progress_context = f->run.progress_context;
    *part = (tdl_part){.contender = contender, .baskets = baskets};
    snprintf(part->setting, sizeof part->setting, "%s", entry->setting);
    tdl_report bad = {0};
    st = contender->rung->fit(&data, &fit, &part->model, &bad);
    if (st == TDL_E_TOO_LARGE || st == TDL_E_INVALID) {
        *ret = TDL_PARTS_MAX;
        return TDL_OK;
    }
    if (st)
        return TDL_FAIL(why, st, "%s: %s", contender->name, bad.message);
    f->chosen[*ret] = entry->chosen;
    f->tuned[*ret] = tuned;
    f->lineup->parts_n++;
    return TDL_OK;
}

static tdl_status add_to_mix(fitting *f, const tdl_rung_contest *c, const tdl_rung_entry *entry,
                             double weight, tdl_report *why)
{
    tdl_mix *mix = &f->lineup->task[c->task];
    size_t part;
    tdl_status st = take_part(f, c, entry, &part, why);

    if (st || part == TDL_PARTS_MAX)
        return st; // the others do without it
    mix->part[mix->n] = part;
    mix->weight[mix->n++] = weight;
    return TDL_OK;
}

static tdl_status take_mix(fitting *f, const tdl_rung_contest *c, tdl_report *why)
{
    const tdl_rung_entry *serves = &c->entry[c->serves];
    tdl_status st = TDL_OK;

    if (serves->contender)
        return add_to_mix(f, c, serves, 1, why);
    for (size_t i = 0; !st && i < serves->parts_n; i++)
        if (serves->weight[i] > 0)
            st = add_to_mix(f, c, &c->entry[serves->part[i]], serves->weight[i], why);
    return st;
}

/* ---- tasks ---- */

static void keep_report(const tdl_rung_contest *c, tdl_task_report *ret)
{
    ret->people_n = c->people_n;
    snprintf(ret->target, sizeof ret->target, "%.*s", TDL_FMT(c->target));
    ret->cuts_n = c->cuts_n;
    ret->serves = c->serves;
    ret->entries_n = c->entries_n;
    for (size_t k = 0; k < c->cuts_n; k++) {
        ret->cut_us[k] = c->heat[k].cut.cut_us;
        ret->questions[k] = c->heat[k].split.questions_n;
    }
    for (size_t i = 0; i < c->entries_n; i++) {
        const tdl_rung_entry *from = &c->entry[i];
        tdl_task_entry *to = &ret->entry[i];
        *to = (tdl_task_entry){.name = from->name, .gate = from->gate};
        snprintf(to->setting, sizeof to->setting, "%s", from->setting);
        snprintf(to->refused, sizeof to->refused, "%s", from->refused);
        for (size_t k = 0; k < c->cuts_n; k++) {
            to->ndcg10[k] = from->figures[k].ndcg[TDL_K10];
            to->bytes = from->trial[k].bytes;
        }
    }
}

static void keep_kappa(const fitting *f, const tdl_rung_contest *c, tdl_lineup_report *report)
{
    for (size_t i = 0; i < c->entries_n && !(report->kappa > 0); i++) {
        const tdl_rung_entry *e = &c->entry[i];
        if (e->contender && e->contender->by_content && !e->refused[0] &&
            tdl_rung_contest_tuned(c, &f->run, e->contender))
            report->kappa = tdl_content_kappa[e->chosen];
    }
}

/* How much events count by their kind, for all tasks; what serves counts so too. */
static tdl_status choose_weighing(fitting *f, tdl_feedback *feedback, tdl_cut window,
                                  tdl_lineup_report *report, tdl_report *why)
{
    tdl_str target = tdl_target_of(feedback, f->run.target[TDL_RECOMMEND_DISCOVERY]);
    tdl_status st =
        tdl_weighing_choose(feedback, target, window, f->run.pool, &report->weighing, why);

    f->run.weighing = f->lineup->weighing = report->weighing.chosen;
    snprintf(f->lineup->target, sizeof f->lineup->target, "%.*s", TDL_FMT(target));
    return st;
}

static tdl_status run_tasks(fitting *f, tdl_feedback *feedback, tdl_lineup_report *report,
                            tdl_report *why)
{
    const tdl_offline_options options = {.protocol = TDL_PROTOCOL_GLOBAL_CUT, .timed = true};
    tdl_cut window[TDL_CUTS_MAX + 1];
    size_t windows_n;
    tdl_status st = tdl_offline_windows(f->all.feedback, &options, window, &windows_n, why);

    if (!st)
        st = choose_weighing(f, feedback, window[0], report, why);
    for (size_t t = 0; !st && t < TDL_RECOMMEND_TASKS_N; t++) {
        tdl_rung_contest c;
        if ((st = tdl_rung_contest_cuts(f->all.feedback, (tdl_recommend_task)t, window, windows_n,
                                        &f->run, &c, why)))
            break;
        keep_report(&c, &report->task[t]);
        keep_kappa(f, &c, report);
        if (c.entries_n)
            st = take_mix(f, &c, why);
        tdl_rung_contest_release(&c);
    }
    return st;
}

static int32_t *number_items(const tdl_feedback *feedback, const tdl_names *items)
{
    size_t n = tdl_feedback_all(feedback)->items_n;
    int32_t *number = calloc(n + 1, sizeof *number);

    for (size_t i = 0; number && i < n; i++)
        number[i] = tdl_names_find(items, tdl_feedback_item(feedback, (int32_t)i));
    return number;
}

/* What items say, in the models' numbering. NULL: nothing, or no memory. */
static tdl_content_code *number_content(const tdl_feedback *feedback, const int32_t *number,
                                        size_t items_n, const tdl_content_code *content)
{
    tdl_content_code *ret = content ? calloc(items_n + 1, sizeof *ret) : NULL;

    for (size_t i = 0; ret && i < tdl_feedback_all(feedback)->items_n; i++)
        if (number[i] >= 0)
            ret[number[i]] = content[i];
    return ret;
}

tdl_status tdl_lineup_fit(tdl_feedback *feedback, const tdl_names *items,
                          const tdl_rung_contest_options *run, tdl_lineup *ret,
                          tdl_lineup_report *ret_report, tdl_report *why)
{
    int32_t *number = number_items(feedback, items);
    fitting f = {
        .all = {.feedback = feedback, .number = number, .items_n = (size_t)tdl_names_count(items)},
        .run = *run,
        .lineup = ret};
    tdl_status st;

    *ret_report = (tdl_lineup_report){0};
    f.run.in_background = true;
    f.run.people_min = TDL_GATE_PEOPLE_MIN;
    f.run.tune_events_max = TUNE_EVENTS_MAX;
    f.run.shelf = tdl_fit_shelf_new(); // without memory for it: each task fits its own
    if (number)
        f.all.content = number_content(feedback, number, f.all.items_n, run->content);
    st = number && !f.all.content == !run->content
             ? run_tasks(&f, feedback, ret_report, why)
             : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to number the items of the log");
    for (size_t i = 0; i < 2; i++)
        if (f.all.laid[i])
            tdl_holdout_release(&f.all.rows[i]);
    tdl_fit_shelf_free(f.run.shelf);
    free(f.all.content);
    free(number);
    return st;
}
