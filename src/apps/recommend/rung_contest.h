/* A contest: every contender and their blend on one task, over rolling cuts, and who may serve.
 *
 * The first window chooses settings and the blend's weights, the others report. Nothing is chosen
 * on a window that is reported.
 */
#ifndef TDL_APPS_RECOMMEND_RUNG_CONTEST_H
#define TDL_APPS_RECOMMEND_RUNG_CONTEST_H

#include "apps/recommend/contenders.h"
#include "apps/recommend/content_code.h"
#include "apps/recommend/cut.h"
#include "apps/recommend/figures.h"
#include "apps/recommend/fit_shelf.h"
#include "apps/recommend/rung_blend.h"
#include "apps/recommend/weighing_fit.h"

enum { TDL_CUTS_MAX = TDL_GATE_CUTS_MAX };

typedef struct tdl_rung_contest_options {
    uint64_t seed;
    tdl_pool *pool;
    tdl_progress_fn *progress; /* may be NULL */
    void *progress_context;
    /* What the log of answers says of a contender at a task; NULL = nothing. May be NULL. */
    const tdl_off_policy *(*logged)(void *context, tdl_recommend_task task, const char *name);
    void *logged_context;
    size_t bytes_max;                      /* tdl_fit_options */
    const tdl_content_code *content;       /* [items of the log] what they say; NULL = nothing */
    tdl_str target[TDL_RECOMMEND_TASKS_N]; /* kind that is asked about; empty = the usual one */
    tdl_weighing weighing;  /* of the feedback, for the report: tdl_weighing_choose */
    bool in_background;     /* other work goes on: who is `patient` makes do with defaults, and a
                             * slow rung that lost the first window is not fitted again */
    tdl_fit_shelf *shelf;   /* what tasks with the same rows have fitted; may be NULL */
    size_t people_min;      /* of fewer nobody is fitted; the contest then has no entries */
    size_t tune_events_max; /* of more events defaults are taken: choosing takes long; 0 = any */
} tdl_rung_contest_options;

typedef struct tdl_rung_entry {
    const char *name;
    const tdl_contender *contender;     /* NULL: the blend */
    size_t chosen;                      /* its setting, an index */
    size_t part[TDL_RUNG_BLEND_MAX];    /* of the blend: [parts_n] entries it is made of, */
    double weight[TDL_RUNG_BLEND_MAX];  /* and their weights */
    size_t parts_n;                     /* */
    char setting[TDL_SETTING_TEXT];     /* what was chosen; empty = nothing to choose */
    char refused[200];                  /* why it has no figures; empty = it has */
    double tuned_ndcg10;                /* of the chosen setting on the first window */
    tdl_rung_trial trial[TDL_CUTS_MAX]; /* [cuts_n] */
    tdl_figures figures[TDL_CUTS_MAX];
    tdl_gate_row gate;
} tdl_rung_entry;

/* One split of a contest, by any protocol. */
typedef struct tdl_heat {
    tdl_holdout split;
    tdl_cut cut;         /* of a global cut; zeroed else */
    tdl_cut_facts facts; /* the same */
} tdl_heat;

typedef struct tdl_rung_contest {
    tdl_recommend_task task;
    tdl_str target; /* kind of the events asked about; empty = every kind */
    tdl_weighing weighing;
    tdl_heat tuning;             /* may have no questions: then defaults are taken */
    tdl_heat heat[TDL_CUTS_MAX]; /* [cuts_n] */
    size_t cuts_n;
    bool same_events; /* heats learn from the events that tuning does: one fit is for all */
    size_t people_n;  /* different people asked about, in all heats */
    tdl_rung_entry entry[TDL_CONTENDERS_MAX];
    size_t entries_n;
    size_t serves; /* index into entry */
} tdl_rung_contest;

/* Fit, choose, ask and judge. The splits are there; the rest of *c is zeroed.
 * TDL_E_NO_MEMORY | TDL_E_STOPPED | what a rung's fit says, but for TDL_E_TOO_LARGE and
 * TDL_E_INVALID: such a rung takes no part, and says why. */
tdl_status tdl_rung_contest_run(tdl_rung_contest *c, const tdl_rung_contest_options *options,
                                tdl_report *why);
void tdl_rung_contest_release(tdl_rung_contest *c);

/* What a contender is fitted with once its setting was chosen; seed and pool. */
tdl_fit_options tdl_contender_fit_options(const tdl_contender *contender, size_t chosen, bool tuned,
                                          const tdl_rung_contest_options *options);
/* Was there something to choose from, and a window to choose on? Else the default was taken. */
bool tdl_rung_contest_tuned(const tdl_rung_contest *c, const tdl_rung_contest_options *options,
                            const tdl_contender *contender);

/* Global cut: the windows of one task, and the contest on them.
 *   window  [windows_n >= 2] in time order, the first for tuning, <= TDL_CUTS_MAX + 1 */
tdl_status tdl_rung_contest_cuts(const tdl_feedback *feedback, tdl_recommend_task task,
                                 const tdl_cut *window, size_t windows_n,
                                 const tdl_rung_contest_options *options, tdl_rung_contest *ret,
                                 tdl_report *why);

#endif
