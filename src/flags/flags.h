/* Flags: definitions, and what each of them answers a person.
 *
 * Life cycle   tdl_flag_set_new -> find / evaluate ... -> tdl_flag_set_free
 * Ownership    a set copies its rows; answers live in the caller's arena or as long as the set
 * Threads      a set is immutable: any number of threads may ask it
 *
 * A definition is written in the form of the SDKs that can also evaluate it themselves, and decided
 * by that family's rules and hash, so that a client and the server agree bit for bit:
 *
 *     posthog      {"active", "filters": {"groups", "multivariate", "payloads", ...}}; SHA-1
 *     growthbook   {"defaultValue", "rules": [...]}; FNV-1a
 *
 * A family is one const table of functions (flags/family.h) and one line in flags.c.
 */
#ifndef TDL_FLAGS_FLAGS_H
#define TDL_FLAGS_FLAGS_H

#include "base/arena.h"
#include "base/json.h"
#include "store/store.h"

typedef struct tdl_flag_set tdl_flag_set;
typedef struct tdl_flag_family tdl_flag_family; /* flags/family.h */

/* One definition, compiled. To be read only. */
typedef struct tdl_flag {
    tdl_flag_row row; /* texts are the set's */
    const tdl_flag_family *family;
    const json_t *definition;
    void *compiled; /* the family's own form of it */
} tdl_flag;

/* Is it a definition that can be served? The report names where in it what is wrong. */
tdl_status tdl_flag_check(tdl_str family, tdl_str definition, tdl_report *why);

/* Rows whose definition does not compile are left out: one flag that fails never fails the others.
 * ret_warning (may be NULL): the first of them, status TDL_OK when all are well. */
tdl_status tdl_flag_set_new(const tdl_flag_row *rows, size_t rows_n, tdl_flag_set **ret,
                            tdl_report *ret_warning, tdl_report *why);
void tdl_flag_set_free(tdl_flag_set *set); /* accepts NULL */
size_t tdl_flag_set_count(const tdl_flag_set *set);
const tdl_flag *tdl_flag_set_at(const tdl_flag_set *set, size_t i);      /* by creation */
const tdl_flag *tdl_flag_set_find(const tdl_flag_set *set, tdl_str key); /* NULL: none */
const char *tdl_flag_set_etag(const tdl_flag_set *set); /* 32 hexadecimal digits of all rows */

/* Whom the question is about. Borrowed; what is not known is NULL or empty. */
typedef struct tdl_flag_context {
    tdl_str id;                     /* distinct_id, targetingKey */
    tdl_str anonymous_id;           /* before a login: keeps the variant of sticky flags */
    tdl_str device_id;              /* */
    const json_t *properties;       /* object: of the person, "attributes" */
    const json_t *groups;           /* object: group type to group key */
    const json_t *group_properties; /* object: group type to object */
    tdl_str url;                    /* of the page */
    const json_t *forced;           /* object: flag or experiment key to variation index */
    const json_t *forced_values;    /* object: flag key to the value it has here */
    int64_t now_us;                 /* for conditions on dates */
} tdl_flag_context;

typedef enum tdl_flag_reason {
    TDL_FLAG_DISABLED,       /* switched off, or not active */
    TDL_FLAG_STATIC,         /* the same for everybody */
    TDL_FLAG_MATCH,          /* a rule matched */
    TDL_FLAG_NO_MATCH,       /* no rule did */
    TDL_FLAG_OUT_OF_ROLLOUT, /* a rule matched, but not its percentage */
    TDL_FLAG_SPLIT,          /* a hash of the id chose the variant */
    TDL_FLAG_HOLDOUT,        /* held out of all of them */
    TDL_FLAG_NO_GROUP,       /* it is about groups, and none was given */
    TDL_FLAG_DEPENDENCY,     /* a flag that it depends on is missing, or says no */
    TDL_FLAG_UNDECIDED       /* needs what is not known here; the answer is the default */
} tdl_flag_reason;
const char *tdl_flag_reason_name(tdl_flag_reason reason); /* "disabled", "static", ... */

/* What could have been answered instead, and how likely each was over the hash. */
typedef struct tdl_flag_arm {
    tdl_str key;        /* of the variant; "true", "false" where there are none */
    double probability; /* they sum to one */
} tdl_flag_arm;

typedef struct tdl_flag_answer {
    tdl_str value;   /* JSON: true, false, "test", 3, {...}; NULL `at` never */
    bool enabled;    /* the value is neither false nor null */
    tdl_str variant; /* key; empty = none */
    tdl_str payload; /* JSON that goes with it; empty = none */
    tdl_flag_reason reason;
    int rule;                 /* index of the rule that decided; -1 = none */
    tdl_str default_value;    /* JSON: what to answer if this answer cannot be logged */
    tdl_str experiment;       /* its key, when the answer is part of one; else empty */
    const tdl_flag_arm *arms; /* [arms_n]; 0 unless chance, by hash, had a part in it */
    size_t arms_n, chosen;    /* chosen: index of what was answered */
    tdl_str exposures; /* JSON array of {"experiment", "result"}, as its SDK reports those that
                          the answer went through; empty = none */
} tdl_flag_answer;

/* TDL_E_NO_MEMORY only: whatever else is wrong is an answer with its reason. */
tdl_status tdl_flag_evaluate(const tdl_flag_set *set, const tdl_flag *flag,
                             const tdl_flag_context *context, tdl_arena *arena,
                             tdl_flag_answer *ret, tdl_report *why);

/* Does it look at properties of the person that are not among `properties` (NULL = none)? Then what
 * is stored of the person may change the answer. */
bool tdl_flag_wants(const tdl_flag_set *set, const tdl_flag *flag, const json_t *properties);

#endif
