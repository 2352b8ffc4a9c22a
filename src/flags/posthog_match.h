/* PostHog's conditions: one property each, joined by AND, or by the groups of a cohort.
 *
 * Life cycle   compiled into an arena -> matched by any thread -> the arena is freed, and what was
 *              outside it by tdl_posthog_patterns_free
 * Ownership    texts are the definition's, which outlives them
 */
#ifndef TDL_FLAGS_POSTHOG_MATCH_H
#define TDL_FLAGS_POSTHOG_MATCH_H

#include "flags/flags.h"
#include "flags/posthog_value.h"

/* Whether a condition holds. Unknown: a value that is no version, no date, ... */
typedef enum tdl_tri { TDL_NO, TDL_YES, TDL_UNKNOWN } tdl_tri;

typedef struct tdl_posthog_pattern tdl_posthog_pattern; /* posthog_pattern.c */
typedef struct tdl_posthog_cohort tdl_posthog_cohort;

typedef enum tdl_posthog_operand {
    TDL_POSTHOG_EXACT,
    TDL_POSTHOG_CONTAINS,
    TDL_POSTHOG_STARTS,
    TDL_POSTHOG_ENDS,
    TDL_POSTHOG_PATTERN,
    TDL_POSTHOG_ORDER,
    TDL_POSTHOG_SET,
    TDL_POSTHOG_DATE,
    TDL_POSTHOG_VERSION,
    TDL_POSTHOG_VERSION_RANGE,
    TDL_POSTHOG_COHORT,
    TDL_POSTHOG_FLAG
} tdl_posthog_operand;

/* Outcomes of a comparison that match, as bits. */
enum { TDL_LESS = 1, TDL_EQUAL = 2, TDL_GREATER = 4 };

typedef struct tdl_posthog_property {
    tdl_posthog_operand operand;
    bool negated;    /* is_not, not_icontains, ... */
    bool turned;     /* "negation" of a cohort's member: turns the whole round */
    int outcomes;    /* of a comparison */
    const char *key; /* of the property, or of the flag */
    tdl_str text;    /* to compare with; folded where the operator folds */
    tdl_str *texts;  /* [texts_n] EXACT: in lower case, sorted */
    size_t texts_n;
    bool is_truth, truth; /* EXACT: true and false, in letters or not, compare as such */
    bool has_number, is_ago;
    double number;
    int64_t date_ms;
    tdl_posthog_ago ago;
    tdl_posthog_version low, high; /* VERSION: low only */
    tdl_posthog_pattern *pattern;  /* NULL: cannot be compiled, and matches nothing */
    const tdl_posthog_cohort *cohort;
    const json_t *expected; /* FLAG: true, false, or a variant */
} tdl_posthog_property;

struct tdl_posthog_cohort {
    bool any;    /* OR */
    bool nested; /* of groups, else of properties */
    bool unsure; /* as in tdl_posthog_build */
    tdl_posthog_property *properties;
    tdl_posthog_cohort *groups;
    size_t n;
};

/* Keys that a definition looks at, each once. */
typedef struct tdl_posthog_keys {
    const char **key;
    size_t n, cap;
} tdl_posthog_keys;

/* What is being compiled. */
typedef struct tdl_posthog_build {
    tdl_arena *arena;
    const json_t *cohorts;           /* object: id to group; may be NULL */
    tdl_posthog_pattern *patterns;   /* all that were made; kept by the definition */
    struct tdl_posthog_known *known; /* cohorts compiled so far */
    tdl_posthog_keys keys, depends;  /* properties; flags */
    bool recent;                     /* a rule that old SDKs do not know, or decide otherwise */
    bool unsure; /* a rule that may hold here where an SDK cannot tell: see is_passing */
    int depth;   /* of cohorts in cohorts */
} tdl_posthog_build;

/* [*ret_n] in the arena. The report names the place in `list`, which is called `name`. */
tdl_status tdl_posthog_build_properties(tdl_posthog_build *build, const char *name,
                                        const json_t *list, tdl_posthog_property **ret,
                                        size_t *ret_n, tdl_report *why);
tdl_status tdl_posthog_build_cohort(tdl_posthog_build *build, tdl_str id,
                                    const tdl_posthog_cohort **ret, tdl_report *why);

/* Whom it is matched against. */
typedef struct tdl_posthog_subject {
    const json_t *properties; /* object; may be NULL */
    const char *own_key;      /* what is known without being sent: "distinct_id", "$group_key" */
    const json_t *own_value;  /* NULL: none, or `own_id`, from which it is made when looked for */
    tdl_str own_id;
    json_t **own_made; /* the caller's, where it is kept */
    int64_t now_ms;
    tdl_arena *arena;
    size_t steps; /* left of the work that one evaluation may do; then everything is unknown */
    tdl_tri (*flag)(void *context,
                    const tdl_posthog_property *property); /* another flag's answer */
    void *context;
} tdl_posthog_subject;

tdl_tri tdl_posthog_match(tdl_posthog_subject *subject, const tdl_posthog_property *property);
tdl_tri tdl_posthog_match_all(tdl_posthog_subject *subject, const tdl_posthog_property *properties,
                              size_t n);

/* ---- posthog_pattern.c: regular expressions, bounded ---- */

/* NULL when it cannot be compiled. Linked into `patterns`. */
tdl_posthog_pattern *tdl_posthog_pattern_new(tdl_str text, tdl_posthog_pattern **patterns);
void tdl_posthog_patterns_free(tdl_posthog_pattern *patterns); /* accepts NULL */
/* Unknown when it takes too many steps. */
tdl_tri tdl_posthog_pattern_match(const tdl_posthog_pattern *pattern, tdl_str text);

#endif
