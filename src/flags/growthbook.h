/* GrowthBook's features, compiled. Between the files of this family; `served` is for its protocol.
 *
 * Everything lives in the feature's arena, or is part of its definition. Saved groups and bandits
 * are shared by all features of a set: of several that give the same one, the first counts.
 *
 * What a hash decides is a partition of its buckets. One run through the rules draws from some of
 * them; running through all outcomes of those draws gives the exact probability of every answer.
 */
#ifndef TDL_FLAGS_GROWTHBOOK_H
#define TDL_FLAGS_GROWTHBOOK_H

#include <stdatomic.h>

#include "flags/family.h"
#include "flags/javascript.h"
#include "flags/javascript_regex.h"

/* ---- conditions: growthbook_condition.c compiles, growthbook_match.c asks ---- */

typedef struct tdl_gb_condition tdl_gb_condition;
typedef struct tdl_gb_operator tdl_gb_operator;

/* Values to be looked up by ===. Texts and numbers are sorted. */
typedef struct tdl_gb_list {
    tdl_str *texts;  /* [texts_n] */
    double *numbers; /* [numbers_n] */
    size_t texts_n, numbers_n;
    bool has_true, has_false, has_null;
} tdl_gb_list;

typedef enum tdl_gb_group_kind {
    TDL_GB_GROUP_NOTHING, /* of a kind not known here: matches nobody */
    TDL_GB_GROUP_ARRAY,   /* [...] */
    TDL_GB_GROUP_LIST,    /* {"type": "list", "attributeKey", "values"} */
    TDL_GB_GROUP_CONDITION
} tdl_gb_group_kind;

typedef struct tdl_gb_path {
    tdl_str *parts; /* [n] between the dots */
    size_t n;
} tdl_gb_path;

typedef struct tdl_gb_group {
    tdl_str id;
    tdl_gb_group_kind kind;
    tdl_gb_list list;
    tdl_gb_path attribute; /* n = 0: none is named */
    const tdl_gb_condition *condition;
} tdl_gb_group;

/* A group by its id. Looked for once; a set does not change. */
typedef struct tdl_gb_group_ref {
    tdl_str id;
    _Atomic(const tdl_gb_group *) found; /* NULL = not looked for yet */
} tdl_gb_group_ref;

typedef enum tdl_gb_test_kind {
    TDL_GB_TEST_TEXT,
    TDL_GB_TEST_NUMBER,
    TDL_GB_TEST_BOOLEAN,
    TDL_GB_TEST_NULL,
    TDL_GB_TEST_JSON,     /* an object or array to be equal to */
    TDL_GB_TEST_OPERATORS /* {"$gt": 1, ...} */
} tdl_gb_test_kind;

/* What one value must be. */
typedef struct tdl_gb_test {
    tdl_gb_test_kind kind;
    tdl_str text, lower; /* of a text; `text` of JSON */
    double number;
    bool boolean;
    tdl_gb_operator *operators; /* [operators_n] */
    size_t operators_n;
} tdl_gb_test;

typedef enum tdl_gb_clause_kind {
    TDL_GB_OR,
    TDL_GB_NOR,
    TDL_GB_AND,
    TDL_GB_NOT,
    TDL_GB_SAVED_GROUP,
    TDL_GB_PATH
} tdl_gb_clause_kind;

typedef struct tdl_gb_clause {
    tdl_gb_clause_kind kind;
    const tdl_gb_condition *of; /* [of_n], of $or, $nor, $and, $not */
    size_t of_n;
    tdl_gb_group_ref *group; /* of $savedGroup; NULL: a reference that makes no sense */
    tdl_gb_path path;        /* of a path; of $savedGroup: instead of the group's attribute */
    tdl_gb_test test;
} tdl_gb_clause;

struct tdl_gb_condition {
    const tdl_gb_clause *clauses; /* [n], all of them must hold */
    size_t n;
};

/* What compiling needs. */
typedef struct tdl_gb_compiler {
    tdl_arena *arena;
    struct tdl_gb_regexes *regexes; /* all that were made; freed with the feature */
} tdl_gb_compiler;

typedef struct tdl_gb_regexes {
    struct tdl_gb_regexes *next;
    tdl_js_regex *regex; /* NULL: a bad one */
} tdl_gb_regexes;

tdl_status tdl_gb_condition_compile(tdl_gb_compiler *c, const json_t *json, tdl_gb_condition *ret,
                                    tdl_report *why);
tdl_status tdl_gb_list_compile(tdl_gb_compiler *c, const json_t *array, bool lower,
                               tdl_gb_list *ret, tdl_report *why);
tdl_status tdl_gb_path_compile(tdl_gb_compiler *c, tdl_str path, tdl_gb_path *ret, tdl_report *why);
/* "1.2.3" as text that sorts as versions do. */
void tdl_gb_version(tdl_buf *out, const json_t *value);

/* What asking needs. Zeroed but for `set`. */
typedef struct tdl_gb_matcher {
    const tdl_flag_set *set;
    tdl_buf scratch, other; /* texts of the value that is looked at */
    json_t *length;         /* of an array, when a path asks for it */
} tdl_gb_matcher;

bool tdl_gb_matches(tdl_gb_matcher *m, const tdl_gb_condition *condition, const json_t *value);
void tdl_gb_matcher_release(tdl_gb_matcher *m);

/* ---- chance: growthbook_chance.c ---- */

