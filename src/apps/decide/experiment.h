/* An experiment as counted so far, and what it says.
 *
 * Whoever counts (unit_rows.h: a table) fills in a tdl_experiment; tdl_experiment_judge compares
 * every arm with the control and gives one verdict an arm.
 */
#ifndef TDL_DECIDE_EXPERIMENT_H
#define TDL_DECIDE_EXPERIMENT_H

#include "apps/decide/comparison.h"
#include "apps/decide/verdict.h"
#include "base/arena.h"
#include "base/json.h"

enum { TDL_EXPERIMENT_ARMS_MAX = 16, TDL_EXPERIMENT_OUTCOMES_MAX = 64 };

typedef struct tdl_experiment {
    size_t arms_n, outcomes_n;
    const char *arm_name[TDL_EXPERIMENT_ARMS_MAX]; /* the control first */
    double arm_units[TDL_EXPERIMENT_ARMS_MAX];
    double units;  /* of all arms */
    double in_two; /* units left out because they were in two arms */
    double no_arm; /* rows left out because they are nobody's, or of no arm */
    tdl_outcome outcome[TDL_EXPERIMENT_OUTCOMES_MAX];
    double missing[TDL_EXPERIMENT_OUTCOMES_MAX]; /* units that have no value of it */
    tdl_measured *measured;                      /* [outcomes_n][arms_n] */
} tdl_experiment;

typedef struct tdl_experiment_plan {
    double weight[TDL_EXPERIMENT_ARMS_MAX]; /* meant shares of the traffic; all 0 = even */
    double alpha;                           /* 0 = .05 */
    double planned;                         /* units in all arms; 0 = no plan */
    double registered; /* units in all arms, registered before the start: a classical interval is
                          shown once they have come. 0 = none */
    double age_days;   /* since the first exposure; < 0 = not known */
} tdl_experiment_plan;

typedef struct tdl_experiment_result {
    tdl_ratio_test traffic;
    double traffic_always_p;                          /* however often one looks */
    tdl_comparison *comparison;                       /* [outcomes_n][arms_n - 1] */
    tdl_verdict verdict[TDL_EXPERIMENT_ARMS_MAX];     /* [arms_n - 1] */
    tdl_verdict_facts facts[TDL_EXPERIMENT_ARMS_MAX]; /* [arms_n - 1] */
    double best[TDL_EXPERIMENT_ARMS_MAX]; /* chance to be best on the first primary outcome */
    bool best_known, registered_reached;
} tdl_experiment_result;

/* ret lives in `arena`. TDL_OK | TDL_E_NO_MEMORY */
tdl_status tdl_experiment_judge(const tdl_experiment *experiment, const tdl_experiment_plan *plan,
                                tdl_arena *arena, tdl_experiment_result *ret, tdl_report *why);

/* As one JSON object; sentences in both languages. What cannot be told is null, with "gap". */
void tdl_experiment_write(tdl_jw *w, const tdl_experiment *experiment,
                          const tdl_experiment_plan *plan, const tdl_experiment_result *result);

#endif
