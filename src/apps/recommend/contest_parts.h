/* What the parts of a contest share: contest_fits.c, contest_choose.c, rung_contest.c. */
#ifndef TDL_APPS_RECOMMEND_CONTEST_PARTS_H
#define TDL_APPS_RECOMMEND_CONTEST_PARTS_H

#include "apps/recommend/rung_contest.h"

/* What one contender settled on. Models may be the shelf's. */
typedef struct tdl_contest_choice {
    const tdl_contender *contender;
    size_t setting;              /* index */
    void *model;                 /* fitted on the tuning window, for the blend */
    double fit_cpu_s;            /* that it took */
    void *of_heat[TDL_CUTS_MAX]; /* the same on each heat; NULL: too large to keep */
    double *tuned;               /* [questions of the tuning window] NDCG@10; NULL: none */
} tdl_contest_choice;

typedef struct tdl_contest_run {
    tdl_rung_contest *contest;
    const tdl_rung_contest_options *options;
    tdl_contest_choice choice[TDL_CONTENDERS_MAX]; /* as entry */
    tdl_rung_blend blend;
    size_t part[TDL_RUNG_BLEND_MAX]; /* entry of each part of the blend */
} tdl_contest_run;

/* Tell how far the contest is. TDL_E_STOPPED: it is to end. */
tdl_status tdl_contest_tell(const tdl_contest_run *r, const char *what, double done,
                            tdl_report *why);

/* ---- contest_fits.c ---- */

size_t tdl_contest_settings(const tdl_contest_run *r, const tdl_contender *c); /* to choose from */
tdl_fit_options tdl_contest_options(const tdl_contest_run *r, const tdl_contender *c,
                                    size_t setting);

/* A model of these options, fitted or from the shelf; to be let go, not freed. What its fit took
 * is ret_cpu_s. What the fit says. */
tdl_status tdl_contest_fit(const tdl_contest_run *r, const tdl_holdout *split,
                           const tdl_rung_ops *rung, const tdl_fit_options *options, void **ret,
                           double *ret_cpu_s, tdl_report *why);
void tdl_contest_let_go(const tdl_contest_run *r, const tdl_rung_ops *rung, void *model);

/* ---- contest_choose.c ---- */

/* The next entry: try the contender's settings on the tuning window, keep the model of the best.
 *   done, share  of the progress: what was before it, and its own
 * What a rung refuses is told in the entry. TDL_E_STOPPED | TDL_E_NO_MEMORY | what a fit says. */
tdl_status tdl_contest_choose(tdl_contest_run *r, const tdl_contender *contender, double done,
                              double share, tdl_report *why);

/* A rung that refused takes no part, and stops nothing: TDL_OK then, else st with its name. */
tdl_status tdl_contest_refusal(tdl_rung_entry *entry, tdl_status st, const tdl_report *bad,
                               tdl_report *why);

/* ---- rung_contest.c ---- */

/* Learn the blend of all that was chosen from the tuning window. Without two parts, or questions,
 * there is none: blend.n is 0 then. TDL_E_NO_MEMORY. */
tdl_status tdl_contest_fit_blend(tdl_contest_run *r, tdl_report *why);
void tdl_contest_say_weights(const tdl_rung_contest *c, tdl_rung_entry *blend);
void tdl_contest_release_choices(tdl_contest_run *r);

/* ---- contest_latest.c ---- */

/* What is to serve is fitted with the settings and weights that are best by the newest window, not
 * by the one that settings were chosen on to be judged. Its entry and those of its parts say so. */
tdl_status tdl_contest_renew(tdl_rung_contest *c, const tdl_rung_contest_options *options,
                             tdl_report *why);

#endif
