/* Protocols that hold people or their last events out, whatever the time: strong generalisation and
 * the literature's leave-last-out. See offline.h. */
#include <stdint.h>
#include <stdlib.h>

#include "apps/recommend/offline.h"

enum { EVENTS_MIN = 4, FOLDS = 5, HIDDEN = 4 };

/* Splits that know no time take every time there is. */
static tdl_status begin_split(const tdl_feedback *f, tdl_holdout *split, tdl_report *why)
{
    return tdl_holdout_init(split, tdl_feedback_all(f)->items_n, INT64_MAX, why);
}

/* ---- literature ---- */

/* Times as papers read a log: a sequence, in order of time and then of the file, in which nothing
 * happens together. Events of one time come a microsecond apart. ret [events] */
static void part_ties(const tdl_interactions *all, int64_t *ret)
{
    for (size_t u = 0; u < all->users_n; u++)
        for (size_t i = all->offsets[u]; i < all->offsets[u + 1]; i++) {
            bool tied = i > all->offsets[u] && all->time_us[i] <= ret[i - 1];
            ret[i] = tied && ret[i - 1] < INT64_MAX ? ret[i - 1] + 1 : all->time_us[i];
        }
}

/* Fit on all but the last two events of whoever has four, ask for event `from the end`. */
static tdl_status literature_split(const tdl_feedback *f, const int64_t *time_us, size_t from_end,
                                   tdl_holdout *split, tdl_report *why)
{
    const tdl_interactions *all = tdl_feedback_all(f);
    tdl_status st = begin_split(f, split, why);

    for (size_t u = 0; !st && u < all->users_n; u++) {
        size_t begin = all->offsets[u], n = all->offsets[u + 1] - begin;
        st = tdl_holdout_train(split, all->item + begin, time_us + begin,
                               n >= EVENTS_MIN ? n - 2 : n, why);
    }
    if (!st)
        st = tdl_holdout_seal(split, why);
    for (size_t u = 0; !st && u < all->users_n; u++) {
        size_t begin = all->offsets[u], n = all->offsets[u + 1] - begin;
        if (n < EVENTS_MIN)
            continue;
        size_t target = begin + n - from_end;
        tdl_question q = {
            .history = {.item = all->item + begin, .time_us = time_us + begin, .n = target - begin},
            .target = all->item + target,
            .relevant_n = 1,
            .excluded = all->item + begin,
            .excluded_n = target - begin,
            .user = (int32_t)u};
        bool again = false;
        for (size_t i = begin; i < target; i++)
            again = again || all->item[i] == all->item[target];
        if (!again) // what was seen is no candidate
            st = tdl_holdout_ask(split, &q, why);
    }
    return st;
}

tdl_status tdl_rung_contest_literature(const tdl_feedback *feedback,
                                       const tdl_rung_contest_options *options,
                                       tdl_rung_contest *ret, tdl_report *why)
{
    const tdl_interactions *all = tdl_feedback_all(feedback);
    size_t events_n = all->offsets[all->users_n];
    int64_t *time_us = malloc((events_n + 1) * sizeof *time_us);
    tdl_status st = TDL_OK;

    *ret = (tdl_rung_contest){.task = TDL_RECOMMEND_DISCOVERY, .cuts_n = 1, .same_events = true};
    if (!time_us)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu events", events_n);
    else
        part_ties(all, time_us);
    if (!st && !(st = literature_split(feedback, time_us, 2, &ret->tuning.split, why)) &&
        !(st = literature_split(feedback, time_us, 1, &ret->heat[0].split, why)))
        st = tdl_rung_contest_run(ret, options, why);
    free(time_us);
    if (st)
        tdl_rung_contest_release(ret);
    return st;
}

/* ---- strong generalisation ---- */

/* Person u of fold u % 5 = `fold` is asked about: of the history, every fifth event is hidden.
 * Folds 2 to 4 are learnt from. */
static tdl_status strong_split(const tdl_feedback *f, size_t fold, tdl_holdout *split,
                               tdl_report *why)
{
    const tdl_interactions *all = tdl_feedback_all(f);
    int32_t *shown = malloc((all->offsets[all->users_n] + 1) * 2 * sizeof *shown);
    int64_t *time_us = malloc((all->offsets[all->users_n] + 1) * sizeof *time_us);
    size_t *had = calloc(all->items_n + 1, sizeof *had); // 1 + the last person met with each item
    tdl_status st = begin_split(f, split, why);

    if (!st && (!shown || !time_us || !had))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the questions");
    for (size_t u = 0; !st && u < all->users_n; u++) {
        size_t begin = all->offsets[u];
        if (u % FOLDS >= 2)
            st = tdl_holdout_train(split, all->item + begin, all->time_us + begin,
                                   all->offsets[u + 1] - begin, why);
    }
    if (!st)
        st = tdl_holdout_seal(split, why);
    int32_t *hidden = shown ? shown + all->offsets[all->users_n] + 1 : NULL;
    for (size_t u = fold; !st && u < all->users_n; u += FOLDS) {
        size_t shown_n = 0, hidden_n = 0;
        for (size_t i = all->offsets[u], at = 0; i < all->offsets[u + 1]; i++) {
            if (had[all->item[i]] == u + 1)
                continue;
            had[all->item[i]] = u + 1;
            if (at++ % FOLDS == HIDDEN) {
                hidden[hidden_n++] = all->item[i];
                continue;
            }
            shown[shown_n] = all->item[i];
            time_us[shown_n++] = all->time_us[i];
        }
        tdl_question q = {.history = {.item = shown, .time_us = time_us, .n = shown_n},
                          .target = hidden,
                          .relevant_n = hidden_n,
                          .excluded = shown,
                          .excluded_n = shown_n,
                          .user = (int32_t)u};
        if (hidden_n)
            st = tdl_holdout_ask(split, &q, why);
    }
    free(shown);
    free(time_us);
    free(had);
    return st;
}

tdl_status tdl_rung_contest_strong(const tdl_feedback *feedback,
                                   const tdl_rung_contest_options *options, tdl_rung_contest *ret,
                                   tdl_report *why)
{
    tdl_status st;

    *ret = (tdl_rung_contest){.task = TDL_RECOMMEND_DISCOVERY, .cuts_n = 1, .same_events = true};
    if (!(st = strong_split(feedback, 1, &ret->tuning.split, why)) &&
        !(st = strong_split(feedback, 0, &ret->heat[0].split, why)))
        st = tdl_rung_contest_run(ret, options, why);
    if (st)
        tdl_rung_contest_release(ret);
    return st;
}
