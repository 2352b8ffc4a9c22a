/* What to do with an experiment now: one word, why, and the numbers behind it.
 *
 * | word          | when; the first that applies |
 * |---------------|------------------------------|
 * | invalid       | the arms' shares of the traffic are red, or over 5 % of the units were in two
 * arms | | harm          | a primary outcome's interval is wholly on the wrong side, or a
 * guardrail's beyond its margin | | ship          | the first primary outcome is better, every
 * guardrail's interval is inside its margin, and 7 days have passed | | equivalent    | the first
 * primary outcome's interval is inside its margin | | cannot_decide | all planned units have come |
 * | keep_running  | otherwise |
 *
 * All intervals are those that always hold, so a verdict may be read every day. "Better" also asks
 * that p, adjusted for all primary questions, is at most alpha.
 */
#ifndef TDL_DECIDE_VERDICT_H
#define TDL_DECIDE_VERDICT_H

#include "apps/decide/comparison.h"
#include "base/str.h"
#include "stats/traffic.h"

typedef enum tdl_verdict_word {
    TDL_VERDICT_INVALID,
    TDL_VERDICT_HARM,
    TDL_VERDICT_SHIP,
    TDL_VERDICT_EQUIVALENT,
    TDL_VERDICT_CANNOT_DECIDE,
    TDL_VERDICT_KEEP_RUNNING,
    TDL_VERDICT_WORDS
} tdl_verdict_word;

extern const char *const tdl_verdict_name[TDL_VERDICT_WORDS]; /* "invalid", "harm", ... */

typedef enum tdl_verdict_reason {
    TDL_BECAUSE_TRAFFIC,   /* shares of the arms */
    TDL_BECAUSE_TWO_ARMS,  /* too many units in two */
    TDL_BECAUSE_PRIMARY,   /* the primary outcome's interval */
    TDL_BECAUSE_GUARDRAIL, /* of that outcome */
    TDL_BECAUSE_PLAN_IS_OVER,
    TDL_BECAUSE_NO_DATA,        /* the primary outcome has a gap */
    TDL_BECAUSE_YOUNG,          /* better, but not for a week yet */
    TDL_BECAUSE_GUARDRAIL_OPEN, /* better, but a guardrail's interval is still too wide */
    TDL_BECAUSE_OPEN            /* the interval still holds 0 */
} tdl_verdict_reason;

typedef struct tdl_verdict {
    tdl_verdict_word word;
    tdl_verdict_reason reason;
    const tdl_outcome *outcome; /* that decided; NULL of invalid */
    const tdl_comparison *of;   /* of it */
    double units_needed;        /* in both arms, beyond those there are, until the present effect
                                   would be seen; 0 = does not apply, INFINITY = no end in sight */
    double detectable;          /* of cannot_decide: the lift that had been found with power .8 */
} tdl_verdict;

typedef struct tdl_verdict_facts {
    tdl_ratio_test traffic;
    double units;    /* in the control and this arm */
    double in_two;   /* share of all units that were in two arms */
    double age_days; /* since the first exposure; < 0 = not known, and not asked for */
    double planned;  /* units in both; 0 = no plan */
    double alpha;
} tdl_verdict_facts;

#define TDL_IN_TWO_RED   .05
#define TDL_IN_TWO_AMBER .01

/* Of one arm: comparison[i] is that of outcome[i]. The first primary outcome is the one that wins.
 */
tdl_verdict tdl_verdict_of(const tdl_verdict_facts *facts, const tdl_outcome *outcome,
                           const tdl_comparison *const *comparison, size_t outcomes_n);

/* The sentence for people, appended. */
void tdl_verdict_say(const tdl_verdict *verdict, const tdl_verdict_facts *facts, bool chinese,
                     tdl_buf *out);

#endif
