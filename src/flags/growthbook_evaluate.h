/* One evaluation of a feature of GrowthBook. Between growthbook*.c. */
#ifndef TDL_FLAGS_GROWTHBOOK_EVALUATE_H
#define TDL_FLAGS_GROWTHBOOK_EVALUATE_H

#include "flags/growthbook.h"

typedef enum tdl_gb_source {
    TDL_GB_DEFAULT,
    TDL_GB_UNKNOWN,  /* no feature of that name */
    TDL_GB_OVERRIDE, /* forced by who asks */
    TDL_GB_FORCE,
    TDL_GB_EXPERIMENT,
    TDL_GB_BLOCKED, /* a prerequisite that is a gate */
    TDL_GB_CYCLE
} tdl_gb_source;

/* What one feature answers. */
typedef struct tdl_gb_result {
    tdl_gb_source source;
    tdl_gb_value value; /* text empty when it is forced by who asks */
    int rule;           /* -1 = none */
    int variation;      /* of an experiment's answer */
    bool hashed;        /* a hash chose the variation */
    bool missed;        /* some rule was left because of its share */
} tdl_gb_result;

typedef struct tdl_gb_evaluation {
    const tdl_flag_set *set;
    const tdl_flag_context *context;
    const json_t *attributes;
    tdl_arena *arena;
    tdl_gb_matcher matcher;
    tdl_gb_draws draws;
    tdl_jw exposures;  /* an array that is open; not written when replaying */
    tdl_buf text;      /* of the exposures */
    size_t features_n; /* looked at in this run */
    bool failed;       /* no memory */
    bool too_much;     /* a limit of ours was met */
} tdl_gb_evaluation;

/* growthbook_rules.c: one run through the rules of a feature and of those it depends on. */
void tdl_gb_run(tdl_gb_evaluation *e, tdl_str key, tdl_gb_result *ret);
/* "0", or what `meta` calls it. Lives in the arena or in the rule. */
tdl_str tdl_gb_variant(tdl_gb_evaluation *e, const tdl_gb_rule *rule, int variation);

/* growthbook_exposure.c: what the SDK reports of an experiment it has seen. */
typedef struct tdl_gb_exposure {
    tdl_str feature, experiment;
    const tdl_gb_rule *rule;
    const tdl_gb_bandit *bandit; /* NULL = none */
    const tdl_gb_leaf *leaf;     /* NULL = none of the bandit's */
    tdl_str id;                  /* that was hashed */
    int variation;               /* may be more than there are */
    double bucket;               /* share of one */
} tdl_gb_exposure;
void tdl_gb_expose(tdl_gb_evaluation *e, const tdl_gb_exposure *exposure);

#endif