typedef struct tdl_gb_range {
    double from, to; /* shares of one, [from, to) */
} tdl_gb_range;

/* Buckets [from, to) have one outcome. */
typedef struct tdl_gb_piece {
    uint16_t from, to;
    int outcome; /* index of the range; -1 = none */
} tdl_gb_piece;

typedef struct tdl_gb_partition {
    int version;          /* of the hash; 0 = not known here: nobody is in */
    tdl_gb_piece *pieces; /* [n] in order, covering all buckets */
    size_t n;
    int outcomes_n; /* ranges */
} tdl_gb_partition;

/* Of ranges that overlap the first counts. `inclusive`: what is at `to` is in, as roll-outs have
 * it. False: no memory. */
bool tdl_gb_partition_make(tdl_arena *arena, double version, const tdl_gb_range *ranges, size_t n,
                           bool inclusive, tdl_gb_partition *ret);

/* Ranges of an experiment, getBucketRanges of the SDKs. weights: [weights_n], equal ones when they
 * are not one for each variation or do not add up to one. ret: [n]. */
void tdl_gb_ranges(size_t n, double coverage, const double *weights, size_t weights_n,
                   tdl_gb_range *ret);

enum { TDL_GB_DRAWS_MAX = 256, TDL_GB_WAYS_MAX = 4096 };

typedef struct tdl_gb_draw {
    tdl_str seed, id; /* what is hashed */
    const tdl_gb_partition *partition;
    int outcome;
} tdl_gb_draw;

/* The draws of one run. Replaying, the first `scripted` have the outcomes they are given. */
typedef struct tdl_gb_draws {
    tdl_gb_draw *draw; /* room for TDL_GB_DRAWS_MAX */
    size_t n, scripted;
    bool replaying, too_many;
    double probability; /* of this way, replaying */
} tdl_gb_draws;

/* The range that `id` falls into; -1 = none. */
int tdl_gb_draw_from(tdl_gb_draws *draws, tdl_str seed, tdl_str id,
                     const tdl_gb_partition *partition);
/* Make the next run take another way. False when all were taken. */
bool tdl_gb_next_way(tdl_gb_draws *draws);

/* ---- features: growthbook_compile.c ---- */

typedef struct tdl_gb_value {
    const json_t *json; /* NULL = null */
    tdl_str text;       /* the same as JSON */
} tdl_gb_value;

typedef struct tdl_gb_parent {
    tdl_str id;
    tdl_gb_condition condition;
    bool gate;
} tdl_gb_parent;

typedef struct tdl_gb_filter {
    tdl_str attribute, seed;
    tdl_gb_partition partition;
} tdl_gb_filter;

typedef struct tdl_gb_leaf {
    const json_t *id; /* "leafId" */
    tdl_gb_condition condition;
    const json_t *weights;
} tdl_gb_leaf;

typedef struct tdl_gb_bandit {
    tdl_str id;
    const json_t *version; /* NULL = none */
    tdl_gb_leaf *leaves;   /* [leaves_n] */
    size_t leaves_n;
} tdl_gb_bandit;

typedef struct tdl_gb_bandit_ref {
    tdl_str id;
    _Atomic(const tdl_gb_bandit *) found; /* NULL = not looked for yet */
} tdl_gb_bandit_ref;

typedef enum tdl_gb_rule_kind {
    TDL_GB_RULE_NOTHING, /* neither a value nor variations: only its parents count */
    TDL_GB_RULE_FORCE,
    TDL_GB_RULE_EXPERIMENT
} tdl_gb_rule_kind;

typedef struct tdl_gb_rule {
    tdl_gb_rule_kind kind;
    const json_t *json;
    tdl_gb_parent *parents; /* [parents_n] */
    tdl_gb_filter *filters; /* [filters_n] */
    size_t parents_n, filters_n;
    const tdl_gb_condition *condition; /* NULL = none */
    tdl_gb_value *values;              /* [values_n]: the value, or the variations */
    size_t values_n;
    tdl_str key, seed, attribute; /* key and seed may be empty: then the feature's */
    bool has_chance;              /* of a forced value: only a share of all get it */
    tdl_gb_partition partition;   /* of that share, or of the variations */
    bool has_namespace;           /* and no filters, which would take its place */
    tdl_str namespace_seed;
    tdl_gb_partition namespace_partition;
    double version, coverage;
    bool has_ranges;
    const json_t *meta;        /* array, one for each variation; or NULL */
    tdl_gb_bandit_ref *bandit; /* NULL = none */
} tdl_gb_rule;

typedef struct tdl_gb_feature {
    tdl_arena *arena;
    tdl_gb_regexes *regexes;
    tdl_gb_value default_value;
    tdl_gb_rule *rules;     /* [rules_n] */
    tdl_gb_group *groups;   /* [groups_n] */
    tdl_gb_bandit *bandits; /* [bandits_n] */
    size_t rules_n, groups_n, bandits_n;
    tdl_str served; /* JSON object for SDKs that evaluate themselves, groups and bandits left out */
} tdl_gb_feature;

tdl_status tdl_gb_feature_compile(const json_t *definition, void **ret, tdl_report *why);
void tdl_gb_feature_free(void *feature);

/* NULL: none of that id in the whole set. */
const tdl_gb_group *tdl_gb_find_group(const tdl_flag_set *set, tdl_gb_group_ref *ref);
const tdl_gb_bandit *tdl_gb_find_bandit(const tdl_flag_set *set, tdl_gb_bandit_ref *ref);

#endif
