#include "apps/predict/contest.h"

#include <math.h>
#include <stdlib.h>

#include "apps/predict/bout.h"
#include "base/timestamp.h"

static bool is_wanted(const char *wanted, const char *name)
{
    size_t n = strlen(name);

    if (!strcmp(wanted, "auto"))
        return true;
    for (const char *at = wanted; (at = strstr(at, name)); at += n)
        if ((at == wanted || at[-1] == ',') && (at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}

static tdl_status check_names(const char *wanted, tdl_report *why)
{
    for (const char *at = wanted; strcmp(wanted, "auto") != 0 && at;) {
        size_t len = strcspn(at, ",");

        if (!tdl_learner_find((tdl_str){at, len}))
            return TDL_FAIL(why, TDL_E_INVALID, "there is no model \"%.*s\"", (int)len, at);
        at = at[len] ? at + len + 1 : NULL;
    }
    return TDL_OK;
}

/* Rows that the smallest fold trains on. */
static size_t least_train(const tdl_contest_data *data)
{
    size_t n[TDL_CONTEST_FOLDS_MAX] = {0}, least = data->rows_n;

    for (size_t f = 0; f < data->folds_n; f++)
        for (size_t i = 0; i < data->rows_n; i++)
            n[f] += tdl_contest_trains(data, f, i);
    for (size_t f = 0; f < data->folds_n; f++)
        if (tdl_contest_tests(data, f) && n[f] < least)
            least = n[f];
    return least;
}

/* Does a column have as many levels? */
static bool has_levels(const tdl_contest_data *data, size_t n)
{
    for (size_t i = 0; i < data->frame->columns_n; i++)
        if (!data->left_out[i] && data->frame->column[i].type == TDL_COLUMN_CATEGORY &&
            data->frame->column[i].levels_n >= n)
            return true;
    return n == 0;
}

static bool is_called_for(const tdl_contest_data *data, tdl_entry *e)
{
    bool slow = e->ops->slow && !data->patient;

    e->cut_off = slow;
    if (slow)
        tdl_report_set(&e->left_out, TDL_E_STOPPED, "",
                       "takes minutes: ask for it by name, or give --budget 600");
    else if (!has_levels(data, e->ops->levels_min))
        tdl_report_set(&e->left_out, TDL_E_INVALID, "",
                       "made for categories of %zu levels and more", e->ops->levels_min);
    else
        return true;
    return false;
}

/* Columns that become numbers or categories: an image is asked for by its own. */
static size_t count_features(const tdl_contest_data *data)
{
    size_t n = 0;

    for (size_t i = 0; i < data->frame->columns_n; i++)
        n += !data->left_out[i] && data->frame->column[i].type != TDL_COLUMN_IMAGE;
    return n;
}

static bool suits(const tdl_contest_data *data, tdl_entry *e)
{
    const tdl_problem problem = tdl_bout_problem(data);
    // What is chosen is fitted on all rows in the end: it must suit those too.
    size_t columns_n = count_features(data);
    size_t all_n = data->all_n > data->rows_n ? data->all_n : data->rows_n;

    return e->ops->suits(&problem, least_train(data), columns_n, &e->left_out) &&
           e->ops->suits(&problem, all_n, columns_n, &e->left_out);
}

/* Is there time for it, after what was estimated so far? */
static bool has_time(const tdl_contest_data *data, double spent, tdl_entry *e, double *ret_estimate)
{
    double takes = *ret_estimate = tdl_bout_estimate(data, e->ops);

    e->cut_off = true;
    if (data->budget > 0 && spent + takes > data->budget) {
        tdl_report_set(&e->left_out, TDL_E_STOPPED, "give a larger --budget",
                       "takes about %.0f s, and %.0f s are left of the budget: give --budget %.0f",
                       ceil(takes), floor(data->budget - spent), ceil(spent + takes) + 1);
        return false;
    }
    if (data->deadline_us && tdl_time_monotonic() > data->deadline_us) {
        tdl_report_set(&e->left_out, TDL_E_STOPPED, "give a larger --budget",
                       "the time was over before it began");
        return false;
    }
    e->cut_off = false;
    return true;
}

static bool may_begin(const tdl_contest_data *data, double spent, tdl_entry *e, bool forced,
                      double *ret_estimate)
{
    *ret_estimate = 0;
    if (!suits(data, e) || (!forced && !is_called_for(data, e)))
        return false;
    return forced || e->ops->simple || has_time(data, spent, e, ret_estimate);
}

static tdl_status tell(const tdl_contest_data *data, const char *name, double done, tdl_report *why)
{
    if (!data->progress || data->progress(data->progress_context, name, done, ""))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_STOPPED, "stopped on request");
}

/* A learner that fails is left out with its reason, unless it was asked for by name. */
static tdl_status let_take_part(const tdl_contest_data *data, tdl_entry *e, bool forced,
                                double *spent, tdl_report *why)
{
    double estimate;
    tdl_status st = TDL_E_INVALID;

    if (may_begin(data, *spent, e, forced, &estimate)) {
        *spent += estimate;
        if (!(st = tdl_bout_hold(data, e, forced, &e->left_out)))
            return TDL_OK;
    }
    if (forced || st == TDL_E_STOPPED || st == TDL_E_NO_MEMORY) {
        if (why)
            *why = e->left_out;
        return st;
    }
    return TDL_OK;
}

tdl_status tdl_contest_hold(const tdl_contest_data *data, const char *wanted, tdl_contest *ret,
                            tdl_report *why)
{
    tdl_contest contest = {.folds_n = data->folds_n};
    bool forced = strcmp(wanted, "auto") != 0, any = false;
    tdl_status st = check_names(wanted, why);

    if (st)
        return st;
    if (!(contest.entry = calloc(tdl_learners_n + 1, sizeof *contest.entry)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < tdl_learners_n && !st; i++) {
        tdl_entry *e = &contest.entry[contest.entries_n];

        // The floor is always there, whatever else was asked for.
        if (!is_wanted(wanted, tdl_learners[i]->name) && !tdl_learners[i]->simple)
            continue;
        e->ops = tdl_learners[i];
        contest.entries_n++;
        if ((st = tell(data, e->ops->name, (double)i / (double)tdl_learners_n, why)))
            break;
        st = let_take_part(data, e, forced && is_wanted(wanted, e->ops->name), &contest.estimated,
                           why);
        any |= e->score != NULL;
    }
    if (!st && !any)
        st = TDL_FAIL(why, TDL_E_INVALID, "no model could take part: %s",
                      contest.entries_n ? contest.entry[0].left_out.message : "there is none");
    if (st) {
        tdl_contest_release(&contest);
        return st;
    }
    contest.scores_n = tdl_problem_scores(&(tdl_problem){.task = data->target->task,
                                                         .classes_n = data->target->classes_n,
                                                         .quantiles_n = data->target->quantiles_n});
    *ret = contest;
    return TDL_OK;
}

void tdl_contest_release(tdl_contest *contest)
{
    for (size_t i = 0; i < contest->entries_n; i++) {
        tdl_entry *e = &contest->entry[i];

        free(e->score);
        free(e->fold_metric);
        json_decref(e->setting);
        json_decref(e->note);
    }
    free(contest->entry);
    *contest = (tdl_contest){0};
}
