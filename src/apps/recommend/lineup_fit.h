/* Choosing a line-up: the offline contest on the store's own log, task by task, and each winner
 * fitted on everything.
 *
 * Cuts are those of offline.h: the last horizons of the log, the first for settings and weights. A
 * contender takes the place of a simpler one only by a paired interval above 0 (figures.h). A task
 * that fewer than TDL_GATE_PEOPLE_MIN people can be asked about is left to who serves without one.
 */
#ifndef TDL_APPS_RECOMMEND_LINEUP_FIT_H
#define TDL_APPS_RECOMMEND_LINEUP_FIT_H

#include "apps/recommend/blend_impressions.h"
#include "apps/recommend/feedback.h"
#include "apps/recommend/lineup.h"
#include "apps/recommend/names.h"
#include "apps/recommend/rung_contest.h"

/* One contender's part in a task. */
typedef struct tdl_task_entry {
    const char *name;
    char setting[TDL_SETTING_TEXT], refused[200]; /* as tdl_rung_entry */
    tdl_gate_row gate;
    tdl_interval ndcg10[TDL_CUTS_MAX]; /* [cuts_n] */
    size_t bytes;                      /* of its model, at the last cut */
} tdl_task_entry;

typedef struct tdl_task_report {
    size_t people_n;                 /* who could be asked */
    char target[TDL_TARGET_MAX + 1]; /* kind of events asked about; empty = every kind */
    size_t cuts_n, serves;           /* index into entry */
    int64_t cut_us[TDL_CUTS_MAX];    /* [cuts_n] */
    size_t questions[TDL_CUTS_MAX];  /* [cuts_n] */
    size_t entries_n;                /* 0: too few people, nobody was fitted */
    tdl_task_entry entry[TDL_CONTENDERS_MAX];
    tdl_blend_learnt learnt; /* of a blend that serves, from answers; zeroed = none does */
} tdl_task_report;

typedef struct tdl_lineup_report {
    tdl_task_report task[TDL_RECOMMEND_TASKS_N];
    tdl_weighing_choice weighing;
    double kappa; /* of "content", as the first task that had the choice chose it; 0 = none had */
} tdl_lineup_report;

/* The models' items are numbered as `items`; events with others are left out.
 *   feedback weighs afterwards as was chosen (weighing.h)
 *   run      as of a contest; people_min and tune_events_max are its own
 *   ret      zeroed; an empty one when no task had enough people, or the log has no length
 *   returns  TDL_OK | TDL_E_NO_MEMORY | TDL_E_STOPPED | what a fit says; ret is to be released */
tdl_status tdl_lineup_fit(tdl_feedback *feedback, const tdl_names *items,
                          const tdl_rung_contest_options *run, tdl_lineup *ret,
                          tdl_lineup_report *ret_report, tdl_report *why);

#endif
